package main

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkedin/goavro/v2"
)

func codecs(t *testing.T) (prediction, outcome *goavro.Codec) {
	t.Helper()
	prediction, err := goavro.NewCodec(predictionSchema)
	if err != nil {
		t.Fatal(err)
	}
	if outcome, err = goavro.NewCodec(outcomeSchema); err != nil {
		t.Fatal(err)
	}
	return prediction, outcome
}

// What the encoders write is what the schemas say, as another reader has it.
func TestEventsAreAvro(t *testing.T) {
	predictions, outcomes := codecs(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	for _, c := range []struct {
		e    event
		want map[string]any
	}{
		{
			event{id: "a", at: at.UnixMicro(), version: "v1", amount: -1.5, age: 40, region: "north", score: 0.25},
			map[string]any{
				"id": "a", "at": at, "version": "v1", "amount": -1.5, "age": map[string]any{"double": 40.0},
				"region": map[string]any{"string": "north"}, "score": map[string]any{"double": 0.25},
			},
		},
		{
			event{id: "b", at: at.UnixMicro(), ageless: true, score: -1},
			map[string]any{"id": "b", "at": at, "version": "", "amount": 0.0, "age": nil, "region": nil, "score": nil},
		},
	} {
		b := c.e.prediction(confluent(7))
		if !bytes.Equal(b[:5], []byte{0, 0, 0, 0, 7}) {
			t.Errorf("header %x", b[:5])
		}
		got, rest, err := predictions.NativeFromBinary(b[5:])
		if err != nil || len(rest) > 0 {
			t.Fatalf("%v, %d bytes left", err, len(rest))
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Error(d)
		}
	}
	got, rest, err := outcomes.NativeFromBinary((&event{id: "a", at: at.UnixMicro(), label: "1"}).outcome(confluent(7))[5:])
	if d := cmp.Diff(map[string]any{"id": "a", "at": at, "label": map[string]any{"string": "1"}}, got); err != nil || len(rest) > 0 || d != "" {
		t.Errorf("%v, %d bytes left: %s", err, len(rest), d)
	}
}

// A value that is meant to be unreadable is: else the count of the quarantine would prove nothing.
func TestBrokenIsBroken(t *testing.T) {
	predictions, outcomes := codecs(t)
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 1000 {
		e := draw(r, name("m", n), int64(n), 0)
		for codec, good := range map[*goavro.Codec][]byte{predictions: e.prediction(confluent(7)), outcomes: (&event{id: e.id, at: e.at, label: "1"}).outcome(confluent(7))} {
			b := broken(r, good)
			if len(b) < 5 || b[0] != 0 || binary.BigEndian.Uint32(b[1:]) != 7 {
				continue // nobody knows the schema
			}
			if _, rest, err := codec.NativeFromBinary(b[5:]); err == nil && len(rest) == 0 {
				t.Fatalf("%x can be read", b)
			}
		}
	}
}

// The stream is the same for a seed, and out of order by no more than the contracts allow.
func TestTheStream(t *testing.T) {
	predictions, outcomes := codecs(t)
	of := func(seed uint64) [][]byte {
		s, err := newSource([]string{"127.0.0.1:1"}, seed, 7, 7)
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		var out [][]byte
		latest := map[string]time.Time{}
		for _, rec := range s.batch(5_000) {
			out = append(out, rec.Value)
			codec := predictions
			if rec.Topic == s.domains[0].outcomes || rec.Topic == s.domains[1].outcomes {
				codec = outcomes
			}
			if len(rec.Value) < 5 {
				continue
			}
			native, rest, err := codec.NativeFromBinary(rec.Value[5:])
			if err != nil || len(rest) > 0 {
				continue
			}
			e := native.(map[string]any)
			at, place := e["at"].(time.Time), rec.Topic+string(rune('0'+rec.Partition))
			if bytes.HasSuffix([]byte(e["id"].(string)), []byte("-wrong")) {
				continue
			}
			if late := latest[place].Sub(at); late > time.Hour {
				t.Fatalf("%s: an event is late by %s", place, late)
			}
			if at.After(latest[place]) {
				latest[place] = at
			}
		}
		return out
	}
	one := of(1)
	if !slices.EqualFunc(one, of(1), bytes.Equal) {
		t.Error("the same seed gives another stream")
	}
	if slices.EqualFunc(one, of(2), bytes.Equal) {
		t.Error("another seed gives the same stream")
	}
}
