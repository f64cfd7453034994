package sketch

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// The parts of a slice code: per dimension two bytes, big endian.
const (
	SliceMissing = 0xffff // the value is missing or invalid
	maxSliceCode = 0xfffe
)

// Bin is the bin of a finite number: how many edges lie below it. Bins are right-closed: a value equal to an edge belongs to
// the bin that ends there.
func Bin(l *plan.Layout, v float64) int { return binOf(l.Edges, v) }

func binOf(edges []float64, v float64) int {
	low, high := 0, len(edges)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if edges[mid] < v {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// ScoreBins finds the bins of scores in the reliability curve of a plan. It is read-only and may be shared.
type ScoreBins struct{ grid grid }

// NewScoreBins makes the ScoreBins of a plan; a plan without binary scores has none that could be asked.
func NewScoreBins(p *plan.Plan) *ScoreBins {
	if !p.Score.Binary() {
		return nil
	}
	return &ScoreBins{newGrid(p.Score.Edges)}
}

// Of is the bin of a score from 0 to 1.
func (b *ScoreBins) Of(score float64) int { return b.grid.find(score) }

// BinString is the bin of a category, and whether the reference had no such value (which is then counted in the last bin). It
// searches the lists; a Counter does the same by a table.
func BinString(l *plan.Layout, v string) (bin int, isNew bool) {
	if at := slices.Index(l.Categories, v); at >= 0 {
		return at, false
	}
	return len(l.Categories), !slices.Contains(l.Known, v)
}

// SliceCode names the finest slice of a row: two bytes per dimension of plan.Slices, big endian: the index of the value,
// len(Values) for any other, SliceMissing for none. It searches the lists; a Counter does the same by tables.
func SliceCode(p *plan.Plan, b *plan.Batch, row int) string {
	code := make([]byte, 0, 2*len(p.Slices))
	for i := range p.Slices {
		d := &p.Slices[i]
		c := &b.Cols[d.Field]
		at := SliceMissing
		if isKind(p, d.Field, plan.String) && c.State[row] == plan.OK {
			if at = slices.Index(d.Values, c.Str[row]); at < 0 {
				at = len(d.Values)
			}
			at = min(at, maxSliceCode)
		}
		code = append(code, byte(at>>8), byte(at))
	}
	return string(code)
}

// Decide is the decision of a row: by the event's own decision field (>= 0.5 is positive) if the plan says so, else by score >=
// threshold. ok is false where there is none.
func Decide(p *plan.Plan, b *plan.Batch, row int) (positive, ok bool) {
	if !p.Score.Binary() {
		return false, false
	}
	roles := &p.Prediction.Roles
	if p.Score.Own {
		v, ok := number(p, b, roles.Decision, row)
		return ok && v >= 0.5, ok
	}
	v, ok := number(p, b, roles.Score, row)
	if _, in := ScoreFixed(v); !ok || !in {
		return false, false
	}
	return v >= p.Score.Threshold, true
}

func number(p *plan.Plan, b *plan.Batch, field, row int) (float64, bool) {
	if !isKind(p, field, plan.Number) || b.Cols[field].State[row] != plan.OK {
		return 0, false
	}
	return b.Cols[field].Num[row], true
}

// isKind reports whether a field is there and of this kind. A plan is checked when it is read, but a role may name a field of
// another kind; then there are no values rather than a panic.
func isKind(p *plan.Plan, field int, k plan.Kind) bool {
	return field >= 0 && field < len(p.Prediction.Fields) && p.Prediction.Fields[field].Kind == k
}
