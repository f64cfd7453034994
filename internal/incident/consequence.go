package incident

import (
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// What outcomes show of a model whose data are known to be broken is part of that trouble, and gives it its price. Findings on inputs and those on outcomes
// interleave differently from run to run, so whether they belong together hangs on event times alone, and an incident that was over, as far as inputs
// tell, goes on where outcomes of its time come later. That the data were broken is always known before outcomes of then are judged: no cohort is handed out
// before its test pane (docs/architecture.md).

// explains reports whether what outcomes show comes of data that e knew to be broken: it began no earlier, as exactly as panes of outcomes tell, and not
// after the inputs had recovered. A promise that is broken is told by itself, whatever is behind it, and so is a gap between groups.
func (e *entry) explains(l lane, f *finding.Finding) bool {
	if l != truth || f.Channel == "promise" || e.inc.Model != f.Model || e.inc.MergedInto != "" || e.broken.IsZero() || e.broken.After(f.At) {
		return false
	}
	if over := e.overIn(e.lane); !over.IsZero() && !f.Onset.Before(over) {
		return false
	}
	return e.inc.Reason != byPerson && f.Onset.Add(f.Window.End.Sub(f.Window.Start)).After(e.inc.Onset)
}

// learn notes since when, by event time, an incident is known to be of broken data.
func (e *entry) learn(f *finding.Finding) {
	if p := e.diagnosed(); e.broken.IsZero() && p != nil && p.last.Diagnosis.Corruption {
		e.broken = f.At
	}
}

// across reports whether a lane is on the other side of the incident's own: outcomes, where that is of inputs, or the other way round.
func (e *entry) across(l lane) bool { return (l == truth) != (e.lane == truth) }

// overIn is when the last signal on a lane's side recovered; zero while one is open, and where there is none.
func (e *entry) overIn(l lane) time.Time {
	var over time.Time
	for _, p := range e.signals {
		switch {
		case e.across(laneOf(&p.last)) != e.across(l):
		case p.live:
			return time.Time{}
		case p.eased.After(over):
			over = p.eased
		}
	}
	return over
}

// goesOn reports whether e is not over as far as a lane tells: what its other signals do is nothing to that lane.
func (e *entry) goesOn(l lane) bool {
	return e.inc.Status.Active() && (!e.mixed() || e.overIn(l).IsZero())
}

// mixed reports whether an incident holds signals of both sides.
func (e *entry) mixed() bool {
	return slices.ContainsFunc(e.signals, func(p *part) bool { return e.across(laneOf(&p.last)) })
}

// revive makes an incident go on that was over too early, as outcomes show. It was not over and back.
func (e *entry) revive() {
	if e.inc.Status.Active() {
		return
	}
	e.inc.Status, e.inc.ResolvedAt, e.inc.Reason, e.over = Open, nil, "", time.Time{}
	for i, v := range slices.Backward(e.inc.Timeline) {
		if v.By == "" && v.What == string(Closed) {
			e.ending, e.events = v, e.events-1
			e.inc.Timeline = slices.Delete(slices.Clone(e.inc.Timeline), i, i+1)
			return
		}
	}
}

// last is the event of an incident's end: of the signal that recovered last by event time, whichever was heard of last.
func (e *entry) last(v Event) Event {
	if e.ending.At.After(v.At) {
		v = e.ending
	}
	e.ending = Event{}
	return v
}

// enter puts what a signal did into the timeline: of the incident's own side at the end, of the other by event time.
func (e *entry) enter(v Event, l lane) {
	at := len(e.inc.Timeline)
	for e.across(l) && at > 0 && e.inc.Timeline[at-1].By == "" && e.inc.Timeline[at-1].At.After(v.At) {
		at--
	}
	e.inc.Timeline = slices.Insert(slices.Clone(e.inc.Timeline), at, v)
}

// cite adds a finding to those of the incident, its own side's first.
func (e *entry) cite(id string, l lane) {
	if e.across(l) {
		e.inc.Findings = append(e.inc.Findings, id)
		e.foreign++
		return
	}
	e.inc.Findings = slices.Insert(e.inc.Findings, len(e.inc.Findings)-e.foreign, id)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// place is where a signal that joins stands among those of the incident: its own side's first, whichever is heard of first.
func (e *entry) place(l lane) int {
	at := len(e.signals)
	for !e.across(l) && at > 0 && e.across(laneOf(&e.signals[at-1].last)) {
		at--
	}
	return at
}
