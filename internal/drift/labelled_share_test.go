package drift_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// selected draws the test panes of so many hours, of 300 predictions each over 16 bins; share says by bin how many of them get an outcome: that, or how many get
// none, whichever is less, wanders by 2 % of itself.
func selected(p *plan.Plan, seed uint64, from, hours int, share func(bin int) float64) []drift.ShareCounts {
	rng := rand.New(rand.NewPCG(seed, 2))
	level, out := 0., make([]drift.ShareCounts, hours)
	for t := range out {
		level = 0.5*level + 0.02*rng.NormFloat64()
		start := int64(from+t) * time.Hour.Microseconds()
		c := sketch.NewCurve(p.Score.Bins())
		for range 300 {
			b := rng.IntN(c.Bins())
			c.N[b]++
			if r := share(b); rng.Float64() < r+level*min(r, 1-r) {
				c.Labels[b]++
			}
		}
		out[t] = drift.LabelledShare.None(p, start, start+time.Hour.Microseconds())
		drift.LabelledShare.Take(p, &out[t], c, c)
	}
	return out
}

func selection(history int) *plan.Plan {
	edges := make([]float64, 15)
	for i := range edges {
		edges[i] = float64(i+1) / 16
	}
	return &plan.Plan{
		Model: "m", Reference: plan.Span{From: plan.FromMicros(0), To: plan.FromMicros(int64(history) * time.Hour.Microseconds())},
		Policy: plan.Policy{Tickets: 4. / 30, Floor: 0.005}, Score: &plan.Score{Edges: edges},
	}
}

// A change of the share labelled is found, as a whole or of a stretch of scores alone; without one hardly anything is, in years, whether all have an outcome or a half.
func TestLabelledShareIsFollowed(t *testing.T) {
	const history, month = 28 * 24, 30 * 24
	for name, usual := range map[string]func(int) float64{
		"a half": func(int) float64 { return 0.5 }, "by score": func(b int) float64 { return 0.2 + 0.04*float64(b) }, "nearly all": func(int) float64 { return 0.995 },
	} {
		p := selection(history)
		var err error
		if p.DriftLabelled, err = drift.LabelledShare.Learn(p, selected(p, 1, 0, history, usual)); err != nil || p.DriftLabelled == nil {
			t.Fatal(name, err)
		}
		alarms := func(seed uint64, hours int, share func(int) float64) (streams map[int]bool) {
			e, err := drift.LabelledShare.Open(p)
			if err != nil {
				t.Fatal(err)
			}
			var gather sequential.Gather
			streams = map[int]bool{}
			for _, c := range selected(p, seed, history, hours, share) {
				pane, enough, err := gather.Add(c.Start, c.End, c.Of[0], c.Count())
				if err != nil {
					t.Fatal(err)
				}
				if !enough {
					continue
				}
				step, err := e.Advance(&pane)
				if err != nil {
					t.Fatal(err)
				}
				for _, a := range step.Alarms {
					streams[drift.LabelledShare.Stream(a.Stream)] = true
				}
			}
			return streams
		}
		calm := 0
		for seed := range uint64(24) {
			if len(alarms(100+seed, month, usual)) > 0 {
				calm++
			}
		}
		t.Logf("%s: %d of 24 months without a change alarm", name, calm)
		if calm > 2 { // 4 tickets a month, of which this may spend a twentieth: 4.8 in 24 months
			t.Errorf("%s: %d of 24 months without a change alarm", name, calm)
		}
		for seed := range uint64(5) {
			if got := alarms(200+seed, 48, func(b int) float64 { return 0.7 * usual(b) }); !got[0] {
				t.Errorf("%s: a fall of the whole by three tenths alarms in %v", name, got)
			}
			lost := func(b int) float64 {
				if b >= 12 {
					return 0.6 * usual(b)
				}
				return usual(b)
			}
			if got := alarms(300+seed, 72, lost); !got[4] && !got[0] || got[1] || got[2] || got[3] {
				t.Errorf("%s: a fall at high scores alarms in %v", name, got)
			}
		}
	}
}
