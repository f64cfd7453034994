package fairness_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// known is a cohort in which the women's outcomes are known at high scores, and the men's at both.
func known(t *testing.T, p *plan.Plan) *fairness.Tally {
	t.Helper()
	out := fairness.NewTally(p)
	for sex, of := range [2][2]int{{40, 160}, {100, 100}} { // outcomes at low and at high scores, of 200 each
		c := sketch.NewCurve(2)
		for bin, labels := range of {
			for i := range 200 {
				c.Predict(bin, int64(bin)<<29)
				if i < labels {
					c.Label(bin, int64(bin)<<29, bin == 1, i%2 == 0, 1) // half of them are positive, at any score
				}
			}
		}
		if err := out.Outcomes(code(sex, 0, 0), truth.Under(p, c)); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func stating(missing plan.MissingOutcomes) *plan.Plan {
	p := protecting()
	p.Score.Missing, p.Score.Edges = missing, []float64{0.49} // the bins lie on either side of the threshold
	return p
}

// What is stated of the outcomes that nobody knows decides what rates rest on: those of single attributes of events are re-weighted, others are told as of a selection.
func TestWhatRatesRestOn(t *testing.T) {
	t.Parallel()
	opportunity, _ := fairness.Find("equal_opportunity_difference")
	omission, _ := fairness.Find("false_omission_difference")
	parity, _ := fairness.Find("demographic_parity_difference")
	own, joined := stating(plan.AtRandomGivenScore), stating(plan.AtRandomGivenScore)
	own.Score.Own = true
	joined.Attributes = &plan.Attributes{Joined: []plan.Joined{{Dim: 0}}}
	late := stating(plan.PositivesOnly)
	late.Score.Arrived = &plan.Arrived{OnTime: 80, All: 100}
	for _, c := range []struct {
		name   string
		p      *plan.Plan
		dims   []int
		m      fairness.Metric
		want   fairness.Basis
		tp, fn int64 // of the women, -1: not looked at
	}{
		{"nothing stated", stating(plan.Unstated), []int{0}, opportunity, fairness.Selected, 80, 20},
		{"decisions take no outcomes", stating(plan.AtRandomGivenScore), []int{0}, parity, fairness.AsKnown, 80, 20},
		{"at random", stating(plan.AtRandomGivenScore), []int{0}, opportunity, fairness.Reweighted, -1, -1},
		{"at random, a cross", stating(plan.AtRandomGivenScore), []int{0, 1}, opportunity, fairness.Selected, 80, 20},
		{"at random, a topic of its own", joined, []int{0}, opportunity, fairness.Selected, 80, 20},
		{"at random, events decide", own, []int{0}, opportunity, fairness.Selected, 80, 20},
		{"positives only", late, []int{0}, opportunity, fairness.AsKnown, 80, 20},
		{"positives only, of negatives", late, []int{0}, omission, fairness.Completed, 80, -1},
		{"positives only, a cross", late, []int{0, 1}, omission, fairness.Unidentified, 80, 0},
		{"positives only, of unknown age", stating(plan.PositivesOnly), []int{0}, omission, fairness.Unidentified, 80, 0},
	} {
		pair := known(t, c.p).Pairs(c.p, c.dims)[0]
		stood, basis := c.m.Stand(pair)
		if basis != c.want || c.tp >= 0 && stood.TP != c.tp || c.fn >= 0 && stood.FN != c.fn {
			t.Errorf("%s: %q, %+v", c.name, basis, stood.Counts)
		}
		if c.name == "at random" { // half of the positives lie at high scores
			if d := float64(stood.TP) / float64(stood.TP+stood.FN); d < 0.49 || d > 0.51 || stood.TP+stood.FN >= 200 {
				t.Errorf("%s: %+v", c.name, stood.Counts)
			}
		}
	}
}

// A tally of an earlier build knows nothing of which predictions have their outcome, and is read all the same.
func TestReadsFormerTallies(t *testing.T) {
	t.Parallel()
	p, former := protecting(), protecting()
	former.Outcome = nil
	old := fairness.NewTally(former)
	add(t, old, code(0, 1, 0), 300, 100)
	add(t, old, code(1, 1, 0), 300, 200)
	b := old.AppendBinary(nil)
	if b[0] != 1 {
		t.Fatalf("format %d", b[0])
	}
	got, err := fairness.ReadTally(p, wire.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(old.By([]int{0}), got.By([]int{0})); d != "" {
		t.Error(d)
	}
	if again := got.AppendBinary(nil); again[0] != 2 {
		t.Errorf("written as format %d", again[0])
	}
	if _, err := fairness.ReadTally(former, wire.NewReader(got.AppendBinary(nil))); err == nil {
		t.Error("outcomes were read for a plan without any")
	}
}
