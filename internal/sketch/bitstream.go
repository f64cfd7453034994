package sketch

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

// bitWriter appends codes of single bits to bytes, lowest bit first.
type bitWriter struct {
	b    []byte
	held uint64
	n    uint // bits in held, below 32 between calls
}

func (w *bitWriter) put(v uint64, n uint) { // n <= 32, v < 2^n
	w.held |= v << w.n
	if w.n += n; w.n >= 32 {
		w.b = binary.LittleEndian.AppendUint32(w.b, uint32(w.held))
		w.held >>= 32
		w.n -= 32
	}
}

// unary writes v as so many ones and a zero.
func (w *bitWriter) unary(v uint64) {
	for ; v >= 31; v -= 31 {
		w.put(1<<31-1, 31)
	}
	w.put(1<<v-1, uint(v)+1)
}

// rice writes v with so many low bits as they are and the rest in unary, however long that is.
func (w *bitWriter) rice(v uint64, low uint) {
	w.unary(v >> low)
	for ; low > 32; low -= 32 {
		w.put(v&(1<<32-1), 32)
		v >>= 32
	}
	w.put(v&(1<<low-1), low)
}

// close fills the last byte with zeros.
func (w *bitWriter) close() []byte {
	for ; w.n > 0; w.n -= min(w.n, 8) {
		w.b = append(w.b, byte(w.held))
		w.held >>= 8
	}
	w.held = 0
	return w.b
}

var errBits = errors.New("the last byte of a run of bits is not filled with zeros")

// bitReader reads what bitWriter wrote, byte by byte from a reader, so that the reader stands behind the last byte used.
type bitReader struct {
	r    *wire.Reader
	held uint64
	n    uint
}

func (b *bitReader) bits(n uint) uint64 { // n <= 56
	for b.n < n {
		b.held |= uint64(readByte(b.r)) << b.n
		b.n += 8
	}
	v := b.held & (1<<n - 1)
	b.held >>= n
	b.n -= n
	return v
}

// unary reads a number of at most the given size; a larger one fails the reader.
func (b *bitReader) unary(most uint64) uint64 {
	for v := uint64(0); ; {
		if b.n == 0 {
			b.held, b.n = uint64(readByte(b.r)), 8
			if b.r.Err() != nil {
				return 0
			}
		}
		ones := min(uint(bits.TrailingZeros64(^b.held)), b.n)
		v += uint64(ones)
		if v > most {
			b.r.Fail(errBinned)
			return 0
		}
		b.held >>= ones
		if b.n -= ones; b.n > 0 { // the zero
			b.held >>= 1
			b.n--
			return v
		}
	}
}

func (b *bitReader) close() {
	if b.held != 0 {
		b.r.Fail(errBits)
	}
}

// The bins of n values: all but the last one in the code of Rice (1979), which is short where counts scatter about their mean: the
// high part in unary, the low bits as they are. How many low bits there are follows from n; the last bin is what is left. The high
// parts add up to at most twice the number of bins, so that the length is bounded whatever the counts are.

var errBinned = errors.New("the bins hold more values than there are")

func lowBits(n int64, bins int) uint {
	return uint(max(1, bits.Len64(uint64(n)/uint64(bins))) - 1)
}

// counted is what counts are kept in: in a Set, and while they are counted.
type counted interface{ int64 | uint32 }

// appendBins writes bins that add up to n > 0, none of them negative. Others can't be written: they are bent to fit, so that the
// length stays bounded.
func appendBins(b []byte, counts []int64, n int64) []byte {
	if !addUp(counts, n) {
		counts = bent(counts, n)
	}
	return appendCounted(b, counts, n)
}

// appendCounted is appendBins of bins that are known to add up.
func appendCounted[T counted](b []byte, counts []T, n int64) []byte {
	low, last := lowBits(n, len(counts)), len(counts)-1
	w := bitWriter{b: slices.Grow(b, len(counts)*(int(low)+3)/8+24)}
	i := 0
	for ; i+4 <= last; i += 4 { // codes that don't wait for each other, put together before they wait for those before them
		c0, n0 := riceCode(uint64(counts[i]), low)
		c1, n1 := riceCode(uint64(counts[i+1]), low)
		c2, n2 := riceCode(uint64(counts[i+2]), low)
		c3, n3 := riceCode(uint64(counts[i+3]), low)
		if n0+n1+n2+n3 > 64-32 {
			break
		}
		c0 |= c1 << (n0 & 63)
		c2 |= c3 << (n2 & 63)
		w.put(c0|c2<<((n0+n1)&63), n0+n1+n2+n3)
	}
	for _, v := range counts[i:last] {
		if code, length := riceCode(uint64(v), low); length <= 32 {
			w.put(code, length)
		} else {
			w.rice(uint64(v), low)
		}
	}
	return w.close()
}

// riceCode is what rice writes, if its length is at most 32 bits.
func riceCode(v uint64, low uint) (code uint64, length uint) {
	high := uint(v >> (low & 63))
	return 1<<(high&63) - 1 | v&(1<<(low&63)-1)<<((high+1)&63), high + 1 + low
}

// addUp is whether bins are what can be written of n values.
func addUp(counts []int64, n int64) bool {
	sum, signs := int64(0), int64(0)
	for _, v := range counts {
		sum += v
		signs |= v
	}
	return sum == n && signs >= 0
}

// bent is the nearest that can be written.
func bent(counts []int64, n int64) []int64 {
	out, left := make([]int64, len(counts)), n
	for i, v := range counts {
		out[i] = min(max(v, 0), left)
		left -= out[i]
	}
	out[len(out)-1] += left
	return out
}

func readBins(r *wire.Reader, counts []int64, n int64) {
	low := lowBits(n, len(counts))
	br := bitReader{r: r}
	left := n
	for i := range counts[:len(counts)-1] {
		v := int64(br.unary(uint64(left)>>low)<<low | br.bits(low))
		if r.Err() != nil {
			return
		}
		if v > left {
			r.Fail(errBinned)
			return
		}
		counts[i] = v
		left -= v
	}
	counts[len(counts)-1] = left
	br.close()
}
