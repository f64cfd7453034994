package plan

import "time"

// FewestRows is how many events a window must hold before a share of them means anything.
const FewestRows = 30

// moments are the lengths a moment may have.
var moments = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
}

const (
	// inPane is into how many moments a pane is cut at most, and inBusyPane one of which each holds busyRows.
	inPane, inBusyPane = 360, 3600
	busyRows           = 10 * FewestRows
)

// Moment is the length of a moment: a part of a base pane that is looked at by itself for hard faults, so that nobody waits for the
// pane's end. It is the shortest that holds FewestRows events on average over the reference, and no less than 1/360 of a
// pane: fewer events tell no more before the pane ends, and would cost more to count apart. Where ten times as many come it may be 1/3600. 0: there is none
// shorter than a pane.
func (p *Plan) Moment() time.Duration {
	over := p.Reference.To.Sub(p.Reference.From)
	if over <= 0 {
		return 0
	}
	perSecond := p.rate()
	for _, m := range moments {
		if m >= p.Pane {
			return 0
		}
		rows := perSecond * m.Seconds()
		busy := p.FaultLateness != nil && p.Pane <= inBusyPane*m && rows >= busyRows
		if p.Pane%m == 0 && (busy || p.Pane <= inPane*m && rows >= FewestRows) {
			return m
		}
	}
	return 0
}

// rate is how many events a second the reference had on average. The reference isn't empty.
func (p *Plan) rate() float64 {
	return float64(p.ReferenceRows) / p.Reference.To.Sub(p.Reference.From).Seconds()
}

// FaultsAhead is how much sooner than for everything else a moment is looked at for hard faults: Lateness less FaultLateness, and a base pane at most. An era is
// longer, so that nothing is told of one while panes of another are still to be judged. 0: it is looked at once.
func (p *Plan) FaultsAhead() time.Duration {
	if p.FaultLateness == nil {
		return 0
	}
	return min(p.Lateness-*p.FaultLateness, p.Pane)
}

// Scarce reports whether so many events of a stretch of event time, microseconds, are less than a tenth of what the reference had in so long: too few to speak
// for all of them while others may still come. One of many producers whose clock is fast is not everybody.
func (p *Plan) Scarce(rows, over int64) bool {
	return 10*float64(rows) < p.rate()*float64(over)/1e6
}

// MomentStart is the start of the moment that holds an event time, microseconds, of a plan that has moments; of one that hasn't, that of
// its base pane.
func (p *Plan) MomentStart(us int64) int64 {
	if m := p.Moment(); m > 0 {
		return floor(us, m)
	}
	return p.PaneStart(us)
}

// Steady reports whether c held a single value in the reference, which had enough of them: another value is a fault.
func (c *Column) Steady() bool {
	if !c.Layout.Constant() {
		return false
	}
	n := int64(0)
	for _, v := range c.Reference.Bins {
		n += v
	}
	return n >= FewestRows
}

// Filled reports whether c was there in 99 of 100 events of the reference: of such a column, a few dozen events in a row without a
// value are a fault, while one that is often missing may be so in a row.
func (c *Column) Filled() bool {
	return !c.Layout.Empty && c.Reference.N > 0 && 100*c.Reference.Missing <= c.Reference.N
}
