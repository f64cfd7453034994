package collect_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

const hour = int64(time.Hour / time.Microsecond)

type tester interface {
	Helper()
	Fatal(args ...any)
}

func testPlan(tb tester) *plan.Plan {
	tb.Helper()
	field := func(name string, k plan.Kind) plan.Field {
		return plan.Field{Name: name, Path: []string{name}, Kind: k}
	}
	p := &plan.Plan{
		Format: plan.Format, Model: "m", Pane: time.Hour, TestPane: time.Hour, TruthPane: time.Hour,
		Keep: 48 * time.Hour, MatureAfter: time.Hour, Positive: "1",
		Prediction: plan.Projection{
			Topic:  "p",
			Fields: []plan.Field{field("id", plan.String), field("ts", plan.Time), field("score", plan.Number), field("seg", plan.String), field("v", plan.String)},
			Roles:  plan.Roles{ID: 0, Time: 1, Score: 2, Version: 4, Decision: -1, Latency: -1, Lineage: -1, Label: -1},
		},
		Outcome: &plan.Projection{
			Topic:  "o",
			Fields: []plan.Field{field("id", plan.String), field("ts", plan.Time), field("y", plan.String)},
			Roles:  plan.Roles{ID: 0, Time: 1, Label: 2, Score: -1, Version: -1, Decision: -1, Latency: -1, Lineage: -1},
		},
		Columns: []plan.Column{{Name: "score", Field: 2, Layout: plan.Layout{Edges: []float64{0.5}, Lo: 0, Hi: 1}}},
		Score:   &plan.Score{Edges: []float64{0.25, 0.5}, Threshold: 0.5},
		Slices:  []plan.Dimension{{Name: "seg", Field: 3, Values: []string{"a"}}},
		Rules:   []plan.Rule{{Name: "big", Expr: "score < 0.9"}},
	}
	if err := p.Seal(); err != nil {
		tb.Fatal(err)
	}
	return p
}

type row struct {
	partition int32
	offset    int64
	at        int64
	score     float64 // above 1 is missing
	seg, v    string
}

func fill(p *plan.Plan, rows []row) *plan.Batch {
	b := plan.NewBatch(&p.Prediction, len(rows))
	for _, r := range rows {
		at := b.Grow(r.offset)
		b.SetString(0, at, fmt.Sprint(r.partition, "/", r.offset))
		b.SetTime(1, at, r.at)
		if r.score <= 1 {
			b.SetNumber(2, at, r.score)
		}
		b.SetString(3, at, r.seg)
		b.SetString(4, at, r.v)
	}
	return b
}

// tested is a collector whose join rows are kept in the order they came.
type tested struct {
	*collect.Collector
	rows []outcome.Row
}

func (c *tested) Prediction(id outcome.ID, of *record.RowCell, p *outcome.Prediction) {
	pr := *p
	pr.Plan, pr.Version, pr.Slice, pr.Pane = of.Plan, of.Version, of.Slice, of.Pane
	c.rows = append(c.rows, outcome.Row{ID: id, Model: of.Model, Prediction: &pr})
}

func (c *tested) Outcome(id outcome.ID, of *record.RowCell, o *outcome.Outcome) {
	kept := *o
	c.rows = append(c.rows, outcome.Row{ID: id, Model: of.Model, Outcome: &kept})
}

func (c *tested) Groups(id outcome.ID, of *record.RowCell, g *outcome.Groups) {
	kept := *g
	c.rows = append(c.rows, outcome.Row{ID: id, Model: of.Model, Groups: &kept})
}

func (c *tested) Take() ([]record.Cell, []outcome.Row) {
	rows := c.rows
	c.rows = nil
	return c.Collector.Take(), rows
}

func newCollector(tb tester, p *plan.Plan) *tested {
	tb.Helper()
	c := &tested{}
	var err error
	if c.Collector, err = collect.New(p, c); err != nil {
		tb.Fatal(err)
	}
	return c
}

// The same rows cut into other batches, whose memory is used again, give the same cells and the same join rows.
func TestBatchesDoNotShow(t *testing.T) {
	p := testPlan(t)
	rapid.Check(t, func(t *rapid.T) {
		gen := rapid.Custom(func(t *rapid.T) row {
			return row{
				at: rapid.Int64Range(-2*hour, 2*hour).Draw(t, "at"), score: rapid.Float64Range(0, 1.1).Draw(t, "score"),
				seg: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "seg"), v: rapid.SampledFrom([]string{"", "v1"}).Draw(t, "v"),
				partition: rapid.Int32Range(0, 1).Draw(t, "partition"),
			}
		})
		parts := map[int32][]row{}
		for i, r := range rapid.SliceOfN(gen, 0, 40).Draw(t, "rows") {
			r.offset = int64(1000 + i)
			parts[r.partition] = append(parts[r.partition], r)
		}
		once := newCollector(t, p)
		often := newCollector(t, p)
		for partition := range int32(2) {
			src := collect.Source{Topic: "p", Partition: partition}
			rest := parts[partition]
			once.Predictions(src, fill(p, rest))
			for len(rest) > 0 {
				n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
				b := fill(p, rest[:n])
				often.Predictions(src, b)
				for i := range b.Cols { // the caller may use the batch again
					clear(b.Cols[i].Num)
					clear(b.Cols[i].Int)
				}
				often.Predictions(src, fill(p, nil))
				rest = rest[n:]
			}
		}
		cells, rows := once.Take()
		cells2, rows2 := often.Take()
		if d := cmp.Diff(cells, cells2); d != "" {
			t.Fatalf("cells: %s", d)
		}
		if d := cmp.Diff(rows, rows2); d != "" {
			t.Fatalf("rows: %s", d)
		}
		var counted int64
		for _, c := range cells {
			if c.Kind == record.Described {
				continue
			}
			s, err := sketch.ReadSet(p, wire.NewReader(c.Body))
			if err != nil {
				t.Fatal(err)
			}
			counted += s.Rows
		}
		if counted != int64(len(parts[0])+len(parts[1])) {
			t.Fatalf("%d rows counted of %d", counted, len(parts[0])+len(parts[1]))
		}
		if again, more := often.Take(); len(again)+len(more) > 0 {
			t.Fatalf("%d cells and %d rows are handed out twice", len(again), len(more))
		}
	})
}

// Batches dealt out to several collectors give the bytes of one.
func TestCollectorsCountTogether(t *testing.T) {
	p := testPlan(t)
	rapid.Check(t, func(t *rapid.T) {
		gen := rapid.Custom(func(t *rapid.T) row {
			return row{
				at: rapid.Int64Range(-hour, 2*hour).Draw(t, "at"), score: rapid.Float64Range(0, 1.2).Draw(t, "score"),
				seg: rapid.SampledFrom([]string{"a", "b", ""}).Draw(t, "seg"), v: rapid.SampledFrom([]string{"v1", "v2"}).Draw(t, "v"),
			}
		})
		one := newCollector(t, p)
		several := make([]*collect.Collector, rapid.IntRange(1, 8).Draw(t, "collectors"))
		for i := range several {
			several[i] = newCollector(t, p).Collector
		}
		for range 2 { // what is taken is gone
			for range rapid.IntRange(0, 10).Draw(t, "batches") {
				part := rapid.Int32Range(0, 2).Draw(t, "partition")
				rows := rapid.SliceOfN(gen, 0, 20).Draw(t, "rows")
				for i := range rows {
					rows[i].offset = rapid.Int64Range(0, 1000).Draw(t, "offset")
				}
				src := collect.Source{Topic: "p", Partition: part}
				one.Predictions(src, fill(p, rows))
				several[rapid.IntRange(0, len(several)-1).Draw(t, "to")].Predictions(src, fill(p, rows))
			}
			want, _ := one.Take()
			got, err := collect.Together(several)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("%d collectors: %s", len(several), d)
			}
		}
	})
}

// Of every pane and version the summary comes first, with where the events lie, and then the cells.
func TestCellsSayWhereTheirEventsLie(t *testing.T) {
	p := testPlan(t)
	c := newCollector(t, p)
	c.Predictions(collect.Source{Topic: "p", Partition: 7}, fill(p, []row{
		{7, 30, 0, 0.1, "a", "v1"}, {7, 31, hour, 0.95, "a", "v1"}, {7, 32, hour - 1, 0.2, "a", "v1"}, {7, 35, 5, 0.3, "b", "v1"},
	}))
	c.Predictions(collect.Source{Topic: "p", Partition: 2}, fill(p, []row{{2, 4, 1, 0.1, "a", "v1"}, {2, 9, 2, 0.1, "a", "v2"}}))
	cells, rows := c.Take()
	var got []string
	for _, c := range cells {
		if c.Kind == record.Described {
			s, err := sketch.ReadSummary(p, wire.NewReader(c.Body))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%d %d %q %s %t %d %v", c.Kind, c.Pane/hour, c.Slice, c.Version, c.Plan == p.Digest(), s.Columns[0].Histogram.Count(), c.Spans))
			continue
		}
		s, err := sketch.ReadSet(p, wire.NewReader(c.Body))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d %d %q %s %t %d %d %v", c.Kind, c.Pane/hour, c.Slice, c.Version, c.Plan == p.Digest(), s.Rows, s.Rules[0], c.Spans))
	}
	want := []string{
		`4 0 "" v1 true 4 [{p 2 4 4} {p 7 30 35}]`,
		`1 0 "\x00\x00" v1 true 3 0 []`,
		`1 0 "\x00\x01" v1 true 1 0 []`,
		`4 0 "" v2 true 1 [{p 2 9 9}]`,
		`1 0 "\x00\x00" v2 true 1 0 []`,
		`4 1 "" v1 true 1 [{p 7 31 31}]`,
		`1 1 "\x00\x00" v1 true 1 1 []`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(rows) != 6 || rows[3].Prediction.Place != (outcome.Place{Time: 5, Partition: 7, Offset: 35}) || rows[3].ID != outcome.HashID("m", "7/35") {
		t.Errorf("%d rows, the fourth %+v", len(rows), rows[3].Prediction)
	}
}

// A row without a usable score is counted, but no outcome can be held against it.
func TestRowsWithoutScore(t *testing.T) {
	p := testPlan(t)
	c := newCollector(t, p)
	c.Predictions(collect.Source{Topic: "p"}, fill(p, []row{{0, 1, 0, 2, "a", ""}, {0, 2, 0, 0.5, "a", ""}}))
	cells, rows := c.Take()
	s, err := sketch.ReadSet(p, wire.NewReader(cells[1].Body))
	if err != nil || s.Rows != 2 || s.Columns[0].Missing != 1 {
		t.Errorf("%d rows, %d missing (%v)", s.Rows, s.Columns[0].Missing, err)
	}
	if len(rows) != 1 || !rows[0].Prediction.Positive {
		t.Errorf("rows %+v", rows)
	}
	p.Outcome = nil
	alone := newCollector(t, p)
	alone.Predictions(collect.Source{Topic: "p"}, fill(p, []row{{0, 2, 0, 0.5, "a", ""}}))
	if cells, rows := alone.Take(); len(cells) != 2 || len(rows) != 0 {
		t.Errorf("without outcomes there are %d cells and %d join rows", len(cells), len(rows))
	}
}

func TestOutcomesWithoutLabelSayNothing(t *testing.T) {
	p := testPlan(t)
	c := newCollector(t, p)
	b := plan.NewBatch(p.Outcome, 5)
	for i, label := range []string{"1", "", "0", "-", "1.0"} {
		row := b.Grow(int64(10 + i))
		b.SetString(0, row, fmt.Sprint("e", i))
		b.SetTime(1, row, int64(i))
		switch label {
		case "":
		case "-":
			b.SetInvalid(2, row)
		default:
			b.SetString(2, row, label)
		}
	}
	if n := c.Outcomes(collect.Source{Topic: "o", Partition: 3}, b); n != 2 {
		t.Errorf("%d without label, want 2", n)
	}
	cells, rows := c.Take()
	want := []outcome.Row{
		{ID: outcome.HashID("m", "e0"), Model: "m", Outcome: &outcome.Outcome{Place: outcome.Place{Time: 0, Partition: 3, Offset: 10}, Positive: true}},
		{ID: outcome.HashID("m", "e2"), Model: "m", Outcome: &outcome.Outcome{Place: outcome.Place{Time: 2, Partition: 3, Offset: 12}}},
		{ID: outcome.HashID("m", "e4"), Model: "m", Outcome: &outcome.Outcome{Place: outcome.Place{Time: 4, Partition: 3, Offset: 14}, Positive: true}},
	}
	if d := cmp.Diff(want, rows); d != "" || len(cells) != 0 {
		t.Errorf("%d cells; %s", len(cells), d)
	}
}

// The service asks after every batch what is held; and what was counted under no name of its own is told.
func TestBytesAndCrowded(t *testing.T) {
	p := testPlan(t)
	c := newCollector(t, p)
	var rows []row
	for i := range sketch.MaxVersions + 3 {
		rows = append(rows, row{0, int64(i), 0, 0.5, "a", fmt.Sprint("v", i)})
	}
	for _, n := range []int{1, 2, len(rows)} {
		before := c.Bytes()
		c.Predictions(collect.Source{Topic: "p"}, fill(p, rows[:n]))
		if c.Bytes() <= before {
			t.Errorf("%d bytes after %d more rows, %d before", c.Bytes(), n, before)
		}
	}
	_, joined := c.Take()
	if c.Bytes() != 0 || c.Crowded() != 3 {
		t.Errorf("%d bytes are left, %d rows were crowded, want 3", c.Bytes(), c.Crowded())
	}
	// The join names the cell that the row was counted in.
	if v := joined[len(joined)-1].Prediction.Version; v != sketch.OtherVersion {
		t.Errorf("the last row is of version %q", v)
	}
	if c.Take(); c.Crowded() != 0 {
		t.Error("an empty epoch is crowded")
	}
}

// The labelled counts of a join become cells: for ever, and once more for what came on time.
func TestLabelledCells(t *testing.T) {
	p := testPlan(t)
	c := newCollector(t, p)
	c.Predictions(collect.Source{Topic: "p"}, fill(p, []row{{0, 1, 0, 0.9, "a", "v1"}, {0, 2, hour, 0.1, "a", "v1"}}))
	_, rows := c.Take()
	effects := outcome.NewEffects(func(string) *plan.Plan { return p })
	for i, at := range []int64{2*hour - 1, 3 * hour} { // the first is on time by a microsecond, the second late by none
		s := &outcome.State{}
		effects.Change(s, &rows[i])
		effects.Change(s, &outcome.Row{Model: "m", Outcome: &outcome.Outcome{Place: outcome.Place{Time: at}, Positive: true}})
	}
	var got []string
	for _, c := range collect.Cells(effects) {
		v, err := sketch.ReadCurve(p.Score.Bins(), wire.NewReader(c.Body))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d %d %s %q %s labels %v tp %d fn %d", c.Kind, c.Pane/hour, c.Version, c.Slice, c.Model, v.Labels, v.TP, v.FN))
	}
	want := []string{
		fmt.Sprintf(`%d 0 v1 "\x00\x00" m labels [0 0 1] tp 1 fn 0`, record.Labelled),
		fmt.Sprintf(`%d 1 v1 "\x00\x00" m labels [1 0 0] tp 0 fn 1`, record.Labelled),
		fmt.Sprintf(`%d 0 v1 "\x00\x00" m labels [0 0 1] tp 1 fn 0`, record.OnTime),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestNewRefusesABrokenRule(t *testing.T) {
	p := testPlan(t)
	p.Rules[0].Expr = "score <"
	if _, err := collect.New(p, nil); err == nil {
		t.Error("a rule that is no expression is taken")
	}
}

// TestSampleByID: of both streams the same ids are joined, about as many as the contract asks for, and all are counted.
func TestSampleByID(t *testing.T) {
	p := *fixture.Build(t, fixture.Contract)
	p.Sample = 0.2
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	c := newCollector(t, &p)
	const n = 5000
	predictions, outcomes := plan.NewBatch(&p.Prediction, n), plan.NewBatch(p.Outcome, n)
	for i := range n {
		fixture.Predict(predictions, i, fixture.Start, 3)
		row := outcomes.Grow(int64(i))
		outcomes.SetString(p.Outcome.Roles.ID, row, predictions.Cols[p.Prediction.Roles.ID].Str[i])
		outcomes.SetTime(p.Outcome.Roles.Time, row, plan.Micros(fixture.Start))
		outcomes.SetString(p.Outcome.Roles.Label, row, "1")
	}
	c.Predictions(collect.Source{Topic: "p"}, predictions)
	c.Outcomes(collect.Source{Topic: "o"}, outcomes)
	_, rows := c.Take()
	seen := map[outcome.ID]int{}
	for _, r := range rows {
		seen[r.ID]++
	}
	for id, times := range seen {
		if times != 2 {
			t.Fatalf("id %x is joined from %d of 2 streams", id, times)
		}
	}
	if got := float64(len(seen)) / n; got < 0.18 || got > 0.22 {
		t.Errorf("%g of the ids are joined, want 0.2", got)
	}
}
