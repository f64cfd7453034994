package simulation

import (
	"context"
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
	grid := FullGrid(100, 7)
	for _, j := range grid.gapJobs() {
		if seen[j] || seeds[j.Seed] {
			t.Fatalf("twice: %+v", j)
		}
		seen[j], seeds[j.Seed] = true, true
	}
	g := Gaps{Process: "even", PerDay: 2000, Rate: 0.2}
	grows := g
	grows.Slope = 0.25
	rows := Rows([]*Result{
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

// The short form of what a long run measures: a change of what scores mean in a slice of 8 % names it, a gap that grows by .25 logit a day in half of 2,000
// decisions a day names that group within six days, in nine seeds of ten at least; and nobody is named where nothing drifts. Jobs are those of the long run.
func TestSlicesAndGroupsAreNamedInShort(t *testing.T) {
	t.Parallel()
	const seeds = 10
	grid := FullGrid(100, 20261125)
	still := Gaps{Process: "even", PerDay: 2000, Rate: 0.2}
	grows := still
	grows.Slope, grows.Group = 0.25, 0
	const meaning, change = "calibrated, 2000/day", "bias 1 in 8 %"
	var jobs []Job
	taken := map[any]int{}
	for _, j := range grid.Jobs() {
		var key any = j.Gaps
		if j.Meaning == meaning && j.Change == change {
			key = change
		}
		if (key == still || key == grows || key == change) && taken[key] < seeds {
			taken[key]++
			jobs = append(jobs, j)
		}
	}
	if taken[still] != seeds || taken[grows] != seeds || taken[change] != seeds {
		t.Fatalf("%v", taken)
	}
	results, err := Run(context.Background(), jobs, 2, "", func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	rows := Rows(results, 0)
	for _, c := range []struct {
		name, process string
		least, most   float64
	}{
		{namedMeaningRow + change, meaning, 0.9, 1},
		{othersMeaningRow + change, meaning, 0, 0.1},
		{GapFoundRow + grows.planted(), still.Name(), 0.9, 1},
		{GapOtherRow + grows.planted(), still.Name(), 0, 0.1},
		{GapFalseRow, still.Name(), 0, 0.05},
		{ofGroup(gapGrowingRow, 0), still.Name(), 0.05, 0.2}, // .25 logit are .2 of a rate of 13 %
		{ofGroup(gapGrowingRow, 3), still.Name(), 0.15, 0.4},
	} {
		if r, ok := Find(rows, c.name, c.process, Engine); !ok || !(r.Value >= c.least && r.Value <= c.most) {
			t.Errorf("%s, %s: %v %.3f, want %g to %g", c.name, c.process, ok, r.Value, c.least, c.most)
		}
	}
}
