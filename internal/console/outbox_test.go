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

	"go.uber.org/zap"
)

// letters is an outbox of one message, which remembers who wants it.
type letters struct {
	who *string
	err error
}

func (l letters) GivenUp(_ context.Context, id, sink string, _ int) ([]Letter, error) {
	if id != "" && id != "a-1" || sink != "" && sink != "topic" {
		return nil, l.err
	}
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
		"look for NUL":           {http.MethodGet, "?id=%00", "ada-token", "", nil, 400, ""},
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

// many is an outbox of so many messages to each of two sinks.
type many int

func (n many) GivenUp(_ context.Context, id, sink string, limit int) (out []Letter, _ error) {
	for i := range 2 * int(n) {
		l := Letter{ID: fmt.Sprintf("x-%d", i), Sink: []string{"a", "b"}[i/int(n)]}
		if (id == "" || id == l.ID) && (sink == "" || sink == l.Sink) && len(out) < limit {
			out = append(out, l)
		}
	}
	return out, nil
}

func (many) Again(context.Context, string, string, string) error { return nil }

// Whoever asks for a sink's messages, or for one, gets them however many there are to others; and is told if there are more.
func TestOutboxOfMany(t *testing.T) {
	for _, c := range []struct {
		of    many
		query string
		first string
		n     int
		more  bool
	}{
		{1000, "", "x-0", 1000, true},
		{500, "", "x-0", 1000, false},
		{1000, "?sink=b", "x-1000", 1000, false},
		{1001, "?sink=b", "x-1001", 1000, true},
		{1000, "?id=x-1999", "x-1999", 1, false},
		{1000, "?id=x-1999&sink=a", "", 0, false},
	} {
		a := New(fake{}, zap.NewNop())
		a.Write(desk{}, published{}, Auth{Token: "shared"})
		a.Outbox(c.of)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/outbox"+c.query, nil)
		r.Header.Set("Authorization", "Bearer shared")
		rec := httptest.NewRecorder()
		a.ServeHTTP(rec, r)
		var got Letters
		if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
			t.Fatal(err, rec.Body)
		}
		if len(got.Messages) != c.n || c.n > 0 && got.Messages[0].ID != c.first || got.More != c.more || got.Messages == nil {
			t.Errorf("%d, %s: %d messages, more %t", c.of, c.query, len(got.Messages), got.More)
		}
	}
}
