//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// Changes around a model on a real cluster: a deploy on the topic, a flag by the webhook and a new version of a job by OpenLineage, all before three columns begin to
// move. The deploy names one of them and the job writes another: two causes in one hour, so two incidents and two pages, each of which names its own change first, as
// the step at which it first shows, and the flag, which names the model.
func TestChangesAreNamed(t *testing.T) {
	s := fresh(t)
	in := newStream(t, s)
	s.apply(contractFile())
	s.startAll()
	const deploy = `{"id":"deploy-7","at":"1997-05-04T23:30:00Z","what":"deploy","name":"market-feed","version":"v7","from":"v6","fields":["vicprice"],"actor":"ci"}`
	if err := s.cl.ProduceSync(t.Context(), &kgo.Record{Topic: bus.TopicChanges, Partition: 0, Value: []byte(deploy)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	address, _ := s.runs[alerter].logged("serving")["address"].(string)
	post := func(path, body string) {
		t.Helper()
		until(t, "the API takes "+path, func(ctx context.Context) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+path, strings.NewReader(body))
			if err != nil {
				return err
			}
			req.Header.Set("Content-Type", "application/json")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			if answer, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
				return fmt.Errorf("it answers %s %s, %w", resp.Status, answer, err)
			}
			return nil
		})
	}
	post("/api/v1/changes", `{"id":"flag-1","at":"1997-05-04T20:00:00Z","what":"flag","name":"new-tariff","models":["electricity-price"],"actor":"ada"}`)
	for n, day := range []int{1, 4} {
		post("/api/v1/lineage", fmt.Sprintf(`{"eventType":"COMPLETE","eventTime":"1997-05-%02dT22:00:00Z","run":{"runId":"run-%d"},"job":{"namespace":"etl","name":"exchange","facets":{"sourceCodeLocation":{"version":"v%d"}}},
			"outputs":[{"namespace":"kafka","name":"exchange","facets":{"schema":{"fields":[{"name":"transfer"}]}}}]}`, day, n, n+1))
	}
	in.rest()
	s.settle()
	latest := map[string]incident.Incident{}
	for _, b := range s.read(bus.TopicIncidents) {
		var e finding.Envelope[incident.Incident]
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatal(err)
		}
		if e.Data.Onset.Equal(time.Date(1997, 5, 5, 0, 0, 0, 0, time.UTC)) && e.Data.Severity == finding.Page {
			latest[e.Data.ID] = e.Data
		}
	}
	var got []string
	for _, inc := range latest {
		var names []string
		for _, c := range inc.Changes {
			names = append(names, strings.TrimSpace(fmt.Sprintf("%s %s %s", c.What, c.Name, c.Version))+" names "+c.Names)
		}
		first := "no step"
		if l := inc.Lineage; l != nil {
			first = l.Job + "@" + l.Version
		}
		got = append(got, fmt.Sprintf("%d calls, first at %s: %s", inc.Pages, first, strings.Join(names, "; ")))
	}
	slices.Sort(got)
	want := []string{
		"1 calls, first at etl/exchange@v2: etl etl/exchange v2 names subject; flag new-tariff names model",
		"1 calls, first at market-feed@v7: deploy market-feed v7 names subject; flag new-tariff names model",
	}
	if !slices.Equal(got, want) {
		t.Errorf("incidents:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// What came in is in the ledger, each once; the first run of a job is how things are.
	entered, err := s.entered(t.Context(), "change")
	if err != nil || len(entered) != 4 {
		t.Errorf("%d changes entered: %q, %v", len(entered), entered, err)
	}
}
