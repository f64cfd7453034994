package sink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// PagerDutyURL is where events are sent by default.
const PagerDutyURL = "https://events.pagerduty.com"

// pagerDutySummary is the most characters of a summary. A whole event may have 512 KB, which bounded facts don't come near.
const pagerDutySummary = 1024

// PagerDuty sends events of the Events API v2 to one integration. The incident's id is the dedup_key, so that an event that
// arrives twice changes nothing.
type PagerDuty struct {
	Called string // its name among the sinks
	URL    string // without /v2/enqueue; "" is PagerDutyURL
	Key    string // the integration's routing key
	Links  Links
	Client *http.Client // nil: the default client
}

// Name is what it is called.
func (p *PagerDuty) Name() string { return p.Called }

// Pace is two events a second, below what PagerDuty has throttled an integration at.
func (p *PagerDuty) Pace() (perSecond float64, burst int) { return 2, 20 }

// Wants what people are told of.
func (p *PagerDuty) Wants(c incident.Change) bool { return Louder(c) }

// event is a request to /v2/enqueue.
type event struct {
	RoutingKey string   `json:"routing_key"`
	Action     string   `json:"event_action"`
	DedupKey   string   `json:"dedup_key"`
	Payload    *payload `json:"payload,omitempty"` // of a trigger only
	Links      []link   `json:"links,omitempty"`
	Client     string   `json:"client,omitempty"`
	ClientURL  string   `json:"client_url,omitempty"`
}

type payload struct {
	Summary   string         `json:"summary"`
	Source    string         `json:"source"`
	Severity  string         `json:"severity"`
	Timestamp string         `json:"timestamp"`
	Component string         `json:"component,omitempty"`
	Group     string         `json:"group,omitempty"`
	Class     string         `json:"class,omitempty"`
	Details   map[string]any `json:"custom_details,omitempty"`
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

// Send sends the event that brings PagerDuty to where the incident stands: trigger while nobody has seen it, acknowledge once
// somebody has, resolve when it is over.
func (p *PagerDuty) Send(ctx context.Context, _ string, body []byte) error {
	m, err := read(body)
	if err != nil {
		return err
	}
	if m.digest != nil {
		return &RefusedError{errors.New("a digest pages nobody")}
	}
	if m.quiet { // what was resolved there stays so: a trigger would be another alert
		return nil
	}
	e := p.event(&m.incident)
	b, err := json.Marshal(e)
	if err != nil {
		return &RefusedError{fmt.Errorf("encode event: %w", err)}
	}
	url := p.URL
	if url == "" {
		url = PagerDutyURL
	}
	return post(ctx, orDefault(p.Client), "PagerDuty", strings.TrimSuffix(url, "/")+"/v2/enqueue", http.Header{"Content-Type": {"application/json"}}, b)
}

func (p *PagerDuty) event(inc *incident.Incident) event {
	e := event{RoutingKey: p.Key, Action: "trigger", DedupKey: inc.ID}
	switch inc.Status {
	case incident.Acknowledged, incident.Mitigated:
		e.Action = "acknowledge"
		return e
	case incident.Resolved:
		e.Action = "resolve"
		return e
	default:
	}
	e.Client, e.ClientURL = "Plumbline", p.Links.incident(inc.ID)
	if e.ClientURL != "" {
		e.Links = append(e.Links, link{e.ClientURL, "Incident"})
	}
	if at := runbook(inc); at != "" {
		e.Links = append(e.Links, link{at, "Runbook"})
	}
	e.Payload = &payload{
		Summary: cut(inc.Model+": "+inc.Title, pagerDutySummary), Source: inc.Model, Severity: pagerDutySeverity(inc.Severity),
		Timestamp: inc.OpenedAt.UTC().Format(time.RFC3339), Group: inc.Owner.Team, Class: inc.Cause.Kind, Details: map[string]any{},
	}
	if len(inc.Subjects) > 0 {
		e.Payload.Component = inc.Subjects[0].Name
	}
	for _, f := range facts(inc) {
		e.Payload.Details[strings.ToLower(strings.ReplaceAll(f.name, " ", "_"))] = f.value
	}
	e.Payload.Details["subjects"] = subjects(inc)
	return e
}

// subjects are the first of what moved, with their shares.
func subjects(inc *incident.Incident) []string {
	out := []string{}
	for _, s := range inc.Subjects[:min(len(inc.Subjects), 20)] {
		out = append(out, fmt.Sprintf("%s (%s)", cut(s.Name, 200), incident.Short(s.Share)))
	}
	return out
}

// pagerDutySeverity is one of critical, error, warning and info.
func pagerDutySeverity(s finding.Severity) string {
	switch s {
	case finding.Page:
		return "critical"
	case finding.Ticket:
		return "warning"
	default:
		return "info"
	}
}
