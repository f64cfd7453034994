package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	flowModel       = "flow"
	flowPredictions = "flow.predictions"
	flowOutcomes    = "flow.outcomes"
	flowPartitions  = 4
	flowNumerics    = 8 // of them x2 may be missing
	flowConstants   = 4 // columns that never move while all is well
)

// flowStart is the event time of the first event.
var flowStart = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC) // a Monday

// flowSchemas are the Avro schemas by topic; event and outcome below follow them field by field.
var flowSchemas = map[string]string{
	flowPredictions: `{"type":"record","name":"Prediction","namespace":"flow","fields":[
		{"name":"id","type":"string"},{"name":"ts","type":{"type":"long","logicalType":"timestamp-micros"}},` +
		flowFields() + `{"name":"c0","type":"string"},{"name":"c1","type":"string"},{"name":"score","type":"double"}]}`,
	flowOutcomes: `{"type":"record","name":"Outcome","namespace":"flow","fields":[
		{"name":"id","type":"string"},{"name":"ts","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"y","type":"int"}]}`,
}

func flowFields() string {
	var b strings.Builder
	for i := range flowNumerics {
		of := `"double"`
		if i == 2 {
			of = `["null","double"]`
		}
		fmt.Fprintf(&b, `{"name":"x%d","type":%s},`, i, of)
	}
	for i := range flowConstants {
		fmt.Fprintf(&b, `{"name":"k%d","type":"double"},`, i)
	}
	return b.String()
}

// flow is a stream of events of one model, made from nothing but their numbers: event n is the same in every run.
type flow struct {
	step      time.Duration // of event time from one event to the next
	pane      time.Duration
	lateness  time.Duration
	reference time.Duration // how long the reference is, from flowStart on
	joined    float64       // share of the predictions that get an outcome
	delay     time.Duration // of an outcome after its prediction
	keep      time.Duration
	mature    time.Duration
	jitter    time.Duration          // how far events come out of order, at most
	ail       func(n int64, e *row)  // what is wrong with an event; nil: nothing
	truth     func(n int64) (b bool) // whether outcomes have nothing to do with the score; nil: never
	schemas   map[string]int         // ids by topic
}

// row is one prediction.
type row struct {
	at      time.Time
	x       [flowNumerics]float64
	missing bool // x2
	k       [flowConstants]float64
	c0, c1  string
	score   float64
}

// contract is the contract of the model.
func (f *flow) contract() string {
	var b strings.Builder
	fmt.Fprintf(&b, `apiVersion: plumbline/v1
kind: QualityContract
metadata: {model: %s}
owners: {data: d, model: m}
task: {type: binary, positive: 1}
streams:
  prediction: {topic: %s, fields: {id: id, time: ts, score: score}}
  outcome: {topic: %s, fields: {id: id, time: ts, label: y}, keep: %s, mature_after: %s}
inputs:
`, flowModel, flowPredictions, flowOutcomes, short(f.keep), short(f.mature))
	for i := range flowNumerics {
		fmt.Fprintf(&b, "  x%d: {type: numeric}\n", i)
	}
	for i := range flowConstants {
		fmt.Fprintf(&b, "  k%d: {type: numeric}\n", i)
	}
	fmt.Fprintf(&b, `  c0: {type: categorical}
  c1: {type: categorical}
slices: [[c0]]
costs: {currency: EUR, false_positive: 1, false_negative: 3, true_positive: 0, true_negative: 0}
decision: {threshold: 0.5}
watch:
  reference: {from: %s, to: %s}
  pane: %s
  lateness: %s
`, flowStart.Format(time.RFC3339), flowStart.Add(f.reference).Format(time.RFC3339), short(f.pane), short(f.lateness))
	return b.String()
}

// short writes a duration in whole seconds, as contracts have them.
func short(d time.Duration) string { return fmt.Sprintf("%ds", int64(d/time.Second)) }

// at is the event time of event n, before jitter.
func (f *flow) at(n int64) time.Time { return flowStart.Add(time.Duration(n) * f.step) }

// upTo is how many events there are before an event time, told from flowStart on.
func (f *flow) upTo(d time.Duration) int64 { return int64((d + f.step - 1) / f.step) }

// draw makes event n, whether it gets an outcome, and which.
func (f *flow) draw(pcg *rand.PCG, n int64) (e row, joined, label bool) {
	pcg.Seed(uint64(n), 4711)
	r := rand.New(pcg)
	e.at = f.at(n)
	if f.jitter > 0 {
		e.at = e.at.Add(-time.Duration(r.Int64N(int64(f.jitter))))
	}
	z := r.NormFloat64()
	for i := range e.x {
		e.x[i] = z + r.NormFloat64()
	}
	e.x[3] = math.Exp(e.x[3] / 2)
	e.x[4] = math.Round(10 * e.x[4])
	for i := range e.k {
		e.k[i] = 1
	}
	e.c0 = []string{"north", "south", "east", "west"}[min(r.IntN(5), 3)]
	e.c1 = fmt.Sprint("shop-", int(20*r.Float64()*r.Float64()))
	e.score = 1 / (1 + math.Exp(-z))
	joined, label = r.Float64() < f.joined, r.Float64() < e.score
	if f.truth != nil && f.truth(n) {
		label = n%3 == 0
	}
	if f.ail != nil {
		f.ail(n, &e)
	}
	return e, joined, label
}

func (w *writer) varint(v int64) { w.b = binary.AppendVarint(w.b, v) }

func flowID(n int64) string { return fmt.Sprintf("event-%09d", n) }

func (f *flow) prediction(n int64, e *row) []byte {
	w := writer{}
	w.begin(f.schemas[flowPredictions])
	w.text(flowID(n))
	w.varint(e.at.UnixMicro())
	for i, v := range e.x {
		if i == 2 {
			if e.missing {
				w.varint(0)
				continue
			}
			w.varint(1)
		}
		w.double(v)
	}
	for _, v := range e.k {
		w.double(v)
	}
	w.text(e.c0)
	w.text(e.c1)
	w.double(e.score)
	return w.b
}

func (f *flow) outcome(n int64, at time.Time, label bool) []byte {
	w := writer{}
	w.begin(f.schemas[flowOutcomes])
	w.text(flowID(n))
	w.varint(at.UnixMicro())
	if label {
		w.varint(1)
	} else {
		w.varint(0)
	}
	return w.b
}

// send publishes the events [from, to) at a rate per second (0: as fast as it goes), each with the outcome that is known by then
// of an earlier one. Of every prediction acked, if not nil, is told when the broker had it; it is called from goroutines of the
// client.
func (f *flow) send(ctx context.Context, cl *kgo.Client, from, to int64, rate float64, acked func(n int64, at time.Time)) error {
	var (
		mu     sync.Mutex
		failed error
		pcg    = rand.NewPCG(0, 0)
		lag    = int64(f.delay / f.step)
	)
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if failed == nil {
			failed = err
		}
	}
	began := time.Now()
	for n := from; n < to; n++ {
		if rate > 0 && n%20 == 0 {
			due := began.Add(time.Duration(float64(n-from) / rate * float64(time.Second)))
			if wait := time.Until(due); wait > 0 {
				select {
				case <-time.After(wait):
				case <-ctx.Done():
				}
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		e, _, _ := f.draw(pcg, n)
		cl.Produce(ctx, &kgo.Record{Topic: flowPredictions, Partition: int32(n % flowPartitions), Value: f.prediction(n, &e)}, func(_ *kgo.Record, err error) {
			if err != nil {
				fail(err)
			} else if acked != nil {
				acked(n, time.Now())
			}
		})
		if n < lag {
			continue
		}
		if _, joined, label := f.draw(pcg, n-lag); joined {
			value := f.outcome(n-lag, f.at(n-lag).Add(f.delay), label)
			cl.Produce(ctx, &kgo.Record{Topic: flowOutcomes, Partition: int32(n % flowPartitions), Value: value}, func(_ *kgo.Record, err error) {
				if err != nil {
					fail(err)
				}
			})
		}
		if n%1_000_000 == 0 && n > from {
			say("%d events sent", n)
		}
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	return failed
}
