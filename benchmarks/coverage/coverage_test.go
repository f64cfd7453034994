package coverage

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func run(t *testing.T, o Options) []Row {
	t.Helper()
	rows, err := Run(t.Context(), o, func(int64, int64) {})
	if err != nil || len(rows) == 0 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	return rows
}

func TestTheSeedDecidesWhateverTheWorkers(t *testing.T) {
	o := Options{Windows: 12, Sizes: []int{200}, Seed: 1, Workers: 1, Alpha: 0.05, Only: "multiclass"}
	one := run(t, o)
	o.Workers = 3
	if three := run(t, o); !slices.Equal(one, three) {
		t.Error("three workers count otherwise than one")
	}
	o.Seed = 2
	if other := run(t, o); slices.Equal(one, other) {
		t.Error("another seed draws the same windows")
	}
}

// A short form of what docs/statistics.md has: an interval that is much too narrow, or whose truth is another one than it is told, shows in
// 150 windows: five standard deviations below 95 % are 86 %.
func TestIntervalsHoldTheTruth(t *testing.T) {
	for _, r := range run(t, Options{Windows: 150, Sizes: []int{1000}, Seed: 3, Workers: 2, Alpha: 0.05}) {
		if r.Said < 100 {
			continue
		}
		share := r.Share()
		if floor := 0.95 - 5*math.Sqrt(0.95*0.05/float64(r.Said)); share < floor {
			t.Errorf("%s, %s: %s holds the truth in %.1f %% of %d windows", r.Task, r.Scenario, r.Metric, 100*share, r.Said)
		}
		if math.IsNaN(r.Truth) || r.Held+r.Above+r.Below != r.Said {
			t.Errorf("%+v", r)
		}
	}
}

func TestAliasDrawsTheLaw(t *testing.T) {
	weights := []float64{1, 0, 5, 2.5, 0.01}
	a := newAlias(weights)
	const n = 200_000
	counts := a.counts(rand.New(rand.NewPCG(1, 2)), n)
	for i, w := range weights {
		p := w / 8.51
		if d := math.Abs(float64(counts[i]) - n*p); d > 5*math.Sqrt(n*p*(1-p))+1e-9 {
			t.Errorf("kind %d drawn %d times, want about %.0f", i, counts[i], n*p)
		}
	}
}

func TestTableSaysWhatIsMissed(t *testing.T) {
	var b bytes.Buffer
	Print(&b, []Row{
		{Task: "x", Scenario: "s", Metric: "m", N: 200, Windows: 100, Said: 10, Held: 10},
		{Task: "x", Scenario: "s", Metric: "m", N: 1000, Windows: 100, Said: 50, Held: 45},
		{Task: "x", Scenario: "s", Metric: "m", N: 20000, Windows: 100, Said: 100, Held: 95},
	})
	if want := "| x | s | m | too few | **90.0** (50 %) | 95.0 |\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("got\n%swant it to end in\n%s", b.String(), want)
	}
}
