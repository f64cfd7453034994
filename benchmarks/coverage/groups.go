package coverage

import (
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// groupWorld compares two groups, the first of which is the given share of all events.
func groupWorld(scenario string, small, large binary, share, alpha float64) world {
	t := stat.Tolerance{Gap: 0.1, Ratio: 0.8, Alpha: alpha}
	group := func(name string, r stat.Reliability) stat.Group {
		return stat.Group{Name: name, N: r.TP + r.FP + r.FN + r.TN, Selected: r.TP + r.FP, Curve: r}
	}
	say := func(a, b stat.Reliability) (out []said, values []truth) {
		g, ref := group("a", a), group("b", b)
		add := func(name string, band stat.Band, ok bool) {
			out = append(out, of(name, band, ok))
			values = append(values, truth{name, band.Value})
		}
		for _, c := range stat.Criteria() {
			d, ok := c.Compare(g, ref, t)
			add(c.Name+", difference", d.Gap, ok)
			add(c.Name+", ratio", d.Ratio, ok)
		}
		d, ok := stat.EqualizedOdds(g, ref, t)
		add("equalized_odds, difference", d.Gap, ok)
		band, ok := stat.CalibrationGap(a, b, alpha)
		add("calibration, difference", band, ok)
		band, ok = stat.ScoreKS(a, b, alpha)
		add("scores, KS", band, ok)
		band, ok = stat.ScoreW1(a, b, alpha)
		add("scores, W1", band, ok)
		return out, values
	}
	w := world{task: "fairness", scenario: scenario}
	_, w.truths = say(small.curve(expected(small.weights)), large.curve(expected(large.weights)))
	a, b := newAlias(small.weights), newAlias(large.weights)
	w.window = func(rng *rand.Rand, n int) []said {
		first := 0
		for range n {
			if rng.Float64() < share {
				first++
			}
		}
		out, _ := say(small.curve(a.counts(rng, first)), large.curve(b.counts(rng, n-first)))
		return out
	}
	return w
}

// strataWorld compares two groups within parts: by part the share of its events, of the first group, and both groups' rates.
func strataWorld(scenario string, parts [][4]float64, alpha float64) world {
	weights := make([]float64, 0, 4*len(parts))
	for _, p := range parts {
		for _, g := range [2][2]float64{{p[1], p[2]}, {1 - p[1], p[3]}} {
			weights = append(weights, p[0]*g[0]*g[1], p[0]*g[0]*(1-g[1]))
		}
	}
	say := func(counts []int64) (stat.Strata, bool) {
		var out []stat.Stratum
		for i := 0; i < len(counts); i += 4 {
			c := counts[i : i+4]
			out = append(out, stat.Stratum{K1: c[0], N1: c[0] + c[1], K2: c[2], N2: c[2] + c[3]})
		}
		return stat.Stratify(out, alpha)
	}
	all, _ := say(expected(weights))
	law := newAlias(weights)
	return world{
		task: "fairness", scenario: scenario,
		truths: []truth{{"whole, difference", all.Crude.Value}, {"within parts, difference", all.Common.Value}},
		window: func(rng *rand.Rand, n int) []said {
			s, ok := say(law.counts(rng, n))
			return []said{of("whole, difference", s.Crude, ok), of("within parts, difference", s.Common, ok)}
		},
	}
}

// mutualWorld is a table of two rows: the shares of the columns in each.
func mutualWorld(scenario string, first, second []float64, share, alpha float64) world {
	var weights []float64
	for _, q := range first {
		weights = append(weights, share*q)
	}
	for _, q := range second {
		weights = append(weights, (1-share)*q)
	}
	law := newAlias(weights)
	all, _ := stat.MutualInformation(expected(weights), 2, len(first), alpha)
	return world{
		task: "fairness", scenario: scenario,
		truths: []truth{{"mutual information", all.Plain.Value}},
		window: func(rng *rand.Rand, n int) []said {
			m, ok := stat.MutualInformation(law.counts(rng, n), 2, len(first), alpha)
			return []said{of("mutual information", m.Corrected, ok)}
		},
	}
}
