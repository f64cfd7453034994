package engine

import (
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// away reports whether a stretch of event time, microseconds, holds some in which the plan had given way to another and was not back. Neither plan's promises
// are judged by such a window, however much of it was seen: it would hold another plan's time.
func (e *Engine) away(start, end int64) bool {
	for _, gave := range e.givesWay {
		back := int64(math.MaxInt64)
		if at := slices.IndexFunc(e.reigns, func(r *plan.Plan) bool { return plan.Micros(r.From) >= gave }); at >= 0 {
			back = plan.Micros(e.reigns[at].From)
		}
		if start < back && gave < end {
			return true
		}
	}
	return false
}

// own reports whether the plan is in force from the start of a stretch to its end, under one policy after the other.
func (e *Engine) own(start, end int64) bool {
	return plan.Micros(e.reigns[0].From) <= start && !e.away(start, end)
}

// whole reports whether a window was the plan's own from its start to its end, after the reference, and held no declared odd period.
func (e *Engine) whole(start, end int64) bool {
	return e.monitored(start, end) && e.own(start, end)
}

// over reports whether what begins at start is of another era of the plan than what ended last at end, 0 for nothing: what was open then has been
// superseded.
func over(end, start int64, givesWay []int64) bool {
	return end != 0 && slices.ContainsFunc(givesWay, func(at int64) bool { return end <= at && at <= start })
}

// superseded reports the same of truth panes, of which one may hold the end of an era.
func (e *Engine) superseded(end, start int64) bool {
	return end != 0 && slices.ContainsFunc(e.givesWay, func(at int64) bool { return end <= e.truthEnd(at) && e.truthEnd(at) <= start })
}
