package baseline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/diagnose"
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
	sides   *diagnose.Gatherer
	hourly  []int64      // events by hour of the week
	cohorts []cohort     // outcomes by test pane, in order; none: what the plan has learnt of outcomes stays
	arrived plan.Arrived // positive outcomes of those predictions that nothing can reach any more
	mature  int64        // test panes that end later are not mature; 0: all are
}

func newCounted(p *plan.Plan) *counted {
	return &counted{slices: map[string]int64{}, singles: make([]int64, len(p.Columns)), sides: diagnose.NewGatherer(p)}
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
		if err := learnTruth(p, c); err != nil {
			return err
		}
	}
	tooLarge, err := learnDrift(p, c.panes, mostPlan)
	if err != nil {
		return err
	}
	learnWide(p, c.panes)
	keepToDiagnose(p, c)
	off, err := offset(p)
	if err != nil {
		return err
	}
	gaps, err := learnFairness(p, c)
	if err != nil {
		return err
	}
	p.Unjudged = slices.Concat(p.Unjudged, judge(p, c, sets), off, c.selection(p), tooLarge, gaps, unjudged(p))
	return seal(p)
}

// mostPlan is how large a plan may be with what it has learnt of drift, in bytes: every service holds all plans.
const mostPlan = 16_000_000

const paneByPane = "inputs are judged pane by pane"

// TooLarge reports whether what a plan learnt of drift was left out because the plan would have become too large.
func TooLarge(p *plan.Plan) bool {
	return slices.ContainsFunc(p.Unjudged, func(note string) bool { return strings.HasPrefix(note, paneByPane) })
}

// learnDrift learns what the sequential engine goes by, or says why not. What grows with the slices is given up first; without any of it, inputs
// are judged pane by pane.
func learnDrift(p *plan.Plan, panes []drift.Pane, most int) (note []string, err error) {
	size := func(panes []drift.Pane) (int, error) {
		if p.Drift, err = drift.Learn(p, panes); err != nil {
			return 0, err
		}
		whole, err := p.JSON()
		return len(whole), err
	}
	all, err := size(panes)
	if err != nil || all <= most {
		return nil, err
	}
	whole := slices.Clone(panes)
	for i := range whole {
		whole[i].Cells = nil
	}
	without, err := size(whole)
	if err != nil {
		return nil, err
	}
	if without <= most {
		return []string{fmt.Sprintf("slices are not followed, only the whole: with what was learnt of them the plan would take %d KB, and may take %d", all/1000, most/1000)}, nil
	}
	p.Drift = nil
	return []string{fmt.Sprintf(
		paneByPane+", and changes that build up slowly are not found: with what was learnt of %d columns the plan would take %d KB, and may take %d",
		len(p.Columns), without/1000, most/1000)}, nil
}

// keepToDiagnose keeps of the reference what causes are told by.
func keepToDiagnose(p *plan.Plan, c *counted) {
	s := c.sides.Side()
	s.Panes, s.Hours = len(c.panes), p.Reference.To.Sub(p.Reference.From).Hours()
	s.Hourly = c.hourly
	p.Diagnosis = diagnose.Append(nil, s)
}

// newPane begins a test pane of a reference.
func newPane(p *plan.Plan, start int64) drift.Pane {
	return drift.Pane{Start: start, End: start + p.TestPane.Microseconds(), Set: sketch.NewSet(p), Cells: map[string]*sketch.Set{}}
}

// addCell adds a cell, whose set it may keep and change.
func addCell(p *plan.Plan, pane *drift.Pane, slice string, set *sketch.Set) error {
	if err := pane.Set.Merge(set); err != nil {
		return err
	}
	if len(p.Slices) == 0 {
		return nil
	}
	if had := pane.Cells[slice]; had != nil { // of another version or base pane
		return had.Merge(set)
	}
	pane.Cells[slice] = set
	return nil
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
		Drift     []byte         `json:",omitempty"`
		Labels    []byte         `json:",omitempty"`
		Labelled  []byte         `json:",omitempty"`
		Concept   []byte         `json:",omitempty"`
		Fairness  *plan.Fairness `json:",omitempty"`
	}{p.Columns, p.Score, p.Slices, p.Reference, p.Drift, p.DriftLabels, p.DriftLabelled, p.Concept, p.Fairness})
	if err != nil {
		return "", fmt.Errorf("encode baseline of %s: %w", p.Model, err)
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
