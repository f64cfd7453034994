package sink

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/incident"
)

// desk remembers what was done, and fails as it is told.
type desk struct {
	acts []incident.Act
	fail error
}

func (d *desk) Do(_ context.Context, a incident.Act) ([]incident.Told, error) {
	d.acts = append(d.acts, a)
	return nil, d.fail
}

func ask(t *testing.T, h http.Handler, header map[string]string, body string) int {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	for k, v := range header {
		req.Header.Set(k, v)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec.Code
}

const pagerDutyBody = `{"event":{"id":"01ABC","event_type":"incident.acknowledged","resource_type":"incident","occurred_at":"2026-03-25T12:00:01Z",
"agent":{"html_url":"https://x.pagerduty.com/users/P1","id":"P1","summary":"Ada Lovelace","type":"user_reference"},"client":null,
"data":{"id":"PT4","type":"incident","status":"acknowledged","incident_key":"9f2c000000000001","title":"it broke"}}}`

func TestPagerDutyHook(t *testing.T) {
	signed := func(secret, body string) map[string]string {
		return map[string]string{"X-PagerDuty-Signature": "v1=" + sign("another", []byte(body)) + ",v1=" + sign(secret, []byte(body))}
	}
	for name, c := range map[string]struct {
		secrets []string
		header  map[string]string
		body    string
		fail    error
		code    int
		acts    int
	}{
		"signed":               {[]string{"s1"}, signed("s1", pagerDutyBody), pagerDutyBody, nil, 200, 1},
		"signed by the old":    {[]string{"s2", "s1"}, signed("s1", pagerDutyBody), pagerDutyBody, nil, 200, 1},
		"unsigned":             {[]string{"s1"}, nil, pagerDutyBody, nil, 401, 0},
		"by another":           {[]string{"s1"}, signed("s2", pagerDutyBody), pagerDutyBody, nil, 401, 0},
		"changed":              {[]string{"s1"}, signed("s1", pagerDutyBody), pagerDutyBody + " ", nil, 401, 0},
		"another version":      {[]string{"s1"}, map[string]string{"X-PagerDuty-Signature": "v2=" + sign("s1", []byte(pagerDutyBody))}, pagerDutyBody, nil, 401, 0},
		"without a secret":     {nil, signed("", pagerDutyBody), pagerDutyBody, nil, 401, 0},
		"with an empty secret": {[]string{""}, signed("", pagerDutyBody), pagerDutyBody, nil, 401, 0},
		"no JSON":              {[]string{"s1"}, signed("s1", "hello"), "hello", nil, 400, 0},
		"too long":             {[]string{"s1"}, signed("s1", strings.Repeat(" ", most+1)), strings.Repeat(" ", most+1), nil, 400, 0},
		"our own doing":        {[]string{"s1"}, signed("s1", ours), ours, nil, 200, 0},
		"of another kind":      {[]string{"s1"}, signed("s1", ping), ping, nil, 200, 0},
		"not now":              {[]string{"s1"}, signed("s1", pagerDutyBody), pagerDutyBody, errors.New("the ledger is away"), 503, 1},
		"not ours":             {[]string{"s1"}, signed("s1", pagerDutyBody), pagerDutyBody, incident.ErrUnknown, 200, 1},
		"too late":             {[]string{"s1"}, signed("s1", pagerDutyBody), pagerDutyBody, incident.ErrConflict, 200, 1},
	} {
		a := &desk{fail: c.fail}
		code := ask(t, &PagerDutyHook{Secrets: c.secrets, Desk: a, Log: zap.NewNop()}, c.header, c.body)
		if code != c.code || len(a.acts) != c.acts {
			t.Errorf("%s: answered %d with %d acts, want %d with %d", name, code, len(a.acts), c.code, c.acts)
		}
		if len(a.acts) == 1 {
			expect(t, name, a.acts[0], incident.Act{Incident: "9f2c000000000001", Verb: incident.Acknowledge, Actor: "PagerDuty: Ada Lovelace", ID: "pagerduty 01ABC", Happened: time.Date(2026, 3, 25, 12, 0, 1, 0, time.UTC)})
		}
	}
}

var (
	ours = strings.Replace(pagerDutyBody, "user_reference", "events_api_v2_inbound_integration_reference", 1)
	ping = `{"event":{"id":"1","event_type":"pagey.ping","occurred_at":"2026-03-25T12:00:01Z","agent":null,"data":{"message":"Hello from your friend Pagey!"}}}`
)

func slackBody(action, value string) string {
	payload := `{"type":"block_actions","user":{"id":"U1","username":"ada","name":"ada"},"trigger_id":"13345224609.738474920.8088930838d88f008e0",
"channel":{"id":"C123","name":"ops"},"actions":[{"action_id":"` + action + `","block_id":"b","type":"button","value":"` + value + `","action_ts":"1774440001.500000"}]}`
	return url.Values{"payload": {payload}}.Encode()
}

func TestSlackHook(t *testing.T) {
	body := slackBody(buttonAcknowledge, "9f2c000000000001")
	signed := func(secret, body string, age time.Duration) map[string]string {
		ts := strconv.FormatInt(noon.Add(-age).Unix(), 10)
		return map[string]string{"X-Slack-Request-Timestamp": ts, "X-Slack-Signature": "v0=" + sign(secret, []byte("v0:"+ts+":"+body))}
	}
	for name, c := range map[string]struct {
		secret string
		header map[string]string
		body   string
		code   int
		acts   int
	}{
		"signed":           {"s1", signed("s1", body, 0), body, 200, 1},
		"five minutes old": {"s1", signed("s1", body, 5*time.Minute), body, 200, 1},
		"older":            {"s1", signed("s1", body, 5*time.Minute+time.Second), body, 401, 0},
		"of the future":    {"s1", signed("s1", body, -6*time.Minute), body, 401, 0},
		"unsigned":         {"s1", nil, body, 401, 0},
		"by another":       {"s1", signed("s2", body, 0), body, 401, 0},
		"changed":          {"s1", signed("s1", body, 0), body + "&x=y", 401, 0},
		"without a secret": {"", signed("", body, 0), body, 401, 0},
		"no interaction":   {"s1", signed("s1", "payload=x", 0), "payload=x", 400, 0},
		"another button":   {"s1", signed("s1", slackBody("plumbline_open", "x"), 0), slackBody("plumbline_open", "x"), 200, 0},
	} {
		a := &desk{}
		code := ask(t, &SlackHook{Secret: c.secret, Desk: a, Now: func() time.Time { return noon }, Log: zap.NewNop()}, c.header, c.body)
		if code != c.code || len(a.acts) != c.acts {
			t.Errorf("%s: answered %d with %d acts, want %d with %d", name, code, len(a.acts), c.code, c.acts)
		}
		if len(a.acts) == 1 {
			expect(t, name, a.acts[0], incident.Act{Incident: "9f2c000000000001", Verb: incident.Acknowledge, Actor: "Slack: ada", ID: "slack 13345224609.738474920.8088930838d88f008e0", Happened: time.Date(2026, 3, 25, 12, 0, 1, 500e6, time.UTC)})
		}
	}
}

// Whatever comes in signed is answered, and an act names what it is about.
func FuzzHooks(f *testing.F) {
	f.Add(pagerDutyBody, true)
	f.Add(ping, true)
	f.Add(slackBody(buttonResolve, "x"), false)
	f.Add("payload=%7B%7D", false)
	f.Fuzz(func(t *testing.T, body string, pagerDuty bool) {
		a := &desk{}
		var h http.Handler = &PagerDutyHook{Secrets: []string{"s"}, Desk: a, Log: zap.NewNop()}
		header := map[string]string{"X-PagerDuty-Signature": "v1=" + sign("s", []byte(body))}
		if !pagerDuty {
			ts := strconv.FormatInt(noon.Unix(), 10)
			h = &SlackHook{Secret: "s", Desk: a, Now: func() time.Time { return noon }, Log: zap.NewNop()}
			header = map[string]string{"X-Slack-Request-Timestamp": ts, "X-Slack-Signature": "v0=" + sign("s", []byte("v0:"+ts+":"+body))}
		}
		code := ask(t, h, header, body)
		if code != 200 && code != 400 {
			t.Errorf("answered %d", code)
		}
		for _, one := range a.acts {
			one.At = noon // the alerter's
			if err := one.Check(); err != nil {
				t.Errorf("%v: %+v", err, one)
			}
		}
	})
}
