package incident

import (
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// The detector looks again for the cause of an alarm with each pane that ends, until so many events have come since the onset, or it has kept so many
// panes (engine.nameAgain).
const (
	namedEvents = 8_000
	namedPanes  = 24
)

// Pending is the event time by which the last cause that may still get a name has it, or will have none, and how long that takes from its onset: of inputs
// that moved and whose alarm has no diagnosis. It is zero where none may.
func (b *Book) Pending(id string) (until time.Time, takes time.Duration) {
	e := b.find(id)
	if e == nil {
		return time.Time{}, 0
	}
	for _, p := range e.signals {
		f := &p.last
		if !p.live || !nameable(f) || f.Diagnosis != nil {
			continue
		}
		panes := int64(namedPanes)
		if f.N.Current > 0 {
			panes = min(panes, (namedEvents+f.N.Current-1)/f.N.Current)
		}
		d := time.Duration(panes+1) * f.Window.End.Sub(f.Window.Start) // the pane of the onset may hold it in part
		if at := f.Onset.Add(d); at.After(until) {
			until, takes = at, d
		}
	}
	return until, takes
}

// nameable reports whether a finding is one of those whose cause is looked for again: of an input's counts, or of the events per hour, in the whole.
func nameable(f *finding.Finding) bool {
	return f.Verdict == finding.Drift && laneOf(f) == data && len(f.Slice) == 0 && f.Subject != "score" && f.Channel != "rule"
}
