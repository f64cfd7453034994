package baseline

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// labelsMet are the labels of a reference, until one of them is what the contract says there is.
type labelsMet struct {
	seen  map[string]bool
	known bool
}

// mostSeen is how many labels are looked at.
const mostSeen = 10

func (m *labelsMet) look(p *plan.Plan, label *plan.Col, row int) {
	if m.known || label.State[row] != plan.OK || len(m.seen) >= mostSeen {
		return
	}
	switch p.Score.Task {
	case plan.TwoClasses:
		m.known = p.IsPositive(label.Str[row])
	case plan.Classes:
		m.known = p.Score.ClassOf(label.Str[row]) < len(p.Score.Classes)
	default: // whatever could be read is a number
		m.known = true
		return
	}
	m.seen[strings.Clone(label.Str[row])] = true
}

// tell adds a note to the plan where no label is what the contract says there is.
func (m *labelsMet) tell(p *plan.Plan) {
	if m.known || len(m.seen) == 0 {
		return
	}
	seen := strings.Join(slices.Sorted(maps.Keys(m.seen)), ", ")
	if p.Score.Task == plan.Classes {
		p.Unjudged = append(p.Unjudged, fmt.Sprintf("no label is one of the classes %s, so every prediction counts as wrong; seen: %s (task.classes in the contract)",
			strings.Join(p.Score.Classes, ", "), seen))
		return
	}
	p.Unjudged = append(p.Unjudged, fmt.Sprintf("no label equals the positive value %q, so every outcome counts as negative; seen: %s (task.positive in the contract)",
		p.Positive, seen))
}

// usable says what makes a prediction one that outcomes can be held against.
func usable(p *plan.Plan) string {
	switch p.Score.Task {
	case plan.Classes:
		return "that events say the class that was predicted"
	case plan.Numbers:
		return "that scores and labels are numbers"
	default:
		return "that scores lie in 0..1"
	}
}

// errorFloor is the change of an error that is too small to matter, in the label's own unit: what the contract ignores of the score, in standard
// deviations of the labels of the reference. 0 where the model predicts no number.
func errorFloor(p *plan.Plan, cohorts []cohort) float64 {
	if p.Score.Task != plan.Numbers {
		return 0
	}
	total := truth.New(p)
	for i := range cohorts {
		mustMerge(total, cohorts[i].view(p, nil, nil))
	}
	e, ok := total.(truth.Numbers)
	if !ok || e.N == 0 {
		return 0
	}
	n := float64(e.N)
	mean := e.Actual.Float() / n
	sd := math.Sqrt(max(0, e.ActualSq.Float()/n-mean*mean))
	for i := range p.Columns {
		if p.Columns[i].Field == p.Prediction.Roles.Score {
			return p.Columns[i].Ignore.Shift * sd
		}
	}
	return 0
}
