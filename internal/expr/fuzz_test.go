package expr_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/expr"
)

// FuzzCompile: no panic; a failure is of type Errors with positions from 1; what compiles gives the same twice and only reads
// the variables it names.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		"period < 0.34 ? 'night' : 'day'", "price > 0.0", "meta.model_id == 'price'", "region in ['a', 'b'] || retired",
		"-price % 2 == 1 && region.matches('a+')", "price == null ? null : size(region)", "int(double('1')) + int", "a.b.c[0].d",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		p, err := expr.Compile(src, columns, expr.Any)
		if err != nil {
			var errs expr.Errors
			if !errors.As(err, &errs) || len(errs) == 0 {
				t.Fatalf("%q: %v", src, err)
			}
			for _, e := range errs {
				if e.Line < 1 || e.Col < 1 || e.Message == "" {
					t.Fatalf("%q: %+v", src, e)
				}
			}
			return
		}
		run := func() (expr.Value, string) {
			v, err := p.Eval(func(i int) expr.Value {
				if !slices.Contains(p.Vars(), i) {
					t.Fatalf("%q reads variable %d, not in %v", src, i, p.Vars())
				}
				return []expr.Value{expr.Num(0.5), expr.Null(), expr.Str("north"), expr.Boolean(true), expr.Num(3), expr.Num(2)}[i]
			})
			if err != nil {
				return v, err.Error()
			}
			return v, ""
		}
		a, errA := run()
		b, errB := run()
		if a != b || errA != errB {
			t.Fatalf("%q: %+v %s, then %+v %s", src, a, errA, b, errB)
		}
	})
}

// FuzzColumns: what a program says of columns, it says of each row, and cel-go says the same (see columnCase).
func FuzzColumns(f *testing.F) {
	rng := rand.New(rand.NewPCG(5, 2))
	for range 64 {
		data := make([]byte, 16+rng.IntN(100))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &choices{data}
		columnCase(t, c, []int{3, 1, 8, 40}[c.pick(4)])
	})
}
