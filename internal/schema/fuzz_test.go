package schema

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/linkedin/goavro/v2"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// richShape has every type, nested in every other.
func richShape() *shape {
	one := func(s shape) *shape { return &s }
	inner := &shape{kind: "record", name: "Inner", fields: []shapeField{
		{name: "x", typ: one(shape{kind: "double"})},
		{name: "tags", typ: &shape{kind: "array", elem: one(shape{kind: "string"})}},
	}}
	return &shape{kind: "record", name: "Rich", fields: []shapeField{
		{name: "id", typ: one(shape{kind: "string"})},
		{name: "time", typ: one(shape{kind: "long", logical: "timestamp-micros"})},
		{name: "flag", typ: one(shape{kind: "boolean"})},
		{name: "i", typ: &shape{kind: "union", types: []*shape{{kind: "null"}, {kind: "int"}}}},
		{name: "wide", typ: &shape{kind: "union", types: []*shape{{kind: "string"}, {kind: "null"}, {kind: "double"}, {kind: "long"}, inner}}},
		{name: "color", typ: &shape{kind: "enum", name: "Color", symbols: []string{"red", "green", "blue"}}},
		{name: "hash", typ: &shape{kind: "fixed", name: "Hash", size: 3}},
		{name: "blob", typ: &shape{kind: "union", types: []*shape{{kind: "bytes"}, {kind: "null"}}}},
		{name: "price", typ: one(shape{kind: "bytes", logical: "decimal", scale: 2})},
		{name: "map", typ: &shape{kind: "map", elem: &shape{kind: "union", types: []*shape{{kind: "null"}, {kind: "double"}, {kind: "map", elem: one(shape{kind: "int"})}}}}},
		{name: "nulls", typ: &shape{kind: "array", elem: one(shape{kind: "null"})}},
		{name: "floats", typ: &shape{kind: "array", elem: one(shape{kind: "float"})}},
		{name: "day", typ: one(shape{kind: "int", logical: "date"})},
	}}
}

// FuzzDecode: never a panic, offsets inside the value, the batch untouched by an error, and memory bounded. What goavro
// accepts and uses up is accepted with the same values, except for what doc.go and the reasons say goavro lets pass.
func FuzzDecode(f *testing.F) {
	s := richShape()
	codec, err := goavro.NewCodec(s.text())
	if err != nil {
		f.Fatal(err)
	}
	p := everything(s)
	prog, err := Compile(s.text(), p)
	if err != nil {
		f.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 40 {
		value, err := codec.BinaryFromNative(nil, genValue(rng.IntN, s))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
		f.Add(value[:rng.IntN(len(value))])
		value[rng.IntN(len(value))] ^= byte(1 << rng.IntN(8))
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		b := plan.NewBatch(p, 2)
		b.Grow(1)
		err := prog.Decode(value, 0, b, 2)
		var e *Error
		if err != nil {
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(value) || b.N != 1 || !slices.Contains(Reasons(), e.Reason) {
				t.Fatalf("%v, %d rows", err, b.N)
			}
		} else if b.N != 2 {
			t.Fatalf("%d rows", b.N)
		}
		native, rest, theirs := codec.NativeFromBinary(value)
		if theirs != nil || len(rest) > 0 {
			// goavro refuses a key that a map holds twice and blocks beyond its own limit: nothing to compare.
			return
		}
		if err != nil {
			switch e.Reason {
			case ReasonInvalidUTF8, ReasonBadVarint: // goavro checks neither text nor the width of numbers
			case ReasonTooLong, ReasonNegativeLength, ReasonTruncated: // nor the size of a block, nor the sum of empty items
				if !hasSizedBlock(e) {
					t.Fatalf("goavro reads %v, but: %v", native, err)
				}
			default:
				t.Fatalf("goavro reads %v, but: %v", native, err)
			}
			return
		}
		for col, field := range p.Fields {
			if got, want := cellAt(b, col, 1), project(s, native, field.Path, field); !same(got, want) && !wild(want) {
				t.Fatalf("%v as %s: got %+v, want %+v", field.Path, field.Kind, got, want)
			}
		}
	})
}

// hasSizedBlock reports whether the error is about what a block says of itself.
func hasSizedBlock(e *Error) bool {
	for _, path := range []string{"map", "nulls", "floats", "wide.tags"} {
		if len(e.Path) >= len(path) && e.Path[:len(path)] == path {
			return true
		}
	}
	return false
}

// wild is what the oracle computes through time.Time, which overflows far from today.
func wild(c cell) bool {
	const limit = 1e11
	return c.num > limit || c.num < -limit
}

// FuzzCompile: no schema text panics the compiler, and what it compiles runs over any bytes without panic.
func FuzzCompile(f *testing.F) {
	f.Add(eventSchema, []byte{2, 'a'})
	f.Add(listSchema, []byte{2, 2, 2, 0})
	f.Add(`{"type":"record","name":"A","fields":[{"name":"event_id","type":{"type":"map","values":"A"}}]}`, []byte{2, 2, 'a', 0, 0})
	for seed := range uint64(20) {
		serial := 0
		f.Add(genRecord(rand.New(rand.NewPCG(seed, 5)).IntN, 3, &serial).text(), []byte{2, 4, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	}
	p := projection(f, "f0 number", "f0.a string", "f1 time", "score number", "event_id.x.y string", "next.v number")
	f.Fuzz(func(t *testing.T, text string, value []byte) {
		typ, err := parse(text)
		if err != nil {
			if _, err := Fingerprint(text); err == nil {
				t.Fatal("a fingerprint of what is no schema")
			}
			return
		}
		// The canonical form is a schema with the same canonical form, unless a name in it needed escapes.
		form := string(canonical(typ, false))
		if again, err := parse(form); err == nil && string(canonical(again, false)) != form {
			t.Fatalf("%s gave %s", form, canonical(again, false))
		}
		for _, sub := range append([]plan.Field{{}}, p.Fields...) {
			one := &plan.Projection{Roles: plan.NoRoles()}
			if sub.Path != nil {
				one.Fields = append(one.Fields, sub)
			}
			prog, err := Compile(text, one)
			if err != nil {
				if _, ok := errors.AsType[*PathError](err); !ok {
					t.Fatalf("%s parses, but: %v", text, err)
				}
				continue
			}
			b := plan.NewBatch(one, 1)
			var e *Error
			if err := prog.Decode(value, 0, b, 0); err != nil && (!errors.As(err, &e) || e.Offset > len(value)) {
				t.Fatal(err)
			}
		}
	})
}
