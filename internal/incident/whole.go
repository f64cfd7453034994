package incident

import (
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// An incident as people see it: its own part, and its guests, which are what outcomes show of it. All of it is made anew from those, so that it doesn't
// hang on which of them was heard of first.

// front is the incident that people see in place of e.
func (e *entry) front() *entry {
	if e.host != nil {
		return e.host
	}
	return e
}

// all are the entries whose signals an incident shows, its own first.
func (e *entry) all() []*entry {
	return append([]*entry{e}, e.guests...)
}

// parts are the signals that an incident shows, its own first.
func (e *entry) parts() []*part {
	if len(e.guests) == 0 {
		return e.signals
	}
	var out []*part
	for _, x := range e.all() {
		out = append(out, x.signals...)
	}
	return out
}

// status is where the whole stands: it is over when all of it is. What goes on in a guest only was not over and back, and stands where it stood.
func (e *entry) status() Status {
	if e.inc.Status.Active() {
		return e.inc.Status
	}
	out := Resolved
	for _, g := range e.guests {
		switch {
		case g.inc.Status == OpenAgain:
			return OpenAgain
		case g.inc.Status.Active():
			out = e.was
		}
	}
	return out
}

// stand sets where an incident that isn't over stands.
func (e *entry) stand(s Status) {
	for _, x := range e.all() {
		if x.inc.Status.Active() {
			x.inc.Status = s
		}
	}
	if !e.inc.Status.Active() {
		e.was = s
	}
}

// whole is the incident as people see it.
func (e *entry) whole() Incident {
	out := e.inc.clone()
	out.Pages = e.pages()
	out.Status = e.status()
	out.Timeline = e.timeline()
	over := e.over
	for _, g := range e.guests {
		out.Severity = severest(out.Severity, g.inc.Severity)
		out.Reopenings += g.inc.Reopenings
		out.Findings = append(out.Findings, g.inc.Findings...)
		if g.over.After(over) { // by event time, also where a person said so
			over, out.ResolvedAt, out.Reason = g.over, g.inc.ResolvedAt, g.inc.Reason
		}
	}
	if out.Status.Active() {
		out.ResolvedAt, out.Reason = nil, ""
	}
	return out
}

// partOf is what an incident looks like that is a part of another.
func (b *Book) partOf(e, host *entry) Incident {
	out := e.inc.clone()
	at := b.newest[e.inc.Model]
	out.Status, out.ResolvedAt, out.Reason, out.MergedInto, out.Silence, out.Pages = Resolved, &at, byMerge, host.inc.ID, nil, e.pages()
	return out
}

// pages is how often somebody was to be called, by event times: each time that signals asked for it, unless the incident had been open ever since the
// call before.
func (e *entry) pages() int {
	asks := slices.Clone(e.asks)
	for _, g := range e.guests {
		asks = append(asks, g.asks...)
	}
	slices.SortFunc(asks, time.Time.Compare)
	n := 0
	var last time.Time
	for _, at := range asks {
		if n == 0 || e.wasOver(last, at) {
			n, last = n+1, at
		}
	}
	return n
}

// wasOver reports whether the whole was over some time between two instants.
func (e *entry) wasOver(from, to time.Time) bool {
	for at := from; at.Before(to); {
		next := at
		for _, x := range e.all() {
			for _, s := range x.spans {
				switch {
				case s.from.After(at):
				case s.to.IsZero():
					return false
				default:
					next = later(next, s.to)
				}
			}
		}
		if !next.After(at) {
			return true
		}
		at = next
	}
	return false
}

// openAt reports whether e was open at an instant; one that ended just then was, if ended says so.
func (e *entry) openAt(at time.Time, ended bool) bool {
	return slices.ContainsFunc(e.spans, func(s stretch) bool {
		return !at.Before(s.from) && (s.to.IsZero() || at.Before(s.to) || ended && at.Equal(s.to))
	})
}

// openBeside reports whether something of the whole beside its i-th entry was open at an instant. Of several that ended just then the last speaks.
func (e *entry) openBeside(i int, at time.Time) bool {
	for j, x := range e.all() {
		if j != i && x.openAt(at, j > i) {
			return true
		}
	}
	return false
}

// timeline is the incident's own with what its guests did by event time, each in its order; what a person did stays between what was heard of before and
// after. One was not over, and not back, while another was open.
func (e *entry) timeline() []Event {
	if len(e.guests) == 0 {
		return slices.Clone(e.inc.Timeline)
	}
	var out []Event
	var arrived []int
	for i, x := range e.all() {
		from := 0
		for j, v := range x.inc.Timeline {
			over := v.By != Person && (v.What == string(Closed) || v.What == string(finding.Superseded))
			switch {
			case over && e.openBeside(i, v.At):
				continue
			case i > 0 && (v.What == string(Opened) || v.What == string(Reopened) && e.openBeside(i, v.At)):
				v.What = string(Joined)
			}
			at := len(out)
			for i > 0 && at > from && follows(out[at-1], arrived[at-1], v, x.arrived[j]) {
				at--
			}
			out, arrived = slices.Insert(out, at, v), slices.Insert(arrived, at, x.arrived[j])
			from = at + 1
		}
	}
	return out
}

// follows reports whether a line of the timeline, entered then, comes after another.
func follows(v Event, then int, other Event, otherThen int) bool {
	if v.By == Person {
		return then > otherThen
	}
	return v.At.After(other.At)
}

// say makes an incident as people see it anew, and returns it with what happened to it: as its own signals tell, or louder, because of what became a part of it
// or is none any more. Asks says that somebody is to be called for that.
func (b *Book) say(e *entry, c Change, asks bool) (Change, Incident) {
	e = e.front()
	asks = b.tellMoved(e) || asks
	c = b.seen(e, c, asks)
	pages := e.shown.Pages
	e.calls = false
	if asks && pages > e.called && e.shown.Status.Active() {
		if e.inc.Silence != nil {
			e.due = true
		} else {
			e.calls, e.due = true, false
			if c == Joined || c == Updated {
				c = Raised
				if e.called > 0 {
					c = Reopened // who was told that it is over is called again
				}
			}
		}
	}
	e.called = pages
	return c, b.shown(e, c)
}

// wake takes up the silences of now where an incident that was over, as people saw it, goes on.
func (b *Book) wake(e *entry) {
	if e.told && !e.shown.Status.Active() && e.status().Active() {
		b.hush(e)
	}
}

// seen makes an incident as people see it anew, and returns what they see happen.
func (b *Book) seen(e *entry, c Change, asks bool) Change {
	was, told := e.shown, e.told
	loud := asks || asking(c)
	b.wake(e)
	b.show(e, c)
	e.told = true
	now := &e.shown
	up, is := was.Status.Active(), now.Status.Active()
	switch {
	case !told:
		c = Opened
	case !up && is:
		return Reopened
	case up && !is:
		return Closed
	case !is:
		return Updated
	case c == Opened || c == Reopened || c == Raised && was.Severity == finding.Page:
		c = Joined
	case c == Closed:
		c = Eased
	}
	if loud && c != Opened && was.Severity != finding.Page && now.Severity == finding.Page {
		c = Raised
	}
	return c
}

// tellMoved tells what became of incidents beside e, and reports whether a page has become a part of e that goes on.
func (b *Book) tellMoved(e *entry) (asks bool) {
	moved := b.moved
	b.moved = nil
	pages := map[*entry]bool{}
	for i, x := range moved {
		if slices.Contains(moved[:i], x) || x.host == nil {
			continue
		}
		if x.inc.Status.Active() && x.inc.Severity == finding.Page {
			pages[x.host] = true
		}
		x.shown = b.partOf(x, x.host)
		if x.told {
			gone := x.shown.clone()
			gone.Change, gone.Calls = Merged, false
			b.gone = append(b.gone, Told{Merged, gone})
		}
	}
	for i, x := range moved {
		if !slices.Contains(moved[:i], x) && x.host == nil && x != e {
			c, inc := b.say(x, Updated, pages[x] || len(x.asks) > 0 && x.lane == truth)
			b.gone = append(b.gone, Told{c, inc})
		}
	}
	return pages[e]
}
