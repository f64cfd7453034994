package sketch

import (
	"math"
	"slices"
)

// grid finds the bin of a number, with hardly a comparison. A map from numbers to slots that never decreases (a < b never lands a in
// a later slot than b) sends edges and values to the same slots: every edge of an earlier slot lies below the value, every edge of a
// later one doesn't, and only those of its own slot have to be compared. So the answer is exact whatever the map is; how well it
// spreads the edges is a matter of speed.
type grid struct {
	edges  []float64 // and behind them two that lie above every number, so that a slot's edges can be compared two by two
	low    float64   // of the linear map: slot = (v - low) * scale
	scale  float64
	octave bool                  // the map by exponent and leading mantissa bits, for edges that lie too unevenly for the linear one
	base   int64                 // of the octave map: the first slot
	starts *[gridSlots + 1]uint8 // by slot, and one more: how many edges lie in slots before it; nil: there are too many edges
	most   int                   // edges in one slot
}

const (
	gridSlots   = 512
	octaveBits  = 3 // of the mantissa
	octaveShift = 52 - octaveBits
)

func newGrid(edges []float64) grid {
	g := grid{edges: append(slices.Clip(edges), math.Inf(1), math.Inf(1)), starts: new([gridSlots + 1]uint8)}
	if len(edges) > math.MaxUint8 {
		g.starts, g.most = nil, len(edges)
	}
	if len(edges) == 0 || g.starts == nil {
		return g
	}
	first, last := edges[0], edges[len(edges)-1]
	g.low = first
	if width := last - first; width > 0 && !math.IsInf(width, 0) {
		g.scale = (gridSlots - 1) / width
	}
	if math.IsInf(g.scale, 0) {
		g.scale = 0
	}
	linear := g.crowd(edges)
	octave := g
	octave.octave = true
	octave.base = octaveKey(first)
	if by := octave.crowd(edges); by < linear {
		g = octave
	}
	for _, e := range edges {
		for s := g.slot(e) + 1; s <= gridSlots; s++ {
			g.starts[s]++
		}
	}
	for s := range gridSlots {
		g.most = max(g.most, int(g.starts[s+1]-g.starts[s]))
	}
	return g
}

// crowd is how many edges share slots: the sum of the squares of the edges per slot.
func (g *grid) crowd(edges []float64) int {
	var n [gridSlots]int
	sum := 0
	for _, e := range edges {
		s := g.slot(e)
		sum += 2*n[s] + 1
		n[s]++
	}
	return sum
}

// octaveKey orders numbers in steps of an eighth of an octave; 0 is in the middle.
func octaveKey(v float64) int64 {
	b := int64(math.Float64bits(v))
	k := b & math.MaxInt64 >> octaveShift
	if b < 0 {
		return -k
	}
	return k
}

func (g *grid) slot(v float64) int {
	if g.octave {
		return int(min(max(octaveKey(v)-g.base, 0), gridSlots-1))
	}
	x := (v - g.low) * g.scale
	if !(x > 0) {
		return 0
	}
	if x >= gridSlots-1 {
		return gridSlots - 1
	}
	return int(x)
}

// find is how many edges lie below the finite number v.
func (g *grid) find(v float64) int {
	if g.starts == nil {
		return g.within(0, g.most, v)
	}
	slot := g.slot(v)
	at, end := int(g.starts[slot]), int(g.starts[slot+1])
	if at == end {
		return at
	}
	return g.within(at, end, v)
}

// within is how many edges lie below v, which are at least from and at most to.
func (g *grid) within(from, to int, v float64) int {
	if to-from > 8 {
		n, _ := slices.BinarySearch(g.edges[from:to], v)
		return from + n
	}
	for from < to && g.edges[from] < v {
		from++
	}
	return from
}
