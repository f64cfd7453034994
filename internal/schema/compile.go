package schema

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Compile makes the program that reads what schema wrote into the columns of p. Fields with an Expr are left alone, and those
// that aren't read from the value. Where schema lacks a field, p.Schema gives its former names and its default. The error joins
// one *PathError per field that the schema can't give, of a vector's components one; it is another where a text is no Avro schema.
func Compile(schema string, p *plan.Projection) (*Program, error) {
	t, err := parse(schema)
	if err != nil {
		return nil, err
	}
	var reader *avroType
	if p.Schema != "" {
		if reader, err = parse(p.Schema); err != nil {
			return nil, fmt.Errorf("the schema that the contract names: %w", err)
		}
	}
	return assemble(t, reader, p)
}

// assemble makes the program for events of type t. Reader is the schema that the contract names, or nil.
func assemble(t, reader *avroType, p *plan.Projection) (*Program, error) {
	w, routes, err := resolve(t, reader, p)
	if err != nil {
		return nil, err
	}
	c := compiler{
		prog: &Program{}, fields: p.Fields, routes: routes, id: -1, time: -1,
		slots: plan.Slots(p.Fields), paths: map[string]int32{}, procs: map[*avroType]int32{},
	}
	for _, role := range []struct {
		at   int
		keep *int
	}{{p.Roles.ID, &c.id}, {p.Roles.Time, &c.time}} {
		if role.at < 0 {
			continue
		}
		if role.at >= len(p.Fields) {
			return nil, fmt.Errorf("compile projection of %s: a required role names field %d of %d", p.Topic, role.at, len(p.Fields))
		}
		if p.Fields[role.at].InValue() { // any other is checked by who computes or copies it
			*role.keep = role.at
			c.prog.must = append(c.prog.must, required{role.at, dotted(p.Fields[role.at].Path)})
		}
	}
	c.value(t, w, "", false)
	c.emit(op{code: opEnd}, "")
	for i := 0; i < len(c.queue); i++ {
		c.prog.procs[i] = c.here()
		c.inline(c.queue[i], nil, "", false)
		c.emit(op{code: opEnd}, "")
	}
	if c.tooBig {
		return nil, errors.New("compile projection: the schema is too large")
	}
	c.prog.runs()
	return c.prog, nil
}

// runs tells every op that reads a double how many there are in a row, itself the first.
func (p *Program) runs() {
	for i := len(p.ops) - 1; i >= 0; i-- {
		o := &p.ops[i]
		if o.code != opNumberDouble {
			continue
		}
		o.a = 1
		if i+1 < len(p.ops) && p.ops[i+1].code == opNumberDouble {
			o.a += p.ops[i+1].a
		}
	}
}

// maxOps bounds a program. A schema of a hundred thousand fields stays far below.
const maxOps = 1 << 22

// compiler turns types into ops. What the plan doesn't want is compiled too, to be skipped and checked.
type compiler struct {
	prog   *Program
	fields []plan.Field
	routes []*route // by column
	slots  []int    // of the fields, among those of their kind
	id     int      // required columns, -1 for none
	time   int
	paths  map[string]int32
	procs  map[*avroType]int32
	queue  []*avroType // records to be compiled as procedures, by number
	tooBig bool
}

func (c *compiler) here() int32 { return int32(len(c.prog.ops)) }

// emit appends o and returns where.
func (c *compiler) emit(o op, path string) int32 {
	at := c.here()
	if len(c.prog.ops) >= maxOps {
		c.tooBig = true
		return at - 1
	}
	n, ok := c.paths[path]
	if !ok {
		n = int32(len(c.prog.paths))
		c.paths[path] = n
		c.prog.paths = append(c.prog.paths, path)
	}
	o.path = n
	c.prog.ops = append(c.prog.ops, o)
	return at
}

// value compiles one value of type t at path. w is what is wanted of it, nil for nothing. Again says that the row may
// already hold values from an earlier item, so that what is absent now must be cleared.
func (c *compiler) value(t *avroType, w *want, path string, again bool) {
	if c.tooBig {
		return
	}
	if w != nil && len(w.cols) == 0 && len(w.kids) == 0 {
		w = nil
	}
	switch t.kind {
	case kindNull:
		c.absent(w, path, again)
	case kindUnion:
		c.union(t, w, path, again)
	case kindRecord:
		if w == nil && t.refs > 1 {
			c.call(t, path)
			return
		}
		c.inline(t, w, path, again)
	case kindArray:
		c.array(t, w, path)
	case kindMap:
		c.mapping(t, w, path, again)
	default:
		c.scalar(t, w, path)
	}
}

// absent compiles the null: the columns stay, or become, Missing; a required one refuses the event.
func (c *compiler) absent(w *want, path string, again bool) {
	if w == nil {
		return
	}
	w.all(func(col int) {
		switch {
		case col == c.id || col == c.time:
			c.fail(ReasonMissingField, "the event's "+c.role(col)+" is null", path)
		case again:
			c.emit(op{code: opMissing, col: int32(col)}, path)
		}
	})
}

// refuse compiles a value that is there but is none of what w wants.
func (c *compiler) refuse(w *want, t *avroType, path string) {
	if w == nil {
		return
	}
	w.all(func(col int) { c.invalid(col, t, path) })
}

func (c *compiler) invalid(col int, t *avroType, path string) {
	detail := fmt.Sprintf("the event's %s is a %s, which can't be read as a %s", c.role(col), t.describe(), asked(&c.fields[col]))
	switch col {
	case c.id:
		c.fail(ReasonMissingField, detail, path)
	case c.time:
		c.fail(ReasonBadTime, detail, path)
	default:
		c.emit(op{code: opInvalid, col: int32(col)}, path)
	}
}

func (c *compiler) fail(reason Reason, detail, path string) {
	c.prog.fails = append(c.prog.fails, failure{reason, detail})
	c.emit(op{code: opFail, a: int32(len(c.prog.fails) - 1)}, path)
}

func (c *compiler) role(col int) string {
	if col == c.time {
		return "time"
	}
	return "id"
}

func (c *compiler) union(t *avroType, w *want, path string, again bool) {
	if n := c.nullable(t, w); n > 0 {
		at := c.here()
		c.value(t.branches[2-n], w, path, again) // of branches 0 and 1 the one that isn't n-1
		if !c.tooBig {
			c.prog.ops[at].null, c.prog.ops[at].some = uint8(n), 2*uint8(2-n)
		}
		return
	}
	base := len(c.prog.jumps)
	c.emit(op{code: opUnion, a: int32(base), b: int32(len(t.branches))}, path)
	c.prog.jumps = append(c.prog.jumps, make([]int32, len(t.branches))...)
	var ends []int32
	for i, b := range t.branches {
		c.prog.jumps[base+i] = c.here()
		c.value(b, w, path, again)
		if i < len(t.branches)-1 {
			ends = append(ends, c.emit(op{code: opJump}, path))
		}
	}
	for _, at := range ends {
		if !c.tooBig {
			c.prog.ops[at].a = c.here()
		}
	}
}

// nullable reports which branch of a union of two is null (1 or 2), if the other compiles to a single op, which then takes
// the union's index as well; else 0.
func (c *compiler) nullable(t *avroType, w *want) int {
	if len(t.branches) != 2 {
		return 0
	}
	n, other := 1, t.branches[1]
	if t.branches[0].kind != kindNull {
		n, other = 2, t.branches[0]
	}
	if t.branches[n-1].kind != kindNull {
		return 0
	}
	switch other.kind {
	case kindNull, kindUnion, kindArray, kindMap:
		return 0
	case kindRecord:
		if w != nil || other.refs == 1 {
			return 0
		}
		return n
	}
	switch {
	case w == nil:
		return n
	case w.items || len(w.kids) > 0 || len(w.cols) != 1 || !gives(other, &c.fields[w.cols[0]]):
		return 0
	case c.fields[w.cols[0]].Of == plan.OfGiven && other.kind != kindString: // two ops
		return 0
	case w.cols[0] == c.id || w.cols[0] == c.time:
		return 0
	}
	return n
}

// call compiles a jump to the record's own ops: records used in several places, or within themselves, are compiled once.
func (c *compiler) call(t *avroType, path string) {
	n, ok := c.procs[t]
	if !ok {
		n = int32(len(c.queue))
		c.procs[t] = n
		c.queue = append(c.queue, t)
		c.prog.procs = append(c.prog.procs, 0)
	}
	c.emit(op{code: opCall, a: n}, path)
}

// inline compiles a record's fields, in order, at path.
func (c *compiler) inline(t *avroType, w *want, path string, again bool) {
	inside := make(map[*avroField]*want)
	if w != nil {
		for _, col := range w.cols {
			c.invalid(col, t, path)
		}
		for _, k := range w.kids {
			f := t.find(k.step)
			if f == nil { // only another branch of the union has it, or the reader's default stands for it
				c.lacks(k.want, w.depth, join(path, k.name), again)
				continue
			}
			if inside[f] == nil {
				inside[f] = &want{depth: k.want.depth}
			}
			inside[f].merge(k.want)
		}
	}
	at, end := int32(0), -1 // the skip over a run of fields, and the field after them
	for i := range t.fields {
		if i >= end {
			if n, bytes := skippable(t.fields[i:], inside); n > 1 {
				at, end = c.emit(op{code: opSkipRun, a: int32(bytes)}, path), i+n
			}
		}
		f := &t.fields[i]
		c.value(f.typ, inside[f], join(path, f.name), again)
		if i == end-1 && !c.tooBig {
			c.prog.ops[at].b = c.here()
		}
	}
}

// skippable is how many of the first fields nobody wants and always take the same number of bytes, whatever those are, and how
// many in all.
func skippable(fields []avroField, wanted map[*avroField]*want) (n int, bytes int64) {
	for i := range fields {
		f := &fields[i]
		if wanted[f] != nil || !f.typ.fixed || bytes+f.typ.minBytes > maxLength {
			break
		}
		bytes += f.typ.minBytes
		n++
	}
	return n, bytes
}

func (c *compiler) array(t *avroType, w *want, path string) {
	if given := c.given(t, w, path); given != nil {
		n := c.block(opArray, block{minBytes: t.elem.minBytes, items: path + "[]"}, path)
		c.prog.blocks[n].body = c.here()
		c.value(t.elem, given, path+"[]", false)
		c.emit(op{code: opEnd}, path)
		c.prog.blocks[n].after = c.here()
		return
	}
	blk := block{minBytes: t.elem.minBytes, fixed: t.elem.fixed, items: path + "[]", measures: c.measures(t, w, path)}
	if blk.measures != nil {
		c.prog.blocks = append(c.prog.blocks, blk)
		c.emit(op{code: opVector, a: int32(len(c.prog.blocks) - 1), b: int32(t.elem.kind)}, path)
		return
	}
	n := c.block(opArray, blk, path)
	c.prog.blocks[n].body = c.here()
	if !t.elem.fixed {
		c.value(t.elem, nil, path+"[]", false)
	}
	c.emit(op{code: opEnd}, path)
	c.prog.blocks[n].after = c.here()
}

// given is what is wanted of each item of an array of codes, nil if nothing is: the columns that say whether there is any begin with none.
func (c *compiler) given(t *avroType, w *want, path string) *want {
	if w == nil || vectorial(t.elem) { // numbers are measured, this way too
		return nil
	}
	out := &want{depth: w.depth + 1, items: true}
	for _, col := range w.cols {
		if c.fields[col].Of == plan.OfGiven && gives(t, &c.fields[col]) {
			out.cols = append(out.cols, col)
		}
	}
	if len(out.cols) == 0 {
		return nil
	}
	for _, col := range w.cols {
		if slices.Contains(out.cols, col) {
			c.store(col, 0, path)
		} else {
			c.invalid(col, t, path)
		}
	}
	for _, k := range w.kids {
		c.refuse(k.want, t, path)
	}
	return out
}

// store compiles a number that a column holds whatever the event says.
func (c *compiler) store(col int, v float64, path string) {
	c.prog.constants = append(c.prog.constants, constant{kind: plan.Number, state: plan.OK, num: v})
	c.emit(op{code: opDefault, col: int32(col), slot: int32(c.slots[col]), a: int32(len(c.prog.constants) - 1)}, path)
}

// measures are the cells of the columns that measure an array, nil if there are none; all other columns can't read one.
func (c *compiler) measures(t *avroType, w *want, path string) *measures {
	if w == nil {
		return nil
	}
	var out measures
	some := false
	for _, col := range w.cols {
		f := &c.fields[col]
		if !gives(t, f) {
			c.invalid(col, t, path)
			continue
		}
		some = true
		cell := target{col: int32(col), slot: int32(c.slots[col])}
		switch i, is := f.Of.Component(); {
		case is:
			cell.at = int64(i)
			out.components = append(out.components, cell)
		case f.Of == plan.OfGiven:
			out.given = append(out.given, cell)
		case f.Of == plan.OfNorm:
			out.norms = append(out.norms, cell)
		default:
			out.dimensions = append(out.dimensions, cell)
		}
	}
	for _, k := range w.kids {
		c.refuse(k.want, t, path)
	}
	if !some {
		return nil
	}
	slices.SortStableFunc(out.components, func(a, b target) int { return cmp.Compare(a.at, b.at) })
	return &out
}

func (c *compiler) mapping(t *avroType, w *want, path string, again bool) {
	if w != nil {
		for _, col := range w.cols {
			c.invalid(col, t, path)
		}
		if again {
			for _, k := range w.kids {
				k.want.all(func(col int) { c.emit(op{code: opMissing, col: int32(col)}, path) })
			}
		}
	}
	items := join(path, "*")
	n := c.block(opMap, block{minBytes: 1 + t.elem.minBytes, items: items}, path)
	c.prog.blocks[n].body = c.here()
	c.value(t.elem, nil, items, false)
	c.emit(op{code: opEnd}, path)
	if w != nil && len(w.kids) > 0 {
		keys := newKeyTable(len(w.kids))
		c.prog.known += len(w.kids)
		for _, k := range w.kids {
			keys.put(k.name, c.here())
			c.value(t.elem, k.want, join(path, k.name), true)
			c.emit(op{code: opEnd}, path)
		}
		c.prog.blocks[n].keys = keys
	}
	c.prog.blocks[n].after = c.here()
}

func (c *compiler) block(code opcode, b block, path string) int {
	c.prog.blocks = append(c.prog.blocks, b)
	n := len(c.prog.blocks) - 1
	c.emit(op{code: code, a: int32(n)}, path)
	return n
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
