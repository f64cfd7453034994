package window

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// glimpsePlan is momentPlan with a minute for faults, where everything else waits for half an hour.
func glimpsePlan(tb tester) *plan.Plan {
	p := draft()
	p.Reference = plan.Span{From: plan.FromMicros(monday - 10*day), To: plan.FromMicros(monday)}
	p.ReferenceRows = 10 * 24 * 6 * plan.FewestRows
	late := time.Minute
	p.FaultLateness = &late
	return seal(tb, p)
}

// A moment is glimpsed a minute after its end, and comes again as a whole with what was late for that, half an hour after its end and before its pane.
func TestGlimpsesComeBeforeTheirMoments(t *testing.T) {
	p := glimpsePlan(t)
	at := func(minute int64, x float64) event { return event{monday + minute*hour/60, x, "a", "v1"} }
	steps := []struct {
		low  int64 // minutes
		want []string
	}{
		{10, []string{}},
		{11, []string{"a glimpse 0..0.1667: 2"}},
		{21, []string{"a glimpse 0.1667..0.3333: 1"}},
		{40, []string{"a moment 0..0.1667: 3"}},
		{71, []string{"a glimpse 0.5..0.6667: 1", "a moment 0.1667..0.3333: 1", "a glimpse 0.8333..1: 1", "a moment 0.5..0.6667: 1"}},
		{90, []string{"a moment 0.8333..1: 1", "base 0..1: 6"}},
	}
	events := func(a *Assembler, low int64) {
		switch low {
		case 10:
			add(t, a, count(t, p, 0, 0, at(1, 0.5), at(2, math.NaN()), at(12, 0.5), at(31, math.NaN()), at(55, 0.5), at(80, 0.5))...)
		case 21:
			add(t, a, count(t, p, 0, 6, at(5, 0.5))...) // late for its glimpse
		}
	}
	a := NewAssembler(p)
	for _, c := range steps {
		events(a, c.low)
		got := brief(advance(t, a, monday+c.low*hour/60))
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("low %d min: %s", c.low, d)
		}
		read, err := ReadAssembler(p, wire.NewReader(a.AppendBinary(nil)))
		if err != nil {
			t.Fatal(err)
		}
		a = read // stopping shows nowhere
	}
	var last []string
	for _, cut := range [][]int64{{200}, {11, 200}, {35, 61, 99, 200}, {91, 120, 121, 122, 200}} {
		a := NewAssembler(p)
		events(a, 10)
		var got []string
		for _, low := range cut {
			got = append(got, brief(advance(t, a, monday+low*hour/60))...)
		}
		if last != nil {
			if d := cmp.Diff(last, got); d != "" {
				t.Errorf("cut at %v: %s", cut, d)
			}
		}
		last = got
	}
}

// A stream that is silent for a year is not walked moment by moment.
func TestGlimpsesAfterALongSilence(t *testing.T) {
	p := glimpsePlan(t)
	a := NewAssembler(p)
	add(t, a, count(t, p, 0, 0, event{monday, 0.5, "a", "v1"}, event{monday + 20*hour/60, 0.5, "a", "v1"})...)
	first := brief(advance(t, a, monday+15*hour/60))
	later := monday + 365*day
	add(t, a, count(t, p, 0, 2, event{later, 0.5, "a", "v1"})...)
	if got := brief(advance(t, a, later+11*hour/60)); len(first) != 1 || len(got) != 6 {
		t.Errorf("%v, then %v", first, got)
	}
	if a.Glimpsed() != later+hour/6 {
		t.Errorf("glimpsed up to %d, want %d", a.Glimpsed(), later+hour/6)
	}
}

// Plans of earlier builds have no glimpses.
func TestPlansWithoutGlimpses(t *testing.T) {
	p := momentPlan(t)
	a := NewAssembler(p)
	add(t, a, count(t, p, 0, 0, event{monday, 0.5, "a", "v1"})...)
	if got := brief(advance(t, a, monday+39*hour/60)); len(got) != 0 || a.Glimpsed() != record.NoTime {
		t.Errorf("%v, up to %d", got, a.Glimpsed())
	}
}
