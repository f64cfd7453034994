package incident

import "time"

// Retrains is the change that news of retraining makes: it is held back, asked for, or reported on.
const Retrains Change = "retraining"

// Retraining is what an incident asks of retraining, and what became of it.
type Retraining struct {
	Held    *Hold     `json:"held"`              // null: nothing holds it back
	Trigger string    `json:"trigger,omitempty"` // the latest that was published for the incident
	Status  string    `json:"status,omitempty"`  // of the trigger: asked, started, succeeded or failed
	Version string    `json:"version,omitempty"` // that came of it
	At      time.Time `json:"at,omitzero"`       // of the status, by the clock of who reported it
}

// Hold is why a trigger is held back.
type Hold struct {
	Because string    `json:"because"` // broken_data, no_cause, people, cooldown, budget, running or window
	Why     string    `json:"why"`     // in words: "held back because income is 100 times larger: broken data (unit change)"
	Since   time.Time `json:"since"`   // by the clock
}

// Asked is the status of a trigger that nobody has reported on.
const Asked = "asked"

// HoldRetraining notes why an incident's retraining is held back, or, without a reason, that the incident no longer asks for any. It returns nothing if
// the incident isn't known.
func (b *Book) HoldRetraining(id string, h Hold) []Told {
	return b.retrains(id, func(r *Retraining) {
		r.Held = nil
		if h.Why != "" {
			r.Held = &h
		}
	})
}

// AskRetraining notes that a trigger of an incident is published.
func (b *Book) AskRetraining(id, trigger string, at time.Time) []Told {
	return b.retrains(id, func(r *Retraining) {
		*r = Retraining{Trigger: trigger, Status: Asked, At: at}
	})
}

// ReportRetraining notes what became of an incident's trigger.
func (b *Book) ReportRetraining(id, trigger, status, version string, at time.Time) []Told {
	return b.retrains(id, func(r *Retraining) {
		if r.Trigger == trigger {
			r.Status, r.Version, r.At = status, version, at
		}
	})
}

func (b *Book) retrains(id string, do func(*Retraining)) []Told {
	e := b.find(id)
	if e == nil {
		return nil
	}
	var r Retraining
	if e.inc.Retraining != nil {
		r = *e.inc.Retraining
	}
	do(&r)
	e.inc.Retraining = &r
	e.calls = false
	return []Told{{Retrains, b.show(e, Retrains)}}
}

// Words says how retraining stands, in one sentence without its end; "" where the incident asks for none.
func (r *Retraining) Words() string {
	switch {
	case r == nil:
		return ""
	case r.Status == "" && r.Held == nil:
		return "no longer asked for"
	case r.Status == "":
		return r.Held.Why
	}
	out := map[string]string{Asked: "asked for", "started": "goes on since", "succeeded": "done", "failed": "failed"}[r.Status] + " " + day(r.At)
	if r.Version != "" {
		out += ", version " + r.Version
	}
	if r.Held != nil {
		out += "; another one is " + r.Held.Why
	}
	return out
}
