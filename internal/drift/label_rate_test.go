package drift_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
)

// outcomes draws the cohorts of so many hours, of 400 events each, whose share of positive ones wanders by 2 % of itself.
func outcomes(seed uint64, from, hours int, share float64) []drift.ShareCounts {
	rng := rand.New(rand.NewPCG(seed, 1))
	level, out := 0., make([]drift.ShareCounts, hours)
	for t := range out {
		level = 0.5*level + 0.02*rng.NormFloat64()
		start := int64(from+t) * time.Hour.Microseconds()
		out[t] = drift.ShareCounts{Start: start, End: start + time.Hour.Microseconds(), Of: []int64{400}, Hits: []int64{0}}
		for range out[t].Of[0] {
			if rng.Float64() < share*(1+level) {
				out[t].Hits[0]++
			}
		}
	}
	return out
}

// What a day of mature outcomes is said to show of the label rate it usually shows, and half of it it doesn't; for a share that is normal enough and for one
// that is counted exactly.
func TestLabelRateIsDetectable(t *testing.T) {
	const history = 28 * 24
	for _, share := range []float64{0.2, 0.008} {
		p := &plan.Plan{
			Model: "m", Reference: plan.Span{From: plan.FromMicros(0), To: plan.FromMicros(history * time.Hour.Microseconds())},
			Policy: plan.Policy{Tickets: 4. / 30, Floor: 0.005},
		}
		var err error
		if p.DriftLabels, err = drift.LabelRate.Learn(p, outcomes(1, 0, history, share)); err != nil {
			t.Fatal(err)
		}
		calm, err := drift.LabelRate.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		all := calm.Detectable()
		if len(all) != 1 || !(all[0].Change >= p.Policy.Floor && all[0].Change < 0.2) || math.IsNaN(all[0].Effect) {
			t.Fatalf("%+v", all)
		}
		change := all[0].Change
		const runs = 30
		found := func(by float64) (n int) {
			for seed := range uint64(runs) {
				e, err := drift.LabelRate.Open(p)
				if err != nil {
					t.Fatal(err)
				}
				var gather sequential.Gather
				alarmed := false
				for _, c := range outcomes(100+seed, history, 24, share+by) {
					pane, enough, err := gather.Add(c.Start, c.End, c.Of[0], c.Count())
					if err != nil || !enough {
						t.Fatal(enough, err)
					}
					step, err := e.Advance(&pane)
					if err != nil {
						t.Fatal(err)
					}
					alarmed = alarmed || len(step.Alarms) > 0
				}
				if alarmed {
					n++
				}
			}
			return n
		}
		full, half := found(1.15*change), found(change/2)
		t.Logf("of %g: %.2f pp: found %d of %d, half of it %d", share, 100*change, full, runs, half)
		if full < 2*runs/3 || half > runs/3 {
			t.Errorf("of %g: %g more is found %d of %d times, half of it %d times", share, change, full, runs, half)
		}
	}
}
