package engine

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// What is measured of counts is what the pairs themselves give.
func TestMetricsOfClassesFollowFromThePairs(t *testing.T) {
	p := &plan.Plan{Score: &plan.Score{Task: plan.Classes, Classes: []string{"a", "b", "c"}, Each: []int{0, 1, 2}, Edges: []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}}}
	names := []string{"a", "b", "c", "none of them"}
	rapid.Check(t, func(t *rapid.T) {
		c := truth.New(p)
		n := rapid.IntRange(1, 40).Draw(t, "pairs")
		hits, second, brier := 0., 0., 0.
		right, turnedN, saidN := [4]float64{}, [4]float64{}, [4]float64{}
		for range n {
			turned := rapid.IntRange(0, 3).Draw(t, "turned")
			ps := [3]int32{}
			ps[0] = int32(rapid.IntRange(0, truth.ClassScale/2).Draw(t, "p"))
			ps[1] = int32(rapid.IntRange(0, truth.ClassScale/2).Draw(t, "q"))
			ps[2] = truth.ClassScale - ps[0] - ps[1]
			order := []int32{0, 1, 2}
			for i := range order {
				for j := range i {
					if ps[order[i]] > ps[order[j]] {
						order[i], order[j] = order[j], order[i]
					}
				}
			}
			said := &truth.Class{Of: order[0]}
			for at, class := range order {
				said.Top = append(said.Top, truth.Likely{Class: class, P: ps[class]})
				if int(class) == turned && at < 2 {
					second++
				}
			}
			for class, q := range ps {
				y := 0.
				if class == turned {
					y = 1
				}
				brier += (float64(q)/truth.ClassScale - y) * (float64(q)/truth.ClassScale - y)
			}
			if turned == 3 {
				brier++ // a class that the model never holds possible
			}
			if int(said.Of) == turned {
				hits++
				right[turned]++
			}
			turnedN[turned]++
			saidN[said.Of]++
			truth.Count(c, &truth.Answer{Other: &truth.Other{Class: said}}, &truth.Label{Kind: truth.Name, Name: names[turned]}, 1)
		}
		f1, occurring := 0., 0.
		for i := range turnedN {
			if turnedN[i]+saidN[i] > 0 {
				occurring++
				f1 += 2 * right[i] / (turnedN[i] + saidN[i])
			}
		}
		want := map[string]float64{"accuracy": hits / float64(n), "macro_f1": f1 / occurring, "brier": brier / float64(n), "top_2_accuracy": second / float64(n)}
		for name, w := range want {
			m, _ := Find(plan.Classes, name)
			if v, ok := m.Value(c, nil); !ok || math.Abs(v-w) > 1e-6 { // a square is rounded to 2^-30
				t.Fatalf("%s %g, %t; want %g", name, v, ok, w)
			}
		}
		if _, ok := Find(plan.Numbers, "accuracy"); ok {
			t.Fatal("a model of numbers has no accuracy")
		}
	})
}

func TestMetricsOfNumbersFollowFromThePairs(t *testing.T) {
	p := &plan.Plan{Score: &plan.Score{Task: plan.Numbers, Floor: 3}}
	rapid.Check(t, func(t *rapid.T) {
		c := truth.New(p)
		n := float64(rapid.IntRange(1, 40).Draw(t, "pairs"))
		size, square, sum, loss, held := 0., 0., 0., 0., 0.
		for range int(n) {
			said, turned := rapid.Float64Range(-100, 100).Draw(t, "said"), rapid.Float64Range(-100, 100).Draw(t, "turned")
			off := said - turned
			size, square, sum = size+math.Abs(off), square+off*off, sum+off
			loss += max(0.1*off, -0.9*off)
			if math.Abs(off) <= 5 {
				held++
			}
			truth.Count(c, &truth.Answer{Other: &truth.Other{Number: &truth.Number{Value: said, Low: said - 5, High: said + 5, Interval: true}}}, &truth.Label{Kind: truth.Value, Value: turned}, 1)
		}
		want := map[string]float64{"mae": size / n, "rmse": math.Sqrt(square / n), "bias": sum / n, "quantile_loss_90": loss / n, "interval_coverage": held / n}
		for name, w := range want {
			m, _ := Find(plan.Numbers, name)
			if v, ok := m.Value(c, nil); !ok || math.Abs(v-w) > 1e-6 {
				t.Fatalf("%s %g, %t; want %g", name, v, ok, w)
			}
			if floor := m.floor(p); (floor == 3) == (name == "interval_coverage") {
				t.Fatalf("%s is too small to matter below %g", name, floor)
			}
		}
	})
}
