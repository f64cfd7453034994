package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/change"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// desk remembers the act it was given.
type desk struct {
	got *incident.Act
	err error
}

func (d desk) Do(_ context.Context, a incident.Act) ([]incident.Told, error) {
	if d.got != nil {
		*d.got = a
	}
	return []incident.Told{{Change: incident.Acked, Incident: incident.Incident{ID: a.Incident, Status: incident.Acknowledged}}}, d.err
}

// published remembers the change it was given.
type published struct {
	got *change.Event
	err error
}

func (p published) Publish(_ context.Context, c change.Event) error {
	if p.got != nil {
		*p.got = c
	}
	return p.err
}

func TestChanges(t *testing.T) {
	const event = `{"id":"1","at":"2026-03-25T10:00:00Z","what":"deploy","name":"scorer"}`
	for name, c := range map[string]struct {
		path, kind, token, body string
		err                     error
		code                    int
		actor                   string
	}{
		"a change":           {"changes", "application/json", "ci-token", event, nil, 200, "ci"},
		"by somebody":        {"changes", "application/json", "ci-token", strings.Replace(event, `"id"`, `"actor":"ada","id"`, 1), nil, 200, "ada"},
		"a CloudEvent":       {"changes", "application/cloudevents+json", "ci-token", `{"specversion":"1.0","id":"1","time":"2026-03-25T10:00:00Z","data":{"what":"flag","name":"x"}}`, nil, 200, "ci"},
		"OpenLineage":        {"lineage", "application/json", "ci-token", `{"eventType":"START","eventTime":"2026-03-25T10:00:00Z","run":{"runId":"1"},"job":{"name":"x"}}`, nil, 200, "ci"},
		"without a token":    {"changes", "application/json", "", event, nil, 401, ""},
		"no change":          {"changes", "application/json", "ci-token", `{"what":"deploy"}`, nil, 400, ""},
		"as a form":          {"changes", "application/x-www-form-urlencoded", "ci-token", event, nil, 415, ""},
		"the broker is away": {"changes", "application/json", "ci-token", event, errors.New("secret-host refused"), 503, "ci"},
	} {
		var got change.Event
		a := New(fake{}, zap.NewNop())
		a.Write(desk{}, published{&got, c.err}, Auth{Tokens: map[string]string{"ci": "ci-token"}})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/"+c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		rec := httptest.NewRecorder()
		a.ServeHTTP(rec, r)
		if rec.Code != c.code || got.Actor != c.actor || strings.Contains(rec.Body.String(), "secret-host") {
			t.Errorf("%s: %d %s, by %q; want %d, %q", name, rec.Code, rec.Body, got.Actor, c.code, c.actor)
		}
	}
}

func TestWhoMayWrite(t *testing.T) {
	personal := map[string]string{"ada": "ada-token", "bot": "bot-token"}
	for name, c := range map[string]struct {
		auth   Auth
		host   string
		token  string
		actor  string
		code   int
		did    string
		answer string
	}{
		"nobody, where no token is set":      {Auth{}, "10.0.0.1", "", "ada", 403, "", "writing is off"},
		"nor with some token":                {Auth{}, "10.0.0.1", "some-token", "ada", 403, "", "writing is off"},
		"who is on the machine":              {Auth{Loopback: true}, "127.0.0.1:8090", "", "ada", 200, "ada", ""},
		"by its other names":                 {Auth{Loopback: true}, "[::1]:8090", "", "ada", 200, "ada", ""},
		"not under a name that points here":  {Auth{Loopback: true}, "evil.example:8090", "", "ada", 403, "", "localhost"},
		"with a token set, not without it":   {Auth{Token: "shared", Loopback: true}, "localhost", "", "ada", 401, "", "Authorization"},
		"nor with a wrong one":               {Auth{Token: "shared"}, "x", "shared-", "ada", 401, "", "not known"},
		"with the shared one as they say":    {Auth{Token: "shared"}, "x", "shared", "ada", 200, "ada", ""},
		"with their own as it says":          {Auth{Tokens: personal}, "x", "bot-token", "", 200, "bot", ""},
		"never as somebody else":             {Auth{Tokens: personal}, "x", "bot-token", "ada", 200, "bot", ""},
		"the shared one is no longer enough": {Auth{Tokens: personal}, "x", "shared", "ada", 401, "", "not known"},
	} {
		var did incident.Act
		a := New(fake{}, zap.NewNop())
		a.Write(desk{got: &did}, published{}, c.auth)
		body := fmt.Sprintf(`{"id":"1","verb":"acknowledge","actor":%q}`, c.actor)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/incidents/9f/acts", strings.NewReader(body))
		r.Host = c.host
		r.Header.Set("Content-Type", "application/json")
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		rec := httptest.NewRecorder()
		a.ServeHTTP(rec, r)
		if rec.Code != c.code || did.Actor != c.did || !strings.Contains(rec.Body.String(), c.answer) {
			t.Errorf("%s: %d %s, done by %q; want %d, %q", name, rec.Code, rec.Body, did.Actor, c.code, c.did)
		}
		if c.token != "" && strings.Contains(rec.Body.String(), c.token) {
			t.Errorf("%s: the answer repeats the token: %s", name, rec.Body)
		}
	}
}

func TestActs(t *testing.T) {
	post := func(d desk, path, kind, body string) *httptest.ResponseRecorder {
		a := New(fake{}, zap.NewNop())
		a.Write(d, published{}, Auth{Loopback: true})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
		r.Host = "localhost"
		r.Header.Set("Content-Type", kind)
		rec := httptest.NewRecorder()
		a.ServeHTTP(rec, r)
		if !json.Valid(rec.Body.Bytes()) {
			t.Errorf("%s: %s", path, rec.Body)
		}
		return rec
	}
	const kind = "application/json; charset=utf-8"
	var did incident.Act
	rec := post(desk{got: &did}, "/api/v1/models/credit/acts", kind, `{"id":"7","actor":"ada","verb":"silence","until":"2026-04-01T00:00:00Z","comment":"deploy"}`)
	want := incident.Act{ID: "7", Actor: "ada", Verb: incident.Hush, Model: "credit", Until: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), Comment: "deploy"}
	if rec.Code != 200 || fmt.Sprint(did) != fmt.Sprint(want) {
		t.Errorf("%d, did %+v, want %+v", rec.Code, did, want)
	}
	for name, c := range map[string]struct {
		err        error
		kind, body string
		code       int
	}{
		"no JSON by its kind": {nil, "text/plain", `{}`, 415},
		"no JSON":             {nil, kind, `{`, 400},
		"two":                 {nil, kind, `{}{}`, 400},
		"an unknown key":      {nil, kind, `{"severity":"none"}`, 400},
		"too much":            {nil, kind, `{"comment":"` + strings.Repeat("x", mostBody) + `"}`, 413},
		"incomplete":          {fmt.Errorf("%w: no id", incident.ErrAct), kind, `{}`, 400},
		"unknown":             {incident.ErrUnknown, kind, `{}`, 404},
		"not now":             {incident.ErrConflict, kind, `{}`, 409},
		"away":                {ErrAway, kind, `{}`, 503},
	} {
		rec := post(desk{err: c.err}, "/api/v1/incidents/9f/acts", c.kind, c.body)
		if rec.Code != c.code || (rec.Header().Get("Retry-After") != "") != (c.code == 503) {
			t.Errorf("%s: %d %s, want %d", name, rec.Code, rec.Body, c.code)
		}
	}
	// An API that only reads takes none.
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/incidents/9f/acts", strings.NewReader("{}"))
	reads := httptest.NewRecorder()
	New(fake{}, zap.NewNop()).ServeHTTP(reads, r)
	if reads.Code != http.StatusNotFound {
		t.Errorf("an API that only reads answers %d", reads.Code)
	}
}
