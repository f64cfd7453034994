package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

func testFlow() *flow {
	f := &flow{
		step: 10 * time.Millisecond, pane: time.Minute, lateness: time.Second, reference: 40 * time.Minute, joined: 0.3, delay: 20 * time.Second,
		keep: 10 * time.Minute, mature: time.Minute, schemas: map[string]int{flowPredictions: 7, flowOutcomes: 8},
	}
	f.ail, f.truth = ills(f)
	return f
}

// What is written must be what the schemas say, by a decoder that isn't ours.
func TestFlowIsAvro(t *testing.T) {
	f := testFlow()
	for topic, text := range flowSchemas {
		codec, err := goavro.NewCodec(text)
		if err != nil {
			t.Fatal(err)
		}
		pcg := rand.NewPCG(0, 0)
		for n := range int64(2000) {
			e, _, label := f.draw(pcg, n)
			e.missing = n%3 == 0
			b := f.prediction(n, &e)
			if topic == flowOutcomes {
				b = f.outcome(n, e.at, label)
			}
			v, rest, err := codec.NativeFromBinary(b[5:])
			if err != nil || len(rest) > 0 {
				t.Fatalf("event %d of %s: %v, %d bytes left", n, topic, err, len(rest))
			}
			got := v.(map[string]any)
			if got["id"] != flowID(n) || !got["ts"].(time.Time).Equal(e.at) {
				t.Fatalf("event %d of %s reads %v", n, topic, got)
			}
			if topic == flowPredictions && (got["x2"] == nil) != e.missing {
				t.Fatalf("event %d: x2 is %v, missing %t", n, got["x2"], e.missing)
			}
		}
	}
}

// The contract must be a sound one, and name the fields of the schemas.
func TestFlowContractFitsSchemas(t *testing.T) {
	f := testFlow()
	c, err := contract.Parse("flow.yaml", []byte(f.contract()))
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Draft(c)
	if err != nil {
		t.Fatal(err)
	}
	for topic, proj := range map[string]*plan.Projection{flowPredictions: &p.Prediction, flowOutcomes: p.Outcome} {
		if _, err := schema.Compile(flowSchemas[topic], proj); err != nil {
			t.Errorf("%s: %v", topic, err)
		}
	}
}

// Both runs of a replay rest on this: an event depends on its number only.
func TestFlowIsTheSameInAnyOrder(t *testing.T) {
	f, g := testFlow(), testFlow()
	a, b := rand.NewPCG(0, 0), rand.NewPCG(1, 2)
	var forth [][]byte
	for n := range int64(500) {
		e, _, _ := f.draw(a, n)
		forth = append(forth, f.prediction(n, &e))
	}
	for n := int64(499); n >= 0; n-- {
		e, _, _ := g.draw(b, n)
		if !bytes.Equal(g.prediction(n, &e), forth[n]) {
			t.Fatalf("event %d differs", n)
		}
	}
}

// The event that is held responsible for the end of a pane is the first of its partition at or after end + lateness.
func TestWatchCreditsTheFirstEventPastTheEnd(t *testing.T) {
	f := testFlow()
	w := &watch{flow: f, first: f.upTo(f.reference), panes: make([]passed, 3)}
	epoch := time.Unix(0, 0)
	for n := w.first; n < w.first+4*int64(f.pane/f.step); n++ {
		w.acked(n, epoch.Add(time.Duration(n)))
	}
	for i := range w.panes {
		end := flowStart.Add(f.reference + time.Duration(i+1)*f.pane + f.lateness)
		for p, at := range w.panes[i].acked {
			n := int64(at.Sub(epoch))
			if n%flowPartitions != int64(p) || f.at(n).Before(end) || !f.at(n-flowPartitions).Before(end) {
				t.Errorf("pane %d, partition %d: event %d at %s, the pane ends at %s", i, p, n, f.at(n), end)
			}
		}
	}
}

func TestReadToldRemovesOffsetsAndNothingElse(t *testing.T) {
	const event = `{"id":"e","data":{"kind":"finding","id":"a","offsets":{"t":{"0":[1,2]}},"value":0.10,"model":"<m>"}}`
	got, err := readTold([]byte(event))
	if err != nil {
		t.Fatal(err)
	}
	var want, have map[string]map[string]any
	_ = json.Unmarshal([]byte(event), &want) // its id is no object
	_ = json.Unmarshal(got.bare, &have)
	delete(want["data"], "offsets")
	if got.id != "a" || len(have["data"]) != 4 || have["data"]["model"] != want["data"]["model"] || !bytes.Contains(got.bare, []byte("0.10")) {
		t.Errorf("got %s", got.bare)
	}
}

func TestQuantileIsTheNearestRank(t *testing.T) {
	var v []float64
	for i := range 200 {
		v = append(v, float64(i+1))
	}
	for q, want := range map[float64]float64{0.5: 100, 0.9: 180, 0.99: 198, 1: 200} {
		if got := quantile(v, q); got != want {
			t.Errorf("quantile %g of 1..200 is %g, want %g", q, got, want)
		}
	}
	if got := quantile([]float64{7}, 0.99); got != 7 {
		t.Errorf("of one value it is %g", got)
	}
}
