package ingest

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// urgentAfter folds a prediction and tells whether the epoch should end. Another one, half a pane before, comes first: a leap of a
// whole pane would not be believed at once.
func (g *rig) urgentAfter(partition int32, at time.Time) bool {
	g.t.Helper()
	pane, _ := plannedPane(g)
	if g.urgent(partition, at.Add(-pane/2)) {
		g.t.Errorf("partition %d: the epoch ends half a pane before %s", partition, at)
	}
	return g.urgent(partition, at)
}

// urgent folds a prediction and tells whether the epoch should end.
func (g *rig) urgent(partition int32, at time.Time) bool {
	g.t.Helper()
	urgent, err := g.poll(&kgo.Record{Topic: "p", Partition: partition, Offset: g.next, Value: event(g.t, withK, at)})
	if err != nil {
		g.t.Fatal(err)
	}
	g.next++
	return urgent
}

func plannedPane(g *rig) (pane, lateness time.Duration) {
	var p *plan.Plan
	g.each("p", func(s *stream) { p = s.era.Plan })
	return p.Pane, p.Lateness
}

func TestEpochEndsWhenTheLastPartitionPassesAPane(t *testing.T) {
	g := newRig(t, fixture.Contract)
	g.restore(bus.TopicPartition{Topic: "p", Partition: 1}, 0)
	pane, late := plannedPane(g)
	begin := fixture.Start.Truncate(pane)
	end := begin.Add(pane + late)
	steps := []struct {
		what      string
		partition int32
		at        time.Time
		want      bool
	}{
		{"the first event of all", 0, begin.Add(late), false},
		{"the other partition's first", 1, begin.Add(late), false},
		{"half of the pane", 0, begin.Add(pane / 2), false},
		{"one partition passes", 0, end, false},
		{"half of the pane of the other one", 1, begin.Add(pane / 2), false},
		{"the other one is within the lateness", 1, end.Add(-time.Millisecond), false},
		{"the other one passes", 1, end, true},
		{"more of the same pane", 0, end.Add(time.Second), false},
		{"an event out of order", 1, begin, false},
	}
	for _, s := range steps {
		if got := g.urgent(s.partition, s.at); got != s.want {
			t.Errorf("%s: urgent is %t", s.what, got)
		}
	}
	// The next pane ends too soon after, by wall clock; the one after that does not.
	g.urgentAfter(0, end.Add(pane))
	if g.urgentAfter(1, end.Add(pane)) {
		t.Error("two epochs ended early within the time of one")
	}
	g.now = g.now.Add(defaultEpoch)
	g.urgentAfter(0, end.Add(2*pane))
	if !g.urgentAfter(1, end.Add(2*pane)) {
		t.Error("the epoch does not end early though the last one did long ago")
	}
}

func TestIdlePartitionHoldsNoEpochOpen(t *testing.T) {
	g := newRig(t, fixture.Contract)
	g.restore(bus.TopicPartition{Topic: "p", Partition: 1}, 0)
	pane, late := plannedPane(g)
	begin := fixture.Start.Truncate(pane)
	g.urgent(0, begin.Add(late))
	if g.urgentAfter(0, begin.Add(pane+late)) {
		t.Error("the other partition may still have events")
	}
	g.now = g.now.Add(g.o.IdleAfter)
	if !g.urgentAfter(0, begin.Add(2*pane+late)) {
		t.Error("a partition that was silent for so long holds the epoch open")
	}
}
