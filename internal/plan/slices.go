package plan

import (
	"slices"
	"strconv"
	"strings"
)

// A slice code names a finest slice: two bytes per dimension of the plan, big endian, the index of the value; len(Values) is
// every value not in the dictionary, NoValue a missing one.

// NoValue is the code of a missing slice value.
const NoValue = 0xFFFF

// SliceAt is the code of dimension dim in a slice code.
func SliceAt(slice string, dim int) int { return int(slice[2*dim])<<8 | int(slice[2*dim+1]) }

// InSlice reports whether a finest slice lies in the slice that the values codes of the dimensions dims name.
func InSlice(slice string, dims, codes []int) bool {
	for i, d := range dims {
		if 2*d+1 >= len(slice) || SliceAt(slice, d) != codes[i] {
			return false
		}
	}
	return true
}

// Label is the name of a slice value for people.
func (d *Dimension) Label(code int) string {
	switch {
	case code >= 0 && code < len(d.Values):
		return d.Values[code]
	case code == len(d.Values):
		return "other"
	default:
		return "missing"
	}
}

// LineageDimension is which of Slices is by the field that says which job and version made a prediction's inputs; -1 where none is.
func (p *Plan) LineageDimension() int {
	at := p.Prediction.Roles.Lineage
	if at < 0 {
		return -1
	}
	field := &p.Prediction.Fields[at]
	return slices.IndexFunc(p.Slices, func(d Dimension) bool {
		of := &p.Prediction.Fields[d.Field]
		return d.Field == at || len(of.Path) > 0 && slices.Equal(of.Path, field.Path) && of.From == field.From
	})
}

// IsPositive reports whether a label counts as 1: it equals the contract's positive value, as text or as a number.
func (p *Plan) IsPositive(label string) bool {
	if label == p.Positive {
		return true
	}
	a, okA := number(label)
	b, okB := number(p.Positive)
	return okA && okB && a == b
}

// ClassOf is the number of a class by its name, as text or as a number; that behind the last for every other name.
func (s *Score) ClassOf(name string) int {
	for i, class := range s.Classes {
		if class == name {
			return i
		}
	}
	if a, ok := number(name); ok {
		for i, class := range s.Classes {
			if b, ok := number(class); ok && a == b {
				return i
			}
		}
	}
	return len(s.Classes)
}

// Named is a class by the name it has in the plan; a name that the plan hasn't, as it is, cut to so many bytes. It shares no memory with
// name.
func (s *Score) Named(name string, most int) string {
	if at := s.ClassOf(name); at < len(s.Classes) {
		return s.Classes[at]
	}
	return strings.Clone(name[:min(len(name), most)])
}

func number(s string) (float64, bool) {
	switch s {
	case "true":
		return 1, true
	case "false":
		return 0, true
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

// Terms are the plan's terms of joining, in microseconds.
type Terms struct {
	Keep        int64
	MatureAfter int64
	PaneEnd     func(pane int64) int64
}

// Sampled is the share of the predictions whose outcomes are joined.
func (p *Plan) Sampled() float64 {
	if p.Sample == 0 {
		return 1
	}
	return p.Sample
}

// Terms says how predictions and outcomes are joined under the plan.
func (p *Plan) Terms() Terms {
	step := p.Pane.Microseconds()
	return Terms{Keep: p.Keep.Microseconds(), MatureAfter: p.MatureAfter.Microseconds(), PaneEnd: func(pane int64) int64 { return pane + step }}
}
