package sequential

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// Detectable is the smallest lasting change of a channel that a day would usually show.
type Detectable struct {
	Stream, Channel string
	Bin             int
	// Effect is on the channel's scale; for a share that is counted exactly, the share itself. +Inf: no change is found in a day.
	Effect float64
	Floor  float64 // smaller changes are not alarmed at
	// Change is what Effect comes to for a channel that is a share: by how much the share itself changes, 0..1; NaN of other channels, and where no change is
	// found.
	Change float64
}

// settle has the effect matter, and says what it is as a change of a share. rare is how the share is counted, if exactly.
func (d *Detectable) settle(c *channel, rare *stat.Rare) {
	d.Change = math.NaN()
	switch {
	case rare != nil:
		d.Floor = rare.High - c.mean
	case !c.cubeRoot():
		d.Effect = max(d.Effect, c.floor)
	}
	switch {
	case !c.share() || math.IsInf(d.Effect, 1):
	case rare != nil:
		d.Change = math.Abs(d.Effect - c.mean)
	default:
		rarer := min(c.mean, 1-c.mean) // the direction in which there is room
		if d.Change = stat.ShareAt(rarer, d.Effect) - rarer; d.Change < c.least {
			d.Change = c.least
			d.Effect = 2 * (math.Asin(math.Sqrt(min(rarer+c.least, 1))) - math.Asin(math.Sqrt(rarer)))
		}
	}
}

// Detectable says for every channel what it can't see: a blind spot is shown, not hidden. A bet of size lambda wins lambda z -
// lambda^2/2 a pane on average, and needs ln(c/w) in all.
func (e *Engine) Detectable() []Detectable { return e.DetectableIn(dayHours) }

// DetectableIn says the same of so many hours.
func (e *Engine) DetectableIn(hours float64) []Detectable {
	out := make([]Detectable, 0, len(e.channels))
	panes := int(math.Round(hours / e.Usual()))
	for i := range e.channels {
		c := &e.channels[i]
		d := Detectable{Stream: e.spec.Streams[c.stream].Name, Channel: c.measure.String(), Bin: c.bin, Effect: math.Inf(1), Floor: c.floor}
		for b := range sizes { // changes upwards; downwards is the same, but for shares that are counted exactly
			if c.weights[b] == 0 || panes < 1 {
				continue
			}
			if need := math.Log(e.rules.threshold / (c.weights[b] * e.Usual())); need <= mostPerPane*float64(panes) {
				d.Effect = min(d.Effect, c.winning(b, panes, need, &e.rules))
			}
		}
		d.settle(c, c.rare)
		out = append(out, d)
	}
	return out
}

// settled is how many panes it takes a filter to forget how it began.
const settled = 100

// Detectable says the same of a slice, whose panes are usually hours long and hold so many events. What the filter will have taken for wander is computed,
// for a slice doesn't keep it.
func (s *Slice) Detectable(hours, events float64) []Detectable {
	weights := s.channelWeights()
	panes := int(math.Round(dayHours / hours))
	var out []Detectable
	add := func(parent int32, as channel) {
		c := &s.parent.channels[parent]
		as.figure, as.size = c.figure, events
		d := Detectable{Stream: s.parent.spec.Streams[c.stream].Name, Channel: c.measure.String(), Bin: c.bin, Effect: math.Inf(1), Floor: c.floor}
		w := as.weigh(weights[c.stream], &s.rules)
		for b := range sizes {
			if w[b] == 0 || panes < 1 {
				continue
			}
			if need := math.Log(s.rules.threshold / (w[b] * hours)); need <= mostPerPane*float64(panes) {
				d.Effect = min(d.Effect, as.winning(b, panes, need, &s.rules))
			}
		}
		d.settle(c, as.rare)
		out = append(out, d)
	}
	for i := range s.channels {
		sc := &s.channels[i]
		c := &s.parent.channels[sc.parent]
		n := null{wander: c.null.wander, sigma: float64(sc.sigma)}
		event := 0.
		if c.smoothed() {
			event = c.null.event[0]
		}
		noise, w := c.noise(reading{n: events}, event), n.wander
		f := filter{variance: w.Tau2}
		for range settled {
			ahead := w.Rho*w.Rho*f.variance + w.Tau2*(1-w.Rho*w.Rho)
			f.scale = math.Sqrt(ahead + noise)
			f.variance = ahead * noise / (ahead + noise)
		}
		add(sc.parent, channel{null: n, filter: f})
	}
	for i := range s.rares {
		r := s.rares[i].test(&s.parent.channels[s.rares[i].parent])
		add(s.rares[i].parent, channel{rare: &r})
	}
	return out
}

// Learnt is how many panes the slice was learnt from.
func (s *Slice) Learnt() int { return s.learnt }

// Usual is how long a pane of the history was on average, in hours.
func (e *Engine) Usual() float64 { return e.hours / float64(e.learnt) }

// winning is the change at which bet b wins need nats over so many panes on average.
func (c *channel) winning(b, panes int, need float64, r *rules) float64 {
	if c.rare != nil {
		n := max(c.size, 1)
		slope := c.rare.LogRatio(n, n, true, b) - c.rare.LogRatio(0, n, true, b)
		if c.rare.Flipped {
			slope = -slope
		}
		return min(max((need/float64(panes)-c.rare.LogRatio(0, n, true, b))/slope, 0), 1)
	}
	// What the filter takes for wander, it takes from the evidence: of a lasting change of 1 it has believed level by the next pane.
	rho := c.null.wander.Rho
	gain := (rho*rho*c.filter.variance + c.null.wander.Tau2*(1-rho*rho)) / (c.filter.scale * c.filter.scale)
	seen, level := 0., 0.
	for range panes {
		seen += 1 - level
		level = rho * (level + gain*(1-level))
	}
	lambda := sizesOfBets[b]
	shift := (need + float64(panes)*(r.penalty[b]+lambda*lambda/2)) / (lambda * seen) * math.Sqrt(inflation) * c.null.sigma * c.filter.scale
	if c.cubeRoot() {
		y := 1 + shift
		return c.degrees * (y*y*y - 1) / max(c.size, 1)
	}
	return shift
}

// Growing says of a stream of one channel that is no exactly counted share by how much a day its reading must grow, on the channel's scale, to be found within
// so many hours: the evidence is that of the panes at the end of them, from whichever on it is most. +Inf: no growth is found in that time.
func (e *Engine) Growing(stream int, hours float64) float64 {
	c := &e.channels[e.streams[stream].first]
	least := math.Inf(1)
	panes := int(hours / e.Usual())
	if c.rare != nil {
		return least
	}
	rho := c.null.wander.Rho
	gain := (rho*rho*c.filter.variance + c.null.wander.Tau2*(1-rho*rho)) / (c.filter.scale * c.filter.scale)
	seen, level := make([]float64, panes), 0. // of a growth of 1 a pane: what the filter has not taken for wander
	for i := range seen {
		seen[i] = float64(i) + 0.5 - level
		level = rho * (level + gain*seen[i])
	}
	for b := range sizes {
		if c.weights[b] == 0 {
			continue
		}
		need := math.Log(e.rules.threshold / (c.weights[b] * e.Usual()))
		lambda, sum := sizesOfBets[b], 0.
		for n := 1; n <= panes; n++ {
			sum += seen[panes-n]
			if need > mostPerPane*float64(n) {
				continue
			}
			perPane := (need + float64(n)*(e.rules.penalty[b]+lambda*lambda/2)) / (lambda * sum) * math.Sqrt(inflation) * c.null.sigma * c.filter.scale
			least = min(least, perPane*dayHours/e.Usual())
		}
	}
	return least
}

// Evidence is how a stream stands.
type Evidence struct {
	Stream string
	Open   bool
	// Counted is the evidence of changes that matter, Whole of all: where Whole is above Needed and Counted below, a change is real
	// but too small to matter.
	Counted, Whole, Needed float64
}

// Standing says how every stream stands after the last pane.
func (e *Engine) Standing() []Evidence {
	out := make([]Evidence, len(e.streams))
	for s := range e.streams {
		st := &e.streams[s]
		out[s] = Evidence{Stream: e.spec.Streams[s].Name, Open: st.open, Needed: e.rules.threshold}
		for i := st.first; i < st.last; i++ {
			c := &e.channels[i]
			v := c.evidence.standing(c.floor, c.least)
			out[s].Counted += v.gated
			out[s].Whole += v.whole
		}
	}
	return out
}
