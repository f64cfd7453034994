package sink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// An alert that isn't over ends by itself after alertLife, unless it is sent again: that is done every AlertEvery. So
// Alertmanager forgets what nobody tells it about any more, and a short absence of ours resolves nothing.
const (
	AlertEvery = 5 * time.Minute
	alertLife  = 30 * time.Minute
)

// alertName is the label alertname of every incident.
const alertName = "PlumblineIncident"

// Alertmanager posts incidents to API v2 of every member of a cluster, as Prometheus does: one that takes the alert is enough,
// since members tell one another. An alert is named by its labels: incident, model and severity. Sent twice it is one alert.
type Alertmanager struct {
	URLs   []string // without /api/v2/alerts
	Links  Links
	Now    func() time.Time
	Client *http.Client // nil: the default client
}

// Name is "alertmanager".
func (a *Alertmanager) Name() string { return "alertmanager" }

// Pace is twenty requests a second.
func (a *Alertmanager) Pace() (perSecond float64, burst int) { return 20, 100 }

// Wants what people are told of; what an incident looks like meanwhile is sent with the next Refresh.
func (a *Alertmanager) Wants(c incident.Change) bool { return Louder(c) }

// Every is how often Refresh wants to be called.
func (a *Alertmanager) Every() time.Duration { return AlertEvery }

// alert is a postableAlert of Alertmanager's OpenAPI.
type alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// Send posts the incident as it stands.
func (a *Alertmanager) Send(ctx context.Context, _ string, body []byte) error {
	m, err := read(body)
	if err != nil {
		return err
	}
	if m.digest != nil {
		return &RefusedError{errors.New("Alertmanager takes no digests")}
	}
	return a.post(ctx, a.alerts(&m.incident))
}

// Refresh posts all incidents that aren't over, so that their alerts don't end.
func (a *Alertmanager) Refresh(ctx context.Context, open []incident.Incident) error {
	var all []alert
	for i := range open {
		if open[i].Status != incident.Resolved {
			all = append(all, a.alerts(&open[i])...)
		}
	}
	const batch = 64 // as Prometheus sends them
	for len(all) > 0 {
		n := min(batch, len(all))
		if err := a.post(ctx, all[:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// alerts are the alert of an incident. The severity is a label, by which Alertmanager routes; where it may have been another, that
// alert is told to be over.
func (a *Alertmanager) alerts(inc *incident.Incident) []alert {
	one := alert{
		Labels: map[string]string{
			"alertname": alertName, "incident": inc.ID, "model": inc.Model, "severity": string(inc.Severity),
		},
		Annotations: map[string]string{"summary": inc.Title, "status": string(inc.Status)},
		StartsAt:    inc.OpenedAt.UTC(), EndsAt: a.Now().Add(alertLife).UTC(), GeneratorURL: a.Links.incident(inc.ID),
	}
	for _, f := range facts(inc) {
		one.Annotations[strings.ToLower(strings.ReplaceAll(f.name, " ", "_"))] = f.value
	}
	if at := runbook(inc); at != "" {
		one.Annotations["runbook_url"] = at
	}
	if now := a.Now().UTC(); one.StartsAt.After(now) { // event time runs ahead: Alertmanager refuses what ends before it starts
		one.StartsAt = now
	}
	if inc.Status == incident.Resolved {
		one.EndsAt = a.Now().UTC()
	}
	out := []alert{one}
	if inc.Severity == finding.Page { // it may have been a ticket before
		was := one
		was.Labels = maps.Clone(one.Labels)
		was.Labels["severity"], was.EndsAt = string(finding.Ticket), a.Now().UTC()
		out = append(out, was)
	}
	return out
}

func (a *Alertmanager) post(ctx context.Context, alerts []alert) error {
	b, err := json.Marshal(alerts)
	if err != nil {
		return &RefusedError{fmt.Errorf("encode alerts: %w", err)}
	}
	var failed error
	taken := false
	for i, url := range a.URLs {
		name := "Alertmanager"
		if len(a.URLs) > 1 {
			name = fmt.Sprintf("Alertmanager %d", i+1)
		}
		err := post(ctx, orDefault(a.Client), name, strings.TrimSuffix(url, "/")+"/api/v2/alerts", http.Header{"Content-Type": {"application/json"}}, b)
		taken = taken || err == nil
		if _, refused := errors.AsType[*RefusedError](err); failed == nil || !refused { // one that is away may take it later
			failed = err
		}
	}
	if taken {
		return nil
	}
	return failed
}
