package produce

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/contract"
)

const churn = `apiVersion: plumbline/v1
kind: QualityContract
metadata: {model: churn}
owners: {data: crm, model: growth}
task: {type: binary}
streams:
  prediction: {topic: churn.predictions, fields: {id: id, time: at, score: score, version: version}}
  outcome: {topic: churn.outcomes, fields: {id: id, time: at, label: churned}}
inputs:
  amount: {type: numeric}
  plan: {type: categorical}
  active: {type: boolean}
  since: {type: timestamp, path: account.since}
derived: {large: "amount > 100.0"}
watch:
  reference: {from: 2026-01-01, to: 2026-03-01}
`

func load(t testing.TB, text string) *contract.Contract {
	t.Helper()
	c, err := contract.Parse("contract.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// write makes a file and gives its path.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// house is a broker, a registry and a client to send with.
type house struct {
	kafka    bus.Settings
	registry *bus.Registry
	client   *kgo.Client
}

func newHouse(t testing.TB) *house {
	t.Helper()
	e, err := bus.StartEmbedded(bus.EmbeddedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &house{kafka: e.Settings()}
	if h.registry, err = bus.NewRegistry(e.RegistrySettings()); err != nil {
		t.Fatal(err)
	}
	if h.client, err = NewClient(h.kafka, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.client.Close)
	return h
}

// run publishes and gives the summary.
func (h *house) run(ctx context.Context, t testing.TB, o Options) (*Summary, error) {
	t.Helper()
	r, err := Open(ctx, o, h.registry)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	return r.Run(ctx, h.client)
}

// read gives every record of a topic, by partition.
func (h *house) read(t testing.TB, topic string) map[int32][]*kgo.Record {
	t.Helper()
	ends, err := kadm.NewClient(h.client).ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	out := map[int32][]*kgo.Record{}
	ends.Each(func(o kadm.ListedOffset) {
		err := bus.ReadRange(t.Context(), h.kafka, topic, o.Partition, 0, o.Offset, func(r *kgo.Record) error {
			out[o.Partition] = append(out[o.Partition], r)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	return out
}
