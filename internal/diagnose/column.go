package diagnose

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Sizes from which things are said.
const (
	// fewestRows is how many values are asked for before a cause is named that changes a column beyond anything it did: by a factor of 8 or more, to
	// one value, to texts that a conversion foretells.
	fewestRows = 200
	// manyRows is how many values causes take that something natural could look like: conversions by less, swaps. Measured: of 500 values one in 40
	// drifts gets a wrong name, of 2,000 one in 160, of 5,000 none.
	manyRows = 2000
	// least is the distance below which two distributions count as one, however many values there are.
	least = 0.02
	// leastMoved is the distance from which conversions are looked for.
	leastMoved = 0.1
)

// numeric is a numeric column of a case.
type numeric struct {
	at       int // of plan.Columns
	column   *plan.Column
	ref, cur *numbers
	noise    float64 // between two samples of their sizes
	natural  float64 // between the reference and its own panes, beyond noise
	deff     float64
	moved    float64
}

func newNumeric(p *plan.Plan, at int, ref, cur *numbers) *numeric {
	c := &p.Columns[at]
	n := &numeric{at: at, column: c, ref: ref, cur: cur, deff: max(1, c.Reference.Null.Deff)}
	n.noise = noise(ref.valid, cur.valid)
	// What the reference's panes scatter beyond sampling: their excess of chi-square over n is about the square of a shift in standard deviations, of
	// which the distance is 0.4; twice that is allowed for.
	if panes := c.Reference.Null.Panes; panes > 0 && n.deff > natural {
		perPane := float64(c.Reference.N) / float64(panes)
		n.natural = 0.8 * math.Sqrt((n.deff-natural)*float64(max(1, len(c.Reference.Bins)-1))/perPane)
	}
	n.moved = moved(ref, cur)
	return n
}

// natural is the design effect up to which panes scatter as independent rows do.
const natural = 1.5

// alike is the distance below which a conversion explains the column.
func (n *numeric) alike() float64 { return max(least, n.noise, min(n.natural, 0.3)) }

// usual is how far the column may lie from the reference without anything having happened.
func (n *numeric) usual() float64 { return max(n.noise, min(n.natural, 0.3)) }

func (n *numeric) name() string { return n.column.Name }

// weight is how far the column has moved in units of what is usual.
func (n *numeric) weight(by float64) float64 { return by / max(n.noise, n.natural, 1e-6) }

// zeroInflated reports whether most values of both sides are 0, or were.
func (n *numeric) zeroInflated() bool { return 2*n.ref.zero > n.ref.valid }

// beside is the column without its zeros, where they are most of it and enough is left.
func (n *numeric) beside() (*numeric, bool) {
	ref, ok := n.ref.without(0, 0)
	cur, ok2 := n.cur.without(0, 0)
	if !ok || !ok2 {
		return nil, false
	}
	out := *n
	out.ref, out.cur = ref, cur
	out.noise = noise(ref.valid, cur.valid)
	out.moved = moved(ref, cur)
	return &out, true
}
