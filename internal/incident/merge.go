package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// byMerge is the reason of the end of an incident that goes on in another.
const byMerge = "merged"

// merge takes from into the incident that the act names: its signals go on there, and its own end is that.
func (b *Book) merge(from *entry, a *Act) ([]Told, error) {
	into := b.find(a.Into)
	switch {
	case into == nil:
		return nil, fmt.Errorf("%w: %s", ErrUnknown, a.Into)
	case into.shown.MergedInto != "":
		return nil, fmt.Errorf("%w: %s was merged into %s", ErrConflict, a.Into, into.shown.MergedInto)
	case into.inc.Model != from.inc.Model:
		return nil, fmt.Errorf("%w: %s is of model %s, %s of model %s", ErrConflict, a.Into, into.inc.Model, a.Incident, from.inc.Model)
	case from.status().Active() && !into.status().Active():
		return nil, fmt.Errorf("%w: %s is resolved and can't take one that isn't", ErrConflict, a.Into)
	}
	b.unite(from)
	b.unite(into)
	for _, p := range from.signals {
		into.take(p)
	}
	into.inc.Severity = severest(into.inc.Severity, from.inc.Severity)
	if from.inc.Onset.Before(into.inc.Onset) {
		into.inc.Onset = from.inc.Onset
	}
	into.asked, into.back = later(into.asked, from.asked), later(into.back, from.back)
	for _, id := range from.inc.Findings {
		if !slices.Contains(into.inc.Findings, id) {
			into.inc.Findings = append(into.inc.Findings, id)
		}
	}
	// What went away is shown as it last was: nothing is folded into it any more.
	from.signals, from.own = nil, nil
	if from.inc.Status.Active() {
		from.end(a.At, b.newest[from.inc.Model], byMerge)
	}
	from.inc.Reason, from.inc.MergedInto, from.inc.Silence = byMerge, into.inc.ID, nil
	b.enter(from, Event{At: a.At, What: string(Merged), Who: a.Actor, By: Person, Text: withComment("into "+into.inc.ID, a.Comment)})
	from.shown = from.whole()
	gone := Told{Merged, from.shown.clone()}
	gone.Incident.Change = Merged
	took := *a
	took.Comment = withComment("with "+from.inc.ID, a.Comment)
	return []Told{gone, b.note(into, &took, Merged)}, nil
}

// unite makes the guests of an incident its own for good, because people move its signals from here on.
func (b *Book) unite(e *entry) {
	if len(e.guests) == 0 {
		return
	}
	inc := e.whole()
	guests := e.guests
	e.guests = nil
	for _, g := range guests {
		for _, p := range g.signals {
			e.take(p)
		}
		e.asks, e.spans = append(e.asks, g.asks...), append(e.spans, g.spans...)
		e.events += g.events
		if g.inc.ResolvedAt == nil || g.over.After(e.over) {
			e.over = g.over
		}
		g.signals, g.asks, g.spans, g.absorbed, g.inc = nil, nil, nil, true, g.shown
	}
	e.arrived = make([]int, len(inc.Timeline))
	for i := range e.arrived {
		e.arrived[i] = b.count
	}
	e.inc = inc
}

// take makes a signal of another incident one of e's.
func (e *entry) take(p *part) {
	own := e.part(p.name)
	if own == nil {
		e.signals = append(e.signals, p)
		return
	}
	if p.last.At.After(own.last.At) {
		own.last = p.last
	}
	own.live, own.page = own.live || p.live, own.page || p.page
	if p.eased.After(own.eased) {
		own.eased = p.eased
	}
}

// split gives the signals of some subjects an incident of their own, whose id follows from the act's.
func (b *Book) split(e *entry, a *Act) ([]Told, error) {
	for _, s := range a.Subjects {
		if !slices.ContainsFunc(e.parts(), func(p *part) bool { return p.subject == s }) {
			return nil, fmt.Errorf("%w: it has no subject %q; it has %s", ErrConflict, s, list(e.names()))
		}
	}
	leaves := func(p *part) bool { return slices.Contains(a.Subjects, p.subject) }
	if !slices.ContainsFunc(e.parts(), func(p *part) bool { return !leaves(p) }) {
		return nil, fmt.Errorf("%w: nothing would be left of it", ErrConflict)
	}
	b.unite(e)
	sum := sha256.Sum256([]byte(e.inc.ID + "\x00" + a.ID))
	n := &entry{lane: e.lane, fault: e.fault, asked: e.asked, over: e.over, own: e.own, back: e.back, was: e.was, spans: slices.Clone(e.spans), inc: Incident{
		KindName: Kind, ID: hex.EncodeToString(sum[:8]), Model: e.inc.Model, Severity: finding.Ticket, Status: e.inc.Status, ResolvedAt: e.inc.ResolvedAt, Reason: e.inc.Reason,
		SplitFrom: e.inc.ID, Silence: e.inc.Silence, Findings: []string{},
	}}
	var stay []*part
	open := e.hasOpen()
	for _, p := range e.signals {
		if !leaves(p) {
			stay = append(stay, p)
			continue
		}
		n.signals = append(n.signals, p)
		n.inc.Findings = append(n.inc.Findings, p.last.ID)
		if p.page {
			n.inc.Severity = finding.Page
		}
		if n.inc.OpenedAt.IsZero() || p.since.Before(n.inc.OpenedAt) {
			n.inc.OpenedAt = p.since
		}
		if n.inc.Onset.IsZero() || p.last.Onset.Before(n.inc.Onset) {
			n.inc.Onset = p.last.Onset
		}
	}
	e.signals = stay
	b.list(n)
	e.side()
	n.side()
	both := func(e *entry, text string) Told {
		act := *a
		act.Comment = withComment(text, a.Comment)
		return b.note(e, &act, Parted)
	}
	told := []Told{both(e, list(a.Subjects)+" to "+n.inc.ID), both(n, "from "+e.inc.ID)}
	if open {
		told = append(append(told, b.settle(e, a)...), b.settle(n, a)...)
	}
	return told, nil
}

// side says which side an incident is of that signals have left, or that they went to: that of outcomes where it holds nothing else.
func (e *entry) side() {
	of := func(is bool) *part {
		for _, p := range e.signals {
			if (laneOf(&p.last) == truth) == is {
				return p
			}
		}
		return nil
	}
	switch inputs := of(false); {
	case inputs == nil:
		e.lane = truth
	case e.lane == truth && of(true) == nil:
		e.lane = laneOf(&inputs.last)
	}
	e.broken = e.corrupt()
}

// corrupt reports whether one of its own signals says that data are broken.
func (e *entry) corrupt() bool {
	return e.lane != truth && slices.ContainsFunc(e.signals, func(p *part) bool { return p.last.Diagnosis != nil && p.last.Diagnosis.Corruption })
}

// settle ends an incident whose open signals all went to the other one.
func (b *Book) settle(e *entry, a *Act) []Told {
	if !e.inc.Status.Active() || e.hasOpen() {
		return nil
	}
	e.end(a.At, b.newest[e.inc.Model], "")
	b.enter(e, Event{At: a.At, What: string(Closed), Who: a.Actor, By: Person})
	e.calls = false
	return []Told{{Closed, b.show(e, Closed)}}
}

func withComment(text, comment string) string {
	if comment == "" {
		return text
	}
	return text + ": " + comment
}
