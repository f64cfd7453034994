package incident

import (
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// What outcomes show of a model whose data are known to be broken is part of that trouble, and gives it its price. Findings on inputs and those on outcomes
// interleave differently from run to run. So each side's incidents are folded as if there were no other, and which incident of broken data one of
// outcomes is a part of is looked up anew whenever either changes: from the event times of both, which no order of arrival changes. A part keeps its own
// life, and is none of the whole any more where its event times turn out to say so.

// explains reports whether what outcomes show in t comes of data that e knew to be broken: what opened t began no earlier, as exactly as panes of outcomes
// tell, and not after the inputs had recovered. A promise that is broken first is told by itself, whatever is behind it, and so is a gap between groups.
func (e *entry) explains(t *entry) bool {
	f := &t.first
	if !e.broken || e.absorbed || e.inc.MergedInto != "" || e.inc.Model != t.inc.Model || f.Channel == "promise" || e.inc.Reason == byPerson {
		return false
	}
	return e.brokenIn(f.Onset, f.Onset.Add(f.Window.End.Sub(f.Window.Start)))
}

// brokenIn reports whether the incident's own side was in trouble some time between two instants: since its onset, and again since what brought it back began.
func (e *entry) brokenIn(from, to time.Time) bool {
	if e.mixed() { // when one side was over isn't known but for the last time
		over := e.overIn(e.lane)
		return to.After(e.inc.Onset) && (over.IsZero() || from.Before(over))
	}
	for i, s := range e.spans {
		began := s.began
		if i == 0 {
			began = e.inc.Onset
		}
		if to.After(began) && (s.to.IsZero() || from.Before(s.to)) {
			return true
		}
	}
	return false
}

// breaker is the incident of broken data that explains t, or none; of several the one that began last before it.
func (b *Book) breaker(t *entry) *entry {
	var best *entry
	for _, e := range b.all {
		if e != t && e.explains(t) && (best == nil || !e.inc.Onset.Before(best.inc.Onset)) {
			best = e
		}
	}
	return best
}

// relate looks up what belongs together, now that a finding has changed e.
func (b *Book) relate(e *entry, c Change) {
	if e.lane == truth {
		if c == Opened {
			b.belong(e, b.breaker(e))
		}
		return
	}
	if !e.broken {
		return
	}
	for _, t := range b.all {
		if t != e && t.lane == truth && t.inc.Model == e.inc.Model && (t.host == e || e.explains(t)) && t.free() {
			b.belong(t, b.breaker(t))
		}
	}
}

// free reports whether an incident may become a part of another by itself, or stop being one: nobody has touched either.
func (e *entry) free() bool {
	return !e.absorbed && !e.touched() && (e.host == nil || !e.host.touched())
}

// touched reports whether people have done something about an incident, or are told of it no more.
func (e *entry) touched() bool {
	return e.inc.MergedInto != "" || e.inc.SplitFrom != "" || slices.ContainsFunc(e.inc.Timeline, func(v Event) bool { return v.By == Person })
}

// belong makes t a part of another incident, or of none.
func (b *Book) belong(t, host *entry) {
	was := t.host
	if was == host {
		return
	}
	if was != nil {
		was.guests = slices.DeleteFunc(slices.Clone(was.guests), func(g *entry) bool { return g == t })
		b.moved = append(b.moved, was)
	}
	t.host = host
	if host != nil {
		host.guests = nil
		for _, g := range b.all { // in their order, whenever each was found to belong there
			if g.host == host {
				host.guests = append(host.guests, g)
			}
		}
		b.moved = append(b.moved, host)
	}
	b.moved = append(b.moved, t)
}

// Gone returns what became of incidents beside the one that Fold returned, since it was asked last: parts of others, of which it is told that they are over, and Incidents
// doesn't have any more; and what turned out to be none of another incident, and is one of its own again.
func (b *Book) Gone() []Told {
	out := b.gone
	b.gone = nil
	return out
}

// across reports whether a lane is on the other side of the incident's own: outcomes, where that is of inputs, or the other way round. Only people bring
// both together in one.
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

// mixed reports whether an incident holds signals of both sides as its own.
func (e *entry) mixed() bool {
	return slices.ContainsFunc(e.signals, func(p *part) bool { return e.across(laneOf(&p.last)) })
}

// asking is what asks for a call by itself: it opened as a page, became one, or is back.
func asking(c Change) bool { return c == Opened || c == Raised || c == Reopened }

// ask notes that an incident's own signals ask for somebody to be called: once, and again if it comes back when they last asked long ago. A signal that comes
// and goes for days asks once.
func (b *Book) ask(e *entry, c Change, at time.Time) bool {
	if e.inc.Severity != finding.Page || !asking(c) || c != Raised && !e.asked.IsZero() && at.Sub(e.asked) <= pageAgain {
		return false
	}
	if front := e.front(); front.inc.Silence != nil {
		front.due = true
		return false
	}
	e.asks, e.asked = append(e.asks, at), at
	return true
}
