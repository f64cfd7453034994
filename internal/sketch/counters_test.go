package sketch

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

// exact is what every kind of exact counter does.
type exact[T any] interface {
	*T
	AppendBinary(b []byte) []byte
}

// lawful checks that parts add up to the same bytes in any order and grouping, that bytes are read back, and that a part is left as it
// is; it returns the sum.
func lawful[T any, P exact[T]](t *rapid.T, parts []P, empty func() P, merge func(to, from P), read func(r *wire.Reader) (P, error)) P {
	before := make([][]byte, len(parts))
	for i, p := range parts {
		before[i] = p.AppendBinary(nil)
	}
	sum := empty()
	for _, p := range parts {
		merge(sum, p)
	}
	left, right := empty(), empty()
	for i := range slices.Backward(parts) {
		if i%2 == 0 {
			merge(left, parts[i])
		} else {
			merge(right, parts[i])
		}
	}
	merge(right, left)
	want := sum.AppendBinary(nil)
	if got := right.AppendBinary(nil); !bytes.Equal(got, want) {
		t.Fatalf("grouped in another way: %x\nwant %x", got, want)
	}
	for i, p := range append(parts, sum) {
		b := p.AppendBinary(nil)
		if i < len(before) && !bytes.Equal(b, before[i]) {
			t.Fatalf("part %d was changed by merging it", i)
		}
		r := wire.NewReader(b)
		back, err := read(r)
		if err != nil || r.Close() != nil {
			t.Fatalf("read back %x: %v, %v", b, err, r.Err())
		}
		if got := back.AppendBinary(nil); !bytes.Equal(got, b) {
			t.Fatalf("%x was read and is written as %x", b, got)
		}
	}
	return sum
}

func drawPairs(rng *rand.Rand, n int) []Pair {
	pairs := make([]Pair, n)
	for i := range pairs {
		actual := math.Round(1000*rng.NormFloat64()) / 8
		p := &pairs[i]
		*p = Pair{Actual: actual, Predicted: actual + rng.NormFloat64(), Interval: rng.IntN(2) == 0}
		p.Low, p.High = p.Predicted-1, p.Predicted+1
		switch rng.IntN(12) {
		case 0:
			p.Actual = 0
		case 1:
			p.Predicted = p.Actual
		case 2:
			p.Predicted = []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1 << 35, math.MaxFloat64}[rng.IntN(5)]
		case 3:
			p.Actual = []float64{math.NaN(), 0x1p-60, 1e300}[rng.IntN(3)]
		case 4:
			p.Predicted, p.Actual = 0, 0
		}
	}
	return pairs
}

// Sums are those of the pairs, however they were dealt out, and what is taken back leaves nothing.
func TestErrorsLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		pairs := drawPairs(rng, rapid.IntRange(0, 80).Draw(t, "n"))
		parts := []*Errors{{}, {}, {}}
		var used []Pair
		for _, p := range pairs {
			e := parts[rng.IntN(2)]
			e.Label(p, 1)
			if rng.IntN(4) == 0 { // corrected later
				parts[2].Label(p, -1)
				continue
			}
			used = append(used, p)
		}
		sum := lawful(t, parts, func() *Errors { return &Errors{} }, func(to, from *Errors) { to.Merge(from) }, ReadErrors)
		compareErrors(t, sum, used)
		if diff := cmp.Diff(sum, sum.Clone(), cmp.AllowUnexported(Errors{}, histogramBin{})); diff != "" {
			t.Fatal(diff)
		}
		for _, p := range used {
			sum.Label(p, -1)
		}
		if len(sum.bins) != 0 || !bytes.Equal(sum.AppendBinary(nil), (&Errors{}).AppendBinary(nil)) || sum.Equal != 0 {
			t.Fatalf("something is left: %+v", sum)
		}
	})
}

// compareErrors computes everything anew, in floats.
func compareErrors(t *rapid.T, e *Errors, pairs []Pair) {
	var n, unusable, shareN, intervals, covered, above, below int64
	var sum, abs, square, actual, actualSq, share, symmetric float64
	var errors []float64
	for _, p := range pairs {
		d := p.Predicted - p.Actual
		if !(math.Abs(d) < 1<<35 && math.Abs(p.Predicted) < 1<<35 && math.Abs(p.Actual) < 1<<35) {
			unusable++
			continue
		}
		n++
		errors = append(errors, d)
		sum, abs, square = sum+d, abs+math.Abs(d), square+d*d
		actual, actualSq = actual+p.Actual, actualSq+p.Actual*p.Actual
		if s := math.Abs(d) / math.Abs(p.Actual); s < 0x1p35 {
			share += s
			shareN++
		}
		if d != 0 {
			symmetric += 2 * math.Abs(d) / (math.Abs(p.Actual) + math.Abs(p.Predicted))
		}
		if d > 0 {
			above++
		} else if d < 0 {
			below++
		}
		if p.Interval {
			intervals++
			if p.Actual >= p.Low && p.Actual <= p.High {
				covered++
			}
		}
	}
	got := []int64{e.N, e.Unusable, e.ShareN, e.Intervals, e.Covered, e.Above, e.Below, e.Equal}
	want := []int64{n, unusable, shareN, intervals, covered, above, below, n - above - below}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	for i, want := range []float64{sum, abs, square, actual, actualSq, share, symmetric} {
		if got := e.sums()[i].Float(); math.Abs(got-want) > 1e-9*(1+abs+square+actualSq+share) {
			t.Fatalf("sum %d is %v, want %v", i, got, want)
		}
	}
	slices.Sort(errors)
	for _, q := range []float64{0, .1, .5, .99, 1} {
		got, ok := e.Quantile(q)
		if ok != (n > 0) {
			t.Fatalf("quantile %v of %d errors: %v", q, n, ok)
		}
		if !ok {
			continue
		}
		if want := errors[int(q*float64(n-1))]; math.Abs(got-want) > math.Abs(want)/64+1e-300 {
			t.Fatalf("quantile %v is %v, want %v", q, got, want)
		}
	}
	binned := int64(0)
	for _, n := range e.Bins() {
		binned += n
	}
	if binned != n {
		t.Fatalf("%d errors in bins, want %d", binned, n)
	}
}

// The loss at a quantile follows from the sums alone.
func TestErrorsTellTheQuantileLoss(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	e, q, want := &Errors{}, .9, 0.
	for range 1000 {
		p := Pair{Predicted: rng.NormFloat64(), Actual: rng.NormFloat64()}
		e.Label(p, 1)
		want += max(q*(p.Actual-p.Predicted), (q-1)*(p.Actual-p.Predicted))
	}
	over, under := (e.Abs.Float()+e.Sum.Float())/2, (e.Abs.Float()-e.Sum.Float())/2
	if got := (1-q)*over + q*under; math.Abs(got-want) > 1e-9*want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestErrorsOfADifferenceHaveNoQuantile(t *testing.T) {
	e := &Errors{}
	e.Label(Pair{Predicted: 1}, 2)
	e.Label(Pair{Predicted: 2}, -1)
	if v, ok := e.Quantile(.5); ok {
		t.Errorf("%v", v)
	}
	if v, ok := (&Errors{}).Quantile(.5); ok {
		t.Errorf("of nothing: %v", v)
	}
}

// Entries are those of a table of all pairs, and what is taken back leaves nothing.
func TestConfusionLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		classes := rapid.IntRange(1, 9).Draw(t, "classes")
		want := make([]int64, classes*classes)
		parts := []*Confusion{NewConfusion(classes), NewConfusion(classes), NewConfusion(classes)}
		for range rapid.IntRange(0, 100).Draw(t, "n") {
			a, p, sign := rng.IntN(classes+1)-1, rng.IntN(classes+2), int64(1-2*(rng.IntN(4)/3))
			parts[rng.IntN(3)].Label(a, p, sign)
			if a < 0 {
				a = classes - 1
			}
			want[a*classes+min(p, classes-1)] += sign
		}
		sum := lawful(t, parts, func() *Confusion { return NewConfusion(classes) }, func(to, from *Confusion) {
			if err := to.Merge(from); err != nil {
				t.Fatal(err)
			}
		}, func(r *wire.Reader) (*Confusion, error) { return ReadConfusion(classes, r) })
		actual, predicted, right := make([]int64, classes), make([]int64, classes), make([]int64, classes)
		for at, n := range want {
			a, p := at/classes, at%classes
			if got := sum.Of(a, p); got != n {
				t.Fatalf("%d for %d: %d, want %d", p, a, got, n)
			}
			actual[a] += n
			predicted[p] += n
			if a == p {
				right[a] = n
			}
		}
		gotActual, gotPredicted, gotRight := sum.Margins()
		if diff := cmp.Diff([][]int64{actual, predicted, right}, [][]int64{gotActual, gotPredicted, gotRight}); diff != "" {
			t.Fatal(diff)
		}
		for pair, n := range sum.Clone().All() {
			if n == 0 {
				t.Fatalf("%v is kept without a count", pair)
			}
			sum.Label(pair[0], pair[1], -n)
		}
		if !bytes.Equal(sum.AppendBinary(nil), NewConfusion(classes).AppendBinary(nil)) {
			t.Fatal("something is left")
		}
	})
}

func TestConfusionRefusesAnotherShape(t *testing.T) {
	a, b := NewConfusion(3), NewConfusion(4)
	b.Label(1, 2, 1)
	if err := a.Merge(b); err == nil || a.Of(1, 2) != 0 {
		t.Errorf("4 classes were merged into 3: %v", err)
	}
	if _, err := ReadConfusion(3, wire.NewReader(b.AppendBinary(nil))); err == nil {
		t.Error("4 classes were read as 3")
	}
	for _, n := range []int{-1, 0, 1, MaxClasses, MaxClasses + 1} {
		c := NewConfusion(n)
		c.Label(-5, 1<<30, 1)
		if last := c.Classes() - 1; c.Of(last, last) != 1 || c.Of(-1, 0) != 0 || c.Of(0, c.Classes()) != 0 {
			t.Errorf("%d classes asked for: %d, %v", n, c.Classes(), c.cells)
		}
	}
}

// The hour is that of the calendar, before 1970 too, and gaps are those that a look at each hour finds.
func TestWeekLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.Int64Range(-1<<53, 1<<53).Draw(t, "us")
		at := time.UnixMicro(us).UTC()
		if got, want := HourOfWeek(us), (int(at.Weekday())+6)%7*24+at.Hour(); got != want {
			t.Fatalf("%s is hour %d, want %d", at, got, want)
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		parts := []*Week{{}, {}}
		for range rapid.IntRange(0, 30).Draw(t, "n") {
			parts[rng.IntN(2)].Count(us+rng.Int64N(int64(7*24*time.Hour/time.Microsecond)), rng.Int64N(5))
		}
		sum := lawful(t, parts, func() *Week { return &Week{} }, func(to, from *Week) { to.Merge(from) }, ReadWeek)
		least := rapid.IntRange(0, 40).Draw(t, "least")
		in := map[int]bool{}
		for _, g := range sum.Gaps(least) {
			if g.Hours < least && sum.Total() > 0 {
				t.Fatalf("a gap of %d hours, asked for %d", g.Hours, least)
			}
			for h := range g.Hours {
				in[(g.First+h)%WeekHours] = true
			}
		}
		for h := range WeekHours {
			run := 0 // of hours without events around h
			if sum.N[h] == 0 {
				for run = 1; run < WeekHours && sum.N[(h+run)%WeekHours] == 0; run++ {
				}
				for back := 1; run < WeekHours && sum.N[(h-back+WeekHours)%WeekHours] == 0; back++ {
					run++
				}
			}
			if want := run > 0 && (run >= least || run == WeekHours); in[h] != want {
				t.Fatalf("hour %d: in a gap: %v, want %v (%d hours around it, at least %d)", h, in[h], want, run, least)
			}
		}
	})
}

func TestGapInWords(t *testing.T) {
	for want, g := range map[string]Gap{
		"Monday 00:00 to Monday 05:00":   {0, 5},
		"Saturday 00:00 to Monday 00:00": {5 * 24, 48},
		"Sunday 22:00 to Monday 03:00":   {6*24 + 22, 5},
		"the whole week":                 {0, WeekHours},
	} {
		if got := g.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Sums are those of two loops over the rows, in any order and grouping.
func TestProductsLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		columns := rapid.IntRange(1, 6).Draw(t, "columns")
		want := NewProducts(columns)
		var parts []*Products
		for range rapid.IntRange(1, 4).Draw(t, "batches") {
			rows := rng.IntN(20)
			scores := make([][]int16, columns)
			for i := range scores {
				scores[i] = make([]int16, rows)
				for r := range scores[i] {
					scores[i][r] = NormalFixed(3 * rng.NormFloat64())
				}
			}
			p := NewProducts(columns)
			if err := p.Count(scores); err != nil {
				t.Fatal(err)
			}
			parts = append(parts, p)
			want.N += int64(rows)
			next := 0
			for i := range columns {
				for j := i; j < columns; j++ {
					for r := range rows {
						want.Cross[next] += int64(scores[i][r]) * int64(scores[j][r])
					}
					if want.at(i, j) != next {
						t.Fatalf("pair %d, %d stands at %d, want %d", i, j, want.at(i, j), next)
					}
					next++
				}
				for r := range rows {
					want.Sum[i] += int64(scores[i][r])
				}
			}
		}
		sum := lawful(t, parts, func() *Products { return NewProducts(columns) }, func(to, from *Products) {
			if err := to.Merge(from); err != nil {
				t.Fatal(err)
			}
		}, func(r *wire.Reader) (*Products, error) { return ReadProducts(columns, r) })
		if diff := cmp.Diff(want, sum, cmp.AllowUnexported(Products{})); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(want, sum.Clone(), cmp.AllowUnexported(Products{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Correlations are those of the scores.
func TestProductsCorrelate(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	const rows, rho = 200_000, .6
	scores := make([][]int16, 4)
	for range rows {
		x, y := rng.NormFloat64(), rng.NormFloat64()
		for i, v := range []float64{x, rho*x + math.Sqrt(1-rho*rho)*y, -x, 0} {
			scores[i] = append(scores[i], NormalFixed(v))
		}
	}
	p := NewProducts(4)
	if err := p.Count(scores); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		i, j   int
		want   float64
		within float64
	}{{0, 1, rho, .005}, {1, 0, rho, .005}, {0, 2, -1, 0}, {2, 2, 1, 0}} {
		if got, ok := p.Correlation(c.i, c.j); !ok || math.Abs(got-c.want) > c.within {
			t.Errorf("%d and %d: %v, %v, want %v", c.i, c.j, got, ok, c.want)
		}
	}
	for _, pair := range [][2]int{{0, 3}, {3, 3}, {-1, 0}, {0, 4}} {
		if got, ok := p.Correlation(pair[0], pair[1]); ok {
			t.Errorf("%v: %v", pair, got)
		}
	}
	if err := p.Count(scores[:3]); err == nil {
		t.Error("scores of 3 columns were counted as 4")
	}
	scores[1] = scores[1][1:]
	if err := p.Count(scores); err == nil || p.N != rows {
		t.Errorf("columns of several lengths were counted: %v", err)
	}
	if err := p.Merge(NewProducts(5)); err == nil {
		t.Error("5 columns were merged into 4")
	}
}

func TestNormalFixed(t *testing.T) {
	for v, want := range map[float64]int16{0: 0, 1: 1024, -1: -1024, 1e9: 8192, math.Inf(-1): -8192, 0x1.8p-10: 2, 0x1p-11: 0} {
		if got := NormalFixed(v); got != want {
			t.Errorf("%v: %d, want %d", v, got, want)
		}
	}
	if got := NormalFixed(math.NaN()); got != 0 {
		t.Errorf("NaN: %d", got)
	}
}

func TestGoldenCounters(t *testing.T) {
	e := &Errors{}
	e.Label(Pair{Predicted: 3, Actual: 2, Low: 1, High: 2, Interval: true}, 1)
	e.Label(Pair{Predicted: 1, Actual: 1}, -1)
	c := NewConfusion(3)
	c.Label(0, 2, 5)
	c.Label(2, 2, -1)
	w := &Week{}
	w.Count(0, 3)
	p := NewProducts(2)
	if err := p.Count([][]int16{{1, -2}, {0, 3}}); err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]struct{ got, want []byte }{
		// Format, 7 counters, 7 sums, then 2 bins: 0 with -1, the bin of 1 with 1.
		"errors": {e.AppendBinary(nil), []byte{
			1, 0, 0, 0, 2, 2, 2, 0, 0x50, 2, 0x50, 2, 0x50, 2, 0x50, 2, 0x50, 6, 0x50, 1, 4, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 2, 0, 1, 0xe0, 0xff, 1, 2,
		}},
		"confusion": {c.AppendBinary(nil), []byte{1, 3, 2, 4, 10, 5, 1}},      // 3 classes, 2 pairs: 2 with 5, 5 keys on (8) with -1
		"week":      {w.AppendBinary(nil), []byte{1, 0, 71, 6, 0, 94}},        // 72 empty hours, 3 events, 95 empty hours (as varints less one)
		"products":  {p.AppendBinary(nil), []byte{1, 2, 2, 1, 6, 10, 11, 18}}, // 2 columns, 2 rows, sums -1 and 3, products 5, -6, 9
	} {
		if !bytes.Equal(of.got, of.want) {
			t.Errorf("%s:\n%#v\nwant\n%#v", name, of.got, of.want)
		}
	}
}

func TestReadCountersRefuse(t *testing.T) {
	for name, err := range map[string]error{
		"confusion of another format":  second(ReadConfusion(3, wire.NewReader([]byte{2, 3, 0}))),
		"a pair of unknown classes":    second(ReadConfusion(3, wire.NewReader([]byte{1, 3, 1, 18, 2}))),
		"a pair without a count":       second(ReadConfusion(3, wire.NewReader([]byte{1, 3, 1, 4, 0}))),
		"a pair far beyond":            second(ReadConfusion(3, wire.NewReader([]byte{1, 3, 2, 4, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2}))),
		"more pairs than bytes":        second(ReadConfusion(3, wire.NewReader([]byte{1, 3, 100, 4, 2}))),
		"errors of another format":     second(ReadErrors(wire.NewReader([]byte{2}))),
		"errors in absurdly many":      second(ReadErrors(wire.NewReader(manyBins()))),
		"errors that are in no bin":    second(ReadErrors(wire.NewReader(slices.Concat([]byte{1, 2, 0, 0, 0, 0, 0, 0}, bytes.Repeat([]byte{0xff}, 7), []byte{0})))),
		"weeks of another format":      second(ReadWeek(wire.NewReader([]byte{2}))),
		"a week of too many hours":     second(ReadWeek(wire.NewReader([]byte{1, 0, 0xa8, 1}))),
		"products of another format":   second(ReadProducts(2, wire.NewReader([]byte{2}))),
		"products of 3 columns":        second(ReadProducts(2, wire.NewReader(NewProducts(3).AppendBinary(nil)))),
		"products of no rows":          second(ReadProducts(2, wire.NewReader([]byte{1, 2, 0, 1, 6, 10, 11, 18}))),
		"products beyond their rows":   second(ReadProducts(1, wire.NewReader([]byte{1, 1, 1, 2, 0x82, 0x80, 0x80, 0x40}))),
		"products that end in between": second(ReadProducts(2, wire.NewReader([]byte{1, 2, 2, 1}))),
	} {
		if err == nil {
			t.Errorf("%s: read", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// manyBins are errors of which none is counted, and 2048 bins whose counts add up to 0 only because they wrap around.
func manyBins() []byte {
	e := &Errors{}
	for i := range int32(2048) {
		e.bins = append(e.bins, histogramBin{i, maxCount})
	}
	return e.AppendBinary(nil)
}

// FuzzReadCounters reads each kind: what is read is written as it was.
func FuzzReadCounters(f *testing.F) {
	const classes, columns = 5, 3
	e, c, w, p := &Errors{}, NewConfusion(classes), &Week{}, NewProducts(columns)
	rng := rand.New(rand.NewPCG(1, 2))
	for i, pair := range drawPairs(rng, 40) {
		e.Label(pair, int64(1-2*(i%3/2)))
		c.Label(rng.IntN(classes), rng.IntN(classes), 1)
		w.Count(rng.Int64(), 1)
		if err := p.Count([][]int16{{NormalFixed(rng.NormFloat64())}, {int16(i)}, {0}}); err != nil {
			f.Fatal(err)
		}
	}
	for kind, b := range [][]byte{e.AppendBinary(nil), c.AppendBinary(nil), w.AppendBinary(nil), p.AppendBinary(nil)} {
		f.Add(uint8(kind), b)
	}
	for kind, b := range [][]byte{(&Errors{}).AppendBinary(nil), NewConfusion(classes).AppendBinary(nil), (&Week{}).AppendBinary(nil), NewProducts(columns).AppendBinary(nil)} {
		f.Add(uint8(kind), b)
	}
	f.Fuzz(func(t *testing.T, kind uint8, in []byte) {
		r := wire.NewReader(in)
		var out []byte
		var err error
		switch kind % 4 {
		case 0:
			var e *Errors
			if e, err = ReadErrors(r); err == nil {
				out = e.AppendBinary(nil)
				e.Quantile(.5)
			}
		case 1:
			var c *Confusion
			if c, err = ReadConfusion(classes, r); err == nil {
				out = c.AppendBinary(nil)
				c.Margins()
			}
		case 2:
			var w *Week
			if w, err = ReadWeek(r); err == nil {
				out = w.AppendBinary(nil)
				w.Gaps(6)
			}
		default:
			var p *Products
			if p, err = ReadProducts(columns, r); err == nil {
				out = p.AppendBinary(nil)
				p.Correlation(0, 1)
			}
		}
		if err == nil && !bytes.Equal(out, in[:len(in)-r.Len()]) {
			t.Fatalf("%x was read and is written as %x", in[:len(in)-r.Len()], out)
		}
	})
}

// BenchmarkProducts counts a batch of 512 rows of 40 columns: 820 pairs.
func BenchmarkProducts(b *testing.B) {
	const rows, columns = 512, 40
	scores := make([][]int16, columns)
	for i := range scores {
		scores[i] = make([]int16, rows)
		for r := range scores[i] {
			scores[i][r] = int16(i*r) % 3000
		}
	}
	p := NewProducts(columns)
	for b.Loop() {
		if err := p.Count(scores); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
