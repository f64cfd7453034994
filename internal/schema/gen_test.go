package schema

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/avro"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

func init() {
	goavro.MaxBlockCount = 1 << 12 // it allocates what a block declares
}

// shape is a schema as the tests build it: independent of the parser, and able to say what a value decoded by goavro
// should look like in a batch.
type shape struct {
	kind    string // of Avro
	logical string
	name    string
	scale   int
	size    int
	symbols []string
	fields  []shapeField
	elem    *shape
	types   []*shape // of a union
}

type shapeField struct {
	name  string
	alias string
	typ   *shape
}

func (s *shape) json() any {
	switch s.kind {
	case "record":
		fields := make([]any, len(s.fields))
		for i, f := range s.fields {
			m := map[string]any{"name": f.name, "type": f.typ.json()}
			if f.alias != "" {
				m["aliases"] = []string{f.alias}
			}
			fields[i] = m
		}
		return map[string]any{"type": "record", "name": s.name, "fields": fields}
	case "enum":
		return map[string]any{"type": "enum", "name": s.name, "symbols": s.symbols}
	case "fixed":
		m := map[string]any{"type": "fixed", "name": s.name, "size": s.size}
		switch s.logical {
		case "":
		case "decimal":
			m["logicalType"], m["precision"], m["scale"] = "decimal", fixedDigits(s.size), s.scale
		default:
			m["logicalType"] = s.logical
		}
		return m
	case "array":
		return map[string]any{"type": "array", "items": s.elem.json()}
	case "map":
		return map[string]any{"type": "map", "values": s.elem.json()}
	case "union":
		types := make([]any, len(s.types))
		for i, t := range s.types {
			types[i] = t.json()
		}
		return types
	}
	if s.logical == "" {
		return s.kind
	}
	m := map[string]any{"type": s.kind, "logicalType": s.logical}
	if s.logical == "decimal" {
		m["precision"], m["scale"] = 18, s.scale
	}
	return m
}

func (s *shape) text() string {
	b, err := json.Marshal(s.json())
	if err != nil {
		panic(err)
	}
	return string(b)
}

// fixedDigits is how many digits a fixed of size bytes always holds, at most 18.
func fixedDigits(size int) int {
	return min(18, int(float64(8*size-1)*math.Log10(2)))
}

// branch is what goavro calls the type in a union.
func (s *shape) branch() string {
	switch {
	case s.name != "":
		return s.name
	case s.logical != "" && !s.young():
		return s.kind + "." + s.logical
	}
	return s.kind
}

// young reports whether goavro doesn't know s's logical type and reads what it stands on.
func (s *shape) young() bool {
	return s.logical == "uuid" || s.logical == "duration" || strings.HasSuffix(s.logical, "-nanos") || strings.HasPrefix(s.logical, "local-")
}

// source draws numbers from 0 to n-1: rapid in properties, math/rand in the prefix tests.
type source func(n int) int

// genRecord draws a record of up to six fields.
func genRecord(draw source, depth int, serial *int) *shape {
	*serial++
	s := &shape{kind: "record", name: "R" + strconv.Itoa(*serial)}
	for i := range 1 + draw(6) {
		f := shapeField{name: "f" + strconv.Itoa(i), typ: genShape(draw, depth-1, serial)}
		if draw(8) == 0 {
			f.alias = "a" + strconv.Itoa(i)
		}
		s.fields = append(s.fields, f)
	}
	return s
}

var genScalars = []shape{
	{kind: "null"},
	{kind: "boolean"},
	{kind: "int"},
	{kind: "long"},
	{kind: "float"},
	{kind: "double"},
	{kind: "bytes"},
	{kind: "string"},
	{kind: "int", logical: "date"},
	{kind: "int", logical: "time-millis"},
	{kind: "long", logical: "time-micros"},
	{kind: "long", logical: "timestamp-millis"},
	{kind: "long", logical: "timestamp-micros"},
	{kind: "bytes", logical: "decimal", scale: 3},
	{kind: "string", logical: "uuid"},
	{kind: "long", logical: "timestamp-nanos"},
	{kind: "long", logical: "local-timestamp-millis"},
	{kind: "long", logical: "local-timestamp-micros"},
	{kind: "long", logical: "local-timestamp-nanos"},
}

func genShape(draw source, depth int, serial *int) *shape {
	scalars := len(genScalars)
	choice := draw(scalars + 10)
	if depth <= 0 {
		choice %= scalars + 2
	}
	if choice < scalars {
		s := genScalars[choice]
		return &s
	}
	switch choice -= scalars; {
	case choice == 0:
		*serial++
		return &shape{kind: "enum", name: "E" + strconv.Itoa(*serial), symbols: []string{"red", "green", "blue"}[:1+draw(3)]}
	case choice == 1:
		*serial++
		s := &shape{kind: "fixed", name: "F" + strconv.Itoa(*serial), size: 1 + draw(9)}
		switch draw(4) {
		case 0, 1:
			s.logical, s.scale = "decimal", min(draw(4), fixedDigits(s.size))
		case 2:
			s.logical, s.size = []string{"uuid", "duration"}[draw(2)], 16
			if s.logical == "duration" {
				s.size = 12
			}
		}
		return s
	case choice == 2:
		return genRecord(draw, depth, serial)
	case choice == 3:
		return &shape{kind: "array", elem: genShape(draw, depth-1, serial)}
	case choice <= 5:
		return &shape{kind: "map", elem: genShape(draw, depth-1, serial)}
	}
	u := &shape{kind: "union"}
	seen := map[string]bool{}
	for range 1 + draw(4) {
		t := genShape(draw, depth-1, serial)
		one := cmp.Or(t.name, t.kind) // a union holds a type without a name once, whatever its logical type
		if t.kind == "union" || seen[one] {
			continue
		}
		seen[one] = true
		u.types = append(u.types, t)
	}
	if draw(2) == 0 && !seen["null"] {
		u.types = append(u.types, &shape{kind: "null"})
	}
	if len(u.types) == 0 {
		return &shape{kind: "long"}
	}
	return u
}

var genKeys = []string{"a", "b", "", "longer key", "k\u00e9y"}

// genValue draws a value in the form goavro encodes.
func genValue(draw source, s *shape) any {
	switch s.kind {
	case "null":
		return nil
	case "boolean":
		return draw(2) == 1
	case "int":
		switch s.logical {
		case "date":
			return time.Unix(86400*int64(draw(40000)-20000), 0).UTC()
		case "time-millis":
			return time.Duration(draw(86400000)) * time.Millisecond
		}
		return []int32{0, 1, -1, 1023, 1024, math.MaxInt32, math.MinInt32, int32(draw(1 << 20))}[draw(8)]
	case "long":
		switch s.logical {
		case "time-micros":
			return time.Duration(draw(1<<31)) * time.Microsecond
		case "timestamp-millis":
			return time.UnixMilli(int64(draw(1<<31))*1000 - 1<<35 + int64(draw(1000))).UTC()
		case "timestamp-micros":
			return time.UnixMicro(int64(draw(1<<31))*1000000 - 1<<45 + int64(draw(1000000))).UTC()
		}
		return []int64{0, 1, -1, 1023, 1024, math.MaxInt64, math.MinInt64, int64(draw(1<<31)) * 997}[draw(8)]
	case "float":
		return []float32{0, 1, -1.5, float32(math.NaN()), float32(math.Inf(1)), 1e30, 7, float32(draw(1<<20)) / 64}[draw(8)]
	case "double":
		return []float64{0, 1, -1.5, math.NaN(), math.Inf(-1), 1e300, math.Copysign(0, -1), float64(draw(1<<30)) / 64}[draw(8)]
	case "bytes", "fixed":
		if s.logical == "decimal" {
			limit := int64(1) << 40
			if s.kind == "fixed" {
				limit = 1 << min(8*s.size-1, 40)
			}
			v := int64(draw(1<<31))<<9 | int64(draw(1<<9))
			return big.NewRat(v%limit-limit/2, int64(math.Pow10(s.scale)))
		}
		n := s.size
		if s.kind == "bytes" {
			n = draw(12)
		}
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(draw(256))
		}
		if s.logical == "duration" && draw(2) == 0 {
			clear(b[:4])
		}
		return b
	case "string":
		if s.logical == "uuid" {
			return uuidText([]byte(fmt.Sprintf("%016d", draw(1<<30))))
		}
		return []string{"", "a", "seven77", "eight888", "caf\u00e9 \u65e5\u672c\u8a9e", "2026-03-25T01:02:03.5+02:00", "0123456789abcdef0"}[draw(7)]
	case "enum":
		return s.symbols[draw(len(s.symbols))]
	case "array":
		out := make([]any, draw(4))
		for i := range out {
			out[i] = genValue(draw, s.elem)
		}
		return out
	case "map":
		out := map[string]any{}
		for range draw(4) {
			out[genKeys[draw(len(genKeys))]] = genValue(draw, s.elem)
		}
		return out
	case "union":
		t := s.types[draw(len(s.types))]
		return goavro.Union(t.branch(), genValue(draw, t))
	default:
		out := map[string]any{}
		for _, f := range s.fields {
			out[f.name] = genValue(draw, f.typ)
		}
		return out
	}
}

// cell is what one field of one row should hold.
type cell struct {
	state plan.State
	num   float64
	str   string
	us    int64
}

var (
	missing = cell{state: plan.Missing}
	invalid = cell{state: plan.Invalid}
)

// project is the oracle: what doc.go promises for path and k of a value that goavro decoded.
func project(s *shape, v any, path []string, want plan.Field) cell {
	if s.kind == "union" {
		if v == nil {
			return missing
		}
		for name, inner := range v.(map[string]any) {
			for _, t := range s.types {
				if t.branch() == name || t.kind+"."+t.logical == name || t.name+"."+t.logical == name {
					return project(t, inner, path, want)
				}
			}
		}
		panic("no such branch")
	}
	if s.kind == "null" {
		return missing
	}
	if len(path) == 0 {
		return cellOf(s, v, want)
	}
	switch s.kind {
	case "record":
		for _, f := range s.fields {
			if f.name == path[0] || f.alias == path[0] {
				return project(f.typ, v.(map[string]any)[f.name], path[1:], want)
			}
		}
		return missing
	case "map":
		if inner, ok := v.(map[string]any)[path[0]]; ok {
			return project(s.elem, inner, path[1:], want)
		}
		return missing
	}
	return invalid
}

// stored is v, of a logical type that goavro doesn't know, in what the type stands on, as goavro has it anyway.
func stored(s *shape, v any) any {
	switch v := v.(type) {
	case time.Time:
		switch {
		case strings.HasSuffix(s.logical, "-nanos"):
			return v.UnixNano()
		case strings.HasSuffix(s.logical, "-micros"):
			return v.UnixMicro()
		default:
			return v.UnixMilli()
		}
	case [16]byte:
		return v[:]
	case avro.Duration:
		b := v.Bytes()
		return b[:]
	}
	return v
}

// young is what doc.go says of such a value.
func young(s *shape, v any, k plan.Kind) cell {
	switch v := v.(type) {
	case int64:
		per := int64(1e9)
		switch {
		case strings.HasSuffix(s.logical, "-micros"):
			per = 1e6
		case strings.HasSuffix(s.logical, "-millis"):
			per = 1e3
		}
		switch k {
		case plan.Number:
			return numberOf(float64(v) / float64(per))
		case plan.Time:
			sec := v / per
			if v%per < 0 {
				sec--
			}
			t := time.Unix(sec, (v-sec*per)*(1e9/per)).UTC()
			if t.Year() < 1 || t.Year() > 9999 {
				return invalid
			}
			return cell{state: plan.OK, us: t.UnixMicro()}
		}
		return cell{state: plan.OK, str: strconv.FormatInt(v, 10)}
	case []byte:
		if (s.logical == "uuid") != (k == plan.String) {
			return invalid
		}
		if s.logical == "uuid" {
			h := hex.EncodeToString(v)
			return cell{state: plan.OK, str: h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]}
		}
		part := func(i int) float64 { return float64(binary.LittleEndian.Uint32(v[i:])) }
		if part(0) != 0 {
			return invalid
		}
		return cell{state: plan.OK, num: (part(4)*86400e3 + part(8)) / 1e3}
	case string:
		if k == plan.String {
			return cell{state: plan.OK, str: v}
		}
	}
	return invalid
}

// numeric reports whether an array of s is a vector that the tests know the measures of.
func (s *shape) numeric() bool {
	return s.logical == "" && slices.Contains([]string{"int", "long", "float", "double"}, s.kind)
}

// measured is what doc.go says of the measures.
func measured(s *shape, v any, of plan.Measure) cell {
	text, isText := v.(string)
	items, isList := v.([]any)
	switch {
	case isText && s.kind == "string" && of == plan.OfLength:
		return cell{state: plan.OK, num: float64(len([]rune(text)))}
	case isText && s.kind == "string" && of == plan.OfCharset:
		most := rune(-1)
		for _, r := range text {
			most = max(most, r)
		}
		switch {
		case most < 0:
			return cell{state: plan.OK, str: "empty"}
		case most < 0x80:
			return cell{state: plan.OK, str: "ascii"}
		case most < 0x250:
			return cell{state: plan.OK, str: "latin"}
		}
		return cell{state: plan.OK, str: "other"}
	case isList && s.elem.numeric() && of == plan.OfDimension:
		return cell{state: plan.OK, num: float64(len(items))}
	case isList && s.elem.numeric() && of == plan.OfNorm:
		squares := 0.0
		for _, item := range items {
			x := reflect.ValueOf(item)
			if x.CanInt() {
				squares += float64(x.Int()) * float64(x.Int())
			} else {
				squares += x.Float() * x.Float()
			}
		}
		return numberOf(math.Sqrt(squares))
	}
	return invalid
}

func cellOf(s *shape, v any, want plan.Field) cell {
	if want.Of != plan.Whole {
		return measured(s, v, want.Of)
	}
	k := want.Kind
	if s.young() {
		return young(s, stored(s, v), k)
	}
	switch k {
	case plan.Number:
		return numberOf(v)
	case plan.Time:
		return timeOf(s, v)
	}
	str := func(s string) cell { return cell{state: plan.OK, str: s} }
	switch v := v.(type) {
	case bool, int32, int64, string:
		return str(fmt.Sprint(v))
	case float32:
		return str(strconv.FormatFloat(float64(v), 'g', -1, 32))
	case float64:
		return str(strconv.FormatFloat(v, 'g', -1, 64))
	case []byte:
		return str(string(v))
	case time.Duration:
		if s.logical == "time-millis" {
			return str(strconv.FormatInt(v.Milliseconds(), 10))
		}
		return str(strconv.FormatInt(v.Microseconds(), 10))
	case time.Time:
		switch s.logical {
		case "date":
			return str(strconv.FormatInt(v.Unix()/86400, 10))
		case "timestamp-millis":
			return str(strconv.FormatInt(v.UnixMilli(), 10))
		default:
			return str(strconv.FormatInt(v.UnixMicro(), 10))
		}
	}
	return invalid
}

func numberOf(v any) cell {
	var f float64
	switch v := v.(type) {
	case bool:
		if v {
			f = 1
		}
	case int32:
		f = float64(v)
	case int64:
		f = float64(v)
	case float32:
		f = float64(v)
	case float64:
		f = v
	case *big.Rat:
		f, _ = v.Float64()
	case time.Duration:
		f = float64(v.Microseconds()) / 1e6
	case time.Time:
		f = float64(v.UnixMicro()) / 1e6
	default:
		return invalid
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return invalid
	}
	return cell{state: plan.OK, num: f}
}

// rfc3339 is narrower than time.Parse, which takes a comma, hours of one digit and zones beyond a day.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

func timeOf(s *shape, v any) cell {
	var t time.Time
	switch v := v.(type) {
	case time.Time:
		t = v
	case int64:
		const limit = 1 << 50
		if s.logical != "" || v < -limit || v > limit {
			return invalid
		}
		t = time.UnixMilli(v).UTC()
	case string:
		if !rfc3339.MatchString(v) {
			return invalid
		}
		var err error
		if t, err = time.Parse(time.RFC3339Nano, strings.ToUpper(strings.Replace(v, " ", "T", 1))); err != nil {
			return invalid
		}
		t = t.UTC()
	default:
		return invalid
	}
	if t.Year() < 1 || t.Year() > 9999 {
		return invalid
	}
	return cell{state: plan.OK, us: t.UnixMicro()}
}

// cellAt reads a batch.
func cellAt(b *plan.Batch, col, row int) cell {
	c := &b.Cols[col]
	out := cell{state: c.State[row]}
	if out.state != plan.OK {
		return out
	}
	switch b.Fields[col].Kind {
	case plan.Number:
		out.num = c.Num[row]
	case plan.String:
		out.str = c.Str[row]
	case plan.Time:
		out.us = c.Int[row]
	}
	return out
}

// held is all that a batch says: its rows, and the states beyond them, which must be Missing.
func held(b *plan.Batch) string {
	var s strings.Builder
	for row := range b.N {
		fmt.Fprint(&s, b.Offset[row])
		for col := range b.Cols {
			fmt.Fprintf(&s, " %+v", cellAt(b, col, row))
		}
		s.WriteByte('\n')
	}
	for col := range b.Cols {
		fmt.Fprintf(&s, "%d", b.Cols[col].State[b.N:])
	}
	return s.String()
}

// paths lists every place in s that a path can name.
func (s *shape) paths(prefix []string, out *[][]string) {
	at := func(step string) []string { return append(append([]string{}, prefix...), step) }
	switch s.kind {
	case "record":
		for _, f := range s.fields {
			name := f.name
			if f.alias != "" {
				name = f.alias
			}
			f.typ.paths(at(name), out)
		}
	case "map":
		s.elem.paths(at("a"), out)
		s.elem.paths(at("nokey"), out)
	case "union":
		for _, t := range s.types {
			t.paths(prefix, out)
		}
	case "array":
		if s.elem.numeric() {
			*out = append(*out, prefix)
		}
	case "null":
	default:
		*out = append(*out, prefix)
	}
}

// everything projects all of s that can be read, in every kind it can be read as.
func everything(s *shape) *plan.Projection {
	var all [][]string
	s.paths(nil, &all)
	p := &plan.Projection{Topic: "t", Roles: plan.NoRoles()}
	seen := map[string]bool{}
	for _, path := range all {
		for _, f := range []plan.Field{
			{Kind: plan.Number},
			{Kind: plan.String},
			{Kind: plan.Time},
			{Kind: plan.Number, Of: plan.OfLength},
			{Kind: plan.String, Of: plan.OfCharset},
			{Kind: plan.Number, Of: plan.OfNorm},
			{Kind: plan.Number, Of: plan.OfDimension},
		} {
			id := fmt.Sprint(path, f.Kind, f.Of)
			f.Name, f.Path = id, path
			one := &plan.Projection{Fields: []plan.Field{f}, Roles: plan.NoRoles()}
			if seen[id] {
				continue
			}
			seen[id] = true
			if _, err := Compile(s.text(), one); err == nil {
				p.Fields = append(p.Fields, one.Fields[0])
			}
		}
	}
	return p
}
