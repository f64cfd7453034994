package electricity

import (
	"cmp"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"
	"go.yaml.in/yaml/v3"
)

func codecs(t *testing.T) map[string]*goavro.Codec {
	t.Helper()
	out := map[string]*goavro.Codec{}
	for stream, name := range map[string]string{Prediction: PredictionFile, Outcome: OutcomeFile} {
		b, err := fs.ReadFile(FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if out[stream], err = goavro.NewCodec(string(b)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return out
}

// The whole sequence: how many, in which order, and that every event encodes with its schema and comes back the same.
func TestEvents(t *testing.T) {
	avro := codecs(t)
	var first, last Event
	count := map[string]int{}
	open := map[string]time.Time{} // predicted, outcome not published yet
	var buf []byte
	for e, err := range Events() {
		if err != nil {
			t.Fatal(err)
		}
		if count[e.Stream]++; first.ID == "" {
			first = e
		}
		if e.Time.Before(last.Time) {
			t.Fatalf("%s %s at %s comes after %s", e.Stream, e.ID, e.Time, last.Time)
		}
		switch {
		case e.Stream == Prediction:
			open[e.ID] = e.Time
			if len(open) != 1 {
				t.Fatalf("at %s %d predictions wait for their outcome: outcomes come first", e.ID, len(open))
			}
		case !e.Time.Equal(open[e.ID].Add(Delay)):
			t.Fatalf("outcome %s at %s, its prediction at %s", e.ID, e.Time, open[e.ID])
		default:
			delete(open, e.ID)
		}
		last = e
		var err error
		if buf, err = avro[e.Stream].BinaryFromNative(buf[:0], e.Native); err != nil {
			t.Fatalf("%s %s: %v", e.Stream, e.ID, err)
		}
		back, rest, err := avro[e.Stream].NativeFromBinary(buf)
		if err != nil || len(rest) > 0 {
			t.Fatalf("%s %s: %d bytes left, %v", e.Stream, e.ID, len(rest), err)
		}
		got := back.(map[string]any)
		if got["event_id"] != e.ID || !got["ts"].(time.Time).Equal(e.Time) || len(got) != len(e.Native) {
			t.Fatalf("%s comes back as %v", e.ID, got)
		}
	}
	if count[Prediction] != Rows || count[Outcome] != Rows || len(open) != 0 {
		t.Errorf("%v events, %d without outcome, want %d of each", count, len(open), Rows)
	}
	if want := time.Date(1996, 5, 7, 0, 0, 0, 0, time.UTC); first.ID != "elec-000000" || first.Stream != Prediction || !first.Time.Equal(want) {
		t.Errorf("first is %s %s at %s", first.Stream, first.ID, first.Time)
	}
	if want := time.Date(1998, 12, 7, 0, 0, 0, 0, time.UTC); last.ID != "elec-045311" || last.Stream != Outcome || !last.Time.Equal(want) {
		t.Errorf("last is %s %s at %s", last.Stream, last.ID, last.Time)
	}
}

func TestFirstEventHoldsTheFirstRow(t *testing.T) {
	p, o := firstTwo(t)
	double := func(v float64) map[string]any { return map[string]any{"double": v} }
	for key, want := range map[string]float64{"period": 0, "nswprice": 0.056443, "nswdemand": 0.439155, "vicprice": 0.003467, "vicdemand": 0.422915, "challenger": 0.456707} {
		if got := p.Native[key].(map[string]any); !maps.Equal(got, double(want)) {
			t.Errorf("%s = %v, want %v", key, got, want)
		}
	}
	if got := p.Native["flows"].(map[string]any)["transfer"].(map[string]any); !maps.Equal(got, double(0.414912)) {
		t.Errorf("flows.transfer = %v", got)
	}
	if p.Native["score"] != 0.224561 || p.Native["model_version"] != Version || o.Native["up"] != int32(1) {
		t.Errorf("score %v, version %v, up %v", p.Native["score"], p.Native["model_version"], o.Native["up"])
	}
}

// firstTwo leaves the sequence early, which must be fine too.
func firstTwo(t *testing.T) (prediction, outcome Event) {
	t.Helper()
	var all []Event
	for e, err := range Events() {
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, e); len(all) == 2 {
			break
		}
	}
	return all[0], all[1]
}

func TestEventsRefusesADamagedFile(t *testing.T) {
	const head = "ts,period,nswprice,nswdemand,vicprice,vicdemand,transfer,score,challenger,up\n"
	for name, c := range map[string]struct{ data, want string }{
		"empty":     {"", "EOF"},
		"header":    {"ts,up\n", "header"},
		"time":      {head + "yesterday,0,0,0,0,0,0,0,0,1\n", "row 0: parsing time"},
		"number":    {head + "1996-05-07T00:00:00Z,0,x,0,0,0,0,0,0,1\n", "column nswprice"},
		"outcome":   {head + "1996-05-07T00:00:00Z,0,0,0,0,0,0,0,0,\n", "column up"},
		"backwards": {head + "1996-05-07T00:30:00Z,0,0,0,0,0,0,0,0,1\n1996-05-07T00:00:00Z,0,0,0,0,0,0,0,0,1\n", "row 1: time 1996-05-07T00:00:00Z is before"},
	} {
		t.Run(name, func(t *testing.T) {
			var errs []error
			events(strings.NewReader(c.data), func(_ Event, err error) bool {
				if err != nil {
					errs = append(errs, err)
				}
				return true
			})
			if len(errs) != 1 || !strings.Contains(errs[0].Error(), c.want) {
				t.Errorf("errors %v, want one with %q", errs, c.want)
			}
		})
	}
}

func TestEmptyCellIsNull(t *testing.T) {
	p, _, err := pair(7, []string{"1996-05-07T00:00:00Z", "", "0.1", "0", "0", "0", "", "0.5", "", "1"})
	if err != nil {
		t.Fatal(err)
	}
	if p.Native["period"] != nil || p.Native["challenger"] != nil || p.Native["flows"].(map[string]any)["transfer"] != nil {
		t.Errorf("empty cells are %v", p.Native)
	}
	if _, err := codecs(t)[Prediction].BinaryFromNative(nil, p.Native); err != nil {
		t.Error(err)
	}
}

// What the contract points at must exist: runbooks in FS, fields in the schemas.
func TestContractPointsAtWhatExists(t *testing.T) {
	b, err := fs.ReadFile(FS, ContractFile)
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Streams map[string]struct{ Fields map[string]string }
		Inputs  map[string]struct{ Path string }

		Runbooks map[string]string
	}
	if err := yaml.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	for cause, path := range c.Runbooks {
		f, err := FS.Open(strings.TrimPrefix(path, "examples/electricity/"))
		if err != nil {
			t.Errorf("runbook of %s: %v", cause, err)
			continue
		}
		if b, err := io.ReadAll(f); err != nil || !strings.HasPrefix(string(b), "# ") {
			t.Errorf("runbook of %s has no title (%v)", cause, err)
		}
	}
	p, o := firstTwo(t)
	native := map[string]map[string]any{Prediction: p.Native, Outcome: o.Native}
	has := func(stream, path string) bool {
		steps := strings.Split(path, ".")
		at := native[stream]
		for _, s := range steps[:len(steps)-1] {
			at, _ = at[s].(map[string]any)
		}
		_, ok := at[steps[len(steps)-1]]
		return ok
	}
	for _, stream := range slices.Sorted(maps.Keys(c.Streams)) {
		for role, path := range c.Streams[stream].Fields {
			if !has(stream, path) {
				t.Errorf("%s of %s: no field %s", role, stream, path)
			}
		}
	}
	if len(c.Inputs) != 6 || len(c.Streams) != 2 || len(c.Runbooks) == 0 {
		t.Errorf("%d inputs, %d streams, %d runbooks", len(c.Inputs), len(c.Streams), len(c.Runbooks))
	}
	for name, in := range c.Inputs {
		if path := cmp.Or(in.Path, name); !has(Prediction, path) {
			t.Errorf("input %s: no field %s", name, path)
		}
	}
}
