package file

import (
	"math"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// measure stores what a column holds of a value that is there: of a text its length or its class, of a list its numbers as text.
func measure(b *plan.Batch, col, row int, of plan.Measure, v Value) {
	switch {
	case of == plan.OfList:
		if text, state := listText(v); state == plan.OK {
			b.SetString(col, row, strings.Clone(text))
		} else if state == plan.Invalid {
			b.SetInvalid(col, row)
		}
	case of == plan.OfCodes && (v.Kind == List || v.Kind == Texts):
		b.SetString(col, row, "["+v.Text+"]")
	case of == plan.OfGiven && (v.Kind == List || v.Kind == Texts):
		b.SetNumber(col, row, plan.Given("["+v.Text+"]"))
	case v.Kind == List || v.Kind == Texts || v.Kind == Nested:
		b.SetInvalid(col, row)
	case of == plan.OfCodes:
		b.SetString(col, row, strings.Clone(v.Text))
	case of == plan.OfGiven:
		b.SetNumber(col, row, plan.Given(v.Text))
	case of == plan.OfLength:
		b.SetNumber(col, row, plan.LengthOf(v.Text))
	default:
		b.SetString(col, row, plan.CharsetOf(v.Text))
	}
}

// vector is one column of the file that holds lists of numbers, and the fields that measure it.
type vector struct {
	column  int
	fields  []int
	numbers []float64 // of the row at hand
}

// vectorOf is the place among j's vectors of the one in a column of the file.
func (j *Projector) vectorOf(column int) *vector {
	for i := range j.vectors {
		if j.vectors[i].column == column {
			return &j.vectors[i]
		}
	}
	j.vectors = append(j.vectors, vector{column: column})
	return &j.vectors[len(j.vectors)-1]
}

// listText is what stands in a list: of a JSON array, or of text that is written like one, for a CSV has no lists.
func listText(v Value) (text string, state plan.State) {
	switch v.Kind {
	case Absent, Null:
		return "", plan.Missing
	case List:
		return v.Text, plan.OK
	case Text:
		s := strings.TrimSpace(v.Text)
		if missing(s) {
			return "", plan.Missing
		}
		if len(s) >= 2 && s[0] == '[' && s[len(s)-1] == ']' {
			return strings.TrimSpace(s[1 : len(s)-1]), plan.OK
		}
	case Digits, Truth, Nested, Texts:
	}
	return "", plan.Invalid
}

// set stores what is measured of a list: its norm, its dimension, and its components, which are missing beyond its end.
func (v *vector) set(b *plan.Batch, row int, value Value) {
	list, state := listText(value)
	switch {
	case state == plan.Missing:
		return
	case state != plan.OK || !v.parse(list):
		for _, col := range v.fields {
			b.SetInvalid(col, row)
		}
		return
	}
	for _, col := range v.fields {
		of := b.Fields[col].Of
		switch i, component := of.Component(); {
		case component && i < len(v.numbers):
			b.SetNumber(col, row, v.numbers[i])
		case component: // the list ends before it
		case of == plan.OfNorm:
			squares := 0.0
			for _, n := range v.numbers {
				squares += n * n
			}
			b.SetNumber(col, row, math.Sqrt(squares))
		default:
			b.SetNumber(col, row, float64(len(v.numbers)))
		}
	}
}

// parse reads numbers with commas between.
func (v *vector) parse(list string) bool {
	v.numbers = v.numbers[:0]
	if list == "" {
		return true
	}
	for text := range strings.SplitSeq(list, ",") {
		n, ok := parseNumber(strings.TrimSpace(text))
		if !ok {
			return false
		}
		v.numbers = append(v.numbers, n)
	}
	return true
}
