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

// Metric is one way to compare two groups.
type Metric struct {
	Name     string
	Words    string
	Outcomes bool    // it takes outcomes, not decisions alone
	Ratio    bool    // of the rates: better when it is large; else their difference
	Limit    float64 // what is shown against where the contract promises nothing
	by       string  // the criterion of package stat; "" for equalized odds
}

const (
	fourFifths = 0.8
	tolerance  = 0.1
)

// Metrics are all of them, by the names that contracts promise them by.
var Metrics = []Metric{
	{"demographic_parity_ratio", "selection rates, smaller over larger", false, true, fourFifths, "demographic_parity"},
	{"demographic_parity_difference", "difference of selection rates", false, false, tolerance, "demographic_parity"},
	{"equal_opportunity_difference", "difference of true positive rates", true, false, tolerance, "equal_opportunity"},
	{"equalized_odds_difference", "difference of true or false positive rates", true, false, tolerance, ""},
	{"predictive_parity_difference", "difference of precisions", true, false, tolerance, "predictive_parity"},
	{"false_omission_difference", "difference of false omission rates", true, false, tolerance, "false_omission"},
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
// et al. (1978) with 1/2 added. Both gaps of equalized odds have half of alpha, so that the larger one lies between the larger of the lower and of the upper ends
// (Bonferroni). The state is TooFew, Undefined, or Undecided for what a limit is still to be held against.
func (m *Metric) Compare(p *Pair, alpha float64) (Gap, State) {
	none := math.NaN()
	g := Gap{Value: none, Low: none, High: none, Signed: none}
	if !p.sound() || !p.Other.sound() {
		return g, Undefined
	}
	tolerated := stat.Tolerance{Gap: tolerance, Alpha: alpha}
	var d stat.Disparity
	var ok bool
	if m.by == "" {
		tolerated.Alpha /= 2
		d, ok = stat.EqualizedOdds(p.group(), p.Other.group(), tolerated)
	} else if c, known := stat.FindCriterion(m.by); known {
		d, ok = c.Compare(p.group(), p.Other.group(), tolerated)
	}
	if !ok {
		return g, Undefined
	}
	g.N, g.Other = d.N, d.RefN
	if m.Ratio {
		g.Signed = d.Ratio.Value
		g.Value, g.Low, g.High = folded(g.Signed, d.Ratio.Low, d.Ratio.High)
	} else {
		g.Signed = d.Rate - d.Ref
		g.Value, g.Low, g.High = math.Abs(g.Signed), max(d.Gap.Low, -d.Gap.High, 0), max(d.Gap.High, -d.Gap.Low)
	}
	if d.Reason == "events" || d.Reason == "expected" {
		return g, TooFew
	}
	return g, Undecided
}

// group is c as package stat compares it.
func (c Counts) group() stat.Group {
	return stat.Group{N: c.Decided, Selected: c.Selected, Curve: stat.Reliability{TP: c.TP, FP: c.FP, FN: c.FN, TN: c.TN}}
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
