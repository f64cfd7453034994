package sequential

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

const sliceFormat = 1

// AppendBinary writes all that the slice knows beyond its parent.
func (s *Slice) AppendBinary(b []byte) []byte {
	b = wire.Uint(b, sliceFormat)
	b = wire.String(b, s.name)
	b = wire.Int(b, s.end)
	b = wire.Uint(b, uint64(s.learnt))
	b = wire.Uint(b, uint64(s.recovery))
	b = wire.Uint(b, uint64(len(s.channels)))
	for i := range s.channels {
		c := &s.channels[i]
		b = wire.Uint(b, uint64(c.parent))
		b = singles(b, c.mean, c.band, c.sigma)
		b = floats(b, c.level, c.variance, c.lag, c.offset, c.cov, c.home)
		b = c.evidence.append(b)
	}
	b = wire.Uint(b, uint64(len(s.rares)))
	for i := range s.rares {
		r := &s.rares[i]
		b = wire.Uint(b, uint64(r.parent))
		b = singles(b, r.mean)
		b = wire.Bool(b, r.flipped)
		b = floats(b, r.low, r.high, r.dispersion)
		b = r.evidence.append(b)
	}
	b = wire.Uint(b, uint64(len(s.streams)))
	for i := range s.streams {
		st := &s.streams[i]
		b = wire.Uint(b, uint64(st.panes))
		if !st.open {
			continue
		}
		b = wire.Uint(b, uint64(len(st.convalesces)))
		for _, cv := range st.convalesces {
			b = wire.Bool(b, cv.rare)
			b = wire.Uint(b, uint64(cv.at))
			b = floats(b, cv.last...)
		}
	}
	return b
}

func (v *sliceEvidence) append(b []byte) []byte {
	for i := range bets {
		b = singles(b, v.m[i])
		b = wire.Uint(b, uint64(v.panes[i]))
		if v.panes[i] > 0 {
			b = singles(b, v.w[i], v.shift[i], v.gap[i])
			b = wire.Uint(b, uint64(v.since[i]))
		}
	}
	return b
}

// singles are written as varints of their bits: many are 0.
func singles(b []byte, v ...float32) []byte {
	for _, x := range v {
		b = wire.Uint(b, uint64(math.Float32bits(x)))
	}
	return b
}

// ReadSlice makes the slice that AppendBinary wrote, of a parent with the same streams; weight is policy.
func ReadSlice(parent *Engine, weight float64, r *wire.Reader) (*Slice, error) {
	if f := r.Uint(); r.Err() == nil && f != sliceFormat {
		return nil, fmt.Errorf("read slice: unknown format %d, this build reads %d", f, sliceFormat)
	}
	in := reader{r}
	s := &Slice{name: r.String(), weight: weight, parent: parent, end: r.Int()}
	s.learnt, s.recovery = in.count(fewestPanes, math.MaxInt32), in.count(3, dayHours*60)
	last := -1
	for range r.Count(1 + 3 + 6*8 + bets*2) {
		c := sliceChannel{parent: in.parent(parent, &last, false)}
		c.mean, c.band, c.sigma = in.single(0, 1), in.single(0, math.MaxFloat32), in.single(1, math.MaxFloat32)
		c.level, c.variance, c.lag = in.finite(), in.within(0, math.MaxFloat64), in.finite()
		c.offset, c.cov, c.home = in.finite(), in.within(0, math.MaxFloat64), in.finite()
		c.evidence = in.evidence()
		s.channels = append(s.channels, c)
	}
	last = -1
	for range r.Count(1 + 1 + 1 + 3*8 + bets*2) {
		c := sliceRare{parent: in.parent(parent, &last, true), mean: in.single(0, 1), flipped: r.Bool()}
		c.low, c.high, c.dispersion = in.finite(), in.finite(), in.finite()
		if _, ok := stat.RestoreRare(c.low, c.high, c.dispersion, c.flipped, false); !ok {
			r.Fail(errNumber)
		}
		c.evidence = in.evidence()
		s.rares = append(s.rares, c)
	}
	if n := r.Uint(); r.Err() == nil && n != uint64(len(parent.streams)) {
		return nil, fmt.Errorf("read slice %s: %d streams, want %d", s.name, n, len(parent.streams))
	}
	s.streams = make([]sliceStream, len(parent.streams))
	for i := range s.streams {
		if r.Err() != nil {
			break
		}
		s.readStream(&s.streams[i], in)
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read slice: %w", err)
	}
	s.arrange()
	return s, nil
}

func (s *Slice) readStream(st *sliceStream, in reader) {
	if st.panes = uint32(in.count(0, math.MaxUint32)); st.panes == 0 {
		return
	}
	st.open = true
	for range in.Count(2 + 8*s.recovery) {
		cv := convalescent{rare: in.Bool()}
		of := len(s.channels)
		if cv.rare {
			of = len(s.rares)
		}
		if of == 0 {
			in.Fail(errNumber)
			return
		}
		cv.at = int32(in.count(0, uint64(of-1)))
		cv.last = in.floats(s.recovery)
		st.convalesces = append(st.convalesces, cv)
	}
	if len(st.convalesces) == 0 {
		in.Fail(errNumber)
	}
}

// parent reads the index of a channel that a slice may follow; they ascend.
func (r reader) parent(e *Engine, last *int, rare bool) int32 {
	at := r.Uint()
	if at >= uint64(len(e.channels)) || int(at) <= *last {
		r.Fail(errNumber)
		return 0
	}
	*last = int(at)
	if c := &e.channels[at]; c.cubeRoot() || c.measure == volume || rare && !c.share() || !rare && c.rare != nil {
		r.Fail(errNumber)
	}
	return int32(at)
}

// single reads what singles wrote.
func (r reader) single(lo, hi float32) float32 {
	bits := r.Uint()
	v := math.Float32frombits(uint32(bits))
	if bits > math.MaxUint32 || !(v >= lo && v <= hi) {
		r.Fail(errNumber)
		return lo
	}
	return v
}

func (r reader) evidence() (v sliceEvidence) {
	for i := range bets {
		v.m[i] = r.single(0, mostEvidence)
		if v.panes[i] = uint16(r.count(0, math.MaxUint16)); v.panes[i] > 0 {
			v.w[i] = r.single(0, math.MaxFloat32)
			v.shift[i], v.gap[i] = r.single(-math.MaxFloat32, math.MaxFloat32), r.single(-math.MaxFloat32, math.MaxFloat32)
			v.since[i] = uint32(r.count(0, math.MaxUint32))
		}
	}
	return v
}
