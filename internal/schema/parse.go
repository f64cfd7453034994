package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// kind is an Avro type.
type kind uint8

const (
	kindNull kind = iota
	kindBoolean
	kindInt
	kindLong
	kindFloat
	kindDouble
	kindBytes
	kindString
	kindRecord
	kindEnum
	kindFixed
	kindArray
	kindMap
	kindUnion
)

var kindNames = [...]string{
	"null", "boolean", "int", "long", "float", "double", "bytes", "string", "record", "enum", "fixed", "array", "map", "union",
}

func (k kind) String() string { return kindNames[k] }

func primitive(name string) (kind, bool) {
	for k := kindNull; k <= kindString; k++ {
		if kindNames[k] == name {
			return k, true
		}
	}
	return 0, false
}

// logical is a logical type that changes how a value is read. All others are read as what they are stored in.
type logical uint8

const (
	logicalNone logical = iota
	logicalDecimal
	logicalDate
	logicalTimeMillis
	logicalTimeMicros
	logicalTimestampMillis
	logicalTimestampMicros
	logicalTimestampNanos
	logicalUUID
	logicalDuration
)

var logicalNames = [...]string{
	"", "decimal", "date", "time-millis", "time-micros", "timestamp-millis", "timestamp-micros", "timestamp-nanos", "uuid", "duration",
}

// old reports whether goavro knows l: others it takes off the schema before it makes the canonical form.
func (l logical) old() bool {
	return l >= logicalDecimal && l <= logicalTimestampMicros
}

// avroType is one type of a parsed schema. Types with a name are shared by everything that refers to them.
type avroType struct {
	kind      kind
	logical   logical
	scale     int    // of a decimal
	precision int    // of a decimal
	wrapped   bool   // a primitive written as an object with more in it than its type (and a logical type of recent date)
	name      string // full name of a record, enum or fixed
	fields    []avroField
	symbols   []string
	size      int         // of a fixed
	elem      *avroType   // of an array or map
	branches  []*avroType // of a union
	refs      int         // how often a named type is defined or referred to

	sizing   bool // on the way down of measure
	sized    bool
	minBytes int64 // a lower bound on the encoded length
	fixed    bool  // every value takes exactly minBytes, and any bytes will do
}

type avroField struct {
	name       string
	aliases    []string
	typ        *avroType
	def        any // the default, as JSON
	hasDefault bool
}

// describe names a type for people.
func (t *avroType) describe() string {
	switch {
	case t.logical != logicalNone:
		return t.kind.String() + " (" + logicalNames[t.logical] + ")"
	case t.name != "":
		return t.kind.String() + " " + t.name
	case t.kind == kindUnion:
		names := make([]string, len(t.branches))
		for i, b := range t.branches {
			names[i] = b.describe()
		}
		return "union of " + strings.Join(names, ", ")
	}
	return t.kind.String()
}

// Limits of a schema. The nesting limit is also that of values.
const (
	maxDepth     = 64
	maxLength    = math.MaxInt32 // of a string or a block, in bytes or items: the limit of Avro's own implementations
	maxPrecision = 1000          // digits of a decimal
)

type parser struct {
	named map[string]*avroType
	all   []*avroType
}

// parse reads the JSON text of a schema.
func parse(text string) (*avroType, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("parse schema: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("parse schema: there is more after the end of the schema")
	}
	p := parser{named: map[string]*avroType{}}
	t, err := p.typ(v, "", 0)
	if err != nil {
		return nil, fmt.Errorf("parse schema: %w", err)
	}
	for _, each := range p.all {
		if err := measure(each); err != nil {
			return nil, fmt.Errorf("parse schema: %w", err)
		}
	}
	return t, nil
}

// typ reads one type and keeps it among all.
func (p *parser) typ(v any, space string, depth int) (*avroType, error) {
	t, err := p.read(v, space, depth)
	if err == nil {
		p.all = append(p.all, t)
	}
	return t, err
}

func (p *parser) read(v any, space string, depth int) (*avroType, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("types are nested deeper than %d", maxDepth)
	}
	switch v := v.(type) {
	case string:
		return p.reference(v, space)
	case []any:
		u := &avroType{kind: kindUnion}
		for i, e := range v {
			b, err := p.typ(e, space, depth+1)
			if err != nil {
				return nil, fmt.Errorf("branch %d of a union: %w", i, err)
			}
			if b.kind == kindUnion {
				return nil, fmt.Errorf("branch %d of a union is a union", i)
			}
			u.branches = append(u.branches, b)
		}
		return u, nil
	case map[string]any:
		return p.object(v, space, depth)
	default:
		return nil, fmt.Errorf("a type is a name, a list or an object, not %v", v)
	}
}

// reference finds a primitive or a type defined before: in the namespace around it, else without one.
func (p *parser) reference(name, space string) (*avroType, error) {
	if k, ok := primitive(name); ok {
		return &avroType{kind: k}, nil
	}
	full := name
	if space != "" && !strings.Contains(name, ".") {
		full = space + "." + name
	}
	t, ok := p.named[full]
	if !ok {
		t, ok = p.named[name]
	}
	if !ok {
		return nil, fmt.Errorf("type %q is not defined before its use", full)
	}
	t.refs++
	return t, nil
}

func (p *parser) object(o map[string]any, space string, depth int) (*avroType, error) {
	switch name := o["type"].(type) {
	case string:
		switch name {
		case "record", "error":
			return p.record(o, space, depth)
		case "enum":
			return p.enum(o, space)
		case "fixed":
			return p.fixed(o, space)
		case "array":
			elem, err := p.typ(o["items"], space, depth+1)
			if err != nil {
				return nil, fmt.Errorf("items of an array: %w", err)
			}
			return &avroType{kind: kindArray, elem: elem}, nil
		case "map":
			elem, err := p.typ(o["values"], space, depth+1)
			if err != nil {
				return nil, fmt.Errorf("values of a map: %w", err)
			}
			return &avroType{kind: kindMap, elem: elem}, nil
		}
		t, err := p.reference(name, space)
		if err != nil {
			return nil, err
		}
		if t.kind <= kindString {
			err := t.annotate(o)
			name, _ := o["logicalType"].(string)
			old := t.logical.old() && !strings.HasPrefix(name, "local-")
			t.wrapped = len(o) > 1 && (old || len(o) > 2 || o["logicalType"] == nil)
			return t, err
		}
		return t, nil
	case nil:
		return nil, errors.New("an object without type")
	default:
		return p.typ(name, space, depth+1)
	}
}

// define gives t its full name and makes it known; it returns the namespace of what stands inside.
func (p *parser) define(t *avroType, o map[string]any, space string) (string, error) {
	name, _ := o["name"].(string)
	if own, ok := o["namespace"].(string); ok {
		space = own
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		space, name = name[:i], name[i+1:]
	}
	if name == "" {
		return "", fmt.Errorf("%s %s without a name", article(t.kind), t.kind)
	}
	if _, ok := primitive(name); ok && space == "" {
		return "", fmt.Errorf("%s can't be called %q", t.kind, name)
	}
	t.name = name
	if space != "" {
		t.name = space + "." + name
	}
	if _, ok := p.named[t.name]; ok {
		return "", fmt.Errorf("type %s is defined twice", t.name)
	}
	p.named[t.name] = t
	t.refs = 1
	return space, nil
}

func article(k kind) string {
	if k == kindEnum {
		return "an"
	}
	return "a"
}

func (p *parser) record(o map[string]any, space string, depth int) (*avroType, error) {
	t := &avroType{kind: kindRecord}
	inner, err := p.define(t, o, space)
	if err != nil {
		return nil, err
	}
	list, ok := o["fields"].([]any)
	if !ok {
		return nil, fmt.Errorf("record %s has no list of fields", t.name)
	}
	seen := make(map[string]bool, len(list))
	for i, e := range list {
		f, ok := e.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("field %d of record %s is no object", i, t.name)
		}
		name, _ := f["name"].(string)
		if name == "" {
			return nil, fmt.Errorf("field %d of record %s has no name", i, t.name)
		}
		if seen[name] {
			return nil, fmt.Errorf("record %s has two fields %s", t.name, name)
		}
		seen[name] = true
		typ, err := p.typ(f["type"], inner, depth+1)
		if err != nil {
			return nil, fmt.Errorf("field %s of record %s: %w", name, t.name, err)
		}
		field := avroField{name: name, typ: typ}
		field.def, field.hasDefault = f["default"]
		aliases, _ := f["aliases"].([]any)
		for _, a := range aliases {
			if s, ok := a.(string); ok {
				field.aliases = append(field.aliases, s)
			}
		}
		t.fields = append(t.fields, field)
	}
	return t, nil
}

func (p *parser) enum(o map[string]any, space string) (*avroType, error) {
	t := &avroType{kind: kindEnum}
	if _, err := p.define(t, o, space); err != nil {
		return nil, err
	}
	list, ok := o["symbols"].([]any)
	if !ok {
		return nil, fmt.Errorf("enum %s has no list of symbols", t.name)
	}
	for i, e := range list {
		s, ok := e.(string)
		if !ok {
			return nil, fmt.Errorf("symbol %d of enum %s is no text", i, t.name)
		}
		t.symbols = append(t.symbols, s)
	}
	return t, nil
}

func (p *parser) fixed(o map[string]any, space string) (*avroType, error) {
	t := &avroType{kind: kindFixed}
	if _, err := p.define(t, o, space); err != nil {
		return nil, err
	}
	size, ok := integer(o["size"])
	if !ok || size < 0 || size > maxLength {
		return nil, fmt.Errorf("fixed %s: its size is %v, not a whole number from 0 to %d", t.name, o["size"], maxLength)
	}
	t.size = int(size)
	return t, t.annotate(o)
}

// integer reads a whole number; some writers put it in quotes.
func integer(v any) (int64, bool) {
	var text string
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	default:
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(text, 64) // 16.0, as some JSON writers have it
	if err != nil || f != math.Trunc(f) || math.Abs(f) > maxLength {
		return 0, false
	}
	return int64(f), true
}

// annotate reads the logical type. One that is unknown, or doesn't fit what it stands on, is ignored, as Avro demands.
func (t *avroType) annotate(o map[string]any) error {
	name, _ := o["logicalType"].(string)
	fits := func(l logical, ok bool) {
		if ok {
			t.logical = l
		}
	}
	switch name {
	case "date":
		fits(logicalDate, t.kind == kindInt)
	case "time-millis":
		fits(logicalTimeMillis, t.kind == kindInt)
	case "time-micros":
		fits(logicalTimeMicros, t.kind == kindLong)
	case "timestamp-millis", "local-timestamp-millis":
		fits(logicalTimestampMillis, t.kind == kindLong)
	case "timestamp-micros", "local-timestamp-micros":
		fits(logicalTimestampMicros, t.kind == kindLong)
	case "timestamp-nanos", "local-timestamp-nanos":
		fits(logicalTimestampNanos, t.kind == kindLong)
	case "uuid":
		fits(logicalUUID, t.kind == kindString || t.kind == kindFixed && t.size == 16)
	case "duration":
		fits(logicalDuration, t.kind == kindFixed && t.size == 12)
	case "decimal":
		precision, ok := integer(o["precision"])
		if !ok || precision < 1 || t.kind != kindBytes && t.kind != kindFixed {
			return nil
		}
		if precision > maxPrecision {
			return fmt.Errorf("a decimal has the precision %d; this build reads up to %d digits", precision, maxPrecision)
		}
		scale := int64(0)
		if o["scale"] != nil {
			if scale, ok = integer(o["scale"]); !ok || scale < 0 || scale > precision {
				return nil
			}
		}
		t.logical, t.precision, t.scale = logicalDecimal, int(precision), int(scale)
	}
	return nil
}

// measure computes the least number of bytes a value of t takes, and refuses a record that always holds itself: it can have
// no value. Only fields are followed: what stands in a union, an array or a map may be absent.
func measure(t *avroType) error {
	if t.sized {
		return nil
	}
	switch t.kind {
	case kindNull:
		t.fixed = true
	case kindFloat:
		t.minBytes, t.fixed = 4, true
	case kindDouble:
		t.minBytes, t.fixed = 8, true
	case kindFixed:
		t.minBytes, t.fixed = int64(t.size), true
	case kindRecord:
		if t.sizing {
			return fmt.Errorf("record %s always holds itself, so it can have no value", t.name)
		}
		t.sizing, t.fixed = true, true
		for _, f := range t.fields {
			if err := measure(f.typ); err != nil {
				return err
			}
			t.minBytes = min(t.minBytes+f.typ.minBytes, maxLength)
			t.fixed = t.fixed && f.typ.fixed && t.minBytes < maxLength
		}
		t.sizing = false
	default:
		t.minBytes = 1
	}
	t.sized = true
	return nil
}
