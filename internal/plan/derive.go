package plan

import (
	"fmt"
	"maps"
	"slices"

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
	where   *expr.Columns
	wanted  *expr.Program // where, for single rows
	rules   []*expr.Columns
	broken  [][]bool

	used  []int         // fields that some expression uses
	views []expr.Column // of the rows at hand; one per field
	spans []rowSpan     // of wanted rows
}

type derived struct {
	field int
	prog  *expr.Program
	cols  *expr.Columns // nil: the plan gives the field another kind than the expression
}

// NewDeriver compiles the expressions of a projection; rules may be nil.
func NewDeriver(p *Projection, rules []Rule) (*Deriver, error) {
	d := &Deriver{broken: make([][]bool, len(rules)), views: make([]expr.Column, len(p.Fields))}
	used := map[int]bool{}
	uses := func(prog *expr.Program) {
		for _, i := range prog.Vars() {
			used[i] = true
		}
	}
	for i, f := range p.Fields {
		if f.Expr == "" {
			continue
		}
		prog, err := expr.Compile(f.Expr, variables(p.Fields[:i]), expr.Any)
		if err != nil {
			return nil, fmt.Errorf("derived column %s: %w", f.Name, err)
		}
		uses(prog)
		one := derived{field: i, prog: prog}
		if f.Kind == String && prog.Type() == expr.String || f.Kind == Number && prog.Type() != expr.String {
			one.cols = prog.Columns()
		}
		d.derived = append(d.derived, one)
	}
	if p.Where != "" {
		prog, err := expr.Compile(p.Where, variables(p.Fields), expr.Bool)
		if err != nil {
			return nil, fmt.Errorf("where of %s: %w", p.Topic, err)
		}
		uses(prog)
		d.where, d.wanted = prog.Columns(), prog
	}
	for _, r := range rules {
		prog, err := expr.Compile(r.Expr, variables(p.Fields), expr.Bool)
		if err != nil {
			return nil, fmt.Errorf("rule %s: %w", r.Name, err)
		}
		uses(prog)
		d.rules = append(d.rules, prog.Columns())
	}
	d.used = slices.Sorted(maps.Keys(used))
	return d, nil
}

// Derive computes the derived columns of the rows that came since the last Derive or Reset, and drops those that the filter
// doesn't want. The others stay in their order. It returns how many it dropped.
func (d *Deriver) Derive(b *Batch) (dropped int) {
	from, n := b.derived, b.N-b.derived
	if n <= 0 {
		return 0
	}
	d.look(b, from)
	for _, c := range d.derived {
		if c.cols == nil {
			for row := from; row < b.N; row++ {
				c.row(b, row)
			}
			continue
		}
		out := b.view(c.field, from)
		c.cols.Eval(d.views, n, &out)
	}
	if d.where != nil {
		if kept := d.keep(d.where.Test(d.views, n), from); kept < n {
			dropped = n - kept
			b.keep(from, d.spans)
		}
	}
	b.derived = b.N
	return dropped
}

// keep notes the spans of wanted rows, and returns how many rows they hold.
func (d *Deriver) keep(wanted []expr.Truth, from int) (kept int) {
	d.spans = d.spans[:0]
	for i := 0; i < len(wanted); {
		if wanted[i] != expr.True {
			i++
			continue
		}
		s := rowSpan{from: from + i}
		for i < len(wanted) && wanted[i] == expr.True {
			i++
		}
		s.to = from + i
		kept += s.to - s.from
		d.spans = append(d.spans, s)
	}
	return kept
}

// Broken evaluates every rule over the batch: Broken(b)[i][row] says that the row broke rule i. A rule that a missing value
// leaves undecided is not broken. The result is valid until the next call.
func (d *Deriver) Broken(b *Batch) [][]bool {
	if len(d.rules) > 0 {
		d.look(b, 0)
	}
	for i, rule := range d.rules {
		out := slices.Grow(d.broken[i][:0], b.N)[:b.N]
		for row, t := range rule.Test(d.views, b.N) {
			out[row] = t == expr.False || t == expr.Failed
		}
		d.broken[i] = out
	}
	return d.broken
}

// look makes the views of the rows from one on.
func (d *Deriver) look(b *Batch, from int) {
	for _, i := range d.used {
		d.views[i] = b.view(i, from)
	}
}

// view is a column as expressions see it, from a row on.
func (b *Batch) view(col, from int) expr.Column {
	c := &b.Cols[col]
	v := expr.Column{State: c.State[from:]}
	switch b.Fields[col].Kind {
	case Number:
		v.Num = c.Num[from:]
	case String:
		v.Str = c.Str[from:]
	case Time:
		v.Micros = c.Int[from:]
	}
	return v
}

// Last derives the columns of the last row and reports whether the filter wants it: Derive for whoever looks at each event by
// itself. An unwanted row stays.
func (d *Deriver) Last(b *Batch) bool {
	row := b.N - 1
	for _, c := range d.derived {
		c.row(b, row)
	}
	if b.derived == row {
		b.derived = b.N
	}
	if d.wanted == nil {
		return true
	}
	v, err := d.wanted.Eval(func(i int) expr.Value { return b.value(i, row) })
	return err == nil && v.Kind == expr.KindBool && v.Bool
}

// row computes a derived column in one row.
func (c *derived) row(b *Batch, row int) {
	v, err := c.prog.Eval(func(i int) expr.Value { return b.value(i, row) })
	if err != nil { // over the cost limit, or no overload for these values: the column is there but can't be read
		b.SetInvalid(c.field, row)
		return
	}
	b.set(c.field, row, v)
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
