package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/expr"
)

// filter adds the fields that a stream's where names and no input reads: a topic that models share is told apart by fields
// that no model looks at. Roles come after: they take a field that fits them.
func (p *Projection) filter(c *contract.Contract, s *contract.Stream) error {
	if s.Where == "" {
		return nil
	}
	names, err := expr.Names(s.Where)
	if err != nil {
		return fmt.Errorf("where of %s: %w", s.Topic, err)
	}
	typed, err := c.FilterVars(s)
	if err != nil {
		return fmt.Errorf("where of %s: %w", s.Topic, err)
	}
	vars := variables(p.Fields)
	if s == c.Streams.Prediction { // a derived column is there before the filter looks
		for _, v := range c.Columns() {
			if slices.ContainsFunc(c.Derived, func(d contract.Derived) bool { return d.Name == v.Name }) {
				vars = append(vars, v)
			}
		}
	}
	var add, open []int // of vars: what becomes a field; of these, what nothing gives a type
	for _, name := range names {
		if slices.ContainsFunc(vars, func(v expr.Var) bool { return v.Name == name }) {
			continue
		}
		v := expr.Var{Name: name}
		if at := slices.IndexFunc(typed, func(t expr.Var) bool { return t.Name == name }); at >= 0 {
			v.Type = typed[at].Type
		}
		add = append(add, len(vars))
		if v.Type == expr.Any {
			open = append(open, len(vars))
		}
		vars = append(vars, v)
	}
	if err := settle(s.Where, vars, open, s.Fields.Label); err != nil {
		return fmt.Errorf("where of %s: %w", s.Topic, err)
	}
	for _, at := range add {
		f := Field{Name: vars[at].Name, Path: strings.Split(vars[at].Name, ".")}
		f.as(vars[at].Type)
		if f.Name == s.Fields.Time {
			f.Kind = Time
		}
		p.Fields = append(p.Fields, f)
	}
	return nil
}

// settle gives each variable of open a type with which src compiles, those with the least choice first: what is compared with
// text is text. A label stays text where it may. Where nothing tells, as in x != null, a value is read as text, which almost
// every value can be.
func settle(src string, vars []expr.Var, open []int, label string) error {
	for len(open) > 0 {
		at := -1
		var types []expr.Type
		for i := range open {
			fit := fitting(src, vars, open[i])
			if len(fit) == 0 {
				return fmt.Errorf("as %s is used, it can be neither a number nor text nor true or false", vars[open[i]].Name)
			}
			if at < 0 || len(fit) < len(types) {
				at, types = i, fit
			}
		}
		v := &vars[open[at]]
		v.Type = types[0]
		if len(types) == 3 || v.Name == label && slices.Contains(types, expr.String) {
			v.Type = expr.String
		}
		open = slices.Delete(open, at, at+1)
	}
	return nil
}

// fitting are the types of variable at with which src compiles, in order of preference.
func fitting(src string, vars []expr.Var, at int) []expr.Type {
	vars = slices.Clone(vars)
	var out []expr.Type
	for _, t := range []expr.Type{expr.Number, expr.String, expr.Bool} {
		vars[at].Type = t
		if _, err := expr.Compile(src, vars, expr.Bool); err == nil {
			out = append(out, t)
		}
	}
	return out
}
