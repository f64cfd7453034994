package protocol

import (
	"slices"
	"strings"
	"testing"
)

// jugs is the riddle of the two jugs, of 3 and 5 litres: what is known of its graph, the search must find.
type jugs struct{ small, large uint8 }

func riddle(wrong func(*jugs) string, done func(*jugs) bool) *system[jugs] {
	return &system[jugs]{
		words: []string{"fill the jug of {a}", "empty the jug of {a}", "pour the jug of {a} into that of {b}", "drink the jug of {a}"},
		steps: func(s *jugs, emit func(*jugs, label)) {
			emit(&jugs{3, s.large}, label{0, 3, 0, 0})
			emit(&jugs{s.small, 5}, label{0, 5, 0, 0})
			emit(&jugs{0, s.large}, label{1, 3, 0, 0})
			emit(&jugs{s.small, 0}, label{1, 5, 0, 0})
			n := min(s.small, 5-s.large)
			emit(&jugs{s.small - n, s.large + n}, label{2, 3, 5, 0})
			n = min(s.large, 3-s.small)
			emit(&jugs{s.small + n, s.large - n}, label{2, 5, 3, 0})
		},
		wrong: wrong, done: done,
	}
}

func TestSearch(t *testing.T) {
	fine := func(*jugs) string { return "" }
	empty := func(s *jugs) bool { return *s == jugs{} }
	// Of the 24 fillings 16 can be reached: those where a jug is empty or full.
	v, err := riddle(fine, empty).search(100)
	if err != nil || v.states != 16 || v.edges != 16*6 || v.wrong != "" || v.stuck != 0 || !slices.Equal(v.never, []string{"drink the jug of {a}"}) {
		t.Errorf("%+v, %v", v, err)
	}
	// Four litres take six steps, and there is one way to do it in six.
	v, err = riddle(func(s *jugs) string {
		if s.large == 4 {
			return "four litres"
		}
		return ""
	}, empty).search(100)
	want := []string{
		"fill the jug of 5", "pour the jug of 5 into that of 3", "empty the jug of 3",
		"pour the jug of 5 into that of 3", "fill the jug of 5", "pour the jug of 5 into that of 3",
	}
	if err != nil || v.wrong != "four litres" || !slices.Equal(v.trace, want) {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := riddle(func(*jugs) string { return "everything" }, empty).search(100); err != nil || v.wrong != "everything" || len(v.trace) != 0 {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := riddle(fine, empty).search(10); err == nil || !strings.Contains(err.Error(), "more than 10 states") {
		t.Errorf("a search that was cut short says %v", err)
	}
}

// A walk from 0 to 9 that may jump from 3 into a cycle without exit.
func TestSearchFindsDeadEnds(t *testing.T) {
	walk := system[uint8]{
		words: []string{"up", "jump", "around"},
		steps: func(s *uint8, emit func(*uint8, label)) {
			next := *s + 1
			switch {
			case *s < 9:
				emit(&next, label{})
			case *s > 10:
				next = 31 - *s // 20 and 11
				emit(&next, label{kind: 2})
			}
			if *s == 3 {
				next = 20
				emit(&next, label{kind: 1})
			}
		},
		wrong: func(*uint8) string { return "" },
		done:  func(s *uint8) bool { return *s == 9 },
	}
	v, err := walk.search(100)
	if err != nil || v.states != 12 || v.stuck != 2 || !slices.Equal(v.stuckTrace, []string{"up", "up", "up", "jump"}) || v.never != nil {
		t.Errorf("%+v, %v", v, err)
	}
}

// The table is exact: many states, some found again and again, none lost and none entered twice.
func TestGraphKeepsEveryState(t *testing.T) {
	g := newGraph[[2]uint32]()
	const n = 50_000
	for round := range 2 {
		for i := range uint32(n) {
			if at, fresh := g.enter(&[2]uint32{i * 2654435761, i % 7}, 0); at != int32(i) || fresh != (round == 0) {
				t.Fatalf("round %d: state %d is at %d, new %v", round, i, at, fresh)
			}
		}
	}
	if len(g.states) != n {
		t.Errorf("%d states", len(g.states))
	}
}
