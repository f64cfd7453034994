package console

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/incident"
)

type fake struct{ err error }

func (f fake) Models(context.Context) ([]string, error) { return []string{"b", "a"}, f.err }

func (f fake) Latest(_ context.Context, model string) ([]byte, error) {
	if f.err == nil && model != "a" {
		return nil, ErrNotFound
	}
	return []byte(`{"model":"a"}`), f.err
}

func (f fake) Incidents(context.Context) ([]incident.Incident, error) {
	at := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	return []incident.Incident{
		{ID: "2", Model: "b", Status: incident.Resolved, OpenedAt: at},
		{ID: "1", Model: "a", Status: incident.Open, OpenedAt: at.Add(-time.Hour)},
	}, f.err
}

func TestAPI(t *testing.T) {
	for _, c := range []struct {
		path string
		err  error
		code int
		want string
	}{
		{"/api/v1/models", nil, 200, `{"models":["a","b"]}`},
		{"/api/v1/models/a/latest", nil, 200, `{"model":"a"}`},
		{"/api/v1/models/zz/latest", nil, 404, "no pane of this model"},
		{"/api/v1/incidents", nil, 200, `"id":"1"`},
		{"/api/v1/incidents?status=resolved", nil, 200, `"id":"2"`},
		{"/api/v1/incidents?model=a&status=resolved", nil, 200, `{"incidents":[]}`},
		{"/api/v1/incidents?status=active", nil, 200, `{"incidents":[{"kind":"","id":"1"`},
		{"/api/v1/incidents?status=closed", nil, 400, "resolved or reopened"},
		{"/api/v1/incidents/2", nil, 200, `"id":"2"`},
		{"/api/v1/incidents/9", nil, 404, "no such incident"},
		{"/api/v1/nothing", nil, 404, "openapi.json"},
		{"/api/v1/models", errors.New("redis: secret-host refused"), 503, "can't be read"},
		{"/api/v1/models/a/latest", errors.New("redis"), 503, "can't be read"},
		{"/api/v1/incidents", errors.New("redis"), 503, "can't be read"},
	} {
		rec := httptest.NewRecorder()
		New(fake{c.err}, zap.NewNop()).ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, nil))
		if rec.Code != c.code || !strings.Contains(rec.Body.String(), c.want) || !json.Valid(rec.Body.Bytes()) {
			t.Errorf("%s (%v): %d %s; want %d with %s", c.path, c.err, rec.Code, rec.Body, c.code, c.want)
		}
		if strings.Contains(rec.Body.String(), "secret-host") {
			t.Errorf("%s tells what is inside", c.path)
		}
	}
}

// The description names every path that is served, and no other.
func TestOpenAPI(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(openapi, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Paths) != 11 {
		t.Errorf("%d paths described, 11 are served", len(doc.Paths))
	}
	a := New(fake{}, zap.NewNop())
	a.Write(desk{}, published{}, Auth{Token: "sesame"})
	a.Outbox(letters{})
	for p, methods := range doc.Paths {
		for method := range methods {
			rec := httptest.NewRecorder()
			path := strings.NewReplacer("{model}", "a", "{id}", "1").Replace(p)
			r := httptest.NewRequestWithContext(t.Context(), strings.ToUpper(method), path, strings.NewReader(`{"id":"1","at":"2026-03-25T10:00:00Z","what":"deploy","name":"x"}`))
			if strings.HasSuffix(p, "acts") {
				r.Body = io.NopCloser(strings.NewReader("{}"))
			}
			if strings.HasSuffix(p, "retry") {
				r.Body = io.NopCloser(strings.NewReader(`{"id":"a-1","sink":"topic","actor":"ada"}`))
			}
			r.Header.Set("Authorization", "Bearer sesame")
			r.Header.Set("Content-Type", "application/json")
			a.ServeHTTP(rec, r)
			if rec.Code != http.StatusOK {
				t.Errorf("%s %s is described and answers %d %s", method, p, rec.Code, rec.Body)
			}
		}
	}
}
