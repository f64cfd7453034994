package bus

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

const (
	avroV1 = `{"type":"record","name":"Event","fields":[{"name":"id","type":"string"}]}`
	avroV2 = `{"type":"record","name":"Event","fields":[{"name":"id","type":"string"},{"name":"n","type":"long","default":0}]}`
)

// counted serves a registry and counts the requests; status overrides the answers.
type counted struct {
	fake     *srfake.Registry
	requests atomic.Int64
	status   atomic.Int64
}

func newRegistry(t *testing.T, now func() time.Time) (*Registry, *counted) {
	t.Helper()
	c := &counted{fake: srfake.NewRegistry()}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c.requests.Add(1)
		if s := c.status.Load(); s != 0 {
			w.WriteHeader(int(s))
			return
		}
		c.fake.Handler().ServeHTTP(w, req)
	}))
	t.Cleanup(srv.Close)
	r, err := NewRegistry(RegistrySettings{URLs: []string{srv.URL}, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return r, c
}

func TestRegistryRegistersAndCaches(t *testing.T) {
	r, c := newRegistry(t, nil)
	id, err := r.Register(t.Context(), "events-value", avroV1)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.Register(t.Context(), "events-value", avroV1); err != nil || again != id {
		t.Errorf("registered again: id %d, %v; want %d", again, err, id)
	}
	id2, err := r.Register(t.Context(), "events-value", avroV2)
	if err != nil || id2 == id {
		t.Fatalf("second version: id %d, %v", id2, err)
	}
	latest, err := r.Latest(t.Context(), "events-value")
	if err != nil || latest != (SubjectSchema{ID: id2, Version: 2, Schema: avroV2}) {
		t.Errorf("latest: %+v, %v", latest, err)
	}
	before := c.requests.Load()
	for range 5 {
		if text, err := r.SchemaByID(t.Context(), id); err != nil || text != avroV1 {
			t.Fatalf("schema %d: %q, %v", id, text, err)
		}
	}
	if n := c.requests.Load() - before; n != 1 {
		t.Errorf("%d requests for one id, want 1", n)
	}
}

func TestRegistryForgetsUnknownIDs(t *testing.T) {
	now := time.Unix(0, 0)
	r, c := newRegistry(t, func() time.Time { return now })
	unknown := func(requests int64) {
		t.Helper()
		if _, err := r.SchemaByID(t.Context(), 7); !errors.Is(err, ErrUnknownSchema) || errors.Is(err, ErrRegistryAway) {
			t.Errorf("unknown id: %v", err)
		}
		if got := c.requests.Load(); got != requests {
			t.Errorf("%d requests so far, want %d", got, requests)
		}
	}
	unknown(1)
	unknown(1)
	now = now.Add(unknownFor)
	unknown(2)
	c.fake.SeedSchema("late-value", 1, 7, sr.Schema{Schema: avroV1})
	unknown(2)
	now = now.Add(unknownFor)
	if text, err := r.SchemaByID(t.Context(), 7); err != nil || text != avroV1 {
		t.Errorf("a schema that appeared: %q, %v", text, err)
	}
	for id := range 3 * maxUnknown {
		r.rememberUnknown(id)
	}
	if len(r.unknown) > maxUnknown {
		t.Errorf("%d unknown ids are remembered, want at most %d", len(r.unknown), maxUnknown)
	}
}

func TestRegistryErrors(t *testing.T) {
	r, c := newRegistry(t, nil)
	for _, status := range []int64{http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusUnauthorized, http.StatusNotFound, http.StatusTooManyRequests} {
		c.status.Store(status)
		if _, err := r.SchemaByID(t.Context(), 1); !errors.Is(err, ErrRegistryAway) || errors.Is(err, ErrUnknownSchema) {
			t.Errorf("status %d without a registry's error code: %v, want away", status, err)
		}
	}
	c.status.Store(0)
	if _, err := r.Latest(t.Context(), "no-such-subject"); !errors.Is(err, ErrUnknownSchema) {
		t.Errorf("unknown subject: %v", err)
	}
	if _, err := r.Register(t.Context(), "events-value", `{"type":"nonsense`); err == nil || errors.Is(err, ErrRegistryAway) {
		t.Errorf("invalid schema: %v, want the registry's refusal", err)
	}
	c.fake.SeedSchema("proto-value", 1, 9, sr.Schema{Schema: `syntax = "proto3";`, Type: sr.TypeProtobuf})
	before := c.requests.Load()
	for range 2 {
		if _, err := r.SchemaByID(t.Context(), 9); !errors.Is(err, ErrUnsupportedSchema) {
			t.Errorf("protobuf: %v", err)
		}
	}
	if n := c.requests.Load() - before; n != 1 {
		t.Errorf("%d requests for an unsupported schema, want 1", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.SchemaByID(ctx, 1); !errors.Is(err, context.Canceled) || errors.Is(err, ErrRegistryAway) {
		t.Errorf("cancelled: %v", err)
	}
	gone, err := NewRegistry(RegistrySettings{URLs: []string{"http://127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gone.SchemaByID(t.Context(), 1); !errors.Is(err, ErrRegistryAway) {
		t.Errorf("nobody listens: %v, want away", err)
	}
	if _, err := NewRegistry(RegistrySettings{}); err == nil {
		t.Error("settings without a url were accepted")
	}
}

func TestEmbedded(t *testing.T) {
	e := newEmbedded(t)
	if len(e.Brokers()) != 1 {
		t.Errorf("brokers: %v, want one", e.Brokers())
	}
	if _, err := newAdmin(t, e).CreateTopic(t.Context(), 1, 1, nil, "t"); err != nil {
		t.Error(err)
	}
	r, err := NewRegistry(e.RegistrySettings())
	if err != nil {
		t.Fatal(err)
	}
	id, err := r.Register(t.Context(), "t-value", avroV1)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := NewRegistry(RegistrySettings{URLs: []string{e.RegistryURL()}}) // as another process would
	if err != nil {
		t.Fatal(err)
	}
	if text, err := plain.SchemaByID(t.Context(), id); err != nil || text != avroV1 {
		t.Errorf("schema %d: %q, %v", id, text, err)
	}
	other := newEmbedded(t) // two in one process
	if other.RegistryURL() == e.RegistryURL() || other.Brokers()[0] == e.Brokers()[0] {
		t.Error("two embedded brokers share an address")
	}
}

func TestSettingsAreChecked(t *testing.T) {
	if _, err := (Settings{}).NewClient(nil, nil); err == nil {
		t.Error("settings without brokers were accepted")
	}
	dial := (&net.Dialer{}).DialContext
	if _, err := (Settings{Brokers: []string{"b:9092"}, TLS: &tls.Config{MinVersion: tls.VersionTLS13}, Dialer: dial}).NewClient(nil, nil); err == nil {
		t.Error("tls together with a dialer was accepted")
	}
}
