package simulation

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// What a plan says that it would find is about what it finds: growth twice as fast as that, nearly always in six days; half as fast, seldom. The smallest group needs most.
func TestGrowingIsWhatIsFound(t *testing.T) {
	t.Parallel()
	g := Gaps{Process: "even", PerDay: 2000, Rate: 0.2}
	p := gapPlan()
	panes := g.draw(rand.New(rand.NewPCG(1, 1)), p, plan.Micros(p.Reference.From), gapHistory, 0)
	all := fairness.NewTally(p)
	for _, s := range panes {
		if err := all.Merge(s.Tally); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if p.Fairness.Growth, err = drift.LearnGaps(p, all, panes, nil); err != nil {
		t.Fatal(err)
	}
	gaps, err := drift.OpenGaps(p)
	if err != nil || len(gaps) != 3 {
		t.Fatalf("%d gaps, %v", len(gaps), err)
	}
	least := map[int]float64{}
	for _, gap := range gaps { // 50, 15 and 5 % of the traffic
		a, week := gap.Growing(gapDays*dayHours), gap.Detectable(7*dayHours)
		t.Logf("group %d: %.3f a day, %.3f in a week, panes of %.1f h", gap.Code, a, week, gap.Usual())
		if !(a > 0.05 && a < 0.4) || !(week > 0.1 && week < 1) {
			t.Errorf("group %d: %g a day, %g in a week", gap.Code, a, week)
		}
		least[gap.Code] = a
	}
	if !(least[3] > max(least[0], least[2])) {
		t.Errorf("the smallest group needs no more than others: %v", least)
	}
	const seeds = 20
	logits := gaps[0].Growing(gapDays*dayHours) / 0.87 // of a rate of 13 %
	for _, c := range []struct {
		times       float64
		least, most int
	}{{2, 18, seeds}, {0.5, 0, 6}} {
		found := 0
		for seed := range uint64(seeds) {
			j := Job{Gaps: Gaps{Process: "even", PerDay: 2000, Rate: 0.2, Slope: c.times * logits}, Seed: 100 + seed}
			r, err := j.Run()
			if err != nil {
				t.Fatal(err)
			}
			if d := r.Delays[Engine][0]; d > 0 && d <= gapDays*dayHours {
				found++
			}
		}
		t.Logf("%g times as fast: %d of %d", c.times, found, seeds)
		if found < c.least || found > c.most {
			t.Errorf("%g times as fast: %d of %d, want %d to %d", c.times, found, seeds, c.least, c.most)
		}
	}
}

// Every job has a seed of its own, and the rows say what the results do.
func TestGapRows(t *testing.T) {
	t.Parallel()
	seen := map[Job]bool{}
	seeds := map[uint64]bool{}
	for _, j := range GapJobs(100, 50, 7) {
		if seen[j] || seeds[j.Seed] {
			t.Fatalf("twice: %+v", j)
		}
		seen[j], seeds[j.Seed] = true, true
	}
	g := Gaps{Process: "even", PerDay: 2000, Rate: 0.2}
	grows := g
	grows.Slope = 0.25
	rows := GapRows([]*Result{
		{Job: Job{Gaps: g}, Months: 2, False: map[string]int{Engine: 1}},
		{Job: Job{Gaps: g}, Months: 2, False: map[string]int{Engine: 0}},
		{Job: Job{Gaps: grows}, Months: 1, Delays: map[string][]int{Engine: {100}}, False: map[string]int{Engine: 0}},
		{Job: Job{Gaps: grows}, Months: 1, Delays: map[string][]int{Engine: {200}}, False: map[string]int{Engine: 1}},
		{Job: Job{Gaps: grows}, Months: 1, Delays: map[string][]int{Engine: {-1}}},
		{Job: Job{Gaps: grows}, Months: 1, Delays: map[string][]int{Engine: {-2}}},
	}, 7)
	for row, want := range map[string]float64{
		GapFalseRow: 0.25, GapFoundRow + grows.planted(): 1. / 3, GapEverRow + grows.planted(): 2. / 3, GapMedianRow + grows.planted(): 150. / 24, GapOtherRow + grows.planted(): 0.25,
	} {
		if r, ok := Find(rows, row, g.Name(), Engine); !ok || math.Abs(r.Value-want) > 1e-12 {
			t.Errorf("%s: %+v, want %g", row, r, want)
		}
	}
}
