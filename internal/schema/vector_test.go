package schema

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/twmb/avro"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// vectorFields are the norm, the dimension and the first n components of the array at path.
func vectorFields(path string, n int) []plan.Field {
	measures := []plan.Measure{plan.OfNorm, plan.OfDimension}
	for i := range n {
		measures = append(measures, plan.Component(i))
	}
	out := make([]plan.Field, len(measures))
	for i, m := range measures {
		out[i] = plan.Field{Name: path + "." + string(m), Path: strings.Split(path, "."), Kind: plan.Number, Of: m}
	}
	return out
}

func vectorProjection(fields ...plan.Field) *plan.Projection {
	return &plan.Projection{Topic: "events", Roles: plan.NoRoles(), Fields: fields}
}

// row is what the first row of b holds, as text.
func row(b *plan.Batch) string {
	var out []string
	for col := range b.Cols {
		switch c := cellAt(b, col, 0); c.state {
		case plan.OK:
			out = append(out, fmt.Sprint(c.num))
		case plan.Missing:
			out = append(out, "-")
		default:
			out = append(out, "x")
		}
	}
	return strings.Join(out, " ")
}

func vectorOf(items string) string {
	return rec(`{"name":"v","type":{"type":"array","items":"` + items + `"}},{"name":"after","type":"int"}`)
}

// doubles is the bytes of numbers, without counts.
func doubles(v ...float64) string {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return string(b)
}

func TestVectors(t *testing.T) {
	const orNull = `{"name":"v","type":["null",{"type":"array","items":"double"},"string"]},{"name":"after","type":"int"}`
	for _, tt := range []struct {
		name, schema, body string
		want               string // norm, dimension, three components, and the field that follows
	}{
		{"doubles", vectorOf("double"), "\x06" + doubles(2, -3, 6) + "\x00\x0e", "7 3 2 -3 6 7"},
		{"more than are watched", vectorOf("double"), "\x08" + doubles(1, 1, 1, 1) + "\x00\x0e", "2 4 1 1 1 7"},
		{"fewer than are watched", vectorOf("double"), "\x04" + doubles(3, 4) + "\x00\x0e", "5 2 3 4 - 7"},
		{"none", vectorOf("double"), "\x00\x0e", "0 0 - - - 7"},
		{"floats", vectorOf("float"), "\x04\x00\x00\x40\x40\x00\x00\x80\xc0\x00\x0e", "5 2 3 -4 - 7"},
		{"ints", vectorOf("int"), "\x06\x04\x05\x0c\x00\x0e", "7 3 2 -3 6 7"},
		{"longs", vectorOf("long"), "\x02\x80\x80\x80\x80\x80\x80\x80\x20\x00\x0e", "9.007199254740992e+15 1 9.007199254740992e+15 - - 7"},
		{"two blocks", vectorOf("double"), "\x02" + doubles(2) + "\x04" + doubles(-3, 6) + "\x00\x0e", "7 3 2 -3 6 7"},
		{"blocks with their sizes", vectorOf("double"), "\x03\x20" + doubles(2, -3) + "\x01\x10" + doubles(6) + "\x00\x0e", "7 3 2 -3 6 7"},
		{"not a number", vectorOf("double"), "\x06" + doubles(2, math.NaN(), 6) + "\x00\x0e", "x 3 2 x 6 7"},
		{"infinite, beyond what is watched", vectorOf("double"), "\x08" + doubles(2, 3, 6, math.Inf(-1)) + "\x00\x0e", "x 4 2 3 6 7"},
		{"squares beyond a double", vectorOf("double"), "\x02" + doubles(1e200) + "\x00\x0e", "x 1 1e+200 - - 7"},
		{"a branch of a union", rec(orNull), "\x02\x04" + doubles(3, 4) + "\x00\x0e", "5 2 3 4 - 7"},
		{"null", rec(orNull), "\x00\x0e", "- - - - - 7"},
		{"a branch that is no array", rec(orNull), "\x04\x02a\x0e", "x x x x x 7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := vectorProjection(append(vectorFields("v", 3), plan.Field{Name: "after", Path: []string{"after"}, Kind: plan.Number})...)
			prog, b := compile(t, tt.schema, p), plan.NewBatch(p, 1)
			for range 2 { // the second finds what the first left in the cells
				b.Reset()
				if err := prog.Decode([]byte(tt.body), 0, b, 0); err != nil {
					t.Fatal(err)
				}
				if got := row(b); got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			}
		})
	}
}

// Whether reason codes are given is read of texts, of enums, of whole numbers, and of arrays of these.
func TestReasonCodes(t *testing.T) {
	array := func(items string) string {
		return rec(`{"name":"v","type":["null",{"type":"array","items":` + items + `},"string","boolean"]},{"name":"after","type":"int"}`)
	}
	one := func(of string) string {
		return rec(`{"name":"v","type":["null",` + of + `]},{"name":"after","type":"int"}`)
	}
	const enum = `{"type":"enum","name":"Code","symbols":["R1","R2"]}`
	for _, tt := range []struct{ name, schema, body, want string }{
		{"two", array(`"string"`), "\x02\x04\x04R1\x04R2\x00\x0e", "1 7"},
		{"the second of two", array(`"string"`), "\x02\x04\x00\x04R2\x00\x0e", "1 7"},
		{"blanks", array(`"string"`), "\x02\x04\x00\x02 \x00\x0e", "0 7"},
		{"two blocks", array(`"string"`), "\x02\x02\x04R1\x01\x02\x00\x00\x0e", "1 7"},
		{"none", array(`"string"`), "\x02\x00\x0e", "0 7"},
		{"null", array(`"string"`), "\x00\x0e", "- 7"},
		{"a text", array(`"string"`), "\x04\x04R1\x0e", "1 7"},
		{"a blank text", array(`"string"`), "\x04\x02\t\x0e", "0 7"},
		{"a text like an empty list", array(`"string"`), "\x04\x0c[\"\",]\x20\x0e", "0 7"},
		{"a text like a list", array(`"string"`), "\x04\x0c['R1']\x0e", "1 7"},
		{"neither", array(`"string"`), "\x06\x01\x0e", "x 7"},
		{"nulls", array(`["null","string"]`), "\x02\x04\x00\x02\x00\x00\x0e", "0 7"},
		{"null, then a code", array(`["string","null"]`), "\x02\x06\x02\x00\x04R1\x02\x00\x0e", "1 7"},
		{"enums", array(enum), "\x02\x02\x02\x00\x0e", "1 7"},
		{"numbers", array(`"int"`), "\x02\x02\x00\x00\x0e", "1 7"},
		{"a nullable text", one(`"string"`), "\x02\x04R1\x0e", "1 7"},
		{"a nullable blank", one(`"string"`), "\x02\x00\x0e", "0 7"},
		{"a nullable enum", one(enum), "\x02\x00\x0e", "1 7"},
		{"a nullable enum that is null", one(enum), "\x00\x0e", "- 7"},
		{"a number", one(`"long"`), "\x02\x00\x0e", "1 7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := vectorProjection(plan.Field{Name: "v.given", Path: []string{"v"}, Kind: plan.Number, Of: plan.OfGiven}, plan.Field{Name: "after", Path: []string{"after"}, Kind: plan.Number})
			prog, b := compile(t, tt.schema, p), plan.NewBatch(p, 1)
			for range 2 { // the second finds what the first left in the cells
				b.Reset()
				if err := prog.Decode([]byte(tt.body), 0, b, 0); err != nil {
					t.Fatal(err)
				}
				if got := row(b); got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			}
		})
	}
	p := vectorProjection(plan.Field{Name: "v.given", Path: []string{"v"}, Kind: plan.Number, Of: plan.OfGiven})
	for _, items := range []string{`"double"`, `{"type":"array","items":"string"}`, `["string","double"]`} {
		if _, err := Compile(rec(`{"name":"v","type":{"type":"array","items":`+items+`}}`), p); err == nil || !strings.Contains(err.Error(), "string, enum, int, long and arrays of these") {
			t.Errorf("%s: %v", items, err)
		}
	}
	prog, b := compile(t, rec(`{"name":"v","type":{"type":"array","items":"string"}}`), p), plan.NewBatch(p, 1)
	var bad *Error
	if err := prog.Decode([]byte("\x04\x04R1\x02\xff\x00"), 0, b, 0); !errors.As(err, &bad) || bad.Path != "v[1]" || bad.Reason != ReasonInvalidUTF8 {
		t.Errorf("%v", err)
	}
}

// Any columns measure the same array, in any order, some of them twice, and the array is read once for all.
func TestVectorIsReadOnce(t *testing.T) {
	p := vectorProjection(vectorFields("v", 2)[3], vectorFields("v", 0)[1], vectorFields("v", 1)[2], vectorFields("w", 1)[2], vectorFields("v", 0)[0], vectorFields("w", 0)[0])
	prog := compile(t, rec(`{"name":"v","aliases":["w"],"type":{"type":"array","items":"double"}}`), p)
	b := plan.NewBatch(p, 1)
	if err := prog.Decode([]byte("\x04"+doubles(3, 4)+"\x00"), 0, b, 0); err != nil {
		t.Fatal(err)
	}
	if got, want := row(b), "4 2 3 3 5 5"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	vectors := 0
	for _, o := range prog.ops {
		if o.code == opVector {
			vectors++
		}
		if o.code == opRewind {
			t.Error("the array is gone back to")
		}
	}
	if vectors != 1 {
		t.Errorf("%d ops read the array", vectors)
	}
}

// The last value of a key counts: a shorter one leaves nothing of a longer one behind.
func TestVectorUnderARepeatedKey(t *testing.T) {
	p := vectorProjection(vectorFields("m.k", 2)...)
	prog := compile(t, rec(`{"name":"m","type":{"type":"map","values":["null",{"type":"array","items":"double"}]}}`), p)
	long, short, null := "\x02k\x02\x04"+doubles(3, 4)+"\x00", "\x02k\x02\x02"+doubles(5)+"\x00", "\x02k\x00"
	for _, tt := range []struct{ body, want string }{
		{"\x02" + long + "\x00", "5 2 3 4"},
		{"\x04" + long + short + "\x00", "5 1 5 -"},
		{"\x04" + short + long + "\x00", "5 2 3 4"},
		{"\x04" + long + null + "\x00", "- - - -"},
	} {
		b := plan.NewBatch(p, 1)
		if err := prog.Decode([]byte(tt.body), 0, b, 0); err != nil {
			t.Fatal(err)
		}
		if got := row(b); got != tt.want {
			t.Errorf("%x: got %s, want %s", tt.body, got, tt.want)
		}
	}
}

// An event that breaks off within a vector leaves the batch as it was, and the error says at which number.
func TestDamagedVector(t *testing.T) {
	p := vectorProjection(vectorFields("v", 3)...)
	for _, tt := range []struct {
		items, body string
		want        string
	}{
		{"double", "\x06" + doubles(1, 2) + "\x00", "truncated v 0"},
		{"int", "\x06\x02\x04\x80", "truncated v[2] 3"},
		{"int", "\x02\x80\x80\x80\x80\x80\x01\x00", "bad_varint v[0] 1"},
		{"float", "\x01\x0a\x00\x00\x00\x00\x00\x00", "too_long v 0"},
	} {
		b := plan.NewBatch(p, 1)
		err := compile(t, vectorOf(tt.items), p).Decode([]byte(tt.body), 0, b, 0)
		e, ok := errors.AsType[*Error](err)
		if !ok || b.N != 0 {
			t.Fatalf("%x: %v, %d rows", tt.body, err, b.N)
		}
		if got := fmt.Sprint(e.Reason, " ", e.Path, " ", e.Offset); got != tt.want {
			t.Errorf("%x: %s (%v), want %s", tt.body, got, err, tt.want)
		}
		if got := held(b); strings.ContainsAny(got, "12") {
			t.Errorf("%x leaves %s", tt.body, got)
		}
	}
}

// A type that is no vector is told once for all components.
func TestVectorMisfit(t *testing.T) {
	p := vectorProjection(append(vectorFields("v", 64), vectorFields("n.v", 64)[2:]...)...)
	_, err := Compile(rec(`{"name":"v","type":"double"},{"name":"n","type":{"type":"record","name":"N","fields":[{"name":"v","type":{"type":"array","items":["null","double"]}}]}}`), p)
	if err == nil {
		t.Fatal("it compiles")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 {
		t.Errorf("%d errors: %v", len(lines), err)
	}
	for i, want := range []string{"field v.norm: ", "field v.dimension: ", `field n.v.component_0: path "n.v": the schema has `} {
		if !strings.HasPrefix(lines[i], want) || !strings.Contains(lines[i], "norm, dimension and components are read from arrays of int, long, float or double") {
			t.Errorf("%s, want %s", lines[i], want)
		}
	}
}

func TestVectorAllocatesNothing(t *testing.T) {
	p := vectorProjection(vectorFields("v", 64)...)
	prog, b := compile(t, vectorOf("float"), p), plan.NewBatch(p, 10)
	value := binary.AppendVarint(nil, 384)
	value = append(append(value, make([]byte, 4*384)...), 0, 0)
	if n := testing.AllocsPerRun(10, func() {
		b.Reset()
		for range 10 {
			if err := prog.Decode(value, 0, b, 0); err != nil {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// How a vector's field may change: what was written is measured by the schema that wrote it, and what wasn't is the default of the
// schema that the contract names. Avro's own rules, by an implementation that isn't ours, give the same array.
func TestVectorEvolution(t *testing.T) {
	array := func(items string) string { return `{"type":"array","items":"` + items + `"}` }
	const id = `{"name":"id","type":"string"}`
	for _, tt := range []struct {
		name, writer, reader string
		value                map[string]any
		path                 string
		want                 string
	}{
		{"int becomes long", `{"name":"v","type":` + array("int") + `}`, `{"name":"v","type":` + array("long") + `}`, map[string]any{"v": []any{int32(3), int32(-4)}}, "v", "5 2 3 -4 -"},
		{"int becomes double", `{"name":"v","type":` + array("int") + `}`, `{"name":"v","type":` + array("double") + `}`, map[string]any{"v": []any{int32(3), int32(-4)}}, "v", "5 2 3 -4 -"},
		{"long becomes float", `{"name":"v","type":` + array("long") + `}`, `{"name":"v","type":` + array("float") + `}`, map[string]any{"v": []any{int64(3), int64(-4)}}, "v", "5 2 3 -4 -"},
		{"float becomes double", `{"name":"v","type":` + array("float") + `}`, `{"name":"v","type":` + array("double") + `}`, map[string]any{"v": []any{float32(1.5), float32(2)}}, "v", "2.5 2 1.5 2 -"},
		{"it may be null now", `{"name":"v","type":` + array("float") + `}`, `{"name":"v","type":["null",` + array("double") + `]}`, map[string]any{"v": []any{float32(1.5), float32(2)}}, "v", "2.5 2 1.5 2 -"},
		{"renamed, and wider", `{"name":"v","type":` + array("int") + `}`, `{"name":"w","aliases":["v"],"type":` + array("double") + `}`, map[string]any{"v": []any{int32(6)}}, "w", "6 1 6 - -"},
		{"added, with a default", id, id + `,{"name":"v","type":` + array("double") + `,"default":[2,3.5,6,0.5]}`, map[string]any{"id": "e"}, "v", "7.245688373094719 4 2 3.5 6"},
		{"added, with a short default", id, id + `,{"name":"v","type":` + array("int") + `,"default":[6]}`, map[string]any{"id": "e"}, "v", "6 1 6 - -"},
		{"added, empty", id, id + `,{"name":"v","type":` + array("float") + `,"default":[]}`, map[string]any{"id": "e"}, "v", "0 0 - - -"},
		{"added, null", id, id + `,{"name":"v","type":["null",` + array("float") + `],"default":null}`, map[string]any{"id": "e"}, "v", "- - - - -"},
		{"added within a record that is", id, id + `,{"name":"n","type":{"type":"record","name":"N","fields":[{"name":"v","type":` + array("double") + `}]},"default":{"v":[3,4]}}`, map[string]any{"id": "e"}, "n.v", "5 2 3 4 -"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			writer, err := avro.Parse(rec(tt.writer))
			if err != nil {
				t.Fatal(err)
			}
			body, err := writer.Encode(tt.value)
			if err != nil {
				t.Fatal(err)
			}
			p := vectorProjection(vectorFields(tt.path, 3)...)
			p.Schema = rec(tt.reader)
			b := plan.NewBatch(p, 1)
			if err := compile(t, rec(tt.writer), p).Decode(body, 0, b, 0); err != nil {
				t.Fatal(err)
			}
			if got := row(b); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if got := resolvedVector(t, writer, rec(tt.reader), body, tt.path); got != tt.want {
				t.Errorf("by Avro's rules %s, want %s", got, tt.want)
			}
		})
	}
}

// resolvedVector is what twmb/avro reads at path under reader's schema, measured here.
func resolvedVector(t *testing.T, writer *avro.Schema, text string, body []byte, path string) string {
	t.Helper()
	reader, err := avro.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := avro.Resolve(writer, reader)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if _, err := resolved.Decode(body, &v); err != nil {
		t.Fatal(err)
	}
	for step := range strings.SplitSeq(path, ".") {
		v = v.(map[string]any)[step]
	}
	if v == nil {
		return "- - - - -"
	}
	squares, parts := 0.0, []string{"-", "-", "-"}
	for i, item := range v.([]any) {
		n := numberOf(item).num
		squares += n * n
		if i < len(parts) {
			parts[i] = fmt.Sprint(n)
		}
	}
	return fmt.Sprint(math.Sqrt(squares), " ", len(v.([]any)), " ", strings.Join(parts, " "))
}

// The default of a text is measured as a text that was sent.
func TestTextMeasuresOfADefault(t *testing.T) {
	p := vectorProjection(
		plan.Field{Name: "s.length", Path: []string{"s"}, Kind: plan.Number, Of: plan.OfLength},
		plan.Field{Name: "s.charset", Path: []string{"s"}, Kind: plan.String, Of: plan.OfCharset},
	)
	p.Schema = rec(`{"name":"id","type":"string"},{"name":"s","type":"string","default":"caf\u00e9"}`)
	b := plan.NewBatch(p, 1)
	if err := compile(t, rec(`{"name":"id","type":"string"}`), p).Decode([]byte("\x02e"), 0, b, 0); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(cellAt(b, 0, 0), cellAt(b, 1, 0)), fmt.Sprint(num(4), str("latin")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A key or a header is text: it has a length and a class of characters, and is no vector, even where it reads like a number.
func TestMeasuresOfKeyAndHeader(t *testing.T) {
	p := projection(t, "x number")
	for _, from := range []plan.Origin{plan.FromKey, plan.FromHeader} {
		for _, f := range []plan.Field{
			{Kind: plan.Number, Of: plan.OfLength}, {Kind: plan.String, Of: plan.OfCharset}, {Kind: plan.Number, Of: plan.OfNorm}, {Kind: plan.Number, Of: plan.Component(0)},
		} {
			f.Name, f.From = string(from)+"."+string(f.Of), from
			if from == plan.FromHeader {
				f.Path = []string{"h"}
			}
			p.Fields = append(p.Fields, f)
		}
	}
	p.Key = &plan.Key{Encoding: plan.Text}
	b := plan.NewBatch(p, 2)
	r := NewReader(p, "m", &shelf{text: readerEvent})
	for _, v := range []string{"125", "\xff"} {
		if err := r.Read(t.Context(), &Record{Key: []byte(v), Value: confluentEvent(t, 7), Headers: header(v)}, b); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []cell{num(3), str("ascii"), invalid, invalid, num(3), str("ascii"), invalid, invalid} {
		if got := cellAt(b, 1+i, 0); got != want {
			t.Errorf("%s of 125: %+v, want %+v", p.Fields[1+i].Name, got, want)
		}
		if got := cellAt(b, 1+i, 1); got != invalid {
			t.Errorf("%s of what is no text: %+v", p.Fields[1+i].Name, got)
		}
	}
}

// header is one header called h.
type header string

func (h header) Header(name string) ([]byte, bool) {
	if name != "h" {
		return nil, false
	}
	return []byte(h), true
}
