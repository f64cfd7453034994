package bus

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
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
		r.rememberUnknown(writer{id: id})
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

// A schema that refers to others stands alone once it is fetched, also where those refer to others again.
func TestRegistryPutsReferencesIn(t *testing.T) {
	r, c := newRegistry(t, nil)
	register := func(subject, text string, refs ...sr.SchemaReference) int {
		t.Helper()
		id, err := r.clients[0].RegisterSchema(t.Context(), subject, sr.Schema{Schema: text, Type: sr.TypeAvro, References: refs}, -1, -1)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	register("unit", `{"type":"enum","name":"Unit","symbols":["m","km"]}`)
	register("point", `{"type":"record","name":"Point","fields":[{"name":"x","type":"double"},{"name":"unit","type":"Unit"}]}`,
		sr.SchemaReference{Name: "Unit", Subject: "unit", Version: 1})
	id := register("events-value", `{"type":"record","name":"E","fields":[{"name":"from","type":"Point"},{"name":"to","type":"Point"}]}`,
		sr.SchemaReference{Name: "Point", Subject: "point", Version: 1})
	text, err := r.SchemaByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := schema.Compile(text, &plan.Projection{Fields: []plan.Field{{Name: "u", Path: []string{"to", "unit"}, Kind: plan.String}}, Roles: plan.NoRoles()}); err != nil {
		t.Errorf("%v; it is %s", err, text)
	}
	before := c.requests.Load()
	if again, err := r.SchemaByID(t.Context(), id); err != nil || again != text || c.requests.Load() != before {
		t.Errorf("the second time it took %d requests: %v", c.requests.Load()-before, err)
	}
	if latest, err := r.Latest(t.Context(), "events-value"); err != nil || latest.Schema != text {
		t.Errorf("the latest version is %q, %v", latest.Schema, err)
	}
}

func TestRegistryFindsByGUID(t *testing.T) {
	r, _ := newRegistry(t, nil)
	if _, err := r.Register(t.Context(), "events-value", avroV1); err != nil {
		t.Fatal(err)
	}
	s, err := r.clients[0].SchemaByVersion(t.Context(), "events-value", 1)
	if err != nil || s.GUID == "" {
		t.Fatalf("GUID %q, %v", s.GUID, err)
	}
	if text, err := r.SchemaByGUID(t.Context(), s.GUID); err != nil || text != avroV1 {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := r.SchemaByGUID(t.Context(), "11111111-2222-4333-8444-555555555555"); !errors.Is(err, ErrUnknownSchema) {
		t.Errorf("a GUID that nobody gave: %v", err)
	}
}

// The versions of a subject are asked for again only after a while, and each of them once.
func TestRegistryListsVersions(t *testing.T) {
	now := time.Unix(0, 0)
	r, c := newRegistry(t, func() time.Time { return now })
	if texts, err := r.Versions(t.Context(), "events-value"); err != nil || len(texts) != 0 {
		t.Errorf("of no subject: %q, %v", texts, err)
	}
	if _, err := r.Register(t.Context(), "events-value", avroV1); err != nil {
		t.Fatal(err)
	}
	now = now.Add(unknownFor)
	for range 2 {
		if texts, err := r.Versions(t.Context(), "events-value"); err != nil || !slices.Equal(texts, []string{avroV1}) {
			t.Errorf("%q, %v", texts, err)
		}
	}
	if _, err := r.Register(t.Context(), "events-value", avroV2); err != nil {
		t.Fatal(err)
	}
	if texts, err := r.Versions(t.Context(), "events-value"); err != nil || len(texts) != 1 {
		t.Errorf("too early: %q, %v", texts, err)
	}
	now = now.Add(unknownFor)
	before := c.requests.Load()
	if texts, err := r.Versions(t.Context(), "events-value"); err != nil || !slices.Equal(texts, []string{avroV1, avroV2}) || c.requests.Load() != before+2 {
		t.Errorf("%q, %v, after %d requests", texts, err, c.requests.Load()-before)
	}
	c.status.Store(http.StatusBadGateway)
	now = now.Add(unknownFor)
	if _, err := r.Versions(t.Context(), "events-value"); !errors.Is(err, ErrRegistryAway) {
		t.Errorf("while it is away: %v", err)
	}
}

// One address that answers is enough, and it is asked first from then on.
func TestRegistryTriesEveryAddress(t *testing.T) {
	ok, c := newRegistry(t, nil)
	id, err := ok.Register(t.Context(), "events-value", avroV1)
	if err != nil {
		t.Fatal(err)
	}
	var refused atomic.Int64
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refused.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(down.Close)
	up := httptest.NewServer(c.fake.Handler())
	t.Cleanup(up.Close)
	r, err := NewRegistry(RegistrySettings{URLs: []string{down.URL, up.URL}})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := r.SchemaByID(t.Context(), id); err != nil || text != avroV1 {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := r.Latest(t.Context(), "events-value"); err != nil || refused.Load() != 1 {
		t.Errorf("%v; the address that is down was asked %d times, want once", err, refused.Load())
	}
}

// A registry that answers at the second attempt costs its caller nothing but the wait.
func TestRegistryTriesAgain(t *testing.T) {
	fake := srfake.NewRegistry()
	var requests atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if requests.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fake.Handler().ServeHTTP(w, req)
	}))
	t.Cleanup(srv.Close)
	r, err := NewRegistry(RegistrySettings{URLs: []string{srv.URL}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Register(t.Context(), "events-value", avroV1); err != nil || requests.Load() != 2 {
		t.Errorf("%v after %d requests", err, requests.Load())
	}
}

func TestRegistryLogsIn(t *testing.T) {
	for want, s := range map[string]RegistrySettings{
		"Bearer t0ken": {Token: "t0ken"},
		"Basic dTpw":   {User: "u", Password: "p"},
		"":             {},
	} {
		var got string
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			got = req.Header.Get("Authorization")
			srfake.NewRegistry().Handler().ServeHTTP(w, req)
		}))
		t.Cleanup(srv.Close)
		s.URLs = []string{srv.URL}
		r, err := NewRegistry(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Register(t.Context(), "s", avroV1); err != nil || got != want {
			t.Errorf("it was sent %q, %v; want %q", got, err, want)
		}
	}
	if _, err := NewRegistry(RegistrySettings{URLs: []string{"http://r"}, User: "u", Token: "t"}); err == nil {
		t.Error("a user and a token were taken")
	}
}
