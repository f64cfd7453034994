package incident

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/change"
	"github.com/plumbline-ml/plumbline/internal/finding"
)

const (
	matchReach  = 7 * 24 * time.Hour  // a change this long before an onset may still be its cause
	mostCited   = 3                   // changes that an incident names
	keepChanges = 60 * 24 * time.Hour // for onsets that are found late
	mostChanges = 20_000              // that are kept, the latest
)

// Cited is a change that came before an incident began, the likeliest first.
type Cited struct {
	ID      string      `json:"id"`
	At      time.Time   `json:"at"`
	What    change.What `json:"what"`
	Name    string      `json:"name"`
	Version string      `json:"version,omitempty"`
	From    string      `json:"from,omitempty"`
	Actor   string      `json:"actor,omitempty"`
	URL     string      `json:"url,omitempty"`
	Comment string      `json:"comment,omitempty"`
	Names   string      `json:"names"`        // what of the incident it names: subject, model, or nothing
	Before  float64     `json:"before_onset"` // seconds from the change to the onset; negative: within the pane of the onset
}

// The ways in which a change may concern an incident.
const (
	namesSubject = "subject"
	namesModel   = "model"
	namesNothing = "nothing"
)

// job is what is known of one that writes columns.
type job struct {
	version string
	fields  map[string]bool
}

// SetTopics tells on which topics a model's events lie.
func (b *Book) SetTopics(model string, topics ...string) { b.topics[model] = topics }

// Change takes into account that something was changed, and returns the incidents that name it now. News reports whether it was worth
// remembering: a run of a job that changed nothing isn't, nor is a change that is known.
func (b *Book) Change(c change.Event) (told []Told, news bool) {
	if b.known[c.ID] {
		return nil, false
	}
	first := b.jobs[c.Name] == nil
	same := !first && b.jobs[c.Name].version == c.Version
	if c.Run && same && b.writes(&c) {
		return nil, false
	}
	b.known[c.ID] = true
	if c.Run || len(c.Fields) > 0 {
		was := b.learnJob(&c)
		if c.Run && c.From == "" {
			c.From = was
		}
	}
	if c.Run && (first || same) { // how things are, and no change: of the first run it isn't known what was before
		return nil, true
	}
	at, _ := slices.BinarySearchFunc(b.changes, c, func(x, y change.Event) int { return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.ID, y.ID)) })
	b.changes = slices.Insert(b.changes, at, c)
	b.forget()
	for _, e := range b.all {
		if e.host != nil || e.inc.MergedInto != "" || !b.reaches(e, &c) {
			continue
		}
		e.calls = false
		inc := b.show(e, Explained)
		if slices.ContainsFunc(inc.Changes, func(x Cited) bool { return x.ID == c.ID }) {
			told = append(told, Told{Explained, inc})
		}
	}
	return told, true
}

// writes reports whether all columns of a run are known of its job.
func (b *Book) writes(c *change.Event) bool {
	return !slices.ContainsFunc(c.Fields, func(f string) bool { return !b.jobs[c.Name].fields[f] })
}

// learnJob notes what a job writes, and returns its version before.
func (b *Book) learnJob(c *change.Event) (was string) {
	j := b.jobs[c.Name]
	if j == nil {
		j = &job{fields: map[string]bool{}}
		b.jobs[c.Name] = j
	}
	was, j.version = j.version, c.Version
	for _, f := range c.Fields {
		j.fields[f] = true
	}
	return was
}

// forget bounds what is remembered: what is much older than the latest finding of every model explains no onset any more. How old a change is doesn't hang on
// other changes: one that is to come, like a plan for next year, makes none of them older.
func (b *Book) forget() {
	n := 0
	if len(b.newest) > 0 {
		old := slices.MinFunc(slices.Collect(maps.Values(b.newest)), time.Time.Compare).Add(-keepChanges)
		n, _ = slices.BinarySearchFunc(b.changes, old, func(x change.Event, t time.Time) int { return x.At.Compare(t) })
	}
	b.changes = slices.Delete(b.changes, 0, max(n, len(b.changes)-mostChanges))
}

// reaches reports whether a change came in time to be behind an incident: before its onset, or in the pane of it, which is as
// exactly as an onset is known.
func (b *Book) reaches(e *entry, c *change.Event) bool {
	return !c.At.Before(e.inc.Onset.Add(-matchReach)) && c.At.Before(e.inc.Onset.Add(e.paneOf()))
}

// paneOf is how long the shortest pane is in which a signal of the incident was seen.
func (e *entry) paneOf() time.Duration {
	shortest := time.Duration(0)
	for _, p := range e.signals {
		if d := p.last.Window.End.Sub(p.last.Window.Start); d > 0 && (shortest == 0 || d < shortest) {
			shortest = d
		}
	}
	return max(shortest, time.Minute)
}

// concerns is what of a model and its subjects a change names, and whether it may concern them at all.
func (b *Book) concerns(c *change.Event, model string, subjects func(name string) bool) (names string, may bool) {
	switch {
	case slices.Contains(c.Models, model), slices.ContainsFunc(b.topics[model], func(t string) bool { return slices.Contains(c.Topics, t) }):
		if slices.ContainsFunc(c.Fields, subjects) {
			return namesSubject, true
		}
		return namesModel, true
	case len(c.Models) > 0:
		return "", false
	case slices.ContainsFunc(c.Fields, subjects):
		return namesSubject, true
	default:
		return namesNothing, len(c.Topics) == 0 && len(c.Fields) == 0
	}
}

// cited are the changes before an incident's onset: those that name what moved first, then the nearest.
func (b *Book) cited(e *entry) []Cited {
	out := []Cited{}
	rank := map[string]int{namesSubject: 0, namesModel: 1, namesNothing: 2}
	has := func(name string) bool {
		return slices.ContainsFunc(e.parts(), func(p *part) bool { return p.subject == name })
	}
	for i := range slices.Backward(b.changes) {
		c := &b.changes[i]
		if c.At.Before(e.inc.Onset.Add(-matchReach)) {
			break
		}
		names, may := b.concerns(c, e.inc.Model, has)
		if !may || !b.reaches(e, c) {
			continue
		}
		out = append(out, Cited{
			ID: c.ID, At: c.At, What: c.What, Name: c.Name, Version: c.Version, From: c.From, Actor: c.Actor, URL: c.URL, Comment: c.Comment,
			Names: names, Before: e.inc.Onset.Sub(c.At).Seconds(),
		})
	}
	slices.SortStableFunc(out, func(x, y Cited) int { return cmp.Or(cmp.Compare(rank[x.Names], rank[y.Names]), y.At.Compare(x.At)) })
	return out[:min(len(out), mostCited)]
}

// lineage is the step at which an incident first shows, where a change names its subjects.
func lineage(cited []Cited) *Lineage {
	if len(cited) > 0 && cited[0].Names == namesSubject && cited[0].Before <= joinGap.Seconds() {
		return &Lineage{Job: cited[0].Name, Version: cited[0].Version}
	}
	return nil
}

// kin is what lineage says of a signal and an incident.
type kin int

const (
	unknownKin kin = iota
	related        // one change, or one job, is behind both
	apart          // each has another behind it
)

// kinship compares where a signal's column comes from with where the incident's come from: by the step at which the events themselves show each, by
// the changes that name them, and by the jobs that write them. Where either isn't known it says nothing.
func (b *Book) kinship(e *entry, f *finding.Finding) kin {
	if p := e.diagnosed(); p != nil && f.Diagnosis != nil && p.last.Diagnosis.Lineage != "" && f.Diagnosis.Lineage != "" {
		if p.last.Diagnosis.Lineage == f.Diagnosis.Lineage {
			return related
		}
		return apart
	}
	one := func(name string) bool { return name == f.Subject }
	mine := b.behind(f.Model, f.Onset, max(f.Window.End.Sub(f.Window.Start), time.Minute), one)
	its := b.behind(f.Model, e.inc.Onset, e.paneOf(), func(name string) bool {
		return slices.ContainsFunc(e.signals, func(p *part) bool { return p.subject == name })
	})
	if len(mine) > 0 && len(its) > 0 {
		if slices.ContainsFunc(mine, func(id string) bool { return slices.Contains(its, id) }) {
			return related
		}
		return apart
	}
	mineJobs := b.writers(f.Subject)
	var itsJobs []string
	for _, p := range e.signals {
		itsJobs = append(itsJobs, b.writers(p.subject)...)
	}
	if len(mineJobs) == 0 || len(itsJobs) == 0 {
		return unknownKin
	}
	if slices.ContainsFunc(mineJobs, func(j string) bool { return slices.Contains(itsJobs, j) }) {
		return unknownKin // one job may have two troubles: then onsets decide
	}
	return apart
}

// behind are the changes that name subjects, within a day before an onset.
func (b *Book) behind(model string, onset time.Time, pane time.Duration, subjects func(string) bool) []string {
	var out []string
	for i := range slices.Backward(b.changes) {
		c := &b.changes[i]
		if c.At.Before(onset.Add(-joinGap)) {
			break
		}
		if names, _ := b.concerns(c, model, subjects); names == namesSubject && c.At.Before(onset.Add(pane)) {
			out = append(out, c.ID)
		}
	}
	return out
}

// writers are the jobs that are known to write a column, sorted.
func (b *Book) writers(column string) []string {
	var out []string
	for name, j := range b.jobs {
		if j.fields[column] {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
