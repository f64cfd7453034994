package sketch

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// reasonsPlan is the tests' plan with a field that says whether reason codes are given: the latency, which is often missing.
func reasonsPlan(own bool) *plan.Plan {
	p := testPlan()
	p.Score.Own = own
	at := p.Prediction.Roles.Latency
	p.Reasons = &at
	return p
}

// Reason codes are counted by decision as a loop over all rows counts them, survive their bytes, and add up.
func TestReasonsAreCountedByDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := reasonsPlan(rapid.Bool().Draw(t, "own"))
		if rapid.Bool().Draw(t, "no score") {
			p.Score = nil
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		c, sum := NewCounter(p), NewSet(p)
		want := map[string][2]int64{}
		for range rapid.IntRange(1, 3).Draw(t, "batches") {
			b := batchOf(p, rng, rapid.SampledFrom([]int{0, 1, 50}).Draw(t, "rows"), rng.Float64())
			c.Count(0, b, broken(p, b))
			for row := range b.N {
				if b.Cols[1].State[row] != plan.OK {
					continue // it lies in no pane
				}
				positive, decided := false, false
				switch score, own := &b.Cols[3], &b.Cols[4]; {
				case p.Score == nil || p.Score.Own:
					decided = own.State[row] == plan.OK
					positive = decided && own.Num[row] >= 0.5
				case score.State[row] == plan.OK && score.Num[row] >= 0 && score.Num[row] <= 1:
					decided, positive = true, score.Num[row] >= p.Score.Threshold
				}
				kinds := []string{contract.AllDecisions}
				if decided {
					kinds = append(kinds, map[bool]string{true: contract.PositiveDecisions, false: contract.NegativeDecisions}[positive])
				}
				for _, kind := range kinds {
					n := want[kind]
					n[1]++
					if b.Cols[5].State[row] == plan.OK && b.Cols[5].Num[row] > 0 {
						n[0]++
					}
					want[kind] = n
				}
			}
		}
		written := map[Key][]byte{}
		for _, w := range c.Written() {
			written[w.Key] = w.AppendBinary(nil)
		}
		for _, cell := range c.Cells() {
			body := cell.Set.AppendBinary(nil)
			if !bytes.Equal(body, written[cell.Key]) {
				t.Fatal("a cell is written in two ways")
			}
			back, err := ReadSet(p, wire.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(cell.Set, back, shapes); d != "" {
				t.Fatal(d)
			}
			if err := sum.Merge(back.Clone()); err != nil {
				t.Fatal(err)
			}
		}
		for _, of := range []string{contract.AllDecisions, contract.PositiveDecisions, contract.NegativeDecisions} {
			given, all := sum.Reasoned(of)
			if want[of] != [2]int64{given, all} {
				t.Fatalf("%s: %d of %d, want %v", of, given, all, want[of])
			}
		}
		c.Reset()
		if len(c.Cells()) != 0 {
			t.Fatal("something is left")
		}
	})
}

// A set with reason codes and one without are never taken for each other, and what doesn't add up is refused.
func TestReasonsAreRefused(t *testing.T) {
	p, q := reasonsPlan(false), testPlan()
	with, without := drawSet(p, rand.New(rand.NewPCG(1, 1)), 20, 1), drawSet(q, rand.New(rand.NewPCG(1, 1)), 20, 1)
	if with.Merge(without) == nil || without.Merge(with) == nil {
		t.Error("sets of both kinds merge")
	}
	if _, err := ReadSet(q, wire.NewReader(with.AppendBinary(nil))); err == nil {
		t.Error("reason codes are read under a plan without them")
	}
	if _, err := ReadSet(p, wire.NewReader(without.AppendBinary(nil))); err == nil {
		t.Error("a set without reason codes is read under a plan with them")
	}
	for _, spoil := range []func(*Set){
		func(s *Set) { s.Reasons[reasonsNegative]++ },
		func(s *Set) { s.Reasons[reasonsPositive+1] = s.Reasons[reasonsPositive] + 1 },
		func(s *Set) { clear(s.Reasons) },
		func(s *Set) { s.Reasons[reasonsUndecided] = -1 },
	} {
		s := with.Clone()
		spoil(s)
		if _, err := ReadSet(p, wire.NewReader(s.AppendBinary(nil))); err == nil {
			t.Errorf("%v of %d rows is read", s.Reasons, s.Rows)
		}
	}
	if _, all := without.Reasoned(contract.AllDecisions); all != 0 {
		t.Errorf("%d decisions under a plan without reason codes", all)
	}
}
