package engine_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

var start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) // a Monday

// day is midnight so many days after the stream's start.
func day(n int) time.Time { return start.AddDate(0, 0, n) }

// sample is one event and what comes of it. NaN is a missing number.
type sample struct {
	at       time.Time
	x, k, r  float64
	cat, seg string
	score    float64
	positive bool
	latency  float64 // milliseconds
	lost     bool    // its outcome never comes
	reasons  bool    // it carries reason codes
	version  string  // of the model
}

// cost is what the decision at .5 costs by the contract below.
func (s *sample) cost() float64 {
	switch decided := s.score >= 0.5; {
	case decided && s.positive:
		return -10
	case decided:
		return 40
	case s.positive:
		return 90
	default:
		return 0
	}
}

// generate makes a stream without drift, so many events a day at equal distances: x is normal and gives the score, outcomes
// follow the score exactly, k is 3, r is uniform in [0, 10], three categories and two segments. change then spoils it.
func generate(seed uint64, days, perDay int, change func(s *sample, rng *rand.Rand)) []sample {
	rng := rand.New(rand.NewPCG(seed, 1))
	spoil := rand.New(rand.NewPCG(seed, 2)) // a stream of its own, so that spoiling changes nothing else
	out := make([]sample, days*perDay)
	for i := range out {
		s := &out[i]
		s.at = start.Add(time.Duration(i) * (24 * time.Hour / time.Duration(perDay)))
		s.x, s.k, s.r = rng.NormFloat64(), 3, 10*rng.Float64()
		s.cat = []string{"a", "b", "b", "c", "c", "c"}[rng.IntN(6)]
		s.seg = []string{"n", "s"}[rng.IntN(2)]
		s.score = 1 / (1 + math.Exp(-1.5*s.x-0.5*rng.NormFloat64()))
		s.positive = rng.Float64() < s.score
		s.latency = 5 * s.r
		if change != nil {
			change(s, spoil)
		}
	}
	return out
}

// between reports whether s lies in days [from, to).
func (s *sample) between(from, to int) bool { return !s.at.Before(day(from)) && s.at.Before(day(to)) }

const head = `
apiVersion: plumbline/v1
kind: QualityContract
metadata: {model: m}
owners: {data: d, model: e}
task: {type: binary, positive: 1}
streams:
  prediction: {topic: p, schema: {subject: p-value}, fields: {id: id, time: ts, score: score}}
  outcome: {topic: o, schema: {subject: o-value}, fields: {id: id, time: ts, label: y}, keep: 2d, mature_after: 1h}
inputs:
  x: {type: numeric}
  k: {type: numeric}
  r: {type: numeric, range: [0, 10], missing: {max: 1%}}
  cat: {type: categorical}
  seg: {type: categorical}
slices: [[seg]]
`

const costs = "costs: {currency: EUR, false_positive: 40, false_negative: 90, true_positive: -10, true_negative: 0}\ndecision: {threshold: 0.5}\n"

// world is a stream with the plan that its first days gave.
type world struct {
	tb      testing.TB
	plan    *plan.Plan
	samples []sample
}

const outcomeDelay = 20 * time.Minute

// learn builds the plan from the first refDays days; more are further lines of the contract.
func learn(tb testing.TB, refDays int, samples []sample, more string) *world {
	tb.Helper()
	ref := fmt.Sprintf("  reference: {from: %s, to: %s}\n", day(0).Format(time.DateOnly), day(refDays).Format(time.DateOnly))
	if !strings.Contains(more, "watch:\n") {
		more += "watch:\n"
	}
	head := head
	if strings.Contains(more, "latency") {
		head = strings.Replace(head, "score: score}", "score: score, latency: took_ms}", 1)
	}
	if strings.Contains(more, "versions") {
		head = strings.Replace(head, "score: score}", "score: score, version: model}", 1)
	}
	if strings.Contains(more, "reason_code") {
		head = strings.Replace(head, "score: score}", "score: score, reasons: why}", 1)
	}
	c, err := contract.Parse("test.yaml", []byte(head+strings.Replace(more, "watch:\n", "watch:\n"+ref, 1)))
	if err != nil {
		tb.Fatal(err)
	}
	draft, err := plan.Draft(c)
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{tb: tb, plan: draft, samples: samples}
	if w.plan, err = baseline.Build(draft, w); err != nil {
		tb.Fatal(err)
	}
	return w
}

// Predictions and Outcomes make the world a baseline.Source.
func (w *world) Predictions(visit func(*plan.Batch) error) error {
	return visit(w.predictions(0, len(w.samples)))
}

func (w *world) Outcomes(visit func(*plan.Batch) error) error {
	return visit(w.outcomes(0, len(w.samples)))
}

func (w *world) predictions(from, to int) *plan.Batch {
	b := plan.NewBatch(&w.plan.Prediction, to-from)
	for i := from; i < to; i++ {
		s := &w.samples[i]
		row := b.Grow(int64(i))
		number := func(f int, v float64) {
			if !math.IsNaN(v) {
				b.SetNumber(f, row, v)
			}
		}
		for f := range b.Fields {
			switch b.Fields[f].Name {
			case "id":
				b.SetString(f, row, fmt.Sprint("e", i))
			case "ts":
				b.SetTime(f, row, plan.Micros(s.at))
			case "x":
				number(f, s.x)
			case "k":
				number(f, s.k)
			case "r":
				number(f, s.r)
			case "cat":
				b.SetString(f, row, s.cat)
			case "seg":
				b.SetString(f, row, s.seg)
			case "score":
				number(f, s.score)
			case "took_ms":
				number(f, s.latency)
			case "model":
				b.SetString(f, row, s.version)
			case "why.given":
				if s.reasons {
					number(f, 1)
				}
			}
		}
	}
	return b
}

func (w *world) outcomes(from, to int) *plan.Batch {
	o := w.plan.Outcome
	b := plan.NewBatch(o, to-from)
	for i := from; i < to; i++ {
		if w.samples[i].lost {
			continue
		}
		row := b.Grow(int64(i))
		b.SetString(o.Roles.ID, row, fmt.Sprint("e", i))
		b.SetTime(o.Roles.Time, row, plan.Micros(w.samples[i].at.Add(outcomeDelay)))
		b.SetString(o.Roles.Label, row, map[bool]string{true: "1", false: "0"}[w.samples[i].positive])
	}
	return b
}

// epoch is what one fragment brings, of predictions or of outcomes.
type epoch struct {
	cells    []record.Cell
	coverage *record.Coverage
	marks    []record.Mark
}

// epochs counts and joins the stream, some hours at a time: what predictions brought and what outcomes brought.
func (w *world) epochs(hours int) (predictions, outcomes []epoch) {
	w.tb.Helper()
	joiner := collect.NewJoiner(func(string) *plan.Plan { return w.plan })
	c, err := collect.New(w.plan, joiner)
	if err != nil {
		w.tb.Fatal(err)
	}
	for from := 0; from < len(w.samples); {
		to := from
		end := w.samples[from].at.Add(time.Duration(hours) * time.Hour)
		for to < len(w.samples) && w.samples[to].at.Before(end) {
			to++
		}
		last := plan.Micros(w.samples[to-1].at)
		src := record.Source{Topic: "p", Partitions: 1}
		c.Predictions(collect.Source{Topic: "p"}, w.predictions(from, to))
		predictions = append(predictions, epoch{
			cells: c.Take(), coverage: &record.Coverage{Source: src, From: int64(from), To: int64(to), Watermark: last},
			marks: []record.Mark{{Source: src, Watermark: last}},
		})
		c.Outcomes(collect.Source{Topic: "o"}, w.outcomes(from, to))
		src.Topic = "o"
		outcomes = append(outcomes, epoch{cells: joiner.Take(), marks: []record.Mark{{Source: src, Watermark: last + outcomeDelay.Microseconds()}}})
		from = to
	}
	return predictions, outcomes
}

// pair is what a detector keeps of a model.
type pair struct {
	engine *engine.Engine
	clock  *window.Clock
}

func (w *world) start() pair { return pair{engine.New(w.plan), window.NewClock()} }

// restarted is p written out and read back.
func (w *world) restarted(p pair) pair {
	w.tb.Helper()
	b, err := p.engine.AppendBinary(p.clock.AppendBinary(nil))
	if err != nil {
		w.tb.Fatal(err)
	}
	if b, err = p.engine.AppendDrift(b); err != nil {
		w.tb.Fatal(err)
	}
	r := wire.NewReader(b)
	if p.clock, err = window.ReadClock(r); err != nil {
		w.tb.Fatal(err)
	}
	if p.engine, err = engine.ReadEngine(w.plan, r); err != nil {
		w.tb.Fatal(err)
	}
	if err := p.engine.ReadDrift(r); err != nil {
		w.tb.Fatal(err)
	}
	if err := r.Close(); err != nil {
		w.tb.Fatal(err)
	}
	return p
}

// feed gives one epoch to p and adds what it finds to out.
func (w *world) feed(p pair, ep *epoch, out []finding.Finding) []finding.Finding {
	w.tb.Helper()
	for j := range ep.cells {
		if err := p.engine.Add(&ep.cells[j]); err != nil {
			w.tb.Fatal(err)
		}
	}
	if ep.coverage != nil {
		p.clock.Cover(ep.coverage)
	}
	for j := range ep.marks {
		p.clock.Mark(&ep.marks[j], 1)
	}
	if err := p.engine.Advance(p.clock, func(f finding.Finding) error { out = append(out, f); return nil }); err != nil {
		w.tb.Fatal(err)
	}
	if p.engine.Late() != 0 {
		w.tb.Fatalf("%d events late", p.engine.Late())
	}
	return out
}

// judge feeds epochs to a new engine.
func (w *world) judge(epochs []epoch) []finding.Finding {
	w.tb.Helper()
	p, out := w.start(), []finding.Finding{}
	for i := range epochs {
		out = w.feed(p, &epochs[i], out)
	}
	return out
}

// run judges the stream as it would have come, in turn predictions and outcomes.
func (w *world) run() []finding.Finding {
	w.tb.Helper()
	return w.judge(interleave(w.epochs(12)))
}

func interleave(a, b []epoch) []epoch {
	var out []epoch
	for i := range a {
		out = append(out, a[i], b[i])
	}
	return out
}

// lines says the findings that alarm or recover, one a line: when, about what, what, how loud, since when.
func lines(findings []finding.Finding) []string {
	out := []string{}
	for i := range findings {
		f := &findings[i]
		if !f.Alarming() && f.Verdict != finding.Equivalent {
			continue
		}
		out = append(out, fmt.Sprintf("%s %s %s %s%s: %s %s since %s", stamp(f.At), f.Subject, f.Channel, f.Metric, sliced(f), f.Verdict, f.Severity, stamp(f.Onset)))
	}
	return out
}

func sliced(f *finding.Finding) string {
	if len(f.Slice) == 0 {
		return ""
	}
	return " in " + finding.SliceKey(f.Slice)
}

// stamp is an instant in days and hours since the start.
func stamp(t time.Time) string {
	d := t.Sub(start)
	return fmt.Sprintf("%dd%gh", int(d.Hours())/24, d.Hours()-float64(int(d.Hours())/24*24))
}

func encode(tb testing.TB, findings []finding.Finding) string {
	tb.Helper()
	b, err := json.MarshalIndent(findings, "", " ")
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// about picks the findings of one subject and channel ("" is any).
func about(findings []finding.Finding, subject, channel string) []finding.Finding {
	var out []finding.Finding
	for _, f := range findings {
		if (subject == "" || f.Subject == subject) && (channel == "" || f.Channel == channel) {
			out = append(out, f)
		}
	}
	return out
}
