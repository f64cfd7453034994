package detect

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// drifting is the fixture's plan as if it had learnt three weeks of days of 300 events.
func drifting(t *testing.T) *plan.Plan {
	t.Helper()
	p := fixture.Build(t, fixture.Contract)
	p.Reference.From = fixture.Start.AddDate(0, 0, -21)
	var panes []drift.Pane
	for at := p.Reference.From; at.Before(fixture.Start); at = at.Add(p.TestPane) {
		set := sketch.NewSet(p)
		set.Rows = int64(300 + at.Day()%3)
		for i := range set.Columns {
			n := &set.Columns[i]
			n.N = set.Rows
			for b := range n.Bins {
				n.Bins[b] = set.Rows / int64(len(n.Bins))
			}
			if len(n.Bins) > 0 {
				n.Bins[0] += set.Rows - set.Rows/int64(len(n.Bins))*int64(len(n.Bins))
			}
		}
		panes = append(panes, drift.Pane{Start: plan.Micros(at), End: plan.Micros(at.Add(p.TestPane)), Set: set})
	}
	var err error
	if p.Drift, err = drift.Learn(p, panes); err != nil || len(p.Drift) == 0 {
		t.Fatalf("%d bytes learnt, %v", len(p.Drift), err)
	}
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	return p
}

// driftOf is what a partition's engine holds of drift.
func driftOf(t *testing.T, r *rig, p *part) []byte {
	t.Helper()
	b, err := p.engines[idOf(r.plan)].AppendDrift(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is held of drift is a record of its own: written where a pane ends, gone back to with the rest, and made anew where a build
// that knew nothing of it left none.
func TestDriftIsARecordOfItsOwn(t *testing.T) {
	r := newRig(t, drifting(t))
	key := driftKey(idOf(r.plan))
	day := func(n int) time.Time { return fixture.Start.AddDate(0, 0, n).Add(10 * time.Minute) }
	r.fold(day(0), r.wrong(day(0))...)
	r.flush()
	if _, there := r.parts[0].flushed[key]; there {
		t.Error("nothing has ended, and a record of drift is written")
	}
	r.Committed()
	for n := 1; n < 4; n++ { // closes the day before
		r.fold(day(n), r.wrong(day(n))...)
		r.flush()
		if _, there := r.parts[0].flushed[key]; !there {
			t.Fatalf("day %d has ended, and no record of drift is written", n-1)
		}
		r.Committed()
	}
	held := driftOf(t, r, r.parts[0])
	r.fold(day(4), r.wrong(day(4))...)
	r.flush()
	ahead := driftOf(t, r, r.parts[0])
	if err := r.Rollback(); err != nil {
		t.Fatal(err)
	}
	if back := driftOf(t, r, r.parts[0]); !bytes.Equal(back, held) || bytes.Equal(back, ahead) {
		t.Error("the aborted day is still in it, or more is gone")
	}
	again := newRig(t, r.plan)
	p, _, err := again.load(0, r.parts[0].committed)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(driftOf(t, r, p), held) {
		t.Error("a restart shows")
	}
	r.next--
	r.fold(day(4), r.wrong(day(4))...)
	if !bytes.Equal(driftOf(t, r, r.parts[0]), ahead) {
		t.Error("the same day again gives something else")
	}

	earlier := maps.Clone(r.parts[0].committed)
	maps.DeleteFunc(earlier, func(k string, _ []byte) bool { return strings.HasPrefix(k, key) })
	if p, _, err = again.load(0, earlier); err != nil {
		t.Fatal(err)
	}
	if fresh := driftOf(t, r, p); !bytes.Equal(fresh, driftOf(t, r, newRig(t, r.plan).parts[0])) {
		t.Error("a state of an earlier build doesn't begin afresh")
	}
	damaged := maps.Clone(r.parts[0].committed)
	damaged[pieceKey(key, 0)] = damaged[pieceKey(key, 0)][:20]
	if _, _, err = again.load(0, damaged); err == nil || !strings.Contains(err.Error(), key) {
		t.Errorf("error %v, want one that names %s", err, key)
	}
}
