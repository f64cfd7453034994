package sketch

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

// Digests that Apache DataSketches for Python wrote (testdata/datasketches/make.py) are read: as many values, the same smallest and
// largest, and quantiles that lie where the exact values say, within half a percent of rank in the middle and a tenth at the ends.
func TestReadsDataSketches(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "datasketches", "digests.json"))
	if err != nil {
		t.Fatal(err)
	}
	var files map[string]struct {
		N        int64
		Min, Max float64
		Bounds   map[string]struct{ Q, Low, High float64 }
	}
	if err := json.Unmarshal(text, &files); err != nil {
		t.Fatal(err)
	}
	if len(files) < 16 {
		t.Fatalf("%d files", len(files))
	}
	for name, want := range files {
		b, err := os.ReadFile(filepath.Join("testdata", "datasketches", name))
		if err != nil {
			t.Fatal(err)
		}
		read := ReadDataSketches
		if strings.HasSuffix(name, ".float") {
			read = ReadDataSketchesFloat
		}
		d, err := read(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want.N == 0 {
			if d.Count() != 0 {
				t.Errorf("%s: %d values", name, d.Count())
			}
			continue
		}
		if d.Count() != want.N || d.Min() != want.Min || d.Max() != want.Max {
			t.Errorf("%s: %d values from %v to %v, want %d from %v to %v", name, d.Count(), d.Min(), d.Max(), want.N, want.Min, want.Max)
		}
		for _, q := range want.Bounds {
			if v := d.Quantile(q.Q); !(v >= q.Low && v <= q.High) {
				t.Errorf("%s: quantile %g is %v, between %v and %v", name, q.Q, v, q.Low, q.High)
			}
		}
	}
}

// What is written is read as it was, in the float form but for the rounding of its means; and the float form is small.
func TestDataSketchesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := NewTDigest()
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		kind := rapid.IntRange(0, 4).Draw(t, "kind")
		for range rapid.SampledFrom([]int{0, 1, 2, 3, 50, 5000, 60_000}).Draw(t, "n") {
			v := rng.NormFloat64()
			switch kind {
			case 1:
				v = math.Floor(v * 2)
			case 2:
				v = 1e9 + math.Round(v)
			case 3:
				v = math.Exp(20 * v)
			case 4:
				v = 7
			}
			d.Add(v)
		}
		got, err := ReadDataSketches(d.AppendDataSketches(nil))
		if err != nil {
			t.Fatal(err)
		}
		single := d.AppendDataSketchesFloat(nil)
		if len(single) > 2300 {
			t.Fatalf("the float form takes %d bytes", len(single))
		}
		rounded, err := ReadDataSketchesFloat(single)
		if err != nil {
			t.Fatal(err)
		}
		if got.Count() != d.Count() || rounded.Count() != d.Count() {
			t.Fatalf("%d and %d values of %d", got.Count(), rounded.Count(), d.Count())
		}
		if d.Count() == 0 {
			return
		}
		if got.Min() != d.Min() || got.Max() != d.Max() {
			t.Fatalf("from %v to %v, want %v to %v", got.Min(), got.Max(), d.Min(), d.Max())
		}
		for _, q := range []float64{0, .01, .5, .99, 1} {
			// Which centroids are of equal values is not written: a quantile may move by a fraction of a centroid.
			low, high := d.Quantile(q-.005), d.Quantile(q+.005)
			if v := got.Quantile(q); !(v >= low && v <= high) {
				t.Fatalf("quantile %g is %v, was between %v and %v", q, v, low, high)
			}
			slack := 1e-6 * max(math.Abs(low), math.Abs(high))
			if v := rounded.Quantile(q); !(v >= low-slack && v <= high+slack) && math.Abs(v) < math.MaxFloat32 {
				t.Fatalf("quantile %g of floats is %v, was between %v and %v", q, v, low, high)
			}
		}
	})
}

// A digest with more centroids than the float form has room for, as hostile weights can make it, is written smaller.
func TestDataSketchesOfMany(t *testing.T) {
	d := NewTDigest()
	for i := range 2 * dsCentroids {
		d.cents = append(d.cents, centroid{mean: float64(i), weight: 2, pure: i%2 == 0})
	}
	d.cents = append(d.cents, centroid{mean: 2 * dsCentroids, weight: 1, pure: true})
	d.sum = 4*dsCentroids + 1
	b := d.AppendDataSketchesFloat(nil)
	got, err := ReadDataSketchesFloat(b)
	if err != nil || len(b) > 2300 {
		t.Fatalf("%d bytes: %v", len(b), err)
	}
	if got.Count() != d.Count() || got.Max() != d.Max() || math.Abs(got.Quantile(.5)-dsCentroids) > dsCentroids/50 {
		t.Errorf("%d values up to %v, median %v", got.Count(), got.Max(), got.Quantile(.5))
	}
}

// A header that promises what isn't there takes no memory.
func TestDataSketchesMemory(t *testing.T) {
	b := NewTDigest().AppendDataSketches(nil)
	b[0], b[5] = 2, 0
	b = append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)
	b = append(b, make([]byte, 100)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := ReadDataSketches(b)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; err == nil || got > 4<<10 {
		t.Errorf("%d bytes to read %d (%v)", got, len(b), err)
	}
}

// Damaged bytes are refused and never panic.
func FuzzReadDataSketches(f *testing.F) {
	names, err := filepath.Glob(filepath.Join("testdata", "datasketches", "*.*"))
	if err != nil || len(names) == 0 {
		f.Fatal(err, names)
	}
	for _, name := range names {
		if b, err := os.ReadFile(name); err != nil {
			f.Fatal(err)
		} else if len(b) < 3000 && !strings.HasSuffix(name, ".py") {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, read := range []func([]byte) (*TDigest, error){ReadDataSketches, ReadDataSketchesFloat} {
			d, err := read(b)
			if err != nil {
				if d != nil || !errors.Is(err, errDataSketches) {
					t.Fatalf("%v and %v", d, err)
				}
				continue
			}
			if !slices.IsSortedFunc(d.cents, func(a, b centroid) int {
				switch {
				case a.mean < b.mean:
					return -1
				case a.mean > b.mean:
					return 1
				}
				return 0
			}) {
				t.Fatalf("centroids are not in order: %v", d.cents)
			}
			if n := len(d.cents); n > 0 && (!d.cents[0].pure || !d.cents[n-1].pure) {
				t.Fatalf("the ends are not single values: %v", d.cents)
			}
			again, err := ReadTDigest(wire.NewReader(d.AppendBinary(nil)))
			if err != nil || !bytes.Equal(again.AppendBinary(nil), d.AppendBinary(nil)) {
				t.Fatalf("its own form is not read: %v", err)
			}
		}
	})
}
