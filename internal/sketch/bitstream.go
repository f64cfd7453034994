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

// appendBins writes bins that add up to n > 0, none of them negative. Others can't be written: they are bent to fit, so that the
// length stays bounded.
func appendBins(b []byte, counts []int64, n int64) []byte {
	low := lowBits(n, len(counts))
	w := bitWriter{b: slices.Grow(b, len(counts)*(int(low)+3)/8+16)}
	left := n
	for _, v := range counts[:len(counts)-1] {
		v = min(max(v, 0), left)
		left -= v
		if high := uint(v) >> low; high+low < 32 { // what rice writes, in one piece
			w.held |= (1<<high - 1 | (uint64(v)&(1<<low-1))<<(high+1)) << w.n
			if w.n += high + 1 + low; w.n >= 32 {
				w.b = binary.LittleEndian.AppendUint32(w.b, uint32(w.held))
				w.held >>= 32
				w.n -= 32
			}
			continue
		}
		w.rice(uint64(v), low)
	}
	return w.close()
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
