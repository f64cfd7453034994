package engine

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// burnPair is two windows that burn a promise's budget at once (Beyer et al., The Site Reliability Workbook, 2018, ch. 5): the long one says
// that it matters, the short one that it still goes on. 5 minutes, as there, hold no outcomes.
type burnPair struct {
	long, short time.Duration
	factor      float64
}

var burnPairs = []burnPair{
	{6 * time.Hour, time.Hour, 6},
	{24 * time.Hour, 6 * time.Hour, 3},
	{72 * time.Hour, 24 * time.Hour, 1},
}

// burnReach is the longest window of a pair.
const burnReach = 72 * time.Hour

// turned is how decisions turned out: true positives, false positives, false negatives, true negatives.
type turned [decisions]int64

func (t *turned) add(o turned) {
	for i, v := range o {
		t[i] += v
	}
}

func turnedOf(c *sketch.Curve) turned { return turned{c.TP, c.FP, c.FN, c.TN} }

// burnPart is one cohort of a view.
type burnPart struct {
	Start  int64  `json:"start"`
	Turned turned `json:"turned"`
	// Selected is how many predictions wait for an outcome and how many have one, by stretch of scores; not in the states of earlier builds.
	Selected [plan.ScoreBands][2]int64 `json:"selected,omitzero"`
	// Versions is Turned by model version; not in the states of earlier builds.
	Versions map[string]turned `json:"versions,omitempty"`
}

// burnKept is what a promise has seen of one view: the cohorts of the longest pair, and its current window as far as it has come.
type burnKept struct {
	Start int64      `json:"start"` // of the current window
	SoFar turned     `json:"so_far"`
	Parts []burnPart `json:"parts"`
}

// burning is how a promise's metric burns its budget: decisions of each kind are worth so much, over those that count.
type burning struct {
	worth  [decisions]float64
	counts [decisions]bool
	base   float64 // that costs no budget
	budget float64 // allowed above it
	right  bool    // the metric is the share of what isn't wrong
}

// burningOf is how a promise burns; ok is false where its metric is no mean over decisions, or nothing is allowed beyond the reference.
func burningOf(p *plan.Plan, v *plan.View, pr *plan.Promise) (burning, bool) {
	all := [decisions]bool{true, true, true, true}
	share := func(counts [decisions]bool, wrong [decisions]float64) (burning, bool) {
		if pr.Min == nil || *pr.Min >= 1 {
			return burning{}, false
		}
		return burning{worth: wrong, counts: counts, budget: 1 - *pr.Min, right: true}, true
	}
	switch pr.Metric {
	case "expected_cost":
		ref, had := v.Measured(pr.Metric, p.Policy.Costs)
		limit, sign, given := promised(pr, ref)
		if !had || !given || sign < 0 || !(limit > ref.Value) {
			return burning{}, false
		}
		c := p.Policy.Costs
		return burning{worth: [decisions]float64{c.TruePositive, c.FalsePositive, c.FalseNegative, c.TrueNegative}, counts: all, base: ref.Value, budget: limit - ref.Value}, true
	case "accuracy":
		return share(all, [decisions]float64{0, 1, 1, 0})
	case "recall":
		return share([decisions]bool{true, false, true, false}, [decisions]float64{0, 0, 1, 0})
	case "specificity":
		return share([decisions]bool{false, true, false, true}, [decisions]float64{0, 1, 0, 0})
	case "precision":
		return share([decisions]bool{true, true, false, false}, [decisions]float64{0, 1, 0, 0})
	}
	return burning{}, false
}

// rate is the burn of some decisions, 1 where the whole window at this rate would spend the budget exactly, with the variance of it that
// independent decisions would have. A share burns at most 1/(1-SLO), as no more than everything can be wrong.
func (b *burning) rate(t turned) (burn, variance float64, n int64) {
	var sum, squares float64
	for i, k := range t {
		if b.counts[i] {
			n += k
			sum += float64(k) * b.worth[i]
			squares += float64(k) * b.worth[i] * b.worth[i]
		}
	}
	if n <= 0 {
		return math.NaN(), math.NaN(), 0
	}
	mean := sum / float64(n)
	return (mean - b.base) / b.budget, max(0, squares/float64(n)-mean*mean) / float64(n) / (b.budget * b.budget), n
}

// lower is the lower 95 % bound of the burn over parts. Its standard error is the larger of two: that of independent decisions, widened by the
// dispersion that outcomes showed in the reference, and, from three parts on, the jackknife over them with Student's quantile.
func (b *burning) lower(parts []burnPart, dispersion float64) (burn, low float64, n int64) {
	var whole turned
	for i := range parts {
		whole.add(parts[i].Turned)
	}
	burn, variance, n := b.rate(whole)
	if n < fewest {
		return burn, math.Inf(-1), n
	}
	reach := stat.NormalQuantile(0.95) * math.Sqrt(variance*max(1, dispersion))
	k := float64(len(parts))
	if k < persist {
		return burn, burn - reach, n
	}
	var mu, ss float64
	out := make([]float64, len(parts))
	for i := range parts {
		rest := whole
		for j, v := range parts[i].Turned {
			rest[j] -= v
		}
		r, _, left := b.rate(rest)
		if left == 0 {
			return burn, math.Inf(-1), n
		}
		out[i] = r
		mu += r / k
	}
	for _, r := range out {
		ss += (r - mu) * (r - mu)
	}
	return burn, burn - max(reach, stat.StudentQuantile(0.95, k-1)*math.Sqrt((k-1)/k*ss)), n
}

// judgeBurns follows how fast promises that page spend their budgets, with every cohort that is mature.
func (e *Engine) judgeBurns(c *window.Cohort, emit func(finding.Finding) error) error {
	if !e.monitored(c.Start, c.End) || e.plan.Score.Missing != plan.Unstated { // outcomes that stand for others make no counts: the window itself is judged
		return nil
	}
	for i := range e.plan.Policy.Promises {
		pr := &e.plan.Policy.Promises[i]
		if pr.Expr != "" || !slices.Contains(pr.Then, "page") || Unjudged(e.plan, pr) != "" {
			continue
		}
		for _, at := range e.viewsOf(pr) {
			v := &e.plan.Score.Views[at]
			b, ok := burningOf(e.plan, v, pr)
			if !ok {
				continue
			}
			known, err := c.View(e.plan, v.Dims, v.Codes)
			if err != nil {
				return err
			}
			curve := truth.CurveOf(known)
			if curve == nil {
				continue
			}
			key := promiseKey(pr) + "\x00" + finding.SliceKey(v.Slice)
			k := e.burns[key]
			if k == nil || k.over(c.Start, e.givesWay) {
				k = &burnKept{}
				e.burns[key] = k
			}
			by, err := c.ByVersion(e.plan, v.Dims, v.Codes)
			if err != nil {
				return err
			}
			k.add(c, pr, &burnPart{Start: c.Start, Turned: turnedOf(curve), Selected: selectedBy(e.plan, curve), Versions: turnedBy(by)})
			if err := e.judgeBurn(pr, v, &b, k, c.End, emit); err != nil {
				return err
			}
		}
	}
	return nil
}

// turnedBy is how decisions turned out by model version.
func turnedBy(versions map[string]truth.Counts) map[string]turned {
	out := map[string]turned{}
	for version, known := range versions {
		if curve := truth.CurveOf(known); curve != nil {
			out[version] = turnedOf(curve)
		}
	}
	return out
}

func (k *burnKept) add(c *window.Cohort, pr *plan.Promise, part *burnPart) {
	if start := plan.Align(c.Start, pr.Over); start != k.Start {
		k.Start, k.SoFar = start, turned{}
	}
	k.SoFar.add(part.Turned)
	k.Parts = slices.DeleteFunc(k.Parts, func(p burnPart) bool { return p.Start < c.End-burnReach.Microseconds() })
	k.Parts = append(k.Parts, *part)
}

// over reports whether what begins at start is of another era of the plan than the last cohort, and nothing of that counts any more.
func (k *burnKept) over(start int64, givesWay []int64) bool {
	n := len(k.Parts)
	return n > 0 && over(k.Parts[n-1].Start+1, start, givesWay) // it ends later than that, and with its era at the latest
}

// since are the cohorts from a time on.
func (k *burnKept) since(start int64) []burnPart {
	for i := range k.Parts {
		if k.Parts[i].Start >= start {
			return k.Parts[i:]
		}
	}
	return nil
}

// judgeBurn opens a promise's alarm before its window is over, where a pair of windows burns too fast. The window itself closes it, as every
// alarm of a promise.
func (e *Engine) judgeBurn(pr *plan.Promise, v *plan.View, b *burning, k *burnKept, end int64, emit func(finding.Finding) error) error {
	s := e.signal(promiseKey(pr) + "\x00" + finding.SliceKey(v.Slice))
	if s.Open || !pr.Until.IsZero() && end > plan.Micros(pr.Until) {
		return nil
	}
	for _, pair := range burnPairs {
		start := end - pair.long.Microseconds()
		if pair.short < e.plan.TestPane || pair.long > pr.Over || start < plan.Micros(e.plan.Reference.To) || !e.own(start, end) {
			continue
		}
		parts := k.since(start)
		long, low, n := b.lower(parts, e.plan.Score.Dispersion)
		var latest turned
		for _, p := range k.since(end - pair.short.Microseconds()) {
			latest.add(p.Turned)
		}
		short, _, m := b.rate(latest)
		if !(low > pair.factor) || m == 0 || !(short > pair.factor) || selective(e.plan, parts) {
			continue
		}
		was := *s
		s.update(start, true, 1)
		f := e.finding(start, end, "", "", "promise")
		s.name(&f, was, func() string { return e.promiseSubject(pr) })
		reference, _ := v.Measured(pr.Metric, e.plan.Policy.Costs)
		limit, _, _ := promised(pr, reference)
		f.Onset, f.Slice, f.Metric = plan.FromMicros(s.Onset), v.Slice, pr.Metric
		f.Value, f.Reference, f.Threshold = finding.Number(b.value(parts)), finding.Number(reference.Value), finding.Number(limit)
		f.N = finding.Sizes{Reference: e.plan.Score.Labels, Current: n}
		f.Verdict, f.Severity = finding.Breach, promiseSeverity(pr)
		spent, _, _ := b.rate(k.SoFar)
		spent *= float64(end-k.Start) / float64(pr.Over.Microseconds())
		f.Numbers = append([]finding.Figure{
			{Name: fmt.Sprintf("budget burnt over %s, in times what lasts, at least %.3g", spanWords(pair.long), low), Before: finding.Number(pair.factor), Now: finding.Number(long)},
			{Name: "over " + spanWords(pair.short), Before: finding.Number(pair.factor), Now: finding.Number(short)},
			{Name: "left of the budget of " + days(pr), Before: finding.None(), Now: finding.Number(100 * (1 - spent)), Unit: "%"},
		}, append(b.byVersion(e, pr, parts, reference), signed(pr)...)...)
		return emit(f)
	}
	return nil
}

// value is the promise's own metric over parts: for shares that of what is right.
func (b *burning) value(parts []burnPart) float64 {
	var whole turned
	for i := range parts {
		whole.add(parts[i].Turned)
	}
	return b.metric(whole)
}

func (b *burning) metric(t turned) float64 {
	burn, _, _ := b.rate(t)
	x := burn*b.budget + b.base
	if b.right {
		return 1 - x
	}
	return x
}

// byVersion is the promise's metric over parts by model version, where they are of several.
func (b *burning) byVersion(e *Engine, pr *plan.Promise, parts []burnPart, reference plan.Measured) (out []finding.Figure) {
	sums := map[string]turned{}
	for i := range parts {
		for version, t := range parts[i].Versions {
			sum := sums[version]
			sum.add(t)
			sums[version] = sum
		}
	}
	m, ok := metricOf(e.plan, pr)
	if !ok || len(sums) < 2 {
		return nil
	}
	for _, version := range slices.Sorted(maps.Keys(sums)) {
		if _, _, n := b.rate(sums[version]); n >= fewest {
			out = append(out, finding.Figure{Name: m.Words + " of version " + named(version), Before: finding.Number(reference.Value), Now: finding.Number(b.metric(sums[version]))})
		}
	}
	return out
}

// spanWords is a span for people.
func spanWords(d time.Duration) string {
	if h := d.Hours(); h >= 24 && math.Mod(h, 24) == 0 {
		return fmt.Sprintf("%g d", h/24)
	}
	return fmt.Sprintf("%g h", d.Hours())
}
