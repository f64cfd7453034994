package coverage

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	labelled "github.com/plumbline-ml/plumbline/internal/truth"
)

// newPairs makes a population of predictions of a number: what turns out is 50 and above, log-normal; errors have heavy tails (Student's on
// df degrees of freedom) and grow with the prediction.
func newPairs(df float64, seed uint64) []sketch.Pair {
	const size = 20_000
	rng := rand.New(rand.NewPCG(seed, 2))
	out := make([]sketch.Pair, size)
	for i := range out {
		predicted := 50 + math.Exp(3+0.7*rng.NormFloat64())
		u := stat.StudentQuantile((float64(i)+0.5)/size, df)
		half := 0.25 * predicted
		actual := predicted*(1+0.1*u) - 1
		out[i] = sketch.Pair{Predicted: predicted, Actual: max(actual, predicted/4), Low: predicted - half, High: predicted + half, Interval: true}
	}
	return out
}

// without adds up all parts but one.
func without(parts []*sketch.Errors, left int) *sketch.Errors {
	sum := &sketch.Errors{}
	for i, p := range parts {
		if i != left {
			sum.Merge(p)
		}
	}
	return sum
}

func numberWorld(scenario string, pairs []sketch.Pair, alpha float64) world {
	metrics := stat.NumberMetrics()
	levels := []float64{0.1, 0.5, 0.9}
	all := &sketch.Errors{}
	sizes := make([]float64, len(pairs))
	for i, p := range pairs {
		all.Label(p, 1)
		sizes[i] = math.Abs(p.Predicted - p.Actual)
	}
	slices.Sort(sizes)
	r := labelled.Residuals(all)
	w := world{task: "regression", scenario: scenario}
	for _, m := range metrics {
		e, _ := m.Value(r)
		if m.Name == "median_absolute_error" { // of the pairs, not of their bins
			e.Value = (sizes[len(sizes)/2-1] + sizes[len(sizes)/2]) / 2
		}
		name := m.Name
		if m.Band == nil {
			name += ", jackknife"
		}
		w.truths = append(w.truths, truth{name, e.Value})
	}
	for _, q := range levels {
		e, _ := r.Pinball(q)
		w.truths = append(w.truths, truth{fmt.Sprintf("pinball %g", q), e.Value})
	}
	w.window = func(rng *rand.Rand, n int) []said {
		parts := make([]*sketch.Errors, panes)
		for i := range parts {
			parts[i] = &sketch.Errors{}
			for range n*(i+1)/panes - n*i/panes {
				parts[i].Label(pairs[rng.IntN(len(pairs))], 1)
			}
		}
		r := labelled.Residuals(without(parts, -1))
		rests := make([]stat.Residuals, panes)
		for i := range rests {
			rests[i] = labelled.Residuals(without(parts, i))
		}
		var out []said
		for _, m := range metrics {
			if m.Band != nil {
				b, ok := m.Band(r, alpha)
				out = append(out, of(m.Name, b, ok))
				continue
			}
			e, ok := m.Value(r)
			left := make([]float64, panes)
			for i := range rests {
				v, ok2 := m.Value(rests[i])
				left[i], ok = v.Value, ok && ok2
			}
			lo, hi := 0., math.Inf(1)
			switch m.Name {
			case "r2":
				lo, hi = math.Inf(-1), 1
			case "smape":
				hi = 2
			}
			b, ok2 := stat.Jackknife(e.Value, e.N, left, alpha, lo, hi)
			out = append(out, of(m.Name+", jackknife", b, ok && ok2))
		}
		for _, q := range levels {
			b, ok := r.PinballBand(q, alpha)
			out = append(out, of(fmt.Sprintf("pinball %g", q), b, ok))
		}
		return out
	}
	return w
}
