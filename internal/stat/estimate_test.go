package stat_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth/fixture"
)

// Bands of 95 % hold what comes out in 93 to 97 windows of a hundred, with a reference of 20,000 outcomes and without any doubt of it.
func TestBandsOfEstimates(t *testing.T) {
	const bins, threshold = 50, 0.4
	rng := rand.New(rand.NewPCG(11, 12))
	edges := make([]float64, bins-1)
	for i := range edges {
		edges[i] = math.Nextafter(float64(i+1)/bins, 0)
	}
	draw := func(n int) stat.Reliability {
		score, label := make([]float64, n), make([]float64, n)
		for i := range score {
			score[i] = stat.Expit(-0.9 + 1.3*rng.NormFloat64())
			if rng.Float64() < score[i] {
				label[i] = 1
			}
		}
		return fixture.Binned(edges, score, label, threshold)
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
			costs := stat.Costs{FP: 1, FN: 4}
			for name, f := range map[string]struct{ expected, real func() (stat.Estimate, bool) }{
				"roc_auc": {x.ROCAUC, now.ROCAUC}, "f1": {x.F1, now.F1}, "precision": {x.Precision, now.Precision}, "recall": {x.Recall, now.Recall},
				"specificity": {x.Specificity, now.Specificity}, "accuracy": {x.Accuracy, now.Accuracy}, "label_rate": {x.LabelRate, now.LabelRate},
				"cost": {func() (stat.Estimate, bool) { return x.ExpectedCost(costs) }, func() (stat.Estimate, bool) { return now.ExpectedCost(costs) }},
			} {
				e, ok := f.expected()
				r, ok2 := f.real()
				if !ok || !ok2 {
					continue
				}
				of[name]++
				if math.Abs(e.Value-r.Value) <= stat.NormalQuantile(0.975)*e.SE {
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
	r := stat.Reliability{
		Labels: []int64{1000, 1000}, Pos: []int64{200, 800}, LS: []int64{200 << 30, 800 << 30}, LS2: []int64{40 << 30, 640 << 30}, PS: []int64{40 << 30, 640 << 30},
	}
	c, ok := r.Calibrate(stat.Map{B: 1}, 1)
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
	if _, ok := (stat.Reliability{}).Calibrate(stat.Map{B: 1}, 1); ok {
		t.Error("nothing teaches something")
	}
}
