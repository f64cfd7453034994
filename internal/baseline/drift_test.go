package baseline

import (
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// hours are so many hourly panes of 300 events of as many numeric columns, whose bins scatter a little.
func hours(p *plan.Plan, n int) []drift.Pane {
	out := make([]drift.Pane, n)
	for i := range out {
		set := sketch.NewSet(p)
		set.Rows = 300
		for c := range set.Columns {
			col := &set.Columns[c]
			col.N = 300
			wave := int64((i*7+c*3)%11 - 5)
			for b := range col.Bins {
				col.Bins[b] = 30
			}
			col.Bins[c%10] += wave
			col.Bins[(c+3)%10] -= wave
		}
		start := plan.Micros(p.Reference.From) + int64(i)*time.Hour.Microseconds()
		out[i] = drift.Pane{Start: start, End: start + time.Hour.Microseconds(), Set: set}
	}
	return out
}

func columns(n int, days int) *plan.Plan {
	from := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	p := &plan.Plan{
		Format: plan.Format, Model: "m", Pane: time.Hour, TestPane: time.Hour, Reference: plan.Span{From: from, To: from.AddDate(0, 0, days)},
		Policy: plan.Policy{Tickets: 4. / 30, Floor: 0.005},
	}
	for range n {
		p.Columns = append(p.Columns, plan.Column{
			Name: "x", Layout: plan.Layout{Edges: []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, Lo: 0, Hi: 10},
			Ignore: plan.Ignore{Shift: 0.1, Spread: 0.1, Rate: 0.005},
		})
	}
	return p
}

// A reference of less than a week, or of too many columns, leaves inputs to be judged pane by pane; the second is said.
func TestLearnDrift(t *testing.T) {
	for name, c := range map[string]struct {
		columns, days, most int
		learnt, unsaid      bool
	}{
		"enough":     {3, 14, 900_000, true, true},
		"six days":   {3, 6, 900_000, false, true},
		"four weeks": {130, 28, 900_000, true, true},
		"too large":  {130, 28, 500_000, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := columns(c.columns, c.days)
			note, err := learnDrift(p, hours(p, 24*c.days), c.most)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d columns, %d days of hours: %d bytes learnt, %q", c.columns, c.days, len(p.Drift), note)
			if (len(p.Drift) > 0) != c.learnt || (len(note) == 0) != c.unsaid {
				t.Fatalf("%d bytes learnt, %q", len(p.Drift), note)
			}
			e, err := drift.Open(p)
			if err != nil || (e != nil) != c.learnt {
				t.Fatalf("%v, %v", e, err)
			}
			if e != nil && e.Engine.Phase() != sequential.Pages {
				t.Errorf("phase %s", e.Engine.Phase())
			}
		})
	}
	broken := columns(3, 14)
	broken.Drift = []byte{1, 2, 3}
	if _, err := drift.Open(broken); err == nil {
		t.Error("three bytes are read as an engine")
	}
}
