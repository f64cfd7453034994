package retrainer

import (
	"math"
	"math/rand/v2"
	"testing"
)

// What is learnt is the law that the data were drawn from; too few outcomes are refused.
func TestFit(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	law := func(score, x float64) float64 {
		return 1 / (1 + math.Exp(-(0.3 - 0.8*math.Log(score/(1-score)) + 0.5*x)))
	}
	var rows []Row
	for range 20_000 {
		score, x := 0.05+0.9*rng.Float64(), 3+2*rng.NormFloat64()
		rows = append(rows, Row{Score: score, Inputs: []float64{x}, Positive: rng.Float64() < law(score, x)})
	}
	rows[0].Inputs[0] = math.NaN() // a missing value teaches nothing and breaks nothing
	m, err := Fit(rows, []string{"x"})
	if err != nil {
		t.Fatal(err)
	}
	for _, score := range []float64{0.1, 0.5, 0.9} {
		for _, x := range []float64{1, 3, 5} {
			if got, want := m.Score(score, []float64{x}), law(score, x); math.Abs(got-want) > 0.03 {
				t.Errorf("at score %g, x %g: %.3f, want %.3f", score, x, got, want)
			}
		}
	}
	if _, err := Fit(rows[:20], []string{"x"}); err == nil {
		t.Error("twenty rows are enough to learn from")
	}
}
