package window

import (
	"fmt"
	"math/bits"
)

// Mergeable is what panes hold and windows add up: a *sketch.Set, *sketch.Summary, truth.Counts, or several of them together. Merge
// adds another one, which stays as it is; it commutes and associates bit for bit (integers are added, registers are raised to the
// larger one), so that a window is the same however it was put together, and refuses a value of another shape before it adds any of
// it. Clone is a deep copy.
type Mergeable[V any] interface {
	Merge(V) error
	Clone() V
}

// Sliding holds the latest panes of a stream, each at its number (event time divided by the pane's length), and adds up any window
// over them in O(log n) merges; n is the capacity, the panes of the longest window.
//
// Beside each pane it keeps the sums of aligned runs of 2, 4, 8, ... panes: run k of level l is panes [k*2^l, (k+1)*2^l), so a window
// falls into at most 2 runs of each level. That is the dyadic decomposition behind Bentley & Saxe's logarithmic method (1980), and a
// segment tree over event time as FlatFAT has one over a ring of slots (Tangwongsan, Hirzel, Schneider & Wu, "General incremental
// sliding-window aggregation", PVLDB 8(7), 2015). FlatFAT needs no order of arrival and no inverse, nor does this; as our merges
// commute besides, a late value is added to the runs above it in place, where FlatFAT combines them anew. Runs are found by number and
// not by slot: a pane that expires takes the runs with it that reach back to it, without a merge, for no window can want them again.
//
//   - Add: at most 1 + log2(n) merges, early or late. Replace: at most log2(n) merges, as a maximum can't be taken back.
//   - Over: at most 2*ceil(log2 w) merges for a window of w panes.
//   - Memory: 2n + log2(n) values at the most, however many panes there were; panes without a value take nothing.
//
// Levels end at the largest run that fits the capacity. Values are copied in and out: whoever adds one may go on changing it, and what
// Over returns is the caller's. All values of one Sliding have one shape. It belongs to one goroutine.
type Sliding[V Mergeable[V]] struct {
	capacity int64
	levels   []map[int64]V // by level: the runs that hold a value, by number
	oldest   int64         // panes before have expired; they and the runs that reach back to them are not held
	newest   int64         // the largest number seen
	begun    bool          // oldest and newest mean something
}

// NewSliding makes an empty one that holds the latest capacity panes; at least 1.
func NewSliding[V Mergeable[V]](capacity int) *Sliding[V] {
	n := max(1, capacity)
	s := &Sliding[V]{capacity: int64(n), levels: make([]map[int64]V, bits.Len(uint(n)))}
	for l := range s.levels {
		s.levels[l] = map[int64]V{}
	}
	return s
}

// Add adds v to what pane at holds. A pane newer than all before lets the oldest ones expire. held is false where the pane has
// expired already: then nothing is added. A value of another shape is an error, and adds nothing.
func (s *Sliding[V]) Add(at int64, v V) (held bool, err error) {
	if !s.reach(at) {
		return false, nil
	}
	// First what can be refused: the runs that are there. All of them have one shape, so the first one answers for all.
	for l, runs := range s.levels {
		if sum, ok := runs[at>>l]; ok {
			if err := sum.Merge(v); err != nil {
				return false, fmt.Errorf("add to pane %d: %w", at, err)
			}
		}
	}
	for l, runs := range s.levels {
		if _, ok := runs[at>>l]; !ok && s.whole(l, at>>l) {
			runs[at>>l] = v.Clone()
		}
	}
	return true, nil
}

// Replace makes v all that pane at holds: a revision. held is false where the pane has expired. After an error, which a value of
// another shape brings about, the pane and the runs above it are as they were.
func (s *Sliding[V]) Replace(at int64, v V) (held bool, err error) {
	if !s.reach(at) {
		return false, nil
	}
	sums := []V{v.Clone()}
	for l := 1; l < len(s.levels) && s.whole(l, at>>l); l++ {
		sum := sums[l-1].Clone()
		if sibling, ok := s.levels[l-1][at>>(l-1)^1]; ok {
			if err := sum.Merge(sibling); err != nil {
				return false, fmt.Errorf("replace pane %d: %w", at, err)
			}
		}
		sums = append(sums, sum)
	}
	for l, sum := range sums {
		s.levels[l][at>>l] = sum
	}
	return true, nil
}

// Over adds up the panes [from, to). ok is false where none of them holds a value; expired panes hold none.
func (s *Sliding[V]) Over(from, to int64) (sum V, ok bool, err error) {
	if !s.begun {
		return sum, false, nil
	}
	from, to = max(from, s.oldest), min(to, s.newest+1)
	for from < to {
		// The largest run that begins here and fits: it grows from level to level up to the middle of the window, then shrinks.
		l := min(bits.TrailingZeros64(uint64(from)), bits.Len64(uint64(to-from))-1, len(s.levels)-1)
		if run, there := s.levels[l][from>>l]; there {
			if !ok {
				sum, ok = run.Clone(), true
			} else if err := sum.Merge(run); err != nil {
				return sum, false, fmt.Errorf("add up panes from %d: %w", from, err)
			}
		}
		from += 1 << l
	}
	return sum, ok, nil
}

// Newest is the largest pane number seen; ok is false before the first.
func (s *Sliding[V]) Newest() (at int64, ok bool) { return s.newest, s.begun }

// expire frees the panes before oldest, and the runs that reach back to them.
func (s *Sliding[V]) expire(oldest int64) {
	for l, runs := range s.levels {
		first, end := s.oldest>>l, (oldest+1<<l-1)>>l
		if end-first <= int64(len(runs)) {
			for k := first; k < end; k++ {
				delete(runs, k)
			}
			continue
		}
		for k := range runs { // a long silence: fewer are held than have expired
			if k < end {
				delete(runs, k)
			}
		}
	}
	s.oldest = oldest
}

// reach moves on to pane at; false where it has expired.
func (s *Sliding[V]) reach(at int64) bool {
	if !s.begun {
		s.oldest, s.newest, s.begun = at-s.capacity+1, at, true
		return true
	}
	if at < s.oldest {
		return false
	}
	if at > s.newest {
		s.expire(at - s.capacity + 1)
		s.newest = at
	}
	return true
}

// whole reports whether run k of a level lies behind no expired pane.
func (s *Sliding[V]) whole(level int, k int64) bool { return k<<level >= s.oldest }
