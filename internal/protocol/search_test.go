package protocol

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
)

// label names one step of a model: a kind, and up to three small numbers for the words.
type label struct{ kind, a, b, c uint8 }

// system is a protocol as a graph: a state, the steps out of it, and what must hold in every state. A state must not hold
// anything that doesn't matter for what comes: that would make states out of one.
type system[S comparable] struct {
	initial S
	steps   func(s *S, emit func(*S, label))
	wrong   func(s *S) string // what is wrong with a state, "" if nothing is
	done    func(s *S) bool   // all input is worked off and nothing is under way
	words   []string          // by kind of step; {a}, {b}, {c} stand for the label's numbers
}

// verdict is what a search found.
type verdict struct {
	states, edges int
	wrong         string   // of the first wrong state; "" if every state is right
	trace         []string // the shortest way to it
	stuck         int      // states from which the end can't be reached any more
	stuckTrace    []string // the shortest way to such a state
	never         []string // kinds of steps that no state allows
}

// search visits every state that can be reached, breadth first, until one is wrong. limit bounds the number of states: a
// search that ran into it has shown nothing, and says so as an error.
func (y *system[S]) search(limit int) (verdict, error) {
	g := newGraph[S]()
	g.enter(&y.initial, 0)
	if w := y.wrong(&y.initial); w != "" {
		return verdict{states: 1, wrong: w}, nil
	}
	taken := make([]bool, len(y.words))
	var v verdict
	bad := -1
	for at := 0; at < len(g.states); at++ {
		from := g.states[at] // a copy: the slice grows meanwhile
		g.first = append(g.first, uint32(len(g.edges)))
		y.steps(&from, func(to *S, l label) {
			taken[l.kind] = true
			i, fresh := g.enter(to, int32(at))
			g.edges = append(g.edges, i)
			if fresh && bad < 0 {
				if v.wrong = y.wrong(to); v.wrong != "" {
					bad = int(i)
				}
			}
		})
		if bad >= 0 {
			v.states, v.edges, v.trace = len(g.states), len(g.edges), y.trace(g, bad)
			return v, nil
		}
		if len(g.states) > limit {
			return v, fmt.Errorf("more than %d states: the search did not come to its end", limit)
		}
	}
	v.states, v.edges = len(g.states), len(g.edges)
	for kind, was := range taken {
		if !was {
			v.never = append(v.never, y.words[kind])
		}
	}
	var first int
	if v.stuck, first = g.stuck(y.done); first >= 0 {
		v.stuckTrace = y.trace(g, first)
	}
	return v, nil
}

// trace tells the steps from the initial state to state at. It takes them again: only states are kept.
func (y *system[S]) trace(g *graph[S], at int) []string {
	var out []string
	for at > 0 {
		before, words := int(g.parent[at]), ""
		from := g.states[before]
		y.steps(&from, func(to *S, l label) {
			if words == "" && *to == g.states[at] {
				words = strings.NewReplacer("{a}", fmt.Sprint(l.a), "{b}", fmt.Sprint(l.b), "{c}", fmt.Sprint(l.c)).Replace(y.words[l.kind])
			}
		})
		out = append(out, words)
		at = before
	}
	slices.Reverse(out)
	return out
}

// graph is what a search has visited: every state once, in the order of discovery, found again by an open hash table of
// indexes. States are compared whole.
type graph[S comparable] struct {
	seed   maphash.Seed
	states []S
	parent []int32
	table  []int32  // index + 1; 0 is free; the length is a power of two
	first  []uint32 // of the edges of each state visited
	edges  []int32
}

func newGraph[S comparable]() *graph[S] {
	return &graph[S]{seed: maphash.MakeSeed(), table: make([]int32, 1<<12)}
}

// enter returns the index of a state, and whether it is new.
func (g *graph[S]) enter(s *S, parent int32) (int32, bool) {
	if 2*len(g.states) >= len(g.table) {
		g.table = make([]int32, 2*len(g.table))
		for i := range g.states {
			g.table[g.slot(&g.states[i])] = int32(i) + 1
		}
	}
	at := g.slot(s)
	if i := g.table[at]; i > 0 {
		return i - 1, false
	}
	g.states = append(g.states, *s)
	g.parent = append(g.parent, parent)
	g.table[at] = int32(len(g.states))
	return int32(len(g.states)) - 1, true
}

// slot is where s stands in the table, or would stand.
func (g *graph[S]) slot(s *S) int {
	mask := len(g.table) - 1
	at := int(maphash.Comparable(g.seed, *s)) & mask
	for g.table[at] > 0 && g.states[g.table[at]-1] != *s {
		at = (at + 1) & mask
	}
	return at
}

// stuck counts the states from which no done state can be reached, and finds the first of them, -1 for none. It walks
// backwards in rounds: states found late are near the end, so few rounds do.
func (g *graph[S]) stuck(done func(*S) bool) (count, first int) {
	ends := make([]bool, len(g.states))
	for i := range g.states {
		ends[i] = done(&g.states[i])
	}
	for changed := true; changed; {
		changed = false
		for i := len(ends) - 1; i >= 0; i-- {
			if ends[i] {
				continue
			}
			to := len(g.edges)
			if i+1 < len(g.first) {
				to = int(g.first[i+1])
			}
			for _, next := range g.edges[g.first[i]:to] {
				if ends[next] {
					ends[i], changed = true, true
					break
				}
			}
		}
	}
	first = -1
	for i, e := range ends {
		if !e {
			if first < 0 {
				first = i
			}
			count++
		}
	}
	return count, first
}
