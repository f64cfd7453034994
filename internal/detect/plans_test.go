package detect

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// succeeded are two plans of the fixture's model, the second in force from days after the reference's end on.
func succeeded(t *testing.T, days int, change func(*plan.Plan)) (first, second *plan.Plan) {
	t.Helper()
	first = fixture.Build(t, fixture.Contract)
	next := *first
	next.From = fixture.Start.AddDate(0, 0, days)
	change(&next)
	if err := next.Seal(); err != nil {
		t.Fatal(err)
	}
	return first, &next
}

func anotherBaseline(p *plan.Plan) { p.Baseline += "2" }

// rows is how many events the engine of a plan holds in panes that are still open, by its state: closing them all hands them out.
func (r *rig) rows(p *plan.Plan, later time.Time) (n int64) {
	r.t.Helper()
	r.fold(later)
	for _, e := range r.parts[0].panes {
		if e.plan.Digest() == p.Digest() {
			n += e.pane.Rows()
		}
	}
	return n
}

func TestPaneNeverMixesPlans(t *testing.T) {
	a, b := succeeded(t, 1, anotherBaseline)
	r := newRig(t, a, b)
	at := fixture.Start.Add(10 * time.Minute)
	r.fold(at, r.counted(a, at)...)                   // a is in force
	r.fold(at, r.counted(b, at)...)                   // b is not yet
	r.fold(at.Add(day), r.counted(b, at.Add(day))...) // now it is
	r.fold(at.Add(day), r.counted(a, at.Add(day))...) // and a no longer
	var told []finding.Finding
	for _, f := range r.parts[0].findings {
		if f.Metric == "offsets_of_another_plan" {
			told = append(told, f)
		}
	}
	if len(told) != 2 || !strings.Contains(told[0].Subject, b.Digest()) || !strings.Contains(told[1].Subject, a.Digest()) {
		t.Errorf("told of what was set aside: %+v", told)
	}
	if n := testutil.ToFloat64(r.m.skipped.WithLabelValues(a.Model)); n < 2 {
		t.Errorf("%g cells set aside, want 2 at least", n)
	}
	later := at.Add(30 * day)
	if got := r.rows(a, later); got != 1 {
		t.Errorf("the first plan's panes hold %d events, want 1", got)
	}
	if got := r.rows(b, later); got != 1 {
		t.Errorf("the second plan's panes hold %d events, want 1", got)
	}
}

// TestPlanInForceAgain: a plan that comes back goes on with its own state.
func TestPlanInForceAgain(t *testing.T) {
	a, b := succeeded(t, 1, anotherBaseline)
	_, again := succeeded(t, 2, func(*plan.Plan) {})
	r := newRig(t, a, b, again)
	at := fixture.Start.Add(10 * time.Minute)
	for i, p := range []*plan.Plan{a, b, a} {
		r.fold(at.Add(time.Duration(i)*day), r.counted(p, at.Add(time.Duration(i)*day))...)
	}
	later := at.Add(30 * day)
	r.fold(later)
	if got, other := r.rows(a, later), r.rows(b, later); got != 2 || other != 1 {
		t.Errorf("%d and %d events, want 2 and 1", got, other)
	}
	if len(r.parts[0].engines) != 2 {
		t.Errorf("%d engines for two plans", len(r.parts[0].engines))
	}
}

// TestPolicyRestartsNothing: under another policy the same state goes on, also over a restart in between.
func TestPolicyRestartsNothing(t *testing.T) {
	a, repriced := succeeded(t, 1, func(p *plan.Plan) {
		p.Policy.Digest, p.Policy.Tickets, p.Policy.Costs = "sha256:other", 9, &plan.Costs{Currency: "EUR", FalsePositive: 3}
	})
	if a.Digest() != repriced.Digest() {
		t.Fatal("the policy enters the plan's digest")
	}
	r := newRig(t, a)
	at := fixture.Start.Add(10 * time.Minute)
	r.fold(at, r.counted(a, at)...)
	r.flush()
	r.Committed()
	before := r.state(r.parts[0])
	after := newRig(t, a, repriced)
	back, _, err := after.load(0, r.parts[0].committed)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after.state(back)) {
		t.Error("the state is another one under the new policy")
	}
	after.parts[0], after.next = back, r.next
	next := at.AddDate(0, 0, 1)
	after.fold(next, after.counted(repriced, next)...)
	if n := testutil.ToFloat64(after.m.skipped.WithLabelValues(a.Model)); n != 0 {
		t.Errorf("%g cells set aside", n)
	}
	after.fold(at.AddDate(0, 0, 30))
	if e := after.parts[0].engines[idOf(a)]; e.Plan().Policy.Tickets != 9 {
		t.Errorf("the last pane was judged under a budget of %g tickets a day", e.Plan().Policy.Tickets)
	}
}

// TestNewerPlanIsWaitedFor: a cell of a plan that the topic holds and the service doesn't know is not thrown away; the epoch is
// tried again, after the service was started under newer plans. One that nobody knows is set aside.
func TestNewerPlanIsWaitedFor(t *testing.T) {
	a, b := succeeded(t, 1, anotherBaseline)
	r := newRig(t, a)
	asked := ""
	r.look = func(_ context.Context, _, digest string, _ int64) error {
		asked = digest
		return bus.ErrRetry
	}
	at := b.From.Add(10 * time.Minute)
	f := record.Fragment{Joins: 1, Cells: r.counted(b, at)}
	rec := &kgo.Record{Topic: bus.TopicFragments, Value: f.AppendBinary(nil)}
	if _, err := r.Fold(rec); !errors.Is(err, bus.ErrRetry) || asked != b.Digest() {
		t.Errorf("asked for %q: %v", asked, err)
	}
	r.look = func(context.Context, string, string, int64) error { return nil }
	if urgent, err := r.Fold(rec); err != nil || !urgent || len(r.parts[0].findings) != 1 {
		t.Errorf("of a plan that nobody knows: urgent %t, %d findings, %v", urgent, len(r.parts[0].findings), err)
	}
}

// TestPlanThatCameLate: where a plan is in force from a time that was being counted under the one before it when it came, the open
// panes are given up and said to be, and the closed ones are not counted again.
func TestPlanThatCameLate(t *testing.T) {
	a, b := succeeded(t, 1, anotherBaseline)
	r := newRig(t, a)
	at := b.From.Add(10 * time.Minute)
	r.fold(at, r.counted(a, at)...)                                   // closed below
	r.fold(at.Add(3*time.Hour), r.counted(a, at.Add(3*time.Hour))...) // open
	r.flush()
	r.Committed()
	after := newRig(t, a, b)
	back, _, err := after.load(0, r.parts[0].committed)
	if err != nil {
		t.Fatal(err)
	}
	after.parts[0], after.next = back, r.next
	if len(back.findings) != 2 || back.findings[0].Window.Start != b.From || back.findings[1].Window.Start != at.Add(3*time.Hour).Truncate(time.Hour) {
		t.Fatalf("told of the open test pane and the open base pane: %+v", back.findings)
	}
	after.fold(at, after.counted(b, at)...)                                   // its pane was judged
	after.fold(at.Add(3*time.Hour), after.counted(b, at.Add(3*time.Hour))...) // its pane was given up
	later := at.Add(30 * day)
	after.fold(later)
	if got := after.rows(b, later); got != 1 {
		t.Errorf("the second plan's panes hold %d events, want 1", got)
	}
	if late := after.parts[0].engines[idOf(b)].Late(); late != 1 {
		t.Errorf("%d events of a judged pane are late, want 1", late)
	}
}

// TestOtherPartitionKeepsWhatItHasToSay: an epoch that holds nothing of a partition must not forget its findings unwritten.
func TestOtherPartitionKeepsWhatItHasToSay(t *testing.T) {
	r := newRig(t, fixture.Build(t, fixture.Contract))
	r.fold(fixture.Start.Add(10*time.Minute), r.wrong(fixture.Start.Add(10*time.Minute))...)
	r.fold(fixture.Start.Add(12 * time.Hour))
	want := len(r.parts[0].findings)
	r.parts[1] = &part{clock: window.NewClock(), engines: map[engineID]*ruled{}, dirty: map[engineID]bool{}, committed: map[string][]byte{}}
	if _, err := r.Flush(t.Context(), []bus.Range{{Topic: bus.TopicFragments, Partition: 1, From: 0, To: 1, Records: 1, Partitions: 2}}); err != nil {
		t.Fatal(err)
	}
	r.Committed()
	if got := len(r.flush()[bus.TopicFindings]); want == 0 || got != want {
		t.Errorf("%d findings are written, want %d", got, want)
	}
}
