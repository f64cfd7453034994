package evolution

import (
	"strconv"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Shown is a value that was read as a row's Kind, as the row's Want writes it.
func Shown(c *plan.Col, row int, kind string) string {
	switch {
	case c.State[row] != plan.OK:
		return Missing
	case kind == "number":
		return strconv.FormatFloat(c.Num[row], 'f', -1, 64)
	case kind == "string":
		return c.Str[row]
	default:
		return strconv.FormatInt(c.Int[row], 10)
	}
}
