//go:build synctests

package systest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkedin/goavro/v2"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/change"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// steppedText is a contract of a model whose events say which job and version made them.
var steppedText = strings.NewReplacer(
	"score: score}}", "score: score, lineage: step}}",
	"  k: {type: numeric, path: nested.k}", "  k: {type: numeric, path: nested.k}\n  step: {type: categorical}\nslices: [[step]]",
	"watch: {reference: {from: 1999-10-25, to: 2000-01-03}}", "watch: {reference: {from: 1999-12-06, to: 2000-01-03}}",
).Replace(contractText)

const steppedPerDay = 240

// steppedHistory is history with as many events as that, all of version 41.
type steppedHistory struct{ history }

func (h steppedHistory) Predictions(visit func(*plan.Batch) error) error {
	b := plan.NewBatch(&h.p.Prediction, 0)
	w := newWorld(seed + 1)
	for when := h.p.Reference.From; when.Before(h.p.Reference.To); when = when.Add(day / steppedPerDay) {
		row := b.Grow(int64(b.N))
		x, score, _ := w.event()
		for i, f := range b.Fields {
			switch strings.Join(f.Path, ".") {
			case "id":
				b.SetString(i, row, fmt.Sprint("ref-", row))
			case "ts":
				b.SetTime(i, row, plan.Micros(when))
			case "x":
				b.SetNumber(i, row, 20+3*x)
			case "nested.k":
				b.SetNumber(i, row, 4)
			case "score":
				b.SetNumber(i, row, score)
			case "step":
				b.SetString(i, row, "etl.x@v41")
			}
		}
	}
	return visit(b)
}

// One of two ETL versions multiplies a column by 100, from the seventh day on. The incident names the factor, the step and version at which it first shows, and the
// release nearest the onset that may concern the column; that of another column an hour before, and that of another model, are not blamed.
func TestBrokenDataIsTracedToTheStepAndTheChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystemOf(t, steppedText, func(draft *plan.Plan) baseline.Source { return steppedHistory{history{draft}} })
		defer s.close()
		broken := start.Add(7 * day)
		for _, c := range []change.Event{
			{ID: "old", At: broken.Add(-5 * day), What: change.ETL, Name: "etl.x", Version: "v41", Fields: []string{"x"}},
			{ID: "culprit", At: broken, What: change.ETL, Name: "etl.x", Version: "v42", From: "v41", Fields: []string{"x"}},
			{ID: "other column", At: broken.Add(-time.Hour), What: change.ETL, Name: "etl.k", Version: "v9", Fields: []string{"k"}},
			{ID: "other model", At: broken.Add(-time.Minute), What: change.Deploy, Name: "web", Version: "7", Models: []string{"another"}},
		} {
			c.KindName = change.Kind
			body, err := json.Marshal(&c)
			if err != nil {
				t.Fatal(err)
			}
			s.produce(bus.TopicChanges, 0, body)
		}
		for n := range 14 * steppedPerDay {
			at := start.Add(time.Duration(n) * (day / steppedPerDay))
			x, score, label := s.world.event()
			x, step := 20+3*x, "etl.x@v41"
			if n%2 == 1 && !at.Before(broken) {
				x, step = 100*x, "etl.x@v42"
			}
			id := fmt.Sprint("step-", n)
			s.produce("sys.predictions", int32(n/2%2), s.framed("sys.predictions", s.prediction, map[string]any{
				"id": id, "ts": at, "x": goavro.Union("double", x), "nested": map[string]any{"k": 4.0}, "score": score, "step": goavro.Union("string", step),
			}))
			s.produce("sys.outcomes", int32(n%2), s.framed("sys.outcomes", s.outcome, map[string]any{"id": id, "ts": at.Add(30 * time.Minute), "label": label}))
			time.Sleep(dayTakes / steppedPerDay)
			if n%40 == 0 {
				s.poll()
			}
		}
		time.Sleep(time.Minute)
		s.poll()
		var of *incident.Incident
		for _, id := range sorted(s.seen) {
			if inc := s.seen[id]; inc.Cause.Kind == "unit_change" {
				if of != nil {
					t.Errorf("a second incident: %s", inc.Title)
				}
				of = &inc
			}
		}
		if of == nil {
			t.Fatalf("no incident names the cause: %q", s.got)
		}
		var cited []string
		for _, c := range of.Changes {
			cited = append(cited, c.ID)
		}
		if d := cmp.Diff([]string{"culprit", "old"}, cited); d != "" {
			t.Errorf("changes that the incident names, the likeliest first (-want +got):\n%s", d)
		}
		if d := cmp.Diff(&incident.Lineage{Job: "etl.x", Version: "v42"}, of.Lineage); d != "" {
			t.Errorf("step and version (-want +got):\n%s", d)
		}
		if of.Cause.Parameters["factor"] != "100" || !of.Onset.Equal(broken) || !strings.Contains(of.Title, "x is 100 times larger") || !strings.Contains(of.Title, "etl.x@v42") {
			t.Errorf("%q: %v since %s", of.Title, of.Cause.Parameters, of.Onset)
		}
	})
}

func sorted(m map[string]incident.Incident) []string {
	return slices.Sorted(maps.Keys(m))
}
