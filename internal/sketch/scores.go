package sketch

import (
	"unsafe"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// scoreColumn counts scores and decisions in all cells at once.
type scoreColumn struct {
	plan  *plan.Plan
	field int
	grid  grid
	bins  int
	curve []scoreBin // by cell and bin
	sums  []scoreSums
	read  []Scored // by row of the last batch

	scratch []int64
}

// Scored is what a row says of its score.
type Scored struct {
	Score    int64 // of ScoreFixed
	Bin      int32 // of ScoreBins
	Positive bool  // the decision, see Decide
	OK       bool  // there is a usable score, and a decision was taken: an outcome can be held against them
}

type scoreBin struct{ n, s, s2 int64 }

type scoreSums struct{ scored, invalid, decided, positive uint32 }

func newScoreColumn(p *plan.Plan) *scoreColumn {
	return &scoreColumn{plan: p, field: p.Prediction.Roles.Score, grid: newGrid(p.Score.Edges), bins: p.Score.Bins()}
}

func (n *scoreColumn) cellBytes() int {
	return n.bins*int(unsafe.Sizeof(scoreBin{})) + int(unsafe.Sizeof(scoreSums{}))
}

func (n *scoreColumn) grow(cells int) {
	n.curve, n.sums = grown(n.curve, cells*n.bins), grown(n.sums, cells)
}

func (n *scoreColumn) reset() {
	clear(n.curve)
	clear(n.sums)
	n.curve, n.sums = kept(n.curve, keptCells*n.bins), kept(n.sums, keptCells)
}

// count takes the rows of a batch. tell says to keep what each says, see ScoreOf.
func (n *scoreColumn) count(b *plan.Batch, at *placed, tell bool) {
	in := &b.Cols[n.field]
	own, threshold := n.plan.Score.Own, n.plan.Score.Threshold
	n.read = n.read[:0]
	if tell {
		n.read = grown(n.read, len(at.cells))
		clear(n.read)
	}
	from := int32(0)
	for _, r := range at.runs {
		s, curve := &n.sums[r.of], n.curve[int(r.of)*n.bins:][:n.bins]
		for _, row := range at.rows[from:r.end] {
			positive, decided := false, false
			if own {
				if positive, decided = Decide(n.plan, b, int(row)); decided {
					s.decided++
					if positive {
						s.positive++
					}
				}
			}
			state, v := in.State[row], in.Num[row]
			if state == plan.Missing {
				continue
			}
			score, ok := ScoreFixed(v)
			if !ok || state != plan.OK {
				s.invalid++
				continue
			}
			if !own {
				positive, decided = v >= threshold, true
				s.decided++
				if positive {
					s.positive++
				}
			}
			s.scored++
			found := n.grid.find(v)
			if tell {
				n.read[row] = Scored{Score: score, Bin: int32(found), Positive: positive, OK: decided}
			}
			bin := &curve[found]
			bin.n++
			bin.s += score
			bin.s2 += squared(score)
		}
		from = r.end
	}
}

// scores writes what a cell holds to s, but for the curve.
func (n *scoreColumn) scores(to *Set, cell int) {
	s := &n.sums[cell]
	to.Scored, to.ScoreInvalid, to.Decided, to.Positive = int64(s.scored), int64(s.invalid), int64(s.decided), int64(s.positive)
}

func (n *scoreColumn) binsOf(cell int) []scoreBin { return n.curve[cell*n.bins : (cell+1)*n.bins] }

func (n *scoreColumn) curveOf(to *Curve, cell int) {
	for i, b := range n.binsOf(cell) {
		to.N[i], to.S[i], to.S2[i] = b.n, b.s, b.s2
	}
}

// append writes a cell's curve as Curve.appendScores would.
func (n *scoreColumn) append(b []byte, cell int) []byte {
	n.scratch = n.scratch[:0]
	bins := n.binsOf(cell)
	for i := range bins {
		n.scratch = append(n.scratch, bins[i].n)
	}
	b = appendCounted(b, n.scratch, int64(n.sums[cell].scored))
	mean := int64(0)
	for i := range bins {
		b, mean = appendScore(b, &bins[i], mean)
	}
	return b
}
