package notify

import (
	"cmp"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Letter is a summary that was due: to whom, when, and what it says.
type Letter struct {
	To        Target
	Every     string    // plan.Daily or plan.Weekly
	Due       time.Time // when it was to be sent: with To and Every it is its name
	Since     time.Time
	Incidents []incident.Incident
}

// Model is what a digest takes from one model.
type Model struct {
	Routes    []plan.Route
	Incidents []incident.Incident // all of them
}

// Letters are the summaries whose time has come, by target, each over all models. last says when the one before was due that was sent to a
// target; zero: there was none. What is not over is in it, and what ended since. A letter that would be empty is none, and doesn't count
// as sent: the next one reaches as far back. Letters that several routes ask for at one time are one.
func Letters(models []Model, last func(to Target, every string) time.Time, now time.Time) []Letter {
	byKey := map[string]*Letter{}
	var keys []string
	for _, m := range models {
		for i := range m.Routes {
			r := &m.Routes[i]
			if r.Digest == "" {
				continue
			}
			due := boundary(r, now)
			for _, t := range Targets(r) {
				before := last(t, r.Digest)
				if !before.Before(due) {
					continue
				}
				if before.IsZero() {
					before = due.AddDate(0, 0, -period(r))
				}
				key := t.Name() + r.Digest + due.String()
				l := byKey[key]
				if l == nil {
					l = &Letter{To: t, Every: r.Digest, Due: due, Since: before}
					byKey[key] = l
					keys = append(keys, key)
				}
				l.take(r, m.Incidents)
			}
		}
	}
	var out []Letter
	for _, key := range keys {
		if l := byKey[key]; len(l.Incidents) > 0 {
			slices.SortFunc(l.Incidents, func(a, b incident.Incident) int { return cmp.Or(order(a)-order(b), incident.Compare(a, b)) })
			out = append(out, *l)
		}
	}
	return out
}

// order puts what isn't over first.
func order(inc incident.Incident) int {
	if inc.Status.Active() {
		return 0
	}
	return 1
}

func (l *Letter) take(r *plan.Route, all []incident.Incident) {
	for i := range all {
		inc := &all[i]
		over := inc.ResolvedAt != nil && inc.ResolvedAt.Before(l.Since)
		if over || inc.Silence != nil || inc.MergedInto != "" || !About(r, inc) || slices.ContainsFunc(l.Incidents, func(o incident.Incident) bool { return o.ID == inc.ID }) {
			continue
		}
		l.Incidents = append(l.Incidents, *inc)
	}
}

// boundary is the last time at or before now that a route's digest is sent at.
func boundary(r *plan.Route, now time.Time) time.Time {
	loc := zone(r.Zone)
	local := now.In(loc)
	at := func(day time.Time) time.Time {
		return time.Date(day.Year(), day.Month(), day.Day(), r.At/60, r.At%60, 0, 0, loc)
	}
	for day := local; ; day = day.AddDate(0, 0, -1) {
		if b := at(day); !b.After(now) && (r.Digest != plan.Weekly || b.Weekday() == time.Monday) {
			return b.UTC()
		}
	}
}

// period is how many days lie between two digests of a route.
func period(r *plan.Route) int {
	if r.Digest == plan.Weekly {
		return 7
	}
	return 1
}
