package baseline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// row is one prediction and, if known is not zero, its outcome.
type row struct {
	id     string
	at     time.Time
	x      any // float64, nil is missing, "" is invalid
	cat    string
	seg    string
	score  float64
	label  string
	known  time.Time
	labels []string // further outcomes, each a minute after the one before
}

var start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) // a Monday

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
  cat: {type: categorical}
  seg: {type: categorical}
slices: [[seg]]
`

// draft compiles the contract above with more lines; the reference is the given number of days.
func draft(tb testing.TB, days int, more string) *plan.Plan {
	tb.Helper()
	return draftOf(tb, head, days, more)
}

func draftOf(tb testing.TB, head string, days int, more string) *plan.Plan {
	tb.Helper()
	src := head + more
	ref := fmt.Sprintf("  reference: {from: 2024-01-01, to: %s}\n", start.AddDate(0, 0, days).Format(time.DateOnly))
	if !strings.Contains(more, "watch:") {
		src += "watch:\n"
	}
	c, err := contract.Parse("test.yaml", []byte(strings.Replace(src, "watch:\n", "watch:\n"+ref, 1)))
	if err != nil {
		tb.Fatal(err)
	}
	p, err := plan.Draft(c)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// memory is a baseline.Source that hands out batches of the given size.
type memory struct {
	p    *plan.Plan
	rows []row
	size int
}

func (m memory) batches(p *plan.Projection, n int, fill func(b *plan.Batch, i int), visit func(*plan.Batch) error) error {
	for from := 0; from < n; from += m.size {
		b := plan.NewBatch(p, m.size)
		for i := from; i < min(n, from+m.size); i++ {
			fill(b, i)
		}
		if b.N == 0 {
			continue
		}
		if err := visit(b); err != nil {
			return err
		}
	}
	return nil
}

func (m memory) Predictions(visit func(*plan.Batch) error) error {
	return m.batches(&m.p.Prediction, len(m.rows), func(b *plan.Batch, i int) {
		r := &m.rows[i]
		at := b.Grow(int64(i))
		for f := range b.Fields {
			switch b.Fields[f].Name {
			case "id":
				b.SetString(f, at, r.id)
			case "ts":
				b.SetTime(f, at, plan.Micros(r.at))
			case "cat":
				b.SetString(f, at, r.cat)
			case "seg":
				b.SetString(f, at, r.seg)
			case "score":
				b.SetNumber(f, at, r.score)
			case "x":
				switch v := r.x.(type) {
				case float64:
					b.SetNumber(f, at, v)
				case string:
					b.SetInvalid(f, at)
				}
			}
		}
	}, visit)
}

func (m memory) Outcomes(visit func(*plan.Batch) error) error {
	if m.p.Outcome == nil {
		return nil
	}
	return m.batches(m.p.Outcome, len(m.rows), func(b *plan.Batch, i int) {
		r := &m.rows[i]
		if r.known.IsZero() {
			return
		}
		for k, label := range append([]string{r.label}, r.labels...) {
			at := b.Grow(int64(i*100 + k))
			b.SetString(m.p.Outcome.Roles.ID, at, r.id)
			b.SetTime(m.p.Outcome.Roles.Time, at, plan.Micros(r.known)+int64(k)*60e6)
			b.SetString(m.p.Outcome.Roles.Label, at, label)
		}
	}, visit)
}

func build(tb testing.TB, p *plan.Plan, rows []row) *plan.Plan {
	tb.Helper()
	out, err := baseline.Build(p, memory{p, rows, 97})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// steady are rows at equal distances, so many a day, whose scores are right: x rises, one label in four is 1.
func steady(days, perDay int) []row {
	rows := make([]row, 0, days*perDay)
	gap := 24 * time.Hour / time.Duration(perDay)
	for i := range days * perDay {
		at := start.Add(time.Duration(i) * gap)
		r := row{
			id: fmt.Sprint("e", i), at: at, x: float64(i % 101), cat: []string{"a", "b", "c"}[i%3], seg: []string{"n", "s"}[i%2],
			score: 0.25, label: "0", known: at.Add(10 * time.Minute),
		}
		if i%7%4 == 0 {
			r.label = "1"
		}
		rows = append(rows, r)
	}
	return rows
}
