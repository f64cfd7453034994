//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

// door stands in front of the registry and can be shut.
type door struct {
	shut    atomic.Bool
	knocked atomic.Int64
	url     string
}

func newDoor(t *testing.T) *door {
	t.Helper()
	to, err := url.Parse(here.registry)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: to.Scheme, Host: to.Host})
	d := &door{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if d.shut.Load() {
			d.knocked.Add(1)
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(srv.Close)
	d.url = srv.URL + to.Path
	return d
}

// While the registry is away nothing is counted, the ingestor says why it isn't ready, and nothing is lost: in the end the same
// comes out, and that events waited is a finding.
func TestRegistryVanishes(t *testing.T) {
	s := fresh(t)
	in := newStream(t, s)
	d := newDoor(t)
	s.set("PLUMBLINE_REGISTRY_URL=" + d.url)
	s.apply(contractFile())
	d.shut.Store(true)
	s.startAll()
	in.next(share(6))
	until(t, "the ingestor says that the registry is away", func(ctx context.Context) error {
		status, body, err := s.runs[ingestor].get(ctx, "/readyz")
		if err == nil && (status == http.StatusOK || !strings.Contains(body, "wait for their schema")) {
			err = fmt.Errorf("%d: %s", status, body)
		}
		return err
	})
	if away, err := s.runs[ingestor].metric(t.Context(), "plumbline_ingest_registry_away", ""); err != nil || away != 1 {
		t.Errorf("plumbline_ingest_registry_away is %v, %v", away, err)
	}
	if n, err := consumed(t.Context(), s.adm, s.prefix+"-ingest", predictions, outcomes); err != nil || n != 0 {
		t.Errorf("%d events are committed while no schema is known, %v", n, err)
	}
	d.shut.Store(false)
	in.rest()
	s.settle()
	until(t, "the ingestor is ready again", s.ready(ingestor))
	got := s.verdicts()
	waited := func(line string) bool {
		return strings.Contains(line, `"metric":"offsets_delayed"`) || strings.Contains(line, "waited for the schema registry")
	}
	before := len(got.findings)
	got.findings = slices.DeleteFunc(got.findings, waited)
	got.incidents = slices.DeleteFunc(got.incidents, waited)
	if told := before - len(got.findings); told == 0 {
		t.Errorf("no finding says that events waited, after %d questions without an answer", d.knocked.Load())
	} else {
		t.Logf("%d findings say that events waited", told)
	}
	compare(t, "processes", got)
}

// Schemas that refer to others are read as the real registry gives them.
func TestSchemaReferences(t *testing.T) {
	registry, err := bus.NewRegistry(bus.RegistrySettings{URLs: []string{here.registry}})
	if err != nil {
		t.Fatal(err)
	}
	cl, err := sr.NewClient(sr.URLs(here.registry))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Register(t.Context(), "unit", `{"type":"enum","name":"Unit","namespace":"geo","symbols":["m","km"]}`); err != nil {
		t.Fatal(err)
	}
	made, err := cl.CreateSchema(t.Context(), "walks-value", sr.Schema{
		Type: sr.TypeAvro, Schema: `{"type":"record","name":"Walk","fields":[{"name":"length","type":"double"},{"name":"unit","type":"geo.Unit"}]}`,
		References: []sr.SchemaReference{{Name: "geo.Unit", Subject: "unit", Version: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := registry.SchemaByID(t.Context(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	p := &plan.Projection{Roles: plan.NoRoles(), Fields: []plan.Field{{Name: "unit", Path: []string{"unit"}, Kind: plan.String}}}
	prog, err := schema.Compile(text, p)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	b := plan.NewBatch(p, 1)
	if err := prog.Decode([]byte{0, 0, 0, 0, 0, 0, 0, 0, 2}, 0, b, 0); err != nil || b.Cols[0].Str[0] != "km" {
		t.Errorf("read %q, %v", b.Cols[0].Str, err)
	}
	if _, err := registry.SchemaByID(t.Context(), 1<<30); !errors.Is(err, bus.ErrUnknownSchema) {
		t.Errorf("an id that nobody gave: %v", err)
	}
	if texts, err := registry.Versions(t.Context(), "walks-value"); err != nil || !slices.Equal(texts, []string{text}) {
		t.Errorf("its versions are %q, %v", texts, err)
	}
}
