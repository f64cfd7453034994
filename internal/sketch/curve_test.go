package sketch

import (
	"bytes"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

func TestScoreFixed(t *testing.T) {
	for s, want := range map[float64]int64{0: 0, 1: ScoreScale, 0.5: ScoreScale / 2, 0x1p-31: 0, 0x3p-31: 2, 0x1.8p-31: 1, math.Nextafter(1, 0): ScoreScale} {
		if got, ok := ScoreFixed(s); got != want || !ok {
			t.Errorf("ScoreFixed(%v) = %d, %t, want %d", s, got, ok, want)
		}
	}
	for _, s := range []float64{-5e-324, math.Nextafter(1, 2), math.NaN(), math.Inf(1), math.Inf(-1)} {
		if got, ok := ScoreFixed(s); ok {
			t.Errorf("ScoreFixed(%v) = %d", s, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s, _ := ScoreFixed(rapid.Float64Range(0, 1).Draw(t, "s"))
		square := new(big.Int).Mul(big.NewInt(s), big.NewInt(s))
		square.Add(square, big.NewInt(ScoreScale/2)).Rsh(square, 30)
		if got := squared(s); got != square.Int64() {
			t.Fatalf("square of %d is %d, want %v", s, got, square)
		}
	})
}

type labelled struct {
	bin                int
	score              int64
	decision, positive bool
}

func drawCurve(rng *rand.Rand, bins, n int) (*Curve, []labelled) {
	c := NewCurve(bins)
	var rows []labelled
	for range n {
		s := rng.Float64()
		score, _ := ScoreFixed(s)
		row := labelled{int(s * float64(bins)), score, s > 0.5, rng.Float64() < s}
		c.Predict(row.bin, score)
		if rng.IntN(3) == 0 {
			rows = append(rows, row)
			c.Label(row.bin, row.score, row.decision, row.positive, 1)
		}
	}
	return c, rows
}

// What is taken back leaves nothing, in any order; merging commutes and associates; bytes are read back.
func TestCurveLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bins := rapid.IntRange(1, 30).Draw(t, "bins")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		a, _ := drawCurve(rng, bins, rapid.IntRange(0, 60).Draw(t, "a"))
		b, rows := drawCurve(rng, bins, rapid.IntRange(0, 60).Draw(t, "b"))
		d := NewCurve(bins) // corrections alone: negative entries
		for _, r := range rows {
			d.Label(r.bin, r.score, r.decision, r.positive, -1)
			if rng.IntN(2) == 0 {
				d.Label(r.bin, r.score, r.decision, !r.positive, 1)
			}
		}
		sum := func(curves ...*Curve) *Curve {
			s := NewCurve(bins)
			for _, c := range curves {
				if err := s.Merge(c); err != nil {
					t.Fatal(err)
				}
			}
			return s
		}
		want := sum(a, b, d)
		if diff := cmp.Diff(want, sum(sum(d, b), a)); diff != "" {
			t.Fatal(diff)
		}
		for _, c := range []*Curve{a, b, d, want, NewCurve(bins)} {
			bs := c.AppendBinary(nil)
			r := wire.NewReader(bs)
			back, err := ReadCurve(bins, r)
			if err != nil || r.Close() != nil {
				t.Fatalf("read back: %v, %v", err, r.Err())
			}
			if diff := cmp.Diff(c, back); diff != "" || !bytes.Equal(back.AppendBinary(nil), bs) {
				t.Fatal(diff)
			}
			if diff := cmp.Diff(c, c.Clone()); diff != "" {
				t.Fatal(diff)
			}
		}
		rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		for _, r := range rows {
			b.Label(r.bin, r.score, r.decision, r.positive, -1)
		}
		if b.labelled() {
			t.Fatalf("labels are left: %+v", b)
		}
	})
}

func TestCurveRefusesAnotherShape(t *testing.T) {
	a, b := NewCurve(3), NewCurve(4)
	b.Predict(3, 5)
	if err := a.Merge(b); err == nil || a.N[2] != 0 {
		t.Errorf("a curve of 4 bins was merged into one of 3: %v", err)
	}
	if _, err := ReadCurve(3, wire.NewReader(b.AppendBinary(nil))); err == nil {
		t.Error("a curve of 4 bins was read as one of 3")
	}
}

func TestReadCurveRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"another version":      {2, 0},
		"an unknown part":      {1, 4},
		"an empty part":        {1, 1, 0, 2, 0, 2, 0, 2},
		"a run cut in two":     {1, 1, 0, 0, 0, 0, 2, 0, 2, 0, 2},
		"a run that is longer": {1, 1, 2, 0, 2, 0, 2, 0, 2},
		"a long varint":        {1, 1, 0x82, 0, 0, 1, 0, 2, 0, 2},
		"an absurd sum":        {1, 1, 2, 0, 1, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 1, 0, 2},
	} {
		if c, err := ReadCurve(3, wire.NewReader(b)); err == nil {
			t.Errorf("%s: read as %+v", name, c)
		}
	}
	if _, err := ReadCurve(3, wire.NewReader([]byte{1, 1, 2, 0, 1, 0, 2, 0, 2})); err != nil {
		t.Errorf("a good one was refused: %v", err)
	}
}

func TestGoldenCurve(t *testing.T) {
	c := NewCurve(3)
	c.Predict(0, 5)
	c.Predict(0, ScoreScale/2)
	c.Label(2, ScoreScale, true, false, 1)
	c.Label(2, 3<<28, false, true, -1)
	// version, both halves; N 2 0 0; S; S2 2^28 0 0; Labels 0 0 0; Pos 0 0 -1; LS 0 0 2^28; LS2 0 0 7<<26; PS 0 0 -3<<28; TP FP FN TN 0 1 -1 0
	want := []byte{
		1, 3, 4, 0, 1, 0x8a, 0x80, 0x80, 0x80, 4, 0, 1, 0x80, 0x80, 0x80, 0x80, 2, 0, 1, 0, 2, 0, 1, 1, 0, 1, 0x80, 0x80, 0x80, 0x80, 2,
		0, 1, 0x80, 0x80, 0x80, 0xc0, 3, 0, 1, 0xff, 0xff, 0xff, 0xff, 5, 0, 0, 2, 1, 0, 0,
	}
	if got := c.AppendBinary(nil); !bytes.Equal(got, want) {
		t.Errorf("%#v\nwant\n%#v", got, want)
	}
}

func FuzzReadCurve(f *testing.F) {
	const bins = 10
	for n := range 4 {
		c, _ := drawCurve(rand.New(rand.NewPCG(1, 2)), bins, n*n*n*10)
		f.Add(c.AppendBinary(nil))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := wire.NewReader(in)
		c, err := ReadCurve(bins, r)
		if err != nil {
			return
		}
		if got := c.AppendBinary(nil); !bytes.Equal(got, in[:len(in)-r.Len()]) {
			t.Fatalf("%x was read and is written as %x", in[:len(in)-r.Len()], got)
		}
	})
}
