package detect

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// restarted is a rig that goes on from another's last commit, under other plans.
func restarted(t *testing.T, r *rig, plans ...*plan.Plan) *rig {
	t.Helper()
	after := newRig(t, plans...)
	back, at, err := after.load(0, r.parts[0].committed)
	if err != nil {
		t.Fatal(err)
	}
	after.parts[0], after.next = back, at
	return after
}

func (r *rig) commit() { r.flush(); r.Committed() }

// A former plan that was put in force again is known by its digest to a detector that hasn't heard of that. Its cells in the
// new era are not another plan's: the log is asked, and the epoch is tried again.
func TestPlanInForceAgainIsWaitedFor(t *testing.T) {
	a, b := succeeded(t, 1, anotherBaseline)
	_, again := succeeded(t, 2, func(*plan.Plan) {})
	r := newRig(t, a, b)
	at := again.From.Add(10 * time.Minute)
	r.look = func(_ context.Context, model, digest string, us int64) error {
		if model == a.Model && digest == a.Digest() && us == plan.Micros(at.Truncate(time.Hour)) {
			return bus.ErrRetry
		}
		return nil
	}
	f := record.Fragment{Joins: 1, Cells: r.counted(a, at)}
	if _, err := r.Fold(&kgo.Record{Topic: bus.TopicFragments, Value: f.AppendBinary(nil)}); !errors.Is(err, bus.ErrRetry) || len(r.parts[0].findings) > 0 {
		t.Errorf("%d findings, %v", len(r.parts[0].findings), err)
	}
}

// A plan whose events may come later than those of the plan before it holds panes open for longer. A restart must not take the
// panes that the former plan has passed for judged.
func TestPlanThatWaitsLonger(t *testing.T) {
	a, b := succeeded(t, 1, func(p *plan.Plan) { p.Baseline += "2"; p.Lateness = 3 * time.Hour })
	r := newRig(t, a, b)
	first, open := a.From.Add(10*time.Minute), b.From.Add(10*time.Minute)
	if a.From.IsZero() {
		first = b.From.Add(-10 * time.Hour)
	}
	r.fold(first, r.counted(a, first)...)
	r.fold(open.Add(2*time.Hour), r.counted(b, open)...)
	r.commit()
	after := restarted(t, r, a, b)
	after.fold(open.Add(2*time.Hour), after.counted(b, open)...)
	if got := after.rows(b, open.AddDate(0, 0, 30)); got != 2 {
		t.Errorf("the second plan's panes hold %d events, want 2", got)
	}
}

// Where an earlier plan has judged a part of a test pane that is another's, the pane is the other's all the same, without that part;
// what is missing is said.
func TestTestPaneOfOnePlan(t *testing.T) {
	a, b := succeeded(t, 1, anotherBaseline)
	r := newRig(t, a)
	at := b.From.Add(10 * time.Minute)
	r.fold(at.Add(3*time.Hour), r.counted(a, at)...) // the base pane is judged, its day is not over
	r.commit()
	after := restarted(t, r, a, b)
	if f := after.parts[0].findings; len(f) != 1 || f[0].Window.Start != b.From || f[0].Window.End != b.From.Add(a.TestPane) || f[0].Value != 1 {
		t.Errorf("told of the part that was judged: %+v", f)
	}
	after.fold(at.Add(3*time.Hour), after.counted(b, at.Add(3*time.Hour))...)
	after.fold(at.AddDate(0, 0, 30))
	whose := map[int64]string{}
	for _, e := range after.parts[0].panes {
		if other, twice := whose[e.pane.Start]; twice {
			t.Errorf("the pane at %s is of plan %s and of plan %s", plan.FromMicros(e.pane.Start), other, e.plan.Digest())
		}
		whose[e.pane.Start] = e.plan.Digest()
	}
	if len(whose) != 1 || whose[plan.Micros(b.From)] != b.Digest() {
		t.Errorf("panes: %v", whose)
	}
}
