package detect

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// outcomes is a cell of n negative outcomes of predictions made at a time.
func (r *rig) outcomes(kind record.Kind, at time.Time, n int64) record.Cell {
	c := sketch.NewCurve(r.plan.Score.Bins())
	c.Label(0, 0, false, false, n)
	return record.Cell{
		Kind: kind, Model: r.plan.Model, Plan: r.plan.Digest(), Pane: r.plan.PaneStart(plan.Micros(at)), Body: c.AppendBinary(nil),
	}
}

// joined folds a joiner's fragment: cells, and the news that both topics have come to the time at.
func (r *rig) joined(at time.Time, cells ...record.Cell) {
	r.t.Helper()
	f := record.Fragment{Joins: 1, Cells: cells}
	for _, topic := range []string{r.plan.Prediction.Topic, r.plan.Outcome.Topic} {
		f.Marks = append(f.Marks, record.Mark{Source: record.Source{Topic: topic, Partitions: 1}, Watermark: plan.Micros(at)})
	}
	if _, err := r.Fold(&kgo.Record{Topic: bus.TopicFragments, Offset: r.next, Value: f.AppendBinary(nil)}); err != nil {
		r.t.Fatal(err)
	}
	r.next++
}

// What has ended can be read back from the panes topic: each pane once, each cohort as it was last revised, the range asked for
// and nothing else.
func TestHistory(t *testing.T) {
	r := newRig(t, fixture.Build(t, fixture.Contract))
	broker, err := bus.StartEmbedded(bus.EmbeddedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	cl, err := broker.Settings().NewClient(nil, nil, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := bus.EnsureTopics(t.Context(), kadm.NewClient(cl), r.o.Layout, 1); err != nil {
		t.Fatal(err)
	}
	write := func() {
		t.Helper()
		if err := cl.ProduceSync(t.Context(), r.flush()[bus.TopicPanes]...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		r.Committed()
	}
	at := func(hours int) time.Time { return fixture.Start.Add(time.Duration(hours) * time.Hour) }
	length := r.plan.TestPane
	first, second := at(0), at(0).Add(length)

	r.fold(first, r.wrong(first)...)
	r.fold(second, r.wrong(second)...)
	r.fold(second.Add(2 * length))
	r.joined(first, r.outcomes(record.OnTime, first, 5), r.outcomes(record.Labelled, first, 5))
	write() // no cohort is mature yet
	r.joined(second.Add(2 * length))
	write()
	r.joined(second.Add(2*length), r.outcomes(record.Labelled, first, 2), r.outcomes(record.OnTime, first, 1)) // too late for the evidence
	r.joined(second.Add(2*length), r.outcomes(record.Labelled, second, 3))                                     // of a cohort that had none in time
	write()

	read := func(from, to time.Time) []string {
		t.Helper()
		var got []string
		err := ReadHistory(t.Context(), broker.Settings(), r.o.Layout, "m", plan.Micros(from), plan.Micros(to), func(digest string) *plan.Plan {
			if digest == r.plan.Digest() {
				return r.plan
			}
			return nil
		}, func(e Ended) error {
			if e.Pane != nil {
				got = append(got, fmt.Sprintf("pane %s: %d", plan.FromMicros(e.Pane.Start).Sub(first), e.Pane.Rows()))
				return nil
			}
			line := fmt.Sprintf("cohort %s:", plan.FromMicros(e.Cohort.Start).Sub(first))
			err := e.Cohort.Cells(func(_ window.Cell, onTime, all truth.Counts) error {
				for _, c := range []truth.Counts{onTime, all} {
					n := int64(0)
					if c != nil {
						n = truth.CurveOf(c).TN
					}
					line += fmt.Sprint(" ", n)
				}
				return nil
			})
			got = append(got, line)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	want := []string{"pane 0s: 1", "pane " + length.String() + ": 1", "cohort 0s: 5 7", "cohort " + length.String() + ": 0 3"}
	if diff := cmp.Diff(want, read(first, at(10000))); diff != "" {
		t.Error("history (-want +got):", diff)
	}
	if diff := cmp.Diff([]string{want[1], want[3]}, read(second, second.Add(time.Microsecond))); diff != "" {
		t.Error("history from the second pane on (-want +got):", diff)
	}
	err = ReadHistory(t.Context(), broker.Settings(), r.o.Layout, "m", plan.Micros(first), plan.Micros(second),
		func(string) *plan.Plan { return nil }, func(Ended) error { return nil })
	if !errors.Is(err, ErrUnknownPlan) {
		t.Errorf("error %v, want %v", err, ErrUnknownPlan)
	}
}

func TestSplitKey(t *testing.T) {
	for _, c := range []struct {
		key   string
		kind  string
		start int64
		piece bool
		ok    bool
	}{
		{"pane/m/17", panes, 17, false, true},
		{"cohort/m/-17", cohorts, -17, false, true},
		{"cohort/m/17/3", cohorts, 17, true, true},
		{"pane/m2/17", "", 0, false, false},
		{"state/m", "", 0, false, false},
		{"clock", "", 0, false, false},
		{"pane/m/x", "", 0, false, false},
	} {
		kind, start, piece, ok := splitKey(c.key, "m")
		if ok != c.ok || ok && (kind != c.kind || start != c.start || piece != c.piece) {
			t.Errorf("%s: %q, %d, %v, %v", c.key, kind, start, piece, ok)
		}
	}
}
