package join

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/view"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// rig is a joiner of one model and one partition without a broker.
type rig struct {
	*role
	t    *testing.T
	plan *plan.Plan
}

func newRig(t *testing.T) *rig {
	t.Helper()
	p := fixture.Build(t, fixture.Contract)
	r := &role{
		o:   Options{Layout: bus.Layout{Fragments: 1, Joins: 1}, Index: view.NewMemoryIndex()},
		log: zap.NewNop(), m: NewMetrics(prometheus.NewRegistry()),
		plans: map[string]*plan.Plan{p.Digest(): p}, parts: map[int32]*part{},
	}
	g := &rig{role: r, t: t, plan: p}
	g.must(r.o.Index.Reset(t.Context(), 0, 0))
	g.must(r.Restore(t.Context(), bus.TopicPartition{Topic: bus.TopicJoins}, 0))
	return g
}

func (g *rig) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *rig) fold(offset int64, rows ...outcome.Row) {
	g.t.Helper()
	j := record.Joins{Rows: rows}
	_, err := g.Fold(&kgo.Record{Topic: bus.TopicJoins, Offset: offset, Value: j.AppendBinary(nil)})
	g.must(err)
}

// counts are how many labels, and how many positive ones, were added to each kind of cell.
type counts map[record.Kind][2]int64

func (c counts) add(more counts) {
	for k, n := range more {
		c[k] = [2]int64{c[k][0] + n[0], c[k][1] + n[1]}
	}
}

func (g *rig) flush(ranges ...bus.Range) (counts, []record.Coverage) {
	g.t.Helper()
	out, err := g.Flush(g.t.Context(), ranges)
	g.must(err)
	sum := counts{}
	var coverage []record.Coverage
	for _, rec := range out {
		f, err := record.ReadFragment(rec.Value)
		g.must(err)
		coverage = append(coverage, f.Coverage...)
		for i := range f.Cells {
			c, err := sketch.ReadCurve(g.plan.Score.Bins(), wire.NewReader(f.Cells[i].Body))
			g.must(err)
			n := [2]int64{}
			for bin := range c.Labels {
				n[0] += c.Labels[bin]
				n[1] += c.Pos[bin]
			}
			sum.add(counts{f.Cells[i].Kind: n})
		}
	}
	return sum, coverage
}

func (g *rig) index(id outcome.ID) (int64, []byte) {
	g.t.Helper()
	upto, ok, states, err := g.o.Index.Read(g.t.Context(), 0, [][]byte{id[:]})
	g.must(err)
	if !ok {
		g.t.Fatal("the index does not hold the partition")
	}
	return upto, states[0]
}

var event = outcome.HashID("m", "e1")

func (g *rig) prediction() outcome.Row {
	us := plan.Micros(fixture.Start)
	return outcome.Row{ID: event, Model: "m", Prediction: &outcome.Prediction{
		Place: outcome.Place{Time: us}, Plan: g.plan.Digest(), Pane: g.plan.PaneStart(us), Slice: "", Bin: 0, Score: 1,
	}}
}

func label(after time.Duration, offset int64, positive bool) outcome.Row {
	place := outcome.Place{Time: plan.Micros(fixture.Start.Add(after)), Offset: offset}
	return outcome.Row{ID: event, Model: "m", Outcome: &outcome.Outcome{Place: place, Positive: positive}}
}

func read(from, to, records int64) bus.Range {
	return bus.Range{Topic: bus.TopicJoins, From: from, To: to, Records: records, Partitions: 1}
}

func lost(from, to int64) bus.Range {
	return bus.Range{Topic: bus.TopicJoins, From: from, To: to, Lost: true, Partitions: 1}
}

func wantCounts(t *testing.T, what string, got counts, labels, positives int64) {
	t.Helper()
	for _, k := range []record.Kind{record.Labelled, record.OnTime} {
		if want := [2]int64{labels, positives}; got[k] != want {
			t.Errorf("%s: cells of kind %d hold (labels, positives) %v, want %v", what, k, got[k], want)
		}
	}
}

// A partition whose old records expired comes in two ranges; its rows are folded once, and the loss is told as such.
func TestLostThenRead(t *testing.T) {
	g := newRig(t)
	g.fold(5, g.prediction(), label(time.Minute, 1, true))
	got, coverage := g.flush(lost(0, 5), read(5, 6, 1))
	wantCounts(t, "one joined pair", got, 1, 1)
	if len(coverage) != 2 || !coverage[0].Lost || coverage[0].From != 0 || coverage[0].To != 5 || coverage[1].Lost || coverage[1].From != 5 || coverage[1].To != 6 {
		t.Errorf("coverage is %+v, want [0, 5) lost, then [5, 6)", coverage)
	}
	g.Committed()
	if upto, state := g.index(event); upto != 6 || state == nil {
		t.Errorf("the index stands at %d with a state of %d bytes, want 6 and one", upto, len(state))
	}
}

// Transaction markers at the end of a range hold no rows; the index passes them all the same, or the next epoch finds it behind.
func TestIndexEndsWithTheRange(t *testing.T) {
	g := newRig(t)
	g.fold(0, g.prediction())
	g.flush(read(0, 4, 1))
	g.Committed()
	if upto, _ := g.index(event); upto != 4 {
		t.Errorf("after rows the index stands at %d, want 4", upto)
	}
	g.flush(read(4, 6, 0))
	g.Committed()
	if upto, _ := g.index(event); upto != 6 {
		t.Errorf("after markers alone the index stands at %d, want 6", upto)
	}
}

func TestRollbackLeavesTheIndex(t *testing.T) {
	g := newRig(t)
	for _, attempt := range []string{"first", "second"} {
		g.fold(0, g.prediction(), label(time.Minute, 1, true))
		got, _ := g.flush(read(0, 2, 1))
		wantCounts(t, attempt+" attempt", got, 1, 1)
		g.must(g.Rollback())
		g.Committed() // of another partition's epoch: nothing of this one is left to write
		if upto, state := g.index(event); upto != 0 || state != nil {
			t.Fatalf("%s attempt: the index stands at %d with a state of %d bytes, want 0 and none", attempt, upto, len(state))
		}
	}
	g.fold(0, g.prediction(), label(time.Minute, 1, true))
	got, _ := g.flush(read(0, 2, 1))
	wantCounts(t, "the attempt that holds", got, 1, 1)
	g.Committed()
	if upto, state := g.index(event); upto != 2 || state == nil {
		t.Errorf("the index stands at %d with a state of %d bytes, want 2 and one", upto, len(state))
	}
}

// The label that a correction replaces was committed by an earlier epoch: what it counted is taken back.
func TestCorrectionAcrossEpochs(t *testing.T) {
	g := newRig(t)
	total := counts{}
	commit := func(offset int64, rows ...outcome.Row) counts {
		t.Helper()
		g.fold(offset, rows...)
		got, _ := g.flush(read(offset, offset+1, 1))
		total.add(got)
		g.Committed()
		return got
	}
	commit(0, g.prediction())
	wantCounts(t, "a prediction alone", total, 0, 0)
	wantCounts(t, "the label's epoch", commit(1, label(time.Minute, 1, true)), 1, 1)
	wantCounts(t, "the correction's epoch", commit(2, label(2*time.Minute, 2, false)), 0, -1)
	wantCounts(t, "the same correction again", commit(3, label(2*time.Minute, 2, false)), 0, 0)
	wantCounts(t, "all epochs", total, 1, 0)
	// Two days is what a label may be late; an hour after the pane's end it is no longer evidence.
	late := commit(4, label(30*time.Hour, 3, true))
	if late[record.Labelled] != [2]int64{0, 1} || late[record.OnTime] != [2]int64{} {
		t.Errorf("a correction after the cohort was mature counted %v, want one more positive among all and nothing on time", late)
	}
}

// An index beyond the committed offset was written by somebody else, or belongs to another topic: counting on would count twice.
func TestIndexBeyondTheCommit(t *testing.T) {
	g := newRig(t)
	g.must(g.o.Index.Reset(t.Context(), 0, 9))
	g.fold(5, g.prediction())
	_, err := g.Flush(t.Context(), []bus.Range{read(5, 6, 1)})
	if err == nil || errors.Is(err, bus.ErrRetry) || !strings.Contains(err.Error(), "stands at 9, beyond the committed offset 5") {
		t.Errorf("error %v, want a lasting one that names both offsets", err)
	}
}
