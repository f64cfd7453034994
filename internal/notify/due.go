package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Kind is a way to reach people.
type Kind string

// The kinds.
const (
	PagerDuty Kind = "pagerduty"
	Slack     Kind = "slack"
	Webhook   Kind = "webhook"
	Email     Kind = "email"
)

// Target is somebody to tell.
type Target struct {
	Kind    Kind
	Address string // a PagerDuty service, a Slack channel, a URL or an e-mail address, as the contract names it
}

// Name is how a target is called in the outbox and in metrics. A webhook's URL may hold a token: its name is the host and a hash.
func (t Target) Name() string {
	if t.Kind != Webhook {
		return string(t.Kind) + ":" + t.Address
	}
	sum := sha256.Sum256([]byte(t.Address))
	host := ""
	if u, err := url.Parse(t.Address); err == nil {
		host = u.Hostname()
	}
	return string(t.Kind) + ":" + host + "#" + hex.EncodeToString(sum[:4])
}

// Targets are those of a route.
func Targets(r *plan.Route) []Target {
	var out []Target
	for _, t := range []Target{{PagerDuty, r.PagerDuty}, {Slack, r.Slack}, {Webhook, r.Webhook}, {Email, r.Email}} {
		if t.Address != "" {
			out = append(out, t)
		}
	}
	return out
}

// Due are the targets that an incident should have been told to by now, each once, in the order of the routes. since is when it could first
// be told, or when it came back. In a silence nobody is told anew, and of what is over nobody either.
func Due(routes []plan.Route, inc *incident.Incident, since, now time.Time) []Target {
	var out []Target
	if !inc.Status.Active() || inc.Silence != nil {
		return nil
	}
	for i := range routes {
		r := &routes[i]
		if r.Digest != "" || !About(r, inc) || !within(r, now) {
			continue
		}
		if r.After > 0 && (seen(inc) || now.Sub(since) < r.After) {
			continue
		}
		for _, t := range Targets(r) {
			if !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	return out
}

// seen reports whether somebody has taken the incident.
func seen(inc *incident.Incident) bool {
	return inc.Status == incident.Acknowledged || inc.Status == incident.Mitigated
}

// About reports whether a route is for an incident like this, whenever it is.
func About(r *plan.Route, inc *incident.Incident) bool {
	return (r.Severity == "" || r.Severity == string(inc.Severity)) && (r.Role == "" || r.Role == inc.Owner.Role) && (len(r.Slice) == 0 || inSlice(r.Slice, inc))
}

// inSlice reports whether the incident is of a part of the traffic that lies in the slice.
func inSlice(slice map[string]string, inc *incident.Incident) bool {
	return slices.ContainsFunc(inc.Slices, func(part map[string]string) bool {
		for column, value := range slice {
			if has, ok := part[column]; !ok || has != value {
				return false
			}
		}
		return true
	})
}

// within reports whether the route is used at a time. Hours past midnight belong to the day on which they began.
func within(r *plan.Route, now time.Time) bool {
	local := now.In(zone(r.Zone))
	day, minute := local.Weekday(), local.Hour()*60+local.Minute()
	if h := r.Hours; h != nil {
		from, to := h[0], h[1]
		switch {
		case from < to && (minute < from || minute >= to):
			return false
		case from >= to && minute < from && minute >= to:
			return false
		case from >= to && minute < to:
			day = (day + 6) % 7
		}
	}
	return len(r.Days) == 0 || slices.Contains(r.Days, day)
}

// zone is a time zone by its name; UTC where it isn't known, which a contract's check excludes.
func zone(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return loc
}
