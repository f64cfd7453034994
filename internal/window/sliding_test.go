package window

import (
	"errors"
	"fmt"
	"math/bits"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// tracked is a value that knows what went into it: a sum, which could be taken back, and a maximum, which couldn't. It counts
// merges.
type tracked struct {
	sum, top int64
	shape    int
	merges   *int
}

var errOtherShape = errors.New("another shape")

func (v *tracked) Merge(o *tracked) error {
	*v.merges++
	if v.shape != o.shape {
		return errOtherShape
	}
	v.sum, v.top = v.sum+o.sum, max(v.top, o.top)
	return nil
}

func (v *tracked) Clone() *tracked {
	c := *v
	return &c
}

// held is how many values a Sliding holds, and how many of them reach back to panes that have expired.
func held[V Mergeable[V]](s *Sliding[V]) (n, expired int) {
	for l, runs := range s.levels {
		n += len(runs)
		for k := range runs {
			if k<<l <= s.newest-s.capacity {
				expired++
			}
		}
	}
	return n, expired
}

// Any window is what brute force adds up, whatever was added, replaced and expired in whatever order, within the merges and the
// memory that are promised.
func TestSlidingIsBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 70).Draw(t, "capacity")
		merges := 0
		s := NewSliding[*tracked](capacity)
		panes := map[int64][]tracked{} // that haven't expired
		newest, begun := int64(0), false
		levels := bits.Len(uint(capacity)) - 1 // floor(log2)
		value := func() tracked {
			v := rapid.Int64Range(0, 1000).Draw(t, "value")
			return tracked{sum: v, top: v, merges: &merges}
		}
		begin := rapid.Int64Range(-300, 300).Draw(t, "begin") // event times before 1970 have negative numbers
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			at := begin
			if begun {
				at = newest + rapid.OneOf(rapid.Int64Range(0, 2), rapid.Int64Range(-int64(capacity)-2, 3), rapid.Int64Range(1, 200)).Draw(t, "at")
			}
			v := value()
			before := merges
			revise := rapid.Bool().Draw(t, "revise")
			change, most := s.Add, 1+levels
			if revise {
				change, most = s.Replace, levels
			}
			ok, err := change(at, &v)
			if err != nil {
				t.Fatal(err)
			}
			if merges-before > most {
				t.Fatalf("%d merges for a pane of %d, at most %d", merges-before, capacity, most)
			}
			if want := !begun || at > newest-int64(capacity); ok != want {
				t.Fatalf("pane %d held: %t, the newest is %d of %d", at, ok, newest, capacity)
			}
			if ok && revise {
				panes[at] = nil
			}
			if ok {
				panes[at] = append(panes[at], v)
			}
			v.sum, v.top = -1, 1<<40 // the caller's again
			if !begun || at > newest {
				newest, begun = at, true
			}
			for at := range panes {
				if at <= newest-int64(capacity) {
					delete(panes, at)
				}
			}
			if n, expired := held(s); n > 2*capacity+levels || expired > 0 {
				t.Fatalf("%d values for %d panes, at most %d; %d of them expired", n, capacity, 2*capacity+levels, expired)
			}
			// Windows inside, across both ends, empty, and all there is.
			from := newest + rapid.Int64Range(-int64(capacity)-5, 3).Draw(t, "from")
			to := from + rapid.Int64Range(-1, int64(capacity)+9).Draw(t, "length")
			for _, w := range [][2]int64{{from, to}, {newest - int64(capacity) + 1, newest + 1}, {newest, newest + 1}} {
				checkWindow(t, s, panes, w[0], w[1], &merges)
			}
		}
	})
}

func checkWindow(t *rapid.T, s *Sliding[*tracked], panes map[int64][]tracked, from, to int64, merges *int) {
	t.Helper()
	var want tracked
	there := false
	for at := from; at < to; at++ {
		for _, v := range panes[at] {
			want.sum, want.top, there = want.sum+v.sum, max(want.top, v.top), true
		}
	}
	before := *merges
	got, ok, err := s.Over(from, to)
	if err != nil || ok != there || ok && (got.sum != want.sum || got.top != want.top) {
		t.Fatalf("panes %d..%d: %+v, %t, %v; want %+v, %t", from, to, got, ok, err, want, there)
	}
	if most := 2 * ceilLog2(to-from); *merges-before > most {
		t.Fatalf("%d merges for a window of %d, at most %d", *merges-before, to-from, most)
	}
	if ok {
		got.sum, got.top = -7, 1<<50 // the caller's own
	}
}

func ceilLog2(n int64) int {
	if n <= 1 {
		return 0
	}
	return bits.Len64(uint64(n - 1))
}

// What is promised is needed: where the panes are all there, windows of n panes take more than log2(n) merges at the worst, and a slide
// by one pane with its window far fewer than the window has panes.
func TestSlidingCountsItsMerges(t *testing.T) {
	for _, n := range []int{1, 2, 24, 168, 720, 8760} {
		merges := 0
		s := NewSliding[*tracked](n)
		one := &tracked{sum: 1, top: 1, merges: &merges}
		worstAdd, worstOver := 0, 0
		for at := range int64(3 * n) {
			before := merges
			if _, err := s.Add(at, one); err != nil {
				t.Fatal(err)
			}
			worstAdd = max(worstAdd, merges-before)
			before = merges
			sum, ok, err := s.Over(at-int64(n)+1, at+1)
			if err != nil || !ok || sum.sum != min(at+1, int64(n)) {
				t.Fatalf("window of %d at %d: %+v, %v", n, at, sum, err)
			}
			worstOver = max(worstOver, merges-before)
		}
		log := ceilLog2(int64(n))
		if worstOver > 2*log || n > 2 && worstOver < log/2 || worstAdd > 1+log {
			t.Errorf("%d panes: at most %d merges to add one, %d for the window; ceil(log2) is %d", n, worstAdd, worstOver, log)
		}
		values, expired := held(s)
		if values > 2*n+log || expired > 0 {
			t.Errorf("%d values for %d panes, %d of them expired", values, n, expired)
		}
		t.Logf("%5d panes: at most %2d merges to add one, %2d for the window, %d values held", n, worstAdd, worstOver, values)
	}
}

// A value of another shape is refused and leaves nothing behind.
func TestSlidingRefusesAnotherShape(t *testing.T) {
	merges := 0
	value := func(sum int64, shape int) *tracked {
		return &tracked{sum: sum, shape: shape, merges: &merges}
	}
	s := NewSliding[*tracked](8)
	for at := range int64(6) {
		if _, err := s.Add(at, value(1<<at, 0)); err != nil {
			t.Fatal(err)
		}
	}
	for _, change := range []func(int64, *tracked) (bool, error){s.Add, s.Replace} {
		if held, err := change(2, value(1000, 1)); !errors.Is(err, errOtherShape) || held {
			t.Errorf("%t, %v", held, err)
		}
	}
	if sum, _, err := s.Over(0, 6); err != nil || sum.sum != 63 {
		t.Errorf("%+v, %v", sum, err)
	}
	if sum, _, err := s.Over(2, 3); err != nil || sum.sum != 4 {
		t.Errorf("%+v, %v", sum, err)
	}
}

// The real things: windows over sets, summaries and curves have the bytes of one that was merged pane by pane.
func TestSlidingOverSketches(t *testing.T) {
	p := testPlan(t)
	rapid.Check(t, func(t *rapid.T) {
		sets, summaries := NewSliding[*sketch.Set](12), NewSliding[*sketch.Summary](12)
		curves := NewSliding[truth.Counts](12)
		n := rapid.IntRange(1, 12).Draw(t, "panes")
		from := rapid.IntRange(0, n-1).Draw(t, "from")
		set, summary, curve := sketch.NewSet(p), sketch.NewSummary(p), truth.New(p)
		for _, at := range rapid.Permutation(numbers(n)).Draw(t, "order") {
			a := NewAssembler(p)
			x := rapid.Float64Range(-2, 2).Draw(t, "x")
			add(t, a, count(t, p, 0, 0, event{monday, x, "a", "v1"}, event{monday, x / 3, "b", "v2"})...)
			add(t, a, labels(p, record.OnTime, monday, int64(at+1)))
			pane, cohort := a.base[monday], a.cohorts[monday]
			whole, err := pane.Whole(p)
			if err != nil {
				t.Fatal(err)
			}
			described, err := pane.Summary(p)
			if err != nil {
				t.Fatal(err)
			}
			outcomes, err := cohort.View(p, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err1 := sets.Add(int64(at), whole)
			_, err2 := summaries.Add(int64(at), described)
			_, err3 := curves.Add(int64(at), outcomes)
			if at >= from {
				err = errors.Join(set.Merge(whole), summary.Merge(described), curve.Merge(outcomes))
			}
			if err := errors.Join(err, err1, err2, err3); err != nil {
				t.Fatal(err)
			}
		}
		gotSet, _, err1 := sets.Over(int64(from), int64(n))
		gotSummary, _, err2 := summaries.Over(int64(from), int64(n))
		gotCurve, _, err3 := curves.Over(int64(from), int64(n))
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		for _, d := range []string{
			cmp.Diff(set.AppendBinary(nil), gotSet.AppendBinary(nil)),
			cmp.Diff(summary.AppendBinary(nil), gotSummary.AppendBinary(nil)),
			cmp.Diff(curve.AppendBinary(nil), gotCurve.AppendBinary(nil)),
		} {
			if d != "" {
				t.Fatal(d)
			}
		}
	})
}

func numbers(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// BenchmarkSlide moves a window on by one pane and adds it up: with runs kept, and by adding all its panes up anew.
func BenchmarkSlide(b *testing.B) {
	p := testPlan(b)
	a := NewAssembler(p)
	add(b, a, count(b, p, 0, 0, event{monday, 0.3, "a", "v1"}, event{monday, 0.7, "b", "v2"})...)
	set, err := a.base[monday].Whole(p)
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{24, 168, 720} {
		b.Run(fmt.Sprintf("runs/%d", n), func(b *testing.B) {
			s := NewSliding[*sketch.Set](n)
			at := int64(0)
			for ; at < int64(n); at++ {
				if _, err := s.Add(at, set); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if _, err := s.Add(at, set); err != nil {
					b.Fatal(err)
				}
				at++
				if _, _, err := s.Over(at-int64(n), at); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("anew/%d", n), func(b *testing.B) {
			panes := make([]*sketch.Set, n)
			for i := range panes {
				panes[i] = set.Clone()
			}
			for i := 0; b.Loop(); i++ {
				panes[i%n] = set.Clone()
				sum := sketch.NewSet(p)
				for _, pane := range panes {
					if err := sum.Merge(pane); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
