//go:build integration

package integration

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
	"github.com/plumbline-ml/plumbline/internal/schema/evolution"
)

// Every row of the table of schema evolution, through the real parts: both versions are registered under BACKWARD compatibility
// and the registry says what the table says; the event goes through a topic with the id that the registry gave; and what is
// read of it, with the schemas that the registry gives back, is what the table says.
func TestEvolution(t *testing.T) {
	s := fresh(t)
	registry, err := bus.NewRegistry(bus.RegistrySettings{URLs: []string{here.registry}})
	if err != nil {
		t.Fatal(err)
	}
	const topic = "evolution"
	s.createTopic(topic, 1)
	rows := evolution.Rows()
	for i := range rows {
		subject := fmt.Sprintf("evolution-%d", i)
		id, err := registry.Register(t.Context(), subject, rows[i].Writer)
		if err != nil {
			t.Fatalf("%s: %v", rows[i].Name, err)
		}
		_, err = registry.Register(t.Context(), subject, rows[i].Reader)
		if errors.Is(err, bus.ErrRegistryAway) {
			t.Fatal(err)
		}
		if accepted := err == nil; accepted != rows[i].Accepted() {
			t.Errorf("%s: the registry accepts the new version: %t, the table says %t (%v)", rows[i].Name, accepted, rows[i].Accepted(), err)
		}
		writer, err := avro.Parse(rows[i].Writer)
		if err != nil {
			t.Fatal(err)
		}
		body, err := writer.Encode(rows[i].Value)
		if err != nil {
			t.Fatal(err)
		}
		value := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)), body...)
		if err := s.cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for i, value := range readBack(t, topic, len(rows)) {
		if got := readRow(t, registry, &rows[i], fmt.Sprintf("evolution-%d", i), value); got != rows[i].Want {
			t.Errorf("%s: read %q, the table says %q", rows[i].Name, got, rows[i].Want)
		}
	}
	t.Logf("%d rows", len(rows))
}

// readBack reads the first n values of a topic's partition 0.
func readBack(t *testing.T, topic string, n int) [][]byte {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(here.kafka), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(0)}}))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var values [][]byte
	for len(values) < n {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(rec *kgo.Record) { values = append(values, rec.Value) })
	}
	return values[:n]
}

// readRow reads an event as an ingestor would: by the schema of its id, under a contract that names the subject.
func readRow(t *testing.T, registry *bus.Registry, row *evolution.Row, subject string, value []byte) string {
	t.Helper()
	_, id, _, body, err := schema.Frame(value)
	if err != nil {
		t.Fatal(err)
	}
	written, err := registry.SchemaByID(t.Context(), int(id))
	if err != nil {
		t.Fatal(err)
	}
	p := &plan.Projection{
		Topic: "evolution", Subject: subject, Schema: row.Reader, Roles: plan.NoRoles(),
		Fields: []plan.Field{{Name: row.Field, Path: strings.Split(row.Field, "."), Kind: plan.Kind(row.Kind)}},
	}
	if row.Accepted() {
		latest, err := registry.Latest(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		p.Schema = latest.Schema
	}
	prog, err := schema.Compile(written, p)
	if err != nil {
		return evolution.Refused
	}
	b := plan.NewBatch(p, 1)
	if err := prog.Decode(value, body, b, 0); err != nil {
		t.Fatal(err)
	}
	return evolution.Shown(&b.Cols[0], 0, row.Kind)
}
