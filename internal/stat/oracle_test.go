package stat_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// unit is the unit of the scores in testdata/oracle: 2^-20.
const unit = 1 << 20

// figure is a value and its standard error, absent where the script has none.
type figure struct {
	value, se float64
}

func (f *figure) UnmarshalJSON(b []byte) error {
	var pair [2]*float64
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	f.value, f.se = math.NaN(), math.NaN()
	if pair[0] != nil {
		f.value = *pair[0]
	}
	if pair[1] != nil {
		f.se = *pair[1]
	}
	return nil
}

type binaryOracle struct {
	Metrics map[string]figure
	Binned  map[string]figure
	Parts   map[string]float64
	Cost    figure
	Edges   struct {
		Cost    []figure
		F1      []float64
		Between figure
	}
}

type classOracle struct {
	Metrics map[string]figure
	Top     []float64
	Classes [][3]float64 // precision, recall, F1
}

type numberOracle struct{ Metrics map[string]figure }

type attributeOracle struct {
	Extremes map[string][2]float64
	Rates    map[string][]float64
}

type groupOracle struct {
	Sex, Race   attributeOracle
	Scores      struct{ KS, W1 float64 }
	Information map[string]float64
	Strata      struct {
		ChiSquare float64 `json:"chi_square"`
		P, Common float64
	}
}

type oracle struct {
	Breast, Census, Price binaryOracle
	Digits, Wine          classOracle
	Diabetes, Demand      numberOracle
	Groups                groupOracle
}

func readOracle(t *testing.T) oracle {
	t.Helper()
	b, err := os.ReadFile("testdata/oracle/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var o oracle
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// readRows reads a table of whole numbers, by column.
func readRows(t *testing.T, name string) map[string][]int64 {
	t.Helper()
	f, err := os.Open("testdata/oracle/" + name + ".csv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 100 {
		t.Fatalf("%s: %d rows: %v", name, len(rows), err)
	}
	out := map[string][]int64{}
	for i, column := range rows[0] {
		for _, r := range rows[1:] {
			v, err := strconv.ParseInt(r[i], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			out[column] = append(out[column], v)
		}
	}
	return out
}

// within fails the test if got is further from want than tol, in absolute terms or as a share of want, whichever is more.
func within(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*max(1, math.Abs(want))) {
		t.Errorf("%s = %.15g, want %.15g (off by %.2g)", what, got, want, math.Abs(got-want))
	}
}

// wide is the bin of a score among 64 of one width, closed on the right.
func wide(score int64) int { return int(max(0, (score+unit/64-1)/(unit/64)-1)) }

// distinct gives each score that occurs a bin of its own.
func distinct(scores []int64) (bins int, of func(score int64) int) {
	values := slices.Compact(slices.Sorted(slices.Values(scores)))
	return len(values), func(score int64) int {
		at, _ := slices.BinarySearch(values, score)
		return at
	}
}

// counted counts rows into a curve as services do.
func counted(scores, labels []int64, decided func(row int) bool, bins int, of func(score int64) int) stat.Reliability {
	c := sketch.NewCurve(bins)
	for i, s := range scores {
		fixed, _ := sketch.ScoreFixed(float64(s) / unit)
		b := of(s)
		c.Predict(b, fixed)
		c.Label(b, fixed, decided(i), labels[i] == 1, 1)
	}
	return truth.Reliability(c)
}

func decider(rows map[string][]int64) func(row int) bool {
	if d := rows["decision"]; d != nil {
		return func(row int) bool { return d[row] == 1 }
	}
	return func(row int) bool { return rows["score"][row] >= unit/2 }
}

// What the decisions' counts and the sums determine is the same to 1e-9 whatever the bins; what depends on the order of scores, or
// on their logarithms, is if every score has a bin of its own.
func TestBinaryMetricsAgreeWithScikitLearn(t *testing.T) {
	o := readOracle(t)
	for name, want := range map[string]binaryOracle{"breast": o.Breast, "census": o.Census, "price": o.Price} {
		rows := readRows(t, name)
		bins, of := distinct(rows["score"])
		r := counted(rows["score"], rows["label"], decider(rows), bins, of)
		seen := 0
		for _, m := range stat.BinaryMetrics() {
			w, ok := want.Metrics[m.Name]
			if !ok {
				continue // the parts of the Brier score, below
			}
			seen++
			got, ok := m.Band(r, 0.05)
			if !ok {
				t.Errorf("%s: no %s", name, m.Name)
				continue
			}
			tol := 1e-9
			switch m.Name {
			case "ece_debiased":
				tol = 1e-8 // the root of a sum that is right to 1e-9
			case "spiegelhalter_z":
				tol = rounding(rows["score"])
			}
			within(t, name+": "+m.Name, got.Value, w.value, tol)
			if !math.IsNaN(w.se) {
				within(t, name+": SE of "+m.Name, got.SE, w.se, 1e-8)
			}
			if got.Low > got.High || m.Truth == "" && (got.Value < got.Low-1e-12 || got.Value > got.High+1e-12) {
				t.Errorf("%s: %s %v outside its own interval %v..%v", name, m.Name, got.Value, got.Low, got.High)
			}
		}
		if seen != len(want.Metrics) {
			t.Errorf("%s: %d metrics in the file, %d compared", name, len(want.Metrics), seen)
		}
		cost, _ := r.ExpectedCostBand(costs, 0.05)
		within(t, name+": cost", cost.Value, want.Cost.value, 1e-9)
		within(t, name+": SE of cost", cost.SE, want.Cost.se, 1e-9)
	}
}

// rounding is how far Spiegelhalter's z can be off, as each square of a score is rounded to 2^-30: the sum by n times that.
func rounding(scores []int64) float64 {
	var v float64
	for _, k := range scores {
		s := float64(k) / unit
		v += (1 - 2*s) * (1 - 2*s) * s * (1 - s)
	}
	return float64(len(scores)) / sketch.ScoreScale / math.Sqrt(v)
}

var costs = stat.Costs{FP: 40, FN: 90, TP: -10, TN: 0.5}

// With 64 bins the sums still hold the Brier score, its parts and the bias; areas and log loss lie within the bounds that the counts
// give.
func TestBinnedMetricsKeepTheirBounds(t *testing.T) {
	o := readOracle(t)
	edges := make([]float64, 63)
	for i := range edges {
		edges[i] = float64(i+1) / 64
	}
	for name, want := range map[string]binaryOracle{"breast": o.Breast, "census": o.Census, "price": o.Price} {
		rows := readRows(t, name)
		r := counted(rows["score"], rows["label"], decider(rows), 64, wide)
		for _, m := range []string{"brier", "calibration_bias", "label_rate", "accuracy", "mcc", "f2"} {
			metric, _ := stat.FindBinary(m)
			got, _ := metric.Band(r, 0.05)
			within(t, name+": "+m, got.Value, want.Metrics[m].value, 1e-9)
		}
		parts, _ := r.BrierParts()
		for part, got := range map[string]float64{
			"reliability": parts.Reliability, "resolution": parts.Resolution, "uncertainty": parts.Uncertainty,
			"within_variance": parts.WithinVariance, "within_covariance": parts.WithinCovariance,
		} {
			within(t, name+": Brier "+part, got, want.Parts[part], 2e-9) // two sums that are right to 1e-9
		}
		for m, f := range map[string]func() (stat.Estimate, bool){"roc_auc": r.ROCAUC, "pr_auc": r.AveragePrecision} {
			got, _ := f()
			within(t, name+": binned "+m, got.Value, want.Binned[m].value, 1e-9)
			within(t, name+": SE of binned "+m, got.SE, want.Binned[m].se, 1e-8)
		}
		for m, f := range map[string]func() (lo, hi float64, ok bool){
			"roc_auc": r.ROCAUCBounds, "pr_auc": r.AveragePrecisionBounds,
			"log_loss": func() (lo, hi float64, ok bool) { return r.LogLossBounds(edges) },
		} {
			lo, hi, ok := f()
			exact := want.Metrics[m].value
			metric, _ := stat.FindBinary(m)
			got, _ := metric.Band(r, 0.05)
			t.Logf("%s: %s %.6f of 64 bins, %.6f of rows, bounds %.6f..%.6f", name, m, got.Value, exact, lo, hi)
			if !ok || !(exact >= lo-1e-9 && exact <= hi+1e-9 && got.Value >= lo-1e-9 && got.Value <= hi+1e-9) {
				t.Errorf("%s: %s is %v, by rows %v, bounds %v..%v, %v", name, m, got.Value, exact, lo, hi, ok)
			}
		}
	}
}

func TestEveryEdgeIsAThreshold(t *testing.T) {
	o := readOracle(t)
	for name, want := range map[string]binaryOracle{"breast": o.Breast, "census": o.Census, "price": o.Price} {
		rows := readRows(t, name)
		r := counted(rows["score"], rows["label"], decider(rows), 64, wide)
		at, ok := r.CostsAt(costs)
		if !ok || len(at) != r.Edges() || len(at) != len(want.Edges.Cost) {
			t.Fatalf("%s: %d costs, %d edges, want %d", name, len(at), r.Edges(), len(want.Edges.Cost))
		}
		cheapest := 0
		for e, w := range want.Edges.Cost {
			within(t, fmt.Sprintf("%s: cost at edge %d", name, e), at[e].Value, w.value, 1e-9)
			within(t, fmt.Sprintf("%s: SE of cost at edge %d", name, e), at[e].SE, w.se, 1e-9)
			if w.value < want.Edges.Cost[cheapest].value {
				cheapest = e
			}
			d, ok := r.DecidedAt(e)
			f1, ok2 := d.F1()
			if !ok || !ok2 {
				t.Fatalf("%s: no decisions at edge %d", name, e)
			}
			within(t, fmt.Sprintf("%s: F1 at edge %d", name, e), f1.Value, want.Edges.F1[e], 1e-9)
		}
		between, _ := r.CostBetween(40, 20, costs)
		within(t, name+": cost between edges", between.Value, want.Edges.Between.value, 1e-9)
		within(t, name+": SE of cost between edges", between.SE, want.Edges.Between.se, 1e-9)
		best, ok := r.CheapestEdge(costs, 0.05)
		if !ok || best.Edge != cheapest || best.Low > cheapest || best.High < cheapest {
			t.Errorf("%s: cheapest %+v, want edge %d", name, best, cheapest)
		}
	}
	for _, edge := range []int{-1, 65} {
		if _, ok := counted([]int64{1, unit}, []int64{0, 1}, func(int) bool { return true }, 64, wide).DecidedAt(edge); ok {
			t.Errorf("decisions at edge %d of 64 bins", edge)
		}
	}
}

func TestClassMetricsAgreeWithScikitLearn(t *testing.T) {
	o := readOracle(t)
	for name, want := range map[string]classOracle{"digits": o.Digits, "wine": o.Wine} {
		rows := readRows(t, name)
		k := len(rows) - 1
		n := len(rows["label"])
		confusion := sketch.NewConfusion(k)
		ranks := make([]int64, k)
		classes := make([][]int64, k)
		for i := range classes {
			classes[i] = rows["s"+strconv.Itoa(i)]
		}
		for row, label := range rows["label"] {
			best, rank := 0, 0
			own := classes[label][row]
			for i := range k {
				if classes[i][row] > classes[best][row] {
					best = i
				}
				// Of equal scores scikit-learn ranks the higher class first.
				if classes[i][row] > own || classes[i][row] == own && i > int(label) {
					rank++
				}
			}
			confusion.Label(int(label), best, 1)
			ranks[rank]++
		}
		c := stat.Classes{K: k, Counts: make([]int64, k*k), Ranks: ranks}
		for pair, v := range confusion.All() {
			c.Counts[pair[0]*k+pair[1]] = v
		}
		of := func(bins func(scores []int64) (int, func(int64) int)) (curves []stat.Reliability) {
			for i := range k {
				y := make([]int64, n)
				for row, label := range rows["label"] {
					if int(label) == i {
						y[row] = 1
					}
				}
				b, f := bins(classes[i])
				curves = append(curves, counted(classes[i], y, func(int) bool { return false }, b, f))
			}
			return curves
		}
		c.Curves = of(distinct)
		seen := 0
		for _, m := range stat.ClassMetrics() {
			w, ok := want.Metrics[m.Name]
			got, ok2 := m.Band(c, 0.05)
			if !ok || !ok2 {
				t.Errorf("%s: %s: in the file %v, computed %v", name, m.Name, ok, ok2)
				continue
			}
			seen++
			tol := 1e-9
			if m.Name == "brier" {
				tol = float64(k) * 1e-9 // a sum of k
			}
			within(t, name+": "+m.Name, got.Value, w.value, tol)
			switch {
			case math.IsNaN(w.se):
			case m.Name == "brier": // what the classes of one event share isn't counted
				if math.Abs(got.SE-w.se) > 0.1*w.se {
					t.Errorf("%s: SE of brier = %v, want %v within a tenth", name, got.SE, w.se)
				}
			default:
				within(t, name+": SE of "+m.Name, got.SE, w.se, 1e-8)
			}
		}
		if seen != len(want.Metrics) {
			t.Errorf("%s: %d metrics in the file, %d compared", name, len(want.Metrics), seen)
		}
		for i, w := range want.Top {
			got, ok := c.TopK(i + 1)
			if !ok {
				t.Errorf("%s: no top %d", name, i+1)
			}
			within(t, fmt.Sprintf("%s: top %d", name, i+1), got.Value, w, 1e-9)
		}
		for i, w := range want.Classes {
			one, _ := c.Class(i)
			precision, _ := one.Precision()
			recall, _ := one.Recall()
			f1, _ := one.F1()
			for j, got := range []float64{precision.Value, recall.Value, f1.Value} {
				within(t, fmt.Sprintf("%s: class %d, metric %d", name, i, j), got, w[j], 1e-9)
			}
		}

		// With 64 bins a class the log loss is low, by no more than its curves' positives can hide.
		c.Curves = of(func([]int64) (int, func(int64) int) { return 64, wide })
		low, _ := c.LogLoss()
		high := 0.
		for _, r := range c.Curves {
			for b, pos := range r.Pos {
				if pos > 0 {
					from, to := max(float64(b)/64, stat.MinScore), float64(b+1)/64
					mean := float64(r.PS[b]) / sketch.ScoreScale / float64(pos)
					high += float64(pos) / float64(n) * (-math.Log(from) + (mean-from)/(to-from)*(math.Log(from)-math.Log(to)))
				}
			}
		}
		exact := want.Metrics["log_loss"].value
		t.Logf("%s: log loss %.6f of 64 bins, %.6f of rows, at most %.6f", name, low.Value, exact, high)
		if exact < low.Value-1e-9 || exact > high+1e-9 {
			t.Errorf("%s: log loss of 64 bins %v, by rows %v, at most %v", name, low.Value, exact, high)
		}
		brier, _ := c.Brier()
		within(t, name+": binned Brier", brier.Value, want.Metrics["brier"].value, float64(k)*1e-9)
	}
}

func TestNumberMetricsAgreeWithScikitLearn(t *testing.T) {
	o := readOracle(t)
	for name, want := range map[string]numberOracle{"diabetes": o.Diabetes, "demand": o.Demand} {
		rows := readRows(t, name)
		var e sketch.Errors
		for i := range rows["actual"] {
			at := func(column string) float64 { return float64(rows[column][i]) / 1024 }
			e.Label(sketch.Pair{Predicted: at("predicted"), Actual: at("actual"), Low: at("low"), High: at("high"), Interval: true}, 1)
		}
		r := truth.Residuals(&e)
		seen := 0
		check := func(metric string, got stat.Estimate, ok bool, se float64) {
			w, ok2 := want.Metrics[metric]
			if !ok || !ok2 {
				t.Errorf("%s: %s: in the file %v, computed %v", name, metric, ok2, ok)
				return
			}
			seen++
			tol := 1e-9
			if metric == "median_absolute_error" {
				tol = 1. / 64
				if math.Abs(got.Value-w.value) > tol*w.value {
					t.Errorf("%s: median %v, want %v within 1/64 of it", name, got.Value, w.value)
				}
			}
			within(t, name+": "+metric, got.Value, w.value, tol)
			if !math.IsNaN(w.se) && !math.IsNaN(got.SE) && math.Abs(got.SE-w.se) > se*w.se {
				t.Errorf("%s: SE of %s = %v, want %v within %v of it", name, metric, got.SE, w.se, se)
			}
		}
		for _, m := range stat.NumberMetrics() {
			got, ok := m.Value(r)
			se := 1e-9
			if m.Name == "rmse" {
				se = 1. / 32 // from the histogram, whose bins are 1/32 of their values wide
			}
			check(m.Name, got, ok, se)
		}
		for _, q := range []float64{0.1, 0.5, 0.9} {
			got, ok := r.Pinball(q)
			check(fmt.Sprintf("pinball_%v", q), got, ok, 1./32)
		}
		if seen != len(want.Metrics) {
			t.Errorf("%s: %d metrics in the file, %d compared", name, len(want.Metrics), seen)
		}
	}
}

func groupsOf(rows map[string][]int64, attribute string) []stat.Group {
	var out []stat.Group
	for code := range int(slices.Max(rows[attribute])) + 1 {
		var scores, labels []int64
		var decided []bool
		for i, v := range rows[attribute] {
			if int(v) == code {
				scores, labels = append(scores, rows["score"][i]), append(labels, rows["label"][i])
				decided = append(decided, rows["decision"][i] == 1)
			}
		}
		g := stat.Group{Name: strconv.Itoa(code), N: int64(len(scores))}
		for _, d := range decided {
			if d {
				g.Selected++
			}
		}
		bins, of := distinct(rows["score"])
		g.Curve = counted(scores, labels, func(i int) bool { return decided[i] }, bins, of)
		out = append(out, g)
	}
	return out
}

// extremes are fairlearn's summaries of a criterion: the largest difference of its share between any two groups, and the smallest ratio. Not ok
// unless two groups have the share.
func extremes(c stat.Criterion, groups []stat.Group) (difference, ratio float64, ok bool) {
	lo, hi := math.Inf(1), math.Inf(-1)
	have := 0
	for _, g := range groups {
		if k, n := c.Share(g); n > 0 {
			lo, hi = min(lo, float64(k)/float64(n)), max(hi, float64(k)/float64(n))
			have++
		}
	}
	return hi - lo, lo / hi, have > 1
}

func TestGroupsAgreeWithFairlearn(t *testing.T) {
	want := readOracle(t).Groups
	rows := readRows(t, "census")
	for attribute, w := range map[string]attributeOracle{"sex": want.Sex, "race": want.Race} {
		groups := slices.DeleteFunc(groupsOf(rows, attribute), func(g stat.Group) bool {
			c := g.Curve
			return min(c.TP+c.FN, c.TN+c.FP, c.TP+c.FP, c.TN+c.FN) == 0 // fairlearn counts a share of nothing as 0
		})
		for _, c := range stat.Criteria() {
			difference, ratio, ok := extremes(c, groups)
			e, ok2 := w.Extremes[c.Name]
			if !ok || !ok2 {
				t.Errorf("%s: %s: in the file %v, computed %v", attribute, c.Name, ok2, ok)
				continue
			}
			within(t, attribute+": difference of "+c.Name, difference, e[0], 1e-9)
			within(t, attribute+": ratio of "+c.Name, ratio, e[1], 1e-9)
			for i, rate := range w.Rates[c.Name] {
				k, n := c.Share(groups[i])
				within(t, fmt.Sprintf("%s %d: %s", attribute, i, c.Name), float64(k)/float64(n), rate, 1e-9)
			}
		}
		opportunity, _ := stat.FindCriterion("equal_opportunity")
		false1, _ := stat.FindCriterion("false_positive_rate")
		d, r, _ := extremes(opportunity, groups)
		e, s, _ := extremes(false1, groups)
		within(t, attribute+": equalized odds difference", max(d, e), w.Extremes["equalized_odds"][0], 1e-9)
		within(t, attribute+": equalized odds ratio", min(r, s), w.Extremes["equalized_odds"][1], 1e-9)
	}

	sexes := groupsOf(rows, "sex")
	ks, _ := stat.ScoreKS(sexes[0].Curve, sexes[1].Curve, 0.05)
	w1, _ := stat.ScoreW1(sexes[0].Curve, sexes[1].Curve, 0.05)
	within(t, "KS", ks.Value, want.Scores.KS, 1e-9)
	within(t, "W1", w1.Value, want.Scores.W1, 1e-9)

	for column, w := range want.Information {
		columns := int(slices.Max(rows[column])) + 1
		cells := make([]int64, 2*columns)
		for i, sex := range rows["sex"] {
			cells[int(sex)*columns+int(rows[column][i])]++
		}
		mi, ok := stat.MutualInformation(cells, 2, columns, 0.05)
		if !ok || mi.Corrected.Value > mi.Plain.Value {
			t.Errorf("%s: %+v", column, mi)
		}
		within(t, "information of "+column, mi.Plain.Value, w, 1e-9)
	}

	var parts []stat.Stratum
	for code := range slices.Max(rows["marital_status"]) + 1 {
		var s stat.Stratum
		for i, v := range rows["marital_status"] {
			switch {
			case v != code:
			case rows["sex"][i] == 0:
				s.N1++
				s.K1 += rows["decision"][i]
			default:
				s.N2++
				s.K2 += rows["decision"][i]
			}
		}
		parts = append(parts, s)
	}
	got, ok := stat.Stratify(parts, 0.05)
	if !ok {
		t.Fatal("no strata")
	}
	within(t, "chi-square", got.ChiSquare, want.Strata.ChiSquare, 1e-9)
	within(t, "p", got.PValue, want.Strata.P, 1e-9)
	within(t, "common difference", got.Common.Value, want.Strata.Common, 1e-9)
}
