package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// The model of `benchmarks sizing`: 50 inputs and a score, 20 live slices, hourly panes.
const (
	sizedNumbers = 40
	sizedTexts   = 10
	sizedSlices  = 20 // five values of t0 by four of t1, all of which occur
	sizedPanes   = 24
	sizedRows    = 20_000 // of a pane, spread evenly over its slices
	sizedEpochs  = 4      // in which the rows of a pane come to the detector
	sizedVersion = "2026.1"
	sizedModel   = "sized"
)

// sizedValues is how many values each text has: two slice dimensions, then a few to very many.
var sizedValues = [sizedTexts]int{5, 4, 3, 8, 20, 60, 400, 400, 2000, 50_000}

// sizedStart is the first pane after the reference.
var sizedStart = referenceStart.Add(72 * time.Hour)

func sizedContract() string {
	var b strings.Builder
	fmt.Fprintf(&b, `
apiVersion: plumbline/v1
kind: QualityContract
metadata: {model: %s}
owners: {data: d, model: e}
task: {type: binary, positive: 1}
streams:
  prediction: {topic: sized.predictions, fields: {id: id, time: ts, version: version, score: score}}
  outcome: {topic: sized.outcomes, fields: {id: id, time: ts, label: y}, keep: 1d, mature_after: 1h}
inputs:
`, sizedModel)
	for i := range sizedNumbers {
		fmt.Fprintf(&b, "  n%d: {type: numeric}\n", i)
	}
	for i := range sizedTexts {
		fmt.Fprintf(&b, "  t%d: {type: categorical}\n", i)
	}
	fmt.Fprintf(&b, "slices: [[t0], [t1]]\nwatch:\n  pane: 1h\n  reference: {from: %s, to: %s}\n", referenceStart.Format(time.RFC3339), sizedStart.Format(time.RFC3339))
	return b.String()
}

// drawer draws events of the model straight into columns, without Avro.
type drawer struct {
	w                      *writer
	ids                    []string
	texts                  [sizedTexts][]string
	numbers, words         []int // fields
	id, at, version, score int
}

func newDrawer(seed uint64, p *plan.Plan) *drawer {
	d := &drawer{w: newWriter(seed), ids: make([]string, sizedRows)}
	for i := range d.ids {
		d.ids[i] = fmt.Sprintf("event-%012d", i)
	}
	for i, n := range sizedValues {
		for k := range n {
			d.texts[i] = append(d.texts[i], fmt.Sprintf("value-%d-%d", i, k))
		}
	}
	d.numbers, d.words = make([]int, sizedNumbers), make([]int, sizedTexts)
	for at, f := range p.Prediction.Fields {
		var i int
		switch {
		case scans(f.Name, "n%d", &i):
			d.numbers[i] = at
		case scans(f.Name, "t%d", &i):
			d.words[i] = at
		}
	}
	r := &p.Prediction.Roles
	d.id, d.at, d.version, d.score = r.ID, r.Time, r.Version, r.Score
	return d
}

func scans(text, format string, into *int) bool {
	n, err := fmt.Sscanf(text, format, into)
	return err == nil && n == 1
}

// predictions appends rows that are numbered from first on, whose times lie evenly in a stretch and whose slices are the first so many.
func (d *drawer) predictions(b *plan.Batch, first, rows, slices int, from time.Time, span time.Duration) {
	step := span / time.Duration(rows)
	for i := range rows {
		row := b.Grow(int64(first + i))
		b.SetString(d.id, row, d.ids[(first+i)%len(d.ids)])
		b.SetTime(d.at, row, plan.Micros(from.Add(time.Duration(i)*step)))
		b.SetString(d.version, row, sizedVersion)
		for k, field := range d.numbers {
			if k%10 == 9 && d.w.rng.IntN(20) == 0 {
				continue
			}
			b.SetNumber(field, row, d.number(k))
		}
		k := d.w.rng.IntN(slices)
		b.SetString(d.words[0], row, d.texts[0][k%5])
		b.SetString(d.words[1], row, d.texts[1][k/5])
		for t := 2; t < sizedTexts; t++ {
			b.SetString(d.words[t], row, d.texts[t][d.rank(sizedValues[t])])
		}
		b.SetNumber(d.score, row, 1/(1+math.Exp(-1.5*d.w.rng.NormFloat64())))
	}
}

// rank draws from 0..n-1 by the law of Zipf, as writer.rank does for many values, by fewer steps.
func (d *drawer) rank(n int) int {
	for {
		u := 1 - d.w.rng.Float64()
		if k := 1/(u*u*u*u*u) - 1; k < float64(n) {
			return int(k)
		}
	}
}

// number draws by one of five laws.
func (d *drawer) number(i int) float64 {
	v := d.w.rng.NormFloat64()
	switch i % 5 {
	case 0:
		return 50 + 10*v
	case 1:
		return math.Exp(1.5 * v)
	case 2:
		return v
	case 3:
		return math.Round(100*math.Exp(3+v)) / 100
	default:
		return max(0, v) * 10
	}
}

// outcomes appends a label for three rows in ten of the first rows ids.
func (d *drawer) outcomes(p *plan.Plan, b *plan.Batch, rows int, at time.Time) {
	r := &p.Outcome.Roles
	for i := range rows {
		if d.w.rng.Float64() >= joinedShare {
			continue
		}
		row := b.Grow(int64(i))
		b.SetString(r.ID, row, d.ids[i%len(d.ids)])
		b.SetTime(r.Time, row, plan.Micros(at))
		b.SetString(r.Label, row, [...]string{"0", "1"}[d.w.rng.IntN(2)])
	}
}

// sizedSource is the reference: three days.
type sizedSource struct{ p *plan.Plan }

// Predictions implements baseline.Source.
func (s sizedSource) Predictions(visit func(*plan.Batch) error) error {
	b := plan.NewBatch(&s.p.Prediction, sizedRows)
	newDrawer(1, s.p).predictions(b, 0, sizedRows, sizedSlices, referenceStart, sizedStart.Sub(referenceStart))
	return visit(b)
}

// Outcomes implements baseline.Source.
func (s sizedSource) Outcomes(visit func(*plan.Batch) error) error {
	b := plan.NewBatch(s.p.Outcome, sizedRows)
	d := newDrawer(2, s.p)
	step := sizedStart.Sub(referenceStart) / sizedRows
	for i := range sizedRows {
		if d.w.rng.Float64() < joinedShare {
			row := b.Grow(int64(i))
			b.SetString(s.p.Outcome.Roles.ID, row, d.ids[i])
			b.SetTime(s.p.Outcome.Roles.Time, row, plan.Micros(referenceStart.Add(time.Duration(i)*step+time.Minute)))
			b.SetString(s.p.Outcome.Roles.Label, row, [...]string{"0", "1"}[d.w.rng.IntN(2)])
		}
	}
	return visit(b)
}

// sizedPlan is the plan of the model, learnt from events of its own kind.
func sizedPlan() (*plan.Plan, error) {
	p, err := learntPlan("sized.yaml", sizedContract(), func(draft *plan.Plan) baseline.Source { return sizedSource{draft} })
	if err == nil && p.TestPane != time.Hour {
		return nil, fmt.Errorf("the plan of %s has test panes of %s, want an hour", p.Model, p.TestPane)
	}
	return p, err
}

// copied is the plan under another name and with the first so many numbers and texts only, in memory of its own as a service has it.
func copied(p *plan.Plan, model string, numbers, texts int) (*plan.Plan, error) {
	q := *p
	q.Model, q.Columns = model, nil
	for i, c := range p.Columns {
		if i < numbers || i >= sizedNumbers && i < sizedNumbers+texts || i >= sizedNumbers+sizedTexts {
			q.Columns = append(q.Columns, c)
		}
	}
	if err := q.Seal(); err != nil {
		return nil, err
	}
	text, err := q.JSON()
	if err != nil {
		return nil, err
	}
	return plan.Read(text)
}

// noRows takes join rows and keeps none.
type noRows struct{}

func (noRows) Prediction(outcome.ID, *record.RowCell, *outcome.Prediction) {}

func (noRows) Outcome(outcome.ID, *record.RowCell, *outcome.Outcome) {}

func (noRows) Groups(outcome.ID, *record.RowCell, *outcome.Groups) {}

// epochs are what an ingestor and a joiner make of some panes, as fragments carry it.
type epochs struct {
	counted, labelled []record.Cell
	ended             *window.Pane   // the first pane, as the detector has it when it has ended
	cohort            *window.Cohort // its outcomes
	known             truth.Counts   // the same, all slices together
	shown             engine.Snapshot
	drift             []byte // what the engine that judged it holds of drift
}

// collected counts panes of so many slices and rows from sizedStart on.
func collected(p *plan.Plan, panes, slices, rows int) (*epochs, error) {
	var e epochs
	d := newDrawer(3, p)
	b, known := plan.NewBatch(&p.Prediction, rows), plan.NewBatch(p.Outcome, rows)
	for n := range panes {
		j := collect.NewJoiner(func(string) *plan.Plan { return p })
		c, err := collect.New(p, j)
		if err != nil {
			return nil, err
		}
		start, step := sizedStart.Add(time.Duration(n)*p.Pane), p.Pane/sizedEpochs
		for i := range sizedEpochs {
			b.Reset()
			d.predictions(b, i*rows/sizedEpochs, rows/sizedEpochs, slices, start.Add(time.Duration(i)*step), step)
			c.Predictions(collect.Source{Topic: p.Prediction.Topic}, b)
			e.counted = append(e.counted, c.Take()...)
		}
		known.Reset()
		d.outcomes(p, known, rows, start.Add(p.Pane))
		c.Outcomes(collect.Source{Topic: p.Outcome.Topic}, known)
		e.labelled = append(e.labelled, j.Take()...)
	}
	return &e, e.end(p)
}

// end judges the first pane, as the detector does when it has ended.
func (e *epochs) end(p *plan.Plan) (err error) {
	of := engine.New(p)
	for _, cells := range [][]record.Cell{e.counted, e.labelled} {
		for i := range cells {
			if err := of.Add(&cells[i]); err != nil {
				return err
			}
		}
	}
	const joins = 1
	end := plan.Micros(sizedStart.Add(p.Pane + p.MatureAfter + p.Lateness))
	clock := window.NewClock()
	for _, topic := range []string{p.Prediction.Topic, p.Outcome.Topic} {
		source := record.Source{Topic: topic, TopicID: [16]byte{1}, Partitions: 1}
		clock.Cover(&record.Coverage{Source: source, To: 1, Watermark: end})
		clock.Mark(&record.Mark{Source: source, Watermark: end}, joins)
	}
	if err := of.Advance(clock, func(finding.Finding) error { return nil }); err != nil {
		return err
	}
	panes, cohorts := of.TakeEnded(), of.TakeCohorts()
	if len(panes) == 0 || len(cohorts) == 0 {
		return fmt.Errorf("%d panes and %d cohorts of %s have ended, want one of each at least", len(panes), len(cohorts), p.Model)
	}
	e.ended, e.cohort, e.shown = panes[0], cohorts[0], of.Snapshot()
	if e.known, err = e.cohort.Revised(p, nil, nil); err != nil {
		return err
	}
	e.drift, err = of.AppendDrift(nil)
	return err
}
