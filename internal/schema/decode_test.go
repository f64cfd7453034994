package schema

import (
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/linkedin/goavro/v2"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// projection makes one from "path kind" lines, such as "flows.transfer number"; "id" and "time" name the roles by path.
func projection(t testing.TB, lines ...string) *plan.Projection {
	t.Helper()
	p := &plan.Projection{Topic: "events", Roles: plan.NoRoles()}
	for i, line := range lines {
		f := strings.Fields(line)
		p.Fields = append(p.Fields, plan.Field{Name: f[0], Path: strings.Split(f[0], "."), Kind: plan.Kind(f[1])})
		if len(f) > 2 && f[2] == "id" {
			p.Roles.ID = i
		}
		if len(f) > 2 && f[2] == "time" {
			p.Roles.Time = i
		}
	}
	return p
}

func compile(t testing.TB, schema string, p *plan.Projection) *Program {
	t.Helper()
	prog, err := Compile(schema, p)
	if err != nil {
		t.Fatal(err)
	}
	return prog
}

func encode(t testing.TB, schema string, native any) []byte {
	t.Helper()
	codec, err := goavro.NewCodec(schema)
	if err != nil {
		t.Fatal(err)
	}
	b, err := codec.BinaryFromNative(nil, native)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func rec(fields string) string { return `{"type":"record","name":"E","fields":[` + fields + `]}` }

func num(v float64) cell { return cell{state: plan.OK, num: v} }
func str(v string) cell  { return cell{state: plan.OK, str: v} }
func at(us int64) cell   { return cell{state: plan.OK, us: us} }

const listSchema = `{"type":"record","name":"ex.List","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","List"]}]}`

func TestDecode(t *testing.T) {
	moment := time.Date(2026, 3, 25, 1, 2, 3, 456789000, time.UTC)
	us := moment.UnixMicro()
	obj := func(kv ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i].(string)] = kv[i+1]
		}
		return m
	}
	for _, tt := range []struct {
		name   string
		schema string
		native any
		fields []string
		want   []cell
	}{
		{
			"numbers", rec(`{"name":"i","type":"int"},{"name":"l","type":"long"},{"name":"f","type":"float"},{"name":"d","type":"double"},{"name":"b","type":"boolean"}`),
			obj("i", -3, "l", 1<<40, "f", float32(0.5), "d", 2.25, "b", true),
			[]string{"i number", "l number", "f number", "d number", "b number"},
			[]cell{num(-3), num(1 << 40), num(0.5), num(2.25), num(1)},
		},
		{
			"text", rec(`{"name":"i","type":"int"},{"name":"l","type":"long"},{"name":"d","type":"double"},{"name":"b","type":"boolean"},{"name":"e","type":{"type":"enum","name":"C","symbols":["x","y"]}},{"name":"s","type":"string"}`),
			obj("i", -1, "l", 1<<40, "d", 1.0, "b", false, "e", "y", "s", "caf\u00e9"),
			[]string{"i string", "l string", "d string", "b string", "e string", "s string"},
			[]cell{str("-1"), str("1099511627776"), str("1"), str("false"), str("y"), str("caf\u00e9")},
		},
		{
			"one value in two kinds", rec(`{"name":"l","type":["long","null"]},{"name":"m","type":"long"}`),
			obj("l", goavro.Union("long", 7), "m", 8),
			[]string{"l number", "l string", "l time", "m string", "m number"},
			[]cell{num(7), str("7"), at(7000), str("8"), num(8)},
		},
		{
			"null in any order", rec(`{"name":"a","type":["null","double"]},{"name":"b","type":["double","null"]},{"name":"c","type":["null","double"]},{"name":"d","type":["double","null"]}`),
			obj("a", nil, "b", nil, "c", goavro.Union("double", 3.0), "d", goavro.Union("double", 4.0)),
			[]string{"a number", "b number", "c number", "d number"},
			[]cell{missing, missing, num(3), num(4)},
		},
		{
			"wide union, text branch of a number", rec(`{"name":"a","type":["null","string","double","long"]},{"name":"z","type":"int"}`),
			obj("a", goavro.Union("string", "no"), "z", 1),
			[]string{"a number", "z number"},
			[]cell{invalid, num(1)},
		},
		{
			"wide union, long branch", rec(`{"name":"a","type":["null","string","double","long"]}`),
			obj("a", goavro.Union("long", 5)),
			[]string{"a number"},
			[]cell{num(5)},
		},
		{
			"union of records", rec(`{"name":"u","type":["null",{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]},{"type":"record","name":"B","fields":[{"name":"s","type":"string"},{"name":"y","type":"int"}]}]}`),
			obj("u", goavro.Union("B", obj("s", "q", "y", 9))),
			[]string{"u.x number", "u.y number"},
			[]cell{missing, num(9)},
		},
		{
			"nested, by alias", rec(`{"name":"flows","type":{"type":"record","name":"F","fields":[{"name":"load","type":"double"},{"name":"xfer","aliases":["transfer"],"type":"double"}]}}`),
			obj("flows", obj("load", 1.0, "xfer", 2.0)),
			[]string{"flows.transfer number", "flows.xfer number"},
			[]cell{num(2), num(2)},
		},
		{
			"map keys", rec(`{"name":"m","type":{"type":"map","values":["null","double"]}},{"name":"z","type":"int"}`),
			obj("m", obj("a", goavro.Union("double", 1.0), "b", nil, "other", goavro.Union("double", 3.0)), "z", 5),
			[]string{"m.a number", "m.b number", "m.c number", "z number"},
			[]cell{num(1), missing, missing, num(5)},
		},
		{
			"recursive", listSchema,
			obj("v", 1, "next", goavro.Union("ex.List", obj("v", 2, "next", goavro.Union("ex.List", obj("v", 3, "next", nil))))),
			[]string{"v number", "next.v number", "next.next.next.v number"},
			[]cell{num(1), num(2), missing},
		},
		{
			"times", rec(`{"name":"ms","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"us","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"day","type":{"type":"int","logicalType":"date"}},{"name":"plain","type":"long"},{"name":"s","type":"string"}`),
			obj("ms", moment, "us", moment, "day", moment, "plain", us/1000, "s", "2026-03-25T03:02:03.456789+02:00"),
			[]string{"ms time", "us time", "day time", "plain time", "s time", "ms number", "day number"},
			[]cell{at(us / 1000 * 1000), at(us), at(us / 86400e6 * 86400e6), at(us / 1000 * 1000), at(us), num(float64(us/1000) / 1000), num(float64(us / 86400e6 * 86400))},
		},
		{
			"nanoseconds", rec(`{"name":"t","type":{"type":"long","logicalType":"timestamp-nanos"}}`),
			obj("t", int64(-1)),
			[]string{"t time", "t number"},
			[]cell{at(-1), num(-1e-9)},
		},
		{
			"a bad time that is not the event's own", rec(`{"name":"t","type":"string"}`),
			obj("t", "yesterday"),
			[]string{"t time"},
			[]cell{invalid},
		},
		{
			"decimals", rec(`{"name":"b","type":{"type":"bytes","logicalType":"decimal","precision":30,"scale":2}},{"name":"f","type":{"type":"fixed","name":"D","size":4,"logicalType":"decimal","precision":8,"scale":1}}`),
			obj("b", new(big.Rat).SetFrac64(-12345, 100), "f", new(big.Rat).SetFrac64(77, 10)),
			[]string{"b number", "f number"},
			[]cell{num(-123.45), num(7.7)},
		},
		{
			"durations", rec(`{"name":"a","type":{"type":"fixed","name":"D","size":12,"logicalType":"duration"}},{"name":"b","type":"D"}`),
			obj("a", []byte("\x00\x00\x00\x00\x02\x00\x00\x00\xDC\x05\x00\x00"), "b", []byte("\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")),
			[]string{"a number", "b number"},
			[]cell{num(2*86400 + 1.5), invalid},
		},
		{
			"skipped: a run of fields of one size", rec(`{"name":"a","type":"int"},{"name":"b","type":"double"},{"name":"c","type":"float"},{"name":"d","type":{"type":"record","name":"In","fields":[{"name":"x","type":"double"},{"name":"y","type":"null"}]}},{"name":"z","type":"int"}`),
			obj("a", 1, "b", 2.0, "c", float32(3), "d", obj("x", 4.0, "y", nil), "z", 6),
			[]string{"z number"},
			[]cell{num(6)},
		},
		{
			"uuid", rec(`{"name":"s","type":{"type":"string","logicalType":"uuid"}},{"name":"f","type":{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}}`),
			obj("s", "0123", "f", []byte("\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef")),
			[]string{"s string", "f string"},
			[]cell{str("0123"), str("01234567-89ab-cdef-0123-456789abcdef")},
		},
		{
			"bytes need not be text", rec(`{"name":"b","type":"bytes"},{"name":"f","type":{"type":"fixed","name":"U","size":2}}`),
			obj("b", []byte{0xFF, 0}, "f", []byte{0xFE, 1}),
			[]string{"b string", "f string"},
			[]cell{str("\xFF\x00"), str("\xFE\x01")},
		},
		{
			"skipped: arrays of all sorts", rec(`{"name":"a","type":{"type":"array","items":"double"}},{"name":"b","type":{"type":"array","items":"string"}},{"name":"n","type":{"type":"array","items":"null"}},{"name":"m","type":{"type":"map","values":{"type":"array","items":"int"}}},{"name":"z","type":"int"}`),
			obj("a", []any{1.0, 2.0}, "b", []any{"x", "y"}, "n", []any{nil, nil}, "m", obj("k", []any{1, 2}), "z", 6),
			[]string{"z number"},
			[]cell{num(6)},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := projection(t, tt.fields...)
			b := plan.NewBatch(p, 1)
			if err := compile(t, tt.schema, p).Decode(encode(t, tt.schema, tt.native), 0, b, 42); err != nil {
				t.Fatal(err)
			}
			if b.N != 1 || b.Offset[0] != 42 {
				t.Fatalf("%d rows, offsets %v", b.N, b.Offset)
			}
			for i, want := range tt.want {
				if got := cellAt(b, i, 0); !same(got, want) {
					t.Errorf("%s: got %+v, want %+v", tt.fields[i], got, want)
				}
			}
		})
	}
}

func TestDecodeLeavesComputedFieldsAlone(t *testing.T) {
	p := projection(t, "v number")
	p.Fields = append(p.Fields, plan.Field{Name: "twice", Kind: plan.Number, Expr: "v * 2.0"})
	b := plan.NewBatch(p, 1)
	if err := compile(t, rec(`{"name":"v","type":"int"}`), p).Decode([]byte{2}, 0, b, 0); err != nil {
		t.Fatal(err)
	}
	if got := cellAt(b, 1, 0); got != missing {
		t.Errorf("got %+v", got)
	}
}

func TestDecodeSharesTheEventsBytes(t *testing.T) {
	schema := rec(`{"name":"s","type":"string"}`)
	p := projection(t, "s string")
	b := plan.NewBatch(p, 1)
	value := []byte("\x06abc")
	if err := compile(t, schema, p).Decode(value, 0, b, 0); err != nil {
		t.Fatal(err)
	}
	if unsafe.StringData(b.Cols[0].Str[0]) != &value[1] {
		t.Error("the string was copied")
	}
}

// The last value of a key counts, whatever the first one left behind.
func TestDecodeRepeatedKeys(t *testing.T) {
	inner := `{"type":"map","values":["null","double",{"type":"map","values":"int"}]}`
	schema := rec(`{"name":"m","type":` + inner + `}`)
	p := projection(t, "m.a number", "m.a.x number")
	prog := compile(t, schema, p)
	const number = "\x02a\x02\x00\x00\x00\x00\x00\x00\xF0\x3F"
	const object = "\x02a\x04\x02\x02x\x08\x00"
	const null = "\x02a\x00"
	for _, tt := range []struct {
		name, body string
		want       [2]cell
	}{
		{"number", "\x02" + number + "\x00", [2]cell{num(1), invalid}},
		{"object", "\x02" + object + "\x00", [2]cell{invalid, num(4)}},
		{"number then null", "\x04" + number + null + "\x00", [2]cell{missing, missing}},
		{"object then null", "\x04" + object + null + "\x00", [2]cell{missing, missing}},
		{"null then number", "\x04" + null + number + "\x00", [2]cell{num(1), invalid}},
		{"object then an object without x", "\x04" + object + "\x02a\x04\x00\x00", [2]cell{invalid, missing}},
		{"in two blocks, one with its size", "\x02" + object + "\x01\x06" + null + "\x00", [2]cell{missing, missing}},
	} {
		b := plan.NewBatch(p, 1)
		if err := prog.Decode([]byte(tt.body), 0, b, 0); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for i, want := range tt.want {
			if got := cellAt(b, i, 0); got != want {
				t.Errorf("%s, %v: got %+v, want %+v", tt.name, p.Fields[i].Path, got, want)
			}
		}
	}
}

func TestProgramIsSafeForConcurrentUse(t *testing.T) {
	prog, p, value := wideEvent(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			b := plan.NewBatch(p, 16)
			for i := range 16 {
				if err := prog.Decode(value, 5, b, int64(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestEveryPrefixIsTruncated(t *testing.T) {
	prog, p, value := wideEvent(t)
	b := plan.NewBatch(p, 1)
	for n := range value {
		err := prog.Decode(value[:n], 5, b, 0)
		var e *Error
		if !errors.As(err, &e) || e.Reason != ReasonTruncated || e.Offset > n || b.N != 0 {
			t.Fatalf("%d of %d bytes: %v, %d rows", n, len(value), err, b.N)
		}
	}
	var e *Error
	if err := prog.Decode(append(value, 0), 5, b, 0); !errors.As(err, &e) || e.Reason != ReasonTrailingBytes || e.Offset != len(value) {
		t.Errorf("one byte more: %v", err)
	}
}
