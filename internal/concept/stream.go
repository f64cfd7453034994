package concept

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/sketch"
)

const (
	mostEvidence = 1e15 // keeps it finite
	// recovery is how many days an open stream is looked at to see whether it is back: a week, so that every day of it is in.
	recovery = 7
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
	counts [families]*sketch.Curve // since the change point of the family's dating bet; nil: there is none
	open   bool
	last   []sums // of the latest days, while it is open
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
	// Evidence is what was found, in hours of the budget, and Needed what it took.
	Evidence, Needed float64
	Since            *sketch.Curve // the outcomes since Onset
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
	lnL := s.null.bet(s.null.cells(d.Curve))
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
	a := &Alarm{At: d.End, Onset: d.Start, Evidence: total, Needed: s.threshold, Since: d.Curve}
	if c := s.counts[best]; c != nil {
		a.Onset, a.Since = s.bets[dating[best]].since, c
	}
	a.Change = s.null.Explain(a.Since)
	*s = Stream{null: s.null, threshold: s.threshold, weight: s.weight, end: s.end, open: true, last: []sums{s.null.expect(d.Curve)}}
	return a
}

// Hold opens the stream as if it had alarmed, and Close lets an open one be judged anew: for a slice that goes with the whole.
func (s *Stream) Hold() {
	*s = Stream{null: s.null, threshold: s.threshold, weight: s.weight, end: s.end, open: true}
}

// Close ends what is open.
func (s *Stream) Close() {
	*s = Stream{null: s.null, threshold: s.threshold, weight: s.weight, end: s.end}
}

// recover is the reversed test: over a week of days with outcomes neither the shift nor the slope is further from the map than what is tolerated or
// than such a week's chance.
func (s *Stream) recover(d *Day) bool {
	if len(s.last) == recovery {
		copy(s.last, s.last[1:])
		s.last = s.last[:recovery-1]
	}
	s.last = append(s.last, s.null.expect(d.Curve))
	if len(s.last) < recovery {
		return false
	}
	var all sums
	for _, l := range s.last {
		all.gap += l.gap
		all.info += l.info
		all.tilt += l.tilt
		all.lever += l.lever
	}
	within := func(score, info, floor float64) bool { // of a score test: score/info is one Newton step
		return info > 0 && math.Abs(score) <= info*max(floor, 2*math.Sqrt(s.null.Dispersion/info))
	}
	_, b := s.null.box()
	if !within(all.gap, all.info, s.null.Typical()) || !within(all.tilt, all.lever, b) {
		return false
	}
	s.Close()
	return true
}
