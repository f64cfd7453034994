package produce

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/file"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

// BadValue is why a row is refused that the file's reader took: a cell that the schema can't hold.
const BadValue file.Reason = "value"

// none is the place of a column that isn't there, and the branch of a type that is no union.
const none = -1

// form is how a cell is written.
type form uint8

const (
	formNull form = iota // nothing: the field has no column
	formRecord
	formConstant
	formBoolean
	formWhole  // int or long
	formFloat  // 4 bytes
	formDouble // 8 bytes
	formString // string, bytes
	formEnum
	formDate    // days
	formTime    // long: microseconds times mul over div
	formRFC3339 // string
	formVector  // an array of numbers
)

// node is one place of the schema.
type node struct {
	form     form
	path     string
	col      int // of the batch
	null     int // the union's branch for null; none
	branch   int // the union's branch for the value; none
	small    bool
	mul, div int64
	constant []byte
	symbols  []string
	items    *node // of a vector: how each of its numbers is written
	fields   []node
}

// encoder writes the rows of batches of its projection by one schema. It belongs to one goroutine.
type encoder struct {
	projection plan.Projection // what to read of the file
	root       node
	invalid    int64    // cells that are no numbers, published as NaN
	unused     []string // columns that the schema has no place for
}

// binding is an encoder in the making.
type binding struct {
	source    *plan.Projection // of the contract
	columns   []string
	constants map[string]string
	claimed   map[int]bool    // columns that some field takes
	bound     map[string]bool // dotted paths of the schema that have a column or a constant
	elsewhere []string        // columns with a topic of their own, which no field takes
	out       plan.Projection
	open      map[*schema.Shape]bool // the records around
	errs      []error
}

// newEncoder holds a schema against the contract's fields and a file's columns. Every field that the contract reads must have
// a column (but for id and version, as in check), and every other one a column, a constant, or null. Columns of elsewhere have a topic of their own: no field takes
// one, unless the contract reads it here.
func newEncoder(text string, p *plan.Projection, columns []string, constants map[string]string, elsewhere ...string) (*encoder, error) {
	if _, err := schema.Compile(text, p); err != nil {
		return nil, fmt.Errorf("the contract can't be read by the schema: %w", err)
	}
	shape, err := schema.ParseShape(text)
	if err != nil {
		return nil, err
	}
	if shape.Kind != "record" {
		return nil, fmt.Errorf("the schema is a %s and must be a record", shape)
	}
	b := binding{
		source: p, columns: columns, constants: constants, elsewhere: elsewhere,
		claimed: map[int]bool{}, bound: map[string]bool{}, open: map[*schema.Shape]bool{},
		out: plan.Projection{Topic: p.Topic, Subject: p.Subject, Roles: plan.NoRoles()},
	}
	for i, f := range p.Fields {
		if f.Expr != "" || f.From == plan.FromAttributes {
			continue
		}
		if !f.InValue() && !isKey(p, i) {
			b.errs = append(b.errs, fmt.Errorf("field %s can't be written: it is read from the record's %s, and only values and the event's id as key are", f.Name, f.From))
			continue
		}
		if at, err := file.Find(columns, f); err == nil && at >= 0 {
			b.claimed[at] = true
		}
		switch i {
		case p.Roles.ID:
			b.out.Roles.ID = b.column(f.Name, f.Path, plan.String, plan.Whole)
		case p.Roles.Time:
			b.out.Roles.Time = b.column(f.Name, f.Path, plan.Time, plan.Whole)
		}
	}
	for i, c := range columns {
		b.claimed[i] = b.claimed[i] || slices.Contains(elsewhere, c)
	}
	root := b.record(shape, nil)
	for _, f := range p.Fields {
		dotted := strings.Join(f.Path, ".")
		switch {
		case !f.InValue() || b.bound[dotted]:
		default:
			b.errs = append(b.errs, fmt.Errorf("field %s can't be written: the schema has %s only under an alias, in a map or in a further branch of a union", f.Name, dotted))
			b.bound[dotted] = true // one error tells of all that is measured of it
		}
	}
	for path := range constants {
		for _, role := range []int{p.Roles.ID, p.Roles.Time} {
			if role >= 0 && strings.Join(p.Fields[role].Path, ".") == path {
				b.errs = append(b.errs, fmt.Errorf("constant %s: it is the id or the time of every event, which can't be the same", path))
			}
		}
	}
	slices.SortFunc(b.errs, func(x, y error) int { return strings.Compare(x.Error(), y.Error()) })
	if err := errors.Join(b.errs...); err != nil {
		return nil, err
	}
	e := &encoder{projection: b.out, root: root}
	for i, c := range columns {
		if !b.claimed[i] {
			e.unused = append(e.unused, c)
		}
	}
	return e, nil
}

// isKey reports whether field i is the event's id and the whole of its record's key, as text: that is how events are keyed.
func isKey(p *plan.Projection, i int) bool {
	f := p.Fields[i]
	return i == p.Roles.ID && f.From == plan.FromKey && len(f.Path) == 0 && (p.Key == nil || p.Key.Encoding == plan.Text)
}

// column asks for a cell of the file, once for each path and kind. of is Whole, OfList or OfCodes.
func (b *binding) column(name string, path []string, k plan.Kind, of plan.Measure) int {
	if at := slices.IndexFunc(b.out.Fields, func(f plan.Field) bool { return f.Kind == k && f.Of == of && slices.Equal(f.Path, path) }); at >= 0 {
		return at
	}
	b.out.Fields = append(b.out.Fields, plan.Field{Name: name, Path: path, Kind: k, Of: of})
	return len(b.out.Fields) - 1
}

func (b *binding) record(s *schema.Shape, path []string) node {
	n := node{form: formRecord, path: strings.Join(path, "."), col: none, null: none, branch: none}
	b.open[s] = true
	for _, f := range s.Fields {
		n.fields = append(n.fields, b.value(f.Shape, append(slices.Clone(path), f.Name)))
	}
	delete(b.open, s)
	return n
}

// value binds the place at path: unions are written by null and their first branch that a cell can be written as.
func (b *binding) value(s *schema.Shape, path []string) node {
	null, dotted := none, strings.Join(path, ".")
	branches := []*schema.Shape{s}
	if s.Kind == "union" {
		branches = s.Branches
		null = slices.IndexFunc(branches, func(o *schema.Shape) bool { return o.Kind == "null" })
	}
	for i, o := range branches {
		if b.open[o] || !writable(o) {
			continue
		}
		n := b.plain(o, path)
		if n.form == formNull || n.form == formRecord && null != none && !n.holds() {
			break
		}
		n.null = null
		n.branch = none
		if s.Kind == "union" {
			n.branch = i
		}
		return n
	}
	if null == none && s.Kind != "null" && slices.Contains(b.elsewhere, path[len(path)-1]) {
		b.errs = append(b.errs, fmt.Errorf("field %s (%s): the contract takes it from streams.attributes, so that it isn't published here, and the schema lets it not be null; take it out of the schema, or make it nullable", dotted, s))
	} else if null == none && s.Kind != "null" {
		b.errs = append(b.errs, fmt.Errorf("field %s (%s): no column of the file can be written there, and it can't be null; give it with --set %s=VALUE, or another schema", dotted, s, dotted))
	}
	return node{form: formNull, path: dotted, col: none, null: null, branch: none}
}

// writable reports whether a cell can be written as a type, or something inside of it.
func writable(s *schema.Shape) bool {
	switch s.Kind {
	case "record", "boolean", "float", "double", "enum":
		return true
	case "int":
		return s.Logical == "" || s.Logical == "date"
	case "long":
		return s.Logical != "time-micros"
	case "string":
		return s.Logical == "" || s.Logical == "uuid"
	case "bytes":
		return s.Logical == ""
	case "array":
		return s.Items.Logical == "" && slices.Contains([]string{"int", "long", "float", "double"}, s.Items.Kind)
	default:
		return false
	}
}

// holds reports whether any field inside has a column or a constant.
func (n *node) holds() bool {
	return slices.ContainsFunc(n.fields, func(f node) bool {
		return f.form != formNull && (f.form != formRecord || f.holds())
	})
}

// plain binds a type that is no union.
func (b *binding) plain(s *schema.Shape, path []string) node {
	if s.Kind == "record" {
		return b.record(s, path)
	}
	dotted := strings.Join(path, ".")
	n := node{path: dotted, col: none, symbols: s.Symbols, mul: 1, div: 1}
	kind, of := plan.String, plan.Whole
	switch s.Kind {
	case "array":
		n.form, of = formVector, plan.OfList
		n.items = &node{path: dotted, null: none, branch: none, small: s.Items.Kind == "int"}
		switch s.Items.Kind {
		case "float":
			n.items.form = formFloat
		case "double":
			n.items.form = formDouble
		default:
			n.items.form = formWhole
		}
	case "boolean":
		n.form, kind = formBoolean, plan.Number
	case "float":
		n.form, kind = formFloat, plan.Number
	case "double":
		n.form, kind = formDouble, plan.Number
	case "enum":
		n.form = formEnum
	case "int", "long":
		n.form, n.small = formWhole, s.Kind == "int"
		switch s.Logical {
		case "date":
			n.form, kind = formDate, plan.Time
		case "timestamp-millis":
			n.form, kind, n.div = formTime, plan.Time, 1000
		case "timestamp-micros":
			n.form, kind = formTime, plan.Time
		case "timestamp-nanos":
			n.form, kind, n.mul = formTime, plan.Time, 1000
		}
	default: // string, bytes
		n.form = formString
	}
	if t := b.source.Roles.Time; t >= 0 && slices.Equal(b.source.Fields[t].Path, path) {
		switch n.form {
		case formWhole: // milliseconds, as they are read
			n.form, kind, n.div = formTime, plan.Time, 1000
		case formString:
			n.form, kind = formRFC3339, plan.Time
		default:
		}
	}
	if at := slices.IndexFunc(b.source.Fields, func(f plan.Field) bool { return f.InValue() && slices.Equal(f.Path, path) }); at >= 0 {
		b.bound[dotted] = true
		f := b.source.Fields[at]
		if text, is := b.constants[dotted]; is {
			if found, _ := file.Find(b.columns, f); found < 0 {
				return b.constant(n, text)
			}
		}
		if n.form == formString && f.Of == plan.OfGiven {
			of = plan.OfCodes
		}
		n.col = b.column(f.Name, f.Path, kind, of)
		if at == b.source.Roles.Version && b.out.Roles.Version < 0 && kind == plan.String {
			b.out.Roles.Version = n.col
		}
		return n
	}
	for _, name := range []string{dotted, path[len(path)-1]} {
		if at := slices.Index(b.columns, name); at >= 0 && !b.claimed[at] {
			b.claimed[at] = true
			n.col = b.column(dotted, []string{name}, kind, of)
			return n
		}
	}
	if text, is := b.constants[dotted]; is {
		return b.constant(n, text)
	}
	return node{form: formNull, path: dotted, col: none}
}

// constant encodes the same text for every event, by the rules of a cell.
func (b *binding) constant(n node, text string) node {
	bytes, err := constant(n, text)
	if err != nil {
		b.errs = append(b.errs, fmt.Errorf("constant %s: %w", n.path, err))
	}
	return node{form: formConstant, path: n.path, col: none, constant: bytes}
}

func constant(n node, text string) ([]byte, error) {
	line, err := json.Marshal(map[string]string{"value": text})
	if err != nil {
		return nil, err
	}
	r, err := file.New(bytes.NewReader(line), file.JSONL, n.path)
	if err != nil {
		return nil, err
	}
	of := plan.Whole
	if n.form == formVector {
		of = plan.OfList
	}
	p := plan.Projection{Fields: []plan.Field{{Name: "value", Path: []string{"value"}, Kind: kindOf(n.form), Of: of}}, Roles: plan.NoRoles()}
	cell, err := file.NewProjector(r, &p)
	if err != nil {
		return nil, err
	}
	batch := plan.NewBatch(&p, 1)
	if _, err := cell.Fill(batch, 1); err != nil {
		return nil, err
	}
	n.col, n.null, n.branch = 0, none, none
	e := encoder{projection: p}
	out, bad := e.write(nil, &n, batch, 0)
	if bad != nil || e.invalid > 0 {
		return nil, fmt.Errorf("%q can't be written as the schema's type there", text)
	}
	return out, nil
}

// kindOf is the kind of column that a form is written from.
func kindOf(f form) plan.Kind {
	switch f {
	case formBoolean, formFloat, formDouble:
		return plan.Number
	case formDate, formTime, formRFC3339:
		return plan.Time
	default:
		return plan.String
	}
}

// encode appends one row as an Avro body. The error says which cell the schema can't hold; dst comes back as it was then.
func (e *encoder) encode(dst []byte, b *plan.Batch, row int) ([]byte, *file.RowError) {
	invalid := e.invalid
	out, bad := e.write(dst, &e.root, b, row)
	if bad == nil {
		return out, nil
	}
	e.invalid = invalid
	bad.Line = int(b.Offset[row])
	return dst, bad
}

// write appends one value.
func (e *encoder) write(dst []byte, n *node, b *plan.Batch, row int) ([]byte, *file.RowError) {
	switch n.form {
	case formNull:
		if n.null >= 0 {
			dst = binary.AppendVarint(dst, int64(n.null))
		}
		return dst, nil
	case formConstant:
		return append(n.union(dst), n.constant...), nil
	case formRecord:
		dst = n.union(dst)
		var bad *file.RowError
		for i := range n.fields {
			if dst, bad = e.write(dst, &n.fields[i], b, row); bad != nil {
				return dst, bad
			}
		}
		return dst, nil
	default:
	}
	c := &b.Cols[n.col]
	switch c.State[row] {
	case plan.Missing:
		return n.absent(dst)
	case plan.Invalid:
		if n.form != formDouble && n.form != formFloat {
			return dst, n.fault("what stands there can't be read as the schema's type")
		}
		e.invalid++
	case plan.OK:
	}
	switch n.form {
	case formBoolean:
		switch c.Num[row] {
		case 0:
			return append(n.union(dst), 0), nil
		case 1:
			return append(n.union(dst), 1), nil
		}
		return dst, n.fault(fmt.Sprintf("%v is no boolean; write true or false", c.Num[row]))
	case formFloat:
		v := c.Num[row]
		if c.State[row] == plan.Invalid {
			v = math.NaN()
		}
		return binary.LittleEndian.AppendUint32(n.union(dst), math.Float32bits(float32(v))), nil
	case formDouble:
		v := c.Num[row]
		if c.State[row] == plan.Invalid {
			v = math.NaN()
		}
		return binary.LittleEndian.AppendUint64(n.union(dst), math.Float64bits(v)), nil
	case formWhole:
		return n.whole(dst, c.Str[row])
	case formDate:
		day := c.Int[row] / microsPerDay
		if c.Int[row]%microsPerDay < 0 {
			day--
		}
		return binary.AppendVarint(n.union(dst), day), nil
	case formTime:
		v := c.Int[row] / n.div
		if c.Int[row]%n.div < 0 {
			v--
		}
		if v > math.MaxInt64/n.mul || v < math.MinInt64/n.mul {
			return dst, n.fault("the time is beyond what nanoseconds reach; the schema could have microseconds")
		}
		return binary.AppendVarint(n.union(dst), v*n.mul), nil
	case formRFC3339:
		return text(n.union(dst), plan.FromMicros(c.Int[row]).Format(time.RFC3339Nano)), nil
	case formEnum:
		if at := slices.Index(n.symbols, c.Str[row]); at >= 0 {
			return binary.AppendVarint(n.union(dst), int64(at)), nil
		}
		return dst, n.fault(fmt.Sprintf("%s is none of %s", quoteShort(c.Str[row]), strings.Join(n.symbols[:min(len(n.symbols), 20)], ", ")))
	case formVector:
		return n.vector(dst, c.Str[row])
	default: // formString
		return text(n.union(dst), c.Str[row]), nil
	}
}

const microsPerDay = 86_400_000_000

// whole writes an integer without a detour over floating point: ids have more than 53 bits.
func (n *node) whole(dst []byte, s string) ([]byte, *file.RowError) {
	s = strings.TrimSpace(s)
	switch s {
	case "", "null", "NULL", "NA": // as a number's cell is read
		return n.absent(dst)
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		f, ferr := strconv.ParseFloat(s, 64)
		switch {
		case strings.EqualFold(s, "true"):
			v, err = 1, nil
		case strings.EqualFold(s, "false"):
			v, err = 0, nil
		case ferr == nil && f == math.Trunc(f) && math.Abs(f) <= 1<<53: // 3.0, as pandas writes a column with gaps
			v, err = int64(f), nil
		}
	}
	if err != nil || n.small && (v > math.MaxInt32 || v < math.MinInt32) {
		name := "long"
		if n.small {
			name = "int"
		}
		return dst, n.fault(fmt.Sprintf("%s is no %s", quoteShort(s), name))
	}
	return binary.AppendVarint(n.union(dst), v), nil
}

// vector writes an array of the numbers that stand in list with commas between.
func (n *node) vector(dst []byte, list string) ([]byte, *file.RowError) {
	out := n.union(dst)
	if list == "" {
		return append(out, 0), nil
	}
	out = binary.AppendVarint(out, int64(strings.Count(list, ",")+1))
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		v, err := strconv.ParseFloat(item, 64)
		if err != nil { // what is no number at all, or beyond a double
			return dst, n.fault(quoteShort(item) + " in the list is no number")
		}
		switch n.items.form {
		case formFloat:
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(v)))
		case formDouble:
			out = binary.LittleEndian.AppendUint64(out, math.Float64bits(v))
		default:
			var bad *file.RowError
			if out, bad = n.items.whole(out, item); bad != nil {
				return dst, bad
			}
		}
	}
	return append(out, 0), nil
}

// union writes which branch follows, if the place is a union.
func (n *node) union(dst []byte) []byte {
	if n.branch < 0 {
		return dst
	}
	return binary.AppendVarint(dst, int64(n.branch))
}

func (n *node) absent(dst []byte) ([]byte, *file.RowError) {
	if n.null < 0 {
		return dst, n.fault("it is missing, and the schema doesn't allow null there")
	}
	return binary.AppendVarint(dst, int64(n.null)), nil
}

func (n *node) fault(detail string) *file.RowError {
	return &file.RowError{Column: n.path, Reason: BadValue, Detail: detail}
}

func text(dst []byte, s string) []byte { return append(binary.AppendVarint(dst, int64(len(s))), s...) }

// quoteShort quotes at most 40 bytes of what was read.
func quoteShort(s string) string {
	if len(s) > 40 {
		return strconv.Quote(s[:40]) + "..."
	}
	return strconv.Quote(s)
}
