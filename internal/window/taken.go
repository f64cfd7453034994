package window

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/record"
)

// Stretch is event time [From, To), microseconds since the Unix epoch.
type Stretch struct{ From, To int64 }

func (s Stretch) holds(us int64) bool { return us >= s.From && us < s.To }

// Taken says what another plan has judged already: panes and cohorts that begin there. What comes of them is late. It is no part of
// the state.
func (a *Assembler) Taken(panes, cohorts []Stretch) { a.taken.panes, a.taken.cohorts = panes, cohorts }

// taken is what other plans have judged.
type taken struct{ panes, cohorts []Stretch }

// passed reports whether a pane was closed, by this plan or another one.
func (a *Assembler) passed(start int64) bool {
	return start < a.closed || slices.ContainsFunc(a.taken.panes, func(s Stretch) bool { return s.holds(start) })
}

// others reports whether another plan has handed out a cohort.
func (a *Assembler) others(start int64) bool {
	return slices.ContainsFunc(a.taken.cohorts, func(s Stretch) bool { return s.holds(start) })
}

// Reached is how far both lanes have come: the event time up to which panes are closed and cohorts handed out, record.NoTime
// before the first of either.
func (a *Assembler) Reached() (closed, mature int64) { return a.closed, a.mature }

// Closed is the event time up to which every pane has been judged; ok is false before the first.
func (a *Assembler) Closed() (us int64, ok bool) { return a.closed, a.closed != record.NoTime }
