package baseline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// counted is what a reference comes to once it is counted, whoever counted it: all that is learnt beside the layout follows from it.
type counted struct {
	panes   []drift.Pane     // test panes of all versions and slices, in order
	slices  map[string]int64 // events by finest slice
	week    sketch.Week      // events by hour of the week
	singles []int64          // by plan.Columns: categories that occur once
	cohorts []cohort         // outcomes by test pane, in order; none: what the plan has learnt of outcomes stays
}

func newCounted(p *plan.Plan) *counted {
	return &counted{slices: map[string]int64{}, singles: make([]int64, len(p.Columns))}
}

// truthful reports whether a plan judges outcomes.
func truthful(p *plan.Plan) bool { return p.Score != nil && p.Outcome != nil }

// learn fills in what a plan whose layout is complete learns from its reference, judges the reference, and seals the plan.
func learn(p *plan.Plan, c *counted) error {
	sets := make([]*sketch.Set, len(c.panes))
	for i := range c.panes {
		sets[i] = c.panes[i].Set
	}
	scatter(p, c.singles, sets)
	if len(c.cohorts) > 0 {
		if err := learnTruth(p, c.cohorts); err != nil {
			return err
		}
	}
	tooLarge, err := learnDrift(p, c.panes)
	if err != nil {
		return err
	}
	p.Unjudged = slices.Concat(p.Unjudged, judge(p, c, sets), tooLarge, unjudged(p))
	return seal(p)
}

// mostPlan is how large a plan may be with what it has learnt of drift. It is one record, of which clients send a million bytes at most, and
// schemas may still be written into it.
const mostPlan = 900_000

const paneByPane = "inputs are judged pane by pane"

// TooLarge reports whether what a plan learnt of drift was left out because its record would have become too large.
func TooLarge(p *plan.Plan) bool {
	return slices.ContainsFunc(p.Unjudged, func(note string) bool { return strings.HasPrefix(note, paneByPane) })
}

// learnDrift learns what the sequential engine goes by, or says why not. Without it, inputs are judged pane by pane.
func learnDrift(p *plan.Plan, panes []drift.Pane) (note []string, err error) {
	if p.Drift, err = drift.Learn(p, panes); err != nil {
		return nil, err
	}
	whole, err := p.JSON()
	if err != nil {
		return nil, err
	}
	if len(p.Drift) > 0 && len(whole) > mostPlan {
		p.Drift = nil
		note = []string{fmt.Sprintf(
			paneByPane+", and changes that build up slowly are not found: with what was learnt of %d columns the plan would take %d KB, and may take %d",
			len(p.Columns), len(whole)/1000, mostPlan/1000)}
	}
	return note, nil
}

func seal(p *plan.Plan) error {
	name, err := Digest(p)
	if err != nil {
		return err
	}
	p.Baseline = name
	return p.Seal()
}

// Digest names what a plan learnt, by its content: it is plan.Baseline.
func Digest(p *plan.Plan) (string, error) {
	b, err := json.Marshal(struct {
		Columns   []plan.Column
		Score     *plan.Score
		Slices    []plan.Dimension
		Reference plan.Span
		Drift     []byte `json:",omitempty"`
	}{p.Columns, p.Score, p.Slices, p.Reference, p.Drift})
	if err != nil {
		return "", fmt.Errorf("encode baseline of %s: %w", p.Model, err)
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
