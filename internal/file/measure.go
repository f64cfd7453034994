package file

import (
	"math"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// measure stores what a column holds of a value that is there: of text its length or class, of a list of numbers its norm or
// dimension. A CSV has no lists: there a vector is invalid.
func measure(b *plan.Batch, col, row int, of plan.Measure, v Value) {
	vector := of == plan.OfNorm || of == plan.OfDimension
	switch {
	case vector != (v.Kind == List) || v.Kind == Nested:
		b.SetInvalid(col, row)
	case of == plan.OfLength:
		b.SetNumber(col, row, plan.LengthOf(v.Text))
	case of == plan.OfCharset:
		b.SetString(col, row, plan.CharsetOf(v.Text))
	default:
		squares, n, ok := sum(v.Text)
		switch {
		case !ok:
			b.SetInvalid(col, row)
		case of == plan.OfNorm:
			b.SetNumber(col, row, math.Sqrt(squares))
		default:
			b.SetNumber(col, row, float64(n))
		}
	}
}

// sum reads numbers with commas between: the sum of their squares, and how many there are.
func sum(list string) (squares float64, n int, ok bool) {
	if list == "" {
		return 0, 0, true
	}
	for text := range strings.SplitSeq(list, ",") {
		v, ok := parseNumber(text)
		if !ok {
			return 0, 0, false
		}
		squares += v * v
		n++
	}
	return squares, n, true
}
