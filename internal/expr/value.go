package expr

// Type is the kind of values a variable or a result has.
type Type int

// The types. Any stands, for a wanted result, for "whatever the expression gives"; for a variable, for "not known before the
// event's schema is": such a variable is checked when the expression is evaluated.
const (
	Any Type = iota
	Number
	String
	Bool
)

// String is t in words that a contract's author knows.
func (t Type) String() string {
	switch t {
	case Number:
		return "a number"
	case String:
		return "text"
	case Bool:
		return "true or false"
	default:
		return "any value"
	}
}

// Var is one variable an expression may use. Names are CEL identifiers, or several joined by dots.
type Var struct {
	Name string
	Type Type
}

// Kind says which field of a Value holds.
type Kind int

// The kinds of value. The zero Kind is Null: a missing value.
const (
	KindNull Kind = iota
	KindNumber
	KindString
	KindBool
)

// Value is one value of a row, or the result of an expression.
type Value struct {
	Kind Kind
	Num  float64
	Str  string
	Bool bool
}

// Null is the missing value.
func Null() Value { return Value{} }

// Num is the number f; NaN counts as missing.
func Num(f float64) Value { return Value{Kind: KindNumber, Num: f} }

// Str is the text s.
func Str(s string) Value { return Value{Kind: KindString, Str: s} }

// Boolean is the truth value b.
func Boolean(b bool) Value { return Value{Kind: KindBool, Bool: b} }
