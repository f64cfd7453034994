package schema

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// step is one step of a path: the name in the contract, and the other names that the schema the contract names has for that
// field. By Avro's rules it is the reader's aliases that find what a field was called when an event was written.
type step struct {
	name    string
	aliases []string
}

// route is the path of one column. Defaults has, by step, what the column holds where the writer's record lacks the field of
// that step; nil where the schema that the contract names gives no default there.
type route struct {
	steps    []step
	defaults []*constant
}

// constant is the value of a column that no event carries: a default.
type constant struct {
	kind  plan.Kind
	state plan.State
	num   float64
	str   string
	us    int64
}

// routeOf follows the path of f through the reader's schema; reader may be nil.
func routeOf(reader *avroType, f plan.Field) *route {
	r := &route{steps: make([]step, len(f.Path)), defaults: make([]*constant, len(f.Path))}
	for i, name := range f.Path {
		r.steps[i].name = name
	}
	at := branches(nil, reader)
	for i, name := range f.Path {
		var next []*avroType
		for _, t := range at {
			switch t.kind {
			case kindMap:
				next = branches(next, t.elem)
			case kindRecord:
				field := t.field(name)
				if field == nil {
					continue
				}
				r.steps[i].learn(field)
				if r.defaults[i] == nil && field.hasDefault {
					r.defaults[i] = constantOf(field, r.steps[i+1:], f)
				}
				next = branches(next, field.typ)
			}
		}
		at = next
	}
	return r
}

// learn adds the names of the reader's field.
func (s *step) learn(f *avroField) {
	for _, name := range append([]string{f.name}, f.aliases...) {
		if name != s.name && !slices.Contains(s.aliases, name) {
			s.aliases = append(s.aliases, name)
		}
	}
}

// branches appends t, or what it is a union of.
func branches(to []*avroType, t *avroType) []*avroType {
	switch {
	case t == nil:
		return to
	case t.kind == kindUnion:
		return append(to, t.branches...)
	}
	return append(to, t)
}

// constantOf is what f reads at rest inside the default of a field; nil if it can't be read there. The default is written as
// an event would hold it and read by the same program: it can't come out otherwise than a value that was sent.
func constantOf(field *avroField, rest []step, f plan.Field) *constant {
	body, err := appendDefault(nil, field.typ, field.def, 0)
	if err != nil {
		return nil
	}
	path := make([]string, len(rest))
	for i, s := range rest {
		path[i] = s.name
	}
	p := &plan.Projection{Fields: []plan.Field{{Name: f.Name, Path: path, Kind: f.Kind, Of: f.Of}}, Roles: plan.NoRoles()}
	prog, err := assemble(field.typ, nil, p)
	if err != nil {
		return nil
	}
	b := plan.NewBatch(p, 1)
	if err := prog.Decode(body, 0, b, 0); err != nil {
		return nil
	}
	c := &constant{kind: f.Kind, state: b.Cols[0].State[0]}
	switch f.Kind {
	case plan.Number:
		c.num = b.Cols[0].Num[0]
	case plan.String:
		c.str = b.Cols[0].Str[0]
	case plan.Time:
		c.us = b.Cols[0].Int[0]
	}
	return c
}

// appendDefault writes the JSON of a default as a value of t (Avro specification, "Complex Types", the table of defaults). For
// a union it is the first branch that the default fits.
func appendDefault(b []byte, t *avroType, v any, depth int) ([]byte, error) {
	bad := func() ([]byte, error) { return nil, fmt.Errorf("the default %v is no %s", v, t.describe()) }
	if depth > maxDepth {
		return bad()
	}
	switch t.kind {
	case kindNull:
		if v != nil {
			return bad()
		}
		return b, nil
	case kindUnion:
		for i, branch := range t.branches {
			if out, err := appendDefault(binary.AppendVarint(slices.Clip(b), int64(i)), branch, v, depth+1); err == nil {
				return out, nil
			}
		}
		return bad()
	case kindArray:
		list, ok := v.([]any)
		if !ok {
			return bad()
		}
		return appendItems(b, len(list), func(b []byte, i int) ([]byte, error) {
			return appendDefault(b, t.elem, list[i], depth+1)
		})
	case kindMap:
		object, ok := v.(map[string]any)
		if !ok {
			return bad()
		}
		keys := slices.Sorted(maps.Keys(object))
		return appendItems(b, len(keys), func(b []byte, i int) ([]byte, error) {
			return appendDefault(appendText(b, keys[i]), t.elem, object[keys[i]], depth+1)
		})
	case kindRecord:
		object, ok := v.(map[string]any)
		if !ok {
			return bad()
		}
		for i := range t.fields {
			f := &t.fields[i]
			inner, given := object[f.name]
			if !given {
				if !f.hasDefault {
					return nil, fmt.Errorf("the default of %s lacks %s, which has none itself", t.describe(), f.name)
				}
				inner = f.def
			}
			var err error
			if b, err = appendDefault(b, f.typ, inner, depth+1); err != nil {
				return nil, err
			}
		}
		return b, nil
	}
	out, ok := appendScalar(b, t, v)
	if !ok {
		return bad()
	}
	return out, nil
}

// appendItems writes one block of n items and the end of the list.
func appendItems(b []byte, n int, item func(b []byte, i int) ([]byte, error)) ([]byte, error) {
	if n > 0 {
		b = binary.AppendVarint(b, int64(n))
		for i := range n {
			var err error
			if b, err = item(b, i); err != nil {
				return nil, err
			}
		}
	}
	return append(b, 0), nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendVarint(b, int64(len(s))), s...)
}

func appendScalar(b []byte, t *avroType, v any) ([]byte, bool) {
	switch t.kind {
	case kindBoolean:
		flag, ok := v.(bool)
		if flag {
			return append(b, 1), ok
		}
		return append(b, 0), ok
	case kindInt, kindLong:
		n, ok := v.(json.Number)
		if !ok {
			return nil, false
		}
		bits := 64
		if t.kind == kindInt {
			bits = 32
		}
		i, err := strconv.ParseInt(n.String(), 10, bits)
		return binary.AppendVarint(b, i), err == nil
	case kindFloat, kindDouble:
		n, ok := v.(json.Number)
		if !ok {
			return nil, false
		}
		f, err := n.Float64()
		if t.kind == kindFloat {
			return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(f))), err == nil
		}
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(f)), err == nil
	case kindEnum:
		s, ok := v.(string)
		at := slices.Index(t.symbols, s)
		return binary.AppendVarint(b, int64(at)), ok && at >= 0
	case kindString:
		s, ok := v.(string)
		return appendText(b, s), ok
	default: // bytes and fixed: one code point a byte
		s, ok := v.(string)
		raw := make([]byte, 0, len(s))
		for _, r := range s {
			ok = ok && r <= math.MaxUint8
			raw = append(raw, byte(r))
		}
		if t.kind == kindFixed {
			return append(b, raw...), ok && len(raw) == t.size
		}
		return appendText(b, string(raw)), ok
	}
}

// lacks compiles a field that the record written doesn't have: the columns hold its default, or nothing.
func (c *compiler) lacks(w *want, step int, path string, again bool) {
	w.all(func(col int) {
		d := c.routes[col].defaults[step]
		if d == nil {
			c.absent(&want{cols: []int{col}}, path, again)
			return
		}
		c.prog.constants = append(c.prog.constants, *d)
		c.emit(op{code: opDefault, col: int32(col), slot: int32(c.slots[col]), a: int32(len(c.prog.constants) - 1)}, path)
	})
}

// constant stores a default.
func (m *machine) constant(o *op) {
	d := &m.p.constants[o.a]
	m.states[int(o.col)*m.step] = d.state
	switch at := int(o.slot) * m.step; d.kind {
	case plan.Number:
		m.nums[at] = d.num
	case plan.String:
		m.strs[at] = d.str
	case plan.Time:
		m.ints[at] = d.us
	}
}
