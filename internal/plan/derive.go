package plan

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/expr"
)

// variables are the names a CEL expression may use: the fields that come before it, under their plain names.
func variables(fields []Field) []expr.Var {
	vars := make([]expr.Var, len(fields))
	for i := range fields {
		f := &fields[i]
		vars[i] = expr.Var{Name: f.Name, Type: f.seen()}
	}
	return vars
}

// seen is the type an expression sees a field as.
func (f *Field) seen() expr.Type {
	switch {
	case f.Kind == String:
		return expr.String
	case f.Boolean:
		return expr.Bool
	default:
		return expr.Number
	}
}

// as gives a field the kind that holds values of type t: text stays text, truth values and numbers are numbers.
func (f *Field) as(t expr.Type) {
	f.Kind, f.Boolean = Number, t == expr.Bool
	if t == expr.String {
		f.Kind = String
	}
}

// Deriver computes what a projection derives from an event's own fields: derived columns, the filter, the rules. It belongs
// to one goroutine.
type Deriver struct {
	derived []derived
	where   *expr.Program
	rules   []*expr.Program
	broken  [][]bool
}

type derived struct {
	field int
	prog  *expr.Program
}

// NewDeriver compiles the expressions of a projection; rules may be nil.
func NewDeriver(p *Projection, rules []Rule) (*Deriver, error) {
	d := &Deriver{broken: make([][]bool, len(rules))}
	for i, f := range p.Fields {
		if f.Expr == "" {
			continue
		}
		prog, err := expr.Compile(f.Expr, variables(p.Fields[:i]), expr.Any)
		if err != nil {
			return nil, fmt.Errorf("derived column %s: %w", f.Name, err)
		}
		d.derived = append(d.derived, derived{i, prog})
	}
	if p.Where != "" {
		prog, err := expr.Compile(p.Where, variables(p.Fields), expr.Bool)
		if err != nil {
			return nil, fmt.Errorf("where of %s: %w", p.Topic, err)
		}
		d.where = prog
	}
	for _, r := range rules {
		prog, err := expr.Compile(r.Expr, variables(p.Fields), expr.Bool)
		if err != nil {
			return nil, fmt.Errorf("rule %s: %w", r.Name, err)
		}
		d.rules = append(d.rules, prog)
	}
	return d, nil
}

// Last derives the columns of the last row and reports whether the filter wants it.
func (d *Deriver) Last(b *Batch) bool {
	row := b.N - 1
	get := func(i int) expr.Value { return b.value(i, row) }
	for _, c := range d.derived {
		v, err := c.prog.Eval(get)
		if err != nil { // over the cost limit, or no overload for these values: the column is there but can't be read
			b.SetInvalid(c.field, row)
			continue
		}
		b.set(c.field, row, v)
	}
	if d.where == nil {
		return true
	}
	v, err := d.where.Eval(get)
	return err == nil && v.Kind == expr.KindBool && v.Bool
}

// Broken evaluates every rule over the batch: Broken(b)[i][row] says that the row broke rule i. A rule that a missing value
// leaves undecided is not broken. The result is valid until the next call.
func (d *Deriver) Broken(b *Batch) [][]bool {
	for i, prog := range d.rules {
		out := d.broken[i][:0]
		for row := range b.N {
			v, err := prog.Eval(func(f int) expr.Value { return b.value(f, row) })
			out = append(out, err != nil || v.Kind == expr.KindBool && !v.Bool)
		}
		d.broken[i] = out
	}
	return d.broken
}

func (b *Batch) value(col, row int) expr.Value {
	c := &b.Cols[col]
	if c.State[row] != OK {
		return expr.Null()
	}
	switch f := &b.Fields[col]; {
	case f.Kind == String:
		return expr.Value{Kind: expr.KindString, Str: c.Str[row]}
	case f.Kind == Time:
		return expr.Value{Kind: expr.KindNumber, Num: float64(c.Int[row]) / 1e6}
	case f.Boolean:
		return expr.Value{Kind: expr.KindBool, Bool: c.Num[row] != 0}
	default:
		return expr.Value{Kind: expr.KindNumber, Num: c.Num[row]}
	}
}

func (b *Batch) set(col, row int, v expr.Value) {
	switch {
	case v.Kind == expr.KindNumber && b.Fields[col].Kind == Number:
		b.SetNumber(col, row, v.Num)
	case v.Kind == expr.KindBool && b.Fields[col].Kind == Number:
		n := 0.0
		if v.Bool {
			n = 1
		}
		b.SetNumber(col, row, n)
	case v.Kind == expr.KindString && b.Fields[col].Kind == String:
		b.SetString(col, row, v.Str)
	case v.Kind == expr.KindNull:
	default:
		b.SetInvalid(col, row)
	}
}
