package sequential

import (
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// Slice decides about one slice of a model: the events of one region, one product. It has panes of its own, and of its parent's channels
// location, scale and the shares. It inherits the parent's null (season, wander, sampling variance, tails) and knows of itself only by how
// much it differs from it: a level and a scatter. So there can be many.
//
// Cube roots of chi-squares are left out: a slice differs from the whole in shape for good, and that is no drift. A slice of which a
// stream drifts in shape alone is seen in the whole, or not at all.
type Slice struct {
	name     string
	weight   float64 // of the budget
	parent   *Engine
	end      int64
	learnt   int // panes of the history
	recovery int
	rules    rules
	tails    float64 // what the parent's tails are multiplied by, for a history of another length
	streams  []sliceStream
	channels []sliceChannel
	rares    []sliceRare

	season []float64
}

// sliceStream is a stream of the parent in the slice.
type sliceStream struct {
	open        bool
	panes       uint32
	convalesces []convalescent
}

// convalescent is a channel for whose sake a stream is open.
type convalescent struct {
	at   int32 // of Slice.channels, or of Slice.rares
	rare bool
	last []float64
}

// sliceChannel is a channel with a filter of one unknown, the slice's level above the parent's profile. Its size is bounded: see its test.
type sliceChannel struct {
	parent   int32   // of parent.channels
	mean     float32 // the slice's own share
	band     float32
	sigma    float32
	level    float64 // as in filter, with a single regressor, the constant
	variance float64
	lag      float64
	offset   float64
	cov      float64
	home     float64 // the offset of the history
	evidence sliceEvidence
}

// sliceRare is a share that is counted exactly.
type sliceRare struct {
	parent     int32
	mean       float32 // the slice's own share
	flipped    bool
	low, high  float64
	dispersion float64
	evidence   sliceEvidence
}

// sliceEvidence is evidence in fewer bytes: it needs no more digits, and hours since 1970 no more bits. What a pane pays in for a bet that
// has won a million times as much is lost in rounding, which is on the safe side.
type sliceEvidence struct {
	m, w       [bets]float32
	shift, gap [bets]float32
	since      [bets]uint32
	panes      [bets]uint16
}

// LearnSlice makes the slice of a model from the slice's own history, by the parent's streams. weight is its share of the budget; with
// the weights of all streams and slices it sums to at most 1.
func LearnSlice(parent *Engine, name string, weight float64, history []Pane) (*Slice, error) {
	last := int64(math.MinInt64)
	if n := len(history); n > 0 {
		last = history[n-1].End
	}
	history = parent.spec.ordinary(history)
	if len(history) < fewestPanes {
		return nil, fmt.Errorf("learn slice %s from %d panes: want %d at least", name, len(history), fewestPanes)
	}
	s := &Slice{name: name, weight: weight, parent: parent, learnt: len(history), streams: make([]sliceStream, len(parent.streams))}
	s.arrange()
	hours := make([]float64, len(history))
	for t := range history {
		if err := parent.fits(&history[t]); err != nil {
			return nil, fmt.Errorf("learn slice %s from pane %d: %w", name, t, err)
		}
		hours[t] = history[t].Hours()
	}
	s.end = last
	s.recovery = int(max(3, math.Ceil(dayHours/median(hours))))
	rows := parent.regressors(history)
	values := make([][]reading, len(history))
	for t := range history {
		values[t] = parent.raw(&history[t])
	}
	for i := range parent.channels {
		c := &parent.channels[i]
		switch {
		case c.cubeRoot() || c.measure == volume:
		case c.share():
			s.learnShare(i, rows, values)
		default:
			own := make([]reading, len(history))
			for t := range values {
				own[t] = values[t][i]
			}
			s.learnChannel(i, 0, rows, own)
		}
	}
	return s, nil
}

// settle is how many panes of its history a slice takes to find its level.
const settle = 2

// arrange makes the slice's rules: those of its parent, but for what the length of the history decides.
func (s *Slice) arrange() {
	of := &s.parent.rules
	s.rules = newRules(of.threshold, min(of.residuals, s.learnt-settle), of.channels)
	s.tails = float64(s.rules.residuals) / float64(of.residuals)
}

// fits refuses a pane of other streams or bins.
func (e *Engine) fits(p *Pane) error {
	if err := p.check(e.spec.Streams); err != nil {
		return err
	}
	for s := range e.streams {
		if l := &e.streams[s].layout; len(p.Counts[s].Bins) != len(l.bins) {
			return fmt.Errorf("stream %s has %d bins, want %d", e.spec.Streams[s].Name, len(p.Counts[s].Bins), len(l.bins))
		}
	}
	return nil
}

// raw are the readings of a pane with shares as counts.
func (e *Engine) raw(p *Pane) []reading {
	out := make([]reading, len(e.channels))
	e.readings(p, out)
	for i := range e.channels {
		if c := &e.channels[i]; c.share() {
			out[i].x, out[i].n = c.pair(&p.Counts[c.stream])
		}
	}
	return out
}

// learnShare decides by the slice's own counts whether a share is normal enough there. What the whole counts exactly, the slice does too.
func (s *Slice) learnShare(i int, rows [][]float64, values [][]reading) {
	c := &s.parent.channels[i]
	f := s.parent.spec.Streams[c.stream].Floors
	own := make([]reading, len(values))
	counts, sizes := make([]float64, len(values)), make([]float64, len(values))
	var k0, n0 float64
	for t := range values {
		own[t] = values[t][i]
		counts[t], sizes[t] = own[t].x, own[t].n
		k0 += own[t].x
		n0 += own[t].n
	}
	if n0 < 1 {
		return
	}
	share := k0 / n0
	if c.rare == nil && min(share, 1-share)*median(sizes) >= fewestExpected {
		for t := range own {
			own[t].x = stat.CohenH(own[t].x, own[t].n, c.mean)
		}
		s.learnChannel(i, share, rows, own)
		return
	}
	floor := stat.RareFloor{H: f.H, Share: f.Rate}
	if c.measure == unseen {
		// A dictionary is the whole's: so is what it lets one expect.
		k0 = max(k0, c.mean*n0)
	}
	if c.measure == unseen || c.measure == below || c.measure == above {
		floor.Share /= 5
	}
	if r, ok := stat.NewRare(min(k0, n0), n0, counts, sizes, floor, c.measure.twosided()); ok {
		s.rares = append(s.rares, sliceRare{parent: int32(i), mean: float32(share), flipped: r.Flipped, low: r.Low, high: r.High, dispersion: r.Dispersion})
	}
}

// learnChannel runs a channel's filter through the slice's history.
func (s *Slice) learnChannel(i int, share float64, rows [][]float64, own []reading) {
	c := &s.parent.channels[i]
	x := make([]float64, len(own))
	for t, r := range own {
		x[t] = r.x - dot(c.null.fit, rows[t])
	}
	sc := sliceChannel{parent: int32(i), mean: float32(share), sigma: 1, offset: x[0], variance: c.null.wander.Tau2, home: mean(x)}
	sc.cov = 1e4 * (variance(x) + 1e-12)
	away := make([]float64, len(x))
	var ss float64
	residuals := make([]float64, 0, len(x))
	for t := range x {
		away[t] = x[t] - sc.home
		z, _ := sc.step(c, x[t], c.noise(own[t], dot(c.null.event, rows[t])), t > 0, false)
		if t >= settle {
			ss += z * z / float64(len(x)-settle)
			residuals = append(residuals, z)
		}
	}
	sc.sigma = float32(math.Sqrt(max(ss, 1) * stat.Persistence(residuals)))
	sc.band = float32(max(c.floor, 2*rollingSD(away, min(s.recovery, max(len(x)/4, 1)))))
	s.channels = append(s.channels, sc)
}

// step is filter.step with the constant as the only regressor, on what the parent's profile leaves.
func (sc *sliceChannel) step(c *channel, x, noise float64, started, frozen bool) (z, deviation float64) {
	w := c.null.wander
	deviation = x - sc.offset
	sc.level *= w.Rho
	if started {
		sc.variance = w.Rho*w.Rho*sc.variance + w.Tau2*(1-w.Rho*w.Rho)
	}
	s := sc.variance + noise
	gain := sc.variance / s
	e := x - sc.level
	sc.level += gain * e
	sc.variance *= 1 - gain
	d := 1 - w.Rho*sc.lag
	sc.lag = w.Rho*sc.lag + gain*d
	sd := math.Sqrt(s)
	white := d / sd
	innovation := e/sd - white*sc.offset
	spread := 1 + white*sc.cov*white
	if !frozen {
		k := sc.cov * white / spread
		sc.offset += k * innovation
		sc.cov -= k * white * sc.cov
	}
	return innovation / math.Sqrt(spread), deviation
}

// Advance takes the slice's next pane.
func (s *Slice) Advance(p *Pane) (Step, error) {
	e := s.parent
	if err := e.fits(p); err != nil {
		return Step{}, fmt.Errorf("advance slice %s: %w", s.name, err)
	}
	if p.Start < s.end {
		return Step{}, fmt.Errorf("advance slice %s: a pane from %d on, but %d is passed", s.name, p.Start, s.end)
	}
	s.end = p.End
	if e.spec.declared(p) {
		for i := range s.channels {
			sc := &s.channels[i]
			w := e.channels[sc.parent].null.wander
			sc.level *= w.Rho
			sc.lag *= w.Rho
			sc.variance = w.Rho*w.Rho*sc.variance + w.Tau2*(1-w.Rho*w.Rho)
		}
		return Step{}, nil
	}
	if s.season == nil {
		s.season = make([]float64, len(e.season))
	}
	e.pick(p, s.season)
	values := e.raw(p)
	weights := s.channelWeights()
	for i := range s.channels {
		s.observe(i, p, values, weights)
	}
	for i := range s.rares {
		s.observeRare(i, p, values, weights)
	}
	return s.decide(p, values), nil
}

// channelWeights is each stream's weight per channel: the slice's is split over streams as the parent's is, then evenly.
func (s *Slice) channelWeights() []float64 {
	e := s.parent
	out, of, sum := make([]float64, len(e.streams)), make([]float64, len(e.streams)), 0.
	for i := range s.channels {
		of[e.channels[s.channels[i].parent].stream]++
	}
	for i := range s.rares {
		of[e.channels[s.rares[i].parent].stream]++
	}
	for i, n := range of {
		if n > 0 {
			out[i] = e.spec.Streams[i].Weight
			sum += out[i]
		}
	}
	for i := range out {
		if out[i] > 0 {
			out[i] *= s.weight / sum / of[i]
		}
	}
	return out
}

// value is a channel's reading above the parent's profile.
func (s *Slice) value(sc *sliceChannel, values []reading) (x float64, r reading) {
	c := &s.parent.channels[sc.parent]
	r = values[sc.parent]
	if c.share() {
		r.x = stat.CohenH(r.x, r.n, c.mean)
	}
	return r.x - dot(c.null.fit, s.season), r
}

func (s *Slice) observe(i int, p *Pane, values []reading, weights []float64) {
	sc := &s.channels[i]
	c := &s.parent.channels[sc.parent]
	x, r := s.value(sc, values)
	open := s.streams[c.stream].open
	z, effect := sc.step(c, x, c.noise(r, dot(c.null.event, s.season)), true, open)
	if open || s.parent.Phase() == Learning {
		return
	}
	gap := 0.
	if c.share() {
		gap = stat.ShareAt(float64(sc.mean), effect) - float64(sc.mean)
	}
	tails := c.null.tails
	for j := range tails {
		tails[j] *= s.tails
	}
	lnL := s.rules.bet(z/float64(sc.sigma), &tails)
	w := (&channel{figure: c.figure}).weigh(weights[c.stream], &s.rules)
	sc.evidence.add(&lnL, &w, p.Hours(), effect, gap, p.Start)
}

func (s *Slice) observeRare(i int, p *Pane, values []reading, weights []float64) {
	sr := &s.rares[i]
	c := &s.parent.channels[sr.parent]
	r := values[sr.parent]
	if s.streams[c.stream].open || s.parent.Phase() == Learning || r.n == 0 { // no event says nothing of a share
		return
	}
	rare := sr.test(c)
	lnL := betRare(&rare, r.x, r.n)
	w := (&channel{figure: c.figure, rare: &rare}).weigh(weights[c.stream], &s.rules)
	effect, _ := rare.Deviation(r.x, r.n)
	sr.evidence.add(&lnL, &w, p.Hours(), effect, r.x/r.n-float64(sr.mean), p.Start)
}

func (sr *sliceRare) test(c *channel) stat.Rare {
	r, _ := stat.RestoreRare(sr.low, sr.high, sr.dispersion, sr.flipped, c.measure.twosided())
	return r
}

// add and standing widen the evidence for one pane: the rules are those of the whole.
func (v *sliceEvidence) add(lnL, weights *[bets]float64, hours, effect, gap float64, start int64) {
	e := v.wide()
	e.add(lnL, weights, hours, effect, gap, start)
	for i := range bets {
		v.m[i], v.w[i] = float32(e.m[i]), float32(e.w[i])
		v.shift[i], v.gap[i] = float32(e.shift[i]), float32(e.gap[i])
		v.since[i] = uint32(max(e.since[i], 0) / hour)
		v.panes[i] = uint16(min(e.panes[i], math.MaxUint16))
	}
}

func (v *sliceEvidence) wide() (e evidence) {
	for i := range bets {
		e.m[i], e.w[i] = float64(v.m[i]), float64(v.w[i])
		e.shift[i], e.gap[i], e.panes[i] = float64(v.shift[i]), float64(v.gap[i]), uint32(v.panes[i])
		e.since[i] = int64(v.since[i]) * hour
	}
	return e
}

// Name is the slice's.
func (s *Slice) Name() string { return s.name }

// Govern follows the parent to another Spec, under which the slice has this weight.
func (s *Slice) Govern(weight float64) {
	s.weight = weight
	s.arrange()
}

// Close lets an open stream be judged anew, as if it had come to rest: for a slice that was held to have moved with the whole, once the whole
// has come to rest.
func (s *Slice) Close(stream string) {
	for i := range s.streams {
		if s.parent.spec.Streams[i].Name == stream {
			s.rest(i)
		}
	}
}

// rest closes a stream, as the whole's filters come to rest.
func (s *Slice) rest(stream int) {
	s.streams[stream] = sliceStream{}
	for i := range s.channels {
		sc := &s.channels[i]
		if c := &s.parent.channels[sc.parent]; c.stream == stream {
			sc.level, sc.lag, sc.variance = 0, 0, c.null.wander.Tau2
		}
	}
}

// decide alarms stream by stream: the sum over streams is the whole's.
func (s *Slice) decide(p *Pane, values []reading) (out Step) {
	s.recover(p.End, values, &out)
	e := s.parent
	type found struct {
		sum, most float64
		best      convalescent
	}
	sums := make([]found, len(e.streams))
	take := func(stream int, g float64, at int, rare bool) {
		f := &sums[stream]
		f.sum += g
		if g > f.most {
			f.most, f.best = g, convalescent{at: int32(at), rare: rare}
		}
	}
	for i := range s.channels {
		c := &e.channels[s.channels[i].parent]
		v := s.channels[i].evidence.wide()
		take(c.stream, v.standing(c.floor, c.least).gated, i, false)
	}
	for i := range s.rares {
		v := s.rares[i].evidence.wide()
		take(e.channels[s.rares[i].parent].stream, v.standing(math.Inf(-1), math.Inf(-1)).gated, i, true)
	}
	for i := range sums {
		if f := &sums[i]; f.sum >= s.rules.threshold && !s.streams[i].open {
			out.Alarms = append(out.Alarms, s.raise(i, f.sum, f.best, p, values))
		}
	}
	return out
}

func (s *Slice) raise(stream int, sum float64, best convalescent, p *Pane, values []reading) Alarm {
	e := s.parent
	a := Alarm{Stream: e.spec.Streams[stream].Name, Slice: s.name, At: p.End, Evidence: sum, Needed: s.rules.threshold, Phase: e.Phase()}
	v, c := s.rareOrNot(best)
	floor, least := c.floor, c.least
	if best.rare {
		floor, least = math.Inf(-1), math.Inf(-1)
	}
	bet := v.standing(floor, least).best
	a.Channel, a.Bin, a.Onset, a.Effect = c.measure.String(), c.bin, v.since[bet], v.effect(bet)
	best.last = make([]float64, s.recovery)
	best.last[s.recovery-1] = s.away(best, values)
	switch {
	case best.rare:
		a.Before = float64(s.rares[best.at].mean)
		a.Now = a.Before + v.change(bet)
		a.Moved = a.Now - a.Before
	case c.share():
		a.Before, a.Now = s.told(best, values)
		mean := float64(s.channels[best.at].mean)
		a.Moved = stat.ShareAt(mean, a.Effect) - mean
	default:
		if c.measure == spread {
			a.Before, a.Now = s.told(best, values)
		}
		a.Moved = a.Effect
		_, r := s.value(&s.channels[best.at], values)
		a.Noise = float64(s.channels[best.at].sigma) * math.Sqrt(c.noise(r, dot(c.null.event, s.season)))
	}
	if c.share() {
		p := max(a.Now, a.Before)
		a.Noise = math.Sqrt(p * (1 - p) / max(values[s.parentOf(best)].n, 1))
	}
	for i := range s.channels {
		if e.channels[s.channels[i].parent].stream == stream {
			s.channels[i].evidence = sliceEvidence{}
		}
	}
	for i := range s.rares {
		if e.channels[s.rares[i].parent].stream == stream {
			s.rares[i].evidence = sliceEvidence{}
		}
	}
	s.streams[stream] = sliceStream{open: true, panes: 1, convalesces: []convalescent{best}}
	return a
}

// told is what was expected of a channel in a pane, and what it was, as people are told it.
func (s *Slice) told(at convalescent, values []reading) (before, now float64) {
	sc := &s.channels[at.at]
	c := &s.parent.channels[sc.parent]
	x, r := s.value(sc, values)
	return c.told(r.x-(x-sc.home), 0), c.told(r.x, r.n)
}

// parentOf is which of the parent's channels it is.
func (s *Slice) parentOf(at convalescent) int32 {
	if at.rare {
		return s.rares[at.at].parent
	}
	return s.channels[at.at].parent
}

func (s *Slice) rareOrNot(at convalescent) (evidence, *channel) {
	if at.rare {
		r := &s.rares[at.at]
		return r.evidence.wide(), &s.parent.channels[r.parent]
	}
	c := &s.channels[at.at]
	return c.evidence.wide(), &s.parent.channels[c.parent]
}

// away is how far a channel is from where it was in the history.
func (s *Slice) away(at convalescent, values []reading) float64 {
	if at.rare {
		sr := &s.rares[at.at]
		r := sr.test(&s.parent.channels[sr.parent])
		x, _ := r.Deviation(values[sr.parent].x, values[sr.parent].n)
		return x
	}
	sc := &s.channels[at.at]
	x, _ := s.value(sc, values)
	return x - sc.home
}

func (s *Slice) band(at convalescent) float64 {
	if !at.rare {
		return float64(s.channels[at.at].band)
	}
	sr := &s.rares[at.at]
	return (sr.high-max(sr.low, 0))/2 + 1e-9
}

// recover is the reversed test, as of the whole.
func (s *Slice) recover(now int64, values []reading, out *Step) {
	for i := range s.streams {
		st := &s.streams[i]
		if !st.open {
			continue
		}
		rested := true
		for j := range st.convalesces {
			cv := &st.convalesces[j]
			cv.last = append(slices.Delete(cv.last, 0, 1), s.away(*cv, values))
			rested = rested && math.Abs(mean(cv.last)) <= s.band(*cv)
		}
		if st.panes++; int(st.panes) < s.recovery || !rested {
			continue
		}
		s.rest(i)
		out.Recovered = append(out.Recovered, Recovery{Stream: s.parent.spec.Streams[i].Name, Slice: s.name, At: now})
	}
}
