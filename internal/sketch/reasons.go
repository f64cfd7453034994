package sketch

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// What Set.Reasons counts: of each kind of decisions how many there are, and how many of them carry reason codes.
const (
	reasonsNegative = 2 * iota
	reasonsPositive
	reasonsUndecided // no decision was taken, or none that can be read
	reasonsCounts
)

// Reasoned is how many predictions of a set carry reason codes, and how many there are: of one kind of decisions, or of all. Both are 0 under a
// plan that names no reason codes.
func (s *Set) Reasoned(of string) (given, all int64) {
	for _, kind := range []struct {
		at   int
		name string
	}{{reasonsNegative, contract.NegativeDecisions}, {reasonsPositive, contract.PositiveDecisions}, {reasonsUndecided, ""}} {
		if s.Reasons != nil && (of == contract.AllDecisions || of == kind.name) {
			all += s.Reasons[kind.at]
			given += s.Reasons[kind.at+1]
		}
	}
	return given, all
}

// reasonsColumn counts reason codes in all cells at once.
type reasonsColumn struct {
	plan  *plan.Plan
	field int
	cells [][reasonsCounts]uint32
}

func (n *reasonsColumn) cellBytes() int { return 4 * reasonsCounts }

func (n *reasonsColumn) grow(cells int) { n.cells = grown(n.cells, cells) }

func (n *reasonsColumn) reset() {
	clear(n.cells)
	n.cells = kept(n.cells, keptCells)
}

func (n *reasonsColumn) count(b *plan.Batch, cells []int32) {
	in := &b.Cols[n.field]
	for row, cell := range cells {
		if cell < 0 {
			continue
		}
		at := reasonsUndecided
		switch positive, ok := n.decision(b, row); {
		case ok && positive:
			at = reasonsPositive
		case ok:
			at = reasonsNegative
		}
		n.cells[cell][at]++
		if in.State[row] == plan.OK && in.Num[row] > 0 {
			n.cells[cell][at+1]++
		}
	}
}

// decision is the decision of a row. A model without a score has those that its events take.
func (n *reasonsColumn) decision(b *plan.Batch, row int) (positive, ok bool) {
	if n.plan.Score == nil {
		v, ok := number(n.plan, b, n.plan.Prediction.Roles.Decision, row)
		return v >= 0.5, ok
	}
	return Decide(n.plan, b, row)
}

// reasons writes what a cell holds to s.
func (n *reasonsColumn) reasons(s *Set, cell int) {
	for i, v := range n.cells[cell] {
		s.Reasons[i] = int64(v)
	}
}

// readReasons reads what appendOdds wrote: as many predictions as the set has rows.
func (s *Set) readReasons(r *wire.Reader) {
	readInts(r, s.Reasons, 0, s.Rows)
	if r.Err() != nil {
		return
	}
	rows := int64(0)
	for at := 0; at < reasonsCounts; at += 2 {
		if rows += s.Reasons[at]; s.Reasons[at+1] > s.Reasons[at] {
			r.Fail(fmt.Errorf("%d of %d decisions carry reason codes", s.Reasons[at+1], s.Reasons[at]))
			return
		}
	}
	if rows != s.Rows {
		r.Fail(fmt.Errorf("%d decisions are counted for reason codes, of %d", rows, s.Rows))
	}
}
