package stat

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"testing"
)

// oracle is what testdata/estimate.py wrote.
type oracle struct {
	Tables []struct {
		Name, Table, Score, Label string
		Threshold                 float64
		Skip, Reference, Chunk    int
		Estimated, Realized       map[string][]float64
	}
}

func readOracle(t *testing.T) (o oracle) {
	t.Helper()
	b, err := os.ReadFile("testdata/estimate.json")
	if err == nil {
		err = json.Unmarshal(b, &o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// column reads numbers of one of the examples' tables.
func columns(t *testing.T, table string, names ...string) [][]float64 {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "examples", table, table+".csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]float64, len(names))
	for i, name := range names {
		at := slices.Index(rows[0], name)
		for _, row := range rows[1:] {
			v, err := strconv.ParseFloat(row[at], 64)
			if err != nil {
				t.Fatal(err)
			}
			out[i] = append(out[i], v)
		}
	}
	return out
}

// binned counts scores and outcomes by bins with these upper edges.
func binned(edges, score, label []float64, threshold float64) Reliability {
	k := len(edges) + 1
	r := Reliability{
		N: make([]int64, k), S: make([]int64, k), S2: make([]int64, k), Labels: make([]int64, k), Pos: make([]int64, k),
		LS: make([]int64, k), LS2: make([]int64, k), PS: make([]int64, k),
	}
	for i, s := range score {
		b := sort.SearchFloat64s(edges, s)
		v := int64(math.RoundToEven(s * scoreScale))
		v2 := (v*v + scoreScale/2) >> 30
		r.N[b]++
		r.S[b] += v
		r.S2[b] += v2
		r.Labels[b]++
		r.LS[b] += v
		r.LS2[b] += v2
		if label[i] == 1 {
			r.Pos[b]++
			r.PS[b] += v
		}
		switch positive := s >= threshold; {
		case positive && label[i] == 1:
			r.TP++
		case positive:
			r.FP++
		case label[i] == 1:
			r.FN++
		default:
			r.TN++
		}
	}
	return r
}

// quantiles cuts a reference's scores into k bins of nearly equal counts, with the threshold as an edge.
func quantiles(score []float64, k int, threshold float64) (edges []float64, positive int) {
	sorted := slices.Sorted(slices.Values(score))
	for i := 1; i < k; i++ {
		edges = append(edges, sorted[i*len(sorted)/k])
	}
	at := math.Nextafter(threshold, 0)
	edges = append(edges, at)
	slices.Sort(edges)
	edges = slices.Compact(edges)
	return edges, slices.Index(edges, at) + 1
}

// On the same rows NannyML's CBPE and ours differ by at most .005 in AUC and F1: on census, forest cover and the second model of the electricity, in chunks
// of a thousand to ten thousand rows. The first model's scores collapse after the reference, to where hardly any of its outcomes lie; there it is .01.
func TestEstimatesAsNannyML(t *testing.T) {
	for _, tab := range readOracle(t).Tables {
		c := columns(t, tab.Table, tab.Score, tab.Label)
		s, y := c[0][tab.Skip:], c[1][tab.Skip:]
		edges, positive := quantiles(s[:tab.Reference], 50, tab.Threshold)
		ref := binned(edges, s[:tab.Reference], y[:tab.Reference], tab.Threshold)
		m, ok := ref.CalibrationMap()
		cal, ok2 := ref.Calibrate(m, 1)
		if !ok || !ok2 {
			t.Fatal(tab.Name)
		}
		worst := map[string]float64{}
		for i := range tab.Estimated["f1"] {
			from := tab.Reference + i*tab.Chunk
			r := binned(edges, s[from:from+tab.Chunk], y[from:from+tab.Chunk], tab.Threshold)
			x, ok := cal.Expect(r.N, positive, 1)
			if !ok {
				t.Fatal(tab.Name, i)
			}
			for name, f := range map[string]struct{ expected, real func() (Estimate, bool) }{
				"roc_auc": {x.ROCAUC, r.ROCAUC}, "f1": {x.F1, r.F1}, "precision": {x.Precision, r.Precision}, "recall": {x.Recall, r.Recall},
				"specificity": {x.Specificity, r.Specificity}, "accuracy": {x.Accuracy, r.Accuracy},
			} {
				got, ok := f.expected()
				if !ok {
					t.Errorf("%s, chunk %d: no %s", tab.Name, i, name)
				}
				worst[name] = max(worst[name], math.Abs(got.Value-tab.Estimated[name][i]))
				if came, _ := f.real(); name != "roc_auc" && math.Abs(came.Value-tab.Realized[name][i]) > 1e-6 {
					t.Errorf("%s, chunk %d: these are not the rows: %s %.6f, and %.6f", tab.Name, i, name, came.Value, tab.Realized[name][i])
				}
			}
		}
		for name, d := range worst {
			limit := 0.005
			switch {
			case tab.Name == "electricity":
				limit = 0.02
				if name == "f1" {
					limit = 0.01
				}
			case name != "roc_auc" && name != "f1":
				limit = 0.01
			}
			if d > limit {
				t.Errorf("%s: %s differs by %.4f", tab.Name, name, d)
			}
		}
		t.Logf("%s: the largest difference in AUC is %.4f, in F1 %.4f (%v)", tab.Name, worst["roc_auc"], worst["f1"], worst)
	}
}

// Bands of 95 % hold what comes out in 93 to 97 windows of a hundred, with a reference of 20,000 outcomes and without any doubt of it.
func TestBandsOfEstimates(t *testing.T) {
	const bins, threshold = 50, 0.4
	rng := rand.New(rand.NewPCG(11, 12))
	edges := make([]float64, bins-1)
	for i := range edges {
		edges[i] = math.Nextafter(float64(i+1)/bins, 0)
	}
	draw := func(n int) Reliability {
		score, label := make([]float64, n), make([]float64, n)
		for i := range score {
			score[i] = Expit(-0.9 + 1.3*rng.NormFloat64())
			if rng.Float64() < score[i] {
				label[i] = 1
			}
		}
		return binned(edges, score, label, threshold)
	}
	for _, n := range []int{200, 1000, 20_000} {
		in, of := map[string]int{}, map[string]int{}
		const windows = 600
		for range windows {
			ref, now := draw(20_000), draw(n)
			m, _ := ref.CalibrationMap()
			c, _ := ref.Calibrate(m, 1)
			x, ok := c.Expect(now.N, 20, 1)
			if !ok {
				t.Fatal("nothing is expected")
			}
			costs := Costs{FP: 1, FN: 4}
			for name, f := range map[string]struct{ expected, real func() (Estimate, bool) }{
				"roc_auc": {x.ROCAUC, now.ROCAUC}, "f1": {x.F1, now.F1}, "precision": {x.Precision, now.Precision}, "recall": {x.Recall, now.Recall},
				"specificity": {x.Specificity, now.Specificity}, "accuracy": {x.Accuracy, now.Accuracy}, "label_rate": {x.LabelRate, now.LabelRate},
				"cost": {func() (Estimate, bool) { return x.ExpectedCost(costs) }, func() (Estimate, bool) { return now.ExpectedCost(costs) }},
			} {
				e, ok := f.expected()
				r, ok2 := f.real()
				if !ok || !ok2 {
					continue
				}
				of[name]++
				if math.Abs(e.Value-r.Value) <= NormalQuantile(0.975)*e.SE {
					in[name]++
				}
			}
		}
		for name, k := range of {
			share := float64(in[name]) / float64(k)
			t.Logf("n = %d: %s %.1f %% of %d", n, name, 100*share, k)
			if slack := 2 * math.Sqrt(0.05*0.95/float64(k)); share < 0.93-slack || share > 0.97+slack {
				t.Errorf("n = %d: bands of %s hold %.1f %% of %d", n, name, 100*share, k)
			}
		}
	}
}

// The numbers of a histogram that one can follow by hand.
func TestExpectByHand(t *testing.T) {
	r := Reliability{
		Labels: []int64{1000, 1000}, Pos: []int64{200, 800}, LS: []int64{200 << 30, 800 << 30}, LS2: []int64{40 << 30, 640 << 30}, PS: []int64{40 << 30, 640 << 30},
	}
	c, ok := r.Calibrate(Map{B: 1}, 1)
	if !ok || math.Abs(c.At(0)-0.2) > 1e-12 || math.Abs(c.At(1)-0.8) > 1e-12 {
		t.Fatalf("%+v", c)
	}
	x, ok := c.Expect([]int64{30, 10}, 1, 1)
	if !ok || x.N != 40 || math.Abs(x.TP-8) > 1e-9 || math.Abs(x.FP-2) > 1e-9 || math.Abs(x.FN-6) > 1e-9 || math.Abs(x.TN-24) > 1e-9 {
		t.Fatalf("%+v", x)
	}
	f1, _ := x.F1()
	if math.Abs(f1.Value-16./24) > 1e-9 {
		t.Errorf("F1 %v", f1)
	}
	auc, _ := x.ROCAUC() // 8 x (24 + 1) + 6 x 12 of 14 x 26 pairs
	if math.Abs(auc.Value-(8*25+6*12)/(14*26.)) > 1e-9 {
		t.Errorf("AUC %v", auc)
	}
	for _, bad := range [][]int64{nil, {1}, {-1, 2}, {0, 0}} {
		if _, ok := c.Expect(bad, 1, 1); ok {
			t.Errorf("%v is taken", bad)
		}
	}
	if _, ok := c.Expect([]int64{1, 1}, 3, 1); ok {
		t.Error("a decision beyond the last bin")
	}
	if _, ok := (Reliability{}).Calibrate(Map{B: 1}, 1); ok {
		t.Error("nothing teaches something")
	}
}
