package schema

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/linkedin/goavro/v2"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Random schemas x values, encoded by goavro: every column holds what doc.go says of the value goavro decodes.
func TestDecodeAgreesWithGoavro(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "n") }
		agree(t, draw)
	})
}

// The same from plain seeds, which reach deeper than rapid's small draws.
func TestDecodeAgreesWithGoavroSeeded(t *testing.T) {
	columns := 0
	for seed := range uint64(500) {
		columns += agree(t, rand.New(rand.NewPCG(seed, 1)).IntN)
	}
	if columns < 2500 {
		t.Fatalf("the generator reached %d columns only", columns)
	}
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func agree(t failer, draw source) int {
	t.Helper()
	serial := 0
	s := genRecord(draw, 4, &serial)
	codec, err := goavro.NewCodec(s.text())
	if err != nil {
		t.Fatalf("goavro refuses %s: %v", s.text(), err)
	}
	p := everything(s)
	prog, err := Compile(s.text(), p)
	if err != nil {
		t.Fatalf("compile %s: %v", s.text(), err)
	}
	b := plan.NewBatch(p, 4)
	for row := range 3 {
		value, err := codec.BinaryFromNative([]byte{1, 2, 3}, genValue(draw, s))
		if err != nil {
			t.Fatalf("goavro can't encode by %s: %v", s.text(), err)
		}
		native, _, err := codec.NativeFromBinary(value[3:])
		if err != nil {
			t.Fatalf("goavro can't decode %x by %s: %v", value[3:], s.text(), err)
		}
		if err := prog.Decode(value, 3, b, int64(row)); err != nil {
			t.Fatalf("decode %x by %s: %v", value[3:], s.text(), err)
		}
		for col, f := range p.Fields {
			if got, want := cellAt(b, col, row), project(s, native, f.Path, f); !same(got, want) {
				t.Fatalf("%v as %s of %x by %s: got %+v, want %+v", f.Path, f.Kind, value[3:], s.text(), got, want)
			}
		}
		cut(t, prog, b, value, draw)
	}
	return len(p.Fields)
}

func same(a, b cell) bool {
	if a.state == plan.OK && b.state == plan.OK && math.Float64bits(a.num) != math.Float64bits(b.num) {
		// Seconds are computed from milliseconds here and from microseconds by the oracle.
		return math.Abs(a.num-b.num) <= 1e-15*math.Abs(b.num)
	}
	a.num, b.num = 0, 0
	return a == b
}

// cut checks one truncation and one damaged byte: an *Error, inside the value, and the batch as it was.
func cut(t failer, prog *Program, b *plan.Batch, value []byte, draw source) {
	t.Helper()
	if len(value) == 3 {
		return
	}
	n := b.N
	short := value[:3+draw(len(value)-3)]
	err := prog.Decode(short, 3, b, 0)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%x, cut from %x, gave %v", short, value, err)
	}
	if e.Reason != ReasonTruncated || e.Offset < 3 || e.Offset > len(short) || b.N != n {
		t.Fatalf("%x, cut from %x, gave %v, the batch has %d rows, not %d", short, value, err, b.N, n)
	}
	damaged := append([]byte(nil), value...)
	damaged[3+draw(len(value)-3)] = byte(draw(256))
	if err := prog.Decode(damaged, 3, b, 0); err != nil {
		if !errors.As(err, &e) || e.Offset < 3 || e.Offset > len(damaged) || b.N != n {
			t.Fatalf("%x gave %v, the batch has %d rows, not %d", damaged, err, b.N, n)
		}
	}
	b.Truncate(n)
}
