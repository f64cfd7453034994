package simulation

import (
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// The rules of other tools, each on the last 24 hours, hourly, against the history; chunks on whole days.
const (
	ksRule = iota
	bonferroniRule
	bhRule
	wassersteinRule
	psi1Rule
	psi2Rule
	chunksRule
	peerRules
)

// PeerNames name them in tables.
var PeerNames = [peerRules]string{
	"KS p<.05", "chi2 Bonferroni .05", "chi2 BH .05", "Wasserstein/sd>.1 (Evidently)", "PSI>.1", "PSI>.2", "chunks mean+3sd (NannyML)",
}

const (
	level    = 0.05
	ksLimit  = 1.3580986 // of Kolmogorov's law
	cooldown = dayHours  // an episode ends when a day has passed without the alarm
)

// peers holds what the history says of each column.
type peers struct {
	ref    [][bins]float64 // shares
	size   float64
	chunks []float64 // limit on the Hellinger distance of a day
	steps  [bins - 1]float64
}

func newPeers(t *Traffic) *peers {
	p := &peers{ref: make([][bins]float64, Features), chunks: make([]float64, Features)}
	for _, n := range t.N[:HistoryHours] {
		p.size += float64(n)
	}
	for k := range Features {
		var days [HistoryHours / dayHours][bins]float64
		var sizes [HistoryHours / dayHours]float64
		for at := range HistoryHours {
			for b, c := range t.Counts[at*Features+k] {
				p.ref[k][b] += float64(c) / p.size
				days[at/dayHours][b] += float64(c)
			}
			sizes[at/dayHours] += float64(t.N[at])
		}
		h := make([]float64, len(days))
		for d := range days {
			h[d] = hellinger(&days[d], sizes[d], &p.ref[k])
		}
		m, ss := 0., 0.
		for _, v := range h {
			m += v / float64(len(h))
		}
		for _, v := range h {
			ss += (v - m) * (v - m)
		}
		p.chunks[k] = m + 3*math.Sqrt(ss/float64(len(h)-1))
	}
	for i := range p.steps { // the distance of neighbouring bins, as numpy.gradient takes it
		lo, hi := max(i-1, 0), min(i+1, bins-2)
		p.steps[i] = (edges[hi] - edges[lo]) / float64(hi-lo)
	}
	return p
}

func hellinger(counts *[bins]float64, n float64, ref *[bins]float64) float64 {
	var sum float64
	for b, c := range counts {
		sum += math.Sqrt(c / n * ref[b])
	}
	return math.Sqrt(max(1-sum, 0))
}

// judge says by every rule which columns are in alarm, given each column's counts of the last day, n events each. whole is true at the
// end of a day.
func (p *peers) judge(windows [][bins]float64, n float64, whole bool, out *[peerRules][Features]bool) {
	ne := n * p.size / (n + p.size)
	root := math.Sqrt(ne)
	type tested struct {
		p      float64
		column int
	}
	tests := make([]tested, 0, Features)
	for k := range Features {
		w, ref := &windows[k], &p.ref[k]
		var cp, cq, ks, w1, x2, psi, pp, pq float64
		for b, c := range w {
			s, q := c/n, ref[b]
			cp += s
			cq += q
			if b < bins-1 {
				ks = max(ks, math.Abs(cp-cq))
				w1 += math.Abs(cp-cq) * p.steps[b]
			}
			pooled := (c + q*p.size) / (n + p.size)
			x2 += (s - q) * (s - q) / max(pooled, 1e-12)
			pp, pq = pp+s, pq+q
			if b%2 == 1 { // PSI is taken on ten bins
				a := (pp*n + 0.5) / (n + 5)
				z := (pq*p.size + 0.5) / (p.size + 5)
				psi += (a - z) * math.Log(a/z)
				pp, pq = 0, 0
			}
		}
		pc := 1.
		if x2 *= ne; x2 > 25 { // below, p is above .1 and no rule asks
			pc = stat.ChiSquareSF(x2, bins-1)
		}
		tests = append(tests, tested{pc, k})
		out[ksRule][k] = ks*root > ksLimit
		out[bonferroniRule][k] = pc < level/Features
		out[bhRule][k] = false
		out[wassersteinRule][k] = w1 > 0.1
		out[psi1Rule][k] = psi > 0.1
		out[psi2Rule][k] = psi > 0.2
		out[chunksRule][k] = whole && hellinger(w, n, ref) > p.chunks[k]
	}
	slices.SortFunc(tests, func(a, b tested) int {
		switch {
		case a.p < b.p:
			return -1
		case a.p > b.p:
			return 1
		}
		return a.column - b.column
	})
	passed := 0
	for i, x := range tests {
		if x.p <= level*float64(i+1)/Features {
			passed = i + 1
		}
	}
	for _, x := range tests[:passed] {
		out[bhRule][x.column] = true
	}
}

// runPeers returns for every rule the hours (since monitoring began) in which each column is in alarm.
func runPeers(t *Traffic, visit func(hour int, in *[peerRules][Features]bool)) {
	p := newPeers(t)
	windows := make([][bins]float64, Features)
	var n float64
	add := func(at int, sign float64) {
		n += sign * float64(t.N[at])
		for k := range Features {
			for b, c := range t.Counts[at*Features+k] {
				windows[k][b] += sign * float64(c)
			}
		}
	}
	for at := HistoryHours - dayHours + 1; at < HistoryHours; at++ {
		add(at, 1)
	}
	var in [peerRules][Features]bool
	for at := HistoryHours; at < t.Hours; at++ {
		add(at, 1)
		p.judge(windows, n, (at+1)%dayHours == 0, &in)
		visit(at+1-HistoryHours, &in)
		add(at-dayHours+1, -1)
	}
}

// episodes counts alarms of one rule: one that comes after a day of quiet is new.
type episodes struct {
	last [Features]int
	n    int
	hits int // column-hours in alarm
}

func newEpisodes() *episodes {
	e := &episodes{}
	for k := range e.last {
		e.last[k] = -1 << 30
	}
	return e
}

func (e *episodes) add(hour int, in *[Features]bool) {
	for k, a := range in {
		if !a {
			continue
		}
		if hour-e.last[k] > cooldown {
			e.n++
		}
		e.last[k] = hour
		e.hits++
	}
}
