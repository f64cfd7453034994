package produce

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/examples/electricity"
	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/file"
)

// murmur2 is Kafka's partitioner for records with a key (Utils.murmur2 of its Java client), written from its description.
func murmur2(key []byte) uint32 {
	const m, r = 0x5bd1e995, 24
	h := uint32(0x9747b28c) ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := binary.LittleEndian.Uint32(key) * m
		k = (k ^ k>>r) * m
		h = h*m ^ k
	}
	for i, c := range slices.Backward(key) {
		h ^= uint32(c) << (8 * i)
		if i == 0 {
			h *= m
		}
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}

// What goes out for the demo's file is, event by event, what the example's own generator gives, which shares no code with this
// package; goavro reads the bytes.
func TestElectricity(t *testing.T) {
	h := newHouse(t)
	text, err := fs.ReadFile(electricity.FS, electricity.ContractFile)
	if err != nil {
		t.Fatal(err)
	}
	schemas := map[string]string{}
	codecs := map[string]*goavro.Codec{}
	for name, path := range map[string]string{Prediction: electricity.PredictionFile, Outcome: electricity.OutcomeFile} {
		b, err := fs.ReadFile(electricity.FS, path)
		if err != nil {
			t.Fatal(err)
		}
		schemas[name] = string(b)
		if codecs[name], err = goavro.NewCodec(string(b)); err != nil {
			t.Fatal(err)
		}
	}
	var order []time.Time
	o := Options{
		Contract: load(t, string(text)), Schemas: schemas, Constants: map[string]string{"model_version": electricity.Version}, Partitions: 5,
		Files: check.Files{
			Predictions: electricity.DataFile, Outcomes: electricity.DataFile, Delay: electricity.Delay,
			Open: func(name string) (file.Reader, error) {
				f, err := electricity.FS.Open(name)
				if err != nil {
					return nil, err
				}
				return file.New(f, file.Auto, name)
			},
		},
		Hold: func(_ context.Context, at time.Time) error { order = append(order, at); return nil },
	}
	began := time.Now()
	sum, err := h.run(t.Context(), t, o)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Events != 2*electricity.Rows || sum.Unsure != 0 || len(order) != 2*electricity.Rows {
		t.Fatalf("%d events, %d unsure, %d held", sum.Events, sum.Unsure, len(order))
	}
	topics := map[string]string{"electricity.predictions": Prediction, "electricity.outcomes": Outcome}
	got := map[string]map[string]map[string]any{Prediction: {}, Outcome: {}}
	for topic, name := range topics {
		records := h.read(t, topic)
		if len(records) != 5 {
			t.Fatalf("%s: events on %d of 5 partitions", topic, len(records))
		}
		for p, list := range records {
			last := time.Time{}
			for _, r := range list {
				if want := int32(murmur2(r.Key) & 0x7fffffff % 5); p != want {
					t.Fatalf("%s: key %s is on partition %d, want %d", topic, r.Key, p, want)
				}
				native, rest, err := codecs[name].NativeFromBinary(r.Value[5:])
				if err != nil || len(rest) > 0 || r.Value[0] != 0 {
					t.Fatalf("%s: % x: %d bytes left, %v", r.Key, r.Value, len(rest), err)
				}
				event := native.(map[string]any)
				if event["event_id"] != string(r.Key) || got[name][string(r.Key)] != nil {
					t.Fatalf("%s: event %v is there twice or has another id", r.Key, event)
				}
				if at := event["ts"].(time.Time); at.Before(last) {
					t.Fatalf("%s on partition %d: %s after %s", topic, p, at, last)
				} else {
					last = at
				}
				if r.Timestamp.Before(began.Add(-time.Second)) {
					t.Fatalf("%s: record timestamp %s, want the time of sending", r.Key, r.Timestamp)
				}
				got[name][string(r.Key)] = event
			}
		}
	}
	n := 0
	for e, err := range electricity.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if !e.Time.Equal(order[n]) {
			t.Fatalf("event %d was sent at %s, want %s (%s of %s)", n, order[n], e.Time, e.Stream, e.ID)
		}
		n++
		row, err := strconv.Atoi(strings.TrimPrefix(e.ID, "elec-"))
		if err != nil {
			t.Fatal(err)
		}
		id := "line-" + strconv.Itoa(row+2) // the header is line 1
		want := map[string]any{}
		b, err := codecs[e.Stream].BinaryFromNative(nil, e.Native)
		if err != nil {
			t.Fatal(err)
		}
		native, _, err := codecs[e.Stream].NativeFromBinary(b)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(want, native.(map[string]any))
		want["event_id"] = id
		if !reflect.DeepEqual(want, got[e.Stream][id]) {
			t.Fatalf("%s %s:\n got %v\nwant %v", e.Stream, id, got[e.Stream][id], want)
		}
	}
}

const head = "id,at,score,version,amount,plan,active,since,churned,extra\n"

func options(t testing.TB, csv string) Options {
	t.Helper()
	path := write(t, "events.csv", csv)
	return Options{Contract: load(t, churn), Files: check.Files{Predictions: path, Outcomes: path}}
}

// An interrupted run sends what it has taken, says how far it got, and what it says is what is there.
func TestInterrupted(t *testing.T) {
	h := newHouse(t)
	var b strings.Builder
	b.WriteString(head)
	for i := range 3000 {
		at := time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC).Format(time.RFC3339)
		b.WriteString("id-" + strconv.Itoa(i) + "," + at + ",0.5,v1,10,pro,true,2020-01-01,0,x\n")
	}
	o := options(t, b.String())
	ctx, stop := context.WithCancel(t.Context())
	n := 0
	o.Hold = func(context.Context, time.Time) error {
		if n++; n == 2001 {
			stop()
		}
		return nil
	}
	sum, err := h.run(ctx, t, o)
	if !errors.Is(err, context.Canceled) || !sum.Interrupted {
		t.Fatalf("interrupted %v, %v", sum.Interrupted, err)
	}
	there := 0
	for _, topic := range []string{"churn.predictions", "churn.outcomes"} {
		for _, records := range h.read(t, topic) {
			there += len(records)
		}
	}
	if sum.Events != 2001 || there != 2001 || sum.Unsure != 0 {
		t.Errorf("%d events told, %d there, %d unsure; want 2001, 2001 and 0", sum.Events, there, sum.Unsure)
	}
	if text := sum.Text(); !strings.Contains(text, "interrupted after line 1002 of events.csv (prediction) and line 1001 of events.csv (outcome), event time 2026-01-01T16:40:00Z") {
		t.Error(text)
	}
}

// Rows that can't go out are counted by reason, with their line; the others go out as they stand: doubled, late, out of order.
func TestRefusedRows(t *testing.T) {
	h := newHouse(t)
	o := options(t, head+
		"a,2026-01-02T00:00:00Z,0.5,v1,10,pro,true,2020-01-01,1,x\n"+ // line 2
		"b,2026-01-01T00:00:00Z,0.5,v1,ten,pro,,2020-01-01,1,x\n"+ // earlier; a number that is none
		"a,2026-01-02T00:00:00Z,0.5,v1,10,pro,true,2020-01-01,1,x\n"+ // again
		"c,yesterday,0.5,v1,10,pro,true,2020-01-01,1,x\n"+ // 5: time
		",2026-01-02T00:00:00Z,0.5,v1,10,pro,true,2020-01-01,1,x\n"+ // 6: id
		"d,2026-01-02T00:00:00Z,0.5,v1,10,pro,maybe,2020-01-01,1,x\n"+ // 7: value of the prediction
		"e,2026-01-02T00:00:00Z\n") // 8: fields
	sum, err := h.run(t.Context(), t, o)
	if err != nil {
		t.Fatal(err)
	}
	p, out := sum.Streams[0], sum.Streams[1]
	if p.Read != 7 || p.Published != 3 || p.Invalid != 1 || p.Rows["value"] != 1 || p.Rows["time"] != 1 || p.Rows["id"] != 1 || p.Rows["fields"] != 1 {
		t.Errorf("predictions: %+v", p)
	}
	if out.Read != 7 || out.Published != 4 || out.Invalid != 0 || len(out.Rows) != 3 {
		t.Errorf("outcomes: %+v", out)
	}
	var keys []string
	for _, records := range h.read(t, "churn.predictions") {
		for _, r := range records {
			keys = append(keys, string(r.Key))
		}
	}
	if len(keys) != 3 {
		t.Errorf("keys %v", keys)
	}
	text := sum.Text()
	for _, want := range []string{"1 rows refused: value", "line 7, column active: what stands there can't be read", "line 5, column at:", "1 cells are no numbers"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// A made schema has what the contract reads and what else the file holds; the registry's is taken once there is one.
func TestSchemaIsFoundAgain(t *testing.T) {
	h := newHouse(t)
	row := "a,2026-01-02T00:00:00Z,0.5,v1,10,pro,true,2020-01-01,1,x\n"
	first, err := h.run(t.Context(), t, options(t, head+row))
	if err != nil {
		t.Fatal(err)
	}
	latest, err := h.registry.Latest(t.Context(), "churn.predictions-value")
	if err != nil {
		t.Fatal(err)
	}
	var s struct{ Fields []struct{ Name string } }
	if err := json.Unmarshal([]byte(latest.Schema), &s); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range s.Fields {
		names = append(names, f.Name)
	}
	if got, want := strings.Join(names, " "), "amount plan active account id at version score extra"; got != want { // and not churned
		t.Errorf("fields %s, want %s", got, want)
	}
	again, err := h.run(t.Context(), t, options(t, strings.Replace(head, "extra", "region", 1)+row))
	if err != nil {
		t.Fatal(err)
	}
	if first.Streams[0].SchemaID != again.Streams[0].SchemaID || first.Streams[0].SchemaID != latest.ID {
		t.Errorf("schema ids %d and %d, registered %d", first.Streams[0].SchemaID, again.Streams[0].SchemaID, latest.ID)
	}
	if len(again.Notes) != 1 || !strings.Contains(again.Notes[0], "has no place for them: region") {
		t.Errorf("notes %q", again.Notes)
	}
	if !first.Streams[0].Created || again.Streams[0].Created || again.Streams[0].Partitions != DefaultPartitions {
		t.Errorf("created %v, then %v", first.Streams[0].Created, again.Streams[0].Created)
	}
}

// What can't work is refused before anything is sent.
func TestOpenRefuses(t *testing.T) {
	h := newHouse(t)
	row := "a,2026-01-02T00:00:00Z,0.5,v1,10,pro,true,2020-01-01,1,x\n"
	good := options(t, head+row)
	strict := `{"type":"record","name":"P","fields":[{"name":"id","type":"string"},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
		{"name":"score","type":"double"},{"name":"version","type":"string"},{"name":"amount","type":"double"},{"name":"plan","type":"string"},
		{"name":"active","type":"boolean"},{"name":"account","type":{"type":"record","name":"A","fields":[{"name":"since","type":"long"}]}},
		{"name":"region","type":"string"},{"name":"tags","type":{"type":"array","items":"string"}}]}`
	for name, c := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"no column":  {func(o *Options) { o.Files.Predictions = write(t, "f.csv", "id,at,score\na,1,0.5\n") }, "no column for amount"},
		"no file":    {func(o *Options) { o.Files.Predictions = "nosuch.csv" }, "nosuch.csv"},
		"both paces": {func(o *Options) { o.Rate, o.Speedup = 1, 1 }, "choose one"},
		"constant":   {func(o *Options) { o.Constants = map[string]string{"extra": "1"} }, "constant extra: no schema has such a field"},
		"id is set":  {func(o *Options) { o.Constants = map[string]string{"id": "1"} }, "can't be the same"},
		"no ids": {func(o *Options) {
			o.Files.Outcomes = write(t, "o.csv", "at,churned\n2026-01-02,1\n")
		}, "no id column"},
		"schema": {func(o *Options) { o.Schemas = map[string]string{Prediction: strict} }, "field region (string): no column of the file can be written there, and it can't be null; give it with --set region=VALUE"},
		"array":  {func(o *Options) { o.Schemas = map[string]string{Prediction: strict} }, "field tags (array)"},
		"other": {func(o *Options) {
			o.Schemas = map[string]string{Prediction: `{"type":"record","name":"P","fields":[]}`}
		}, "can't be read by the schema"},
		"no avro": {func(o *Options) { o.Schemas = map[string]string{Prediction: `{`} }, "schema"},
	} {
		o := good
		c.change(&o)
		r, err := Open(t.Context(), o, h.registry)
		if err == nil {
			_ = r.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// Nothing to publish is an error that gives the first row's reason.
func TestNothing(t *testing.T) {
	h := newHouse(t)
	_, err := h.run(t.Context(), t, options(t, head+"a,today,0.5,v1,10,pro,true,2020-01-01,1,x\n"))
	if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), `none of the 1 rows of events.csv can be used; the first is refused because of line 2, column at: "today"`) {
		t.Error(err)
	}
}

// With event timestamps a record carries the event's time.
func TestEventTimestamps(t *testing.T) {
	h := newHouse(t)
	o := options(t, head+"a,2026-01-02T00:00:00Z,0.5,v1,10,pro,true,2020-01-01,1,x\n")
	o.EventTimestamps, o.Files.Outcomes, o.Limit = true, "", 1
	if _, err := h.run(t.Context(), t, o); err != nil {
		t.Fatal(err)
	}
	var all []*kgo.Record
	for _, records := range h.read(t, "churn.predictions") {
		all = append(all, records...)
	}
	if len(all) != 1 || !all[0].Timestamp.Equal(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)) || !bytes.Equal(all[0].Key, []byte("a")) {
		t.Errorf("%+v", all)
	}
}
