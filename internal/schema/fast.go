package schema

import (
	"encoding/binary"
	"math"
	"math/bits"
	"unsafe"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// fast executes ops from pc on as long as they are what events are mostly made of and the input is as usual: a number or a
// length of few bytes, text of ASCII, a union's index of one byte. It returns the first op that isn't, with nothing of it done,
// and where the input stands; run does that one, with every check and every error, and comes back.
//
// It calls nothing, so that its state stays in registers: that is what makes it fast. What an op stores is found by
// arithmetic on a column's number, not through the column.
func (m *machine) fast(pc int32, pos int) (int32, int) {
	buf, ops := m.buf, m.p.ops
	step, states, nums := m.step, m.states, m.nums
	for {
		o := &ops[pc]
		at := pos
		if o.null != 0 {
			if uint(at) >= uint(len(buf)) {
				return pc, pos
			}
			switch buf[at] {
			case o.some:
				at++
			case o.some ^ 2: // null, which is 0 where the other is 2, and 2 where it is 0
				if o.code > opSkipEnum {
					*spot(states, int(o.col)*step) = plan.Missing
				}
				pos = at + 1
				pc++
				continue
			default:
				return pc, pos
			}
		}
		switch o.code {
		case opNumberDouble:
			// Numbers come in runs: if the longest that the run can be is there, nothing more need be asked of the input's length.
			run := ops[pc : int(pc)+int(o.a)]
			if len(buf)-pos < 9*len(run) {
				if len(buf)-at < 8 {
					return pc, pos
				}
				run = run[:1]
			}
			for i := range run {
				o := &run[i]
				if o.null != 0 {
					if b := one(buf, pos); b != o.some {
						if b != o.some^2 {
							return pc + int32(i), pos
						}
						*spot(states, int(o.col)*step) = plan.Missing
						pos++
						continue
					}
					pos++
				}
				v := eight(buf, pos)
				pos += 8
				if v<<1 >= 0x7FF<<53 { // NaN or infinite
					*spot(states, int(o.col)*step) = plan.Invalid
					continue
				}
				*spot(states, int(o.col)*step) = plan.OK
				*spot(nums, int(o.slot)*step) = math.Float64frombits(v)
			}
			pc += int32(len(run))
			continue

		case opSkipString, opString:
			// A length of up to two bytes.
			if len(buf)-at < 2 {
				return pc, pos
			}
			n := int(buf[at])
			at++
			if n >= 0x80 {
				if buf[at] >= 0x80 {
					return pc, pos
				}
				n += int(buf[at])<<7 - 0x80
				at++
			}
			if n&1 != 0 || n>>1 > len(buf)-at { // negative, or too long
				return pc, pos
			}
			n >>= 1
			end := at + n
			// Eight bytes at a time, the last eight perhaps twice; of fewer than eight, those that follow are shifted out.
			const tops = 0x8080808080808080
			var seen uint64
			if n >= 8 {
				seen = eight(buf, end-8)
				for i := at; i < end-8; i += 8 {
					seen |= eight(buf, i)
				}
			} else {
				if len(buf)-at < 8 {
					return pc, pos
				}
				seen = eight(buf, at) << (64 - 8*uint(n))
			}
			if seen&tops != 0 {
				return pc, pos
			}
			if o.code == opString {
				*spot(states, int(o.col)*step) = plan.OK
				*spot(m.strs, int(o.slot)*step) = text(buf[at:end])
			}
			pos = end

		case opStringEnum:
			if uint(at) >= uint(len(buf)) {
				return pc, pos
			}
			symbols, n := m.p.enums[o.a], buf[at]
			if n&0x81 != 0 || int(n>>1) >= len(symbols) {
				return pc, pos
			}
			*spot(states, int(o.col)*step) = plan.OK
			*spot(m.strs, int(o.slot)*step) = symbols[n>>1]
			pos = at + 1

		case opSkipLong, opNumberLong, opNumberInt, opTimeMicros:
			if len(buf)-at < 8 {
				return pc, pos
			}
			// The first byte without its top bit is the number's last. Nine and ten bytes are rare.
			x := eight(buf, at)
			ends := ^x & 0x8080808080808080
			if ends == 0 {
				return pc, pos
			}
			at += bits.TrailingZeros64(ends)/8 + 1
			x &= (ends ^ (ends - 1)) & 0x7F7F7F7F7F7F7F7F
			if x > 0x7F {
				x = x&0x007F007F007F007F | x>>1&0x3F803F803F803F80
				x = x&0x00003FFF00003FFF | x>>2&0x0FFFC0000FFFC000
				x = x&0x000000000FFFFFFF | x>>4&0x00FFFFFFF0000000
			}
			v := int64(x>>1) ^ -int64(x&1)
			switch o.code {
			case opNumberInt:
				if v != int64(int32(v)) {
					return pc, pos
				}
				fallthrough
			case opNumberLong:
				*spot(states, int(o.col)*step) = plan.OK
				*spot(nums, int(o.slot)*step) = float64(v)
			case opTimeMicros:
				us := v * int64(o.a) // 1 or 1000, and v has 55 bits: what overflows is no time and is left to run
				if v<<10>>10 != v && o.a != 1 || !inTime(us) {
					return pc, pos
				}
				*spot(states, int(o.col)*step) = plan.OK
				*spot(m.ints, int(o.slot)*step) = us
			}
			pos = at

		case opSkip:
			if len(buf)-at < int(o.a) {
				return pc, pos
			}
			pos = at + int(o.a)
		case opSkipRun:
			if len(buf)-at < int(o.a) {
				return pc, pos
			}
			pos, pc = at+int(o.a), o.b
			continue
		default:
			return pc, pos
		}
		pc++
	}
}

// one, eight and spot leave out the checks that fast has made: one and eight that as many bytes follow pos; spot that the
// column is one of the batch's, which holds because the program was compiled for its projection, and so Decode demands.

func one(buf []byte, pos int) byte { return *spot(buf, pos) }

// eight are the bytes at pos and the seven that follow, the first lowest.
func eight(buf []byte, pos int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(buf)), pos))[:])
}

func spot[T any](cells []T, at int) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(cells)), at*int(unsafe.Sizeof(cells[0]))))
}
