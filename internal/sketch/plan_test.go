package sketch

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// testPlan has a column of every kind: numeric with atoms, constant, empty and with a promised range; categorical with a known rest,
// closed, identifier-like and empty; the score.
func testPlan() *plan.Plan {
	field := func(name string, k plan.Kind) plan.Field {
		return plan.Field{Name: name, Path: []string{name}, Kind: k}
	}
	p := &plan.Plan{
		Format: plan.Format, Model: "test", Pane: time.Hour, TestPane: time.Hour, TruthPane: 24 * time.Hour,
		Prediction: plan.Projection{
			Topic: "t",
			Fields: []plan.Field{
				field("id", plan.String), field("ts", plan.Time), field("version", plan.String), field("score", plan.Number),
				field("decision", plan.Number), field("latency", plan.Number),
				field("amount", plan.Number), field("zeros", plan.Number), field("constant", plan.Number), field("absent", plan.Number),
				field("big", plan.Number), field("region", plan.String), field("channel", plan.String), field("customer", plan.String),
				field("none", plan.String),
			},
			Roles: plan.Roles{ID: 0, Time: 1, Version: 2, Score: 3, Decision: 4, Latency: 5, Lineage: -1, Label: -1},
		},
		Score:  &plan.Score{Edges: []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}, Threshold: 0.5},
		Slices: []plan.Dimension{{Name: "region", Field: 11, Values: []string{"north", "south", ""}}, {Name: "channel", Field: 12, Values: []string{"web"}}},
		Rules:  []plan.Rule{{Name: "a"}, {Name: "b"}, {Name: "c"}},
	}
	column := func(name string, at int, l plan.Layout) *plan.Column {
		p.Columns = append(p.Columns, plan.Column{Name: name, Field: at, Layout: l})
		return &p.Columns[len(p.Columns)-1]
	}
	column("amount", 6, plan.Layout{Edges: []float64{-1.5, -0.5, 0, 0.25, 0.5, 1, 2}, Lo: -3, Hi: 3}).Range = &[2]float64{-2, 2.5}
	column("zeros", 7, plan.Layout{Edges: []float64{-5e-324, 0, 1, 10}, Lo: 0, Hi: 100})
	column("constant", 8, plan.Layout{Lo: 7, Hi: 7})
	column("absent", 9, plan.Layout{Empty: true}).Range = &[2]float64{0, 1}
	column("big", 10, plan.Layout{Edges: []float64{1e9 - 1, 1e9, 1e9 + 1}, Lo: 1e9 - 1, Hi: 1e12})
	column("region", 11, plan.Layout{Categorical: true, Categories: []string{"north", "south", "east"}, Known: []string{"west", ""}})
	column("channel", 12, plan.Layout{Categorical: true, Categories: []string{"web", "app"}}).Values = []string{"web", "shop"}
	column("customer", 13, plan.Layout{Categorical: true})
	column("none", 14, plan.Layout{Categorical: true, Empty: true}).Values = []string{"x"}
	column("score", 3, plan.Layout{Edges: []float64{0.25, 0.5, 0.75}, Lo: 0, Hi: 1})
	return p
}

const base = int64(1_700_000_000_000_000) // microseconds

// fill appends n random rows to a batch; variety (0..1) is how many distinct values and cells there are.
func fill(b *plan.Batch, rng *rand.Rand, n int, variety float64) {
	pick := func(values ...string) string { return values[rng.IntN(max(1, int(variety*float64(len(values)))))] }
	for range n {
		row := b.Grow(int64(rng.IntN(1_000_000)))
		if rng.IntN(50) > 0 {
			b.SetTime(1, row, base+rng.Int64N(1+int64(variety*4*3.6e9))-int64(3.6e9))
		}
		number := func(col int, v float64) {
			switch rng.IntN(20) {
			case 0:
			case 1:
				b.SetInvalid(col, row)
			default:
				b.SetNumber(col, row, v)
			}
		}
		text := func(col int, v string) {
			switch rng.IntN(20) {
			case 0:
			case 1:
				b.SetInvalid(col, row)
			default:
				b.SetString(col, row, v)
			}
		}
		round := func(v float64) float64 {
			if rng.Float64() < variety {
				return v
			}
			return float64(int(v*2)) / 2
		}
		text(0, fmt.Sprint(rng.Uint32()))
		text(2, pick("v1", "v2", "v2-canary"))
		number(3, round(1.02*rng.Float64()))
		number(4, float64(rng.IntN(2)))
		number(5, round(20*rng.ExpFloat64()))
		number(6, round(rng.NormFloat64()*1.5))
		number(7, max(0, round(rng.NormFloat64()*5)))
		number(8, 7)
		number(9, rng.NormFloat64())
		number(10, []float64{1e9 - 1, 1e9, 1e9 + 1, 3e10, 4e10, -1e300, 0}[rng.IntN(7)])
		text(11, pick("north", "south", "", "west", "east", "new"))
		text(12, pick("web", "app", "shop", "?"))
		text(13, fmt.Sprint("c", rng.IntN(1+int(variety*500))))
		text(14, pick("x", "y"))
	}
}

func batchOf(p *plan.Plan, rng *rand.Rand, n int, variety float64) *plan.Batch {
	b := plan.NewBatch(&p.Prediction, n)
	fill(b, rng, n, variety)
	return b
}

func broken(p *plan.Plan, b *plan.Batch) [][]bool {
	out := make([][]bool, len(p.Rules))
	for i := range out {
		for _, off := range b.Offset[:b.N] {
			out[i] = append(out[i], off%int64(2+i) == 0)
		}
	}
	return out
}

// slice is rows [from, to) of a batch, sharing its memory.
func slice(b *plan.Batch, from, to int) *plan.Batch {
	s := &plan.Batch{Fields: b.Fields, N: to - from, Offset: b.Offset[from:to]}
	for i := range b.Cols {
		c := &b.Cols[i]
		n := plan.Col{State: c.State[from:to]}
		if c.Num != nil {
			n.Num = c.Num[from:to]
		}
		if c.Str != nil {
			n.Str = c.Str[from:to]
		}
		if c.Int != nil {
			n.Int = c.Int[from:to]
		}
		s.Cols = append(s.Cols, n)
	}
	return s
}
