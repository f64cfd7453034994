package standin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Alertmanager plays API v2.
type Alertmanager struct {
	*Faults
	mu    sync.Mutex
	ends  map[string]time.Time // by incident and severity
	Lives map[string][]string  // by incident and severity: firing and resolved, each once in a row
	Wrong []string
}

// NewAlertmanager makes one that fails as f says.
func NewAlertmanager(f *Faults) *Alertmanager {
	return &Alertmanager{Faults: f, ends: map[string]time.Time{}, Lives: map[string][]string{}}
}

// RoundTrip answers a request.
func (a *Alertmanager) RoundTrip(req *http.Request) (*http.Response, error) {
	return a.serve(req, func(body []byte) (int, string) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if err := a.take(req, body); err != nil {
			a.Wrong = append(a.Wrong, err.Error())
			return http.StatusBadRequest, `"bad request"`
		}
		return http.StatusOK, ""
	})
}

func (a *Alertmanager) take(req *http.Request, body []byte) error {
	if req.Method != http.MethodPost || req.URL.Path != "/api/v2/alerts" || req.Header.Get("Content-Type") != "application/json" {
		return fmt.Errorf("%s %s of %q", req.Method, req.URL, req.Header.Get("Content-Type"))
	}
	if err := fits("postable_alerts", body); err != nil {
		return err
	}
	var alerts []struct {
		Labels           map[string]string
		StartsAt, EndsAt time.Time
	}
	if err := json.Unmarshal(body, &alerts); err != nil {
		return err
	}
	for _, one := range alerts {
		if one.EndsAt.Before(one.StartsAt) {
			return fmt.Errorf("alert %v ends at %s, before it starts at %s", one.Labels, one.EndsAt, one.StartsAt)
		}
		key := one.Labels["incident"] + " " + one.Labels["severity"]
		a.settle(key)
		state := "resolved"
		if one.EndsAt.After(time.Now()) {
			state = "firing"
		}
		a.ends[key] = one.EndsAt
		a.note(key, state)
	}
	return nil
}

// settle ends an alert that nobody sent again in time.
func (a *Alertmanager) settle(key string) {
	if end, ok := a.ends[key]; ok && !end.After(time.Now()) {
		a.note(key, "resolved")
	}
}

func (a *Alertmanager) note(key, state string) {
	was := a.Lives[key]
	if len(was) == 0 && state == "resolved" || len(was) > 0 && was[len(was)-1] == state {
		return // of an alert that never fired nobody hears
	}
	a.Lives[key] = append(was, state)
}

// Life is what an alert went through.
func (a *Alertmanager) Life(incident, severity string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle(incident + " " + severity)
	return slices.Clone(a.Lives[incident+" "+severity])
}
