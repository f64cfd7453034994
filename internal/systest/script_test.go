//go:build synctests

package systest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/examples/retrainer"
	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
)

const (
	day      = 24 * time.Hour
	dayTakes = 10 * time.Second // of the bubble's clock
	perDay   = 48
	seed     = 7
)

// start is the event time at which the script begins, a Monday: the end of the reference.
var start = time.Date(2000, 1, 3, 0, 0, 0, 0, time.UTC)

const contractText = `
apiVersion: plumbline/v1
kind: QualityContract
metadata: {model: sys, description: a model for the system test}
owners: {data: data-team, model: model-team}
task: {type: binary, positive: 1}
streams:
  prediction: {topic: sys.predictions, fields: {id: id, time: ts, score: score}}
  outcome: {topic: sys.outcomes, fields: {id: id, time: ts, label: label}, keep: 2d, mature_after: 1h}
inputs:
  x: {type: numeric}
  k: {type: numeric, path: nested.k}
costs: {currency: EUR, false_positive: 10, false_negative: 20, true_positive: 0, true_negative: 0}
decision: {threshold: 0.5}
watch: {reference: {from: 1999-10-25, to: 2000-01-03}}
runbooks: {released: docs/released.md}
`

const predictionSchema = `{"type":"record","name":"Prediction","fields":[
	{"name":"id","type":"string"},{"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},
	{"name":"x","type":["null","double"]},{"name":"nested","type":{"type":"record","name":"Nested","fields":[{"name":"k","type":"double"}]}},
	{"name":"score","type":"double"},{"name":"step","type":["null","string"],"default":null}]}`

const outcomeSchema = `{"type":"record","name":"Outcome","fields":[
	{"name":"id","type":"string"},{"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"label","type":"int"}]}`

// world is a model and its surroundings: what an event looks like, by event time.
type world struct {
	rng    *rand.Rand
	k      float64
	shift  float64                           // of x
	broken bool                              // outcomes no longer follow the score
	serve  func(score, x, k float64) float64 // a version that was learnt from the first one; nil: the first one
}

func newWorld(seed uint64) *world { return &world{rng: rand.New(rand.NewPCG(seed, 1)), k: 4} }

func (w *world) event() (x, score float64, label int32) {
	x = w.shift + w.rng.NormFloat64()
	score = 0.05 + 0.9*w.rng.Float64()
	p := score
	if w.broken {
		p = 1 - score
	}
	if w.rng.Float64() < p {
		label = 1
	}
	if w.serve != nil {
		score = w.serve(score, x, w.k)
	}
	return x, score, label
}

// history is the reference as a baseline's source: the same world before the script.
type history struct{ p *plan.Plan }

func (h history) each(visit func(at time.Time, id string, x, score float64, label int32)) {
	w := newWorld(seed + 1)
	n := 0
	for at := h.p.Reference.From; at.Before(h.p.Reference.To); at = at.Add(day / perDay) {
		x, score, label := w.event()
		visit(at, fmt.Sprintf("ref-%d", n), x, score, label)
		n++
	}
}

func (h history) Predictions(visit func(*plan.Batch) error) error {
	b := plan.NewBatch(&h.p.Prediction, 0)
	set := map[string]func(row int, at time.Time, id string, x, score float64){}
	for i, f := range h.p.Prediction.Fields {
		set[f.Name] = func(row int, at time.Time, id string, x, score float64) {
			switch strings.Join(f.Path, ".") {
			case "id":
				b.SetString(i, row, id)
			case "ts":
				b.SetTime(i, row, plan.Micros(at))
			case "x":
				b.SetNumber(i, row, x)
			case "nested.k":
				b.SetNumber(i, row, 4)
			case "score":
				b.SetNumber(i, row, score)
			}
		}
	}
	h.each(func(at time.Time, id string, x, score float64, _ int32) {
		row := b.Grow(int64(b.N))
		for _, f := range set {
			f(row, at, id, x, score)
		}
	})
	return visit(b)
}

func (h history) Outcomes(visit func(*plan.Batch) error) error {
	b := plan.NewBatch(h.p.Outcome, 0)
	r := h.p.Outcome.Roles
	h.each(func(at time.Time, id string, _, _ float64, label int32) {
		row := b.Grow(int64(b.N))
		b.SetString(r.ID, row, id)
		b.SetTime(r.Time, row, plan.Micros(at.Add(30*time.Minute)))
		b.SetString(r.Label, row, fmt.Sprint(label))
	})
	return visit(b)
}

// system is everything, running.
type system struct {
	t     *testing.T
	parts *app.Parts
	reg   *prometheus.Registry
	plan  *plan.Plan
	world *world

	prediction, outcome *goavro.Codec
	ids                 map[string]uint32 // schema ids by topic

	stop map[string]func() // running services

	next atomic.Pointer[retrainer.Model] // the version to put in service; nil: none

	incidents  *kgo.Client
	quarantine *kgo.Client
	seen       map[string]incident.Incident
	got        []string // everything that came, as said by describe...
	sent       int
}

func newSystem(t *testing.T) *system {
	t.Helper()
	return newSystemOf(t, contractText, func(draft *plan.Plan) baseline.Source { return history{draft} })
}

// newSystemOf has the model of another contract.
func newSystemOf(t *testing.T, text string, learnt func(draft *plan.Plan) baseline.Source) *system {
	t.Helper()
	s := &system{t: t, reg: prometheus.NewRegistry(), world: newWorld(seed), ids: map[string]uint32{}, stop: map[string]func(){}, seen: map[string]incident.Incident{}}
	var err error
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s.parts, err = app.Embedded(t.Context(), zap.NewNop(), s.reg, bus.EmbeddedOptions{Network: &kfake.VirtualNetwork{}})
	must(err)
	c, err := contract.Parse("sys.yaml", []byte(text))
	must(err)
	draft, err := plan.Draft(c)
	must(err)
	s.plan, err = baseline.Build(draft, learnt(draft))
	must(err)
	adm := kadm.NewClient(s.parts.Producer)
	topics := map[string]string{"sys.predictions": predictionSchema, "sys.outcomes": outcomeSchema}
	if s.plan.Attributes != nil {
		topics["sys.attributes"] = attributeSchema
	}
	for topic, text := range topics {
		_, err := adm.CreateTopic(t.Context(), 2, 1, nil, topic)
		must(err)
		id, err := s.parts.Registry.Register(t.Context(), topic+"-value", text)
		must(err)
		s.ids[topic] = uint32(id)
	}
	s.prediction, err = goavro.NewCodec(predictionSchema)
	must(err)
	s.outcome, err = goavro.NewCodec(outcomeSchema)
	must(err)
	must(bus.PublishPlan(t.Context(), s.parts.Producer, s.plan))
	for name, run := range s.parts.All() {
		s.run(name, run)
	}
	s.incidents, s.quarantine = s.tail(bus.TopicIncidents), s.tail(bus.TopicQuarantine)
	return s
}

func (s *system) tail(topic string) *kgo.Client {
	cl, err := s.parts.Kafka.NewClient(nil, nil, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		s.t.Fatal(err)
	}
	return cl
}

// run starts a service; stop[name] stops it and waits.
func (s *system) run(name string, service app.Service) {
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan error, 1)
	go func() { done <- service(ctx) }()
	s.stop[name] = func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			s.t.Errorf("%s: %v", name, err)
		}
	}
}

func (s *system) close() {
	for _, name := range []string{"ingestor", "joiner", "detector", "alerter"} {
		s.stop[name]()
	}
	s.incidents.Close()
	s.quarantine.Close()
	if err := s.parts.Close(); err != nil {
		s.t.Error(err)
	}
}

func (s *system) produce(topic string, partition int32, value []byte) {
	rec := &kgo.Record{Topic: topic, Partition: partition, Value: value}
	if err := s.parts.Producer.ProduceSync(s.t.Context(), rec).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *system) framed(topic string, codec *goavro.Codec, native map[string]any) []byte {
	id := s.ids[topic]
	b, err := codec.BinaryFromNative([]byte{0, byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}, native)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *system) predictionBytes(id string, at time.Time, x, score float64) []byte {
	return s.framed("sys.predictions", s.prediction, map[string]any{
		"id": id, "ts": at, "x": goavro.Union("double", x), "nested": map[string]any{"k": s.world.k}, "score": score,
	})
}

// poll takes in what came out, and says it.
func (s *system) poll() {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Millisecond)
	defer cancel()
	s.incidents.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
		var e finding.Envelope[incident.Incident]
		if err := unmarshal(r.Value, &e); err != nil {
			s.t.Error(err)
			return
		}
		was, known := s.seen[e.Data.ID]
		s.seen[e.Data.ID] = e.Data
		if !known || was.Severity != e.Data.Severity {
			s.got = append(s.got, describe(&e.Data))
		}
	})
	ctx2, cancel2 := context.WithTimeout(s.t.Context(), time.Millisecond)
	defer cancel2()
	s.quarantine.PollFetches(ctx2).EachRecord(func(r *kgo.Record) {
		h := map[string]string{}
		for _, k := range r.Headers {
			h[k.Key] = string(k.Value)
		}
		s.got = append(s.got, fmt.Sprintf("set aside: %s, field %q, byte %s, of %s", h[record.HeaderReason], h[record.HeaderPath], h[record.HeaderByte], h[record.HeaderTopic]))
	})
}

func describe(i *incident.Incident) string {
	var names []string
	for _, n := range i.Subjects {
		names = append(names, n.Name)
	}
	slices.Sort(names)
	return fmt.Sprintf("%s: %s of %s, onset %s, opened %s, priced %t, owner %s", i.Severity, i.Cause.Kind, strings.Join(names, "+"),
		eventDay(i.Onset), eventDay(i.OpenedAt), i.Impact != nil, i.Owner.Team)
}

func eventDay(t time.Time) string {
	d := t.Sub(start)
	return fmt.Sprintf("day %d %02d:%02d", d/day, d%day/time.Hour, d%time.Hour/time.Minute)
}

// action is something that happens at a moment of the script.
type action struct {
	at time.Duration // event time since start
	do func()
}

// At says what happens when the events of day d, hour h are due.
func At(d, h int, do func()) action {
	return action{time.Duration(d)*day + time.Duration(h)*time.Hour, do}
}

// play sends days of traffic, with the actions at their moments, waits until everything has come out, and holds what came
// against what is wanted: every line of want once, and nothing else.
func (s *system) play(days int, actions []action, want []string) {
	s.t.Helper()
	tick := dayTakes / perDay
	for n := range days * perDay {
		since := time.Duration(n) * (day / perDay)
		for _, a := range actions {
			if a.at == since {
				a.do()
			}
		}
		at := start.Add(since)
		if m := s.next.Load(); m != nil {
			s.world.serve = func(score, x, k float64) float64 { return m.Score(score, []float64{x, k}) }
		}
		x, score, label := s.world.event()
		id := fmt.Sprintf("live-%d", n)
		s.produce("sys.predictions", int32(n%2), s.predictionBytes(id, at, x, score))
		s.produce("sys.outcomes", int32(n%2), s.framed("sys.outcomes", s.outcome, map[string]any{"id": id, "ts": at.Add(30 * time.Minute), "label": label}))
		s.sent++
		time.Sleep(tick)
		if n%8 == 0 {
			s.poll()
		}
	}
	for range 600 {
		s.poll()
		if ok, err := s.parts.CaughtUp(s.t.Context(), s.plan); err != nil {
			s.t.Fatal(err)
		} else if ok {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(2 * time.Second)
	s.poll()
	got := slices.Clone(s.got)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.t.Errorf("got:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
