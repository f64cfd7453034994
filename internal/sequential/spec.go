package sequential

import (
	"fmt"
	"math"
)

// Month is the time a budget is stated for, in hours.
const Month = 730

// mostBins is how many bins a stream may have.
const mostBins = 4096

// Kind says what is counted of a stream.
type Kind uint8

// The kinds.
const (
	Numeric     Kind = iota // Counts.Bins in order, Missing, Below, Above
	Categorical             // Counts.Bins, the last one of all other categories; Missing, New
	Share                   // Counts.Hits of N: outcomes, scores between 0 and 1, broken rules
	Volume                  // N events in the pane's hours
	Ratio                   // Counts.Hits of N against Base.Hits of Base.N: two shares by their ratio
)

// Floors are the smallest changes that matter to a stream.
type Floors struct {
	Shift  float64 // of location, in reference standard deviations
	Spread float64 // of the standard deviation, relative
	Shape  float64 // chi-square divergence of shape and of a whole dictionary
	H      float64 // of a share, on the arc-sine scale (Cohen 1988)
	Rate   float64 // of a share, absolute; of values never seen or out of range a fifth of it
	Volume float64 // of the logarithm of events per hour
	Ratio  float64 // of the logarithm of the ratio of two shares
}

// DefaultFloors are small: they keep what nobody would act on from being said, not from being seen.
func DefaultFloors() Floors {
	return Floors{Shift: 0.05, Spread: 0.05, Shape: 0.01, H: 0.05, Rate: 0.005, Volume: 0.1, Ratio: 0.1}
}

// Stream is one thing that is watched.
type Stream struct {
	Name   string
	Kind   Kind
	Weight float64 // of the budget: all streams and slices of a model together have at most 1
	Floors Floors

	// Singles is how many categories the reference holds once. Leaving one event out at a time, so many of its events would have
	// been new (Good 1953): that, and not none, is what the rate of new categories is held against.
	Singles int64
	// Channels weighs the channels of a numeric stream against each other; nil weighs all alike.
	Channels map[string]float64
}

// Span is a stretch of event time, microseconds since the Unix epoch, [From, To).
type Span struct{ From, To int64 }

// Spec says what is watched and what it may cost.
type Spec struct {
	// Budget is how many false alarms the model may raise in a month (of 730 hours), over all its streams.
	Budget  float64
	Streams []Stream
	// Alone says that no alarm is raised of streams that drift a little each and none enough: see Alarm.Joint.
	Alone bool
	// Calendar are declared odd days: their panes bear no evidence and teach nothing.
	Calendar []Span
}

// reserve is how many times less than the budget is spent: the rest is for what a learnt null doesn't know.
const reserve = 4

// Threshold is the evidence an alarm takes, in hours: no drift raises more than T/Threshold alarms in T hours on average.
func (s *Spec) Threshold() float64 { return reserve * Month / s.Budget }

func (s *Spec) check() error {
	if !(s.Budget > 0) || math.IsInf(s.Budget, 1) {
		return fmt.Errorf("budget %g: want false alarms per month, more than 0", s.Budget)
	}
	var sum float64
	for i := range s.Streams {
		w := s.Streams[i].Weight
		if !(w >= 0) {
			return fmt.Errorf("stream %s: weight %g, want 0 or more", s.Streams[i].Name, w)
		}
		sum += w
	}
	if sum > 1+1e-9 {
		return fmt.Errorf("weights of %d streams sum to %g, want at most 1: more would overspend the budget", len(s.Streams), sum)
	}
	return nil
}

// declared reports whether a pane overlaps a declared odd period.
func (s *Spec) declared(p *Pane) bool {
	for _, c := range s.Calendar {
		if p.Start < c.To && p.End > c.From {
			return true
		}
	}
	return false
}

// ordinary leaves out the panes of declared odd periods.
func (s *Spec) ordinary(panes []Pane) []Pane {
	out := make([]Pane, 0, len(panes))
	for i := range panes {
		if !s.declared(&panes[i]) {
			out = append(out, panes[i])
		}
	}
	return out
}
