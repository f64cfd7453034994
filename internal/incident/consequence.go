package incident

import (
	"cmp"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// What outcomes show of a model whose data are known to be broken is part of that trouble, and gives it its price. Findings on inputs and those on outcomes
// interleave differently from run to run, so whether they belong together hangs on event times alone: an incident that was over, as far as inputs tell,
// goes on where outcomes of its time come later; and one that outcomes opened becomes a part of it when it turns out that data were broken.

// explains reports whether what outcomes show comes of data that e knew to be broken: it began no earlier, as exactly as panes of outcomes tell, and not
// after the inputs had recovered. A promise that is broken is told by itself, whatever is behind it, and so is a gap between groups.
func (e *entry) explains(l lane, f *finding.Finding) bool {
	if l != truth || f.Channel == "promise" || e.inc.Model != f.Model || e.inc.MergedInto != "" || !e.broken {
		return false
	}
	if over := e.overIn(e.lane); !over.IsZero() && !f.Onset.Before(over) {
		return false
	}
	return e.inc.Reason != byPerson && f.Onset.Add(f.Window.End.Sub(f.Window.Start)).After(e.inc.Onset)
}

// learn notes that an incident turns out to be of broken data, and takes those in that outcomes have opened meanwhile. One that people have touched stays
// as it is.
func (b *Book) learn(e *entry) {
	if p := e.diagnosed(); e.broken || p == nil || !p.last.Diagnosis.Corruption {
		return
	}
	e.broken = true
	for _, t := range b.all {
		if t == e || t.lane != truth || t.touched() || slices.ContainsFunc(t.signals, func(p *part) bool { return !e.explains(truth, &p.last) }) {
			continue
		}
		b.absorb(e, t)
	}
}

// touched reports whether people have done something about an incident, or are told of it no more.
func (e *entry) touched() bool {
	return e.inc.MergedInto != "" || e.inc.SplitFrom != "" || slices.ContainsFunc(e.inc.Timeline, func(v Event) bool { return v.By == Person })
}

// absorb makes an incident that outcomes opened a part of e, as if it had never been one. Who was called for it and hears now that it is over is called for e,
// if nobody has been: that is the same call.
func (b *Book) absorb(e, t *entry) {
	at := b.newest[e.inc.Model]
	if t.hasOpen() {
		b.revive(e)
	}
	for _, p := range t.signals {
		e.take(p)
	}
	e.inc.Severity = severest(e.inc.Severity, t.inc.Severity)
	if t.inc.Severity == finding.Page && t.inc.Status.Active() && (e.paged.IsZero() || e.uncalled) {
		e.inc.Pages, e.paged = max(e.inc.Pages, t.inc.Pages-1), time.Time{}
		e.louder = cmp.Or(e.louder, Raised)
	} else {
		e.inc.Pages = max(e.inc.Pages, t.inc.Pages)
		e.paged = later(e.paged, t.paged)
	}
	for _, id := range t.inc.Findings {
		e.cite(id, truth)
	}
	for _, v := range t.inc.Timeline {
		switch {
		case v.By != "" || v.What == string(Closed):
			continue
		case v.What == string(Opened) || v.What == string(Reopened):
			v.What = string(Joined)
		}
		e.enter(v, truth)
		e.events++
	}
	t.signals, t.own, t.due, t.absorbed = nil, nil, false, true
	t.end(at, at, byMerge)
	t.inc.MergedInto, t.inc.Silence = e.inc.ID, nil
	gone := t.inc.clone()
	gone.Change, gone.Calls = Merged, false
	b.gone = append(b.gone, Told{Merged, gone})
}

// Gone returns what became a part of another incident since it was asked last. Incidents doesn't have it any more.
func (b *Book) Gone() []Told {
	out := b.gone
	b.gone = nil
	return out
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

// revive makes an incident go on that was over too early, as outcomes show. It was not over and back, and stands where it stood; but who was told of its end
// has to hear of it.
func (b *Book) revive(e *entry) {
	if e.inc.Status.Active() {
		return
	}
	e.inc.Status, e.inc.ResolvedAt, e.inc.Reason, e.over = e.was, nil, "", time.Time{}
	e.louder = Reopened
	b.hush(e)
	for i, v := range slices.Backward(e.inc.Timeline) {
		if v.By == "" && v.What == string(Closed) {
			e.events--
			e.inc.Timeline = slices.Delete(slices.Clone(e.inc.Timeline), i, i+1)
			return
		}
	}
}

// last is the event of an incident's end: of the signal that recovered last by event time, whichever was heard of last.
func (e *entry) last(v Event) Event {
	for _, p := range e.signals {
		if p.eased.After(v.At) {
			v.At, v.Who = p.eased, signalWords(&p.last)
		}
	}
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
