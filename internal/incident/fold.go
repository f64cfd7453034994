package incident

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/change"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

const (
	joinGap     = 24 * time.Hour      // onsets this close are one incident
	joinPanes   = 3                   // or so many panes, where they are long: no alarm comes of fewer
	mostJoined  = 91 * 24 * time.Hour // but no longer, however quiet a slice is
	reopenAfter = 7 * 24 * time.Hour  // a signal that comes back sooner, or within three of its windows, reopens its incident
	pageAgain   = reopenAfter         // nobody is called twice for a signal that comes and goes
	manyEvents  = 200                 // lines of a timeline that are kept of signals
	manyActs    = 500                 // and of people
)

type lane string

const (
	data  lane = "data"  // seen on predictions
	level lane = "level" // seen on predictions over days or weeks: it began at no moment
	truth lane = "truth" // shown by outcomes
	prior lane = "prior" // how often outcomes are positive: that may change for good while the model is as good as ever
	known lane = "known" // which predictions get an outcome: what all other outcomes are seen through
	fair  lane = "fair"  // gaps between groups, seen on decisions
	equal lane = "equal" // the same, shown by outcomes
	books lane = "books" // offsets not accounted for exactly once: numbers that may be wrong
)

// Book holds the incidents of all models, folded from findings in order. It belongs to one goroutine.
type Book struct {
	policies map[string]*plan.Policy // by model
	all      []*entry
	byID     map[string]*entry
	topics   map[string][]string  // by model
	changes  []change.Event       // by time
	known    map[string]bool      // changes, by id
	jobs     map[string]*job      // by name
	acts     map[string]Act       // by id
	quiet    map[string]*Silence  // by model
	newest   map[string]time.Time // event time of a model's latest finding
	moved    []*entry             // became a part of another incident, or none of it, while the entry at hand was folded
	gone     []Told               // what became of those, and not asked for yet
	count    int                  // of what was folded
}

// entry is an incident and what the fold needs beside it. What its own signals and people did to it is kept apart from what it holds of others
// (whole.go): the former doesn't hang on what other lanes say.
type entry struct {
	inc      Incident // its own part
	shown    Incident // as people saw it last: with its guests, or as one
	told     bool     // people saw it
	lane     lane
	fault    bool
	signals  []*part         // in the order they joined
	first    finding.Finding // the one that opened it
	over     time.Time       // event time of its end, while it is resolved
	was      Status          // before its end
	spans    []stretch       // when it was not over
	asks     []time.Time     // event times at which its own signals asked for somebody to be called
	asked    time.Time       // the last of them; zero: they may ask at any time
	called   int             // of its pages, those that need no call any more
	calls    bool            // for the latest change somebody is to be called
	own      *Silence        // of the incident alone
	back     time.Time       // when it came back last, by the clock
	due      bool            // somebody is to be called when the silence ends
	events   int             // lines of the timeline that tell of signals
	arrived  []int           // when each line of the timeline was entered, as a count of what was folded
	broken   bool            // it turned out to be of broken data
	host     *entry          // what it is a part of, by itself
	guests   []*entry        // the parts of it, in the order in which they opened
	absorbed bool            // into another, for good: people have moved that
}

// stretch is a time in which an incident was not over; without an end it goes on. What brought it back had begun before it was seen.
type stretch struct{ began, from, to time.Time }

// part is one signal's part of an incident.
type part struct {
	name    string
	last    finding.Finding // the latest that alarmed
	since   time.Time       // when it joined
	live    bool
	page    bool      // it has been a page
	eased   time.Time // if it isn't live
	began   time.Time // the earliest onset of its alarms
	again   bool      // the incident was over, and came back with it: what is told of it is of then
	slice   map[string]string
	subject string
}

// NewBook makes an empty book.
func NewBook() *Book {
	return &Book{
		policies: map[string]*plan.Policy{}, byID: map[string]*entry{}, topics: map[string][]string{}, known: map[string]bool{}, jobs: map[string]*job{},
		acts: map[string]Act{}, quiet: map[string]*Silence{}, newest: map[string]time.Time{},
	}
}

// SetPolicy tells who owns a model's incidents and where its runbooks are.
func (b *Book) SetPolicy(model string, p *plan.Policy) { b.policies[model] = p }

// Incidents are all incidents, by the time they opened.
func (b *Book) Incidents() []Incident {
	out := make([]Incident, 0, len(b.all))
	for _, e := range b.all {
		if !e.absorbed && e.host == nil {
			out = append(out, e.shown)
		}
	}
	slices.SortStableFunc(out, Compare)
	return out
}

// Signal is what an incident shows: the channel, subject and metric of one of its findings, of whatever slice.
type Signal struct{ Channel, Subject, Metric string }

// Signals are what an incident shows or has shown, its own side's first.
func (b *Book) Signals(id string) []Signal {
	e := b.find(id)
	if e == nil {
		return nil
	}
	var out []Signal
	for _, p := range e.parts() {
		if one := (Signal{p.last.Channel, p.last.Subject, p.last.Metric}); !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	return out
}

// Compare orders incidents by the time they opened, then by model and id.
func Compare(a, b Incident) int {
	return cmp.Or(a.OpenedAt.Compare(b.OpenedAt), cmp.Compare(a.Model, b.Model), cmp.Compare(a.ID, b.ID))
}

// Change says what a finding, or a person, did to an incident.
type Change string

// The changes that findings make.
const (
	None     Change = ""
	Opened   Change = "opened"
	Joined   Change = "joined"   // one more signal
	Updated  Change = "updated"  // a signal it already has
	Raised   Change = "page"     // a ticket became a page
	Eased    Change = "eased"    // one of several signals recovered, or ended with its plan
	Closed   Change = "resolved" // the last signal did, or a person says so
	Reopened Change = "reopened" // also by a person
)

// Fold takes one finding into account and returns the incident it changed.
func (b *Book) Fold(f finding.Finding) (Change, Incident) {
	b.count++
	if f.At.After(b.newest[f.Model]) {
		b.newest[f.Model] = f.At
	}
	var c Change
	var e *entry
	if f.Alarming() {
		c, e = b.alarm(&f)
	} else if c, e = b.ease(&f); e == nil {
		return None, Incident{}
	}
	louder := b.take(e, &f, c)
	b.relate(e, c)
	b.wake(e.front())
	asks := b.ask(e, louder, f.At)
	return b.say(e, louder, asks)
}

// alarm finds the incident for a signal that alarms, as far as its own side tells.
func (b *Book) alarm(f *finding.Finding) (Change, *entry) {
	l, name := laneOf(f), f.Signal()
	for _, e := range b.all { // an open incident that has the signal, open too, or eased not long ago
		if p := e.part(name); e.active(f.Model) && p != nil && (p.live || e.goesOn(l) && soon(f, p.eased)) {
			if p.live && f.Diagnosis != nil { // told again, now that it has a name
				if b.another(e, p, f) {
					b.leave(e, p)
					return Opened, b.open(l, f)
				}
				p.began = f.Onset
			}
			p.last, p.live = *f, true
			return Updated, e
		}
	}
	for _, e := range b.all { // one that a person resolved while the signal was open: that it goes on is known, unless it got worse
		if p := e.part(name); e.inc.Model == f.Model && p != nil && p.live {
			p.last = *f
			if f.Severity == finding.Page && e.inc.Severity != finding.Page {
				b.again(e, p, f.Onset, f.At)
				return Reopened, e
			}
			return Updated, e
		}
	}
	if e := b.home(l, f); e != nil {
		if p := e.part(name); p != nil {
			p.last, p.live = *f, true
			return Updated, e
		}
		e.add(f, name)
		return Joined, e
	}
	for _, e := range slices.Backward(b.all) {
		if p := e.part(name); e.inc.Model == f.Model && !e.goesOn(l) && e.inc.MergedInto == "" && p != nil && soon(f, later(e.over, p.eased)) {
			p.last, p.live = *f, true
			b.again(e, p, f.Onset, f.At)
			return Reopened, e
		}
	}
	return Opened, b.open(l, f)
}

// open makes an incident of a signal.
func (b *Book) open(l lane, f *finding.Finding) *entry {
	e := &entry{lane: l, fault: f.Verdict == finding.Fault, first: *f, spans: []stretch{{began: f.Onset, from: f.At}}, inc: Incident{
		KindName: Kind, Model: f.Model, Status: Open, Severity: f.Severity, OpenedAt: f.At, Onset: f.Onset,
		Slices: []map[string]string{}, Numbers: []finding.Figure{}, Findings: []string{},
	}}
	name := f.Signal()
	sum := sha256.Sum256([]byte(strings.Join([]string{f.Model, string(l), name, f.Onset.UTC().Format(time.RFC3339Nano), f.At.UTC().Format(time.RFC3339Nano)}, "\x00")))
	e.inc.ID = hex.EncodeToString(sum[:8])
	b.hush(e)
	e.add(f, name)
	b.list(e)
	return e
}

// list takes an incident into the book.
func (b *Book) list(e *entry) {
	b.all = append(b.all, e)
	b.byID[e.inc.ID] = e
}

// home is the open incident for a signal that is in none yet: the one that tells already where its column lies, whatever opened since; else the
// youngest that it joins.
func (b *Book) home(l lane, f *finding.Finding) *entry {
	var youngest *entry
	for _, e := range slices.Backward(b.all) {
		if e.knows(l, f) {
			return e
		}
		if youngest == nil && b.joins(e, l, f) {
			youngest = e
		}
	}
	return youngest
}

// panesOf is how long the panes take that an alarm takes.
func panesOf(f *finding.Finding) time.Duration {
	return min(joinPanes*f.Window.End.Sub(f.Window.Start), mostJoined)
}

// soon reports whether a signal comes back so soon after it was over that it is the same trouble.
func soon(f *finding.Finding, over time.Time) bool {
	return f.At.Sub(over) <= max(reopenAfter, panesOf(f))
}

func laneOf(f *finding.Finding) lane {
	if f.Channel == "coverage" {
		return books
	}
	switch f.Channel {
	case "label_rate":
		return prior
	case "labelled_share":
		return known
	case "fairness":
		return fair
	case "fairness_outcomes":
		return equal
	}
	if f.Subject == "outcome" || f.Channel == "promise" {
		return truth
	}
	if f.Channel == "level" {
		return level
	}
	return data
}

func (e *entry) is(l lane, model string) bool { return e.lane == l && e.inc.Model == model }

// active reports whether e is of the model, and not over.
func (e *entry) active(model string) bool { return e.inc.Model == model && e.inc.Status.Active() }

// again opens an incident that was over, at an event time, for a signal that is back since another. Silences have ended and begun meanwhile, as if it were none of theirs.
func (b *Book) again(e *entry, p *part, began, at time.Time) {
	p.again = true
	if e.inc.Reason == byPerson {
		e.asked = time.Time{} // who said that it is over has to know
	}
	if !e.inc.Status.Active() {
		e.spans = append(e.spans, stretch{began: began, from: at})
	}
	e.inc.Status, e.inc.ResolvedAt, e.inc.Reason = OpenAgain, nil, ""
	e.inc.Reopenings++
	b.hush(e)
}

// end closes an incident at a time that people are shown, and at an event time.
func (e *entry) end(at, over time.Time, reason string) {
	e.was = e.inc.Status
	e.inc.Status, e.inc.ResolvedAt, e.inc.Reason = Resolved, &at, reason
	e.over = over
	for i := range e.spans {
		if s := &e.spans[i]; s.to.IsZero() {
			s.to = later(over, s.from)
		}
	}
}

func (e *entry) part(name string) *part {
	for _, p := range e.signals {
		if p.name == name {
			return p
		}
	}
	return nil
}

// hasOpen reports whether a signal of the incident has not recovered.
func (e *entry) hasOpen() bool {
	return slices.ContainsFunc(e.signals, func(p *part) bool { return p.live })
}

// hasLive reports whether a signal of the incident is open that is of the subject, and says that it lies elsewhere.
func (e *entry) hasLive(subject string) bool {
	return slices.ContainsFunc(e.signals, func(p *part) bool { return p.live && p.subject == subject && p.last.Channel == "level" })
}

// knows reports whether e tells that the column lies elsewhere: what the column does beside is that trouble; a hard fault is another.
func (e *entry) knows(l lane, f *finding.Finding) bool {
	return l == data && e.lane == level && f.Verdict != finding.Fault && e.active(f.Model) && e.hasLive(f.Subject)
}

// joins reports whether a new signal belongs to e. What outcomes show of a model that is already in trouble by outcomes is that trouble.
// On the data side what alarmed together is one. Then lineage decides, where it is known: columns behind which one change lies are one
// trouble, and those that come from different steps are two. Else what broke does, where one cause doesn't do both, and then the onset: a hard fault is known to the pane, so faults join
// faults of the same pane; a drift joins what began within a day, or three panes, of it.
func (b *Book) joins(e *entry, l lane, f *finding.Finding) bool {
	if !e.is(l, f.Model) || !e.goesOn(l) {
		return false
	}
	if l == truth {
		return true
	}
	if f.Evidence.Joint && slices.ContainsFunc(e.signals, func(p *part) bool { return p.last.Evidence.Joint && p.last.At.Equal(f.At) }) {
		return true // one alarm, of several signals together
	}
	if l == data {
		switch b.kinship(e, f) {
		case apart:
			return false
		case related:
			return true
		default:
			if e.brokeOtherwise(f) {
				return false
			}
		}
	}
	if f.Verdict == finding.Fault {
		return e.fault && f.Onset.Equal(e.inc.Onset)
	}
	between := f.Onset.Sub(e.inc.Onset)
	return max(between, -between) <= max(joinGap, panesOf(f))
}

func (e *entry) add(f *finding.Finding, name string) {
	e.signals = append(e.signals, &part{name: name, last: *f, since: f.At, began: f.Onset, live: true, slice: f.Slice, subject: f.Subject})
}

// ease ends one signal's part, which recovered or ended with its plan; the incident is over when no signal is left. A finding that neither alarms nor recovers tells
// how an open signal goes on. It returns nothing where the signal is open in no incident.
func (b *Book) ease(f *finding.Finding) (Change, *entry) {
	name := f.Signal()
	for _, e := range slices.Backward(b.all) {
		p := e.part(name)
		if e.inc.Model != f.Model || p == nil || !p.live {
			continue
		}
		ended := f.Verdict == finding.Superseded
		if ended && f.Baseline != p.last.Baseline {
			return None, nil // the plan that took over sees it, too
		}
		if f.Verdict != finding.Equivalent && !ended {
			if f.Impact != nil && p.last.Impact != nil {
				// The alarm's own price stands; what it has cost so far goes on growing.
				grown := *p.last.Impact
				grown.SoFar = f.Impact.SoFar
				p.last.Impact = &grown
			}
			return Updated, e
		}
		p.live, p.eased = false, f.At
		if e.hasOpen() {
			return Eased, e
		}
		if !e.inc.Status.Active() { // by a person, before
			e.over = f.At
			return Updated, e
		}
		reason := ""
		if ended {
			reason = string(finding.Superseded)
		}
		over := f.At
		for _, q := range e.signals {
			over = later(over, q.eased)
		}
		e.end(over, over, reason)
		return Closed, e
	}
	return None, nil
}

// take takes a finding into its incident, and returns what it did to it: as far as its own side tells.
func (b *Book) take(e *entry, f *finding.Finding, c Change) Change {
	inc := &e.inc
	inc.Findings = append(inc.Findings, f.ID)
	worse := f.Alarming() && f.Severity == finding.Page && inc.Severity != finding.Page && inc.Status.Active()
	if worse && c == Updated {
		c = Raised
	}
	if c == Opened || c == Joined || c == Closed || c == Reopened || c == Raised {
		what := string(c)
		if c == Closed && inc.Reason != "" {
			what = inc.Reason
		}
		if e.events < manyEvents {
			e.events++
			v := Event{At: f.At, What: what, Who: signalWords(f)}
			if c == Closed {
				v = e.last(v)
			}
			b.enter(e, v)
		}
	}
	if f.Alarming() {
		if f.Severity == finding.Page {
			inc.Severity = finding.Page
			e.part(f.Signal()).page = true
		}
		if !e.fault && f.Onset.Before(inc.Onset) {
			inc.Onset = f.Onset
		}
	}
	p := e.diagnosed()
	if p != nil && !p.again && f.Alarming() && p.last.Diagnosis.Kind != "covariate_shift" {
		inc.Onset = p.began // where it began is seen best by what is known to have happened
	}
	e.broken = e.broken || p != nil && p.last.Diagnosis.Corruption
	if worse && c == Joined {
		c = Raised
	}
	return c
}

// enter adds a line to an incident's timeline.
func (b *Book) enter(e *entry, v Event) {
	e.inc.Timeline = append(e.inc.Timeline, v)
	e.arrived = append(e.arrived, b.count)
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

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
