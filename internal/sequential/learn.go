package sequential

import (
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// fewestPanes of a history, below which nothing can be learnt.
const fewestPanes = 8

// channel is one thing that is followed of a stream.
type channel struct {
	figure
	stream int

	rare *stat.Rare // counts too small for a normal law; then there is no null and no filter
	// mean is the share in the history, or of a cube root the mean of its divergence there.
	mean        float64
	size        float64 // median events per pane
	floor       float64 // of the mean effect since the change point
	least       float64 // of the mean change of a share
	weights     [bets]float64
	null        null
	filter      filter
	evidence    evidence
	mixed       bool      // an omnibus whose categories wander: followed, but it doesn't bet
	moved       float64   // while its stream is open: how far from home it was in the last pane
	convalesces []float64 // while its stream is open for its sake: the last deviations; nil otherwise
}

// Learn makes the engine of a model from its own history: panes in order, the last one ending where monitoring begins. How cautious it
// is follows from how long they are; see Phase.
func Learn(spec Spec, history []Pane) (*Engine, error) { return learn(spec, history, nil) }

// learn keeps layouts that were frozen before; without, they come from the history.
func learn(spec Spec, history []Pane, frozen []stream) (*Engine, error) {
	if err := spec.check(); err != nil {
		return nil, fmt.Errorf("learn: %w", err)
	}
	if len(history) == 0 {
		return nil, fmt.Errorf("learn from 0 panes: want %d at least", fewestPanes)
	}
	end := history[len(history)-1].End
	history = spec.ordinary(history)
	if len(history) < fewestPanes {
		return nil, fmt.Errorf("learn from %d panes: want %d at least", len(history), fewestPanes)
	}
	for i := range history {
		if err := history[i].check(spec.Streams); err != nil {
			return nil, fmt.Errorf("learn from pane %d: %w", i, err)
		}
	}
	e := &Engine{spec: spec, streams: make([]stream, len(spec.Streams))}
	hours := make([]float64, len(history))
	for i := range history {
		hours[i] = history[i].Hours()
		e.hours += hours[i]
	}
	e.recovery = int(max(3, math.Ceil(dayHours/median(hours))))
	e.season = chooseTerms(len(history), e.hours)
	e.end = end
	for s := range spec.Streams {
		var layout *layout
		if frozen != nil {
			layout = &frozen[s].layout
		}
		if err := e.learnStream(s, history, layout); err != nil {
			return nil, fmt.Errorf("learn %s: %w", spec.Streams[s].Name, err)
		}
	}
	e.learnt = len(history)
	fit := newRegression(e.regressors(history))
	values := make([][]reading, len(e.channels))
	for i := range values {
		values[i] = make([]reading, len(history))
	}
	row := make([]reading, len(e.channels))
	for t := range history {
		e.readings(&history[t], row)
		for i, r := range row {
			values[i][t] = r
		}
	}
	gains := make([]float64, len(e.channels))
	for i := range e.channels {
		if c := &e.channels[i]; c.rare == nil {
			gains[i] = e.learnNull(c, fit, values[i])
		}
	}
	e.learnMixed(gains)
	e.learnTogether(fit, values, gains)
	e.arrange()
	return e, nil
}

// burn is how many residuals of the history are left out, for they come before the profile is known.
func (e *Engine) burn(panes int) int { return min(2*len(e.season), panes/3) }

// learnStream freezes a stream's layout, if it isn't yet, and finds its channels.
func (e *Engine) learnStream(s int, history []Pane, frozen *layout) error {
	st := &e.spec.Streams[s]
	bins := slices.Clone(history[0].Counts[s].Bins)
	clear(bins)
	size := make([]float64, len(history))
	if len(bins) > mostBins {
		return fmt.Errorf("%d bins: want %d at most", len(bins), mostBins)
	}
	for t := range history {
		n := history[t].Counts[s].Bins
		if len(n) != len(bins) {
			return fmt.Errorf("pane %d has %d bins, pane 0 %d", t, len(n), len(bins))
		}
		for b, k := range n {
			bins[b] += k
			size[t] += float64(k)
		}
	}
	l := newLayout(st.Kind, bins, median(size))
	if frozen != nil {
		l = *frozen
		if len(l.bins) != len(bins) {
			return fmt.Errorf("%d bins, want the %d that were frozen", len(bins), len(l.bins))
		}
	}
	first := len(e.channels)
	for _, f := range l.figures() {
		c := channel{figure: f, stream: s, size: l.size}
		if c.share() && !e.learnShare(&c, history) {
			continue
		}
		if c.measure == ratio {
			c.mean = usualRatio(s, history)
		}
		c.asks(st.Floors)
		e.channels = append(e.channels, c)
	}
	e.streams[s] = stream{layout: l, first: first, last: len(e.channels)}
	return nil
}

// usualRatio is the logarithm of the ratio of a stream's two shares over the history.
func usualRatio(s int, history []Pane) float64 {
	var n Counts
	for t := range history {
		c := &history[t].Counts[s]
		n.N, n.Hits = n.N+c.N, n.Hits+c.Hits
		n.Base.N, n.Base.Hits = n.Base.N+c.Base.N, n.Base.Hits+c.Base.Hits
	}
	x, _ := stat.LogRatio(n.Hits, float64(n.N), n.Base.Hits, float64(n.Base.N), 0)
	return x
}

// of is the smallest mean effect that matters, on a channel's own scale.
func (f Floors) of(m measure) float64 {
	switch m {
	case location:
		return f.Shift
	case spread:
		return f.Spread * 1.4 // relative variance over the square root of 2; 5 % are 0.07
	case shape, omnibus:
		return f.Shape
	case volume:
		return f.Volume
	case ratio:
		return f.Ratio
	default:
		return f.H
	}
}

// learnShare decides whether a share is normal enough or must be counted exactly. It returns false for one without any event.
func (e *Engine) learnShare(c *channel, history []Pane) bool {
	st := &e.spec.Streams[c.stream]
	counts, sizes := make([]float64, len(history)), make([]float64, len(history))
	var k0, n0 float64
	for t := range history {
		k, n := c.pair(&history[t].Counts[c.stream])
		counts[t], sizes[t] = k, n
		k0 += k
		n0 += n
	}
	if n0 < 1 {
		return false
	}
	if c.measure == unseen {
		k0 = min(k0+float64(st.Singles), n0)
	}
	c.size = median(sizes)
	c.mean = k0 / n0
	if min(c.mean, 1-c.mean)*c.size >= fewestExpected {
		return true
	}
	floor := stat.RareFloor{H: st.Floors.H, Share: st.Floors.Rate}
	if c.measure == unseen || c.measure == below || c.measure == above {
		floor.Share /= 5
	}
	rare, ok := stat.NewRare(k0, n0, counts, sizes, floor, c.measure.twosided())
	c.rare = &rare
	return ok
}

// asks sets what a channel's effect must be to matter. A rare share's floor is in its interval already.
func (c *channel) asks(f Floors) {
	c.floor, c.least = f.of(c.measure), math.Inf(-1)
	switch {
	case c.rare != nil:
		c.floor = math.Inf(-1)
	case c.share():
		c.least = f.Rate
	}
}

// arrange hands the budget out: a stream's weight to its channels, a channel's to its bets.
func (e *Engine) arrange() {
	shares, betting := make([]float64, len(e.channels)), 0
	for i := range e.channels {
		st := &e.spec.Streams[e.channels[i].stream]
		shares[i] = 1
		if st.Channels != nil {
			shares[i] = st.Channels[e.channels[i].measure.String()]
		}
		if e.channels[i].mixed {
			shares[i] = 0
		}
		if shares[i] > 0 {
			betting++
		}
	}
	e.rules = newRules(e.spec.Threshold(), e.learnt-e.burn(e.learnt), max(betting, 1))
	for s := range e.streams {
		first, last, sum := e.streams[s].first, e.streams[s].last, 0.
		for _, v := range shares[first:last] {
			sum += v
		}
		for i := first; i < last; i++ {
			if shares[i] > 0 {
				e.channels[i].weights = e.channels[i].weigh(e.spec.Streams[s].Weight*shares[i]/sum, &e.rules)
			}
		}
	}
}

// weigh splits a channel's weight evenly over the bets it makes.
func (c *channel) weigh(weight float64, r *rules) (w [bets]float64) {
	made := 0
	for i := range bets {
		up := i < sizes
		use := r.use[i%sizes] && (up || c.measure.twosided())
		if c.rare != nil {
			use = c.rare.Uses(up, i%sizes)
		}
		if use {
			w[i] = weight
			made++
		}
	}
	for i := range w {
		w[i] /= float64(max(made, 1))
	}
	return w
}

// learnNull learns how a channel moves without drift, and leaves its filter at the end of the history. It returns how much more likely, in logarithms, its wander
// is than none.
func (e *Engine) learnNull(c *channel, fit *regression, values []reading) (gain float64) {
	h := len(values)
	x, event, noise := make([]float64, h), make([]float64, h), make([]float64, h)
	for t, r := range values {
		x[t], event[t] = r.x, r.event
	}
	c.null.fit = fit.solve(x)
	if c.smoothed() {
		c.null.event = fit.solve(event)
	}
	residual := make([]float64, h)
	for t, r := range values {
		noise[t] = c.noise(r, dot(c.null.event, fit.rows[t]))
		residual[t] = x[t] - dot(c.null.fit, fit.rows[t])
	}
	c.null.wander, gain = stat.FitWander(residual, noise, len(e.season), c.caution())
	if c.cubeRoot() {
		c.mean = 0
		for _, r := range values {
			c.mean += c.divergence(r) / float64(h)
		}
	}
	e.learnFilter(c, fit, values)
	return gain
}

// learnFilter runs a channel's filter through the history, by its season and wander, and learns from it how far its predictions are off.
func (e *Engine) learnFilter(c *channel, fit *regression, values []reading) {
	h := len(values)
	x, home := make([]float64, h), make([]float64, h)
	for t, r := range values {
		x[t], home[t] = r.x, c.away(r, fit.rows[t])
	}
	c.null.band = max(c.floor, 2*rollingSD(home, min(e.recovery, max(h/4, 1))))
	c.filter = newFilter(len(e.season), c.null.wander, x[0], variance(x)+1e-12)
	scratch := make([]float64, 2*len(e.season))
	z := make([]float64, h)
	for t := range values {
		noise := c.noise(values[t], dot(c.null.event, fit.rows[t]))
		z[t], _ = c.filter.step(c.null.wander, x[t], noise, fit.rows[t], scratch, false)
	}
	z = z[e.burn(h):]
	var ss float64
	for _, v := range z {
		ss += v * v
	}
	c.null.sigma = math.Sqrt(max(ss/float64(len(z)), 1) * stat.Persistence(z))
	for t := range z {
		z[t] /= c.null.sigma
	}
	c.null.tails = tailsOf(z)
}

// caution is how far from the most likely wander the one that is taken may lie, in log-likelihood units. Ratios of two shares rest on so few events that the
// usual range holds wanders several times as large as the true one, under which a gap may grow for a week unseen: docs/fairness.md, "What was tried". What
// less caution costs in false alarms their weight pays for (package drift).
func (c *channel) caution() float64 {
	if c.measure == ratio {
		return 1
	}
	return stat.CautiousRange
}

// divergence is the chi-square divergence in excess of what sampling explains, of a cube root.
func (c *channel) divergence(r reading) float64 {
	return c.degrees * (r.x*r.x*r.x - 1) / max(r.n, 1)
}

// away is how far a reading lies from the profile of the history, on the scale of the channel's floor.
func (c *channel) away(r reading, season []float64) float64 {
	switch {
	case c.rare != nil:
		x, _ := c.rare.Deviation(r.x, r.n)
		return x
	case c.cubeRoot():
		return c.divergence(r) - c.mean
	default:
		return r.x - dot(c.null.fit, season)
	}
}

// regressors are the chosen seasonal terms of panes.
func (e *Engine) regressors(panes []Pane) [][]float64 {
	rows := make([][]float64, len(panes))
	for t := range panes {
		rows[t] = e.pick(&panes[t], make([]float64, len(e.season)))
	}
	return rows
}

func (e *Engine) pick(p *Pane, to []float64) []float64 {
	for i, term := range e.season {
		to[i] = p.Season[term]
	}
	return to
}
