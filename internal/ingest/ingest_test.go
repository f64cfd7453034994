package ingest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/schema"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// otherText is the contract of a model that reads the same predictions and wants a column more.
var otherText = strings.NewReplacer("model: m}", "model: other}", "  k: {type: numeric}\n", "  k: {type: numeric}\n  z: {type: numeric}\n").Replace(fixture.Contract)

const (
	withK = 1 // fits m only
	bare  = 2 // fits nobody
)

var schemaTexts = map[int]string{
	withK: `{"type":"record","name":"P","fields":[{"name":"id","type":"string"},
		{"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"k","type":"double"},{"name":"score","type":"double"}]}`,
	bare: `{"type":"record","name":"Q","fields":[{"name":"id","type":"string"}]}`,
}

// registry knows schemaTexts, unless it is away.
type registry struct{ away error }

func (g *registry) SchemaByID(_ context.Context, id int) (string, error) {
	if g.away != nil {
		return "", g.away
	}
	if text := schemaTexts[id]; text != "" {
		return text, nil
	}
	return "", bus.ErrUnknownSchema
}

func (g *registry) SchemaByGUID(_ context.Context, guid string) (string, error) {
	if g.away != nil {
		return "", g.away
	}
	if guid == withKGUID {
		return schemaTexts[withK], nil
	}
	return "", bus.ErrUnknownSchema
}

func (g *registry) Versions(_ context.Context, subject string) ([]string, error) {
	if g.away != nil {
		return nil, g.away
	}
	if subject == "p-value" {
		return []string{schemaTexts[bare], schemaTexts[withK]}, nil
	}
	return nil, nil
}

// withKGUID is the registry's other name for withK.
const withKGUID = "01020304-0506-0708-090a-0b0c0d0e0f10"

// rig is an ingestor without a broker, a registry or a clock of its own.
type rig struct {
	*role
	t        *testing.T
	now      time.Time
	registry *registry
	ends     map[string]map[int32]int64
	endsErr  error
	next     int64 // offset of the next prediction
}

var predictions = bus.TopicPartition{Topic: "p"}

func newRig(t *testing.T, contracts ...string) *rig {
	t.Helper()
	plans := bus.Plans{}
	for _, text := range contracts {
		p := fixture.Build(t, text)
		plans[p.Model] = plan.History{p}
	}
	return rigOf(t, plans)
}

func rigOf(t *testing.T, plans bus.Plans) *rig {
	t.Helper()
	g := &rig{t: t, now: time.Unix(1e9, 0), registry: &registry{}, ends: map[string]map[int32]int64{}}
	r, err := newRole(Options{
		Layout: bus.Layout{Fragments: 1, Joins: 1}, IdleAfter: 30 * time.Second, Schemas: g.registry,
		Now:     func() time.Time { return g.now },
		Ends:    func(_ context.Context, topic string) (map[int32]int64, error) { return g.ends[topic], g.endsErr },
		Metrics: NewMetrics(prometheus.NewRegistry()),
	}, plans, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	g.role = r
	g.restore(predictions, 0)
	return g
}

func (g *rig) restore(tp bus.TopicPartition, next int64) {
	g.t.Helper()
	if err := g.Restore(g.t.Context(), tp, next); err != nil {
		g.t.Fatal(err)
	}
}

// event is a prediction written with a schema.
func event(t *testing.T, id int, at time.Time) []byte {
	t.Helper()
	codec, err := goavro.NewCodec(schemaTexts[id])
	if err != nil {
		t.Fatal(err)
	}
	native := map[string]any{"id": "e1"}
	if id == withK {
		native["ts"], native["k"], native["score"] = at, 3.0, 0.5
	}
	b, err := codec.BinaryFromNative(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)), native)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// fold folds a value as the next prediction.
func (g *rig) fold(value []byte) error {
	_, err := g.poll(&kgo.Record{Topic: "p", Offset: g.next, Key: []byte("key"), Value: value})
	g.next++
	return err
}

// poll folds records as they come with one poll.
func (g *rig) poll(records ...*kgo.Record) (urgent bool, err error) {
	for _, rec := range records {
		if _, err := g.Fold(rec); err != nil {
			return false, err
		}
	}
	return g.Folded()
}

func (g *rig) mustFold(value []byte) {
	g.t.Helper()
	if err := g.fold(value); err != nil {
		g.t.Fatal(err)
	}
}

// span is the range of a topic's partition 0 whose topic has the id 1.
func span(topic string, from, to int64) bus.Range {
	return bus.Range{Topic: topic, TopicID: [16]byte{1}, From: from, To: to, Records: to - from, Partitions: 1}
}

// written is what an epoch writes.
type written struct {
	rows       map[string]int64 // counted, by model
	cells      []record.Cell
	coverage   []record.Coverage
	quarantine []*kgo.Record
}

func (g *rig) flush(ranges ...bus.Range) written {
	g.t.Helper()
	out, err := g.Flush(g.t.Context(), ranges)
	if err != nil {
		g.t.Fatal(err)
	}
	w := written{rows: map[string]int64{}}
	for _, rec := range out {
		switch rec.Topic {
		case bus.TopicQuarantine:
			w.quarantine = append(w.quarantine, rec)
		case bus.TopicFragments:
			f, err := record.ReadFragment(rec.Value)
			if err != nil {
				g.t.Fatal(err)
			}
			w.coverage = append(w.coverage, f.Coverage...)
			w.cells = append(w.cells, f.Cells...)
			for i := range f.Cells {
				if f.Cells[i].Kind != record.Counted {
					continue
				}
				for _, p := range g.plans {
					if p.Model != f.Cells[i].Model || p.Digest() != f.Cells[i].Plan {
						continue
					}
					set, err := sketch.ReadSet(p, wire.NewReader(f.Cells[i].Body))
					if err != nil {
						g.t.Fatal(err)
					}
					w.rows[f.Cells[i].Model] += set.Rows
				}
			}
		}
	}
	return w
}

// idle is the idle coverage of a topic, nil where there is none.
func (w *written) idle(topic string) *record.Coverage {
	for i := range w.coverage {
		if w.coverage[i].Topic == topic && w.coverage[i].Idle {
			return &w.coverage[i]
		}
	}
	return nil
}

func header(rec *kgo.Record, key string) string {
	for _, h := range rec.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// After an aborted epoch the partition stands where it stood: to account for more would leave a hole that nobody counts.
func TestRollbackReturnsPositions(t *testing.T) {
	g := newRig(t, fixture.Contract)
	g.restore(predictions, 10)
	g.restore(bus.TopicPartition{Topic: "o"}, 5)
	g.ends["p"] = map[int32]int64{0: 10}
	g.next = 10
	g.mustFold(event(t, withK, fixture.Start.Add(time.Hour)))
	if w := g.flush(span("p", 10, 20)); w.rows["m"] != 1 {
		t.Fatalf("%d rows were counted, want 1", w.rows["m"])
	}
	if err := g.Rollback(); err != nil {
		t.Fatal(err)
	}
	if w := g.flush(span("o", 5, 6)); w.idle("p") != nil {
		t.Error("a partition that was just rolled back is called idle")
	} else if len(w.rows) != 0 {
		t.Errorf("rows %v of the aborted epoch are counted", w.rows)
	}
	g.Committed()
	g.now = g.now.Add(time.Minute)
	w := g.flush(span("o", 6, 7))
	idle := w.idle("p")
	if idle == nil {
		t.Fatal("a partition that was quiet for a minute is not idle")
	}
	if idle.From != 10 || idle.To != 10 || idle.Watermark != record.NoTime {
		t.Errorf("idle at [%d, %d), watermark %d; want 10, where the last commit ended, and no time", idle.From, idle.To, idle.Watermark)
	}
}

func TestIdleOnlyAtTheEnd(t *testing.T) {
	for _, c := range []struct {
		name string
		ends map[int32]int64
		err  error
		idle bool
	}{
		{"everything read", map[int32]int64{0: 5}, nil, true},
		{"one event unread", map[int32]int64{0: 6}, nil, false},
		{"partition not known", map[int32]int64{}, nil, false},
		{"broker away", map[int32]int64{0: 5}, errors.New("away"), false},
	} {
		g := newRig(t, fixture.Contract)
		g.restore(bus.TopicPartition{Topic: "o"}, 5)
		g.ends["o"], g.endsErr = c.ends, c.err
		if c.err == nil {
			if w := g.flush(span("p", 0, 1)); w.idle("o") != nil {
				t.Errorf("%s: idle at once", c.name)
			}
			g.Committed()
		}
		g.now = g.now.Add(time.Minute)
		if w := g.flush(span("p", 1, 2)); (w.idle("o") != nil) != c.idle {
			t.Errorf("%s: idle is %v, want %v", c.name, !c.idle, c.idle)
		}
	}
}

// After a restart nobody has told the id of a quiet topic yet; that must not look like another topic.
func TestIdleWithoutTopicID(t *testing.T) {
	g := newRig(t, fixture.Contract)
	g.restore(bus.TopicPartition{Topic: "o"}, 5)
	g.ends["o"] = map[int32]int64{0: 5}
	clock := window.NewClock()
	cover := func(c record.Coverage) {
		t.Helper()
		if problem := clock.Cover(&c); problem != nil {
			t.Error(problem)
		}
	}
	cover(record.Coverage{Source: record.Source{Topic: "o", TopicID: [16]byte{1}, Partitions: 1}, From: 0, To: 5, Watermark: 7, Records: 5})
	g.now = g.now.Add(time.Minute)
	w := g.flush(span("p", 0, 1))
	idle := w.idle("o")
	if idle == nil {
		t.Fatal("a quiet partition is not idle")
	}
	if idle.TopicID != [16]byte{} {
		t.Fatalf("the id of a topic nothing was read of is %x", idle.TopicID)
	}
	cover(*idle)
	g.Committed()
	w = g.flush(span("o", 5, 6))
	for _, c := range w.coverage {
		if c.Topic == "o" {
			cover(c)
		}
	}
}

// Models that share a topic don't depend on each other.
func TestOneContractDoesNotFit(t *testing.T) {
	g := newRig(t, fixture.Contract, otherText)
	for range 3 {
		g.mustFold(event(t, withK, fixture.Start.Add(time.Hour)))
	}
	w := g.flush(span("p", 0, 3))
	g.Committed()
	if w.rows["m"] != 3 || w.rows["other"] != 0 || len(w.quarantine) != 0 {
		t.Errorf("counted %v, set aside %d; want 3 of m, and none aside", w.rows, len(w.quarantine))
	}
	m := g.o.Metrics
	if got := testutil.ToFloat64(m.passedOver.WithLabelValues("p", "other", string(schema.ReasonSchemaMismatch))); got != 3 {
		t.Errorf("%v events were passed over by the other model, want 3", got)
	}
	if got := testutil.ToFloat64(m.accepted.WithLabelValues("p")); got != 3 {
		t.Errorf("%v events were accepted, want 3", got)
	}
}

func TestNoContractFits(t *testing.T) {
	g := newRig(t, fixture.Contract, otherText)
	g.mustFold(event(t, bare, fixture.Start))
	w := g.flush(span("p", 0, 1))
	g.Committed()
	if len(w.quarantine) != 1 {
		t.Fatalf("set aside %d times, want once", len(w.quarantine))
	}
	if got := header(w.quarantine[0], record.HeaderReason); got != string(schema.ReasonSchemaMismatch) {
		t.Errorf("the reason is %q, want %q", got, schema.ReasonSchemaMismatch)
	}
	if got := testutil.CollectAndCount(g.o.Metrics.passedOver); got != 0 {
		t.Errorf("%d series of events passed over, want none: it was not accepted", got)
	}
}

func TestLargeEventIsCut(t *testing.T) {
	g := newRig(t, fixture.Contract)
	whole := bytes.Repeat([]byte("no avro "), keptBytes/8)
	large := append(bytes.Clone(whole), "and more"...)
	g.mustFold(whole)
	g.mustFold(large)
	w := g.flush(span("p", 0, 2))
	if len(w.quarantine) != 2 {
		t.Fatalf("%d events were set aside, want 2", len(w.quarantine))
	}
	if got := w.quarantine[0]; !bytes.Equal(got.Value, whole) || header(got, record.HeaderTruncated) != "" {
		t.Errorf("an event of %d bytes is kept as %d, truncated %q", len(whole), len(got.Value), header(got, record.HeaderTruncated))
	}
	got := w.quarantine[1]
	if !bytes.Equal(got.Value, large[:keptBytes]) || header(got, record.HeaderTruncated) != strconv.Itoa(len(large)) {
		t.Errorf("an event of %d bytes is kept as %d, truncated %q", len(large), len(got.Value), header(got, record.HeaderTruncated))
	}
	if string(got.Key) != "key" || header(got, record.HeaderOffset) != "1" || header(got, record.HeaderReason) == "" {
		t.Errorf("key %q, headers %v", got.Key, got.Headers)
	}
}

// While the registry is away nothing is decided: the epoch comes again.
func TestRegistryAway(t *testing.T) {
	g := newRig(t, fixture.Contract)
	away := errors.New("connection refused")
	g.registry.away = away
	err := g.fold(event(t, withK, fixture.Start.Add(time.Hour)))
	if !errors.Is(err, bus.ErrRetry) || !errors.Is(err, away) {
		t.Fatalf("error %v, want the registry's, to be tried again", err)
	}
	if err := g.Rollback(); err != nil {
		t.Fatal(err)
	}
	g.registry.away, g.next = nil, 0
	g.mustFold(event(t, withK, fixture.Start.Add(time.Hour)))
	if w := g.flush(span("p", 0, 1)); w.rows["m"] != 1 || len(w.quarantine) != 0 {
		t.Errorf("counted %v, set aside %d; want 1 and none", w.rows, len(w.quarantine))
	}
}

// Every event that was received was either accepted or set aside; what was aborted is counted once.
func TestReceivedIsAcceptedAndSetAside(t *testing.T) {
	g := newRig(t, fixture.Contract, otherText)
	values := [][]byte{
		event(t, withK, fixture.Start.Add(time.Hour)), []byte("no avro"), event(t, bare, fixture.Start), event(t, withK, fixture.Start.Add(time.Hour)),
		{0, 0, 0, 0, 99, 1, 2},
		event(t, withK, fixture.Start.Add(time.Hour))[:8],
		{},
	}
	const good = 2
	for _, commits := range []bool{false, true} {
		g.next = 0
		for _, v := range values {
			g.mustFold(v)
		}
		g.flush(span("p", 0, int64(len(values))))
		if commits {
			g.Committed()
		} else if err := g.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
	m := g.o.Metrics
	received, accepted := testutil.ToFloat64(m.received.WithLabelValues("p")), testutil.ToFloat64(m.accepted.WithLabelValues("p"))
	aside := 0.0
	for _, r := range schema.Reasons() {
		aside += testutil.ToFloat64(m.setAside.WithLabelValues("p", string(r)))
	}
	if received != float64(len(values)) || accepted != good || received != accepted+aside {
		t.Errorf("received %v, accepted %v, set aside %v; want %d, %d and the rest", received, accepted, aside, len(values), good)
	}
}

// TestEventsBelongToThePlanOfTheirTime: whichever order they come in.
func TestEventsBelongToThePlanOfTheirTime(t *testing.T) {
	g := newRig(t, fixture.Contract)
	a := g.plans[0]
	next := *a
	next.From, next.Baseline = fixture.Start.AddDate(0, 0, 1), "sha256:other"
	if err := next.Seal(); err != nil {
		t.Fatal(err)
	}
	r, err := newRole(g.o, bus.Plans{a.Model: plan.History{}.With(a).With(&next)}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	g.role, g.next = r, 0
	g.restore(predictions, 0)
	for _, hours := range []int{30, 1, 23, 24, 2} {
		g.mustFold(event(t, withK, fixture.Start.Add(time.Duration(hours)*time.Hour)))
	}
	g.mustFold(event(t, bare, fixture.Start)) // fits neither
	w := g.flush(span("p", 0, 6))
	got := map[string]int{}
	for _, c := range w.cells {
		if c.Kind != record.Counted {
			continue
		}
		late := c.Pane >= plan.Micros(next.From)
		if (c.Plan == next.Digest()) != late {
			t.Errorf("the pane of %s was counted under plan %s", plan.FromMicros(c.Pane), c.Plan)
		}
		got[c.Plan]++
	}
	if got[a.Digest()] != 3 || got[next.Digest()] != 2 || len(w.quarantine) != 1 {
		t.Errorf("cells by plan %v, %d events set aside; want 3, 2 and 1", got, len(w.quarantine))
	}
	if at := g.owned[predictions].watermark.At(); at != plan.Micros(fixture.Start.Add(30*time.Hour)) {
		t.Errorf("watermark %s", plan.FromMicros(at))
	}
}
