package concept

import (
	"errors"
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

const (
	// Tolerance is the shift of the map, in logits, that is too small to matter.
	Tolerance = 0.1
	// SlopeTolerance is the same of its slope, relative.
	SlopeTolerance = 0.1

	// FewestDays is how many days with outcomes a reference must hold: fewer tell nothing of how days scatter.
	FewestDays = 14
	// doubt is how far the reference's map may be from the truth, in standard errors: what it can't rule out is tolerated too. One side in a hundred
	// is beyond it.
	doubt = 2.33
	// mostDoubt is the tolerance, in logits, beyond which nothing would be found that is worth finding.
	mostDoubt = 0.5
)

var (
	// ErrFew is returned for a reference with too few days or outcomes, or of one class only, to say what its scores mean.
	ErrFew = errors.New("too few outcomes to learn what a score means")
	errNo  = errors.New("counts that no outcomes could have made")
)

// Day is what is known of the outcomes of some predictions, usually a day's.
type Day struct {
	Start, End int64         // of the predictions, microseconds since the Unix epoch
	Hours      float64       // of it that hold outcomes: at most End-Start
	Curve      *sketch.Curve // its outcomes; predictions without one don't count
}

// Null is what the reference's scores meant.
type Null struct {
	Map        stat.Map      // logit P(y=1) = A + B logit(score)
	Dispersion float64       // see stat.OutcomeDispersion, at least 1
	Days       int           // learnt from
	Hours      float64       // that they hold
	Curve      *sketch.Curve // their outcomes
}

// Learn learns from the days of a reference, in order. The error is ErrFew where they can't carry a map that is worth holding anything against.
func Learn(days []Day) (*Null, error) {
	if len(days) == 0 {
		return nil, ErrFew
	}
	n := &Null{Curve: sketch.NewCurve(days[0].Curve.Bins())}
	for i := range days {
		if labels(days[i].Curve) == 0 {
			continue
		}
		n.Days++
		n.Hours += days[i].Hours
		if err := n.Curve.Merge(days[i].Curve); err != nil {
			return nil, err
		}
	}
	if n.Days < FewestDays {
		return nil, fmt.Errorf("%w: %d days with outcomes, want %d", ErrFew, n.Days, FewestDays)
	}
	var ok bool
	if n.Map, ok = truth.Reliability(n.Curve).CalibrationMap(); !ok || !(math.Abs(n.Map.B) > 1e-3) {
		return nil, fmt.Errorf("%w: no map fits", ErrFew)
	}
	var y, p, v []float64
	for i := range days {
		s := n.expect(days[i].Curve)
		y, p, v = append(y, s.pos), append(p, s.pos-s.gap), append(v, s.info)
	}
	n.Dispersion = dispersion(y, p, v)
	if d := n.Typical(); !(d <= mostDoubt) {
		return nil, fmt.Errorf("%w: the reference leaves %.2g logits of doubt, want at most %g", ErrFew, d, mostDoubt)
	}
	return n, nil
}

// dispersion is by how much outcomes scatter more than independent ones would: that of days (stat.OutcomeDispersion), or of weeks, four weeks or quarters where those scatter
// more than that and than chance. What wanders by the season shows in no autocorrelation of days.
func dispersion(y, p, v []float64) float64 {
	d := stat.OutcomeDispersion(y, p, v)
	for _, length := range []int{7, 28, 91} {
		blocks := len(y) / length
		if blocks < fewestBlocks {
			break
		}
		var mean float64
		for b := range blocks {
			var gap, info float64
			for i := b * length; i < (b+1)*length; i++ {
				gap += y[i] - p[i]
				info += v[i]
			}
			mean += gap * gap / max(info, 1e-9) / float64(blocks)
		}
		if mean > d*(1+2*math.Sqrt(2/float64(blocks))) {
			d = mean
		}
	}
	return d
}

// fewestBlocks are needed to say how weeks and longer scatter.
const fewestBlocks = 8

// Calibration is what each bin's scores meant, for what is expected of others.
func (n *Null) Calibration() (stat.Calibration, bool) {
	return truth.Reliability(n.Curve).Calibrate(n.Map, n.Dispersion)
}

// Information is the sum of p(1-p) over an average day's outcomes: what a day tells of a shift, before the dispersion.
func (n *Null) Information() float64 { return n.expect(n.Curve).info / (n.Hours / 24) }

// Labels is how many outcomes the reference holds.
func (n *Null) Labels() int64 { return labels(n.Curve) }

// Offset reports whether the reference's own map is beyond the tolerance from the identity, with its error taken off: scores that never meant
// what they say. The shift is that of an average outcome, in logits.
func (n *Null) Offset() (shift float64, standing bool) {
	id := Null{Map: stat.Map{B: 1}}
	shift = id.shift(n.Curve)
	se := math.Sqrt(n.Dispersion / max(n.expect(n.Curve).info, 1e-9))
	return shift, math.Abs(shift) > Tolerance+2*se || math.Abs(n.Map.B-1) > SlopeTolerance+2*math.Sqrt(n.Dispersion)*n.Map.SEB
}

// Typical is the tolerated shift where the reference knows most, in logits.
func (n *Null) Typical() float64 {
	return max(Tolerance, doubt*math.Sqrt(n.Dispersion/max(n.expect(n.Curve).info, 1e-9)))
}

// tolerated is the shift that is tolerated at x, a logit of a score: what is too small to matter, or what the reference leaves in doubt.
func (n *Null) tolerated(x float64) float64 { return max(Tolerance, doubt*n.se(x)) }

// se is the standard error of the map at x, with the reference's dispersion.
func (n *Null) se(x float64) float64 {
	m := &n.Map
	return math.Sqrt(n.Dispersion * max(m.SEA*m.SEA+2*x*m.Cov+x*x*m.SEB*m.SEB, 0))
}

// box is the half-widths of what is tolerated of A and B, on the scale of the map's own logits: logit P = a + b (A + B x), so that the map itself is a = 0, b = 1.
func (n *Null) box() (a, b float64) {
	return n.tolerated(-n.Map.A / n.Map.B), max(SlopeTolerance, doubt*math.Sqrt(n.Dispersion)*n.Map.SEB/math.Abs(n.Map.B))
}

// cell is the outcomes of a bin: n, of which pos positive, at the logit x of their mean score, which means eta.
type cell struct{ n, pos, x, eta float64 }

// cells are the bins that hold outcomes, in order.
func (n *Null) cells(c *sketch.Curve) []cell {
	out := make([]cell, 0, c.Bins())
	for b, k := range c.Labels {
		if k <= 0 {
			continue
		}
		s := float64(c.LS[b]) / sketch.ScoreScale / float64(k)
		x := stat.Logit(min(max(s, stat.LogitClip), 1-stat.LogitClip))
		out = append(out, cell{float64(k), float64(c.Pos[b]), x, n.Map.A + n.Map.B*x})
	}
	return out
}

// sums are what a curve's outcomes add up to against the map.
type sums struct {
	n, pos float64
	gap    float64 // sum of outcome - p
	info   float64 // sum of p(1-p)
	tilt   float64 // sum of (outcome - p) eta
	lever  float64 // sum of p(1-p) eta^2
}

func (n *Null) expect(c *sketch.Curve) (s sums) {
	for _, l := range n.cells(c) {
		p, q := stat.Expit(l.eta), stat.Expit(-l.eta)
		s.n += l.n
		s.pos += l.pos
		s.gap += l.pos - l.n*p
		s.info += l.n * p * q
		s.tilt += (l.pos - l.n*p) * l.eta
		s.lever += l.n * p * q * l.eta * l.eta
	}
	return s
}

// shift is the maximum-likelihood shift of the map, its slope kept; finite, for it is cut at 20 logits.
func (n *Null) shift(c *sketch.Curve) float64 {
	cells := n.cells(c)
	lo, hi := -20., 20.
	for range 60 {
		a := (lo + hi) / 2
		gap := 0.
		for _, l := range cells {
			gap += l.pos - l.n*stat.Expit(l.eta+a)
		}
		if gap > 0 {
			lo = a
		} else {
			hi = a
		}
	}
	return (lo + hi) / 2
}

func labels(c *sketch.Curve) (n int64) {
	for _, k := range c.Labels {
		n += k
	}
	return n
}

// sound refuses a curve that no outcomes could have made: one that is damaged must not stop what judges the others.
func sound(c *sketch.Curve) bool {
	for b, k := range c.Labels {
		if k < 0 || c.Pos[b] < 0 || c.Pos[b] > k || c.LS[b] < 0 || c.LS[b]>>30 > k || c.PS[b] < 0 || c.PS[b] > c.LS[b] {
			return false
		}
	}
	return true
}
