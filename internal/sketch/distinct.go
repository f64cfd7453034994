package sketch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/axiomhq/hyperloglog"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

const (
	distinctList      = 48 // exact up to here
	distinctPrecision = 12 // bits of the register index
	registers         = 1 << distinctPrecision
	maxRegister       = 64 - distinctPrecision + 1
	// hllHeader is the header of the dense binary form of axiomhq/hyperloglog, version 2: version, precision, bias, dense,
	// number of registers (big endian).
	hllHeader = "\x02\x0c\x00\x00\x00\x00\x10\x00"
)

// Distinct estimates how many distinct values were seen: exactly up to 48, then by HyperLogLog (Flajolet et al. 2007, with the
// LogLog-beta bias correction of Qin et al. 2016) with 2^12 registers: relative standard error 1.04/sqrt(4096) = 1.6 %. Its state is a
// function of the set of hashes seen, so merges commute, associate and are idempotent, bytes included. The zero value is empty.
type Distinct struct {
	list  []uint64 // ascending; nil once dense
	dense *hyperloglog.Sketch
}

// NewDistinct makes an empty one.
func NewDistinct() *Distinct { return &Distinct{} }

// Add adds a value by its hash (HashFloat, HashString).
func (d *Distinct) Add(h uint64) {
	if d.dense != nil {
		d.dense.InsertHash(h)
		return
	}
	at, found := slices.BinarySearch(d.list, h)
	if found {
		return
	}
	if len(d.list) < distinctList {
		d.list = slices.Insert(d.list, at, h)
		return
	}
	d.spread()
	d.dense.InsertHash(h)
}

// Merge adds what o has seen; o stays as it is.
func (d *Distinct) Merge(o *Distinct) {
	if o.dense == nil {
		for _, h := range o.list {
			d.Add(h)
		}
		return
	}
	if d.dense == nil {
		d.spread()
	}
	// Precisions are one constant, so this can't fail.
	_ = d.dense.Merge(o.dense)
}

// Estimate is the estimated number of distinct values.
func (d *Distinct) Estimate() int64 {
	if d.dense == nil {
		return int64(len(d.list))
	}
	return int64(d.dense.Estimate()) // a dense sketch isn't changed by this
}

// Exact reports whether Estimate is exact (up to collisions of 64-bit hashes).
func (d *Distinct) Exact() bool { return d.dense == nil }

// Clone is a deep copy.
func (d *Distinct) Clone() *Distinct {
	c := &Distinct{list: slices.Clone(d.list)}
	if d.dense != nil {
		c.dense = d.dense.Clone()
	}
	return c
}

// spread goes from the list to registers. Dense bytes are canonical; those of the library's sparse form are not.
func (d *Distinct) spread() {
	d.dense, _ = hyperloglog.NewSketch(distinctPrecision, false) // the precision is valid
	for _, h := range d.list {
		d.dense.InsertHash(h)
	}
	d.list = nil
}

func (d *Distinct) empty() bool { return d.dense == nil && len(d.list) == 0 }

// The forms of the encoding; list forms are their own length (0..48).
const (
	distinctSparse = 0x40 // gaps and registers that are not 0
	distinctPacked = 0x41 // a base, 4 bits per register, and exceptions
	// sparseRegisters is the largest number of registers in use that the sparse form takes.
	sparseRegisters = registers / 4
)

// AppendBinary writes d in its only form:
//
//	n (0..48), n hashes of 8 bytes, little endian, ascending; or
//	0x40, number k of registers in use, k times (gap to the one before, value); or
//	0x41, base = smallest register, 2048 bytes of two registers each (lower half first) as value-base, 15 for "or more", then
//	the values less base-15 of those in order.
func (d *Distinct) AppendBinary(b []byte) []byte {
	if d.dense == nil {
		b = append(b, byte(len(d.list)))
		for _, h := range d.list {
			b = binary.LittleEndian.AppendUint64(b, h)
		}
		return b
	}
	regs := d.registers()
	used, base := 0, regs[0]
	for _, v := range regs {
		if v != 0 {
			used++
		}
		base = min(base, v)
	}
	if used <= sparseRegisters {
		b = wire.Uint(append(b, distinctSparse), uint64(used))
		next := 0
		for i, v := range regs {
			if v != 0 {
				b = append(wire.Uint(b, uint64(i-next)), v)
				next = i + 1
			}
		}
		return b
	}
	b = append(b, distinctPacked, base)
	for i := 0; i < registers; i += 2 {
		b = append(b, min(regs[i]-base, 15)|min(regs[i+1]-base, 15)<<4)
	}
	for _, v := range regs {
		if v-base >= 15 {
			b = append(b, v-base-15)
		}
	}
	return b
}

// registers reads the library's registers through its binary form, which is its only door to them.
func (d *Distinct) registers() []byte {
	b, _ := d.dense.AppendBinary(make([]byte, 0, len(hllHeader)+registers)) // fails only for a zero sketch
	return b[len(hllHeader):]
}

var errDistinct = errors.New("a distinct count is not as it would be written")

// ReadDistinct reads what AppendBinary wrote.
func ReadDistinct(r *wire.Reader) (*Distinct, error) {
	d := &Distinct{}
	form := readByte(r)
	switch {
	case form <= distinctList:
		d.readList(r, int(form))
	case form == distinctSparse:
		d.readSparse(r)
	case form == distinctPacked:
		d.readPacked(r)
	default:
		r.Fail(fmt.Errorf("a distinct count of unknown form %#x", form))
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read distinct count: %w", err)
	}
	return d, nil
}

func (d *Distinct) readList(r *wire.Reader, n int) {
	raw := r.Raw(8 * n)
	if raw == nil || n == 0 {
		return
	}
	d.list = make([]uint64, n)
	for i := range d.list {
		d.list[i] = binary.LittleEndian.Uint64(raw[8*i:])
		if i > 0 && d.list[i] <= d.list[i-1] {
			r.Fail(fmt.Errorf("%w: hash %d of %d does not ascend", errDistinct, i, n))
			return
		}
	}
}

func (d *Distinct) readSparse(r *wire.Reader) {
	used := readCount(r, 2)
	if r.Err() == nil && (used == 0 || used > sparseRegisters) {
		r.Fail(fmt.Errorf("%w: %d registers in use in the sparse form, which takes 1 to %d", errDistinct, used, sparseRegisters))
		return
	}
	var regs [registers]byte
	next := uint64(0)
	for range used {
		at, v := next+readUint(r), readByte(r)
		if r.Err() != nil {
			return
		}
		if at >= registers || at < next || v == 0 || v > maxRegister {
			r.Fail(fmt.Errorf("%w: register %d of %d holds %d, at most %d", errDistinct, at, registers, v, maxRegister))
			return
		}
		regs[at], next = v, at+1
	}
	d.restore(r, regs[:])
}

func (d *Distinct) readPacked(r *wire.Reader) {
	base := readByte(r)
	packed := r.Raw(registers / 2)
	if packed == nil {
		return
	}
	var regs [registers]byte
	used, low := 0, byte(0xff)
	for i := range regs {
		v := packed[i/2] >> (4 * (i & 1)) & 15
		if v == 15 {
			v += min(readByte(r), maxRegister)
		}
		low = min(low, v)
		if v += base; v > maxRegister || base > maxRegister {
			r.Fail(fmt.Errorf("%w: register %d holds %d, at most %d", errDistinct, i, v, maxRegister))
			return
		}
		if v != 0 {
			used++
		}
		regs[i] = v
	}
	if low != 0 || used <= sparseRegisters {
		r.Fail(fmt.Errorf("%w: packed with %d registers in use and a base that is %d too low", errDistinct, used, low))
		return
	}
	d.restore(r, regs[:])
}

func (d *Distinct) restore(r *wire.Reader, regs []byte) {
	if r.Err() != nil {
		return
	}
	d.dense = &hyperloglog.Sketch{}
	if err := d.dense.UnmarshalBinary(append([]byte(hllHeader), regs...)); err != nil {
		r.Fail(err)
	}
}
