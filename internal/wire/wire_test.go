package wire_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

// value is one primitive: how it is written, and whether reading gives it back.
type value struct {
	name  string
	write func(b []byte) []byte
	read  func(r *wire.Reader) bool
}

func drawValue(t *rapid.T) value {
	switch kind := rapid.SampledFrom([]string{"uint", "int", "int32", "float", "bytes", "string", "bool"}).Draw(t, "kind"); kind {
	case "uint":
		v := rapid.Uint64().Draw(t, "v")
		return value{kind, func(b []byte) []byte { return wire.Uint(b, v) }, func(r *wire.Reader) bool { return r.Uint() == v }}
	case "int":
		v := rapid.Int64().Draw(t, "v")
		return value{kind, func(b []byte) []byte { return wire.Int(b, v) }, func(r *wire.Reader) bool { return r.Int() == v }}
	case "int32":
		v := rapid.Int32().Draw(t, "v")
		return value{kind, func(b []byte) []byte { return wire.Int(b, int64(v)) }, func(r *wire.Reader) bool { return r.Int32() == v }}
	case "float":
		v := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		return value{kind, func(b []byte) []byte { return wire.Float(b, v) }, func(r *wire.Reader) bool {
			return math.Float64bits(r.Float()) == math.Float64bits(v)
		}}
	case "bytes":
		v := rapid.SliceOf(rapid.Byte()).Draw(t, "v")
		return value{kind, func(b []byte) []byte { return wire.Bytes(b, v) }, func(r *wire.Reader) bool { return bytes.Equal(r.Bytes(), v) }}
	case "string":
		v := rapid.String().Draw(t, "v")
		return value{kind, func(b []byte) []byte { return wire.String(b, v) }, func(r *wire.Reader) bool { return r.String() == v }}
	default:
		v := rapid.Bool().Draw(t, "v")
		return value{kind, func(b []byte) []byte { return wire.Bool(b, v) }, func(r *wire.Reader) bool { return r.Bool() == v }}
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Custom(drawValue), 1, 20).Draw(t, "values")
		var b []byte
		for _, v := range values {
			b = v.write(b)
		}
		r := wire.NewReader(b)
		for i, v := range values {
			if !v.read(r) {
				t.Fatalf("value %d, a %s, came back as another", i, v.name)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		// Cut anywhere, the same reads fail for want of bytes, and at a byte that is there.
		cut := wire.NewReader(b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")])
		for _, v := range values {
			v.read(cut)
		}
		if err := cut.Close(); !errors.Is(err, wire.ErrShort) {
			t.Fatalf("of a record that was cut short: %v", err)
		}
	})
}

// The bytes are part of the record formats: other builds read them.
func TestBytes(t *testing.T) {
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"uint 0", wire.Uint(nil, 0), "\x00"},
		{"uint 300", wire.Uint(nil, 300), "\xac\x02"},
		{"int -1", wire.Int(nil, -1), "\x01"},
		{"int 64", wire.Int(nil, 64), "\x80\x01"},
		{"float 1", wire.Float(nil, 1), "\x00\x00\x00\x00\x00\x00\xf0\x3f"},
		{"string", wire.String([]byte("x"), "ab"), "x\x02ab"},
		{"bytes", wire.Bytes(nil, nil), "\x00"},
		{"bool", wire.Bool(wire.Bool(nil, true), false), "\x01\x00"},
	} {
		if string(c.got) != c.want {
			t.Errorf("%s is written as % x, want % x", c.name, c.got, c.want)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		in   string
		read func(r *wire.Reader)
		err  string
	}{
		{"empty", "", func(r *wire.Reader) { r.Uint() }, "at byte 0: record ends inside a value"},
		{"inside a varint", "\x01\x80", func(r *wire.Reader) { r.Uint(); r.Int() }, "at byte 1: record ends inside a value"},
		{"inside a float", "\x01\x00\x00", func(r *wire.Reader) { r.Uint(); r.Float() }, "at byte 1: record ends inside a value"},
		{"inside bytes", "\x00\x03ab", func(r *wire.Reader) { r.Uint(); _ = r.String() }, "at byte 2: record ends inside a value"},
		{"a length beyond int", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", func(r *wire.Reader) { r.Bytes() }, "at byte 10: record ends inside a value"},
		{"raw", "ab", func(r *wire.Reader) { r.Raw(3) }, "at byte 0: record ends inside a value"},
		{"raw of negative length", "ab", func(r *wire.Reader) { r.Raw(-1) }, "at byte 0: record ends inside a value"},
		{"too wide", strings.Repeat("\xff", 9) + "\x02", func(r *wire.Reader) { r.Uint() }, "at byte 0: a number has more than 64 bits"},
		{"longer than needed", "\x05\x80\x00", func(r *wire.Reader) { r.Uint(); r.Uint() }, "at byte 1: a number is written longer than it needs"},
		{"a signed one longer than needed", "\x82\x00", func(r *wire.Reader) { r.Int() }, "at byte 0: a number is written longer than it needs"},
		{"not 32 bits", string(wire.Int(nil, math.MaxInt32+1)), func(r *wire.Reader) { r.Int32() }, "at byte 5: a number has more than 32 bits"},
		{"not a bool", "\x02", func(r *wire.Reader) { r.Bool() }, "at byte 1: a truth value is neither 0 nor 1"},
		{"left over", "\x01\x02\x03", func(r *wire.Reader) { r.Uint() }, "at byte 1: 2 bytes left over"},
		{"count", "\x03\x00\x00\x00\x00\x00", func(r *wire.Reader) { r.Count(2) }, "at byte 1: a list of 3 items can't fit in the 5 bytes left"},
		{"the first error stays", "\x80", func(r *wire.Reader) { r.Uint(); r.Fail(errors.New("later")) }, "at byte 0: record ends inside a value"},
	} {
		r := wire.NewReader([]byte(c.in))
		c.read(r)
		err := r.Close()
		if err == nil || err.Error() != c.err {
			t.Errorf("%s: %v, want %s", c.name, err, c.err)
		}
		if strings.Contains(c.err, "ends inside") != errors.Is(err, wire.ErrShort) {
			t.Errorf("%s: errors.Is(%v, ErrShort) = %t", c.name, err, errors.Is(err, wire.ErrShort))
		}
		if r.Uint() != 0 || r.Int() != 0 || r.Float() != 0 || r.Bytes() != nil || r.String() != "" || r.Raw(0) != nil || r.Count(1) != 0 || r.Bool() || r.Int32() != 0 || r.Len() != 0 {
			t.Errorf("%s: a reader that failed still gives values", c.name)
		}
	}
}

// What Count allows never exceeds what the rest of the input can hold, whatever number the input claims.
func TestCountIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claimed, left, size := rapid.Uint64().Draw(t, "claimed"), rapid.IntRange(0, 200).Draw(t, "left"), rapid.IntRange(-1, 30).Draw(t, "size")
		if rapid.Bool().Draw(t, "small") {
			claimed %= 256
		}
		r := wire.NewReader(append(wire.Uint(nil, claimed), make([]byte, left)...))
		got := r.Count(size)
		fits := claimed <= uint64(left) && int(claimed)*max(1, size) <= left
		switch {
		case fits && (r.Err() != nil || uint64(got) != claimed):
			t.Fatalf("%d items of %d bytes fit in %d, but Count gives %d, %v", claimed, size, left, got, r.Err())
		case !fits && (r.Err() == nil || got != 0):
			t.Fatalf("%d items of %d bytes don't fit in %d, but Count gives %d, %v", claimed, size, left, got, r.Err())
		}
	})
}

func TestBytesShareTheInputButNotItsRest(t *testing.T) {
	in := []byte("\x02abcd")
	got := wire.NewReader(in).Bytes()
	if &got[0] != &in[1] {
		t.Error("Bytes copied")
	}
	_ = append(got, 'X')
	if string(in) != "\x02abcd" {
		t.Errorf("appending to what was read wrote into the input: %q", in)
	}
}

// FuzzReader: the first byte of each step says what to read next. Nothing panics, no result is longer than the input, and
// what was read without an error is written back as the same bytes.
func FuzzReader(f *testing.F) {
	f.Add([]byte("uifbslrB3"), []byte("\x05\x01\x00\x00\x00\x00\x00\x00\xf0\x3f\x02ab\x01c\x02xyzw\x01\x08"))
	f.Add([]byte("uu"), []byte("\x80\x00\x80"))
	f.Add([]byte("l"), []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, script, in []byte) {
		r := wire.NewReader(in)
		var out []byte
		for _, c := range script {
			before := r.Len()
			var b []byte
			switch c {
			case 'u':
				b = wire.Uint(nil, r.Uint())
			case 'i':
				b = wire.Int(nil, r.Int())
			case '3':
				b = wire.Int(nil, int64(r.Int32()))
			case 'f':
				b = wire.Float(nil, r.Float())
			case 'b':
				b = wire.Bytes(nil, r.Bytes())
			case 's':
				b = wire.String(nil, r.String())
			case 'B':
				b = wire.Bool(nil, r.Bool())
			case 'l':
				n := r.Count(3)
				if 3*n > before {
					t.Fatalf("a list of %d items of three bytes in %d bytes", n, before)
				}
				b = wire.Uint(nil, uint64(n))
			default:
				b = r.Raw(int(int8(c)))
			}
			if r.Err() != nil {
				break
			}
			out = append(out, b...)
		}
		read := len(in) - r.Len()
		if r.Err() == nil && !bytes.Equal(out, in[:read]) {
			t.Fatalf("read % x, written back % x", in[:read], out)
		}
		if r.Err() == nil && (r.Close() == nil) != (read == len(in)) {
			t.Fatalf("Close after %d of %d bytes: %v", read, len(in), r.Err())
		}
	})
}
