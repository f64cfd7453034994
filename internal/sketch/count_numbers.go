package sketch

import (
	"bytes"
	"math"
	"math/bits"
	"unsafe"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// numbers are the values of a column's rows that hold one, by frame and cell.
type numbers struct {
	values       []float64
	cells, parts []run  // of values
	spans        []span // by part
	all          span
}

// span is what a look at some values tells, so that what hardly ever happens costs nothing where it doesn't: the smallest and the
// largest value, and how close to 0 the closest is.
type span struct {
	lo, hi        float64
	closest, most uint64 // magnitudes: the bits of a number without its sign, shifted left by one
}

const endless = 0x7ff << 53 // the least magnitude of infinities and NaN

var noSpan = span{math.Inf(1), math.Inf(-1), math.MaxUint64, 0}

func spanOf(values []float64) span {
	lo, hi := noSpan.lo, noSpan.hi
	least, most := noSpan.closest, noSpan.most
	for _, v := range values {
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
		size := math.Float64bits(v) << 1
		least, most = min(least, size), max(most, size)
	}
	return span{lo, hi, least, most}
}

func (x *numbers) look() {
	x.spans, x.all = x.spans[:0], noSpan
	from := int32(0)
	for _, p := range x.parts {
		s := spanOf(x.values[from:p.end])
		from = p.end
		x.spans = append(x.spans, s)
		a := &x.all
		*a = span{min(a.lo, s.lo), max(a.hi, s.hi), min(a.closest, s.closest), max(a.most, s.most)}
	}
}

// count takes the rows of a batch, in a few loops without a branch that could not be foreseen: each is about one thing and keeps what
// it needs in registers.
func (n *numberColumn) count(in *plan.Col, at *placed) {
	x := &at.numbers
	complete := at.whole && allOK(in.State[:len(at.cells)])
	if complete {
		x.cells, x.parts = at.runs, at.parts
		if at.straight {
			x.values = in.Num[:len(at.cells)]
		} else {
			x.values = gather(at.values, in.Num, at.rows)
		}
		x.look()
	}
	if !complete || x.all.most >= endless {
		n.pick(in, at)
		x.look()
	}
	if len(x.values) == 0 {
		return
	}
	s := &x.all
	if n.ranged && (s.lo < n.min || s.hi > n.max) {
		x.each(func(cell int32, values []float64) {
			for _, v := range values {
				if v < n.min || v > n.max {
					n.sums[cell].broken++
				}
			}
		})
	}
	if n.empty {
		return
	}
	for _, r := range x.cells {
		n.touch(r.of)
	}
	n.countBins(x)
	n.countEnds(x)
	n.countSums(x)
	if len(n.frames) > 0 {
		from := int32(0)
		for i, p := range x.parts {
			if p.end > from {
				n.frames[p.of].putAll(x.values[from:p.end], &x.spans[i])
			}
			from = p.end
		}
	}
}

func allOK(states []plan.State) bool {
	raw := unsafe.Slice((*byte)(unsafe.SliceData(states)), len(states)) // a State is a byte, and bytes are counted many at a time
	return bytes.Count(raw, []byte{byte(plan.OK)}) == len(raw)
}

func gather(to, from []float64, rows []int32) []float64 {
	to = to[:len(rows)]
	for i, row := range rows {
		to[i] = from[row]
	}
	return to
}

// pick takes the rows that hold a finite number, and counts the others.
func (n *numberColumn) pick(in *plan.Col, at *placed) {
	x := &at.numbers
	values, to, part := at.values, int32(0), 0
	at.ownCells, at.ownParts = at.ownCells[:0], at.ownParts[:0]
	from := int32(0)
	for _, r := range at.runs {
		s := &n.sums[r.of]
		for _, row := range at.rows[from:r.end] {
			v := in.Num[row]
			if in.State[row] != plan.OK || math.Float64bits(v)<<1 >= endless {
				s.absent(in.State[row])
				continue
			}
			values[to] = v
			to++
		}
		at.ownCells = append(at.ownCells, run{r.of, to})
		if from = r.end; from == at.parts[part].end {
			at.ownParts = append(at.ownParts, run{at.parts[part].of, to})
			part++
		}
	}
	x.values, x.cells, x.parts = values[:to], at.ownCells, at.ownParts
}

// each visits the values cell by cell.
func (x *numbers) each(visit func(cell int32, values []float64)) {
	from := int32(0)
	for _, r := range x.cells {
		visit(r.of, x.values[from:r.end])
		from = r.end
	}
}

func (s *numberSums) absent(state plan.State) {
	if state == plan.Missing {
		s.missing++
	} else {
		s.invalid++
	}
}

// countBins counts the bins of the plan. It is grid.find in line where few edges share a slot and no slot lies out of an integer's range.
func (n *numberColumn) countBins(x *numbers) {
	g, from := &n.grid, int32(0)
	const far = 1 << 62
	near := g.most <= 2 && (g.octave || (x.all.hi-g.low)*g.scale < far && (x.all.lo-g.low)*g.scale > -far)
	for _, r := range x.cells {
		bins := n.bins[int(r.of)*n.stride:][:n.stride]
		switch values := x.values[from:r.end]; {
		case !near:
			for _, v := range values {
				bins[g.find(v)]++
			}
		case g.octave:
			g.countOctave(bins, values)
		default:
			g.countLinear(bins, values)
		}
		from = r.end
	}
}

func (g *grid) countLinear(bins []uint32, values []float64) {
	starts, edges, low, scale := g.starts, g.edges, g.low, g.scale
	if g.most == 1 {
		for _, v := range values {
			at := int(starts[min(max(int((v-low)*scale), 0), gridSlots-1)])
			bins[at+above(v, edges[at])]++
		}
		return
	}
	for _, v := range values {
		at := int(starts[min(max(int((v-low)*scale), 0), gridSlots-1)])
		bins[at+above(v, edges[at])+above(v, edges[at+1])]++
	}
}

func (g *grid) countOctave(bins []uint32, values []float64) {
	starts, edges, base := g.starts, g.edges, g.base
	for _, v := range values {
		at := int(starts[min(max(octaveKey(v)-base, 0), gridSlots-1)])
		bins[at+above(v, edges[at])+above(v, edges[at+1])]++
	}
}

// above is 1 where v > edge, else 0, without a branch.
func above(v, edge float64) int {
	if v > edge {
		return 1
	}
	return 0
}

// countEnds counts what is beyond the reference's range, and zeros.
func (n *numberColumn) countEnds(x *numbers) {
	lower, higher, zeros := x.all.lo < n.lo, x.all.hi > n.hi, x.all.closest == 0
	if !lower && !higher && !zeros {
		return
	}
	from := int32(0)
	for _, r := range x.cells {
		s, values := &n.sums[r.of], x.values[from:r.end]
		from = r.end
		if lower || higher {
			below, over := uint32(0), uint32(0)
			for _, v := range values {
				if v < n.lo {
					below++
				}
				if v > n.hi {
					over++
				}
			}
			s.below, s.above = s.below+below, s.above+over
		}
		if zeros {
			zero, minus := uint32(0), uint32(0)
			for _, v := range values {
				b := math.Float64bits(v)
				is := uint32(1 - (b<<1|-(b<<1))>>63)
				zero += is
				minus += is & uint32(b>>63)
			}
			s.zero += zero
			n.odds[r.of].minus += minus
		}
	}
}

const (
	fixedUnit = 1 << fixedFraction
	// rounder added to a number below 2^51 rounds it to the nearest whole one, ties to even, which then stands in the lowest bits.
	rounder     = 3 << 51
	rounderBits = 0x4338000000000000
	half        = 0x3fe0000000000000 // the bits of 0.5
)

// countSums adds to the sums of values and squares, as toFixed and squareFixed have them, and counts the integral values and the
// sign bits.
func (n *numberColumn) countSums(x *numbers) {
	lo, hi, from := x.all.lo, x.all.hi, int32(0)
	for _, r := range x.cells {
		s := &n.sums[r.of]
		switch values := x.values[from:r.end]; {
		case hi < 1<<11 && lo > -1<<11:
			for ; len(values) > smallBlock; values = values[smallBlock:] {
				s.addSmall(values[:smallBlock])
			}
			s.addSmall(values)
		case hi < 1<<31 && lo > -1<<31:
			s.addMedium(values)
		default:
			n.odds[r.of].overflow += s.addAny(values)
		}
		from = r.end
	}
}

const smallBlock = 1 << 12 // values below 2^11, whose sum in units of 2^-40 fits an integer

// addSmall takes at most smallBlock values of a magnitude below 2^11. Scaling by a power of two is exact, so a value is rounded once. Its
// square is u + e exactly: the whole part of u is taken as it is, and what is left, with e, is rounded. That sum is rounded once before;
// only where it then lies in the middle of two whole numbers can this matter.
func (s *numberSums) addSmall(values []float64) {
	sum, whole, minus := int64(0), uint64(0), uint64(0)
	low, high := s.squares.Lo, uint64(s.squares.Hi)
	for _, v := range values {
		sum += int64(math.Float64bits(v*fixedUnit+rounder)) - rounderBits
		b := math.Float64bits(v)
		if math.Float64bits(float64(int64(v))) == b { // which leaves out -0: countEnds has it
			whole++
		}
		minus += b >> 63

		p := v * v
		e, u := math.FMA(v, v, -p)*fixedUnit, p*fixedUnit
		floor := int64(u)
		rest := u - float64(floor) + e
		rounded := rest + rounder
		square, up := uint64(floor)+math.Float64bits(rounded)-rounderBits, uint64(0)
		if d := rest - (rounded - rounder); math.Float64bits(d)<<1 == half<<1 {
			f, _ := squareFixed(v)
			square = f.Lo
		}
		low, up = bits.Add64(low, square, 0)
		high += up
	}
	s.squares = Fixed{int64(high), low}
	s.sum.addParts(0, sum)
	s.whole += whole | minus<<32
}

// addMedium takes values of a magnitude below 2^31: as addSmall, but for the whole parts of a value and its square, which are added apart.
func (s *numberSums) addMedium(values []float64) {
	for _, v := range values {
		floor := int64(v)
		x := int64(math.Float64bits((v-float64(floor))*fixedUnit+rounder)) - rounderBits
		s.sum.addParts(floor, x)

		whole, b := uint64(0), math.Float64bits(v)
		if math.Float64bits(float64(floor)) == b {
			whole = 1
		}
		s.whole += whole | b>>63<<32

		p := v * v
		e := math.FMA(v, v, -p) * fixedUnit
		floor = int64(p)
		u := (p - float64(floor)) * fixedUnit
		part := int64(u)
		rest := u - float64(part) + e
		rounded := rest + rounder
		if d := rest - (rounded - rounder); math.Float64bits(d)<<1 == half<<1 {
			square, _ := squareFixed(v)
			s.squares.Merge(square)
			continue
		}
		s.squares.addParts(floor, part+int64(math.Float64bits(rounded)-rounderBits))
	}
}

// addAny takes any finite values, and tells how many were left out.
func (s *numberSums) addAny(values []float64) (overflow uint32) {
	for _, v := range values {
		whole, b := uint64(0), math.Float64bits(v)
		if math.Trunc(v) == v && b != 1<<63 {
			whole = 1
		}
		s.whole += whole | b>>63<<32
		square, fits := squareFixed(v)
		if !fits {
			overflow++
			continue
		}
		sum, _ := toFixed(v) // |v| < 2^35
		s.sum.Merge(sum)
		s.squares.Merge(square)
	}
	return overflow
}

// addParts adds whole + units * 2^-40.
func (f *Fixed) addParts(whole, units int64) {
	lo, carry := bits.Add64(f.Lo, uint64(whole)<<fixedFraction, 0)
	hi := f.Hi + whole>>(64-fixedFraction) + int64(carry)
	f.Lo, carry = bits.Add64(lo, uint64(units), 0)
	f.Hi = hi + units>>63 + int64(carry)
}
