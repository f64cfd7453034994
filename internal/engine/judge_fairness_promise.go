package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// groupsKept is what a promise on groups has seen of its current window, and of earlier ones what groups had that were too small to say anything of.
type groupsKept struct {
	start int64
	tally *fairness.Tally          // nil: none
	waits map[string]fairness.Pair // by group, see finding.SliceKey
}

// judgeGroupPromises adds a stretch to the windows of the lane's promises on groups and judges those that have ended.
func (e *Engine) judgeGroupPromises(l *gapLane, s *groupsOf, emit func(finding.Finding) error) error {
	held := map[string]bool{}
	for i := range e.plan.Policy.Promises {
		pr := &e.plan.Policy.Promises[i]
		m, ok := fairness.Find(pr.Metric)
		if !ok || m.Outcomes != l.outcomes {
			continue
		}
		key := promiseKey(pr)
		held[key] = true
		k := l.kept[key]
		if k == nil {
			k = &groupsKept{waits: map[string]fairness.Pair{}}
			l.kept[key] = k
		}
		start := plan.Align(s.Start, pr.Over)
		if k.tally != nil && k.start != start {
			if err := e.judgeGroupWindow(l, pr, &m, k, s, emit); err != nil {
				return err
			}
		}
		if !e.monitored(s.Start, s.End) {
			continue
		}
		if k.tally == nil {
			k.start, k.tally = start, s.Tally.Clone()
		} else if err := k.tally.Merge(s.Tally); err != nil {
			return err
		}
		if s.End >= start+pr.Over.Microseconds() {
			if err := e.judgeGroupWindow(l, pr, &m, k, s, emit); err != nil {
				return err
			}
		}
	}
	return e.withdrawGroups(l, s, held, emit)
}

// judgeGroupWindow judges a promise over the window that is held, for every group that it names.
func (e *Engine) judgeGroupWindow(l *gapLane, pr *plan.Promise, m *fairness.Metric, k *groupsKept, s *groupsOf, emit func(finding.Finding) error) error {
	tally := k.tally
	k.tally = nil
	if e.away(k.start, k.start+pr.Over.Microseconds()) {
		return nil
	}
	for _, dims := range viewsOfGroups(e.plan, pr) {
		pairs := tally.Pairs(e.plan, dims)
		for i := range pairs {
			if err := e.judgePair(l, pr, m, k, s, dims, &pairs[i], len(pairs), emit); err != nil {
				return err
			}
		}
	}
	return nil
}

// promiseLevel is the probability at which a promise that is just kept is said to be broken, for some group of it in one window.
const promiseLevel = 0.05

// judgePair judges a promise for one of so many groups. What is too little to say anything of waits for the next window; an alarm ends when the gap itself is
// within the limit.
func (e *Engine) judgePair(l *gapLane, pr *plan.Promise, m *fairness.Metric, k *groupsKept, s *groupsOf, dims []int, pair *fairness.Pair, groups int, emit func(finding.Finding) error) error {
	slice := pair.Labels(e.plan, dims)
	name := finding.SliceKey(slice)
	sg := e.signal(l.signal(pr) + name)
	end := k.start + pr.Over.Microseconds()
	expired := !pr.Until.IsZero() && end > plan.Micros(pr.Until)
	if expired && !sg.Open {
		return nil
	}
	stood, basis := m.Stand(*pair)
	pair = &stood
	if had, ok := k.waits[name]; ok {
		pair.Counts, pair.Other = pair.Plus(had.Counts), pair.Other.Plus(had.Other)
	}
	limit, _ := groupLimit(pr)
	gap, state := m.Compare(pair, 2*promiseLevel/float64(groups))
	if state == fairness.TooFew || state == fairness.Undefined {
		if !expired {
			k.waits[name] = *pair
			return nil
		}
	} else {
		delete(k.waits, name)
	}
	var did change
	was := *sg
	switch within := m.Within(gap.Value, limit); {
	case expired || within && sg.Open:
		*sg = signal{Onset: sg.Onset}
		did = recovered
	case m.Judge(gap, state, limit) == fairness.Violated:
		did = sg.update(k.start, true, 1)
	}
	if did == nothing {
		return nil
	}
	f := e.groupPromiseFinding(l, pr, m, k.start, end, dims, slice, s.version)
	sg.name(&f, was, func() string { return e.groupsSubject(pr, dims) })
	f.Onset = plan.FromMicros(sg.Onset)
	f.Value, f.Threshold = finding.Number(gap.Value), finding.Number(limit)
	f.N = finding.Sizes{Reference: gap.Other, Current: gap.N}
	if did == recovered {
		f.Verdict, f.Severity = finding.Equivalent, finding.Info
	}
	f.Numbers = []finding.Figure{
		{Name: fmt.Sprintf("%s of %s against %s over %s", m.Words, name, e.otherGroup(dims), days(pr)), Before: finding.Number(limit), Now: finding.Number(gap.Value)},
		{Name: "lower end of its interval", Before: finding.None(), Now: finding.Number(gap.Low)},
		{Name: "upper end", Before: finding.None(), Now: finding.Number(gap.High)},
	}
	if l.outcomes {
		e.groupsRestOn(&f, basis)
	}
	return emit(f)
}

// groupsRestOn says with a finding on groups what its rates rest on, where that isn't the outcomes of all. Nobody is paged for rates of a selection.
func (e *Engine) groupsRestOn(f *finding.Finding, basis fairness.Basis) {
	words := basis.Words()
	if e.selectiveNow() {
		words = ofSelection
	}
	if (e.selectiveNow() || basis == fairness.Selected) && f.Severity == finding.Page {
		f.Severity = finding.Ticket
	}
	if words != "" {
		f.Numbers = append(f.Numbers, finding.Figure{Name: words, Before: finding.None(), Now: finding.None()})
	}
}

func groupLimit(pr *plan.Promise) (limit float64, ok bool) {
	switch {
	case pr.Min != nil:
		return *pr.Min, true
	case pr.Max != nil:
		return *pr.Max, true
	}
	return 0, false // a contract promises one of them
}

func (e *Engine) groupPromiseFinding(l *gapLane, pr *plan.Promise, m *fairness.Metric, start, end int64, dims []int, slice map[string]string, version string) finding.Finding {
	f := e.finding(start, end, version, plainGroups(e.plan, dims), ofDecisions)
	if l.outcomes {
		f.Channel = ofOutcomes
	}
	f.Slice, f.Metric = slice, m.Name
	f.Verdict, f.Severity = finding.Breach, promiseSeverity(pr)
	return f
}

// signal begins the names of a promise's signals; those of outcomes begin as all of them do.
func (l *gapLane) signal(pr *plan.Promise) string {
	name := "groups " + promiseKey(pr) + "\x00"
	if l.outcomes {
		return "truth " + name
	}
	return name
}

// withdrawGroups ends the alarms of promises on groups that former policies held and the present one doesn't.
func (e *Engine) withdrawGroups(l *gapLane, s *groupsOf, held map[string]bool, emit func(finding.Finding) error) error {
	for _, former := range e.reigns {
		for i := range former.Policy.Promises {
			pr := &former.Policy.Promises[i]
			m, ok := fairness.Find(pr.Metric)
			if !ok || m.Outcomes != l.outcomes || held[promiseKey(pr)] || former.From.After(e.plan.From) {
				continue
			}
			delete(l.kept, promiseKey(pr))
			for _, name := range slices.Sorted(maps.Keys(e.signals)) {
				group, ours := strings.CutPrefix(name, l.signal(pr))
				sg := e.signals[name]
				if !ours || !sg.Open {
					continue
				}
				for _, key := range slices.Sorted(maps.Keys(e.alarms)) {
					a := e.alarms[key]
					if a.Metric != m.Name || finding.SliceKey(a.Slice) != group || sg.As != "" && a.Subject != sg.As {
						continue
					}
					f := e.finding(s.End-pr.Over.Microseconds(), s.End, s.version, a.Subject, a.Channel)
					f.Onset, f.Slice, f.Metric = plan.FromMicros(sg.Onset), a.Slice, m.Name
					f.Verdict, f.Severity = finding.Equivalent, finding.Info
					f.Numbers = []finding.Figure{{Name: "the contract no longer promises it", Before: finding.None(), Now: finding.None()}}
					if err := emit(f); err != nil {
						return err
					}
					break
				}
				*sg = signal{Onset: sg.Onset}
			}
		}
	}
	return nil
}
