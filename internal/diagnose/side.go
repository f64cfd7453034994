package diagnose

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// Case is what a diagnosis is made from.
type Case struct {
	Plan      *plan.Plan
	Reference *Side
	Current   *Side // since the onset, as far as that is known
	// Before is the latest panes before the onset; nil: none are known. What has no name against a reference that the stream has drifted away from may have one
	// against them.
	Before *Side
}

// Side is what was counted of a model over a stretch of event time.
type Side struct {
	Set     *sketch.Set
	Summary *sketch.Summary // nil: nothing described it
	Parts   []Part          // slices and versions, in any order; those the other side lacks count as empty there
	Panes   int             // test panes it is made of
	Hours   float64         // of event time
	// Hourly is events by hour: of the reference by hour of the week, 168 of them, a thousand times what came in one of them on average; now how many came hour
	// by hour from Since on. nil: not known.
	Hourly []int64
	Since  int64 // microseconds since the Unix epoch, at the start of an hour
	From   int64 // of the first of the panes; hours before it are those before the onset
	// Late is how many events came since Since that were too late for their pane, which they aren't in; LateSince the hour from which on they have kept coming.
	Late, LateSince int64
	Ahead           int64 // events that are dated further ahead of all others than is believed; they aren't in it either
	// Occupied is, by column, how many bins of a histogram were in use in a test pane, on average; of the reference only.
	Occupied []float64
	// Unique is, by column, how many distinct texts there were for one event, pane by pane; of the reference only, of numbers 0.
	Unique []float64
}

// Part is what was counted of one slice, or of one model version.
type Part struct {
	Group   int    // of plan.Groups; -1: a version
	Codes   []int  // the values of its dimensions, as in slice codes
	Version string // of a version
	Set     *sketch.Set
}

// ofVersion is the group of parts that are versions.
const ofVersion = -1

func (p *Part) same(o *Part) bool {
	return p.Group == o.Group && p.Version == o.Version && slices.Equal(p.Codes, o.Codes)
}

// part finds what a side has of the part; nil if nothing.
func (s *Side) part(of *Part) *Part {
	for i := range s.Parts {
		if s.Parts[i].same(of) {
			return &s.Parts[i]
		}
	}
	return nil
}

// labels name a part to people.
func (p *Part) labels(of *plan.Plan) map[string]string {
	if p.Group == ofVersion {
		return map[string]string{"version": p.Version}
	}
	out := map[string]string{}
	for i, d := range of.Groups[p.Group] {
		out[of.Slices[d].Name] = of.Slices[d].Label(p.Codes[i])
	}
	return out
}
