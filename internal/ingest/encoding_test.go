package ingest

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

// encoded is a rig whose predictions are read as change says.
func encoded(t *testing.T, change func(p *plan.Projection)) *rig {
	t.Helper()
	p := fixture.Build(t, fixture.Contract)
	change(&p.Prediction)
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	return rigOf(t, bus.Plans{p.Model: plan.History{p}})
}

// rawEvent is a prediction without any header.
func rawEvent(t *testing.T, id int) []byte {
	t.Helper()
	return event(t, id, fixture.Start.Add(time.Hour))[5:]
}

func single(t *testing.T, id int, body []byte) []byte {
	t.Helper()
	codec, err := goavro.NewCodec(schemaTexts[id]) // the fingerprint is goavro's, not ours
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.LittleEndian.AppendUint64([]byte{0xC3, 1}, codec.Rabin), body...)
}

func idHeader(name string, value []byte) []kgo.RecordHeader {
	return []kgo.RecordHeader{{Key: "trace", Value: []byte("t")}, {Key: name, Value: value}}
}

func guid(t *testing.T) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(withKGUID, "-", ""))
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte{1}, b...)
}

// In every encoding, what was received was accepted or set aside with its reason; what is encoded otherwise than the contract
// says is set aside, also if it could be read.
func TestEncodings(t *testing.T) {
	raw := rawEvent(t, withK)
	confluent := append([]byte{0, 0, 0, 0, withK}, raw...)
	const value = "__value_schema_id"
	records := map[string]kgo.Record{
		"confluent":         {Value: confluent},
		"confluent cut":     {Value: confluent[:9]},
		"confluent unknown": {Value: append([]byte{0, 0, 0, 0, 99}, raw...)},
		"confluent misfit":  {Value: append([]byte{0, 0, 0, 0, bare}, rawEvent(t, bare)...)},
		"single":            {Value: single(t, withK, raw)},
		"single cut":        {Value: single(t, withK, raw)[:9]},
		"single unknown":    {Value: append([]byte{0xC3, 1, 1, 2, 3, 4, 5, 6, 7, 8}, raw...)},
		"single misfit":     {Value: single(t, bare, rawEvent(t, bare))},
		"raw":               {Value: raw},
		"raw cut":           {Value: raw[:5]},
		"raw too long":      {Value: append(bytes.Clone(raw), 7)},
		"header id":         {Value: raw, Headers: idHeader(value, []byte{0, 0, 0, 0, withK})},
		"header guid":       {Value: raw, Headers: idHeader(value, guid(t))},
		"header unknown":    {Value: raw, Headers: idHeader(value, append([]byte{1}, make([]byte, 16)...))},
		"header damaged":    {Value: raw, Headers: idHeader(value, []byte{2, 0})},
		"text":              {Value: []byte("no avro")},
		"empty":             {},
	}
	byHeader := []string{"header id", "header guid"}
	for _, c := range []struct {
		name   string
		change func(p *plan.Projection)
		reads  []string
	}{
		{"as found", func(*plan.Projection) {}, append([]string{"confluent", "single"}, byHeader...)},
		{"confluent", func(p *plan.Projection) { p.Encoding = plan.Confluent }, append([]string{"confluent"}, byHeader...)},
		{"single object", func(p *plan.Projection) { p.Encoding = plan.SingleObject }, []string{"single"}},
		{"single object by the contract's schema", func(p *plan.Projection) {
			p.Encoding, p.Schema, p.Subject = plan.SingleObject, schemaTexts[withK], "another"
		}, []string{"single"}},
		{"single object by another subject", func(p *plan.Projection) { p.Encoding, p.Subject = plan.SingleObject, "another" }, nil},
		// The header names the schema of what has no header in front of it; raw is what the contract says, whatever a header says.
		{"raw", func(p *plan.Projection) { p.Encoding, p.Schema = plan.Raw, schemaTexts[withK] }, append([]string{"raw", "header unknown", "header damaged"}, byHeader...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := encoded(t, c.change)
			for name, rec := range records {
				before := testutil.ToFloat64(g.o.Metrics.accepted.WithLabelValues("p"))
				rec.Topic, rec.Offset = "p", g.next
				if _, err := g.poll(&rec); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				g.next++
				g.flush(span("p", g.next-1, g.next))
				g.Committed()
				read := testutil.ToFloat64(g.o.Metrics.accepted.WithLabelValues("p")) > before
				want := false
				for _, r := range c.reads {
					want = want || r == name
				}
				if read != want {
					t.Errorf("%s: accepted is %t", name, read)
				}
			}
			m := g.o.Metrics
			aside := 0.0
			for _, r := range schema.Reasons() {
				aside += testutil.ToFloat64(m.setAside.WithLabelValues("p", string(r)))
			}
			received, accepted := testutil.ToFloat64(m.received.WithLabelValues("p")), testutil.ToFloat64(m.accepted.WithLabelValues("p"))
			if received != float64(len(records)) || accepted != float64(len(c.reads)) || received != accepted+aside {
				t.Errorf("received %v, accepted %v, set aside %v of %d", received, accepted, aside, len(records))
			}
		})
	}
}

const keyText = `{"type":"record","name":"K","fields":[{"name":"id","type":"string"},{"name":"region","type":["null","string"]}]}`

// Ids and versions may be in the record's key and headers: as text, or as Avro with a schema of its own.
func TestFieldsOfKeyAndHeaders(t *testing.T) {
	schemaTexts[3] = keyText
	t.Cleanup(func() { delete(schemaTexts, 3) })
	codec, err := goavro.NewCodec(keyText)
	if err != nil {
		t.Fatal(err)
	}
	key, err := codec.BinaryFromNative(nil, map[string]any{"id": "k1", "region": nil})
	if err != nil {
		t.Fatal(err)
	}
	id := func(path ...string) func(p *plan.Projection) {
		return func(p *plan.Projection) {
			p.Fields[p.Roles.ID] = plan.Field{Name: "$key", From: plan.FromKey, Path: path, Kind: plan.String}
		}
	}
	value := event(t, withK, fixture.Start.Add(time.Hour))
	keyed := func(k plan.Key, f func(*plan.Projection)) func(*plan.Projection) {
		return func(p *plan.Projection) { f(p); p.Key = &k }
	}
	for _, c := range []struct {
		name    string
		change  func(p *plan.Projection)
		key     []byte
		headers []kgo.RecordHeader
		want    string // the id; "" where the record is set aside
		reason  schema.Reason
	}{
		{"text", id(), []byte("k1"), nil, "k1", ""},
		{"no key", id(), nil, nil, "", schema.ReasonMissingField},
		{"no UTF-8", id(), []byte{0xff}, nil, "", schema.ReasonMissingField},
		{"confluent", keyed(plan.Key{}, id("id")), append([]byte{0, 0, 0, 0, 3}, key...), nil, "k1", ""},
		{"confluent, null key", keyed(plan.Key{}, id("id")), nil, nil, "", schema.ReasonMissingField},
		{"confluent by header", keyed(plan.Key{}, id("id")), key, idHeader("__key_schema_id", []byte{0, 0, 0, 0, 3}), "k1", ""},
		{"confluent, cut", keyed(plan.Key{}, id("id")), append([]byte{0, 0, 0, 0, 3}, key[:2]...), nil, "", schema.ReasonTruncated},
		{"confluent, text", keyed(plan.Key{}, id("id")), []byte("k1"), nil, "", schema.ReasonNotAvro},
		{"confluent, misfit", keyed(plan.Key{}, id("name")), append([]byte{0, 0, 0, 0, 3}, key...), nil, "", schema.ReasonSchemaMismatch},
		{"confluent, unknown", keyed(plan.Key{}, id("id")), append([]byte{0, 0, 0, 0, 98}, key...), nil, "", schema.ReasonUnknownSchema},
		{"raw", keyed(plan.Key{Encoding: plan.Raw, Schema: keyText}, id("id")), key, nil, "k1", ""},
		{"raw string", keyed(plan.Key{Encoding: plan.Raw, Schema: `"string"`}, id()), []byte{4, 'k', '1'}, nil, "k1", ""},
		{"raw, null", keyed(plan.Key{Encoding: plan.Raw, Schema: keyText}, id("region")), key, nil, "", schema.ReasonMissingField},
		{"header", func(p *plan.Projection) {
			p.Fields[p.Roles.ID] = plan.Field{Name: "$header.event-id", From: plan.FromHeader, Path: []string{"event-id"}, Kind: plan.String}
		}, nil, idHeader("event-id", []byte("h1")), "h1", ""},
		{"time in a header", func(p *plan.Projection) {
			p.Fields[p.Roles.Time] = plan.Field{Name: "$header.at", From: plan.FromHeader, Path: []string{"at"}, Kind: plan.Time}
		}, nil, idHeader("at", []byte("yesterday")), "", schema.ReasonBadTime},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := encoded(t, c.change)
			if _, err := g.poll(&kgo.Record{Topic: "p", Key: c.key, Value: value, Headers: c.headers}); err != nil {
				t.Fatal(err)
			}
			got := ""
			g.each("p", func(s *stream) {
				if b := s.batches[0]; b != nil && b.N == 1 {
					got = b.Cols[s.proj.Roles.ID].Str[0]
				}
			})
			w := g.flush(span("p", 0, 1))
			reason := ""
			if len(w.quarantine) == 1 {
				reason = header(w.quarantine[0], record.HeaderReason)
			}
			if got != c.want || reason != string(c.reason) {
				t.Errorf("the id is %q, set aside for %q; want %q and %q", got, reason, c.want, c.reason)
			}
		})
	}
}

// While the registry is away records wait. When it is back they are all counted, and the coverage says that they waited: once.
func TestRecordsThatWaitedAreTold(t *testing.T) {
	g := newRig(t, fixture.Contract)
	ready := bus.NewReadiness()
	g.o.Ready = ready
	ready.Ready()
	g.registry.away = bus.ErrRegistryAway
	if err := g.fold(event(t, withK, fixture.Start.Add(time.Hour))); !errors.Is(err, bus.ErrRetry) {
		t.Fatalf("%v; want to try again", err)
	}
	if err := ready.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "wait for their schema") || testutil.ToFloat64(g.o.Metrics.away) != 1 {
		t.Errorf("it is ready while events wait: %v", err)
	}
	if err := g.Rollback(); err != nil {
		t.Fatal(err)
	}
	g.registry.away, g.next = nil, 0
	for range 3 {
		g.mustFold(event(t, withK, fixture.Start.Add(time.Hour)))
	}
	w := g.flush(span("p", 0, 3))
	g.Committed()
	if len(w.coverage) != 1 || !w.coverage[0].Waited || w.rows["m"] != 3 || testutil.ToFloat64(g.o.Metrics.away) != 0 {
		t.Errorf("coverage %+v, %d rows", w.coverage, w.rows["m"])
	}
	g.mustFold(event(t, withK, fixture.Start.Add(time.Hour)))
	if w := g.flush(span("p", 3, 4)); len(w.coverage) != 1 || w.coverage[0].Waited {
		t.Errorf("told twice: %+v", w.coverage)
	}
}
