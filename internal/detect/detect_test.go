package detect

import (
	"bytes"
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// rig is a detector of one model without a broker.
type rig struct {
	*role
	t    *testing.T
	plan *plan.Plan
	next int64 // offset of the next fragment
}

func newRig(t *testing.T, plans ...*plan.Plan) *rig {
	t.Helper()
	var h plan.History
	for _, p := range plans {
		h = h.With(p)
	}
	p := h[0]
	r := &role{
		o: Options{Layout: bus.Layout{Fragments: 1, Joins: 1}}, log: zap.NewNop(), m: NewMetrics(prometheus.NewRegistry()),
		plans: bus.Plans{p.Model: h}, parts: map[int32]*part{}, asked: map[asked]bool{},
		look: func(context.Context, string, string, int64) error { return nil },
	}
	r.parts[0] = r.newPart(0)
	return &rig{role: r, t: t, plan: p}
}

// fold folds one fragment that accounts for one more prediction, read at the time at.
func (r *rig) fold(at time.Time, cells ...record.Cell) (urgent bool) {
	r.t.Helper()
	f := record.Fragment{Joins: 1, Cells: cells, Coverage: []record.Coverage{{
		Source: record.Source{Topic: r.plan.Prediction.Topic, TopicID: [16]byte{1}, Partitions: 1},
		From:   r.next, To: r.next + 1, Watermark: plan.Micros(at), Records: 1,
	}}}
	urgent, err := r.Fold(&kgo.Record{Topic: bus.TopicFragments, Offset: r.next, Value: f.AppendBinary(nil)})
	if err != nil {
		r.t.Fatal(err)
	}
	r.next++
	return urgent
}

// flush ends the epoch and returns what it writes, by topic.
func (r *rig) flush() map[string][]*kgo.Record {
	r.t.Helper()
	out, err := r.Flush(r.t.Context(), []bus.Range{{Topic: bus.TopicFragments, From: r.next - 1, To: r.next, Records: 1, Partitions: 1}})
	if err != nil {
		r.t.Fatal(err)
	}
	byTopic := map[string][]*kgo.Record{}
	for _, rec := range out {
		byTopic[rec.Topic] = append(byTopic[rec.Topic], rec)
	}
	return byTopic
}

// wrong is a cell of one event whose column k, constant in the reference, has another value.
func (r *rig) wrong(at time.Time) []record.Cell { return r.counted(r.plan, at) }

// counted is wrong under a plan of choice.
func (r *rig) counted(p *plan.Plan, at time.Time) []record.Cell {
	r.t.Helper()
	c, err := collect.New(p, collect.NewJoiner(func(string) *plan.Plan { return p }))
	if err != nil {
		r.t.Fatal(err)
	}
	b := plan.NewBatch(&p.Prediction, 1)
	fixture.Predict(b, 1, at, 4)
	c.Predictions(collect.Source{Topic: p.Prediction.Topic}, b)
	return c.Take()
}

// judged commits an epoch with a faulty event, then one of nothing but coverage that closes its pane.
func (r *rig) judged() (findings int) {
	r.t.Helper()
	r.fold(fixture.Start.Add(10*time.Minute), r.wrong(fixture.Start.Add(10*time.Minute))...)
	if got := len(r.flush()[bus.TopicFindings]); got != 0 {
		r.t.Fatalf("%d findings before the pane is closed, want none", got)
	}
	r.Committed()
	if !r.fold(fixture.Start.Add(12 * time.Hour)) {
		r.t.Error("an epoch with findings is not urgent")
	}
	findings = len(r.flush()[bus.TopicFindings])
	r.Committed()
	return findings
}

func (r *rig) state(p *part) []byte {
	r.t.Helper()
	b, err := p.engines[idOf(r.plan)].AppendBinary(p.clock.AppendBinary(nil))
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// What an epoch of nothing but coverage decides is as durable as what its cells do: else the same is found again.
func TestCoverageAloneMovesTheState(t *testing.T) {
	p := fixture.Build(t, fixture.Contract)
	for name, again := range map[string]func(*rig){
		"rollback": func(r *rig) {
			if err := r.Rollback(); err != nil {
				t.Fatal(err)
			}
		},
		"restart": func(r *rig) {
			back, at, err := r.load(0, maps.Clone(r.parts[0].committed))
			if err != nil {
				t.Fatal(err)
			}
			if at != r.next {
				t.Errorf("the state stands for offset %d, want %d", at, r.next)
			}
			r.parts[0] = back
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, p)
			if r.judged() == 0 {
				t.Fatal("a value that the reference never had gave no finding")
			}
			before := r.state(r.parts[0])
			again(r)
			if !bytes.Equal(before, r.state(r.parts[0])) {
				t.Error("the state is another one than before")
			}
			r.fold(fixture.Start.Add(12 * time.Hour))
			if got := len(r.flush()[bus.TopicFindings]); got != 0 {
				t.Errorf("%d findings were given again", got)
			}
		})
	}
}

// What an aborted epoch found is found once more when its records come again, and once only.
func TestRollbackForgetsFindings(t *testing.T) {
	r := newRig(t, fixture.Build(t, fixture.Contract))
	r.fold(fixture.Start.Add(10*time.Minute), r.wrong(fixture.Start.Add(10*time.Minute))...)
	r.flush()
	r.Committed()
	r.fold(fixture.Start.Add(12 * time.Hour))
	aborted := r.flush()[bus.TopicFindings]
	if err := r.Rollback(); err != nil {
		t.Fatal(err)
	}
	r.next--
	r.fold(fixture.Start.Add(12 * time.Hour))
	again := r.flush()[bus.TopicFindings]
	values := func(recs []*kgo.Record) (out []string) {
		for _, rec := range recs {
			out = append(out, string(rec.Value))
		}
		return out
	}
	if len(aborted) == 0 {
		t.Fatal("nothing was found")
	}
	if diff := cmp.Diff(values(aborted), values(again)); diff != "" {
		t.Error("findings of the same records (-aborted +again):", diff)
	}
}

// A partition whose old records expired comes in two ranges; it is still one state and every finding goes out once.
func TestTwoRangesAreOneState(t *testing.T) {
	r := newRig(t, fixture.Build(t, fixture.Contract))
	r.fold(fixture.Start.Add(10*time.Minute), r.wrong(fixture.Start.Add(10*time.Minute))...)
	r.fold(fixture.Start.Add(12 * time.Hour))
	found := len(r.parts[0].findings)
	out, err := r.Flush(t.Context(), []bus.Range{
		{Topic: bus.TopicFragments, From: 0, To: 5, Lost: true, Partitions: 1},
		{Topic: bus.TopicFragments, From: 5, To: 7, Records: 2, Partitions: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	findings, clocks := 0, 0
	for _, rec := range out {
		switch {
		case rec.Topic == bus.TopicFindings:
			findings++
		case string(rec.Key) == clockKey:
			clocks++
			if next := wire.NewReader(rec.Value).Int(); next != 7 {
				t.Errorf("the state names offset %d, want 7", next)
			}
		}
	}
	if found == 0 || findings != found || clocks != 1 {
		t.Errorf("%d findings and %d clocks were written, want %d and 1", findings, clocks, found)
	}
}

func TestStateInPieces(t *testing.T) {
	for _, size := range []int{0, 1, stateBytes, stateBytes + 1, 3*stateBytes - 7} {
		body := bytes.Repeat([]byte("0123456789a"), size/11+1)[:size]
		records := map[string][]byte{}
		for key, b := range pieces(stateKey(engineID{"m", "d"}), body) {
			if len(b) > stateBytes {
				t.Errorf("of %d bytes one piece has %d", size, len(b))
			}
			records[key] = bytes.Clone(b)
		}
		got, ok, err := join(records, stateKey(engineID{"m", "d"}))
		if err != nil || !ok || !bytes.Equal(got, body) {
			t.Errorf("%d bytes came back as %d, %v, %v", size, len(got), ok, err)
		}
		for key := range records {
			if key == stateKey(engineID{"m", "d"}) {
				continue
			}
			rest := maps.Clone(records)
			delete(rest, key)
			if _, _, err := join(rest, stateKey(engineID{"m", "d"})); err == nil || !strings.Contains(err.Error(), "is missing") {
				t.Errorf("without %s of %d bytes: error %v, want one that a piece is missing", key, size, err)
			}
		}
	}
	if _, ok, err := join(map[string][]byte{}, stateKey(engineID{"m", "d"})); ok || err != nil {
		t.Errorf("of a model without state: %v, %v", ok, err)
	}
}

func TestLoadNeedsEveryPiece(t *testing.T) {
	r := newRig(t, fixture.Build(t, fixture.Contract))
	r.judged()
	records := maps.Clone(r.parts[0].committed)
	delete(records, pieceKey(stateKey(idOf(r.plan)), 0))
	if _, _, err := r.load(0, records); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("error %v, want one that a piece is missing", err)
	}
}

// A model whose plan changed has other counters: nothing of its former state may enter them.
func TestChangedPlanBeginsAfresh(t *testing.T) {
	p := fixture.Build(t, fixture.Contract)
	r := newRig(t, p)
	r.judged()
	changed := *p
	changed.Baseline += "2"
	if err := changed.Seal(); err != nil {
		t.Fatal(err)
	}
	other := newRig(t, &changed)
	back, at, err := other.load(0, maps.Clone(r.parts[0].committed))
	if err != nil {
		t.Fatal(err)
	}
	if at != r.next {
		t.Errorf("the state stands for offset %d, want %d", at, r.next)
	}
	fresh := other.newPart(0)
	fresh.clock = back.clock
	if !bytes.Equal(other.state(fresh), other.state(back)) {
		t.Error("the model goes on from the state of its former plan")
	}
}
