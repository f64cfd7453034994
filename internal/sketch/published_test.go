package sketch

import (
	"bytes"
	"runtime"
	"sync"
	"testing"
)

// shot is a state after so many batches, in several parts that say so independently of one another.
type shot struct {
	batches int64
	set     *Set
	encoded []byte
}

// Readers that look at any time see what a whole number of batches came to, never part of one, and never go back, while a writer goes on
// counting into what it hasn't published. The race detector watches.
func TestPublishedIsWholeBatches(t *testing.T) {
	p := testPlan()
	const (
		readers = 4
		batches = 300
		rows    = 7 // of each batch, one after the other
	)
	var published Published[*shot]
	if published.Latest() != nil {
		t.Fatal("something was published before the first batch")
	}
	// What every number of batches must look like, to the byte.
	want := make([][]byte, batches+1)
	one := NewSet(p)
	one.Rows, one.Columns[0].N, one.Columns[0].Missing = 1, 1, 1
	sum := NewSet(p)
	for i := range want {
		want[i] = sum.AppendBinary(nil)
		for range rows {
			if err := sum.Merge(one); err != nil {
				t.Fatal(err)
			}
		}
	}
	var wg sync.WaitGroup
	seen := make([]int, readers)
	for r := range readers {
		wg.Go(func() {
			last := int64(-1)
			for last < batches {
				s := published.Latest()
				if s == nil {
					runtime.Gosched()
					continue
				}
				switch n := s.batches; {
				case n < last:
					t.Errorf("reader %d went back from batch %d to %d", r, last, n)
					return
				case s.set.Rows != n*rows || s.set.Columns[0].N != n*rows || s.set.Columns[0].Missing != n*rows || !bytes.Equal(s.encoded, want[n]):
					t.Errorf("reader %d sees %d rows after %d batches of %d", r, s.set.Rows, n, rows)
					return
				case n > last:
					if !bytes.Equal(s.set.AppendBinary(nil), want[n]) {
						t.Errorf("reader %d sees another set after %d batches", r, n)
						return
					}
					last = n
					seen[r]++
				}
				runtime.Gosched()
			}
		})
	}
	set := NewSet(p)
	for n := range int64(batches) {
		for range rows {
			if err := set.Merge(one); err != nil { // the writer's own, half a batch in between
				t.Error(err)
			}
		}
		published.Publish(&shot{n + 1, set.Clone(), set.AppendBinary(nil)})
		runtime.Gosched()
	}
	wg.Wait()
	t.Logf("states seen by each reader, of %d: %v", batches, seen)
}

func TestPublishedShowsZeroFirst(t *testing.T) {
	var p Published[[2]int]
	if got := p.Latest(); got != [2]int{} {
		t.Error(got)
	}
	p.Publish([2]int{1, 2})
	p.Publish([2]int{3, 4})
	if got := p.Latest(); got != [2]int{3, 4} {
		t.Error(got)
	}
	if n := testing.AllocsPerRun(100, func() { _ = p.Latest() }); n != 0 {
		t.Errorf("a look costs %g allocations", n)
	}
}
