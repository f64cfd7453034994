package engine

import (
	"math"
	"time"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// Shares of the false-alarm budgets: inputs spend from that of tickets, outcomes from that of pages. Only a quarter is spent
// nominally; the rest is for what the null model doesn't know.
const (
	nominal    = 0.25
	ofInputs   = drift.OfInputs
	ofTruth    = 0.40
	ofSlices   = 0.20 // of what a family has
	rateFamily = 4    // rates judged per column, beside its distribution
)

// judgeTest compares one test pane with the reference, column by column.
func (e *Engine) judgeTest(p *window.Pane, emit func(finding.Finding) error) error {
	defer e.recent.forget()
	set, err := p.Whole(e.plan)
	if err != nil {
		return err
	}
	alpha := e.inputAlpha()
	if err := e.snapshot.pane(e.plan, p, set, alpha/2); err != nil {
		return err
	}
	if err := e.estimatePane(p); err != nil {
		return err
	}
	if e.monitored(p.Start, p.End) {
		e.recent.remember(p, e.givesWay)
		e.watch.moved = true
	}
	watched := len(e.plan.Drift) > 0
	if watched && p.Start >= plan.Micros(e.plan.Reference.To) { // declared odd days, too: the engine leaves them out by itself
		if err := e.judgeDrift(p, set, emit); err != nil {
			return err
		}
	}
	if p.Start >= plan.Micros(e.plan.Reference.To) {
		if err := e.judgeGroups(p, emit); err != nil {
			return err
		}
	}
	if !e.monitored(p.Start, p.End) {
		return nil
	}
	if watched {
		if err := e.judgeWide(p, set, emit); err != nil {
			return err
		}
	}
	if err := e.judgeForm(p, set, alpha/2/rateFamily, emit); err != nil {
		return err
	}
	if err := e.judgeFaults(p, true, emit); err != nil {
		return err
	}
	for i := range e.plan.Columns {
		c, n := &e.plan.Columns[i], &set.Columns[i]
		if c.Layout.Empty {
			continue
		}
		if !watched {
			if f := e.judgeDistribution(p, c, n, alpha/2); f != nil {
				if err := emit(*f); err != nil {
					return err
				}
			}
		}
		for _, r := range rates(c, n) {
			if watched && r.promised == nil {
				continue
			}
			if f := e.judgeRate(p, c.Name, r, alpha/2/rateFamily); f != nil {
				if err := emit(*f); err != nil {
					return err
				}
			}
		}
	}
	if watched {
		return nil
	}
	for i, rule := range e.plan.Rules {
		r := rate{channel: "rule", metric: "broken_share", k: set.Rules[i], n: set.Rows, before: rule.Share, rows: e.plan.ReferenceRows, floor: e.plan.Policy.Floor}
		if f := e.judgeRate(p, rule.Name, r, alpha); f != nil {
			if err := emit(*f); err != nil {
				return err
			}
		}
	}
	return nil
}

// inputAlpha is one pane's share of the ticket budget for one column or rule; a column's distribution takes half of it, its
// rates the other half.
func (e *Engine) inputAlpha() float64 {
	days := float64(e.plan.TestPane) / float64(24*time.Hour)
	return clampAlpha(nominal * ofInputs * e.plan.Policy.Tickets * days / float64(max(1, len(e.plan.Columns)+len(e.plan.Rules))))
}

// clampAlpha keeps an error rate where quantiles are meaningful.
func clampAlpha(a float64) float64 { return min(max(a, 1e-9), 0.05) }

// comparison is what one pane's bins say against the reference's.
type comparison struct {
	counts  stat.Verdict
	limit   float64         // PSI beyond it deviates
	verdict finding.Verdict // drift, equivalent or undecided; learning where the reference is too short to judge by
}

// compare holds a pane's bins against the reference's by PSI, with two limits of which the larger counts: a shift that is too small to
// matter plus sampling noise, and what the reference's own panes of the same length did.
func compare(c *plan.Column, n *sketch.Column, null plan.Null, shift, alpha float64) comparison {
	cur, ref := cells(c, n)
	v := stat.Judge(cur, ref, shift*shift, null.Deff, alpha)
	out := comparison{counts: v, limit: v.Threshold, verdict: finding.Undecided}
	if y, ok := stat.RangeLimit(null.Mean, null.SD, null.Panes, alpha); ok {
		out.limit = max(out.limit, y*y*y)
	}
	switch {
	case null.Panes < stat.MinWindows:
		out.verdict = finding.Learning
	case sum(n.Bins) < fewest:
	case v.PSI > out.limit:
		out.verdict = finding.Drift
	case v.State == stat.Equivalent:
		out.verdict = finding.Equivalent
	}
	return out
}

// spread reports whether a column has a distribution to compare: more than one value in the reference.
func spread(c *plan.Column) bool { return !c.Layout.Constant() && c.Layout.Bins() > 1 }

// judgeDistribution follows the distribution of one column from pane to pane.
func (e *Engine) judgeDistribution(p *window.Pane, c *plan.Column, n *sketch.Column, alpha float64) *finding.Finding {
	if !spread(c) {
		return nil
	}
	v := compare(c, n, c.Reference.Null, c.Ignore.Shift, alpha)
	if v.verdict == finding.Learning || sum(n.Bins) < fewest {
		return nil
	}
	s := e.signal("distribution\x00" + c.Name)
	did := s.update(p.Start, v.verdict == finding.Drift, persist)
	if did != opened && did != recovered {
		return nil
	}
	f := e.finding(p.Start, p.End, p.Version(), c.Name, "distribution")
	f.Onset, f.Offsets = plan.FromMicros(s.Onset), offsets(p)
	e.apart(&f, c, n, v, c.Reference.Null, alpha, did == recovered)
	f.IgnoreBelow = finding.Number(c.Ignore.Shift * c.Ignore.Shift)
	return &f
}

// apart says how far a distribution lies from the reference's.
func (e *Engine) apart(f *finding.Finding, c *plan.Column, n *sketch.Column, v comparison, null plan.Null, alpha float64, recovered bool) {
	f.Metric, f.Value, f.Reference = "psi", finding.Number(v.counts.PSI), finding.Number(null.Mean*null.Mean*null.Mean)
	f.Threshold = finding.Number(v.limit)
	f.N = finding.Sizes{Reference: sum(c.Reference.Bins), Current: sum(n.Bins)}
	f.Evidence = tailEvidence((math.Cbrt(v.counts.PSI)-null.Mean)/(null.SD*math.Sqrt(1+1/float64(null.Panes))), null.Panes, alpha)
	f.Verdict, f.Severity = finding.Drift, finding.Ticket
	if recovered {
		f.Verdict, f.Severity = finding.Equivalent, finding.Info
	}
	f.Numbers = []finding.Figure{{Name: "PSI", Before: f.Reference, Now: f.Value}}
	if !c.Layout.Categorical { // categories have no order: neither mean nor KS
		ks, _ := stat.KS(n.Bins, c.Reference.Bins)
		f.Numbers = []finding.Figure{
			{Name: "mean " + c.Name, Before: finding.Number(c.Reference.Mean), Now: mean(n)},
			f.Numbers[0],
			{Name: "KS distance", Before: finding.None(), Now: finding.Number(ks)},
		}
	}
}

// cells are the two vectors of counts that a comparison judges: bins are in order, categories are not, so rare ones are
// put together first.
func cells(c *plan.Column, n *sketch.Column) (cur, ref []int64) {
	if c.Layout.Categorical {
		return stat.MergeRare(n.Bins, c.Reference.Bins)
	}
	return n.Bins, c.Reference.Bins
}

// tailEvidence expresses how far out a standardised value lies under the null learnt from k panes.
func tailEvidence(t float64, k int, alpha float64) finding.Evidence {
	p := stat.StudentCDF(-t, float64(k-1))
	return finding.Evidence{Log10: finding.Number(-math.Log10(max(p, 1e-300))), Needed: finding.Number(-math.Log10(alpha))}
}

// rate is a share of events that should stay small or as it was: k of n now, before of rows in the reference.
type rate struct {
	channel, metric string
	k, n            int64
	before          float64
	rows            int64
	floor           float64
	promised        *float64 // the contract's own limit: beyond it is a breach
}

// rates are the shares judged for a column.
func rates(c *plan.Column, n *sketch.Column) []rate {
	ref := &c.Reference
	before := func(k int64) float64 { return float64(k) / float64(max(1, ref.N)) }
	out := []rate{
		{"missing", "missing_share", n.Missing, n.N, before(ref.Missing), ref.N, c.Ignore.Rate, c.Missing},
		{"invalid", "invalid_share", n.Invalid, n.N, before(ref.Invalid), ref.N, c.Ignore.Rate, nil},
	}
	if c.Range != nil || len(c.Values) > 0 {
		kept := before(ref.Broken) + c.Ignore.Rate // a range is promised of every event; what the reference broke is known
		out = append(out, rate{"range", "out_of_promised_share", n.Broken, n.N - n.Missing - n.Invalid, before(ref.Broken), ref.N, c.Ignore.Rate, &kept})
	}
	if c.Layout.Constant() {
		return out
	}
	if c.Layout.Open {
		return out
	}
	if c.Layout.Categorical {
		return append(out, rate{"new_category", "new_category_share", n.New, n.N - n.Missing - n.Invalid, before(ref.Singles), ref.N, c.Ignore.Rate, nil})
	}
	return append(out, rate{"out_of_range", "outside_reference_share", n.Below + n.Above, n.N - n.Missing - n.Invalid, 0, ref.N, c.Ignore.Rate, nil})
}

// judgeRate asks whether the lower confidence bound of a share lies beyond the reference's upper bound by more than what is
// too small to matter.
func (e *Engine) judgeRate(p *window.Pane, subject string, r rate, alpha float64) *finding.Finding {
	if r.n < fewest || r.rows == 0 {
		return nil
	}
	_, upper := stat.Wilson(int64(math.Round(r.before*float64(r.rows))), r.rows, 2*alpha)
	limit := upper + r.floor
	verdict := finding.Drift
	if r.promised != nil {
		limit, verdict = *r.promised, finding.Breach
	}
	lower, _ := stat.Wilson(r.k, r.n, 2*alpha)
	s := e.signal(r.channel + " rate\x00" + subject)
	did := s.update(p.Start, lower > limit, persist)
	if did != opened && did != recovered {
		return nil
	}
	f := e.finding(p.Start, p.End, p.Version(), subject, r.channel)
	f.Onset, f.Offsets = plan.FromMicros(s.Onset), offsets(p)
	f.Metric, f.Value, f.Reference = r.metric, share(r.k, r.n), finding.Number(r.before)
	f.IgnoreBelow, f.Threshold = finding.Number(r.floor), finding.Number(limit)
	f.N = finding.Sizes{Reference: r.rows, Current: r.n}
	f.Verdict, f.Severity = verdict, finding.Ticket
	if did == recovered {
		f.Verdict, f.Severity = finding.Equivalent, finding.Info
	}
	f.Numbers = []finding.Figure{{Name: words[r.channel], Before: finding.Number(100 * r.before), Now: 100 * f.Value, Unit: "%"}}
	return &f
}

// words says a rate channel in plain words.
var words = map[string]string{
	"missing": "missing", "invalid": "not a number", "range": "outside the promised range", "new_category": "in a category never seen",
	"out_of_range": "outside the reference's range", "rule": "rule broken",
}
