package plan

import (
	"time"

	"github.com/plumbline-ml/plumbline/internal/contract"
)

// Route says who is told of what, and when. Empty fields match all.
type Route struct {
	Severity string            `json:"severity,omitempty"`
	Role     string            `json:"role,omitempty"`
	Slice    map[string]string `json:"slice,omitempty"`
	Hours    *[2]int           `json:"hours,omitempty"` // minutes since midnight: from, and before; past midnight where the second isn't later
	Days     []time.Weekday    `json:"days,omitempty"`
	Zone     string            `json:"zone,omitempty"`   // IANA; "" is UTC
	After    time.Duration     `json:"after,omitempty"`  // not acknowledged for so long
	Digest   string            `json:"digest,omitempty"` // Daily, Weekly or ""
	At       int               `json:"at,omitempty"`     // of a digest: minutes since midnight

	PagerDuty string `json:"pagerduty,omitempty"`
	Slack     string `json:"slack,omitempty"`
	Webhook   string `json:"webhook,omitempty"`
	Email     string `json:"email,omitempty"`
}

// How often a digest comes; a weekly one on Mondays.
const (
	Daily  = "daily"
	Weekly = "weekly"
)

// digestAt is when a digest is sent by default.
const digestAt = 9 * 60

// Retrain says when a retraining trigger is published.
type Retrain struct {
	Topic    string        `json:"topic"`
	Results  string        `json:"results"`
	On       []string      `json:"on"` // calibration, performance, drift, or the name of a rule
	Cooldown time.Duration `json:"cooldown"`
	PerMonth float64       `json:"per_month,omitempty"` // triggers in 30 days; 0: no bound
	Window   time.Duration `json:"window"`              // least length of the suggested training window
	Hold     *Hold         `json:"hold,omitempty"`
}

// Hold is what people say against retraining.
type Hold struct {
	By    string    `json:"by"`
	Why   string    `json:"why"`
	Until time.Time `json:"until,omitzero"` // zero: no end
}

// trainingWindow is the least length of a suggested training window by default.
const trainingWindow = 28 * 24 * time.Hour

func routes(c *contract.Contract) []Route {
	var out []Route
	for _, r := range c.Notify {
		one := Route{
			Severity: r.When.Severity, Role: r.When.Role, Slice: r.When.Slice, Zone: r.When.Zone, After: r.After.Std(), Digest: r.Digest,
			PagerDuty: r.PagerDuty, Slack: r.Slack, Webhook: r.Webhook, Email: r.Email,
		}
		if h := r.When.Hours; h != nil {
			one.Hours = &[2]int{int(h.From), int(h.To)}
		}
		for _, d := range r.When.Days {
			if day, ok := contract.Weekday(d); ok {
				one.Days = append(one.Days, day)
			}
		}
		if r.Digest != "" {
			one.At = digestAt
			if r.At != nil {
				one.At = int(*r.At)
			}
		}
		out = append(out, one)
	}
	return out
}

func retraining(c *contract.Contract) *Retrain {
	r := c.Retrain
	if r == nil {
		return nil
	}
	out := &Retrain{Topic: r.Topic, Results: r.Results, On: r.On, Cooldown: r.Cooldown.Std(), Window: r.Window.Std()}
	if out.Results == "" {
		out.Results = contract.DefaultResults
	}
	if out.Window == 0 {
		out.Window = trainingWindow
	}
	if perDay, err := contract.ParseRate(r.Budget); err == nil {
		out.PerMonth = perDay * 30
	}
	if r.Hold != nil {
		out.Hold = &Hold{By: r.Hold.By, Why: r.Hold.Why, Until: r.Hold.Until.Time}
	}
	return out
}
