package concept

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

const (
	mostEvidence = 1e15 // keeps it finite
	// An open stream is back when the days since some day speak for the reference's map against the alarm's by so many nats, of which no day has more than
	// a third: one clean day mends nothing.
	back       = 4.5
	backPerDay = back / 3
)

// won is what a bet has won: a Shiryaev-Roberts sum m, and beside it a CUSUM w (Page 1954), which is at 0 until the last change point.
type won struct {
	m, w  float64
	since int64 // start of the first day since the change point
}

// Stream follows one map of scores to outcomes: the whole's, or a slice's. It belongs to one goroutine.
type Stream struct {
	null      *Null
	threshold float64
	weight    float64

	end    int64 // of the last day
	bets   [bets]won
	counts [dated]*sketch.Curve // since the change points of the dating bets; nil: there is none
	recent []brief              // days, while it isn't open
	open   bool
	held   held
}

// brief is what dating needs of a day.
type brief struct {
	start, n, pos int64
	expected      float64 // positives, by the map
}

// remembered is how many days are remembered, to date a change.
const remembered = 64

// held is what an open stream is held by.
type held struct {
	// Half of the way from the reference's map to that of the alarm, on the scale of the former: logit P = a + b (A + B x). What raised an alarm is less than it
	// looked, as a rule.
	a, b float64
	back float64 // nats for the reference's map since the day that speaks for it most: a CUSUM
}

// Follow begins to follow a map. threshold is the evidence that an alarm takes, in hours (sequential.Spec.Threshold), and weight the
// stream's share of the budget: all streams under one threshold together have at most 1.
func Follow(n *Null, threshold, weight float64) *Stream {
	return &Stream{null: n, threshold: threshold, weight: weight, end: math.MinInt64}
}

// Govern changes threshold and weight from the next day on.
func (s *Stream) Govern(threshold, weight float64) { s.threshold, s.weight = threshold, weight }

// Null is what the stream is held against.
func (s *Stream) Null() *Null { return s.null }

// Open reports whether an alarm is held.
func (s *Stream) Open() bool { return s.open }

// Alarm says that scores mean something else than in the reference.
type Alarm struct {
	At, Onset int64 // end of the day that decided; start of the first day since the change, as far as the evidence can tell
	From      int64 // start of the first day in Since: at most Onset
	// Evidence is what was found, in hours of the budget, and Needed what it took.
	Evidence, Needed float64
	Since            *sketch.Curve // the outcomes since the bets that won began to
	Change           Change        // what they say
}

// Step is what a day brought.
type Step struct {
	Alarm     *Alarm
	Recovered bool
}

// Advance takes the next day. Days come in order; what lies between them bears no evidence and costs nothing. The error is for a day that
// comes too late or doesn't fit, or whose counts no outcomes could have made; then nothing has changed.
func (s *Stream) Advance(d *Day) (Step, error) {
	switch {
	case d.Start < s.end || d.End <= d.Start:
		return Step{}, fmt.Errorf("a day from %d to %d, and %d is passed", d.Start, d.End, s.end)
	case d.Curve.Bins() != s.null.Curve.Bins():
		return Step{}, fmt.Errorf("a curve of %d bins, want %d", d.Curve.Bins(), s.null.Curve.Bins())
	case !sound(d.Curve):
		return Step{}, errNo
	}
	s.end = d.End
	if labels(d.Curve) == 0 {
		return Step{}, nil
	}
	if s.open {
		return Step{Recovered: s.recover(d)}, nil
	}
	cells := s.null.cells(d.Curve)
	s.remember(d, cells)
	lnL := s.null.bet(cells)
	pay, total := s.weight*d.Hours/bets, 0.
	for i, l := range lnL {
		b := &s.bets[i]
		b.m = min((b.m+pay)*math.Exp(l), mostEvidence)
		total += b.m
		was := b.w
		if b.w = max(0, b.w+l); was == 0 && b.w > 0 {
			b.since = d.Start
		}
	}
	for f, i := range dating {
		switch {
		case s.bets[i].w == 0:
			s.counts[f] = nil
			continue
		case s.counts[f] == nil:
			s.counts[f] = sketch.NewCurve(d.Curve.Bins())
		}
		if err := s.counts[f].Merge(d.Curve); err != nil {
			return Step{}, err
		}
	}
	if total < s.threshold {
		return Step{}, nil
	}
	a := s.raise(d, total)
	return Step{Alarm: a}, nil
}

// raise makes the alarm, and holds it.
func (s *Stream) raise(d *Day, total float64) *Alarm {
	var of [families]float64
	best := 0
	for i := range s.bets {
		f := family(i)
		if of[f] += s.bets[i].m; of[f] > of[best] {
			best = f
		}
	}
	a := &Alarm{At: d.End, From: d.Start, Evidence: total, Needed: s.threshold, Since: d.Curve}
	if at := s.dates(best); at >= 0 {
		a.From, a.Since = s.bets[dating[at]].since, s.counts[at]
	}
	a.Change = s.null.Explain(a.Since)
	a.Onset = s.onset(a.From, a.Change.Shift)
	h := held{a: a.Change.Shift / 2, b: 1}
	if m, ok := truth.Reliability(a.Since).CalibrationMap(); ok && math.Abs(a.Change.Slope-1) > beyond*a.Change.SlopeSE {
		b := m.B / s.null.Map.B
		h.a, h.b = (m.A-s.null.Map.A*b)/2, (1+b)/2
	}
	*s = Stream{null: s.null, threshold: s.threshold, weight: s.weight, end: s.end, open: true, held: h}
	return a
}

// remember adds a day to those that date a change.
func (s *Stream) remember(d *Day, cells []cell) {
	b := brief{start: d.Start}
	for _, l := range cells {
		b.n += int64(l.n)
		b.pos += int64(l.pos)
		b.expected += l.n * stat.Expit(l.eta)
	}
	if len(s.recent) == remembered {
		copy(s.recent, s.recent[1:])
		s.recent = s.recent[:remembered-1]
	}
	s.recent = append(s.recent, b)
}

// onset dates a change within the days since from, on which a bet began to win, if only by chance at first: it is the day since which such a shift is most
// likely against none, each day's outcomes taken as of its mean.
func (s *Stream) onset(from int64, shift float64) int64 {
	if len(s.recent) == 0 || s.recent[0].start > from {
		return from // not all of it is remembered
	}
	at, sum, most := from, 0., math.Inf(-1)
	for i := len(s.recent) - 1; i >= 0 && s.recent[i].start >= from; i-- {
		d := &s.recent[i]
		eta := stat.Logit(clamp(d.expected/float64(d.n), stat.LogitClip, 1-stat.LogitClip))
		one := cell{n: float64(d.n), pos: float64(d.pos), eta: eta}
		if sum += one.ratio(0, shift); sum > most {
			most, at = sum, d.start
		}
	}
	return at
}

// dates is which of the dating bets of a family dates its change best, -1 where none does: the sum of a small bet seldom comes to rest, so that of those that
// have won about as much the one that began last knows.
func (s *Stream) dates(f int) int {
	best := -1
	for at, i := range dating {
		switch b := &s.bets[i]; {
		case family(i) != f || s.counts[at] == nil:
		case best < 0 || b.w >= s.bets[dating[best]].w/2 && b.since >= s.bets[dating[best]].since:
			best = at
		}
	}
	return best
}

// Close ends what is open: for a slice that went with the whole, once the whole is back.
func (s *Stream) Close() {
	*s = Stream{null: s.null, threshold: s.threshold, weight: s.weight, end: s.end}
}

// recover is the reversed test: the reference's map against one half way to the alarm's. What lies nearer to the reference is back; if it is still more than what is
// tolerated off, it will be told again.
func (s *Stream) recover(d *Day) bool {
	h := &s.held
	cells := s.null.cells(d.Curve)
	l := (likelihood(cells, 0, 1) - likelihood(cells, h.a, h.b)) / s.null.Dispersion
	if h.back = max(0, h.back+clamp(l, -mostPerDay, backPerDay)); h.back < back {
		return false
	}
	s.Close()
	return true
}
