package detect

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// take hands over what was found since the last call, and commits.
func (r *rig) take() []finding.Finding {
	r.t.Helper()
	out := r.parts[0].findings
	r.commit()
	return out
}

func superseded(all []finding.Finding) (out []finding.Finding) {
	for _, f := range all {
		if f.Verdict == finding.Superseded {
			out = append(out, f)
		}
	}
	return out
}

// An alarm of a plan that gives way to another ends with its era, once, over restarts too; the incident closes and says why. Under a plan
// that sees the same it is open again.
func TestAlarmEndsWithItsPlan(t *testing.T) {
	a, b := succeeded(t, 1, anotherBaseline)
	book := incident.NewBook()
	var last incident.Incident
	fold := func(all []finding.Finding) (n int) {
		for _, f := range all {
			if c, inc := book.Fold(f); c != incident.None && f.Channel == "constant" {
				last = inc
				n++
			}
		}
		return n
	}
	r := newRig(t, a, b)
	at := b.From.Add(-2 * time.Hour)
	r.fold(at, r.counted(a, at)...)
	r.fold(at.Add(90 * time.Minute))
	if n := fold(r.take()); n == 0 || last.Status != incident.Open {
		t.Fatalf("%d findings, %s", n, last.Status)
	}
	r = restarted(t, r, a, b)
	r.fold(b.From.Add(time.Minute)) // later events of the era may still come
	if got := superseded(r.take()); len(got) > 0 {
		t.Fatalf("told too early: %+v", got)
	}
	r.fold(b.From.Add(a.Lateness + time.Minute))
	got := r.take()
	fold(got)
	said := superseded(got)
	if len(said) == 0 || !said[0].At.Equal(b.From) || said[0].Contract != a.Contract || said[0].Onset.After(at) {
		t.Fatalf("told %+v", said)
	}
	if last.Status != incident.Resolved || last.Reason != "superseded" || last.Timeline[len(last.Timeline)-1].What != "superseded" {
		t.Errorf("the incident is %s, %q: %+v", last.Status, last.Reason, last.Timeline)
	}
	r = restarted(t, r, a, b)
	r.fold(b.From.Add(10 * time.Hour))
	if got := superseded(r.take()); len(got) > 0 {
		t.Errorf("told twice: %+v", got)
	}
	at = b.From.Add(11 * time.Hour)
	r.fold(at, r.counted(b, at)...)
	r.fold(at.Add(3 * time.Hour))
	fold(r.take())
	if last.Status != incident.OpenAgain || last.Reason != "" {
		t.Errorf("the incident is %s, %q", last.Status, last.Reason)
	}
	// The former plan's end must not close what the one in force has found: it may come later.
	f := said[0]
	if c, _ := book.Fold(f); c != incident.None {
		t.Errorf("another plan's end: %s", c)
	}
}

// A plan that comes back finds what it finds then, not what it had found before.
func TestAlarmOfAPlanThatComesBack(t *testing.T) {
	a, b := succeeded(t, 1, anotherBaseline)
	_, again := succeeded(t, 2, func(*plan.Plan) {})
	r := newRig(t, a, b, again)
	var all []finding.Finding
	constants := func() (n int) {
		for _, f := range r.take() {
			all = append(all, f)
			if f.Channel == "constant" && f.Verdict == finding.Fault {
				n++
			}
		}
		return n
	}
	r.fold(fixture.Start, r.counted(a, fixture.Start)...)
	r.fold(b.From.Add(2 * time.Hour))
	first := constants()
	r = restarted(t, r, a, b, again)
	at := again.From.Add(time.Hour)
	r.fold(at, r.counted(a, at)...)
	r.fold(at.Add(3 * time.Hour))
	if n := constants(); first == 0 || n != first {
		t.Errorf("%d alarms, then %d", first, n)
	}
	// A replay that comes past both eras in one epoch finds the same.
	live := all
	r, all = newRig(t, a, b, again), nil
	r.fold(fixture.Start, append(r.counted(a, fixture.Start), r.counted(a, at)...)...)
	r.fold(at.Add(3 * time.Hour))
	constants()
	ids := func(list []finding.Finding) (out []string) {
		for _, f := range list {
			out = append(out, f.Channel+" "+string(f.Verdict)+" "+f.ID)
		}
		slices.Sort(out)
		return out
	}
	if d := cmp.Diff(ids(live), ids(all)); d != "" || len(superseded(live)) == 0 {
		t.Errorf("in one epoch (-live +replay): %s", d)
	}
}
