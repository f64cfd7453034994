package stat

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
)

// number reads a float that JSON can't hold ("NaN", "+Inf") from a string.
type number float64

func (n *number) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		switch s {
		case "NaN":
			*n = number(math.NaN())
		case "+Inf":
			*n = number(math.Inf(1))
		case "-Inf":
			*n = number(math.Inf(-1))
		default:
			return fmt.Errorf("read number: %q", s)
		}
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

type goldenDistance struct {
	Cur, Ref                                   []int64
	Means                                      []float64
	PSI, Phi2, X2, KS, JS, Hellinger, W1, Linf number
	DF                                         int
	KSPValue                                   number `json:"ks_p"`
}

type goldenVerdict struct {
	Cur, Ref           []int64
	Floor, Deff, Alpha float64
	State              State
	DF                 int
	Effective          float64
	PSI, Threshold, X2 number
	PSICorrected       number `json:"psi_corrected"`
}

type goldenCurve struct {
	Name     string
	Curve    Reliability
	Brier    number
	Rel      number
	Res      number
	Unc      number
	WBV      number
	WBC      number
	LogLoss  number `json:"log_loss"`
	AUC      number
	AUCSE    number `json:"auc_se"`
	ECEWidth number `json:"ece_width"`
	ECEMass  number `json:"ece_mass"`
	ECEDeb   number `json:"ece_debiased"`

	MeanScore   number `json:"mean_score"`
	MeanScoreSE number `json:"mean_score_se"`
	LabelRate   number `json:"label_rate"`
	Bias        number
	BiasSE      number `json:"bias_se"`

	Accuracy, Precision, Recall, Specificity, F1, MCC, Cost number

	CostSE number `json:"cost_se"`
	Z      number
	A, B   number
	SEA    number `json:"se_a"`
	SEB    number `json:"se_b"`
	Cov    number
}

type golden struct {
	Distributions map[string][][]number
	Distances     []goldenDistance
	Judgements    []goldenVerdict
	Floors        [][]float64
	Performance   []goldenCurve
	Limits        []struct {
		Windows      []float64
		Alpha, Limit float64
	}
	Dispersions []struct {
		Y, P, V []float64
		D       float64
	}
	Intervals map[string][][]float64
}

func readGolden(t *testing.T) golden {
	t.Helper()
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// off returns the relative error of got, absolute below floor; 0 for equal infinities and for NaN against NaN.
func off(got, want, floor float64) float64 {
	if got == want || math.IsNaN(got) && math.IsNaN(want) {
		return 0
	}
	e := math.Abs(got-want) / max(math.Abs(want), floor)
	if math.IsNaN(e) {
		return math.Inf(1)
	}
	return e
}

// near fails the test if got differs from want by more than tol, relative down to 1e-12 and absolute below.
func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if e := off(got, want, 1e-12); e > tol {
		t.Errorf("%s = %.17g, want %.17g (off by %.2g, allowed %.2g)", what, got, want, e, tol)
	}
}

func TestDistributionsAgreeWithSciPy(t *testing.T) {
	g := readGolden(t).Distributions
	one := func(f func(x float64) float64) func(a []float64) []float64 {
		return func(a []float64) []float64 { return []float64{f(a[0])} }
	}
	two := func(f func(x, y float64) float64) func(a []float64) []float64 {
		return func(a []float64) []float64 { return []float64{f(a[0], a[1])} }
	}
	three := func(f func(x, y, z float64) float64) func(a []float64) []float64 {
		return func(a []float64) []float64 { return []float64{f(a[0], a[1], a[2])} }
	}
	cases := []struct {
		name  string
		args  int
		tol   float64
		floor float64 // errors are relative above this
		f     func(a []float64) []float64
	}{
		{"normal_cdf", 1, 1e-12, 0, one(NormalCDF)},
		{"normal_quantile", 1, 1e-13, 1e-3, one(NormalQuantile)},
		{"chi2_cdf", 2, 1e-11, 1e-300, two(ChiSquareCDF)},
		{"chi2_sf", 2, 1e-11, 1e-300, two(ChiSquareSF)},
		{"chi2_quantile", 2, 1e-10, 0, two(ChiSquareQuantile)},
		{"ncx2", 3, 1e-9, 1e-300, func(a []float64) []float64 {
			return []float64{NonCentralChiSquareCDF(a[0], a[1], a[2]), NonCentralChiSquareSF(a[0], a[1], a[2])}
		}},
		{"ncx2_quantile", 3, 1e-8, 0, three(NonCentralChiSquareQuantile)},
		{"student_cdf", 2, 1e-11, 0, two(StudentCDF)},
		{"student_quantile", 2, 1e-9, 1e-3, two(StudentQuantile)},
		{"beta_cdf", 3, 1e-10, 1e-300, three(BetaCDF)},
		{"beta_quantile", 3, 1e-9, 1e-290, three(BetaQuantile)},
		{"binomial", 3, 1e-9, 1e-300, func(a []float64) []float64 {
			k, n := int64(a[0]), int64(a[1])
			return []float64{BinomialPMF(k, n, a[2]), BinomialCDF(k, n, a[2]), BinomialSF(k, n, a[2])}
		}},
		{"kolmogorov", 1, 1e-12, 0, one(KolmogorovSF)},
	}
	if len(cases) != len(g) {
		t.Errorf("%d functions in the golden file, %d tested", len(g), len(cases))
	}
	for _, c := range cases {
		if len(g[c.name]) == 0 {
			t.Errorf("%s: no golden rows", c.name)
		}
		worst := 0.
		for _, row := range g[c.name] {
			args := make([]float64, c.args)
			for i := range args {
				args[i] = float64(row[i])
			}
			for i, got := range c.f(args) {
				e := off(got, float64(row[c.args+i]), c.floor)
				worst = max(worst, e)
				if e > c.tol {
					t.Errorf("%s%v[%d] = %.17g, want %.17g (off by %.2g, allowed %.2g)", c.name, args, i, got, float64(row[c.args+i]), e, c.tol)
				}
			}
		}
		t.Logf("%-18s worst error %.2g", c.name, worst)
	}
}

func TestDistancesAgreeWithSciPy(t *testing.T) {
	for i, d := range readGolden(t).Distances {
		at := func(name string) string { return fmt.Sprintf("case %d: %s", i, name) }
		near(t, at("psi"), PSI(d.Cur, d.Ref), float64(d.PSI), 1e-8)
		near(t, at("phi2"), Phi2(d.Cur, d.Ref), float64(d.Phi2), 1e-10)
		x2, df := ChiSquare(d.Cur, d.Ref)
		near(t, at("x2"), x2, float64(d.X2), 1e-10)
		if df != d.DF {
			t.Errorf("%s = %d, want %d", at("df"), df, d.DF)
		}
		ks, p := KS(d.Cur, d.Ref)
		near(t, at("ks"), ks, float64(d.KS), 1e-9)
		near(t, at("ks p"), p, float64(d.KSPValue), 1e-8)
		near(t, at("js"), JensenShannonDistanceBits(d.Cur, d.Ref), float64(d.JS), 1e-7)
		near(t, at("hellinger"), Hellinger(d.Cur, d.Ref), float64(d.Hellinger), 1e-10)
		near(t, at("w1"), WassersteinSD(d.Cur, d.Ref, d.Means, 2.5), float64(d.W1), 1e-9)
		near(t, at("linf"), LInfinity(d.Cur, d.Ref), float64(d.Linf), 1e-12)
	}
}

func TestFloorTranslatesExactly(t *testing.T) {
	for _, row := range readGolden(t).Floors {
		f := Floor{Shift: row[0]}
		for i, got := range []float64{f.Phi2(), f.PSI(), f.JS(), f.Hellinger(), f.KS(), f.Wasserstein()} {
			near(t, fmt.Sprintf("%+v[%d]", f, i), got, row[i+1], 1e-9)
		}
	}
}

func TestPerformanceAgreesWithScikitLearn(t *testing.T) {
	for _, g := range readGolden(t).Performance {
		check := func(name string, f func() (Estimate, bool), want, se number, tol float64) {
			t.Helper()
			e, ok := f()
			if !ok {
				t.Errorf("%s: %s is not defined", g.Name, name)
				return
			}
			near(t, g.Name+": "+name, e.Value, float64(want), tol)
			if se >= 0 {
				near(t, g.Name+": SE of "+name, e.SE, float64(se), tol)
			}
		}
		r := g.Curve
		check("brier", r.Brier, g.Brier, -1, 1e-8)
		check("log loss", r.LogLoss, g.LogLoss, -1, 1e-10)
		check("auc", r.ROCAUC, g.AUC, g.AUCSE, 1e-10)
		check("ece width", func() (Estimate, bool) { return r.ECEWidth(10) }, g.ECEWidth, -1, 1e-10)
		check("ece mass", func() (Estimate, bool) { return r.ECEMass(10) }, g.ECEMass, -1, 1e-10)
		check("ece debiased", func() (Estimate, bool) { return r.ECEDebiased(10) }, g.ECEDeb, -1, 1e-9)
		check("mean score", r.MeanScore, g.MeanScore, g.MeanScoreSE, 1e-10)
		check("label rate", r.LabelRate, g.LabelRate, -1, 1e-12)
		check("bias", r.Bias, g.Bias, g.BiasSE, 1e-9)
		check("accuracy", r.Accuracy, g.Accuracy, -1, 1e-12)
		check("precision", r.Precision, g.Precision, -1, 1e-12)
		check("recall", r.Recall, g.Recall, -1, 1e-12)
		check("specificity", r.Specificity, g.Specificity, -1, 1e-12)
		check("f1", r.F1, g.F1, -1, 1e-12)
		check("mcc", r.MCC, g.MCC, -1, 1e-12)
		check("cost", func() (Estimate, bool) { return r.ExpectedCost(Costs{FP: 2, FN: 10, TP: -3, TN: 0.5}) }, g.Cost, g.CostSE, 1e-12)
		check("spiegelhalter", r.SpiegelhalterZ, g.Z, -1, 2e-2)

		parts, ok := r.BrierParts()
		if !ok {
			t.Errorf("%s: no Brier parts", g.Name)
		}
		for i, p := range [][2]float64{
			{parts.Reliability, float64(g.Rel)},
			{parts.Resolution, float64(g.Res)},
			{parts.Uncertainty, float64(g.Unc)},
			{parts.WithinVariance, float64(g.WBV)},
			{parts.WithinCovariance, float64(g.WBC)},
		} {
			near(t, fmt.Sprintf("%s: Brier part %d", g.Name, i), p[0], p[1], 1e-8)
		}
		m, ok := r.CalibrationMap()
		if !ok {
			t.Errorf("%s: no calibration map", g.Name)
		}
		near(t, g.Name+": A", m.A, float64(g.A), 1e-6)
		near(t, g.Name+": B", m.B, float64(g.B), 1e-6)
		near(t, g.Name+": SE of A", m.SEA, float64(g.SEA), 1e-6)
		near(t, g.Name+": SE of B", m.SEB, float64(g.SEB), 1e-6)
		near(t, g.Name+": covariance", m.Cov, float64(g.Cov), 1e-6)
	}
}

func TestLimitsAndDispersionsAgreeWithNumPy(t *testing.T) {
	g := readGolden(t)
	for i, l := range g.Limits {
		got, ok := WindowLimit(l.Windows, l.Alpha)
		if !ok {
			t.Errorf("limit %d is not defined", i)
		}
		near(t, fmt.Sprintf("limit %d", i), got, l.Limit, 1e-9)
	}
	for i, d := range g.Dispersions {
		near(t, fmt.Sprintf("dispersion %d", i), OutcomeDispersion(d.Y, d.P, d.V), d.D, 1e-10)
	}
	for _, w := range g.Intervals["wilson"] {
		lo, hi := Wilson(int64(w[0]), int64(w[1]), 0.05)
		near(t, fmt.Sprint("wilson lo ", w), lo, w[2], 1e-10)
		near(t, fmt.Sprint("wilson hi ", w), hi, w[3], 1e-10)
	}
	for _, w := range g.Intervals["katz"] {
		lo, hi := KatzRatio(int64(w[0]), int64(w[1]), int64(w[2]), int64(w[3]), 0.05)
		near(t, fmt.Sprint("katz lo ", w), lo, w[4], 1e-10)
		near(t, fmt.Sprint("katz hi ", w), hi, w[5], 1e-10)
	}
	// Newcombe (1998), table II, contrast (a), method 10.
	lo, hi := Newcombe(56, 70, 48, 80, 0.05)
	if math.Abs(lo-0.0524) > 5e-5 || math.Abs(hi-0.3339) > 5e-5 {
		t.Errorf("Newcombe(56/70, 48/80) = %.4f, %.4f, want 0.0524, 0.3339", lo, hi)
	}
}
