package ingest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
)

const (
	whoID   = 77
	whoText = `{"type":"record","name":"W","fields":[{"name":"who","type":"string"},{"name":"said","type":{"type":"long","logicalType":"timestamp-millis"}},
		{"name":"tags","type":{"type":"map","values":["null","string","long"]}}]}`
)

// joinedText is a contract whose protected attribute lies in a map on a topic of its own.
var joinedText = strings.Replace(fixture.Contract, "inputs:", "  attributes: {topic: a, fields: {id: who, time: said}}\ninputs:", 1) +
	"decision: {threshold: 0.5}\nprotected: {sex: {from: attributes, path: tags.sex}}\n"

// Of the topic of attributes goes on which group the hash of an id is in, and nothing else: neither an id nor a value lies in what is
// written to any topic, what can't be read is set aside by its reason and place alone, and the log says nothing of either.
func TestAttributesGoNoFurther(t *testing.T) {
	schemaTexts[whoID] = whoText
	defer delete(schemaTexts, whoID)
	p := fixture.Build(t, joinedText)
	p.Slices[0].Values = []string{"female-secret", "male-secret"}
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	g := rigOf(t, bus.Plans{"m": plan.History{p}})
	core, logged := observer.New(zap.DebugLevel)
	g.log = zap.New(core)
	g.restore(bus.TopicPartition{Topic: "a"}, 0)
	codec, err := goavro.NewCodec(whoText)
	if err != nil {
		t.Fatal(err)
	}
	var records []*kgo.Record
	send := func(value []byte) {
		records = append(records, &kgo.Record{Topic: "a", Offset: int64(len(records)), Key: []byte("customer-secret"), Value: value})
	}
	said := func(tags map[string]any) []byte {
		b, err := codec.BinaryFromNative(binary.BigEndian.AppendUint32([]byte{0}, whoID), map[string]any{
			"who": fmt.Sprint("customer-secret-", len(records)), "said": fixture.Start.Add(time.Hour), "tags": tags,
		})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	whole := said(map[string]any{"sex": goavro.Union("string", "male-secret"), "church": goavro.Union("string", "secret")})
	send(whole)
	send(said(map[string]any{"sex": goavro.Union("string", "something-secret")}))
	send(said(map[string]any{"sex": nil}))
	send(whole[:len(whole)-3])                                                     // cut short within a value
	send([]byte("customer-secret,male-secret"))                                    // no Avro
	send(append(bytes.Clone(whole), "more-secret"...))                             // something behind it
	send(bytes.Replace(whole, []byte("male-secret"), []byte("male-\xffecret"), 1)) // no UTF-8
	send(binary.BigEndian.AppendUint32([]byte{0}, 99))                             // a schema that nobody knows
	send(bytes.Replace(whole, []byte{0, 0, 0, whoID}, []byte{0, 0, 0, withK}, 1))  // of another schema
	send(bytes.Replace(whole, []byte("church"), []byte("secr\xfft"), 1))           // a key that is none
	if _, err := g.poll(records...); err != nil {
		t.Fatal(err)
	}
	out, err := g.Flush(t.Context(), []bus.Range{span("a", 0, int64(len(records)))})
	if err != nil {
		t.Fatal(err)
	}
	g.Committed()
	var codes []string
	aside := 0
	for _, rec := range out {
		all := [][]byte{rec.Key, rec.Value}
		for _, h := range rec.Headers {
			all = append(all, h.Value)
		}
		for _, b := range all {
			if bytes.Contains(b, []byte("secret")) || bytes.Contains(b, []byte("customer")) || bytes.Contains(b, []byte("ecret")) {
				t.Errorf("%q lies on %s", b, rec.Topic)
			}
		}
		switch rec.Topic {
		case bus.TopicQuarantine:
			aside++
			if len(rec.Key)+len(rec.Value) > 0 || header(rec, record.HeaderReason) == "" || header(rec, record.HeaderTopic) != "a" || header(rec, record.HeaderOffset) == "" ||
				header(rec, record.HeaderPath) != "" || header(rec, record.HeaderDetail) != "" {
				t.Errorf("set aside as %+v", rec)
			}
		case bus.TopicJoins:
			j, err := record.ReadJoins(rec.Value)
			if err != nil {
				t.Fatal(err)
			}
			hash := outcome.NewHasher(p)
			for i, r := range j.Rows {
				if r.ID != hash.ID(fmt.Sprint("customer-secret-", i)) || r.Groups == nil || r.Groups.Plan != p.Digest() {
					t.Errorf("row %d: %+v", i, r)
					continue
				}
				codes = append(codes, r.Groups.Codes)
			}
		}
	}
	if d := cmp.Diff([]string{"\x00\x01", "\x00\x02", "\xff\xff"}, codes); d != "" || aside != len(records)-3 {
		t.Errorf("%d records set aside of %d; codes: %s", aside, len(records), d)
	}
	for _, e := range logged.All() {
		if text := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(text, "ecret") || strings.Contains(text, "customer") {
			t.Errorf("logged: %s", text)
		}
	}
	// What can't be read of another topic is kept whole, for people.
	if _, err := g.poll(&kgo.Record{Topic: "p", Key: []byte("key"), Value: []byte("no Avro")}); err != nil {
		t.Fatal(err)
	}
	if w := g.flush(span("p", 0, 1)); len(w.quarantine) != 1 || string(w.quarantine[0].Value) != "no Avro" {
		t.Errorf("%+v", w.quarantine)
	}
}
