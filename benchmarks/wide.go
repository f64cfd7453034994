package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

const (
	numerics     = 30
	categoricals = 10 // the first five are the slice dimensions
	integers     = 4
	dimensions   = 5

	predictionSchema = 1
	outcomeSchema    = 2

	predictionTopic = "bench.predictions"
	outcomeTopic    = "bench.outcomes"

	referenceRows = 20_000
	joinedShare   = 0.3 // of predictions get an outcome
)

var referenceStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// values is how many values each categorical field has: few for the slice dimensions, and an identifier at the end. Slice
// dimensions go together as a country and its currency do: seven times in eight one follows from the first.
var values = [categoricals]int{4, 3, 3, 4, 3, 8, 20, 60, 400, 50_000}

func contractText() string {
	var b strings.Builder
	fmt.Fprintf(&b, `
apiVersion: plumbline/v1
kind: QualityContract
metadata: {model: wide}
owners: {data: d, model: e}
task: {type: binary, positive: 1}
streams:
  prediction: {topic: %s, schema: {subject: p-value}, fields: {id: id, time: ts, version: version, score: score}}
  outcome: {topic: %s, schema: {subject: o-value}, fields: {id: id, time: ts, label: y}, keep: 2d, mature_after: 1h}
inputs:
`, predictionTopic, outcomeTopic)
	for i := range numerics {
		fmt.Fprintf(&b, "  n%d: {type: numeric}\n", i)
	}
	for i := range categoricals {
		fmt.Fprintf(&b, "  c%d: {type: categorical}\n", i)
	}
	for i := range integers {
		fmt.Fprintf(&b, "  i%d: {type: numeric}\n", i)
	}
	b.WriteString("slices: [")
	for i := range dimensions {
		fmt.Fprintf(&b, "[c%d],", i)
	}
	b.WriteString("]\nwatch:\n  reference: {from: 2026-01-01, to: 2026-01-04}\n")
	return b.String()
}

func schemas() map[int]string {
	var fields []string
	add := func(name, of string) { fields = append(fields, fmt.Sprintf(`{"name":%q,"type":%s}`, name, of)) }
	add("id", `"string"`)
	add("ts", `{"type":"long","logicalType":"timestamp-micros"}`)
	add("version", `"string"`)
	for i := range numerics {
		if i%10 == 9 {
			add(fmt.Sprint("n", i), `["null","double"]`)
		} else {
			add(fmt.Sprint("n", i), `"double"`)
		}
	}
	for i := range categoricals {
		add(fmt.Sprint("c", i), `"string"`)
	}
	for i := range integers {
		add(fmt.Sprint("i", i), `"long"`)
	}
	add("score", `"double"`)
	return map[int]string{
		predictionSchema: `{"type":"record","name":"P","fields":[` + strings.Join(fields, ",") + `]}`,
		outcomeSchema: `{"type":"record","name":"O","fields":[{"name":"id","type":"string"},
			{"name":"ts","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"y","type":"int"}]}`,
	}
}

// writer makes events. Their values and keys depend on the seed only.
type writer struct {
	rng *rand.Rand
	b   []byte
}

func newWriter(seed uint64) *writer { return &writer{rng: rand.New(rand.NewPCG(seed, 1))} }

func (w *writer) text(s string) {
	w.b = binary.AppendVarint(w.b, int64(len(s)))
	w.b = append(w.b, s...)
}

func (w *writer) double(v float64) {
	w.b = binary.LittleEndian.AppendUint64(w.b, math.Float64bits(v))
}

func (w *writer) begin(id int) { w.b = binary.BigEndian.AppendUint32([]byte{0}, uint32(id)) }

// rank draws from 0..n-1 by the law of Zipf: rank k is drawn in proportion to 1/(k+1)^1.2 for many values; few values are drawn
// each a third as often as the one before.
func (w *writer) rank(n int) int {
	if n <= 8 {
		k := 0
		for k < n-1 && w.rng.IntN(3) == 0 {
			k++
		}
		return k
	}
	for {
		// Rejection from a Pareto law, which lies above.
		k := int(math.Pow(1-w.rng.Float64(), -1/0.2)) - 1
		if k >= 0 && k < n {
			return k
		}
	}
}

// prediction is event n at a time. The bytes are the caller's.
func (w *writer) prediction(n int64, at time.Time) []byte {
	w.begin(predictionSchema)
	w.text(fmt.Sprintf("event-%012d", n))
	w.b = binary.AppendVarint(w.b, at.UnixMicro())
	if w.rng.IntN(20) == 0 {
		w.text("2026.2-canary")
	} else {
		w.text("2026.1")
	}
	for i := range numerics {
		w.number(i)
	}
	first := w.rank(values[0])
	for i, n := range values {
		k := first % n
		if i > 0 && (i >= dimensions || w.rng.IntN(8) == 0) {
			k = w.rank(n)
		}
		w.text(fmt.Sprintf("value-%d-%d", i, k))
	}
	for i := range integers {
		w.b = binary.AppendVarint(w.b, int64(math.Exp(float64(i+1)*math.Abs(w.rng.NormFloat64()))))
	}
	w.double(1 / (1 + math.Exp(-1.5*w.rng.NormFloat64())))
	return w.b
}

// number draws a value of full precision for most columns; some are money, some are mostly zero, some may be null.
func (w *writer) number(i int) {
	if i%10 == 9 {
		if w.rng.IntN(20) == 0 {
			w.b = append(w.b, 0)
			return
		}
		w.b = append(w.b, 2)
	}
	v := w.rng.NormFloat64()
	switch i % 6 {
	case 0, 1:
		w.double(50 + 10*v)
	case 2:
		w.double(math.Exp(1.5 * v))
	case 3:
		w.double(v)
	case 4:
		w.double(math.Round(100*math.Exp(3+v)) / 100)
	default:
		w.double(max(0, v) * 10)
	}
}

func (w *writer) outcome(n int64, at time.Time) []byte {
	w.begin(outcomeSchema)
	w.text(fmt.Sprintf("event-%012d", n))
	w.b = binary.AppendVarint(w.b, at.UnixMicro())
	w.b = binary.AppendVarint(w.b, int64(w.rng.IntN(2)))
	return w.b
}

// widePlan is the plan of the wide event, learnt from events of its own kind.
func widePlan() (*plan.Plan, error) {
	return learntPlan("wide.yaml", contractText(), func(draft *plan.Plan) baseline.Source { return reference{draft} })
}

// learntPlan is the plan of a contract, learnt from what source makes for its draft.
func learntPlan(name, text string, source func(draft *plan.Plan) baseline.Source) (*plan.Plan, error) {
	c, err := contract.Parse(name, []byte(text))
	if err != nil {
		return nil, err
	}
	draft, err := plan.Draft(c)
	if err != nil {
		return nil, err
	}
	return baseline.Build(draft, source(draft))
}

// reference is three days of events.
type reference struct{ p *plan.Plan }

func (s reference) at(i int) time.Time {
	return referenceStart.Add(time.Duration(i) * 72 * time.Hour / referenceRows)
}

// Predictions implements baseline.Source.
func (s reference) Predictions(visit func(*plan.Batch) error) error {
	w := newWriter(1)
	return s.decode(predictionSchema, &s.p.Prediction, visit, func(i int) []byte { return w.prediction(int64(i), s.at(i)) })
}

// Outcomes implements baseline.Source.
func (s reference) Outcomes(visit func(*plan.Batch) error) error {
	w := newWriter(2)
	return s.decode(outcomeSchema, s.p.Outcome, visit, func(i int) []byte { return w.outcome(int64(i), s.at(i).Add(time.Minute)) })
}

func (s reference) decode(id int, to *plan.Projection, visit func(*plan.Batch) error, event func(int) []byte) error {
	prog, err := schema.Compile(schemas()[id], to)
	if err != nil {
		return err
	}
	b := plan.NewBatch(to, referenceRows)
	for i := range referenceRows {
		if err := prog.Decode(event(i), 5, b, int64(i)); err != nil {
			return err
		}
	}
	return visit(b)
}
