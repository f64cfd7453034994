//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// Changes around a model on a real cluster: a deploy on the topic, a flag by the webhook and a new version of a job by OpenLineage, all before three columns begin to
// move. The incident names them: the deploy first, which names a column that moved, as the step at which it first shows.
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
	var got []incident.Cited
	var lineage *incident.Lineage
	for _, b := range s.read(bus.TopicIncidents) {
		var e finding.Envelope[incident.Incident]
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatal(err)
		}
		if e.Data.Onset.Equal(time.Date(1997, 5, 5, 0, 0, 0, 0, time.UTC)) && e.Data.Severity == finding.Page {
			got, lineage = e.Data.Changes, e.Data.Lineage
		}
	}
	var names []string
	for _, c := range got {
		names = append(names, fmt.Sprintf("%s %s %s, by %s, names %s", c.What, c.Name, c.Version, c.Actor, c.Names))
	}
	want := "deploy market-feed v7, by ci, names subject; etl etl/exchange v2, by , names subject; flag new-tariff , by ada, names model"
	if text := strings.Join(names, "; "); text != want || lineage == nil || lineage.Job != "market-feed" || lineage.Version != "v7" {
		t.Errorf("the incident names %s; want %s; lineage %+v", text, want, lineage)
	}
	// What came in is in the ledger, each once; the first run of a job is how things are.
	entered, err := s.entered(t.Context(), "change")
	if err != nil || len(entered) != 4 {
		t.Errorf("%d changes entered: %q, %v", len(entered), entered, err)
	}
}
