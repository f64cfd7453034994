package sequential

import (
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// Engine decides about one model pane by pane. It belongs to one goroutine.
type Engine struct {
	spec     Spec
	hours    float64 // of the history learnt from
	learnt   int     // its panes
	end      int64   // of the last pane seen
	season   []int   // seasonal terms in use
	recovery int     // panes an open stream must have come to rest for
	rules    rules
	streams  []stream
	channels []channel // stream by stream

	values  []reading // of the last pane
	errors  []float64 // of its predictions, standardised
	scratch []float64
}

// stream is what belongs to one Spec.Streams.
type stream struct {
	layout      layout
	first, last int // Engine.channels[first:last]
	open        bool
	panes       uint32 // since it opened, that one included
}

// Alarm says that a stream drifted: no later change of mind about a pane takes it back.
type Alarm struct {
	Stream  string
	Slice   string  // "" for the whole
	Channel string  // that speaks loudest
	Bin     int     // of category
	At      int64   // end of the pane that decided
	Onset   int64   // start of the pane the change lies before, as far as the evidence can tell
	Effect  float64 // mean since then, on the channel's scale
	// Evidence is what was found, in hours of the budget, of a joint alarm by all its streams together; Needed what it took.
	Evidence, Needed float64
	// Before and Now are what was expected and what was, of a channel that is a share: of the pane that decided, the season's and the level's being expected; of one that
	// is counted exactly of the history and since the onset. Of the spread they are the variance, in that of the reference, of the pane that decided. Of other
	// channels both are 0.
	Before, Now float64
	// Moved is how far the slice moved on the scale of Engine.Open, of slices only: the effect, of a share the change of the share itself. Noise is how much
	// sampling alone scatters that in one pane, as a standard deviation.
	Moved, Noise float64
	Joint        bool // the model's streams together, of which this is one, though none alone
	Phase        Phase
}

// told is a reading of n events as people are told it: a share as such, the spread as a variance, in that of the reference. n is 0 for what was expected.
func (c *channel) told(x, n float64) float64 {
	if c.measure == spread {
		return max(1+math.Sqrt2*x, 0)
	}
	share := stat.ShareAt(c.mean, x)
	if n > 0 { // as it was counted: see stat.CohenH
		share = min(max((share*(n+0.75)-0.375)/n, 0), 1)
	}
	return share
}

// Recovery says that an alarmed stream has come to rest where it was before.
type Recovery struct {
	Stream string
	Slice  string // "" for the whole
	At     int64
}

// Step is what one pane brought.
type Step struct {
	Alarms    []Alarm
	Recovered []Recovery
}

// Advance takes the next pane. Panes come in order of time and follow one another.
func (e *Engine) Advance(p *Pane) (Step, error) {
	if err := e.fits(p); err != nil {
		return Step{}, fmt.Errorf("advance: %w", err)
	}
	if p.Start < e.end {
		return Step{}, fmt.Errorf("advance: a pane from %d on, but %d is passed", p.Start, e.end)
	}
	e.end = p.End
	if e.spec.declared(p) {
		for i := range e.channels {
			if c := &e.channels[i]; c.rare == nil {
				c.filter.pass(c.null.wander)
			}
		}
		return Step{}, nil
	}
	e.observe(p)
	return e.decide(p), nil
}

// readings takes every channel's reading of a pane.
func (e *Engine) readings(p *Pane, out []reading) {
	hours := p.Hours()
	for s := range e.streams {
		st := &e.streams[s]
		st.layout.read(e.channels[st.first:st.last], &p.Counts[s], hours, out[st.first:st.last])
	}
}

// observe turns a pane into evidence.
func (e *Engine) observe(p *Pane) {
	if e.values == nil {
		e.values, e.errors = make([]reading, len(e.channels)), make([]float64, len(e.channels))
		e.scratch = make([]float64, 3*len(e.season))
	}
	e.readings(p, e.values)
	k := len(e.season)
	season, hours := e.pick(p, e.scratch[:k]), p.Hours()
	learning := e.Phase() == Learning
	for i := range e.channels {
		c, r := &e.channels[i], e.values[i]
		open := e.streams[c.stream].open
		quiet := open || learning
		if open {
			c.moved = c.away(r, season)
		}
		if c.convalesces != nil {
			c.convalesces = append(c.convalesces[1:], c.moved)
		}
		var lnL [bets]float64
		var effect, gap float64
		if c.rare != nil {
			if quiet || r.n == 0 { // no event says nothing of a share
				continue
			}
			lnL = betRare(c.rare, r.x, r.n)
			effect, _ = c.rare.Deviation(r.x, r.n)
			gap = r.x/r.n - c.mean
		} else {
			// While the stream is open, what it does now must not become what is usual.
			z, deviation := c.filter.step(c.null.wander, r.x, c.noise(r, dot(c.null.event, season)), season, e.scratch[k:], open)
			e.errors[i] = z / c.null.sigma
			if quiet {
				continue
			}
			lnL = e.rules.bet(e.errors[i], &c.null.tails)
			effect = deviation
			if c.cubeRoot() {
				effect = c.divergence(r) - c.mean
			}
			if c.share() {
				gap = stat.ShareAt(c.mean, effect) - c.mean
			}
		}
		c.evidence.add(&lnL, &c.weights, hours, effect, gap, p.Start)
	}
}

// joint is the part of the threshold from which on a stream is a subject of an alarm of the model's streams together.
const joint = 0.05

// decide compares each stream's evidence with the threshold, and then the sum of what is left: streams that drift a little each.
func (e *Engine) decide(p *Pane) (out Step) {
	e.recover(p.End, &out)
	var rest float64
	c := e.rules.threshold
	gated := make([]float64, len(e.streams))
	for s := range e.streams {
		st := &e.streams[s]
		if st.open {
			continue
		}
		sum, best := e.weighed(st)
		switch {
		case sum >= c:
			out.Alarms = append(out.Alarms, e.raise(s, best, sum, p, false))
		default:
			gated[s] = sum
			rest += sum
		}
	}
	if rest < c || e.spec.Alone {
		return out
	}
	// If no stream holds as much, the largest is named.
	least := min(joint*c, slices.Max(gated))
	for s, g := range gated {
		switch {
		case g >= least && g > 0:
			_, best := e.weighed(&e.streams[s])
			out.Alarms = append(out.Alarms, e.raise(s, best, rest, p, true))
		case g > 0:
			e.reset(&e.streams[s])
		}
	}
	return out
}

// weighed is a stream's evidence that counts, and the channel that has most of it.
func (e *Engine) weighed(st *stream) (sum float64, best int) {
	most := -1.
	best = st.first
	for i := st.first; i < st.last; i++ {
		c := &e.channels[i]
		g := c.evidence.standing(c.floor, c.least).gated
		sum += g
		if g > most {
			most, best = g, i
		}
	}
	return sum, best
}

// raise opens a stream: it raises no further alarm until it has come to rest.
func (e *Engine) raise(s, best int, evidence float64, p *Pane, joint bool) Alarm {
	st, c := &e.streams[s], &e.channels[best]
	bet := c.evidence.standing(c.floor, c.least).best
	a := Alarm{
		Stream: e.spec.Streams[s].Name, Channel: c.measure.String(), Bin: c.bin, At: p.End, Onset: c.evidence.since[bet],
		Effect: c.evidence.effect(bet), Evidence: evidence, Needed: e.rules.threshold, Joint: joint, Phase: e.Phase(),
	}
	switch {
	case c.rare != nil:
		a.Before, a.Now = c.mean, c.mean+c.evidence.change(bet)
	case c.share() || c.measure == spread:
		r := e.values[best]
		a.Before, a.Now = c.told(r.x-c.away(r, e.scratch[:len(e.season)]), 0), c.told(r.x, r.n)
	}
	e.reset(st)
	st.open, st.panes = true, 1
	for i := st.first; i < st.last; i++ {
		e.channels[i].moved = e.channels[i].away(e.values[i], e.scratch[:len(e.season)])
	}
	c.convalesces = make([]float64, e.recovery)
	c.convalesces[e.recovery-1] = c.moved
	return a
}

func (e *Engine) reset(st *stream) {
	for i := st.first; i < st.last; i++ {
		e.channels[i].evidence.reset()
	}
}

// recover closes open streams whose alarming channels have on average been within their band of the history's profile: the test
// of the alarm, reversed.
func (e *Engine) recover(now int64, out *Step) {
	for s := range e.streams {
		st := &e.streams[s]
		if !st.open {
			continue
		}
		if st.panes++; int(st.panes) < e.recovery {
			continue
		}
		rested := true
		for i := st.first; i < st.last; i++ {
			if c := &e.channels[i]; c.convalesces != nil {
				rested = rested && math.Abs(mean(c.convalesces)) <= c.band()
			}
		}
		if !rested {
			continue
		}
		st.open, st.panes = false, 0
		for i := st.first; i < st.last; i++ {
			c := &e.channels[i]
			c.convalesces = nil
			if c.rare == nil {
				c.filter.rest(c.null.wander)
			}
		}
		out.Recovered = append(out.Recovered, Recovery{Stream: e.spec.Streams[s].Name, At: now})
	}
}

// band is how far from home a channel may be on average and count as recovered.
func (c *channel) band() float64 {
	if c.rare != nil {
		_, half := c.rare.Deviation(0, 1)
		return half + 1e-9
	}
	return c.null.band
}

// Govern puts the engine under another Spec with the same streams: budget, weights and calendar may change while evidence is held, and floors, but
// for what was learnt under the former ones (the intervals of shares that are counted exactly, and how far a stream may be from home).
func (e *Engine) Govern(spec Spec) error {
	if err := spec.check(); err != nil {
		return fmt.Errorf("govern: %w", err)
	}
	if len(spec.Streams) != len(e.spec.Streams) {
		return fmt.Errorf("govern: %d streams, want %d", len(spec.Streams), len(e.spec.Streams))
	}
	for i := range spec.Streams {
		if was, is := &e.spec.Streams[i], &spec.Streams[i]; was.Name != is.Name || was.Kind != is.Kind {
			return fmt.Errorf("govern: stream %s, want %s of the same kind", is.Name, was.Name)
		}
	}
	e.spec = spec
	for i := range e.channels {
		c := &e.channels[i]
		c.asks(spec.Streams[c.stream].Floors)
	}
	e.arrange()
	return nil
}

// Open says of a stream that has alarmed and not recovered how far a channel of it was from home in the last pane, on the scale of Alarm.Moved; ok is false
// where it is at rest, or has no such channel.
func (e *Engine) Open(stream, of string, bin int) (away float64, ok bool) {
	for s := range e.streams {
		st := &e.streams[s]
		if e.spec.Streams[s].Name != stream || !st.open {
			continue
		}
		for i := st.first; i < st.last; i++ {
			if c := &e.channels[i]; c.measure.String() == of && c.bin == bin {
				switch {
				case c.rare != nil:
					return c.rare.Share(c.moved) - c.mean, true
				case c.share():
					return stat.ShareAt(c.mean, c.moved) - c.mean, true
				}
				return c.moved, true
			}
		}
	}
	return 0, false
}
