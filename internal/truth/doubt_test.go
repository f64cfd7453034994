package truth_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// A label rate that rests on a delay law of a hundred positives is off by what the law is off; bands with the doubt hold it in 95 of 100 draws, although the window
// itself leaves hardly any. Without a delay law there is no such doubt.
func TestDoubtOfTheDelayLaw(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 8))
	draw := func(n int64, q float64) (k int64) {
		for range n {
			if rng.Float64() < q {
				k++
			}
		}
		return k
	}
	const predictions, positives, arrived = 40_000, 10_000, 0.7
	fixed, _ := sketch.ScoreFixed(0.25)
	rate := func(c truth.Counts) (float64, bool) {
		s, ok := truth.Stand(c)
		if !ok {
			return 0, false
		}
		x, ok := s.LabelRate()
		return x.Value, ok
	}
	for _, all := range []int64{30, 100, 1000} {
		held, of := 0, 0
		for range 400 {
			law := plan.Arrived{OnTime: draw(all, arrived), All: all}
			if law.OnTime == 0 {
				continue
			}
			p := &plan.Plan{Score: &plan.Score{Edges: []float64{0.5}, Threshold: 0.5, Missing: plan.PositivesOnly, Arrived: &law}}
			c := sketch.NewCurve(2)
			c.N[0], c.S[0] = predictions, predictions*fixed
			for range draw(positives, arrived) {
				c.Label(0, fixed, false, true, 1)
			}
			counts := truth.Under(p, c)
			x, ok := rate(counts)
			if !ok {
				t.Fatal("no label rate")
			}
			of++
			if math.Abs(x-float64(positives)/predictions) <= 1.96*truth.Doubt(counts, rate) {
				held++
			}
		}
		share := float64(held) / float64(of)
		t.Logf("%d positives: %.1f %%", all, 100*share)
		if share < 0.91 || share > 0.985 {
			t.Errorf("a law of %d positives: bands hold in %.1f %%", all, 100*share)
		}
	}
	p := &plan.Plan{Score: &plan.Score{Edges: []float64{0.5}, Threshold: 0.5}}
	c := sketch.NewCurve(2)
	c.Label(0, fixed, false, true, 1)
	if d := truth.Doubt(truth.Under(p, c), rate); d != 0 {
		t.Errorf("doubt %g without a delay law", d)
	}
}
