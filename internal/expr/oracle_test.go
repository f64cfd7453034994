package expr_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/expr"
)

// The oracle draws an expression together with what it should give, computed by plain Go on pointers (nil: missing). It
// shares no code with the package.

type number struct {
	src string
	val *float64
}

type truth struct {
	src string
	val *bool
}

func drawNumber(t *rapid.T, depth int, row []*float64) number {
	if depth == 0 {
		if rapid.Bool().Draw(t, "literal") {
			n := rapid.IntRange(-3, 9).Draw(t, "n")
			if rapid.Bool().Draw(t, "half") {
				f := float64(n) + 0.5
				return number{"(" + strconv.FormatFloat(f, 'f', -1, 64) + ")", &f}
			}
			f := float64(n)
			return number{fmt.Sprintf("(%d)", n), &f}
		}
		i := rapid.IntRange(0, len(row)-1).Draw(t, "column")
		return number{fmt.Sprintf("x%d", i), row[i]}
	}
	op := rapid.SampledFrom([]string{"+", "-", "*", "/", "%", "?:", "int"}).Draw(t, "op")
	a, b := drawNumber(t, depth-1, row), drawNumber(t, depth-1, row)
	if op == "?:" {
		c := drawTruth(t, depth-1, row)
		return number{fmt.Sprintf("(%s ? %s : %s)", c.src, a.src, b.src), choose(c.val, a.val, b.val)}
	}
	if op == "int" {
		if a.val == nil || math.Abs(*a.val) > 1e15 || math.IsNaN(*a.val) { // beyond int64 int() is an error, not a value
			return a
		}
		f := math.Trunc(*a.val) + 0 // an integer has no negative zero
		return number{"int(" + a.src + ")", &f}
	}
	out := number{src: fmt.Sprintf("(%s %s %s)", a.src, op, b.src)}
	if a.val != nil && b.val != nil {
		var f float64
		switch op {
		case "+":
			f = *a.val + *b.val
		case "-":
			f = *a.val - *b.val
		case "*":
			f = *a.val * *b.val
		case "/":
			f = *a.val / *b.val
		case "%":
			f = math.Mod(*a.val, *b.val)
		}
		out.val = &f
	}
	return out
}

func choose[T any](c *bool, a, b *T) *T {
	switch {
	case c == nil:
		return nil
	case *c:
		return a
	default:
		return b
	}
}

func drawTruth(t *rapid.T, depth int, row []*float64) truth {
	if depth == 0 {
		i := rapid.IntRange(0, len(row)-1).Draw(t, "column")
		is := row[i] == nil
		return truth{fmt.Sprintf("x%d == null", i), &is}
	}
	switch op := rapid.SampledFrom([]string{"&&", "||", "!", "<", "<=", ">", ">=", "==", "!=", "in"}).Draw(t, "op"); op {
	case "&&", "||":
		a, b := drawTruth(t, depth-1, row), drawTruth(t, depth-1, row)
		decides := op == "||"
		out := truth{src: fmt.Sprintf("(%s %s %s)", a.src, op, b.src)}
		switch {
		case a.val != nil && *a.val == decides, b.val != nil && *b.val == decides:
			out.val = &decides
		case a.val != nil && b.val != nil:
			rest := !decides
			out.val = &rest
		}
		return out
	case "!":
		a := drawTruth(t, depth-1, row)
		out := truth{src: "!(" + a.src + ")"}
		if a.val != nil {
			v := !*a.val
			out.val = &v
		}
		return out
	case "in":
		a := drawNumber(t, depth-1, row)
		out := truth{src: "(" + a.src + " in [1, 2.5, 4])"}
		if a.val != nil {
			v := *a.val == 1 || *a.val == 2.5 || *a.val == 4
			out.val = &v
		}
		return out
	default:
		a, b := drawNumber(t, depth-1, row), drawNumber(t, depth-1, row)
		out := truth{src: fmt.Sprintf("(%s %s %s)", a.src, op, b.src)}
		if a.val == nil || b.val == nil {
			return out
		}
		x, y := *a.val, *b.val
		var v bool
		switch op {
		case "<":
			v = x < y
		case "<=":
			v = x <= y
		case ">":
			v = x > y
		case ">=":
			v = x >= y
		case "==":
			v = x == y
		case "!=":
			v = x != y
		}
		out.val = &v
		return out
	}
}

func TestAgainstOracle(t *testing.T) {
	vars := []expr.Var{{Name: "x0", Type: expr.Number}, {Name: "x1", Type: expr.Number}, {Name: "x2", Type: expr.Number}}
	rapid.Check(t, func(t *rapid.T) {
		row := make([]*float64, len(vars))
		for i := range row {
			if rapid.IntRange(0, 2).Draw(t, "missing") > 0 {
				f := float64(rapid.IntRange(-4, 8).Draw(t, "x")) / 2
				row[i] = &f
			}
		}
		get := func(i int) expr.Value {
			if row[i] == nil {
				return expr.Null()
			}
			return expr.Num(*row[i])
		}
		if rapid.Bool().Draw(t, "condition") {
			e := drawTruth(t, rapid.IntRange(0, 3).Draw(t, "depth"), row)
			p, err := expr.Compile(e.src, vars, expr.Bool)
			if err != nil {
				t.Fatalf("%s: %v", e.src, err)
			}
			got, err := p.Eval(get)
			want := expr.Null()
			if e.val != nil {
				want = expr.Boolean(*e.val)
			}
			if err != nil || got != want {
				t.Fatalf("%s = %+v, %v; want %+v", e.src, got, err, want)
			}
			return
		}
		e := drawNumber(t, rapid.IntRange(0, 3).Draw(t, "depth"), row)
		p, err := expr.Compile(e.src, vars, expr.Number)
		if err != nil {
			t.Fatalf("%s: %v", e.src, err)
		}
		got, err := p.Eval(get)
		if err != nil {
			t.Fatalf("%s: %v", e.src, err)
		}
		want := expr.Null()
		if e.val != nil && !math.IsNaN(*e.val) {
			want = expr.Num(*e.val)
		}
		if got != want {
			t.Fatalf("%s = %+v, want %+v", e.src, got, want)
		}
	})
}
