package engine

import (
	"cmp"
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// serviceKept is what a promise on predictions has seen of its current window, by slice.
type serviceKept struct {
	Start  int64                     `json:"start"`
	End    int64                     `json:"end,omitempty"`    // of what it has seen; 0 in the states of earlier builds
	Closed bool                      `json:"closed,omitempty"` // the window was judged
	Counts map[string]*serviceCounts `json:"counts"`
}

// serviceCounts are integers: they add in any order.
type serviceCounts struct {
	N      int64 `json:"n,omitempty"`      // events
	Above  int64 `json:"above,omitempty"`  // events beyond the limit for sure
	Within int64 `json:"within,omitempty"` // events within it for sure
	Gap    int64 `json:"gap,omitempty"`    // longest time without an event that ended in the window, at least; microseconds
	Last   int64 `json:"last,omitempty"`   // end of the latest stretch that held an event, 0 before the first
}

// serviceBase adds an ended base pane to the windows of promises on predictions, and judges those that have ended.
func (e *Engine) serviceBase(p *window.Pane, emit func(finding.Finding) error) error {
	for i := range e.plan.Policy.Promises {
		pr := &e.plan.Policy.Promises[i]
		m, ok := findService(pr.Metric)
		if !ok || !onPanes(pr.Metric) || Unjudged(e.plan, pr) != "" || byMoments(e.plan, pr) {
			continue
		}
		limit, _, _ := serviceLimit(e.plan, pr, &m)
		var described *sketch.Histogram
		if m.quantile > 0 && len(pr.By) == 0 {
			s, err := p.Summary(e.plan)
			if err != nil {
				return err
			}
			described = s.Latency
		}
		count := func(l *lens, c *serviceCounts) error {
			set, err := serviceView(e.plan, p, l)
			if err != nil {
				return err
			}
			if m.name == contract.ReasonCodeCoverage {
				given, all := set.Reasoned(pr.Of)
				c.N, c.Above, c.Within = c.N+all, c.Above+all-given, c.Within+given
				return nil
			}
			if m.quantile == 0 {
				c.see(p.Start, p.End, set.Rows)
				return nil
			}
			above, within, all := slower(e.plan, &set.Columns[latencyColumn(e.plan)], described, limit)
			c.N, c.Above, c.Within = c.N+all, c.Above+above, c.Within+within
			return nil
		}
		if err := e.serviceUnit(pr, &m, p.Start, p.End, count, emit); err != nil {
			return err
		}
	}
	return e.serviceWithdrawn(p.End, emit)
}

// byMoments reports whether a promise is told by moments, which are finer than base panes, and know no slices.
func byMoments(p *plan.Plan, pr *plan.Promise) bool {
	return pr.Metric == freshness && len(pr.By) == 0 && p.Moment() > 0
}

// serviceMoment adds a moment that held events to the promises on freshness.
func (e *Engine) serviceMoment(n *window.Moment, emit func(finding.Finding) error) error {
	rows := n.Whole().Rows
	for i := range e.plan.Policy.Promises {
		pr := &e.plan.Policy.Promises[i]
		if !byMoments(e.plan, pr) || Unjudged(e.plan, pr) != "" {
			continue
		}
		m, _ := findService(pr.Metric)
		count := func(_ *lens, c *serviceCounts) error { c.see(n.Start, n.End, rows); return nil }
		if err := e.serviceUnit(pr, &m, n.Start, n.End, count, emit); err != nil {
			return err
		}
	}
	return nil
}

// see counts the events of a stretch. What lies between it and the one before had none: that long at least nothing came.
func (c *serviceCounts) see(start, end, rows int64) {
	if rows == 0 {
		return
	}
	if c.Last != 0 {
		c.Gap = max(c.Gap, start-c.Last)
	}
	c.N, c.Last = c.N+rows, end
}

// serviceUnit adds a stretch of event time to a promise's window. Stretches come in order.
func (e *Engine) serviceUnit(pr *plan.Promise, m *serviceMetric, start, end int64, count func(*lens, *serviceCounts) error, emit func(finding.Finding) error) error {
	key := promiseKey(pr)
	length := pr.Over.Microseconds()
	at := plan.Align(start, pr.Over)
	k := e.services[key]
	if k == nil || over(k.End, start, e.givesWay) { // what was seen before another plan's time is no part of anything
		k = &serviceKept{Start: at, Counts: map[string]*serviceCounts{}}
		k.Closed = m.name == volume && at != start // a part of a window holds too few events for no fault of theirs
		e.services[key] = k
	}
	if at != k.Start {
		if err := e.closeService(pr, m, k, emit); err != nil {
			return err
		}
		for next := k.Start + length; next < at; next += length { // of windows without any event the first whole one is judged
			if !e.whole(next, next+length) {
				continue
			}
			k.begin(next)
			if err := e.closeService(pr, m, k, emit); err != nil {
				return err
			}
			break
		}
		k.begin(at)
	}
	lenses := lensesOf(e.plan, pr)
	for i := range lenses {
		c := k.Counts[lenses[i].key()]
		if c == nil {
			c = &serviceCounts{}
			k.Counts[lenses[i].key()] = c
		}
		if err := count(&lenses[i], c); err != nil {
			return err
		}
	}
	if k.End = end; end >= at+length {
		return e.closeService(pr, m, k, emit)
	}
	return nil
}

// begin starts a window: what was counted is the former one's, but for when the latest event came.
func (k *serviceKept) begin(start int64) {
	k.Start, k.Closed = start, false
	for _, c := range k.Counts {
		*c = serviceCounts{Last: c.Last}
	}
}

// closeService judges a window that has ended, under the policy in force at its end: what comes next may be long after.
func (e *Engine) closeService(pr *plan.Promise, m *serviceMetric, k *serviceKept, emit func(finding.Finding) error) error {
	end := k.Start + pr.Over.Microseconds()
	if k.Closed {
		return nil
	}
	k.Closed = true
	was := e.plan
	defer func() { e.plan = was }()
	e.plan = e.reigns.At(end - 1)
	pr, promised := promiseOf(e.plan, promiseKey(pr))
	if !promised {
		return nil // it ended with that
	}
	limit, sign, given := serviceLimit(e.plan, pr, m)
	if !given || !e.whole(k.Start, end) {
		return nil
	}
	lenses := lensesOf(e.plan, pr)
	for i := range lenses {
		c := k.Counts[lenses[i].key()]
		if c == nil {
			c = &serviceCounts{}
		}
		v := c.verdict(m, limit, sign)
		if err := e.tellService(pr, m, &lenses[i], k.Start, end, v, emit); err != nil {
			return err
		}
	}
	return nil
}

// serviceVerdict is what a window says of a promise.
type serviceVerdict struct {
	broken, kept     bool
	value, threshold float64
	metric           string
	n                int64
	figure           finding.Figure
}

func (c *serviceCounts) verdict(m *serviceMetric, limit, sign float64) serviceVerdict {
	v := serviceVerdict{metric: m.name, n: c.N, threshold: limit}
	switch {
	case m.quantile > 0:
		left := 1 - m.quantile
		v.metric, v.threshold = m.name+shareAbove, left
		v.value = float64(share(c.Above, c.N))
		v.broken = longer(c.Above, c.N, m.quantile)
		v.kept = c.N >= fewest && float64(c.N-c.Within) <= left*float64(c.N)
		v.figure = finding.Figure{Name: fmt.Sprintf("slower than %g s", limit), Before: finding.Number(100 * left), Now: finding.Number(100 * v.value), Unit: "%"}
	case m.name == freshness:
		v.value = float64(c.Gap) / 1e6
		v.broken = v.value > limit
		v.kept = c.N > 0 && !v.broken
		v.figure = finding.Figure{Name: "at least so long without an event", Before: finding.Number(limit), Now: finding.Number(v.value), Unit: "s"}
	case m.name == contract.ReasonCodeCoverage:
		return c.reasoned(v)
	default:
		v.value = float64(c.N)
		v.broken = sign*(v.value-limit) > 0
		v.kept = !v.broken
		v.figure = finding.Figure{Name: "events", Before: finding.Number(limit), Now: finding.Number(v.value)}
	}
	return v
}

func serviceSignal(pr *plan.Promise, l *lens) string {
	lane := "service "
	if !onPanes(pr.Metric) { // of the lane of outcomes, as every promise on them
		lane = ""
	}
	return lane + promiseKey(pr) + "\x00" + l.key()
}

// tellService takes one window's verdict into account. A promise that has ended is broken no longer.
func (e *Engine) tellService(pr *plan.Promise, m *serviceMetric, l *lens, start, end int64, v serviceVerdict, emit func(finding.Finding) error) error {
	s := e.signal(serviceSignal(pr, l))
	expired := !pr.Until.IsZero() && end > plan.Micros(pr.Until)
	did, was := nothing, *s
	switch {
	case !expired && v.broken:
		did = s.update(start, true, 1)
	case s.Open && (expired || v.kept):
		*s = signal{Onset: s.Onset}
		did = recovered
	}
	if did == nothing {
		return nil
	}
	f := e.finding(start, end, "", "promise: "+serviceWords(pr, m), "promise")
	s.name(&f, was, func() string { return e.promiseSubject(pr) })
	f.Onset, f.Slice, f.Metric = plan.FromMicros(s.Onset), l.slice, v.metric
	f.Value, f.Threshold = finding.Number(v.value), finding.Number(v.threshold)
	f.N = finding.Sizes{Current: v.n}
	f.Verdict, f.Severity = finding.Breach, promiseSeverity(pr)
	if did == recovered {
		f.Verdict, f.Severity = finding.Equivalent, finding.Info
	}
	f.Numbers = append([]finding.Figure{v.figure}, signed(pr)...)
	return emit(f)
}

// serviceWithdrawn ends the alarms of promises on predictions that former policies held and the present one doesn't.
func (e *Engine) serviceWithdrawn(end int64, emit func(finding.Finding) error) error {
	now := map[string]bool{}
	for i := range e.plan.Policy.Promises {
		now[promiseKey(&e.plan.Policy.Promises[i])] = true
	}
	for _, former := range e.reigns {
		for i := range former.Policy.Promises {
			pr := &former.Policy.Promises[i]
			m, ok := findService(pr.Metric)
			if !ok || now[promiseKey(pr)] || !onPanes(pr.Metric) || former.From.After(e.plan.From) {
				continue
			}
			delete(e.services, promiseKey(pr))
			for _, l := range lensesOf(e.plan, pr) {
				s := e.signal(serviceSignal(pr, &l))
				if !s.Open {
					continue
				}
				metric := m.name
				if m.quantile > 0 {
					metric += shareAbove
				}
				f := e.finding(end-pr.Over.Microseconds(), end, "", cmp.Or(s.As, "promise: "+serviceWords(pr, &m)), "promise")
				f.Onset, f.Slice, f.Metric = plan.FromMicros(s.Onset), l.slice, metric
				f.Verdict, f.Severity = finding.Equivalent, finding.Info
				f.Numbers = []finding.Figure{{Name: "the contract no longer promises it", Before: finding.None(), Now: finding.None()}}
				*s = signal{Onset: s.Onset}
				if err := emit(f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
