package schema

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// maxPath bounds the steps of a path: each may copy a record's ops.
const maxPath = maxDepth

// want is what the plan asks of one place in the schema: columns to fill with it, and places inside it.
type want struct {
	depth int // steps from the root
	cols  []int
	kids  []kid
	items bool // of an array of codes: what its items say is gathered
}

type kid struct {
	step
	want *want
}

// kid finds or adds the place that a step leads to.
func (w *want) kid(s step) *want {
	for _, k := range w.kids {
		if k.name == s.name {
			return k.want
		}
	}
	sub := &want{depth: w.depth + 1}
	w.kids = append(w.kids, kid{s, sub})
	return sub
}

// merge adds all that o wants.
func (w *want) merge(o *want) {
	w.cols = append(w.cols, o.cols...)
	for _, k := range o.kids {
		w.kid(k.step).merge(k.want)
	}
}

// all calls f for every column of w and of what is inside it.
func (w *want) all(f func(col int)) {
	for _, c := range w.cols {
		f(c)
	}
	for _, k := range w.kids {
		k.want.all(f)
	}
}

// PathError says that a field of the plan can't be read by a schema.
type PathError struct {
	Field   string   // of the plan
	Path    string   // as the contract names it
	Problem string   // in words
	Has     []string // the fields that exist where the path breaks off, in the schema's order
	Near    string   // of those the one most like the name that isn't there; "" if none is
	depth   int
}

// Error is one line: which path, what is wrong, what would be right.
func (e *PathError) Error() string {
	s := fmt.Sprintf("field %s: path %q: %s", e.Field, e.Path, e.Problem)
	if e.Has != nil {
		shown := e.Has
		if len(shown) > 50 {
			shown = append(slices.Clone(shown[:50]), fmt.Sprintf("%d more", len(e.Has)-50))
		}
		s += "; there are: " + strings.Join(shown, ", ")
	}
	if e.Near != "" {
		s += fmt.Sprintf("; did you mean %q?", e.Near)
	}
	return s
}

// resolve finds every path of p in the schema and returns what is wanted of its root, and the route of each column.
func resolve(t, reader *avroType, p *plan.Projection) (*want, []*route, error) {
	root := &want{}
	routes := make([]*route, len(p.Fields))
	var errs []error
	misfits := map[string]bool{} // the paths of vectors that an error tells of
	for col, f := range p.Fields {
		if !f.InValue() {
			continue
		}
		fail := func(problem string) *PathError {
			return &PathError{Field: f.Name, Path: strings.Join(f.Path, "."), Problem: problem}
		}
		if len(f.Path) > maxPath {
			errs = append(errs, fail(fmt.Sprintf("it has %d steps; this build walks up to %d", len(f.Path), maxPath)))
			continue
		}
		r := routeOf(reader, f)
		if e := find(t, r, f.Path, 0, &p.Fields[col]); e != nil {
			e.Field, e.Path = f.Name, strings.Join(f.Path, ".")
			if _, is := f.Of.Component(); !is || !misfits[e.Path] { // what is wrong is the same for all components
				errs = append(errs, e)
			}
			misfits[e.Path] = misfits[e.Path] || f.Of.OfVector()
			continue
		}
		routes[col] = r
		w := root
		for _, s := range r.steps {
			w = w.kid(s)
		}
		w.cols = append(w.cols, col)
	}
	return root, routes, errors.Join(errs...)
}

// find walks path from step i on; it returns nil if some branch leads to a type that gives the kind, else the error of the
// branch that got furthest.
func find(t *avroType, r *route, path []string, i int, f *plan.Field) *PathError {
	switch {
	case t.kind == kindUnion:
		worst := &PathError{Problem: "a union without branches", depth: -1}
		for _, b := range t.branches {
			if b.kind == kindNull && len(t.branches) > 1 {
				continue
			}
			e := find(b, r, path, i, f)
			if e == nil {
				return nil
			}
			if e.depth > worst.depth {
				worst = e
			}
		}
		return worst
	case i == len(path):
		if gives(t, f) {
			return nil
		}
		problem := fmt.Sprintf("the schema has %s there, which can't be read as a %s (%s)", t.describe(), asked(f), readable(f))
		e := &PathError{Problem: problem, depth: i}
		if t.kind == kindRecord {
			e.Has = fieldNames(t)
		}
		return e
	case t.kind == kindRecord:
		if inner := t.find(r.steps[i]); inner != nil {
			return find(inner.typ, r, path, i+1, f)
		}
		if r.defaults[i] != nil {
			return nil
		}
		e := &PathError{Problem: fmt.Sprintf("record %s has no field %q", t.name, path[i]), Has: fieldNames(t), depth: i}
		e.Near = nearest(path[i], e.Has)
		return e
	case t.kind == kindMap:
		return find(t.elem, r, path, i+1, f)
	case t.kind == kindArray:
		return &PathError{Problem: fmt.Sprintf("%s is an array, whose items have no names", where(path[:i])), depth: i}
	default:
		return &PathError{Problem: fmt.Sprintf("%s is a %s, which holds no %q", where(path[:i]), t.describe(), path[i]), depth: i}
	}
}

func where(path []string) string {
	if len(path) == 0 {
		return "the event"
	}
	return strings.Join(path, ".")
}

// field finds a field by its name, else by an alias.
func (t *avroType) field(name string) *avroField {
	for i := range t.fields {
		if t.fields[i].name == name {
			return &t.fields[i]
		}
	}
	for i := range t.fields {
		if slices.Contains(t.fields[i].aliases, name) {
			return &t.fields[i]
		}
	}
	return nil
}

// find finds the field of a step: under the contract's name, else under another one that the reader has for it.
func (t *avroType) find(s step) *avroField {
	if f := t.field(s.name); f != nil {
		return f
	}
	for _, name := range s.aliases {
		if f := t.field(name); f != nil {
			return f
		}
	}
	return nil
}

func fieldNames(t *avroType) []string {
	names := make([]string, len(t.fields))
	for i, f := range t.fields {
		names[i] = f.name
	}
	return names
}

// gives reports whether values of t can be read as f. Doc.go has the table.
func gives(t *avroType, f *plan.Field) bool {
	switch {
	case f.Of == plan.OfLength || f.Of == plan.OfCharset:
		return t.kind == kindString
	case f.Of == plan.OfGiven:
		return coded(t) || t.kind == kindArray && codes(t.elem)
	case f.Of.OfVector():
		return t.kind == kindArray && vectorial(t.elem)
	}
	switch f.Kind {
	case plan.Number:
		switch t.kind {
		case kindBoolean, kindInt, kindLong, kindFloat, kindDouble:
			return true
		case kindBytes, kindFixed:
			return t.logical == logicalDecimal || t.logical == logicalDuration
		}
	case plan.String:
		switch t.kind {
		case kindBoolean, kindInt, kindLong, kindFloat, kindDouble, kindString, kindEnum:
			return true
		case kindBytes, kindFixed:
			return t.logical != logicalDecimal && t.logical != logicalDuration
		}
	case plan.Time:
		switch t.kind {
		case kindInt:
			return t.logical == logicalDate
		case kindLong:
			return t.logical != logicalTimeMicros
		case kindString:
			return t.logical == logicalNone
		}
	}
	return false
}

// coded reports whether values of t may be codes.
func coded(t *avroType) bool {
	return t.kind == kindString || t.kind == kindEnum || (t.kind == kindInt || t.kind == kindLong) && t.logical == logicalNone
}

// vectorial reports whether an array of t is a vector.
func vectorial(t *avroType) bool {
	return t.logical == logicalNone && t.kind >= kindInt && t.kind <= kindDouble
}

// codes reports whether the items of an array may be codes, or null.
func codes(t *avroType) bool {
	if t.kind != kindUnion {
		return coded(t)
	}
	return !slices.ContainsFunc(t.branches, func(b *avroType) bool { return b.kind != kindNull && !coded(b) })
}

// asked is what f wants to read, for people.
func asked(f *plan.Field) string {
	if f.Of == plan.Whole {
		return string(f.Kind)
	}
	return string(f.Of)
}

func readable(f *plan.Field) string {
	switch {
	case f.Of == plan.OfLength || f.Of == plan.OfCharset:
		return "length and charset are read from string"
	case f.Of == plan.OfGiven:
		return "whether there are any is read from string, enum, int, long and arrays of these"
	case f.Of.OfVector():
		return "norm, dimension and components are read from arrays of int, long, float or double"
	}
	switch f.Kind {
	case plan.Number:
		return "numbers are read from int, long, float, double, boolean, decimal, duration, date and timestamps"
	case plan.String:
		return "text is read from string, bytes, fixed, enum, uuid, boolean and numbers"
	case plan.Time:
		return "times are read from timestamps, date, a long of milliseconds and RFC 3339 strings"
	default:
		return "an unknown kind"
	}
}

// nearest is the name most like s, if one is like it at all: the same but for case, or with edits in fewer than half its
// letters.
func nearest(s string, names []string) string {
	best, least := "", len(s)/2+1
	for _, name := range names {
		if strings.EqualFold(s, name) {
			return name
		}
		if d := distance(s, name); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance is the number of one-byte edits from a to b (Levenshtein 1966); names beyond 64 bytes are like nothing.
func distance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	var row [longest + 1]int
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
