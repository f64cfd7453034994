package schema

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/avro"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

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

// said is how many codes a value of s holds that may be codes; -1 if it may hold anything else.
func (s *shape) said(v any) float64 {
	switch {
	case s.kind == "enum":
		return 1
	case s.kind == "string":
		if strings.Trim(v.(string), " ,\"'[]\t\r\n") == "" && strings.TrimSpace(v.(string)) != "[" { // no generated text has brackets inside
			return 0
		}
		return 1
	case (s.kind == "int" || s.kind == "long") && s.logical == "":
		return 1
	}
	return -1
}

// given is 1 if any item of an array holds a code.
func (s *shape) given(items []any) cell {
	out := cell{state: plan.OK}
	for _, t := range append([]*shape{s}, s.types...) {
		if t.kind != "union" && t.kind != "null" && t.said("") < 0 {
			return invalid
		}
	}
	for _, item := range items {
		t := s
		if s.kind == "union" {
			if item == nil {
				continue
			}
			for name, inner := range item.(map[string]any) {
				for _, b := range s.types {
					if b.branch() == name || b.kind+"."+b.logical == name || b.name+"."+b.logical == name {
						t, item = b, inner
					}
				}
			}
		}
		if t.kind != "null" {
			out.num = max(out.num, t.said(item))
		}
	}
	return out
}

// measured is what doc.go says of the measures.
func measured(s *shape, v any, of plan.Measure) cell {
	text, isText := v.(string)
	items, isList := v.([]any)
	switch {
	case of == plan.OfGiven && isList:
		return s.elem.given(items)
	case of == plan.OfGiven && s.said(v) >= 0:
		return cell{state: plan.OK, num: s.said(v)}
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
	case isList && s.elem.numeric():
		squares := 0.0
		for i, item := range items {
			x := reflect.ValueOf(item)
			v := 0.0
			if x.CanInt() {
				v = float64(x.Int())
			} else {
				v = x.Float()
			}
			if string(of) == fmt.Sprint("component_", i) {
				return numberOf(v)
			}
			squares += v * v
		}
		if of == plan.OfNorm {
			return numberOf(math.Sqrt(squares))
		}
		return missing // a component beyond the last
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
			{Kind: plan.Number, Of: plan.OfGiven},
			{Kind: plan.Number, Of: plan.Component(2)},
			{Kind: plan.Number, Of: plan.OfDimension},
			{Kind: plan.Number, Of: plan.Component(0)},
			{Kind: plan.Number, Of: plan.Component(1)},
			{Kind: plan.Number, Of: plan.Component(63)},
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
