package walk

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// Event draws an event, behind five bytes of header.
func Event(rng *rand.Rand) []byte {
	b := make([]byte, 5, 640)
	text := func(s string) {
		b = binary.AppendVarint(b, int64(len(s)))
		b = append(b, s...)
	}
	double := func(v float64) { b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v)) }
	numbers := func(from, to int) {
		for i := from; i < to; i++ {
			if Nullable(i) {
				if rng.IntN(20) == 0 {
					b = append(b, 0)
					continue
				}
				b = append(b, 2)
			}
			double(50 + 10*rng.NormFloat64())
		}
	}
	texts := func(from, to int) {
		for i := from; i < to; i++ {
			if Enum(i) {
				b = binary.AppendVarint(b, int64(rng.IntN(len(Symbols))))
			} else {
				text(fmt.Sprintf("customer-segment-%d-%d", i, rng.IntN(1<<(2*i+1))))
			}
		}
	}
	integers := func(from, to int) {
		for i := from; i < to; i++ {
			b = binary.AppendVarint(b, int64(math.Exp(float64(i+1)*math.Abs(rng.NormFloat64()))))
		}
	}
	text(fmt.Sprintf("%08x-%04x-4000-8000-%012x", rng.Uint32(), rng.Uint32()&0xffff, rng.Uint64()&0xffff_ffff_ffff))
	b = binary.AppendVarint(b, 1_774_400_000_000_000+rng.Int64N(86_400_000_000))
	text("2026.1")
	numbers(0, 10)
	texts(0, 4)
	integers(0, 2)
	numbers(10, 20)
	texts(4, 7)
	text(fmt.Sprintf("scorer-%d.example.net", rng.IntN(40)))
	numbers(20, 30)
	texts(7, 10)
	integers(2, 4)
	if rng.IntN(4) == 0 {
		b = append(b, 0)
	} else {
		b = append(b, 2)
		text(fmt.Sprintf("00-%016x%016x-%016x-01", rng.Uint64(), rng.Uint64(), rng.Uint64()))
	}
	double(1 / (1 + math.Exp(-1.5*rng.NormFloat64())))
	return b
}
