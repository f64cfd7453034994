package sink

import (
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/incident"
)

// PagerDutyHook takes PagerDuty's webhooks v3: what is acknowledged or resolved there is so here. Without secrets it takes nothing.
type PagerDutyHook struct {
	Secrets []string // of the subscriptions; a new one stands beside the old one while it is exchanged
	Desk    Desk
	Log     *zap.Logger
}

// hooked is the part of a webhook that is read.
type hooked struct {
	Event struct {
		ID    string    `json:"id"`
		Type  string    `json:"event_type"`
		At    time.Time `json:"occurred_at"`
		Agent *struct {
			ID      string `json:"id"`
			Summary string `json:"summary"`
			Type    string `json:"type"`
		} `json:"agent"`
		Data struct {
			Key string `json:"incident_key"` // our dedup_key
		} `json:"data"`
	} `json:"event"`
}

// ServeHTTP verifies the signature of a request and takes what it says.
func (h *PagerDutyHook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := receive(w, r)
	if !ok {
		return
	}
	if !h.signed(r.Header.Values("X-PagerDuty-Signature"), body) {
		http.Error(w, "the signature is missing or wrong", http.StatusUnauthorized)
		return
	}
	var in hooked
	if err := json.Unmarshal(body, &in); err != nil {
		http.Error(w, "this is no webhook of version 3", http.StatusBadRequest)
		return
	}
	e := &in.Event
	verb := map[string]incident.Verb{"incident.acknowledged": incident.Acknowledge, "incident.resolved": incident.Resolve}[e.Type]
	if verb == "" || e.Data.Key == "" || e.Agent == nil || !strings.HasPrefix(e.Agent.Type, "user") {
		w.WriteHeader(http.StatusOK) // of another kind, or no person's doing: what our own events did there comes back, too
		return
	}
	who := e.Agent.Summary
	if named(who) == "" {
		who = e.Agent.ID
	}
	perform(w, r, h.Log, h.Desk, incident.Act{
		ID: named("pagerduty " + e.ID), Actor: named("PagerDuty: " + who), Verb: verb, Incident: e.Data.Key, Happened: e.At.UTC(),
	})
}

// signed reports whether one of the header's signatures (v1=HEX, parted by commas) is the HMAC of the body under one of the secrets.
func (h *PagerDutyHook) signed(header []string, body []byte) bool {
	found := false
	for _, secret := range h.Secrets {
		if secret == "" {
			continue
		}
		want, err := hex.DecodeString(sign(secret, body))
		if err != nil {
			return false
		}
		for one := range strings.SplitSeq(strings.Join(header, ","), ",") {
			text, ok := strings.CutPrefix(strings.TrimSpace(one), "v1=")
			if got, err := hex.DecodeString(text); ok && err == nil && hmac.Equal(got, want) {
				found = true
			}
		}
	}
	return found
}
