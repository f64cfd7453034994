package incident

import (
	"fmt"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// byPerson is the reason of an end that a person declared.
const byPerson = "person"

// Told is an incident as an act left it, and what the act was to it.
type Told struct {
	Change   Change
	Incident Incident
}

// Act takes what a person did into account and returns the incidents it changed, the one it was about first. An act that is known
// changes nothing and returns the incident as it is. It fails with ErrAct, ErrUnknown or ErrConflict, and has then changed nothing.
func (b *Book) Act(a Act) ([]Told, error) {
	if err := a.Check(); err != nil {
		return nil, err
	}
	if known, ok := b.acts[a.ID]; ok {
		if !a.same(&known) {
			return nil, fmt.Errorf("%w: act %s is known and says something else", ErrConflict, a.ID)
		}
		return b.unchanged(&a), nil
	}
	b.count++
	told, err := b.apply(&a)
	if err == nil {
		b.acts[a.ID] = a
	}
	return told, err
}

// Knows reports whether an act of that id was taken.
func (b *Book) Knows(act string) bool {
	_, ok := b.acts[act]
	return ok
}

func (b *Book) unchanged(a *Act) []Told {
	if e := b.find(a.Incident); e != nil {
		return []Told{{None, e.shown.clone()}}
	}
	return nil
}

func (b *Book) apply(a *Act) ([]Told, error) {
	if a.Model != "" {
		return b.hushModel(a)
	}
	e := b.find(a.Incident)
	switch {
	case e == nil:
		return nil, fmt.Errorf("%w: %s", ErrUnknown, a.Incident)
	case e.shown.MergedInto != "":
		return nil, fmt.Errorf("%w: it was merged into %s", ErrConflict, e.shown.MergedInto)
	case len(e.inc.Timeline)-e.events >= manyActs:
		return nil, fmt.Errorf("%w: %d acts on one incident are the most", ErrConflict, manyActs)
	}
	switch a.Verb {
	case Merge:
		return b.merge(e, a)
	case Split:
		return b.split(e, a)
	default:
		change, err := b.one(e, a)
		if err != nil {
			return nil, err
		}
		return []Told{b.note(e, a, change)}, nil
	}
}

// one does what changes a single incident.
func (b *Book) one(e *entry, a *Act) (Change, error) {
	inc, status := &e.inc, e.status()
	refuse := func() (Change, error) { return None, fmt.Errorf("%w: it is %s", ErrConflict, status) }
	if a.outdated(e) {
		return None, fmt.Errorf("%w: that was done at %s, and it came back at %s", ErrConflict, day(a.when()), day(e.back))
	}
	switch a.Verb {
	case Acknowledge:
		if status != Open && status != OpenAgain {
			return refuse()
		}
		e.stand(Acknowledged)
		if inc.Assignee == "" {
			inc.Assignee = a.Actor
		}
		return Acked, nil
	case Mitigate:
		if !status.Active() || status == Mitigated {
			return refuse()
		}
		e.stand(Mitigated)
		return Contained, nil
	case Resolve:
		if !status.Active() {
			return refuse()
		}
		b.finish(e, a.At)
		return Closed, nil
	case Reopen:
		if status.Active() {
			return refuse()
		}
		b.again(e, e.lead(), b.newest[inc.Model], b.newest[inc.Model])
		e.back = a.when()
		return Reopened, nil
	case Assign:
		inc.Assignee = a.Assignee
		return Assigned, nil
	case Hush:
		if !status.Active() {
			return refuse()
		}
		e.own = &Silence{By: a.Actor, At: a.At, Until: a.Until, Why: a.Comment}
		b.hush(e)
		return Silenced, nil
	case Unhush:
		if e.own == nil {
			return None, fmt.Errorf("%w: it is not silenced by itself", ErrConflict)
		}
		e.own = nil
		b.hush(e)
		return Unsilenced, nil
	case Judge:
		inc.Verdict = &Judgement{Says: a.Verdict, By: a.Actor, At: a.At, Why: a.Comment}
		return Judged, nil
	default: // Remark
		return Commented, nil
	}
}

// finish ends an incident with all that belongs to it: a person says that it is over.
func (b *Book) finish(e *entry, at time.Time) {
	for _, x := range e.all() {
		if x.inc.Status.Active() {
			x.end(at, b.newest[e.inc.Model], byPerson)
		}
	}
	e.inc.Reason, e.inc.ResolvedAt = byPerson, &at // also where inputs had recovered before
}

// outdated reports whether an act says where an incident stood before it came back: news of it was late, and it is no longer so.
func (a *Act) outdated(e *entry) bool {
	return (a.Verb == Acknowledge || a.Verb == Mitigate || a.Verb == Resolve) && a.when().Before(e.back)
}

// CameBack notes when, by the clock, an incident's signals brought it back: findings bear event time only, and what people did before that doesn't count.
func (b *Book) CameBack(id string, at time.Time) {
	if e := b.find(id); e != nil && at.After(e.back) {
		e.back = at
	}
}

// note enters an act in the timeline. What a person does calls nobody, but that a silence ended in which somebody was to be called.
func (b *Book) note(e *entry, a *Act, c Change) Told {
	inc, status := &e.inc, e.status()
	b.enter(e, Event{At: a.when(), What: string(c), Who: a.Actor, By: Person, Text: a.words()})
	e.calls = c == Unsilenced && e.due && inc.Silence == nil && (status == Open || status == OpenAgain)
	if e.calls {
		e.asked = b.newest[inc.Model]
		e.asks = append(e.asks, e.asked)
	}
	if inc.Silence == nil {
		e.due = false
	}
	out := b.show(e, c)
	e.called, e.told = out.Pages, true
	return Told{c, out}
}

// words is what the timeline says of an act beside its verb.
func (a *Act) words() string {
	text := ""
	switch a.Verb {
	case Assign:
		text = "to " + a.Assignee
		if a.Assignee == "" {
			text = "to its owner"
		}
	case Hush:
		text = "until " + a.Until.UTC().Format(stamp)
	case Judge:
		text = "true alarm"
		if a.Verdict == FalseAlarm {
			text = "false alarm"
		}
	default:
	}
	if a.Comment == "" {
		return text
	}
	if text != "" {
		text += ": "
	}
	return text + a.Comment
}

// hush sets the silence that people are shown: of the incident's own and its model's the one that ends later.
func (b *Book) hush(e *entry) {
	e.inc.Silence = e.own
	if m := b.quiet[e.inc.Model]; m != nil && (e.own == nil || m.Until.After(e.own.Until)) {
		e.inc.Silence = m
	}
}

// hushModel silences all incidents of a model, those to come too, or ends that.
func (b *Book) hushModel(a *Act) ([]Told, error) {
	was := b.quiet[a.Model]
	change := Silenced
	if a.Verb == Unhush {
		if was == nil {
			return nil, fmt.Errorf("%w: model %s is not silenced", ErrConflict, a.Model)
		}
		delete(b.quiet, a.Model)
		change = Unsilenced
	} else {
		b.quiet[a.Model] = &Silence{By: a.Actor, At: a.At, Until: a.Until, Why: a.Comment, Model: true}
	}
	var told []Told
	for _, e := range b.all {
		if e.inc.Model != a.Model || e.host != nil || !e.status().Active() {
			continue
		}
		b.hush(e)
		told = append(told, b.note(e, a, change))
	}
	return told, nil
}

// Ended returns the acts that end the silences which are over at a time, in a fixed order. Their id says which silence it was.
func (b *Book) Ended(now time.Time, actor string) []Act {
	var out []Act
	add := func(incident, model string, s *Silence) {
		if s != nil && !s.Until.After(now) {
			out = append(out, Act{
				KindName: KindAct, ID: fmt.Sprintf("end of silence %s%s %d %d", incident, model, s.At.UnixMicro(), s.Until.UnixMicro()),
				At: now, Actor: actor, Verb: Unhush, Incident: incident, Model: model,
			})
		}
	}
	models := make([]string, 0, len(b.quiet))
	for m := range b.quiet {
		models = append(models, m)
	}
	slices.Sort(models)
	for _, m := range models {
		add("", m, b.quiet[m])
	}
	for _, e := range b.all {
		add(e.inc.ID, "", e.own)
	}
	return out
}

// Find is the incident of that id.
func (b *Book) Find(id string) (Incident, bool) {
	if e := b.find(id); e != nil {
		return e.shown.clone(), true
	}
	return Incident{}, false
}

func (b *Book) find(id string) *entry { return b.byID[id] }

// clone is the incident as it is now: what is appended to later isn't shared, and the rest is replaced as a whole.
func (i *Incident) clone() Incident {
	out := *i
	out.Findings, out.Timeline = slices.Clone(i.Findings), slices.Clone(i.Timeline)
	return out
}

// severest is the louder of two severities.
func severest(a, b finding.Severity) finding.Severity {
	if a == finding.Page || b == finding.Page {
		return finding.Page
	}
	return a
}
