package sequential

import (
	"runtime"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

// A model of 300 inputs and 20 slices, read from its bytes as a detector has it, takes less than 32 MB of heap.
func TestLargeModel(t *testing.T) {
	const inputs, parts, limit = 300, 20, 32 << 20
	panes := hourly(newRand(1), inputs, 300, 0, 28*24, still)
	learnt, err := Learn(numericSpec(inputs), panes)
	if err != nil {
		t.Fatal(err)
	}
	one, err := LearnSlice(learnt, "one", 0.2/parts, panes)
	if err != nil {
		t.Fatal(err)
	}
	whole, part := learnt.AppendBinary(nil), one.AppendBinary(nil)
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	e, err := Read(numericSpec(inputs), wire.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	slices := make([]*Slice, parts)
	for i := range slices {
		if slices[i], err = ReadSlice(e, 0.2/parts, wire.NewReader(part)); err != nil {
			t.Fatal(err)
		}
	}
	held := int64(heap()) - int64(before)
	t.Logf("%.1f MB of heap: %d channels, and in each of %d slices %d", float64(held)/1e6, len(e.channels), parts, len(slices[0].channels)+len(slices[0].rares))
	if held <= 0 || held > limit {
		t.Errorf("%d bytes, want at most %d", held, limit)
	}
	runtime.KeepAlive(e)
	runtime.KeepAlive(slices)
}
