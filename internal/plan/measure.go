package plan

import "unicode/utf8"

// Measure is what a column holds of a value that is not kept itself.
type Measure string

// The measures. Whole is the value itself.
const (
	Whole       Measure = ""
	OfLength    Measure = "length"    // of text, in Unicode code points: a Number
	OfCharset   Measure = "charset"   // of text, see CharsetOf: a String
	OfNorm      Measure = "norm"      // of an array of numbers, the square root of the sum of their squares: a Number
	OfDimension Measure = "dimension" // of an array of numbers, how many there are: a Number
)

// measured reports whether f's kind is that of its measure.
func (f *Field) measured() bool {
	switch f.Of {
	case Whole:
		return true
	case OfLength, OfNorm, OfDimension:
		return f.Kind == Number && f.Expr == ""
	case OfCharset:
		return f.Kind == String && f.Expr == ""
	}
	return false
}

// LengthOf is how many code points s has.
func LengthOf(s string) float64 { return float64(utf8.RuneCountInString(s)) }

// CharsetOf is the smallest of these classes that has all of s: "empty"; "ascii"; "latin", up to U+024F; "other".
func CharsetOf(s string) string {
	class := "empty"
	for _, r := range s {
		switch {
		case r > 0x24F:
			return "other"
		case r >= utf8.RuneSelf:
			class = "latin"
		case class == "empty":
			class = "ascii"
		}
	}
	return class
}
