package stat

import "math"

// Group are the counts of one group of people, or of whatever a protected attribute divides.
type Group struct {
	Name        string
	N, Selected int64 // decisions, and those that were positive, with or without known outcome
	// Curve are the outcomes: its TP, FP, FN and TN are the decisions whose outcome is known, its bins the scores.
	Curve Reliability
}

// Criterion is one sense of fairness: a share that is to be alike in all groups.
type Criterion struct {
	Name  string
	Words string
	// Share returns k of n for a group.
	Share func(g Group) (k, n int64)
	// Favours says which way a share is good for those it is taken of: +1 more, -1 fewer, 0 neither.
	Favours int
}

// Criteria are the shares that groups are compared by, in a fixed order. Which of them are to hold together is for people to choose:
// groups of different base rates can't have equal predictive value and equal error rates at once (Chouldechova 2017).
func Criteria() []Criterion {
	return []Criterion{
		{"demographic_parity", "selection rate", func(g Group) (k, n int64) { return g.Selected, g.N }, +1},
		{"equal_opportunity", "recall", func(g Group) (k, n int64) { return g.Curve.TP, g.Curve.TP + g.Curve.FN }, +1},
		{"false_positive_rate", "false positive rate", func(g Group) (k, n int64) { return g.Curve.FP, g.Curve.FP + g.Curve.TN }, 0},
		{"predictive_parity", "precision", func(g Group) (k, n int64) { return g.Curve.TP, g.Curve.TP + g.Curve.FP }, 0},
		{"false_omission", "false omission rate", func(g Group) (k, n int64) { return g.Curve.FN, g.Curve.FN + g.Curve.TN }, 0},
		{"accuracy", "accuracy", func(g Group) (k, n int64) {
			return g.Curve.TP + g.Curve.TN, g.Curve.TP + g.Curve.FP + g.Curve.FN + g.Curve.TN
		}, +1},
	}
}

// FindCriterion is the criterion of that name.
func FindCriterion(name string) (Criterion, bool) {
	for _, c := range Criteria() {
		if c.Name == name {
			return c, true
		}
	}
	return Criterion{}, false
}

// Fairness is what a comparison of two groups allows one to say.
type Fairness string

// The three states. Insufficient is also what lies on both sides of the tolerance.
const (
	Violation    Fairness = "violation"
	Fair         Fairness = "equivalent"
	Insufficient Fairness = "insufficient"
)

// Tolerance is what is still fair.
type Tolerance struct {
	Gap   float64 // largest difference of a share; 0: the gap isn't judged
	Ratio float64 // smallest ratio of the smaller to the larger share, such as 0.8, the four-fifths rule; 0: the ratio isn't judged
	Alpha float64 // error probability of each interval, two-sided
}

// Disparity is one criterion of one group against its reference.
type Disparity struct {
	Criterion string
	Group, Of string  // the group and its reference
	Rate, Ref float64 // their shares
	K, N      int64   // the group's counts
	RefK      int64
	RefN      int64
	// Gap is Rate - Ref with Newcombe's interval, Ratio is Rate/Ref with Katz's (1978) on counts with a half more.
	Gap, Ratio Band
	State      Fairness
	Reason     string // why it is insufficient: "events", "expected", "width", "straddles"; else empty
}

// The least that is needed before anything is said of a group: so many events, so many expected positives and negatives of the share.
const (
	fairEvents   = 100
	fairExpected = 5
)

// Compare judges one criterion of a group against a reference. It is a violation only if the whole interval lies beyond the tolerance:
// the gap's nearer bound above Gap, or the ratio's bounds on the wrong side of Ratio or of 1/Ratio; equivalent if the whole interval lies
// within. In between, and with fewer than 100 events in either group, fewer than 5 expected on either side of the pooled share or an
// interval wider than the tolerance on both sides, it is insufficient. A gap and a ratio that are both judged: a violation of either is one, equivalent
// are both. Not ok without events in either group.
func (c Criterion) Compare(g, ref Group, t Tolerance) (Disparity, bool) {
	k, n := c.Share(g)
	rk, rn := c.Share(ref)
	if n <= 0 || rn <= 0 || k < 0 || rk < 0 || k > n || rk > rn || !usable(t.Alpha) {
		return Disparity{}, false
	}
	p, q := float64(k)/float64(n), float64(rk)/float64(rn)
	d := Disparity{Criterion: c.Name, Group: g.Name, Of: ref.Name, Rate: p, Ref: q, K: k, N: n, RefK: rk, RefN: rn}
	pooled := float64(k+rk) / float64(n+rn)
	expected := min(pooled, 1-pooled) * float64(min(n, rn))
	few := min(n, rn) < fairEvents || expected < fairExpected

	lo, hi := Newcombe(k, n, rk, rn, t.Alpha)
	gap := Estimate{Value: p - q, SE: math.Sqrt(p*(1-p)/float64(n) + q*(1-q)/float64(rn)), N: n + rn}
	d.Gap = newBand(gap, lo, hi, -1, 1, few)
	lo, hi = KatzRatio(k, n, rk, rn, t.Alpha)
	ratio := Estimate{Value: p / q, SE: math.NaN(), N: n + rn}
	if k > 0 && rk > 0 {
		ratio.SE = p / q * math.Sqrt((1-p)/float64(k)+(1-q)/float64(rk))
	}
	d.Ratio = newBand(ratio, lo, hi, 0, math.Inf(1), few || min(k, rk) == 0)

	switch {
	case min(n, rn) < fairEvents:
		d.State, d.Reason = Insufficient, "events"
	case expected < fairExpected:
		d.State, d.Reason = Insufficient, "expected"
	default:
		d.State, d.Reason = d.judge(t)
	}
	return d, true
}

func (d *Disparity) judge(t Tolerance) (Fairness, string) {
	var states []Fairness
	wide := false
	if t.Gap > 0 {
		states = append(states, place(d.Gap.Low, d.Gap.High, -t.Gap, t.Gap))
		wide = wide || d.Gap.High-d.Gap.Low > 2*t.Gap
	}
	if t.Ratio > 0 {
		states = append(states, place(d.Ratio.Low, d.Ratio.High, t.Ratio, 1/t.Ratio))
		wide = wide || d.Ratio.High/d.Ratio.Low > 1/t.Ratio/t.Ratio
	}
	all := len(states) > 0
	for _, s := range states {
		if s == Violation {
			return Violation, ""
		}
		all = all && s == Fair
	}
	switch {
	case all:
		return Fair, ""
	case wide:
		return Insufficient, "width"
	}
	return Insufficient, "straddles"
}

// place says where the interval lo..hi lies against what is tolerated, from..to.
func place(lo, hi, from, to float64) Fairness {
	switch {
	case hi < from || lo > to:
		return Violation
	case lo >= from && hi <= to:
		return Fair
	}
	return Insufficient
}

// EqualizedOdds is both error rates at once: the larger of the two gaps of recall and false positive rate (Hardt, Price & Srebro 2016),
// in size. The interval is from the larger of the lower bounds, each at half of alpha as either of two may err, to the larger of the upper ones.
func EqualizedOdds(g, ref Group, t Tolerance) (Disparity, bool) {
	opportunity, _ := FindCriterion("equal_opportunity")
	false1, _ := FindCriterion("false_positive_rate")
	a, ok := opportunity.Compare(g, ref, t)
	b, ok2 := false1.Compare(g, ref, t)
	if !ok || !ok2 {
		return Disparity{}, false
	}
	out := a
	if math.Abs(b.Gap.Value) > math.Abs(a.Gap.Value) {
		out = b
	}
	out.Criterion = "equalized_odds"
	_, ah := sizeOf(a.Gap.Low, a.Gap.High)
	_, bh := sizeOf(b.Gap.Low, b.Gap.High)
	al, _ := sizeOf(Newcombe(a.K, a.N, a.RefK, a.RefN, t.Alpha/2))
	bl, _ := sizeOf(Newcombe(b.K, b.N, b.RefK, b.RefN, t.Alpha/2))
	out.Gap.Value = math.Abs(out.Gap.Value)
	out.Gap.Low, out.Gap.High = max(al, bl), max(ah, bh)
	out.Gap.Few = a.Gap.Few || b.Gap.Few
	out.Ratio = Band{Estimate: Estimate{Value: math.NaN(), SE: math.NaN()}, Low: 0, High: math.Inf(1), Few: true}
	switch {
	case a.Reason == "events" || b.Reason == "events":
		out.State, out.Reason = Insufficient, "events"
	case a.Reason == "expected" || b.Reason == "expected":
		out.State, out.Reason = Insufficient, "expected"
	default:
		out.State, out.Reason = out.judge(Tolerance{Gap: t.Gap, Alpha: t.Alpha})
	}
	return out, true
}

// sizeOf is the interval of |x| for x in lo..hi.
func sizeOf(lo, hi float64) (least, most float64) {
	most = max(math.Abs(lo), math.Abs(hi))
	if lo <= 0 && hi >= 0 {
		return 0, most
	}
	return min(math.Abs(lo), math.Abs(hi)), most
}
