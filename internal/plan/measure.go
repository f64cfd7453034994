package plan

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/plumbline-ml/plumbline/internal/contract"
)

// Measure is what a column holds of a value that is not kept itself.
type Measure string

// The measures. Whole is the value itself.
const (
	Whole       Measure = ""
	OfLength    Measure = "length"    // of text, in Unicode code points: a Number
	OfCharset   Measure = "charset"   // of text, see CharsetOf: a String
	OfNorm      Measure = "norm"      // of an array of numbers, the square root of the sum of their squares: a Number
	OfDimension Measure = "dimension" // of an array of numbers, how many there are: a Number
	OfGiven     Measure = "given"     // of a text, or of an array of texts, whether there is one that isn't blank, see Given: 1 or 0, a Number
	OfList      Measure = "list"      // of an array of numbers, all of them as text with commas between: a String, for who writes events; no plan has it
	OfCodes     Measure = "codes"     // a text, or an array of texts as text with brackets around and commas between: likewise
)

// component begins the measures that are numbers of an array.
const component = "component_"

// Component is the measure of an array of numbers that is the number at index i itself, from 0 on: a Number. An array that ends
// before it has none there: Missing.
func Component(i int) Measure { return Measure(component + strconv.Itoa(i)) }

// Component is the index of the number that m is, 0 to contract.MaxComponents-1; ok says that it is one.
func (m Measure) Component() (i int, ok bool) {
	digits, ok := strings.CutPrefix(string(m), component)
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(digits)
	if err != nil || i < 0 || i >= contract.MaxComponents || Component(i) != m {
		return 0, false
	}
	return i, true
}

// OfVector reports whether m is taken of an array of numbers.
func (m Measure) OfVector() bool {
	_, ok := m.Component()
	return ok || m == OfNorm || m == OfDimension
}

// measured reports whether f's kind is that of its measure.
func (f *Field) measured() bool {
	switch f.Of {
	case Whole:
		return true
	case OfLength, OfNorm, OfDimension, OfGiven:
		return f.Kind == Number && f.Expr == ""
	case OfCharset:
		return f.Kind == String && f.Expr == ""
	case OfList, OfCodes:
		return false
	}
	_, ok := f.Of.Component()
	return ok && f.Kind == Number && f.Expr == ""
}

// LengthOf is how many code points s has.
func LengthOf(s string) float64 { return float64(utf8.RuneCountInString(s)) }

// Given is 1 if a text says anything, else 0: blanks say nothing, and of a text that is written like a list, as in the cell of a CSV,
// neither do brackets, quotes and commas.
func Given(s string) float64 {
	s = strings.TrimSpace(s)
	if n := len(s); n >= 2 && s[0] == '[' && s[n-1] == ']' {
		s = strings.Trim(s[1:n-1], " \t\r\n,\"'")
	}
	if s == "" {
		return 0
	}
	return 1
}

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
