package sequential

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// measure is what a channel reads off a pane's counts.
type measure uint8

const (
	location measure = iota
	spread
	shape
	omnibus
	missing
	below
	above
	unseen  // new categories
	offAtom // how often an almost constant column isn't its one value
	category
	hits
	volume
	ratio
	measures // how many there are
)

var measureNames = [measures]string{
	"location", "scale", "shape", "omnibus", "missing", "below", "above", "new", "nonatom", "category", "share", "volume", "ratio",
}

func (m measure) String() string {
	if m < measures {
		return measureNames[m]
	}
	return "?"
}

// directions a change can be of interest in.
func (m measure) twosided() bool {
	switch m {
	case shape, omnibus, below, above, unseen:
		return false
	default:
		return true
	}
}

// fewestExpected is the number of events below which a share is counted exactly and not taken for normal.
const fewestExpected = 5

// reading is one channel's value in one pane.
type reading struct {
	x     float64 // on the channel's effect scale; counted exactly: the events of the kind
	event float64 // sampling variance of one event, where it is to be smoothed over the season
	n     float64 // events it rests on
}

// layout is what a stream's channels are computed with, learnt from the history and then frozen.
type layout struct {
	kind   Kind
	bins   []int64   // counted in the history
	size   float64   // median events per pane in the bins
	shares []float64 // of the bins, smoothed
	scores *stat.Scores
	atom   int // the fullest bin
}

// newLayout learns a stream's frozen part from the sums and the median size of its history.
func newLayout(kind Kind, bins []int64, size float64) layout {
	l := layout{kind: kind, bins: bins, size: size}
	if len(bins) < 2 || kind > Categorical {
		return l
	}
	for i, c := range bins {
		if c > bins[l.atom] {
			l.atom = i
		}
	}
	l.shares = stat.Smoothed(bins)
	if kind == Numeric {
		l.scores, _ = stat.NewScores(l.shares)
	}
	return l
}

// figure says what a channel is computed from.
type figure struct {
	measure measure
	bin     int     // of category and offAtom
	groups  []int   // of bins, for a cube root
	degrees float64 // of a cube root
}

// figures lists what the layout lets one compute, in the order of the channels.
func (l *layout) figures() (out []figure) {
	add := func(m measure, bin int) { out = append(out, figure{measure: m, bin: bin}) }
	switch l.kind {
	case Share:
		add(hits, 0)
		return out
	case Volume:
		add(volume, 0)
		return out
	case Ratio:
		add(ratio, 0)
		return out
	case Numeric, Categorical:
	}
	add(missing, 0)
	if len(l.bins) == 0 {
		return out
	}
	if l.kind == Numeric {
		l.numeric(add, &out)
		add(below, 0)
		add(above, 0)
		return out
	}
	for b := range l.shares {
		if len(l.shares) == 2 && b == 1 {
			break // says what the first one says
		}
		add(category, b)
	}
	if groups, k := stat.GroupRare(l.shares, l.size); len(l.shares) > 1 && k > 2 {
		out = append(out, figure{measure: omnibus, groups: groups, degrees: float64(k - 1)})
	}
	add(unseen, 0)
	return out
}

func (l *layout) numeric(add func(measure, int), out *[]figure) {
	if l.scores == nil {
		return // one bin, or none: only what is missing and what lies outside
	}
	if (1-l.shares[l.atom])*l.size < fewestExpected {
		add(offAtom, l.atom) // almost constant: how often it isn't the atom is all there is
		return
	}
	add(location, 0)
	if !l.scores.HasSpread() {
		return
	}
	add(spread, 0)
	if groups, k := stat.GroupNeighbours(l.shares, l.size); k > 4 {
		*out = append(*out, figure{measure: shape, groups: groups, degrees: float64(k - 3)})
	}
}

// pair is the numerator and denominator of a channel that is a share.
func (c *figure) pair(n *Counts) (k, of float64) {
	valid := float64(n.N - n.Missing)
	switch c.measure {
	case missing:
		return float64(n.Missing), float64(n.N)
	case below:
		return float64(n.Below), valid
	case above:
		return float64(n.Above), valid
	case unseen:
		return float64(n.New), valid
	case hits:
		return n.Hits, float64(n.N)
	case category, offAtom:
		var all int64
		for _, b := range n.Bins {
			all += b
		}
		if c.measure == offAtom {
			return float64(all - n.Bins[c.bin]), float64(all)
		}
		return float64(n.Bins[c.bin]), float64(all)
	default:
		return 0, 0
	}
}

// share reports whether the channel is a share of events.
func (c *figure) share() bool {
	switch c.measure {
	case missing, below, above, unseen, hits, category, offAtom:
		return true
	default:
		return false
	}
}

// cubeRoot reports whether the channel is the cube root of a chi-square.
func (c *figure) cubeRoot() bool { return c.measure == shape || c.measure == omnibus }

// smoothed reports whether the sampling variance is that of the counts, to be smoothed over the season.
func (c *figure) smoothed() bool { return c.measure == location || c.measure == spread }

// read takes the readings of a stream's channels off its counts, in their order.
func (l *layout) read(channels []channel, n *Counts, hours float64, out []reading) {
	var at, variance, width float64
	var events float64
	if l.kind <= Categorical {
		var all int64
		for _, b := range n.Bins {
			all += b
		}
		events = float64(all)
	}
	for i := range channels {
		c := &channels[i]
		r := reading{n: events}
		switch c.measure {
		case location:
			at, variance = l.scores.Location(n.Bins)
			r.x, r.event = at, variance
		case spread:
			width, r.event = l.scores.Spread(n.Bins, at, variance)
			r.x = width
		case shape:
			r.x = l.scores.Shape(n.Bins, at, width, c.groups)
		case omnibus:
			r.x = stat.Omnibus(n.Bins, l.shares, c.groups)
		case volume:
			r.n = float64(n.N)
			r.x = math.Log((r.n + 0.5) / hours)
		case ratio:
			r.n = float64(n.N)
			r.x, r.event = stat.LogRatio(n.Hits, float64(n.N), n.Base.Hits, float64(n.Base.N), c.mean)
		default:
			r.x, r.n = c.pair(n)
			if c.rare == nil {
				r.x = stat.CohenH(r.x, r.n, c.mean)
			}
		}
		out[i] = r
	}
}

// noise is the sampling variance of a reading, given the smoothed variance of one event.
func (c *channel) noise(r reading, event float64) float64 {
	switch {
	case c.cubeRoot():
		return 2 / (9 * c.degrees)
	case c.measure == ratio: // not smoothed: where all shares fall, so do the counts that this pane's ratio rests on
		return max(r.event, leastRatio)
	case c.smoothed():
		return max(event, leastVariance) / max(r.n, 1)
	default:
		return 1 / max(r.n, 1)
	}
}

// leastRatio is what the variance of a logarithm of a ratio isn't believed below: of two shares of 1 it would be none.
const leastRatio = 1e-4

// leastVariance is what a smoothed variance of one event isn't believed below.
const leastVariance = 0.3
