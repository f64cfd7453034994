package sequential

import (
	"errors"
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// stateFormat is the number of the format that is written. Those before it are read, too: 2 lacks channel.mixed, 1 also channel.moved.
const stateFormat = 3

// AppendBinary writes all that the engine has learnt and holds. The Spec isn't in it.
func (e *Engine) AppendBinary(b []byte) []byte {
	b = wire.Uint(b, stateFormat)
	b = wire.Float(b, e.hours)
	b = wire.Int(b, e.end)
	b = wire.Uint(b, uint64(len(e.season)))
	for _, t := range e.season {
		b = wire.Uint(b, uint64(t))
	}
	b = wire.Uint(b, uint64(e.recovery))
	b = wire.Uint(b, uint64(e.learnt))
	b = wire.Uint(b, uint64(len(e.streams)))
	for s := range e.streams {
		b = e.appendStream(b, &e.streams[s])
	}
	return b
}

func (e *Engine) appendStream(b []byte, st *stream) []byte {
	b = wire.Uint(b, uint64(st.layout.kind))
	b = wire.Uint(b, uint64(len(st.layout.bins)))
	for _, n := range st.layout.bins {
		b = wire.Uint(b, uint64(n))
	}
	b = wire.Float(b, st.layout.size)
	b = wire.Bool(b, st.open)
	b = wire.Uint(b, uint64(st.panes))
	own := e.channels[st.first:st.last]
	for _, c := range st.layout.figures() {
		kept := len(own) > 0 && own[0].measure == c.measure && own[0].bin == c.bin
		b = wire.Bool(b, kept)
		if kept {
			b = own[0].append(b, st.open)
			own = own[1:]
		}
	}
	return b
}

func (c *channel) append(b []byte, open bool) []byte {
	b = wire.Float(b, c.mean)
	b = wire.Float(b, c.size)
	b = wire.Bool(b, c.rare != nil)
	if c.rare != nil {
		b = floats(b, c.rare.Low, c.rare.High, c.rare.Dispersion)
		b = wire.Bool(b, c.rare.Flipped)
	} else {
		n, f := &c.null, &c.filter
		b = floats(b, n.wander.Rho, n.wander.Tau2, n.wander.Sigma2, n.sigma, n.band)
		b = floats(b, n.tails[:]...)
		b = floats(b, n.fit...)
		b = floats(b, n.event...)
		b = floats(b, f.level, f.variance, f.scale)
		b = floats(b, f.lag...)
		b = floats(b, f.beta...)
		b = floats(b, f.cov...)
	}
	if c.measure == omnibus {
		b = wire.Bool(b, c.mixed)
	}
	b = c.evidence.append(b)
	if open {
		b = wire.Float(b, c.moved)
	}
	b = wire.Bool(b, c.convalesces != nil)
	return floats(b, c.convalesces...)
}

func (e *evidence) append(b []byte) []byte {
	for i := range bets {
		b = wire.Float(b, e.m[i])
		b = wire.Uint(b, uint64(e.panes[i]))
		if e.panes[i] > 0 {
			b = floats(b, e.w[i], e.shift[i], e.gap[i])
			b = wire.Int(b, e.since[i])
		}
	}
	return b
}

// AppendBinary writes where the pane that is being gathered lies. Its counts aren't in it.
func (g *Gather) AppendBinary(b []byte) []byte {
	b = wire.Int(wire.Int(b, g.open.Start), g.open.End)
	return floats(b, g.open.Season[:]...)
}

// ReadGather makes the Gather that AppendBinary wrote, which holds n events and these counts. Where no pane has begun, there are no events, and counts
// don't matter; a pane without events has begun all the same.
func ReadGather(r *wire.Reader, n int64, counts []Counts) (*Gather, error) {
	g := &Gather{open: Pane{Start: r.Int(), End: r.Int(), N: n}}
	copy(g.open.Season[:], reader{r}.floats(terms))
	o, begun := &g.open, g.open.Season != [terms]float64{}
	if begun && len(counts) > 0 {
		o.Counts = make([]Counts, len(counts))
		if err := addCounts(o.Counts, counts); err != nil {
			return nil, err
		}
	}
	if r.Err() == nil && (o.End < o.Start || o.N < 0 || begun != (o.Counts != nil) || begun && !(o.Season[0] > 0 && o.End > o.Start) || !begun && o.N > 0) {
		r.Fail(errNumber)
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read gathered pane: %w", err)
	}
	return g, nil
}

// Begun reports whether a pane is being gathered.
func (g *Gather) Begun() bool { return g.open.Counts != nil }

func floats(b []byte, v ...float64) []byte {
	for _, x := range v {
		b = wire.Float(b, x)
	}
	return b
}

var (
	errNumber = errors.New("a number no engine holds")
	errSeason = errors.New("seasonal terms out of order")
)

// Read makes the engine that AppendBinary wrote, under a Spec with the same streams. Budget, weights, floors and calendar may be others:
// they are a matter of policy.
func Read(spec Spec, r *wire.Reader) (*Engine, error) {
	if err := spec.check(); err != nil {
		return nil, fmt.Errorf("read engine: %w", err)
	}
	format := r.Uint()
	if r.Err() == nil && (format < 1 || format > stateFormat) {
		return nil, fmt.Errorf("read engine: unknown format %d, this build reads 1 to %d", format, stateFormat)
	}
	in := reader{r}
	e := &Engine{spec: spec, hours: in.within(1e-9, 1e9), end: r.Int(), streams: make([]stream, len(spec.Streams))}
	for range r.Count(1) {
		t := r.Uint()
		if t >= terms || len(e.season) == 0 && t != 0 || len(e.season) > 0 && int(t) <= e.season[len(e.season)-1] {
			r.Fail(errSeason)
			break
		}
		e.season = append(e.season, int(t))
	}
	e.recovery = in.count(3, dayHours*60)
	e.learnt = in.count(fewestPanes, math.MaxInt32)
	if n := r.Uint(); r.Err() == nil && (n != uint64(len(spec.Streams)) || len(e.season) == 0) {
		return nil, fmt.Errorf("read engine: %d streams with %d seasonal terms, want %d with one at least", n, len(e.season), len(spec.Streams))
	}
	for s := range spec.Streams {
		if r.Err() != nil {
			break
		}
		e.readStream(s, in, format)
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read engine: %w", err)
	}
	e.arrange()
	return e, nil
}

func (e *Engine) readStream(s int, in reader, format uint64) {
	st := &e.spec.Streams[s]
	if kind := in.Uint(); kind != uint64(st.Kind) {
		in.Fail(fmt.Errorf("stream %s is of kind %d, want %d", st.Name, kind, st.Kind))
		return
	}
	var bins []int64
	for range in.Count(1) {
		n := in.Uint()
		if n > math.MaxInt64/1024 {
			in.Fail(errNumber)
			return
		}
		bins = append(bins, int64(n))
	}
	if st.Kind > Categorical && len(bins) > 0 || len(bins) > mostBins {
		in.Fail(errNumber)
		return
	}
	l := newLayout(st.Kind, bins, in.within(0, 1e18))
	out := stream{layout: l, first: len(e.channels), open: in.Bool(), panes: uint32(in.count(0, math.MaxUint32))}
	for _, f := range l.figures() {
		if !in.Bool() {
			if !f.share() {
				in.Fail(errNumber)
			}
			continue
		}
		c := channel{figure: f, stream: s}
		e.readChannel(&c, in, format, out.open)
		c.asks(st.Floors)
		if in.Err() != nil {
			return
		}
		if (c.convalesces != nil) && !out.open {
			in.Fail(errNumber)
		}
		e.channels = append(e.channels, c)
	}
	out.last = len(e.channels)
	if out.open != (out.panes > 0) {
		in.Fail(errNumber)
	}
	e.streams[s] = out
}

func (e *Engine) readChannel(c *channel, in reader, format uint64, open bool) {
	p := len(e.season)
	c.mean, c.size = in.finite(), in.within(0, 1e18)
	if in.Bool() {
		low, high, dispersion := in.finite(), in.finite(), in.finite()
		rare, ok := stat.RestoreRare(low, high, dispersion, in.Bool(), c.measure.twosided())
		if !ok || !c.share() {
			in.Fail(errNumber)
		}
		c.rare = &rare
	} else {
		if c.share() && !(c.mean >= 0 && c.mean <= 1) {
			in.Fail(errNumber)
		}
		n, f := &c.null, &c.filter
		n.wander = stat.Wander{Rho: in.within(0, 1), Tau2: in.within(0, math.MaxFloat64), Sigma2: in.within(1, math.MaxFloat64)}
		n.sigma, n.band = in.within(1, math.MaxFloat64), in.within(0, math.MaxFloat64)
		for i := range n.tails {
			n.tails[i] = in.within(0, math.MaxFloat64)
		}
		n.fit = in.floats(p)
		if c.smoothed() {
			n.event = in.floats(p)
		}
		f.started = true
		f.level, f.variance, f.scale = in.finite(), in.within(0, math.MaxFloat64), in.within(0, math.MaxFloat64)
		f.lag, f.beta, f.cov = in.floats(p), in.floats(p), in.floats(p*(p+1)/2)
	}
	c.mixed = c.measure == omnibus && format > 2 && in.Bool()
	for i := range bets {
		v := &c.evidence
		v.m[i] = in.within(0, mostEvidence)
		if v.panes[i] = uint32(in.count(0, math.MaxUint32)); v.panes[i] > 0 {
			v.w[i], v.shift[i], v.gap[i] = in.within(0, math.MaxFloat64), in.finite(), in.finite()
			v.since[i] = in.Int()
		}
	}
	if open && format > 1 {
		c.moved = in.finite()
	}
	if in.Bool() {
		c.convalesces = in.floats(e.recovery)
	}
}

// reader reads numbers and refuses those that no engine holds.
type reader struct{ *wire.Reader }

func (r reader) finite() float64 { return r.within(-math.MaxFloat64, math.MaxFloat64) }

func (r reader) within(lo, hi float64) float64 {
	v := r.Float()
	if !(v >= lo && v <= hi) {
		r.Fail(errNumber)
		return lo
	}
	return v
}

func (r reader) count(lo, hi uint64) int {
	v := r.Uint()
	if v < lo || v > hi {
		r.Fail(errNumber)
		return int(lo)
	}
	return int(v)
}

// floats reads n numbers; n is small.
func (r reader) floats(n int) []float64 {
	if r.Len() < 8*n {
		r.Fail(wire.ErrShort)
		return make([]float64, n)
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = r.finite()
	}
	return out
}
