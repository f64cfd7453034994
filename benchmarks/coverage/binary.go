package coverage

import (
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// kind is what events of a binary model are alike in: score, bin, decision, outcome.
type kind struct {
	score    int64 // of sketch.ScoreScale
	bin      int
	decision bool
	positive bool
}

// binary is a population of a binary model: scores of a Beta-like law in 50 bins of one mass, outcomes by a logistic map of the score.
type binary struct {
	bins    int
	kinds   []kind
	weights []float64
}

const (
	scoreBins   = 50
	valuesInBin = 8
)

// newBinary makes a population: logit scores normal about mean with this sd, P(y) = expit(a + b logit s), decisions from threshold on.
func newBinary(mean, sd, a, b, threshold float64) binary {
	return binnedAs(mean, mean, sd, a, b, threshold)
}

// binnedAs is newBinary with the bins of a population whose logit scores are normal about another mean.
func binnedAs(reference, mean, sd, a, b, threshold float64) binary {
	p := binary{bins: scoreBins}
	k := scoreBins * valuesInBin
	for i := range k {
		s := stat.Expit(mean + sd*stat.NormalQuantile((float64(i)+0.5)/float64(k)))
		y := stat.Expit(a + b*stat.Logit(s))
		fixed, _ := sketch.ScoreFixed(s)
		for _, positive := range []bool{true, false} {
			w := y
			if !positive {
				w = 1 - y
			}
			bin := min(int(scoreBins*stat.NormalCDF((stat.Logit(s)-reference)/sd)), scoreBins-1)
			p.kinds = append(p.kinds, kind{fixed, bin, s >= threshold, positive})
			p.weights = append(p.weights, w)
		}
	}
	return p
}

// curve counts so many events of each kind.
func (p *binary) curve(counts []int64) stat.Reliability {
	slab := make([]int64, 8*p.bins)
	v := func(i int) []int64 { return slab[i*p.bins : (i+1)*p.bins] }
	r := stat.Reliability{N: v(0), S: v(1), S2: v(2), Labels: v(3), Pos: v(4), LS: v(5), LS2: v(6), PS: v(7)}
	for i, c := range counts {
		if c == 0 {
			continue
		}
		k := p.kinds[i]
		square := int64(math.Round(float64(k.score) / sketch.ScoreScale * float64(k.score)))
		r.N[k.bin] += c
		r.S[k.bin] += c * k.score
		r.S2[k.bin] += c * square
		if k.positive {
			r.Pos[k.bin] += c
			r.PS[k.bin] += c * k.score
		}
		switch {
		case k.decision && k.positive:
			r.TP += c
		case k.decision:
			r.FP += c
		case k.positive:
			r.FN += c
		default:
			r.TN += c
		}
	}
	copy(r.Labels, r.N)
	copy(r.LS, r.S)
	copy(r.LS2, r.S2)
	return r
}

// binaryWorld asks for every metric of a binary model, and for three again by the jackknife over panes.
func binaryWorld(scenario string, p binary, alpha float64) world {
	metrics := stat.BinaryMetrics()
	all := p.curve(expected(p.weights))
	w := world{task: "binary", scenario: scenario}
	for _, m := range metrics {
		b, _ := m.Band(all, alpha)
		w.truths = append(w.truths, truth{m.Name, b.Value})
	}
	jackknifed := []string{"roc_auc", "brier", "log_loss"}
	for _, name := range jackknifed {
		m, _ := stat.FindBinary(name)
		b, _ := m.Band(all, alpha)
		w.truths = append(w.truths, truth{name + ", jackknife", b.Value})
	}
	law := newAlias(p.weights)
	w.window = func(rng *rand.Rand, n int) []said {
		parts, sum := law.cut(rng, n)
		r := p.curve(sum)
		out := make([]said, 0, len(w.truths))
		for _, m := range metrics {
			b, ok := m.Band(r, alpha)
			if m.Name == "spiegelhalter_z" { // its expectation grows with the root of n
				root := math.Sqrt(float64(n) / whole)
				b.Low, b.High = b.Low/root, b.High/root
			}
			out = append(out, of(m.Name, b, ok))
		}
		rests := make([]stat.Reliability, panes)
		for i, part := range parts {
			rest := make([]int64, len(sum))
			for j, c := range part {
				rest[j] = sum[j] - c
			}
			rests[i] = p.curve(rest)
		}
		for _, name := range jackknifed {
			m := map[string]func(stat.Reliability) (stat.Estimate, bool){
				"roc_auc": stat.Reliability.ROCAUC, "brier": stat.Reliability.Brier, "log_loss": stat.Reliability.LogLoss,
			}[name]
			e, ok := m(r)
			without := make([]float64, panes)
			for i, rest := range rests {
				v, ok2 := m(rest)
				without[i], ok = v.Value, ok && ok2
			}
			b, ok2 := stat.Jackknife(e.Value, e.N, without, alpha, 0, math.Inf(1))
			own, _ := stat.FindBinary(name)
			plain, _ := own.Band(r, alpha)
			b.Few = b.Few || plain.Few
			out = append(out, of(name+", jackknife", b, ok && ok2))
		}
		return out
	}
	return w
}
