package window

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// cohortRecord reads a cohort back from its record: the labels on time and all of them.
func cohortRecord(t *testing.T, a *Assembler, co *Cohort) [2]int64 {
	t.Helper()
	r := wire.NewReader(co.AppendBinary(AppendHistory(nil, a.plan.Digest())))
	digest, err := ReadHistory(r)
	if err != nil || digest != a.plan.Digest() {
		t.Fatalf("digest %q, %v", digest, err)
	}
	back, err := ReadCohort(a.plan, r)
	if err != nil {
		t.Fatal(err)
	}
	on, err := back.View(a.plan, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	all, err := back.Revised(a.plan, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return [2]int64{on.Labels(), all.Labels()}
}

// A cohort is handed over for the history when it is mature, and again whenever what is known of it changes after that.
func TestTakeCohorts(t *testing.T) {
	p := testPlan(t)
	a := NewAssembler(p)
	take := func() (out [][2]int64) {
		t.Helper()
		for _, co := range a.TakeCohorts() {
			out = append(out, cohortRecord(t, a, co))
		}
		return out
	}
	expect := func(when string, want ...[2]int64) {
		t.Helper()
		if d := cmp.Diff(want, take()); d != "" {
			t.Errorf("%s: %s", when, d)
		}
	}
	add(t, a, labels(p, record.OnTime, monday, 5), labels(p, record.Labelled, monday, 5))
	expect("before it is mature")
	mature(t, a, monday+day)
	expect("mature", [2]int64{5, 5})
	expect("nothing happened")
	add(t, a, labels(p, record.OnTime, monday, 1))
	expect("too late for the evidence")
	add(t, a, labels(p, record.Labelled, monday, 2))
	expect("revised", [2]int64{5, 7})
	add(t, a, labels(p, record.Labelled, monday+6*hour, 3)) // the next cohort had no outcome when it became mature
	expect("late as a whole", [2]int64{0, 3})
	mature(t, a, monday+60*day)
	add(t, a, labels(p, record.Labelled, monday, 1))
	expect("forgotten")
}

func TestReadHistoryRefuses(t *testing.T) {
	p := testPlan(t)
	good := newCohort(monday, monday+6*hour).AppendBinary(AppendHistory(nil, p.Digest()))
	for name, b := range map[string][]byte{
		"empty": {}, "another format": append([]byte{9}, good[1:]...), "cut": good[:len(good)-1], "longer": append(slices.Clip(good), 0),
	} {
		r := wire.NewReader(b)
		_, err := ReadHistory(r)
		if err == nil {
			_, err = ReadCohort(p, r)
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Whoever cuts a slice code relies on a value of every dimension being there.
func TestReadRefusesCellsOfOtherSlices(t *testing.T) {
	p := testPlan(t)
	pane, cohort := newPane(monday, monday+6*hour), newCohort(monday, monday+6*hour)
	key := Cell{Slice: "\x00"}
	pane.cells[key], cohort.OnTime[key] = sketch.NewSet(p), truth.New(p)
	if _, err := ReadPane(p, wire.NewReader(pane.AppendBinary(nil))); err == nil {
		t.Error("a pane was read")
	}
	if _, err := ReadCohort(p, wire.NewReader(cohort.AppendBinary(nil))); err == nil {
		t.Error("a cohort was read")
	}
}
