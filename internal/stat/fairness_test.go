package stat

import (
	"math"
	"testing"
)

func people(name string, selected, n int64) Group { return Group{Name: name, N: n, Selected: selected} }

// 38 of 50 against 50 of 50 is below four fifths, and could well be chance among so few; 380 of 500 against 500 of 500 could not.
func TestFourFifthsIsJudgedByItsInterval(t *testing.T) {
	c, ok := FindCriterion("demographic_parity")
	if !ok {
		t.Fatal("no demographic parity")
	}
	ratio := Tolerance{Ratio: 0.8, Alpha: 0.05}
	gap := Tolerance{Gap: 0.1, Alpha: 0.05}
	for name, k := range map[string]struct {
		g, ref Group
		t      Tolerance
		state  Fairness
		reason string
	}{
		"too few people":         {people("a", 38, 50), people("b", 50, 50), ratio, Insufficient, "events"},
		"too few selected":       {people("a", 1, 400), people("b", 5, 900), ratio, Insufficient, "expected"},
		"far below":              {people("a", 120, 500), people("b", 450, 900), ratio, Violation, ""},
		"far above":              {people("a", 450, 900), people("b", 120, 500), ratio, Violation, ""},
		"alike and many":         {people("a", 2000, 5000), people("b", 4010, 10000), ratio, Fair, ""},
		"just below the fifths":  {people("a", 75, 200), people("b", 150, 300), ratio, Insufficient, "straddles"},
		"just below, but many":   {people("a", 7500, 20000), people("b", 15000, 30000), ratio, Violation, ""},
		"wide":                   {people("a", 12, 110), people("b", 12, 110), ratio, Insufficient, "width"},
		"gap beyond":             {people("a", 400, 1000), people("b", 650, 1000), gap, Violation, ""},
		"gap within":             {people("a", 640, 2000), people("b", 650, 2000), gap, Fair, ""},
		"gap on the edge":        {people("a", 450, 1000), people("b", 550, 1000), gap, Insufficient, "straddles"},
		"nothing to be judged":   {people("a", 400, 1000), people("b", 650, 1000), Tolerance{Alpha: 0.05}, Insufficient, "straddles"},
		"gap fair, ratio broken": {people("a", 200, 4000), people("b", 400, 4000), Tolerance{Gap: 0.1, Ratio: 0.8, Alpha: 0.05}, Violation, ""},
	} {
		d, ok := c.Compare(k.g, k.ref, k.t)
		if !ok || d.State != k.state || d.Reason != k.reason {
			t.Errorf("%s: %v because of %q, want %v because of %q (gap %v..%v, ratio %v..%v)",
				name, d.State, d.Reason, k.state, k.reason, d.Gap.Low, d.Gap.High, d.Ratio.Low, d.Ratio.High)
		}
	}
	if d, ok := c.Compare(people("a", 0, 0), people("b", 5, 10), ratio); ok {
		t.Errorf("a group of nobody: %+v", d)
	}
}

// Kidney stones (Charig et al. 1986, as retold by Julious & Mullee 1994): open surgery does better on small stones and on large ones, and
// worse on all. Ten times as many patients make both beyond chance.
func TestSimpsonsParadoxIsNoted(t *testing.T) {
	stones := []Stratum{
		{Name: "small", K1: 810, N1: 870, K2: 2340, N2: 2700},
		{Name: "large", K1: 1920, N1: 2630, K2: 550, N2: 800},
	}
	s, ok := Stratify(stones, 0.05)
	if !ok || !s.Reversed || s.Explained || s.Up != 2 || s.Down != 0 || s.Crude.High > 0 || s.Common.Low < 0 {
		t.Errorf("kidney stones: %+v", s)
	}
	if got := s.Crude.Value; math.Abs(got-(2730./3500-2890./3500)) > 1e-12 {
		t.Errorf("crude difference %v", got)
	}
	// The same rates within parts, unlike shares of the parts: the whole differs, the parts don't.
	same := []Stratum{
		{K1: 800, N1: 1000, K2: 240, N2: 300},
		{K1: 60, N1: 300, K2: 200, N2: 1000},
	}
	s, ok = Stratify(same, 0.05)
	if !ok || s.Reversed || !s.Explained || s.ChiSquare > 1e-9 || s.PValue < 0.99 {
		t.Errorf("explained by the parts: %+v", s)
	}
	if _, ok := Stratify([]Stratum{{K1: 1, N1: 2}}, 0.05); ok {
		t.Error("a comparison without a second group")
	}
}

func TestMutualInformationOfKnownTables(t *testing.T) {
	// A copy tells all: ln 2 of ln 2; independent columns tell nothing.
	copied, _ := MutualInformation([]int64{5000, 0, 0, 5000}, 2, 2, 0.05)
	if math.Abs(copied.Plain.Value-math.Ln2) > 1e-12 || copied.Share < 0.999 {
		t.Errorf("a copy: %+v", copied)
	}
	apart, _ := MutualInformation([]int64{300, 600, 100, 200}, 2, 2, 0.05)
	if apart.Plain.Value > 1e-12 || apart.Corrected.Value > 0 || apart.Corrected.Low != 0 || apart.Share != 0 {
		t.Errorf("independent: %+v", apart)
	}
	// Chance alone makes (r-1)(c-1)/2n: the correction takes as much off where all cells occur.
	many, _ := MutualInformation([]int64{30, 25, 20, 28, 31, 22}, 2, 3, 0.05)
	if d := many.Plain.Value - many.Corrected.Value; math.Abs(d-2./(2*156)) > 1e-12 {
		t.Errorf("the correction is %v, want 2/312", d)
	}
}

func TestMoreRecallIsPricedAtTheMargin(t *testing.T) {
	// 100 positives; the bin below the threshold holds 2 of them among 10 events, the one below that 1 of 20.
	r := Reliability{Labels: []int64{800, 20, 10, 170}, Pos: []int64{7, 1, 2, 90}}
	for b := range r.Labels {
		r.LS = append(r.LS, r.Labels[b]*int64(b)*scoreScale/4)
		r.LS2 = append(r.LS2, r.LS[b])
		r.PS = append(r.PS, r.Pos[b]*int64(b)*scoreScale/4)
	}
	c := Costs{FP: 40, FN: 90, TP: -10}
	one, ok := r.CostOfRecall(3, 0.01, c, 0.05)
	// One percent is one positive: half of the bin, so 5 events, 1 right and 4 wrong, over 1,000 decisions.
	if !ok || one.Edge != 2 || math.Abs(one.Selected-0.005) > 1e-12 || math.Abs(one.Cost.Value-(4*40-100)/1000.) > 1e-12 {
		t.Errorf("one percent: %+v, want 60 over 1,000", one)
	}
	three, ok := r.CostOfRecall(3, 0.03, c, 0.05)
	if !ok || three.Edge != 1 || math.Abs(three.Cost.Value-(27*40-300)/1000.) > 1e-12 {
		t.Errorf("three percent: %+v, want 780 over 1,000", three)
	}
	if _, ok := r.CostOfRecall(3, 0.2, c, 0.05); ok {
		t.Error("more recall than there are positives")
	}
	if _, ok := r.CostOfRecall(0, 0.01, c, 0.05); ok {
		t.Error("a threshold below all")
	}
}

// The cheapest edge by trying each, and regret that is sure only where it is large.
func TestRegretIsSureOnlyWhereItIs(t *testing.T) {
	r := Reliability{Labels: []int64{5000, 3000, 1500, 500}, Pos: []int64{50, 300, 750, 450}}
	for b := range r.Labels {
		r.LS = append(r.LS, r.Labels[b]*int64(b)*scoreScale/4)
		r.LS2 = append(r.LS2, r.LS[b])
		r.PS = append(r.PS, r.Pos[b]*int64(b)*scoreScale/4)
	}
	c := Costs{FP: 1, FN: 1}
	best, ok := r.CheapestEdge(c, 0.05)
	if !ok || best.Edge != 2 || best.Low != 2 || best.High != 3 || math.Abs(best.Pointed-0.5) > 1e-12 {
		// At edges 2 and 3 the bin between them has as many of either kind.
		t.Errorf("cheapest: %+v, want edge 2 of 2..3, 0.5", best)
	}
	if far, ok := r.Regret(0, c, 0.05); !ok || far.Low < 0.6 || math.Abs(far.Value-0.73) > 1e-12 {
		t.Errorf("everything positive: %+v", far)
	}
	if none, ok := r.Regret(3, c, 0.05); !ok || none.Low != 0 {
		t.Errorf("as cheap as any: %+v", none)
	}
}
