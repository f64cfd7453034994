//go:build integration

package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// verdicts are the findings and incidents of a run as JSON, one a line, in an order that doesn't depend on the run, without
// what only says where the events lay.
type verdicts struct{ findings, incidents []string }

// add takes one object, byte for byte as it was written, offsets aside.
func (v *verdicts) add(t *testing.T, object []byte) {
	t.Helper()
	var kind struct{ Kind string }
	var compact bytes.Buffer
	if err := json.Unmarshal(object, &kind); err != nil {
		t.Fatalf("%v: %s", err, object)
	}
	if err := json.Compact(&compact, object); err != nil {
		t.Fatal(err)
	}
	switch kind.Kind {
	case finding.Kind:
		v.findings = append(v.findings, withoutOffsets(compact.Bytes()))
	case incident.Kind:
		body, err := withoutRetraining(object)
		if err != nil {
			t.Fatal(err)
		}
		v.incidents = append(v.incidents, body)
	default:
		t.Fatalf("an object of kind %q: %s", kind.Kind, object)
	}
}

// withoutRetraining leaves out how retraining stands: it bears the alerter's clock, and is no matter of check.
func withoutRetraining(object []byte) (string, error) {
	var inc incident.Incident
	if err := json.Unmarshal(object, &inc); err != nil {
		return "", err
	}
	inc.Retraining = nil
	body, err := json.Marshal(inc)
	return string(body), err
}

// withoutOffsets cuts the offsets, which are the last member of a finding.
func withoutOffsets(object []byte) string {
	if i := bytes.LastIndex(object, []byte(`,"offsets":{`)); i >= 0 {
		return string(object[:i]) + "}"
	}
	return string(object)
}

func (v *verdicts) sort() {
	slices.Sort(v.findings)
	slices.Sort(v.incidents)
}

// verdicts reads what the services have published. Of an incident the last word counts.
func (s *system) verdicts() *verdicts {
	s.t.Helper()
	v := &verdicts{}
	for _, body := range s.read(bus.TopicFindings) {
		v.add(s.t, data(s.t, body))
	}
	last := map[string][]byte{}
	for _, body := range s.read(bus.TopicIncidents) {
		object := withoutNews(data(s.t, body))
		var named struct{ ID string }
		if err := json.Unmarshal(object, &named); err != nil {
			s.t.Fatal(err)
		}
		last[named.ID] = object
	}
	for _, object := range last {
		v.add(s.t, object)
	}
	v.sort()
	return v
}

// news is what an incident's message says of itself.
var news = regexp.MustCompile(`"change":"[a-z]+","calls":(true|false)`)

// withoutNews is an incident as it is, without what its message was about.
func withoutNews(object []byte) []byte { return news.ReplaceAll(object, []byte(`"calls":false`)) }

func data(t *testing.T, event []byte) []byte {
	t.Helper()
	var e struct{ Data json.RawMessage }
	if err := json.Unmarshal(event, &e); err != nil {
		t.Fatalf("%v: %s", err, event)
	}
	return e.Data
}

// read returns the committed values of a topic, partition by partition.
func (s *system) read(topic string) [][]byte {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	ends, err := s.adm.ListEndOffsets(ctx, topic)
	if err != nil {
		s.t.Fatal(err)
	}
	var out [][]byte
	for p := range int32(len(ends[topic])) {
		err := bus.ReadState(ctx, s.kafka, topic, p, func(r *kgo.Record) error {
			out = append(out, r.Value)
			return nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return out
}

// coverage returns what all fragments say about a topic's offsets, in their order.
func (s *system) coverage(topic string) []record.Coverage {
	s.t.Helper()
	var out []record.Coverage
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	// Every fragments partition gets the same coverage; one is enough.
	err := bus.ReadState(ctx, s.kafka, bus.TopicFragments, bus.PartitionOf(model, bus.DefaultLayout().Fragments), func(r *kgo.Record) error {
		f, err := record.ReadFragment(r.Value)
		if err != nil {
			return err
		}
		for _, c := range f.Coverage {
			if c.Topic == topic {
				out = append(out, c)
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// expected is what `plumbline demo` says about the electricity stream, and `plumbline check` must say the same.
var expected = sync.OnceValues(demo)

func demo() (*verdicts, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(here.binaries, "plumbline"), "demo", "--exit", "--json", "--findings").Output()
	if err != nil {
		return nil, err
	}
	v := &verdicts{}
	for line := range bytes.Lines(out) {
		var kind struct{ Kind string }
		if err := json.Unmarshal(line, &kind); err != nil {
			return nil, err
		}
		line = bytes.TrimSpace(line)
		if kind.Kind == finding.Kind {
			v.findings = append(v.findings, withoutOffsets(line))
		} else {
			body, err := withoutRetraining(line)
			if err != nil {
				return nil, err
			}
			v.incidents = append(v.incidents, body)
		}
	}
	v.sort()
	return v, nil
}

// compare says how the verdicts of a run differ from the expected ones.
func compare(t *testing.T, what string, got *verdicts) {
	t.Helper()
	want, err := expected()
	if err != nil {
		t.Fatal(err)
	}
	if len(want.findings) == 0 || len(want.incidents) == 0 {
		t.Fatalf("there is nothing to compare with: %d findings, %d incidents", len(want.findings), len(want.incidents))
	}
	if diff := cmp.Diff(want.findings, got.findings); diff != "" {
		t.Errorf("%s: %d findings instead of %d (-demo +%s):\n%s", what, len(got.findings), len(want.findings), what, diff)
	}
	if diff := cmp.Diff(want.incidents, got.incidents); diff != "" {
		t.Errorf("%s: %d incidents instead of %d (-demo +%s):\n%s", what, len(got.incidents), len(want.incidents), what, diff)
	}
}
