package change

import (
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Plumbline is the actor of changes that Plumbline itself tells of.
const Plumbline = "plumbline"

// OfPlans are what changed in what is in force for a model: one event for each plan after the first, at the event time from which it is in force. The
// first is in force for all events, so it changes nothing. The same history gives the same events.
func OfPlans(h plan.History) []Event {
	var out []Event
	for i := 1; i < len(h); i++ {
		was, p := h[i-1], h[i]
		e := Event{
			KindName: Kind, ID: strings.Join([]string{"plan", p.Model, p.From.UTC().Format(time.RFC3339), short(p.Digest()), short(p.Policy.Digest), short(p.Contract)}, " "),
			At: p.From.UTC(), What: Policy, Name: "contract of " + p.Model, Version: short(p.Contract), From: short(was.Contract), Models: []string{p.Model}, Actor: Plumbline,
			Comment: "another policy; what was learnt stays",
		}
		switch {
		case p.Accepted != nil && (was.Accepted == nil || *was.Accepted != *p.Accepted):
			e.Actor, e.Comment = p.Accepted.By, "a new normal was accepted: "+p.Accepted.Why
		case p.Digest() != was.Digest():
			e.Comment = "another plan, which begins afresh"
		}
		out = append(out, e)
	}
	return out
}

// short is the beginning of a digest, as people are shown it.
func short(digest string) string {
	digest = strings.TrimPrefix(digest, "sha256:")
	return digest[:min(12, len(digest))]
}

// OfVersion is that a model's version was first seen at an event time, after another one.
func OfVersion(model, version, before string, at time.Time) Event {
	return Event{
		KindName: Kind, ID: "version " + model + " " + version, At: at.UTC(), What: Model, Name: model, Version: version, From: before, Models: []string{model}, Actor: Plumbline,
		Comment: "first seen in its events",
	}
}
