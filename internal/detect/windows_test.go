package detect

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// display keeps what was last shown.
type display struct{ last engine.Snapshot }

func (d *display) PutPane(_ context.Context, s engine.Snapshot) error {
	d.last = s
	return nil
}

func (d *display) windows(t *testing.T) string {
	t.Helper()
	b, err := json.MarshalIndent(d.last.Windows, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What dashboards show is the same over restarts from the panes topic and over rollbacks, wherever they come, outcomes and their
// revisions included.
func TestWindowsOutliveRestarts(t *testing.T) {
	p := fixture.Build(t, fixture.Contract)
	const hours = 24 * 10
	play := func(restart, rollback func(hour int) bool) (string, int64) {
		broker, err := bus.StartEmbedded(bus.EmbeddedOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = broker.Close() }()
		cl, err := broker.Settings().NewClient(nil, nil, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		d := &display{}
		begin := func() *rig {
			r := newRig(t, p)
			r.o.View, r.o.Settings = d, broker.Settings()
			return r
		}
		r := begin()
		if err := bus.EnsureTopics(t.Context(), kadm.NewClient(cl), r.o.Layout, 1); err != nil {
			t.Fatal(err)
		}
		epoch := func(hour int) {
			at := fixture.Start.Add(time.Duration(hour) * time.Hour)
			r.fold(at, r.wrong(at)...)
			if hour%5 == 0 {
				r.joined(at, r.outcomes(record.OnTime, at.Add(-2*time.Hour), 3), r.outcomes(record.Labelled, at.Add(-2*time.Hour), 3))
			}
			if hour%24 == 7 { // a correction of yesterday's
				r.joined(at, r.outcomes(record.Labelled, at.Add(-30*time.Hour), 1))
			}
		}
		for hour := range hours {
			next := r.next
			epoch(hour)
			recs := r.flush()[bus.TopicPanes]
			if rollback(hour) { // as after an aborted transaction
				if err := r.Rollback(); err != nil {
					t.Fatal(err)
				}
				r.next = next
				epoch(hour)
				recs = r.flush()[bus.TopicPanes]
			}
			if err := cl.ProduceSync(t.Context(), recs...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			r.Committed()
			if restart(hour) {
				next := r.next
				d.last = engine.Snapshot{}
				r = begin()
				if err := r.Restore(t.Context(), bus.TopicPartition{Topic: bus.TopicFragments}, next); err != nil {
					t.Fatal(err)
				}
				r.next = next
			}
		}
		if len(d.last.Windows) != 2 || d.last.Windows[1].Truth == nil {
			t.Fatalf("shown: %+v", d.last)
		}
		return d.windows(t), d.last.Windows[1].Rows
	}
	never := func(int) bool { return false }
	want, rows := play(never, never)
	if rows < 6*24 || rows > 7*24 {
		t.Errorf("a week of an event an hour shows %d", rows)
	}
	for name, c := range map[string][2]func(int) bool{
		"restarts":  {func(h int) bool { return h%31 == 30 || h == hours-1 }, never},
		"rollbacks": {never, func(h int) bool { return h > 0 && h%7 == 0 }},
		"both":      {func(h int) bool { return h == 100 }, func(h int) bool { return h > 0 && h%11 == 0 }},
	} {
		got, _ := play(c[0], c[1])
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s show (-without +with): %s", name, diff)
		}
	}
}

func TestHistoryOf(t *testing.T) {
	for _, c := range []struct {
		key, kind, model string
		start            int64
		ok               bool
	}{
		{"pane/m/17", panes, "m", 17, true},
		{"cohort/m/-17/2", cohorts, "m", -17, true},
		{"state/m@d", "", "", 0, false},
		{"clock", "", "", 0, false},
		{"pane/m", "", "", 0, false},
		{"", "", "", 0, false},
	} {
		kind, model, start, ok := historyOf(c.key)
		if ok != c.ok || ok && (kind != c.kind || model != c.model || start != c.start) {
			t.Errorf("%s: %q, %q, %d, %t", c.key, kind, model, start, ok)
		}
	}
}

// Of a long history only the stretch of the longest window is kept while it is read, in whatever order it comes.
func TestRecallForgets(t *testing.T) {
	c := &recall{spans: map[string]int64{"m": 10}, history: map[recalled]*stretch{}}
	for _, at := range []int64{3, 1, 2, 40, 33, 29, 41, 30, 31} {
		c.take(historyKey(panes, "m", at), []byte{1})
		c.take(pieceKey(historyKey(panes, "m", at), 0), []byte{2})
		c.take(historyKey(panes, "other", at), []byte{1})
	}
	s := c.history[recalled{"m", panes}]
	if len(c.history) != 1 || len(s.starts) != 4 {
		t.Fatalf("kept %v", s.starts)
	}
	for _, at := range []int64{31, 33, 40, 41} {
		if len(s.starts[at]) != 2 {
			t.Errorf("of %d: %v", at, s.starts[at])
		}
	}
}
