package console

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/zap"
)

// letters is an outbox of one message, which remembers who wants it.
type letters struct {
	who *string
	err error
}

func (l letters) GivenUp(context.Context, int) ([]Letter, error) {
	return []Letter{{KindName: "message", ID: "a-1", Sink: "topic"}}, l.err
}

func (l letters) Again(_ context.Context, actor, _, _ string) error {
	if l.who != nil {
		*l.who = actor
	}
	return l.err
}

func TestOutbox(t *testing.T) {
	const one = `{"id":"a-1","sink":"topic","actor":"mallory"}`
	for name, c := range map[string]struct {
		method, path, token, body string
		err                       error
		code                      int
		who                       string
	}{
		"look":                   {http.MethodGet, "", "ada-token", "", nil, 200, ""},
		"look without a token":   {http.MethodGet, "", "", "", nil, 401, ""},
		"look by another's":      {http.MethodGet, "", "ada-tokem", "", nil, 401, ""},
		"look, and it is away":   {http.MethodGet, "", "ada-token", "", errors.New("secret-host"), 503, ""},
		"again":                  {http.MethodPost, "/retry", "ada-token", one, nil, 200, "ada"},
		"again, nobody":          {http.MethodPost, "/retry", "", one, nil, 401, ""},
		"again, a shared token":  {http.MethodPost, "/retry", "shared", one, nil, 200, "mallory"},
		"again, but who":         {http.MethodPost, "/retry", "shared", `{"id":"a-1","sink":"topic"}`, nil, 400, ""},
		"again, to what":         {http.MethodPost, "/retry", "ada-token", `{"id":"a-1"}`, nil, 400, ""},
		"again, what isn't":      {http.MethodPost, "/retry", "ada-token", one, ErrNoLetter, 404, "ada"},
		"again, not now":         {http.MethodPost, "/retry", "ada-token", one, ErrNotNow, 409, "ada"},
		"again, nobody is there": {http.MethodPost, "/retry", "ada-token", one, ErrAway, 503, "ada"},
		"again, of NUL":          {http.MethodPost, "/retry", "ada-token", `{"id":"\u0000-1","sink":"topic"}`, nil, 400, ""},
		"again, to NUL":          {http.MethodPost, "/retry", "ada-token", `{"id":"a-1","sink":"to\u0000pic"}`, nil, 400, ""},
		"again, of more":         {http.MethodPost, "/retry", "ada-token", `{"id":"a-1","sink":"topic","all":true}`, nil, 400, ""},
	} {
		who := ""
		a := New(fake{}, zap.NewNop())
		a.Write(desk{}, published{}, Auth{Token: "shared", Tokens: map[string]string{"ada": "ada-token"}})
		a.Outbox(letters{&who, c.err})
		r := httptest.NewRequestWithContext(t.Context(), c.method, "/api/v1/outbox"+c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/json")
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		rec := httptest.NewRecorder()
		a.ServeHTTP(rec, r)
		if rec.Code != c.code || who != c.who || strings.Contains(rec.Body.String(), "secret-host") {
			t.Errorf("%s: %d %s, by %q; want %d, %q", name, rec.Code, rec.Body, who, c.code, c.who)
		}
	}
	// Where nobody may write, nobody may look.
	a := New(fake{}, zap.NewNop())
	a.Outbox(letters{})
	rec := httptest.NewRecorder()
	a.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/outbox", nil))
	if rec.Code != http.StatusForbidden {
		t.Errorf("without any token: %d", rec.Code)
	}
}
