package sketch

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// unsafeTexts cuts memory into texts that share it, as a decoder does.
func unsafeTexts(memory []byte, sizes ...int) []string {
	var out []string
	for _, n := range sizes {
		out = append(out, unsafe.String(unsafe.SliceData(memory), n))
		memory = memory[n:]
	}
	return out
}

// BenchmarkCount counts batches of 1,000 rows of ten columns: sketches, curve, latency, two slice dimensions and three versions.
func BenchmarkCount(b *testing.B) {
	for _, variety := range []float64{0.1, 1} {
		p := testPlan()
		rng := rand.New(rand.NewPCG(1, 2))
		batch := batchOf(p, rng, 1000, variety)
		rules := broken(p, batch)
		c := NewCounter(p)
		c.Count(0, batch, rules)
		b.Run(fmt.Sprintf("cells=%d", c.Len()), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Count(0, batch, rules)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(batch.N), "ns/row")
		})
	}
}

func BenchmarkTDigestAdd(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 1<<16)
	for i := range values {
		values[i] = rng.NormFloat64()
	}
	d := NewTDigest()
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		d.Add(values[i&(1<<16-1)])
		i++
	}
}

func BenchmarkDistinctAdd(b *testing.B) {
	d := NewDistinct()
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		d.Add(HashFloat(float64(i & (1<<16 - 1))))
		i++
	}
}

func BenchmarkSet(b *testing.B) {
	p := testPlan()
	for _, rows := range []int{2, 100, 10_000} {
		s := drawSet(p, rand.New(rand.NewPCG(1, 2)), rows, 1)
		encoded := s.AppendBinary(nil)
		b.Run(fmt.Sprintf("encode/rows=%d", rows), func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, 2*len(encoded))
			for b.Loop() {
				buf = s.AppendBinary(buf[:0])
			}
			b.ReportMetric(float64(len(encoded)), "bytes")
		})
		b.Run(fmt.Sprintf("read/rows=%d", rows), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ReadSet(p, wire.NewReader(encoded)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("merge/rows=%d", rows), func(b *testing.B) {
			b.ReportAllocs()
			sum := NewSet(p)
			for b.Loop() {
				if err := sum.Merge(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNumbers counts a numeric column of 30 bins, described, over some cells.
func BenchmarkNumbers(b *testing.B) {
	for _, cells := range []int{1, 150} {
		rng := rand.New(rand.NewPCG(1, 2))
		edges := make([]float64, 30)
		for i := range edges {
			edges[i] = math.Erfinv(2*float64(i+1)/31-1) * math.Sqrt2
		}
		n := newNumberColumn(0, &plan.Column{Layout: plan.Layout{Edges: edges, Lo: -4, Hi: 4}})
		n.grow(cells)
		n.frames = []*histogramCounter{{}}
		const rows = 1000
		in, at := plan.Col{State: make([]plan.State, rows), Num: make([]float64, rows)}, Counter{frameOf: make([]int32, cells), keys: make([]Key, cells), at: placed{cells: make([]int32, rows)}}
		for i := range rows {
			in.State[i], in.Num[i], at.at.cells[i] = plan.OK, rng.NormFloat64(), int32(rng.IntN(cells))
		}
		at.order()
		b.Run(fmt.Sprintf("cells=%d", cells), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n.count(&in, &at.at)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/value")
		})
	}
}

// BenchmarkNewTable makes the table of a column with so many values: every column of every model and worker has one.
func BenchmarkNewTable(b *testing.B) {
	for _, n := range []int{4, 60, 1000, 10000} {
		values := make([]string, n)
		for i := range values {
			values[i] = fmt.Sprintf("value-%d", i)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				newTable(values)
			}
		})
	}
}
