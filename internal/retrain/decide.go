package retrain

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Trouble is an incident with its signals.
type Trouble struct {
	Incident incident.Incident
	Signals  []incident.Signal
	Pending  bool // its cause has no name yet, and may still get one: the data may turn out to be broken
}

// Situation is what is known of a model when it is decided.
type Situation struct {
	Policy   *plan.Policy // with Retrain
	This     Trouble      // that may ask for retraining
	All      []Trouble    // of the model, this one too
	Asked    []Trigger    // before, oldest first
	Results  map[string]Result
	Now      time.Time // by the clock
	EventNow time.Time // the event time that the model has come to
}

// Decision is a trigger, or why there is none; neither, if nothing asks for one, or the incident has asked and its retraining goes on.
type Decision struct {
	Trigger *Trigger
	Held    string  // in words that stay the same while the reason does
	Because Because // with Held
}

// Because is what holds a trigger back.
type Because string

// What may hold one back.
const (
	People     Because = "people"      // the contract's hold
	BrokenData Because = "broken_data" // some open incident of the model is about data that are broken
	NoCause    Because = "no_cause"    // why inputs of some open incident of the model moved is not known yet
	NoWindow   Because = "window"      // too little of the training window is left without broken data
	Running    Because = "running"     // a retraining that another incident asked for goes on
	Cooldown   Because = "cooldown"
	Budget     Because = "budget"
)

// month is what a budget counts over.
const month = 30 * 24 * time.Hour

// patience is how long a retraining may go on before it counts as given up.
const patience = 7 * 24 * time.Hour

// Decide says whether the incident asks for retraining now.
func Decide(s Situation) Decision {
	p := s.Policy.Retrain
	if p == nil || !s.This.Incident.Status.Active() {
		return Decision{}
	}
	reason, name := reasonOf(s.Policy, &s.This)
	if reason == "" {
		return Decision{}
	}
	w := window(p, reason, &s)
	if because, why := held(p, &s); why != "" {
		if because == Running && s.Asked[len(s.Asked)-1].Incident == s.This.Incident.ID {
			return Decision{}
		}
		return Decision{Held: "held back" + why, Because: because}
	}
	if w.clean() < p.Window/2 {
		return Decision{Held: fmt.Sprintf("held back until half of the training window of %s holds data that weren't broken", hours(p.Window)), Because: NoWindow}
	}
	inc := &s.This.Incident
	sum := sha256.Sum256([]byte(strings.Join([]string{inc.Model, inc.ID, s.Now.UTC().Format(time.RFC3339Nano)}, "\x00")))
	t := &Trigger{
		KindName: KindTrigger, ID: hex.EncodeToString(sum[:8]), Model: inc.Model, At: s.Now.UTC(), Reason: reason, Name: name, Incident: inc.ID, Title: inc.Title,
		Evidence: Evidence{Cause: inc.Cause.Kind, Onset: inc.Onset.UTC(), Numbers: append([]finding.Figure{}, inc.Numbers...), Subjects: []string{}, Findings: []string{}},
		Window:   w,
	}
	for _, sub := range inc.Subjects {
		t.Evidence.Subjects = append(t.Evidence.Subjects, sub.Name)
	}
	t.Evidence.Findings = append(t.Evidence.Findings, inc.Findings[max(0, len(inc.Findings)-50):]...)
	return Decision{Trigger: t}
}

// reasonOf is why the incident asks for retraining, as the contract wants it, or "".
func reasonOf(policy *plan.Policy, t *Trouble) (reason Reason, name string) {
	on := func(what string) bool { return slices.Contains(policy.Retrain.On, what) }
	for _, s := range t.Signals {
		if s.Channel == "promise" && asksFor(policy, s.Metric) {
			return Promise, s.Metric
		}
		if s.Channel == "rule" && on(s.Subject) {
			return Rule, s.Subject
		}
	}
	if Broken(t) != "" {
		for _, s := range t.Signals { // what outcomes show of broken data asks as it would by itself, and is held
			if s.Subject == "outcome" && on(s.Channel) {
				return Reason(s.Channel), ""
			}
		}
		return drifting(on, t)
	}
	switch kind := t.Incident.Cause.Kind; kind {
	case "calibration", "concept_drift", "prior_shift":
		if on("calibration") {
			return Calibration, ""
		}
	case "performance":
		if on("performance") {
			return Performance, ""
		}
	case "input_drift", "covariate_shift", "mix_shift", "unknown", "new_category":
		return drifting(on, t)
	}
	return "", ""
}

// drifting is Drift where the contract wants it and the incident is about what the model reads. Of broken data, too: it would ask, and is held.
func drifting(on func(string) bool, t *Trouble) (reason Reason, name string) {
	if on("drift") && !slices.ContainsFunc(t.Signals, func(s incident.Signal) bool { return s.Channel == "coverage" || s.Channel == "promise" }) {
		return Drift, ""
	}
	return "", ""
}

// asksFor reports whether a promise on the metric asks for retraining.
func asksFor(policy *plan.Policy, metric string) bool {
	return slices.ContainsFunc(policy.Promises, func(p plan.Promise) bool {
		return p.Metric == metric && slices.Contains(p.Then, "retrain")
	})
}

// brokenData are the causes that lie in the data and not in the world: what is learnt of such data is wrong.
var brokenData = []string{
	"unit_change", "clock_shift", "stuck", "released", "swapped", "sentinel", "precision_loss", "clipped", "sign_flip", "recoded", "missing",
	"duplicates", "volume", "late", "schema_change", "fallback",
}

// Broken says how an incident shows that the data are broken, or "".
func Broken(t *Trouble) string {
	if slices.Contains(brokenData, t.Incident.Cause.Kind) {
		return strings.ReplaceAll(t.Incident.Cause.Kind, "_", " ")
	}
	if slices.ContainsFunc(t.Signals, func(s incident.Signal) bool { return s.Channel == "coverage" }) {
		return "events lost or counted twice"
	}
	return ""
}

// held is why the trigger has to wait, or "".
func held(p *plan.Retrain, s *Situation) (because Because, why string) {
	if h := p.Hold; h != nil && (h.Until.IsZero() || s.Now.Before(h.Until)) {
		until := ""
		if !h.Until.IsZero() {
			until = " until " + stamp(h.Until)
		}
		return People, fmt.Sprintf(" by %s%s: %s", h.By, until, h.Why)
	}
	for i := range s.All {
		t := &s.All[i]
		if how := Broken(t); how != "" && t.Incident.Status.Active() {
			return BrokenData, fmt.Sprintf(" because %s: broken data (%s)", happened(&t.Incident), how)
		}
	}
	if slices.ContainsFunc(s.All, func(t Trouble) bool { return t.Pending && t.Incident.Status.Active() }) {
		return NoCause, ": cause not yet known, and the data may be broken"
	}
	if len(s.Asked) == 0 {
		return "", ""
	}
	last := &s.Asked[len(s.Asked)-1]
	result, reported := s.Results[last.ID]
	switch {
	case (!reported || result.Status == Started) && s.Now.Sub(last.At) < max(p.Cooldown, patience):
		return Running, fmt.Sprintf(" while the retraining that was asked for at %s goes on", stamp(last.At))
	case s.Now.Sub(last.At) < p.Cooldown:
		return Cooldown, fmt.Sprintf(" until %s, the end of the cooldown: the last trigger was at %s", stamp(last.At.Add(p.Cooldown)), stamp(last.At))
	}
	recent := 0
	for i := range s.Asked {
		if s.Now.Sub(s.Asked[i].At) < month {
			recent++
		}
	}
	if p.PerMonth > 0 && float64(recent)+1 > p.PerMonth+1e-9 {
		return Budget, fmt.Sprintf(" by the budget: %d triggers in the last 30 days, %.3g are allowed", recent, p.PerMonth)
	}
	return "", ""
}

// happened is what an incident's title says that happened, without since when and what else moved: what is said of a hold stays the same while signals
// join.
func happened(inc *incident.Incident) string {
	what, _, _ := strings.Cut(inc.Title, " since ")
	what, _, _ = strings.Cut(what, " near ")
	return strings.TrimRight(what, ", ")
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// window is the suggested training window. It ends at the event time that the model has come to and is as long as the contract asks for. Where
// scores mean something else now, what came before the onset teaches what is no longer so: then the window begins there, once half of the
// length lies behind it. Spans in which data were broken are left out.
func window(p *plan.Retrain, reason Reason, s *Situation) Window {
	w := Window{From: s.EventNow.Add(-p.Window).UTC(), To: s.EventNow.UTC(), Exclude: []Span{}}
	onset := s.This.Incident.Onset
	if reason != Drift && reason != Rule && s.EventNow.Sub(onset) >= p.Window/2 {
		w.From = onset.UTC()
	}
	for i := range s.All {
		t := &s.All[i]
		how := Broken(t)
		if how == "" {
			continue
		}
		end := w.To
		if at := t.Incident.ResolvedAt; at != nil {
			end = at.UTC()
		}
		span := Span{From: later(t.Incident.Onset.UTC(), w.From), To: earlier(end, w.To), Why: how, Incident: t.Incident.ID}
		if span.From.Before(span.To) {
			w.Exclude = append(w.Exclude, span)
		}
	}
	slices.SortFunc(w.Exclude, func(a, b Span) int {
		if c := a.From.Compare(b.From); c != 0 {
			return c
		}
		return strings.Compare(a.Incident, b.Incident)
	})
	return w
}

// clean is how much of the window is left without what is excluded. Spans may overlap; they are ordered by their beginnings.
func (w *Window) clean() time.Duration {
	left, at := w.To.Sub(w.From), w.From
	for _, s := range w.Exclude {
		if from := later(s.From, at); from.Before(s.To) {
			left -= s.To.Sub(from)
			at = s.To
		}
	}
	return left
}

func hours(d time.Duration) string { return fmt.Sprintf("%.4g h", d.Hours()) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// CycleTime is how long it took from the trigger to the new version.
func CycleTime(t *Trigger, r *Result) time.Duration { return max(r.At.Sub(t.At), 0) }
