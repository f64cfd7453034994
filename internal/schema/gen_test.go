package schema

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/linkedin/goavro/v2"
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
