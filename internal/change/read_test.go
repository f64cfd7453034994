package change_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/change"
)

var at = time.Date(2026, 3, 25, 10, 0, 0, 0, time.UTC)

// runEvent follows the example of OpenLineage's own documentation, shortened.
const runEvent = `{"eventType":"START","eventTime":"2026-03-25T10:00:00.000Z","run":{"runId":"d46e465b-d358-4d32-83d4-df660ff614dd","facets":{}},
"job":{"namespace":"etl","name":"income","facets":{"sourceCodeLocation":{"_producer":"x","_schemaURL":"y","type":"git","url":"https://git.example/etl","version":"v42"}}},
"inputs":[{"namespace":"db","name":"raw"}],
"outputs":[{"namespace":"kafka","name":"credit.predictions","facets":{"schema":{"fields":[{"name":"income","type":"double"},{"name":"age","type":"int"}]}}},
{"namespace":"db","name":"features","facets":{"columnLineage":{"fields":{"income":{"inputFields":[]},"debt":{"inputFields":[]}}},"schema":{"fields":[{"name":"zip"}]}}}],
"producer":"https://github.com/OpenLineage/OpenLineage","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"}`

func TestRead(t *testing.T) {
	plain := change.Event{KindName: "change", ID: "1", At: at, What: change.Deploy, Name: "scorer", Version: "v2", From: "v1", Models: []string{"credit"}, Actor: "ada"}
	run := change.Event{
		KindName: "change", ID: "openlineage d46e465b-d358-4d32-83d4-df660ff614dd START", At: at, What: change.ETL, Name: "etl/income", Version: "v42", Run: true,
		Topics: []string{"credit.predictions", "features"}, Fields: []string{"age", "debt", "income"}, URL: "https://git.example/etl",
	}
	failed := run
	failed.ID, failed.Run, failed.Comment = strings.Replace(run.ID, "START", "FAIL", 1), false, "the run failed"
	const object = `"what":"deploy","name":"scorer","version":"v2","from":"v1","models":["credit"],"actor":"ada"`
	for name, c := range map[string]struct {
		body string
		want change.Event
	}{
		"the object":   {`{"id":"1","at":"2026-03-25T10:00:00Z",` + object + `}`, plain},
		"a CloudEvent": {`{"specversion":"1.0","id":"1","source":"/ci","type":"x","time":"2026-03-25T10:00:00Z","data":{` + object + `}}`, plain},
		"its own id":   {`{"specversion":"1.0","id":"2","source":"/ci","type":"x","data":{"kind":"change","id":"1","at":"2026-03-25T11:00:00+01:00",` + object + `}}`, plain},
		"OpenLineage":  {runEvent, run},
		"a failed run": {strings.Replace(runEvent, "START", "FAIL", 1), failed},
	} {
		got, err := change.Read([]byte(c.body))
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, d)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for body, want := range map[string]string{
		``:   "unexpected end",
		`[]`: "cannot unmarshal",
		`{"id":"1","at":"2026-03-25T10:00:00Z","what":"deploy"}`:                                           "what was changed?",
		`{"id":"1","at":"2026-03-25T10:00:00Z","what":"deployment","name":"x"}`:                            "want deploy, schema",
		`{"id":"1","what":"deploy","name":"x"}`:                                                            "when it took effect",
		`{"at":"2026-03-25T10:00:00Z","what":"deploy","name":"x"}`:                                         "no id",
		`{"id":"1","at":"2026-03-25T10:00:00Z","what":"deploy","name":"x","model":"credit"}`:               "unknown field",
		`{"id":"1","at":"2026-03-25T10:00:00Z","what":"deploy","name":"x\ny"}`:                             "one line",
		`{"kind":"finding","id":"1","at":"2026-03-25T10:00:00Z","what":"deploy","name":"x"}`:               `kind is "finding"`,
		`{"id":"1","at":"2026-03-25T10:00:00Z","what":"deploy","name":"` + strings.Repeat("x", 301) + `"}`: "300 bytes",
		strings.Replace(runEvent, "d46e465b-d358-4d32-83d4-df660ff614dd", "", 1):                           "run.runId",
		`"` + strings.Repeat("x", change.MostBytes) + `"`:                                                  "the most",
	} {
		if _, err := change.Read([]byte(body)); !errors.Is(err, change.ErrEvent) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", body, err, want)
		}
	}
}

// What is read is whole, and reads again as the same.
func FuzzRead(f *testing.F) {
	f.Add([]byte(runEvent))
	f.Add([]byte(`{"id":"1","at":"2026-03-25T10:00:00Z","what":"deploy","name":"scorer"}`))
	f.Add([]byte(`{"specversion":"1.0","id":"1","time":"2026-03-25T10:00:00Z","data":{"what":"flag","name":"x"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := change.Read(body)
		if err != nil {
			if !errors.Is(err, change.ErrEvent) {
				t.Fatal(err)
			}
			return
		}
		again, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if len(again) > change.MostBytes { // escapes may make it longer
			return
		}
		if f, err := change.Read(again); err != nil || !cmp.Equal(e, f) {
			t.Fatalf("%+v reads as %+v, %v", e, f, err)
		}
	})
}
