package coverage

import (
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// classes is a population of a model of several classes: so many vectors of scores alike, and what turns out for each.
type classes struct {
	k       int
	bins    int
	scores  [][]float64 // by vector and class
	kinds   [][2]int    // vector, class that turns out
	weights []float64
}

// newClasses makes a population: logits normal about the class priors', outcomes as likely as the softmax of sharp times the logits says.
func newClasses(priors []float64, sd, sharp float64, seed uint64) classes {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := classes{k: len(priors), bins: 20}
	const vectors = 1500
	for v := range vectors {
		logits := make([]float64, p.k)
		for i, q := range priors {
			logits[i] = math.Log(q) + sd*rng.NormFloat64()
		}
		s := softmax(logits, 1)
		p.scores = append(p.scores, s)
		for i, q := range softmax(logits, sharp) {
			p.kinds = append(p.kinds, [2]int{v, i})
			p.weights = append(p.weights, q)
		}
	}
	return p
}

func softmax(logits []float64, sharp float64) []float64 {
	out := make([]float64, len(logits))
	var sum float64
	for i, l := range logits {
		out[i] = math.Exp(sharp * l)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// count counts so many events of each kind.
func (p *classes) count(counts []int64) stat.Classes {
	c := stat.Classes{K: p.k, Counts: make([]int64, p.k*p.k), Ranks: make([]int64, p.k)}
	curves := make([]*sketch.Curve, p.k)
	for i := range curves {
		curves[i] = sketch.NewCurve(p.bins)
	}
	for at, n := range counts {
		if n == 0 {
			continue
		}
		v, actual := p.kinds[at][0], p.kinds[at][1]
		best, rank := 0, 0
		for i, s := range p.scores[v] {
			if s > p.scores[v][best] {
				best = i
			}
			if s > p.scores[v][actual] {
				rank++
			}
			u := curves[i]
			fixed, _ := sketch.ScoreFixed(s)
			b := min(int(s*float64(p.bins)), p.bins-1)
			square := int64(math.Round(s * float64(fixed)))
			u.N[b] += n
			u.Labels[b] += n
			u.LS[b] += n * fixed
			u.LS2[b] += n * square
			if i == actual {
				u.Pos[b] += n
				u.PS[b] += n * fixed
			}
		}
		c.Counts[actual*p.k+best] += n
		c.Ranks[rank] += n
	}
	for _, u := range curves {
		c.Curves = append(c.Curves, stat.Reliability{N: u.N, S: u.S, S2: u.S2, Labels: u.Labels, Pos: u.Pos, LS: u.LS, LS2: u.LS2, PS: u.PS})
	}
	return c
}

func classWorld(scenario string, p classes, alpha float64) world {
	metrics := stat.ClassMetrics()
	all := p.count(expected(p.weights))
	w := world{task: "multiclass", scenario: scenario}
	for _, m := range metrics {
		b, _ := m.Band(all, alpha)
		w.truths = append(w.truths, truth{m.Name, b.Value})
	}
	top, _ := all.TopK(2)
	brier, _ := all.Brier()
	w.truths = append(w.truths, truth{"top 2", top.Value}, truth{"brier, jackknife", brier.Value})
	for i := range p.k {
		one, _ := all.Class(i)
		f1, _ := one.F1()
		w.truths = append(w.truths, truth{"f1 of class " + string(rune('a'+i)), f1.Value})
	}
	law := newAlias(p.weights)
	f1, _ := stat.FindBinary("f1")
	w.window = func(rng *rand.Rand, n int) []said {
		parts, sum := law.cut(rng, n)
		c := p.count(sum)
		out := make([]said, 0, len(w.truths))
		for _, m := range metrics {
			b, ok := m.Band(c, alpha)
			out = append(out, of(m.Name, b, ok))
		}
		b, ok := c.TopKBand(2, alpha)
		out = append(out, of("top 2", b, ok))
		without := make([]float64, panes)
		for i, part := range parts {
			rest := make([]int64, len(sum))
			for j, v := range part {
				rest[j] = sum[j] - v
			}
			e, _ := p.brier(rest)
			without[i] = e
		}
		whole, events := p.brier(sum)
		b, ok = stat.Jackknife(whole, events, without, alpha, 0, 2)
		out = append(out, of("brier, jackknife", b, ok))
		for i := range p.k {
			one, _ := c.Class(i)
			b, ok := f1.Band(one, alpha)
			out = append(out, of("f1 of class "+string(rune('a'+i)), b, ok))
		}
		return out
	}
	return w
}

// brier is Classes.Brier of these counts, without the curves.
func (p *classes) brier(counts []int64) (value float64, n int64) {
	for at, c := range counts {
		if c == 0 {
			continue
		}
		v, actual := p.kinds[at][0], p.kinds[at][1]
		var sum float64
		for i, s := range p.scores[v] {
			d := s
			if i == actual {
				d = s - 1
			}
			sum += d * d
		}
		value += float64(c) * sum
		n += c
	}
	return value / float64(n), n
}
