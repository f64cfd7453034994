package fairness

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// State is what counts say of a gap and a limit.
type State string

// The states.
const (
	Violated  State = "violated"     // also the near end of the interval is beyond the limit
	Kept      State = "kept"         // also the far end is within
	Undecided State = "insufficient" // the interval holds the limit: more events would tell
	TooFew    State = "too_few"      // too few events to say anything
	Undefined State = "undefined"    // nobody of a group could have been counted, such as errors of decisions that nobody took
)

// Gap is how far two groups lie apart.
type Gap struct {
	Value     float64 // how far apart, whichever way; of a ratio the smaller over the larger
	Low, High float64 // its interval
	Signed    float64 // group less other, or group over other
	N, Other  int64   // what the two shares are of
}

// rate is a share that groups are compared by: k of n.
type rate func(Counts) (k, n int64)

// Metric is one way to compare two groups.
type Metric struct {
	Name     string
	Words    string
	Outcomes bool    // it takes outcomes, not decisions alone
	Ratio    bool    // of the rates: better when it is large; else their difference
	Limit    float64 // what is shown against where the contract promises nothing
	rates    []rate  // several: the larger gap counts
}

// The rates.
var (
	selection = rate(func(c Counts) (k, n int64) { return c.Selected, c.Decided })
	truePos   = rate(func(c Counts) (k, n int64) { return c.TP, c.TP + c.FN })
	falsePos  = rate(func(c Counts) (k, n int64) { return c.FP, c.FP + c.TN })
	precision = rate(func(c Counts) (k, n int64) { return c.TP, c.TP + c.FP })
	omission  = rate(func(c Counts) (k, n int64) { return c.FN, c.FN + c.TN })
)

const (
	fourFifths = 0.8
	tolerance  = 0.1
)

// Metrics are all of them, by the names that contracts promise them by.
var Metrics = []Metric{
	{"demographic_parity_ratio", "selection rates, smaller over larger", false, true, fourFifths, []rate{selection}},
	{"demographic_parity_difference", "difference of selection rates", false, false, tolerance, []rate{selection}},
	{"equal_opportunity_difference", "difference of true positive rates", true, false, tolerance, []rate{truePos}},
	{"equalized_odds_difference", "difference of true or false positive rates", true, false, tolerance, []rate{truePos, falsePos}},
	{"predictive_parity_difference", "difference of precisions", true, false, tolerance, []rate{precision}},
	{"false_omission_difference", "difference of false omission rates", true, false, tolerance, []rate{omission}},
}

// Find is the metric of that name.
func Find(name string) (Metric, bool) {
	for _, m := range Metrics {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}

// Compare measures the gap between a pair's groups with a two-sided interval of 1-alpha: of a difference Newcombe's (1998, method 10), of a ratio that of Katz
// et al. (1978) with 1/2 added. Of several rates each interval has its part of alpha, so that the larger gap lies within the largest of them
// (Bonferroni). The state is TooFew, Undefined, or Undecided for what a limit is still to be held against.
func (m *Metric) Compare(p *Pair, alpha float64) (Gap, State) {
	var out Gap
	state := Undecided
	for i, r := range m.rates {
		g, s := gap(r, m.Ratio, p, alpha/float64(len(m.rates)))
		switch {
		case s == Undefined:
			return g, s
		case s == TooFew: // the gap that can't be told may be the larger one
			state = s
		}
		if i == 0 {
			out = g
			continue
		}
		if g.Value > out.Value {
			out.Value, out.Signed, out.N, out.Other = g.Value, g.Signed, g.N, g.Other
		}
		out.Low, out.High = max(out.Low, g.Low), max(out.High, g.High)
	}
	return out, state
}

func gap(of rate, ratio bool, p *Pair, alpha float64) (Gap, State) {
	k1, n1 := of(p.Counts)
	k0, n0 := of(p.Other)
	none := math.NaN()
	g := Gap{Value: none, Low: none, High: none, Signed: none, N: n1, Other: n0}
	if n1 <= 0 || n0 <= 0 || k1 < 0 || k0 < 0 || k1 > n1 || k0 > n0 || !p.sound() || !p.Other.sound() {
		return g, Undefined
	}
	p1, p0 := float64(k1)/float64(n1), float64(k0)/float64(n0)
	if ratio {
		g.Signed = p1 / p0
		lo, hi := stat.KatzRatio(k1, n1, k0, n0, alpha)
		g.Value, g.Low, g.High = folded(g.Signed, lo, hi)
	} else {
		g.Signed = p1 - p0
		lo, hi := stat.Newcombe(k1, n1, k0, n0, alpha)
		g.Value, g.Low, g.High = math.Abs(g.Signed), max(lo, -hi, 0), max(hi, -lo)
	}
	if n1 < Fewest || n0 < Fewest || !enough(n1, k0, n0) || !enough(n0, k1+k0, n1+n0) {
		return g, TooFew
	}
	return g, Undecided
}

// enough reports whether n events are expected to hold enough of a kind, and of what isn't, at the rate k of of.
func enough(n, k, of int64) bool {
	q := float64(k) / float64(of)
	return float64(n)*min(q, 1-q) >= fewestExpected
}

// folded is a ratio seen as the smaller over the larger, with its interval.
func folded(r, lo, hi float64) (value, low, high float64) {
	value = min(r, 1/r)
	if math.IsNaN(r) {
		value = math.NaN()
	}
	switch {
	case hi < 1:
		return value, lo, hi
	case lo > 1:
		return value, 1 / hi, 1 / lo
	default:
		return value, min(lo, 1/hi), 1
	}
}

// Within reports whether a gap's value is on the good side of a limit.
func (m *Metric) Within(value, limit float64) bool {
	if m.Ratio {
		return value >= limit
	}
	return value <= limit
}

// Judge holds a gap against a limit.
func (m *Metric) Judge(g Gap, s State, limit float64) State {
	if s != Undecided {
		return s
	}
	if m.Ratio {
		switch {
		case g.High < limit:
			return Violated
		case g.Low >= limit:
			return Kept
		}
		return Undecided
	}
	switch {
	case g.Low > limit:
		return Violated
	case g.High <= limit:
		return Kept
	}
	return Undecided
}
