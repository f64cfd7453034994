package contract

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/plumbline-ml/plumbline/internal/expr"
)

var columnName = regexp.MustCompile(columnPattern)

// Columns are the variables that rules see, in order: inputs (but vectors), the prediction stream's version, score, decision,
// latency and lineage fields under their paths (where no input has that name), then derived columns. A derived column sees
// those before it. Numeric inputs are numbers; categorical, identifier and text inputs are text, whatever their physical
// type; booleans are true or false; timestamps are seconds since the Unix epoch.
func (c *Contract) Columns() []expr.Var {
	vars := c.given()
	for _, d := range c.Derived {
		if p, err := expr.Compile(d.Expr, vars, expr.Any); err == nil {
			vars = append(vars, expr.Var{Name: d.Name, Type: p.Type()})
		}
	}
	return vars
}

// given are the columns that aren't derived.
func (c *Contract) given() []expr.Var {
	var out []expr.Var
	for _, in := range c.Inputs {
		if t, ok := inputType(in.Kind); ok {
			out = append(out, expr.Var{Name: in.Name, Type: t})
		}
	}
	return append(out, c.roleVars()...)
}

func inputType(k InputKind) (expr.Type, bool) {
	switch k {
	case Numeric, Timestamp:
		return expr.Number, true
	case Categorical, Identifier, Text:
		return expr.String, true
	case Boolean:
		return expr.Bool, true
	case Vector:
		return expr.Any, false
	default: // a kind that couldn't be read: reported where it stands, and not again wherever the input is used
		return expr.Any, true
	}
}

// roleVars are the prediction stream's fields that expressions may use and no input is called.
func (c *Contract) roleVars() []expr.Var {
	if c.Streams.Prediction == nil {
		return nil
	}
	var out []expr.Var
	for _, v := range c.fieldVars(c.Streams.Prediction.Fields) {
		taken := slices.ContainsFunc(c.Inputs, func(in Input) bool { return in.Name == v.Name })
		taken = taken || slices.ContainsFunc(out, func(o expr.Var) bool { return o.Name == v.Name })
		if !taken && columnName.MatchString(v.Name) {
			out = append(out, v)
		}
	}
	return out
}

// fieldVars are f's version, score, decision, latency and lineage, where there are any.
func (c *Contract) fieldVars(f Fields) []expr.Var {
	score := expr.Number
	if c.Task.Type == Multiclass {
		score = expr.Any // its text is seen, too, by expressions over events of other models
	}
	if c.Task.Score != "" {
		f.Score = "" // one for each class: no expression sees it
	}
	all := []expr.Var{
		{Name: f.Version, Type: expr.String},
		{Name: f.Score, Type: score},
		{Name: f.Decision, Type: expr.Any},
		{Name: f.Latency, Type: expr.Number},
		{Name: f.Lineage, Type: expr.String},
	}
	return slices.DeleteFunc(all, func(v expr.Var) bool { return v.Name == "" })
}

// FilterVars are the variables that a stream's where sees: the stream's own fields under their paths (ids are text, times
// seconds since the Unix epoch, decisions and labels of any type), then inputs if it is the prediction stream, then every
// other name the filter uses, with a type that is known only when the event's schema is.
func (c *Contract) FilterVars(s *Stream) ([]expr.Var, error) {
	f := s.Fields
	vars := append([]expr.Var{
		{Name: f.ID, Type: expr.String}, {Name: f.Time, Type: expr.Number}, {Name: f.Label, Type: expr.Any},
	}, c.fieldVars(f)...)
	if s == c.Streams.Prediction {
		vars = append(vars, c.given()...)
	}
	names, err := expr.Names(s.Where)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		vars = append(vars, expr.Var{Name: n, Type: expr.Any})
	}
	var out []expr.Var
	for _, v := range vars {
		if v.Name != "" && !slices.ContainsFunc(out, func(o expr.Var) bool { return o.Name == v.Name }) {
			out = append(out, v)
		}
	}
	return out, nil
}

// column is what a slice or a protected attribute may name.
type column struct {
	what    string // "a numeric input", for messages
	groups  bool   // whether it has few values to group by
	advice  string // if it hasn't: what to do instead
	isInput bool
	values  []string // closed list, if there is one
}

const deriveFirst = "derive a category first, like derived: {size: \"amount < 100 ? 'small' : 'large'\"}"

// checkColumns compiles filters and derived columns and lists what can be grouped by.
func (k *checker) checkColumns() {
	streams := k.root.at("streams")
	for _, s := range []struct {
		v      *value
		stream *Stream
	}{
		{streams.at("prediction"), k.c.Streams.Prediction},
		{streams.at("outcome"), k.c.Streams.Outcome},
		{streams.at("feature"), k.c.Streams.Feature},
		{streams.at("attributes"), k.c.Streams.Attributes},
	} {
		if where := s.v.at("where"); where.readable() {
			vars, err := k.c.FilterVars(s.stream)
			if err == nil {
				_, err = expr.Compile(s.stream.Where, vars, expr.Bool)
			}
			k.badExpr(where, err)
		}
	}
	k.columns = map[string]column{}
	for _, in := range k.c.Inputs {
		col := column{what: fmt.Sprintf("an input of type %s", in.Kind), isInput: true, values: in.Values, advice: "it has too many values to group by; " + deriveFirst}
		switch in.Kind {
		case Categorical, Boolean, "":
			col.groups = true
		case Numeric, Timestamp:
			col.advice = deriveFirst
		case Vector:
			col.advice = "vectors can't be grouped by"
		default:
		}
		if in.Kind == Boolean {
			col.values = []string{"true", "false"}
		}
		k.column(in.Name, col)
	}
	vars := k.c.given()
	for _, v := range k.c.roleVars() {
		col := column{what: "a field of the prediction stream", groups: v.Type != expr.Number, advice: deriveFirst}
		if p := k.c.Streams.Prediction; v.Name == p.Fields.Score {
			col.groups = false
		}
		k.column(v.Name, col)
	}
	for i, d := range k.c.Derived {
		v := k.root.at("derived").at(d.Name)
		if _, taken := k.columns[d.Name]; taken {
			k.add(v.key.Line, v.key.Column, v.path, d.Name, "there is "+k.columns[d.Name].what+" of this name already; choose another")
			continue
		}
		col := column{what: "a derived column", groups: true, advice: deriveFirst}
		result := expr.Any // what can't be told is reported here, and not again wherever the column is used
		if v.ok {
			p, err := expr.Compile(d.Expr, vars, expr.Any)
			switch below := k.below(d.Expr, i); {
			case err != nil && below != "":
				k.refuse(v, "%s stands further down; a derived column sees only those above it", below)
			case err != nil:
				k.badExpr(v, err)
			case p.Type() == expr.Any:
				k.refuse(v, "nothing says whether this is a number, text, or true or false; wrap it in double(...), string(...) or bool(...)")
			default:
				result = p.Type()
				col.groups = result != expr.Number
			}
		}
		vars = append(vars, expr.Var{Name: d.Name, Type: result})
		k.column(d.Name, col)
	}
	k.vars = vars
}

// below is the derived column that src, the expression of derived column i, uses although it stands at or after i.
func (k *checker) below(src string, i int) string {
	names, err := expr.Names(src)
	if err != nil {
		return ""
	}
	for _, d := range k.c.Derived[i:] {
		if slices.Contains(names, d.Name) {
			return d.Name
		}
	}
	return ""
}

func (k *checker) column(name string, col column) {
	if _, taken := k.columns[name]; !taken {
		k.columns[name] = col
		k.names = append(k.names, name)
	}
}

func (k *checker) checkRules() {
	var names []*value
	for i, v := range items(k.root.at("rules")) {
		if e := v.at("expr"); e.readable() {
			_, err := expr.Compile(k.c.Rules[i].Expr, k.vars, expr.Bool)
			k.badExpr(e, err)
		}
		if n := v.at("name"); n != nil {
			names = append(names, n)
		}
	}
	k.unique(names, "there is a rule of this name already")
}

// badExpr reports each fault of the expression in v, at its own place in the file where that can be told.
func (k *checker) badExpr(v *value, err error) {
	if err == nil {
		return
	}
	var faults expr.Errors
	if !errors.As(err, &faults) {
		k.refuse(v, "%s", err)
		return
	}
	for _, f := range faults {
		if col, ok := k.columnOf(v.node, f); ok {
			k.add(v.node.Line, col, v.path, v.node.Value, f.Message)
			continue
		}
		where := ""
		if f.Line > 1 || f.Col > 1 {
			where = fmt.Sprintf("line %d, column %d of the expression: ", f.Line, f.Col)
		}
		k.refuse(v, "%s%s", where, f.Message)
	}
}

// columnOf is the column in the file of a fault in n, if n stands in one line as its value reads.
func (k *checker) columnOf(n *yaml.Node, f expr.Error) (int, bool) {
	if f.Line != 1 || n.Line < 1 || n.Line > len(k.lines) {
		return 0, false
	}
	start := n.Column - 1
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		start++
	}
	line := k.lines[n.Line-1]
	for range start {
		_, size := utf8.DecodeRuneInString(line)
		line = line[size:]
	}
	return start + f.Col, strings.HasPrefix(line, n.Value)
}

// groupable reports a name that can't be grouped by.
func (k *checker) groupable(v *value, at *yaml.Node, name string) {
	col, ok := k.columns[name]
	switch {
	case !ok:
		k.add(at.Line, at.Column, v.path, name, fmt.Sprintf("no input, derived column or field of the prediction stream is called so%s (there are %s)",
			didYouMean(name, k.names), listed(k.names)))
	case !col.groups:
		k.add(at.Line, at.Column, v.path, name, fmt.Sprintf("this is %s: %s", col.what, col.advice))
	}
}

// listed joins names, not too many.
func listed(names []string) string {
	const most = 20
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	default:
		return strings.Join(names, ", ")
	}
}

func (k *checker) checkSlices() {
	var before [][]string
	for _, v := range items(k.root.at("slices")) {
		for _, it := range items(v) {
			if it.ok {
				k.groupable(it, it.node, of[string](it))
			}
		}
		k.unique(items(v), "this column stands here twice")
		names := texts(v)
		if len(names) > 0 && slices.ContainsFunc(before, func(b []string) bool { return sameSet(b, names) }) {
			k.refuse(v, "there is a slice by [%s] already; keep one", strings.Join(names, ", "))
		}
		before = append(before, names)
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

func (k *checker) checkProtected() {
	k.checkAttributes()
	each(k.root.at("protected"), func(name string, v *value) {
		col, known := k.columns[name]
		if from := v.at("from"); from.readable() {
			k.checkJoined(name, v, from)
			return
		}
		if path := v.at("path"); path != nil {
			k.checkPath(path)
			if known {
				k.refuse(path, "there is %s called %s already; remove path, or give the attribute another name", col.what, name)
			}
			return
		}
		if !known && v.ok {
			k.add(v.key.Line, v.key.Column, v.path, name, fmt.Sprintf("no input, derived column or field of the prediction stream is called so%s (there are %s); "+
				"if events carry it and the model doesn't read it, say where: %s: {path: %s}", didYouMean(name, k.names), listed(k.names), name, name))
			return
		}
		k.groupable(v, v.key, name)
		if v.ok && col.isInput && v.at("justification") == nil {
			k.lacks(v, "justification", "is missing: the model reads this protected attribute; say why that is justified")
		}
		if p := v.at("privileged"); p.readable() && col.values != nil && !slices.Contains(col.values, of[string](p)) {
			k.refuse(p, "%s has no such value (it has %s)", name, listed(col.values))
		}
	})
}
