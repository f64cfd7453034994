package ingest

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/linkedin/goavro/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// epoch is what workers make of an epoch: the fragments to the byte, and the rows, whose order is nobody's business.
type epoch struct {
	Fragments  [][]byte
	Quarantine []string
	Rows       []outcome.Row
	Markers    []record.Marker
	Urgent     []bool
	Watermarks []int64
	Tally      tally
	Counts     [3]int // predictions, cells and versions, as scrapes see them
}

// TestWorkersDoNotShow: one, two or eight workers write the same fragments, byte for byte, and the same rows, over several epochs of
// which one is rolled back.
func TestWorkersDoNotShow(t *testing.T) {
	polls := pollsOf(t)
	var want []epoch
	for _, workers := range []int{1, 2, 8} {
		got := worked(t, workers, polls)
		if want == nil {
			want = got
			if len(got[0].Rows) < 1500 || len(got[0].Quarantine) < 20 {
				t.Fatalf("%d rows, %d set aside", len(got[0].Rows), len(got[0].Quarantine))
			}
			continue
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%d workers: %s", workers, diff)
		}
	}
}

const partitionsOfTest = 3

// pollsOf makes what polls bring: long runs of one partition, short ones of others, some events that can't be read.
func pollsOf(t *testing.T) [][]*kgo.Record {
	t.Helper()
	codec, err := goavro.NewCodec(schemaTexts[withK])
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	var next [partitionsOfTest]int64
	polls := make([][]*kgo.Record, 4)
	for i := range polls {
		for part, n := range [partitionsOfTest]int{rnd.IntN(3000), rnd.IntN(1500), rnd.IntN(50)} {
			for range n {
				value, err := codec.BinaryFromNative(binary.BigEndian.AppendUint32([]byte{0}, withK), map[string]any{
					"id": fmt.Sprint(part, "/", next[part]), "k": rnd.NormFloat64(), "score": rnd.Float64(),
					"ts": fixture.Start.Add(time.Duration(i)*time.Hour + time.Duration(rnd.IntN(7200))*time.Second),
				})
				if err != nil {
					t.Fatal(err)
				}
				if rnd.IntN(50) == 0 {
					value = value[:rnd.IntN(len(value))]
				}
				polls[i] = append(polls[i], &kgo.Record{Topic: "p", Partition: int32(part), Offset: next[part], Value: value})
				next[part]++
			}
		}
	}
	return polls
}

func worked(t *testing.T, workers int, polls [][]*kgo.Record) []epoch {
	t.Helper()
	g := newRig(t, fixture.Contract)
	p := g.plans[0]
	o := g.o
	o.Workers, o.Layout, o.Metrics = workers, bus.Layout{Fragments: 1, Joins: 2}, NewMetrics(prometheus.NewRegistry())
	var err error
	if g.role, err = newRole(o, bus.Plans{p.Model: plan.History{p}}, zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	var ranges []bus.Range
	for part := range int32(partitionsOfTest) {
		g.restore(bus.TopicPartition{Topic: "p", Partition: part}, 0)
		ranges = append(ranges, bus.Range{Topic: "p", Partition: part, To: 1, Partitions: partitionsOfTest})
	}
	var out []epoch
	for i := 0; i < len(polls); i += 2 {
		var e epoch
		for try := range 2 {
			e = epoch{Tally: tally{}}
			for _, poll := range polls[i : i+2] {
				urgent, err := g.poll(poll...)
				if err != nil {
					t.Fatal(err)
				}
				e.Urgent = append(e.Urgent, urgent)
			}
			if try == 0 {
				if err := g.Rollback(); err != nil { // what was folded comes again
					t.Fatal(err)
				}
				g.early = time.Time{}
			}
		}
		records, err := g.Flush(t.Context(), ranges)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(e.Tally, g.tally)
		e.read(t, records)
		for part := range int32(partitionsOfTest) {
			e.Watermarks = append(e.Watermarks, g.owned[bus.TopicPartition{Topic: "p", Partition: part}].watermark.At())
		}
		before := g.o.Metrics.epoch.published.Latest()[p.Model]
		g.Committed()
		c := g.o.Metrics.epoch.published.Latest()[p.Model]
		if c == before || c.bytes == 0 || int(c.rows) != e.Tally[counted{"p", accepted}] {
			t.Errorf("%d workers, shown: %+v; want %d rows", workers, c, e.Tally[counted{"p", accepted}])
		}
		e.Counts = [3]int{int(c.rows), c.cells, len(c.versions)}
		out = append(out, e)
	}
	return out
}

func (e *epoch) read(t *testing.T, records []*kgo.Record) {
	t.Helper()
	for _, rec := range records {
		switch rec.Topic {
		case bus.TopicFragments:
			e.Fragments = append(e.Fragments, rec.Value)
		case bus.TopicQuarantine:
			e.Quarantine = append(e.Quarantine, fmt.Sprintf("%s %q", rec.Value, rec.Headers))
		default:
			j, err := record.ReadJoins(rec.Value)
			if err != nil {
				t.Fatal(err)
			}
			e.Rows, e.Markers = append(e.Rows, j.Rows...), append(e.Markers, j.Markers...)
		}
	}
	slices.SortFunc(e.Rows, func(a, b outcome.Row) int {
		return cmp.Or(slices.Compare(a.ID[:], b.ID[:]), a.Prediction.Place.Compare(b.Prediction.Place))
	})
}

// TestFilteredEventsAreRead: what the contract's where leaves out is read, counted as accepted and moves the watermark; no more. It is
// left out when a batch is counted: more events than fit into one, of two plans in force one after the other.
func TestFilteredEventsAreRead(t *testing.T) {
	g := newRig(t, fixture.Contract)
	first := *g.plans[0]
	first.Prediction.Where = "k > 0"
	next := first
	next.From, next.Baseline, next.Prediction.Where = fixture.Start.AddDate(0, 0, 1), "sha256:other", "k < 0 && score < 0.5"
	for _, p := range []*plan.Plan{&first, &next} {
		if err := p.Seal(); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if g.role, err = newRole(g.o, bus.Plans{first.Model: plan.History{}.With(&first).With(&next)}, zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	g.restore(predictions, 0)
	codec, err := goavro.NewCodec(schemaTexts[withK])
	if err != nil {
		t.Fatal(err)
	}
	const n = 4 * batchRows
	rnd := rand.New(rand.NewPCG(3, 4))
	want := map[string]int64{}
	latest := time.Time{}
	for i := range n {
		at, k, score := fixture.Start.Add(time.Duration(rnd.IntN(47*3600))*time.Second), rnd.NormFloat64(), rnd.Float64()
		if i == n/2 {
			at, k, score = fixture.Start.Add(47*time.Hour+time.Minute), 1, 0.9 // the last by its time, and not wanted
		}
		if at.After(latest) {
			latest = at
		}
		switch {
		case at.Before(next.From) && k > 0:
			want[first.Digest()]++
		case !at.Before(next.From) && k < 0 && score < 0.5:
			want[next.Digest()]++
		}
		value, err := codec.BinaryFromNative(binary.BigEndian.AppendUint32([]byte{0}, withK), map[string]any{"id": fmt.Sprint(i), "k": k, "score": score, "ts": at})
		if err != nil {
			t.Fatal(err)
		}
		g.mustFold(value)
	}
	w := g.flush(span("p", 0, n))
	g.Committed()
	got := map[string]int64{}
	for _, c := range w.cells {
		if c.Kind != record.Counted {
			continue
		}
		for _, p := range []*plan.Plan{&first, &next} {
			if p.Digest() != c.Plan {
				continue
			}
			set, err := sketch.ReadSet(p, wire.NewReader(c.Body))
			if err != nil {
				t.Fatal(err)
			}
			got[c.Plan] += set.Rows
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" || len(want) != 2 {
		t.Errorf("rows by plan: %s", diff)
	}
	if accepted := testutil.ToFloat64(g.o.Metrics.accepted.WithLabelValues("p")); accepted != n || len(w.quarantine) != 0 {
		t.Errorf("accepted %v of %d, %d set aside", accepted, n, len(w.quarantine))
	}
	if at := g.owned[predictions].watermark.At(); at != plan.Micros(latest) {
		t.Errorf("the watermark is %s, the last event of %s", plan.FromMicros(at), latest)
	}
}
