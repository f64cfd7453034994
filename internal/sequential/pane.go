package sequential

import (
	"fmt"
	"math"
	"slices"
)

// hour in microseconds, the unit of event time.
const hour = 3_600_000_000

// Counts are the integers of one stream in one pane. Which of them mean something depends on the stream's Kind.
type Counts struct {
	N       int64 // events, missing ones too
	Missing int64 // missing or not readable
	Below   int64 // numeric: under the reference's smallest value; in the first bin as well
	Above   int64 // numeric: over its largest; in the last bin as well
	New     int64 // categorical: not in the reference's dictionary; in the last bin as well
	Bins    []int64
	Hits    float64 // Share, Ratio: how many; of a share also a sum of numbers between 0 and 1 in fixed point
	Base    Base    // Ratio: what it is held against
}

// Base is the other share of a Ratio.
type Base struct {
	N    int64
	Hits float64
}

// Pane is a stretch of event time and what was counted in it.
type Pane struct {
	Start, End int64 // microseconds since the Unix epoch; panes follow one another without a gap, but for odd periods, and a day and more without an event between two of them
	N          int64 // events of the model
	Season     [terms]float64
	Counts     []Counts // by Spec.Streams
}

// Hours is how long the pane is.
func (p *Pane) Hours() float64 { return float64(p.End-p.Start) / hour }

// When a pane is long enough to be judged. Fewer events make estimates whose law is not the one assumed; waiting longer than a
// day for them makes a quiet stream blind.
const (
	enoughEvents = 200
	enoughHours  = 24
	fewestEvents = 30
)

// Gather joins base panes, which come in order of time, into panes that can be judged.
type Gather struct {
	open Pane
	// Enough, if it is set, says of what is gathered whether it can be judged, instead of how many events there are. It is no part of the state.
	Enough func(counts []Counts) bool
}

// Add takes the next base pane. Once enough is gathered it returns the pane and begins the next.
func (g *Gather) Add(start, end, n int64, counts []Counts) (Pane, bool, error) {
	o := &g.open
	switch {
	case end <= start || n < 0:
		return Pane{}, false, fmt.Errorf("a base pane from %d to %d with %d events", start, end, n)
	case o.Counts == nil && o.End == 0:
		o.Start = start
	case start < o.End:
		return Pane{}, false, fmt.Errorf("a base pane from %d on comes after one up to %d", start, o.End)
	case o.Counts == nil && start-o.End >= enoughHours*hour:
		o.Start = start // hours without an event are hours of few events; days without one, before a pane begins, are none of this stream
	}
	if o.Counts == nil {
		o.Counts = make([]Counts, len(counts))
	}
	if err := addCounts(o.Counts, counts); err != nil {
		return Pane{}, false, err
	}
	// In a quiet pane each hour counts a little, so that one without any event has a season too.
	season, weight := seasonAt(start), max(float64(n), 1e-9)
	for i, v := range season {
		o.Season[i] += weight * v
	}
	o.End = end
	o.N += n
	enough := o.N >= enoughEvents || o.Hours() >= enoughHours && o.N >= fewestEvents
	if g.Enough != nil {
		enough = g.Enough(o.Counts)
	}
	if !enough {
		return Pane{}, false, nil
	}
	done, ok := g.Cut()
	return done, ok, nil
}

// Skip drops what was gathered, up to end: a declared odd period is no part of any pane, and neither is what would be judged with it.
func (g *Gather) Skip(end int64) { g.open = Pane{Start: end, End: end} }

// Cut ends the open pane whatever it holds, as at the end of the history; ok is false if there is none.
func (g *Gather) Cut() (p Pane, ok bool) {
	done := g.open
	if done.Counts == nil {
		return Pane{}, false
	}
	all := done.Season[0]
	for i := range done.Season {
		done.Season[i] /= all
	}
	g.open = Pane{Start: done.End, End: done.End}
	return done, true
}

func addCounts(to, from []Counts) error {
	if len(to) != len(from) {
		return fmt.Errorf("counts of %d streams after counts of %d", len(from), len(to))
	}
	for i := range from {
		a, b := &to[i], &from[i]
		a.N += b.N
		a.Missing += b.Missing
		a.Below += b.Below
		a.Above += b.Above
		a.New += b.New
		a.Hits += b.Hits
		a.Base.N += b.Base.N
		a.Base.Hits += b.Base.Hits
		if a.Bins == nil {
			a.Bins = slices.Clone(b.Bins)
			continue
		}
		if len(a.Bins) != len(b.Bins) {
			return fmt.Errorf("stream %d: %d bins after %d", i, len(b.Bins), len(a.Bins))
		}
		for j, n := range b.Bins {
			a.Bins[j] += n
		}
	}
	return nil
}

// check refuses counts that no events could have made.
func (p *Pane) check(streams []Stream) error {
	if p.End <= p.Start || len(p.Counts) != len(streams) {
		return fmt.Errorf("a pane from %d to %d with %d streams, want %d", p.Start, p.End, len(p.Counts), len(streams))
	}
	for i := range p.Counts {
		c := &p.Counts[i]
		ok := c.N >= 0 && c.Missing >= 0 && c.Missing <= c.N && c.Hits >= 0 && c.Hits <= float64(c.N) &&
			c.Base.Hits >= 0 && c.Base.Hits <= float64(c.Base.N) && min(c.Below, c.Above, c.New) >= 0 && max(c.Below, c.Above, c.New) <= c.N-c.Missing
		for _, n := range c.Bins {
			ok = ok && n >= 0
		}
		if !ok {
			return fmt.Errorf("stream %s: counts that do not fit together: %+v", streams[i].Name, *c)
		}
	}
	return nil
}

// The seasonal terms: a constant, four daily, two weekly and two yearly harmonics, a sine and a cosine each.
const (
	daily  = 1
	weekly = daily + 8
	yearly = weekly + 4
	terms  = yearly + 4

	dayHours  = 24
	weekHours = 168
	yearHours = 8766
)

// seasonAt is the terms at a moment.
func seasonAt(us int64) (h [terms]float64) {
	h[0] = 1
	wave := func(at, harmonics int, period int64) {
		phase := 2 * math.Pi * float64(us%(period*hour)) / float64(period*hour)
		for j := range harmonics {
			h[at+2*j], h[at+2*j+1] = math.Sincos(float64(j+1) * phase)
		}
	}
	wave(daily, 4, dayHours)
	wave(weekly, 2, weekHours)
	wave(yearly, 2, yearHours)
	return h
}

// chooseTerms picks those that a history of so many panes and hours can carry: a harmonic needs panes short enough to see it and
// a history long enough to learn it.
func chooseTerms(panes int, hours float64) []int {
	chosen := []int{0}
	perDay := float64(panes) / (hours / dayHours)
	for j := 1; j <= 4; j++ {
		if perDay >= float64(2*j+1) && panes >= 8*(2*j+1) {
			chosen = append(chosen, daily+2*j-2, daily+2*j-1)
		}
	}
	if hours >= 21*dayHours && panes >= 60 && perDay >= 1 {
		chosen = append(chosen, weekly, weekly+1)
		if panes >= 100 {
			chosen = append(chosen, weekly+2, weekly+3)
		}
	}
	if hours >= 2*yearHours {
		chosen = append(chosen, yearly, yearly+1, yearly+2, yearly+3)
	}
	return chosen
}
