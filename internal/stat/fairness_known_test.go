package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

// outcomeCriteria are those that take outcomes.
var outcomeCriteria = []string{"equal_opportunity", "false_positive_rate", "predictive_parity", "false_omission"}

// Where all outcomes are known a share is worth what it is: the counts.
func TestWorthOfAllIsTheCounts(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 11))
	var people []person
	for range 3000 {
		s := float64(1+rng.IntN(63)) / 64
		people = append(people, person{s, rng.Float64() < 0.1+0.7*s*s, true})
	}
	r := selectedCurve(people, 65, distinctBin)
	r, _ = r.DecidedAt(halfOfDistinct)
	for _, name := range outcomeCriteria {
		c, _ := FindCriterion(name)
		k, n := c.Share(Group{Curve: r})
		w, ok := c.Worth(Known{Curve: r, Share: 1, Positive: halfOfDistinct})
		if !ok || math.Abs(w.Value-float64(k)/float64(n)) > 1e-12 || math.Abs(w.N-float64(n)) > 1e-6 {
			t.Errorf("%s: %+v, want %d of %d", name, w, k, n)
		}
	}
	if w, ok := mustCriterion(t, "demographic_parity").Worth(Known{Curve: r, Share: 1, Positive: halfOfDistinct}); ok {
		t.Errorf("decisions have no outcomes to know: %+v", w)
	}
}

func mustCriterion(t *testing.T, name string) Criterion {
	t.Helper()
	c, ok := FindCriterion(name)
	if !ok {
		t.Fatal(name)
	}
	return c
}

// Two simulated groups, whose gaps are known from a large population: which outcomes are known depends on the score, or only positives are reported. From what is known
// alone the gaps come out wrong; from what it stands for Newcombe's 95 % intervals hold the truth.
func TestWorthFindsThePopulation(t *testing.T) {
	const windows, perWindow = 600, 3000
	rng := rand.New(rand.NewPCG(8, 12))
	draw := func(group int) (s float64, y bool) {
		s = float64(1+rng.IntN(63)) / 64
		if group == 1 {
			s = math.Round(64*math.Pow(s, 1.6)) / 64 // its scores are lower, and mean more
			s = max(s, 1./64)
		}
		return s, rng.Float64() < 0.1+0.05*float64(group)+0.7*s*s
	}
	truth := map[string]float64{}
	var all [2]Reliability
	for g := range all {
		var population []event
		for range 400_000 {
			s, y := draw(g)
			population = append(population, event{s, y})
		}
		all[g], _ = curveOf(population, 65, distinctBin).DecidedAt(halfOfDistinct)
	}
	share := func(c Criterion, r Reliability) float64 {
		k, n := c.Share(Group{Curve: r})
		return float64(k) / float64(n)
	}
	for _, name := range outcomeCriteria {
		c := mustCriterion(t, name)
		truth[name] = share(c, all[1]) - share(c, all[0])
	}
	for _, law := range []struct {
		name    string
		arrived float64
		known   func(group int, s float64, y bool) float64
	}{
		{"at random given the score", 0, func(_ int, s float64, _ bool) float64 { return 0.15 + 0.8*s }},
		{"by group and score", 0, func(g int, s float64, _ bool) float64 { return 0.2 + 0.75*s - 0.3*float64(g)*s }},
		{"positives only", 0.7, func(_ int, _ float64, y bool) float64 {
			if y {
				return 0.7
			}
			return 0
		}},
	} {
		held, said, raw, mean := map[string]int{}, map[string]int{}, map[string]float64{}, map[string]float64{}
		for range windows {
			var r [2]Reliability
			for g := range r {
				people := make([]person, perWindow)
				for i := range people {
					s, y := draw(g)
					people[i] = person{s, y, rng.Float64() < law.known(g, s, y)}
				}
				r[g], _ = selectedCurve(people, 65, distinctBin).DecidedAt(halfOfDistinct)
			}
			for _, name := range outcomeCriteria {
				c := mustCriterion(t, name)
				raw[name] += (share(c, r[1]) - share(c, r[0])) / windows
				a, ok := c.Worth(Known{r[1], 1, halfOfDistinct, law.arrived})
				b, ok2 := c.Worth(Known{r[0], 1, halfOfDistinct, law.arrived})
				if !ok || !ok2 {
					continue
				}
				said[name]++
				mean[name] += a.Value - b.Value
				lo, hi := Newcombe(int64(math.Round(a.Value*a.N)), int64(a.N), int64(math.Round(b.Value*b.N)), int64(b.N), 0.05)
				if lo <= truth[name] && truth[name] <= hi {
					held[name]++
				}
			}
		}
		off := 0.
		for _, name := range outcomeCriteria {
			x, n := 100*float64(held[name])/float64(said[name]), float64(said[name])
			t.Logf("%s, %s: the gap is %.4f, told as %.4f on average, held by %.1f %% of the intervals of %d windows; what is known alone says %.4f", law.name, name, truth[name], mean[name]/n, x, said[name], raw[name])
			if said[name] < windows*95/100 || x < 92.5 || x > 97.5 || math.Abs(mean[name]/n-truth[name]) > 0.005 {
				t.Errorf("%s, %s: %.1f %% of %d intervals held, %.4f on average", law.name, name, x, said[name], mean[name]/n)
			}
			if d := math.Abs(raw[name] - truth[name]); !math.IsNaN(d) {
				off = max(off, d)
			}
		}
		if off < 0.02 && law.arrived == 0 {
			t.Errorf("%s: the selection selects nothing: the test shows nothing", law.name)
		}
	}
}
