package collect_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// BenchmarkPredictions collects batches whose texts lie in the records they were read from, as the ingestor's do: 400 bytes each, much
// more memory than a core's own cache.
func BenchmarkPredictions(b *testing.B) {
	const batches, rows, size = 40, 512, 400
	p := testPlan(b)
	p.Rules, p.IDs = nil, "0123456789abcdef0123456789abcdef"
	values := make([]string, 100)
	for i := range values {
		values[i] = fmt.Sprint("value ", i)
	}
	p.Slices[0].Values = values
	if err := p.Seal(); err != nil {
		b.Fatal(err)
	}
	memory := make([]byte, batches*rows*size)
	rng := rand.New(rand.NewPCG(1, 2))
	list := make([]*plan.Batch, batches)
	for n := range list {
		list[n] = plan.NewBatch(&p.Prediction, rows)
		for i := range rows {
			event := n*rows + i
			text := fmt.Appendf(memory[event*size:event*size], "event-%012d", event)
			row := list[n].Grow(int64(event))
			list[n].SetString(0, row, unsafe.String(&text[0], len(text)))
			list[n].SetTime(1, row, int64(event)*1000)
			list[n].SetNumber(2, row, rng.Float64())
			list[n].SetString(3, row, values[int(100*rng.Float64()*rng.Float64())])
			list[n].SetString(4, row, "v1")
		}
	}
	w := record.NewRows(8)
	c, err := collect.New(p, w)
	if err != nil {
		b.Fatal(err)
	}
	at := 0
	for b.Loop() {
		c.Predictions(collect.Source{Topic: "p", Partition: int32(at % 4)}, list[at])
		if at++; at == batches {
			at = 0
			c.Take()
			w.Reset()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
