package window

import (
	"fmt"
	"time"

	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

const (
	hour = int64(time.Hour / time.Microsecond)
	day  = 24 * hour
	// monday is 2024-01-01, a Monday, at midnight UTC.
	monday = int64(1_704_067_200_000_000)
)

// tester is what testing.TB and rapid.T share.
type tester interface {
	Helper()
	Fatal(args ...any)
}

// testPlan has base panes of an hour, test panes of six, truth panes of a week, half an hour of lateness, and a slice.
func testPlan(tb tester) *plan.Plan { return seal(tb, draft()) }

// momentPlan is testPlan with moments of ten minutes.
func momentPlan(tb tester) *plan.Plan {
	p := draft()
	p.Reference = plan.Span{From: plan.FromMicros(monday - 10*day), To: plan.FromMicros(monday)}
	p.ReferenceRows = 10 * 24 * 6 * plan.FewestRows
	return seal(tb, p)
}

func seal(tb tester, p *plan.Plan) *plan.Plan {
	tb.Helper()
	if err := p.Seal(); err != nil {
		tb.Fatal(err)
	}
	return p
}

func draft() *plan.Plan {
	return &plan.Plan{
		Format: plan.Format, Model: "m", Pane: time.Hour, TestPane: 6 * time.Hour, TruthPane: 7 * 24 * time.Hour,
		Lateness: 30 * time.Minute, Keep: 3 * 24 * time.Hour, MatureAfter: 2 * time.Hour,
		Prediction: plan.Projection{
			Topic: "p",
			Fields: []plan.Field{
				{Name: "id", Path: []string{"id"}, Kind: plan.String},
				{Name: "ts", Path: []string{"ts"}, Kind: plan.Time},
				{Name: "x", Path: []string{"x"}, Kind: plan.Number},
				{Name: "seg", Path: []string{"seg"}, Kind: plan.String},
				{Name: "version", Path: []string{"version"}, Kind: plan.String},
			},
			Roles: plan.Roles{ID: 0, Time: 1, Version: 4, Score: 2, Decision: -1, Latency: -1, Lineage: -1, Label: -1},
		},
		Columns: []plan.Column{{
			Name: "x", Field: 2, Layout: plan.Layout{Edges: []float64{0.25, 0.5, 0.75}, Lo: 0, Hi: 1},
			Reference: plan.Reference{N: 1000, Missing: 10},
		}},
		Score:  &plan.Score{Edges: []float64{0.25, 0.5}, Threshold: 0.5},
		Slices: []plan.Dimension{{Name: "seg", Field: 3, Values: []string{"a", "b"}}},
	}
}

// event is one prediction.
type event struct {
	at           int64
	x            float64
	seg, version string
}

// count makes the cells of one epoch of one partition; first is the offset of the first event.
func count(tb tester, p *plan.Plan, partition int32, first int64, events ...event) []record.Cell {
	tb.Helper()
	c, err := collect.New(p, collect.NewJoiner(func(string) *plan.Plan { return p }))
	if err != nil {
		tb.Fatal(err)
	}
	b := plan.NewBatch(&p.Prediction, len(events))
	for i, e := range events {
		row := b.Grow(first + int64(i))
		b.SetString(0, row, fmt.Sprint(partition, first+int64(i)))
		b.SetTime(1, row, e.at)
		if e.x == e.x { // NaN stands for none
			b.SetNumber(2, row, e.x)
		}
		b.SetString(3, row, e.seg)
		b.SetString(4, row, e.version)
	}
	c.Predictions(collect.Source{Topic: "p", Partition: partition}, b)
	return c.Take()
}

// labels makes one cell of outcomes: n in score bin 0, none positive.
func labels(p *plan.Plan, kind record.Kind, pane, n int64) record.Cell {
	c := sketch.NewCurve(p.Score.Bins())
	for range max(n, -n) {
		c.Label(0, sketch.ScoreScale/8, false, false, min(1, max(-1, n)))
	}
	return record.Cell{Kind: kind, Model: p.Model, Plan: p.Digest(), Version: "v1", Pane: pane, Slice: "\x00\x00", Body: c.AppendBinary(nil)}
}

func add(tb tester, a *Assembler, cells ...record.Cell) {
	tb.Helper()
	for i := range cells {
		if err := a.Add(&cells[i]); err != nil {
			tb.Fatal(err)
		}
	}
}

// ended is everything of one Ended, in bytes that can be compared; a pane goes on changing after it was handed out.
type ended struct {
	What       string
	Start, End int64
	Rows       int64
	Content    string
}

func flat(n Ended) []ended {
	moment := func(what string, m *Moment) []ended {
		whole := m.Whole()
		return []ended{{what, m.Start, m.End, whole.Rows, fmt.Sprintf("%s %v %x", m.Version(), m.Spans(), whole.AppendBinary(nil))}}
	}
	pane := func(what string, p *Pane) []ended {
		return []ended{{what, p.Start, p.End, p.Rows(), string(p.AppendBinary(nil))}}
	}
	switch {
	case n.Moment != nil:
		return moment("a moment", n.Moment)
	case n.Glimpse != nil:
		return moment("a glimpse", n.Glimpse)
	case n.Base != nil:
		return pane("base", n.Base)
	case n.Test != nil:
		return pane("test", n.Test)
	}
	cohort := func(what string, c *Cohort) ended {
		var rows int64
		for _, v := range c.OnTime {
			rows += v.Labels()
		}
		return ended{what, c.Start, c.End, rows, string(appendCounts(nil, c.OnTime))}
	}
	if n.Cohort != nil {
		return []ended{cohort("mature", n.Cohort)}
	}
	out := []ended{{What: "truth", Rows: int64(len(n.Truth))}}
	for _, c := range n.Truth {
		out = append(out, cohort("cohort", c))
	}
	return out
}

func advance(tb tester, a *Assembler, low int64) (out []ended) {
	tb.Helper()
	if err := a.Advance(low, func(n Ended) error { out = append(out, flat(n)...); return nil }); err != nil {
		tb.Fatal(err)
	}
	return out
}

func mature(tb tester, a *Assembler, low int64) (out []ended) {
	tb.Helper()
	if err := a.Mature(low, func(n Ended) error { out = append(out, flat(n)...); return nil }); err != nil {
		tb.Fatal(err)
	}
	return out
}

// brief says what ended when, in hours since monday, and how many rows it held.
func brief(list []ended) []string {
	out := []string{}
	for _, e := range list {
		if e.What == "truth" {
			out = append(out, fmt.Sprintf("truth of %d", e.Rows))
			continue
		}
		from, to := float64(e.Start-monday)/float64(hour), float64(e.End-monday)/float64(hour)
		out = append(out, fmt.Sprintf("%s %.4g..%.4g: %d", e.What, from, to, e.Rows))
	}
	return out
}
