package inspect

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/expr"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Query says which events are asked for.
type Query struct {
	From, To int64               // event time [From, To), microseconds
	Slices   []map[string]string // value by dimension: an event is to lie in one of them; empty: anywhere
	Where    string              // CEL over the fields that are read of an event; "" takes all
}

// ErrQuery is returned for a query that doesn't fit the plan.
var ErrQuery = errors.New("bad query")

// ParseSlice reads NAME=VALUE[,NAME=VALUE]. A value with a comma can't be written so: a condition can name it.
func ParseSlice(text string) (map[string]string, error) {
	out := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(part, "=")
		switch {
		case !ok || name == "":
			return nil, fmt.Errorf("%w: slice %q: write it as NAME=VALUE, several separated by commas", ErrQuery, text)
		case out[name] != "":
			return nil, fmt.Errorf("%w: slice %q: %s is given twice", ErrQuery, text, name)
		}
		out[name] = value
	}
	return out, nil
}

// place is a slice in a plan's own codes.
type place struct{ dims, codes []int }

// placeOf finds the codes of a slice. "other" and "missing" are what no value of the dictionary is called.
func placeOf(p *plan.Plan, slice map[string]string) (place, error) {
	var out place
	for _, name := range slices.Sorted(maps.Keys(slice)) {
		dim := slices.IndexFunc(p.Slices, func(d plan.Dimension) bool { return d.Name == name })
		if dim < 0 {
			return place{}, fmt.Errorf("%w: slice %s: the plan has no such dimension; %s", ErrQuery, name, dimensions(p))
		}
		d, value := &p.Slices[dim], slice[name]
		code := slices.Index(d.Values, value)
		switch {
		case code >= 0:
		case value == d.Label(len(d.Values)):
			code = len(d.Values)
		case value == d.Label(plan.NoValue):
			code = plan.NoValue
		default:
			return place{}, fmt.Errorf("%w: slice %s=%s: %s is counted by %s, other and missing", ErrQuery, name, value, name, strings.Join(d.Values, ", "))
		}
		out.dims, out.codes = append(out.dims, dim), append(out.codes, code)
	}
	return out, nil
}

func dimensions(p *plan.Plan) string {
	if len(p.Slices) == 0 {
		return "it has none: use --where"
	}
	names := make([]string, len(p.Slices))
	for i := range p.Slices {
		names[i] = p.Slices[i].Name
	}
	return "there are: " + strings.Join(names, ", ")
}

// condition compiles a where over the fields of a projection.
func condition(p *plan.Projection, where string) (*expr.Program, error) {
	if where == "" {
		return nil, nil
	}
	vars := make([]expr.Var, len(p.Fields))
	names := make([]string, len(p.Fields))
	for i := range p.Fields {
		f := &p.Fields[i]
		vars[i], names[i] = expr.Var{Name: f.Name, Type: expr.Number}, f.Name
		switch {
		case f.Kind == plan.String:
			vars[i].Type = expr.String
		case f.Boolean:
			vars[i].Type = expr.Bool
		}
	}
	prog, err := expr.Compile(where, vars, expr.Bool)
	if err != nil {
		return nil, fmt.Errorf("%w: where %q: %w; the fields are: %s", ErrQuery, where, err, strings.Join(names, ", "))
	}
	return prog, nil
}

// value is a cell of a batch as a condition sees it.
func value(b *plan.Batch, field, row int) expr.Value {
	c := &b.Cols[field]
	if c.State[row] != plan.OK {
		return expr.Null()
	}
	switch f := &b.Fields[field]; {
	case f.Kind == plan.String:
		return expr.Str(c.Str[row])
	case f.Kind == plan.Time:
		return expr.Num(float64(c.Int[row]) / 1e6)
	case f.Boolean:
		return expr.Boolean(c.Num[row] != 0)
	default:
		return expr.Num(c.Num[row])
	}
}
