package engine

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// coverage is what promises on label_coverage have seen: of predictions from the lane of panes, of outcomes from that of cohorts. A window is
// judged once both lanes have passed it, so that which was first doesn't show.
type coverage struct {
	Predicted map[int64]map[string]int64 `json:"predicted,omitempty"` // by start of the test pane and slice
	Labelled  map[int64]map[string]int64 `json:"labelled,omitempty"`
	Next      map[string]int64           `json:"next,omitempty"` // by promise: the window to judge next
}

// coverageLenses are the slices that promises on coverage look at, under the policy of what is being judged: what others will ask for is not known to who
// judges it live.
func (e *Engine) coverageLenses() []lens {
	var out []lens
	seen := map[string]bool{}
	for i := range e.plan.Policy.Promises {
		pr := &e.plan.Policy.Promises[i]
		if pr.Metric != labelCoverage || Unjudged(e.plan, pr) != "" {
			continue
		}
		for _, l := range lensesOf(e.plan, pr) {
			if !seen[l.key()] {
				seen[l.key()] = true
				out = append(out, l)
			}
		}
	}
	return out
}

// coveragePane notes how many predictions of a test pane wait for outcomes: those with a score, as the join takes them.
func (e *Engine) coveragePane(p *window.Pane) error {
	return e.cover(&e.covers.Predicted, p.Start, func(l *lens) (int64, error) {
		set, err := serviceView(e.plan, p, l)
		if err != nil {
			return 0, err
		}
		return int64(math.Round(float64(set.Scored) * e.plan.Sampled())), nil
	})
}

// coverageCohort notes how many outcomes of a cohort came in time.
func (e *Engine) coverageCohort(c *window.Cohort) error {
	return e.cover(&e.covers.Labelled, c.Start, func(l *lens) (int64, error) {
		known, err := c.View(e.plan, l.dims, l.codes)
		if err != nil {
			return 0, err
		}
		return known.Labels(), nil
	})
}

func (e *Engine) cover(into *map[int64]map[string]int64, start int64, count func(*lens) (int64, error)) error {
	lenses := e.coverageLenses()
	if len(lenses) == 0 || start < plan.Micros(e.plan.Reference.To) {
		return nil
	}
	if *into == nil {
		*into = map[int64]map[string]int64{}
	}
	by := map[string]int64{}
	for i := range lenses {
		n, err := count(&lenses[i])
		if err != nil {
			return err
		}
		by[lenses[i].key()] = n
	}
	(*into)[start] = by
	return nil
}

// covered is the event time up to which both lanes that coverage is made of have been judged; record.NoTime before that.
func (e *Engine) covered() int64 {
	closed, mature := e.panes.Reached()
	if closed == record.NoTime || mature == record.NoTime {
		return record.NoTime
	}
	return min(closed, mature)
}

// judgeCoverage judges the windows that both lanes have passed.
func (e *Engine) judgeCoverage(emit func(finding.Finding) error) error {
	passed := e.covered()
	if passed == record.NoTime {
		return nil
	}
	longest := int64(0)
	done := map[string]bool{}
	for _, r := range e.reigns {
		for i := range r.Policy.Promises {
			pr := &r.Policy.Promises[i]
			key := promiseKey(pr)
			if pr.Metric != labelCoverage || Unjudged(r, pr) != "" || done[key] {
				continue
			}
			done[key] = true
			longest = max(longest, pr.Over.Microseconds())
			if err := e.coverageWindows(pr, key, passed, emit); err != nil {
				return err
			}
		}
	}
	for _, m := range []map[int64]map[string]int64{e.covers.Predicted, e.covers.Labelled} {
		for start := range m {
			if start < passed-2*longest {
				delete(m, start)
			}
		}
	}
	return nil
}

// coverageWindows judges a promise's windows up to passed. Of the promise itself only what its key says counts: the rest may change from policy to policy.
func (e *Engine) coverageWindows(pr *plan.Promise, key string, passed int64, emit func(finding.Finding) error) error {
	over := pr.Over.Microseconds()
	for {
		next, ok := e.covers.Next[key]
		if !ok || len(e.covers.Predicted) > 0 {
			first := int64(math.MaxInt64)
			for start := range e.covers.Predicted {
				if at := plan.Align(start, pr.Over); !ok || at >= next {
					first = min(first, at)
				}
			}
			next, ok = max(next, first), first != math.MaxInt64
		}
		if !ok || next+over > passed {
			return nil
		}
		if e.covers.Next == nil {
			e.covers.Next = map[string]int64{}
		}
		e.covers.Next[key] = next + over
		if err := e.coverageWindow(pr, key, next, next+over, emit); err != nil {
			return err
		}
	}
}

// coverageWindow judges a promise by one window, under the policy in force at its end.
func (e *Engine) coverageWindow(pr *plan.Promise, key string, start, end int64, emit func(finding.Finding) error) error {
	if err := e.supersedeBefore(laneOfCoverage, start, emit); err != nil {
		return err
	}
	if !e.own(start, end) {
		return nil
	}
	was := e.plan
	defer func() { e.plan = was }()
	e.plan = e.reigns.At(end - 1)
	now, promisedNow := promiseOf(e.plan, key)
	if promisedNow {
		pr = now
	}
	m, _ := findService(labelCoverage)
	seen := e.promisedPanes(key, start, end)
	for _, l := range lensesOf(e.plan, pr) {
		if !promisedNow {
			if !e.signal(serviceSignal(pr, &l)).Open {
				continue
			}
			v := serviceVerdict{kept: true, metric: m.name, value: math.NaN(), threshold: math.NaN(), figure: finding.Figure{Name: "the contract no longer promises it", Before: finding.None(), Now: finding.None()}}
			if err := e.tellService(pr, &m, &l, start, end, v, emit); err != nil {
				return err
			}
			continue
		}
		if !e.monitored(start, end) || pr.Min == nil {
			continue
		}
		var n, k int64
		for _, at := range seen {
			n += e.covers.Predicted[at][l.key()]
			k += e.covers.Labelled[at][l.key()]
		}
		k = min(k, n) // there are outcomes of predictions that came too late for their pane
		_, hi := stat.Wilson(k, n, 0.10)
		v := serviceVerdict{
			metric: m.name, n: n, value: float64(share(k, n)), threshold: *pr.Min,
			broken: n >= fewest && hi < *pr.Min, kept: n >= fewest && float64(k) >= *pr.Min*float64(n),
			figure: finding.Figure{Name: "predictions with an outcome", Before: finding.Number(100 * *pr.Min), Now: 100 * share(k, n), Unit: "%"},
		}
		if err := e.tellService(pr, &m, &l, start, end, v, emit); err != nil {
			return err
		}
	}
	return nil
}

// promisedPanes are the test panes of a window in which a promise was one already, by their starts: others may not have been looked at by its slices.
func (e *Engine) promisedPanes(key string, start, end int64) (out []int64) {
	for at := start; at < end; at += e.plan.TestPane.Microseconds() {
		if _, promised := promiseOf(e.reigns.At(at), key); promised {
			out = append(out, at)
		}
	}
	return out
}

// promiseOf is the promise of a plan's policy that has a key.
func promiseOf(p *plan.Plan, key string) (*plan.Promise, bool) {
	for i := range p.Policy.Promises {
		if promiseKey(&p.Policy.Promises[i]) == key {
			return &p.Policy.Promises[i], true
		}
	}
	return nil, false
}
