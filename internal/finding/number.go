package finding

import (
	"encoding/json"
	"math"
	"strconv"
)

// Number is a float that JSON can carry: NaN and infinities become null, and values are rounded to ten significant digits,
// so that the last bits of a platform's arithmetic enter no id.
type Number float64

// None is "there is no such number".
func None() Number { return Number(math.NaN()) }

// MarshalJSON writes the shortest form of n rounded to ten significant digits.
func (n Number) MarshalJSON() ([]byte, error) {
	v := float64(n)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(n.Round())
}

// UnmarshalJSON reads a number or null.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = None()
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

// Round is n to ten significant digits. There is one zero: -0 would have bytes, and so an id, of its own.
func (n Number) Round() float64 {
	v := float64(n)
	switch {
	case v == 0:
		return 0
	case math.IsNaN(v) || math.IsInf(v, 0):
		return v
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'e', 9, 64), 64)
	if err != nil {
		return v
	}
	return r
}

// Valid reports whether there is a number.
func (n Number) Valid() bool { v := float64(n); return !math.IsNaN(v) && !math.IsInf(v, 0) }
