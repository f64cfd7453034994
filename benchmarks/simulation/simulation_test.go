package simulation

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// The short form: where nothing drifts the engine is silent and the usual rules are not; where something does it is found in hours.
func TestThePromiseIsKeptInShort(t *testing.T) {
	jobs := []Job{
		{Version: Version, Process: "ar5", Rate: 1000, Seed: 11, Change: ""},
		{Version: Version, Process: "diurnal", Rate: 1000, Seed: 12, Change: ""},
		{Version: Version, Process: "ar5", Rate: 1000, Seed: 13, Change: "mean .25 sd"},
		{Version: Version, Process: "iid", Rate: 1000, Seed: 14, Change: "mean .5 sd"},
	}
	results, err := Run(context.Background(), jobs, 2, "", func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	rows := Rows(results, 0)
	at := func(name, process, method string) float64 {
		t.Helper()
		r, ok := Find(rows, name, process, method)
		if !ok {
			t.Fatalf("no row %s of %s on %s", name, method, process)
		}
		return r.Value
	}
	for _, c := range []struct {
		name, process, method string
		least, most           float64
	}{
		{FalseRow, "ar5", Engine, 0, 1},
		{FalseRow, "diurnal", Engine, 0, 1},
		{FalseRow, "ar5", PeerNames[ksRule], 300, 900}, // the tables of the design: 562 at this rate
		{FalseRow, "diurnal", PeerNames[wassersteinRule], 300, 900},
		{FalseRow, "ar5", PeerNames[psi2Rule], 0, 0},
		{FoundRow + "mean .25 sd", "ar5, n=1000", Engine, 1, 1},
		{DelayRow + "mean .25 sd", "ar5, n=1000", Engine, 2.5, 7},
		{FoundRow + "mean .25 sd", "ar5, n=1000", PeerNames[psi2Rule], 0, 0},
		{FoundRow + "mean .5 sd", "iid, n=1000", Engine, 1, 1},
		{DelayRow + "mean .5 sd", "iid, n=1000", Engine, 2.5, 4},
	} {
		if v := at(c.name, c.process, c.method); !(v >= c.least && v <= c.most) {
			t.Errorf("%s, %s, %s: %.2f, want %g to %g", c.name, c.process, c.method, v, c.least, c.most)
		}
	}
}

// An interrupted run goes on from its log, and comes to the same.
func TestRunsGoOnFromTheirLog(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	jobs := []Job{{Version: Version, Process: "iid", Rate: 100, Seed: 1, Change: ""}, {Version: Version, Process: "iid", Rate: 100, Seed: 2, Change: "mean .5 sd"}}
	want, err := Run(context.Background(), jobs[:1], 1, log, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(log, append(b, `{"Job":{"Version":1,"Proc`...), 0o600); err != nil { // a kill cut the next line
		t.Fatal(err)
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	got, err := Run(stopped, jobs, 1, log, func(int, int) {})
	if err == nil {
		t.Error("a stopped run says it ran to its end")
	}
	if !reflect.DeepEqual(got[0], want[0]) {
		t.Errorf("from the log %+v, want %+v", got[0], want[0])
	}
}

// Draws of few and of many have the mean, the variance and the tails of the binomial law.
func TestBinomialDraws(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const draws = 200_000
	for _, c := range []struct {
		n int64
		p float64
	}{{20, 0.05}, {200, 0.3}, {200, 0.9}, {1000, 0.012}, {5000, 0.05}, {1_000_000, 0.4}} {
		var sum, squares float64
		tail := 0
		mean, sd := float64(c.n)*c.p, math.Sqrt(float64(c.n)*c.p*(1-c.p))
		far := int64(math.Ceil(mean + 2*sd))
		for range draws {
			k := binomial(rng, c.n, c.p)
			sum += float64(k)
			squares += (float64(k) - mean) * (float64(k) - mean)
			if k > far {
				tail++
			}
		}
		if z := (sum/draws - mean) / sd * math.Sqrt(draws); math.Abs(z) > 4 {
			t.Errorf("%+v: mean off by %.1f standard errors", c, z)
		}
		if r := squares / draws / (sd * sd); math.Abs(r-1) > 0.02 {
			t.Errorf("%+v: variance %.4f times what it should be", c, r)
		}
		want := stat.BinomialSF(far, c.n, c.p) * draws
		if z := (float64(tail) - want) / math.Sqrt(want); math.Abs(z) > 4 {
			t.Errorf("%+v: %d beyond two standard deviations, want %.0f", c, tail, want)
		}
	}
}

// What is generated is what the process says: the mean's swing and wander come back out of the counts.
func TestTrafficIsAsTheProcessSays(t *testing.T) {
	moments := func(p Process) (mean, sd float64) {
		tr := p.Generate(3, 10_000, 600, nil)
		var n float64
		for at := range tr.Hours {
			for k := range Features {
				var m float64
				for b, c := range tr.Counts[at*Features+k] {
					m += float64(c) * (float64(b) - 9.5) / 20
				}
				m /= float64(tr.N[at])
				mean += m
				sd += m * m
				n++
			}
		}
		mean /= n
		return mean, math.Sqrt(sd/n - mean*mean)
	}
	// A shift of d moves the mean of the normal score's probability by d/(2 sqrt pi).
	perSD := 1 / (2 * math.Sqrt(math.Pi))
	for _, c := range []struct {
		p    Process
		want float64
	}{{Process{}, 0}, {Process{Tau: 0.2, Rho: 0.5}, 0.2}, {Process{Tau: 0.2, Rho: 0.5, Heavy: true}, 0.2}} {
		mean, sd := moments(c.p)
		sampling := math.Sqrt(1./12/10_000) / perSD
		if got := sd / perSD; math.Abs(got-math.Hypot(c.want, sampling)) > 0.05*c.want+0.001 || math.Abs(mean) > 0.01 {
			t.Errorf("%+v: mean %.4f, wander %.4f, want 0, %.4f", c.p, mean/perSD, got, c.want)
		}
	}
	if a, b := fmt.Sprint(Processes[4].Generate(1, 100, 50, nil)), fmt.Sprint(Processes[4].Generate(1, 100, 50, nil)); a != b {
		t.Error("the same seed gives other traffic")
	}
}

// Rows of real tables in random order: silent, until a column is multiplied by a hundred.
func TestRealRowsInShort(t *testing.T) {
	Examples = filepath.Join("..", "..", "examples")
	low := Shuffle{Table: "covtype", PerDay: 50, Days: 28, Burst: 1}
	jobs := []Job{
		{Version: Version, Shuffle: low, Seed: 1},
		{Version: Version, Shuffle: Shuffle{Table: "covtype", PerDay: 400, Days: 28, Burst: 5}, Seed: 2},
		{Version: Version, Shuffle: low, Seed: 3, Change: "x100"},
		{Version: Version, Shuffle: low, Seed: 4, Change: "missing 30 %"},
	}
	results, err := Run(context.Background(), jobs, 2, "", func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		switch {
		case r.Job.Change == "" && r.False[Engine] > 0:
			t.Errorf("job %d: %d alarms where nothing drifts", i, r.False[Engine])
		case r.Job.Change != "":
			if d := r.Delays[Engine][0]; d < 24 || d > 10*dayHours { // panes are a day
				t.Errorf("job %d: %s found after %d h", i, r.Job.Change, d)
			}
		}
	}
}

// A shift of one slice is told of it, and the same seed tells it alike.
func TestSlicedModel(t *testing.T) {
	job := Job{Version: Version, Process: "iid", Rate: 10_000, Slices: true, Seed: 1, Change: "mean .5 sd"}
	a, err := job.Run()
	if err != nil {
		t.Fatal(err)
	}
	named := a.Delays[ofSlices]
	for k, d := range named {
		if d < 1 || d > 24 {
			t.Errorf("column %d: told of the slice after %d hours", k, d)
		}
	}
	b, err := job.Run()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(named, b.Delays[ofSlices]) {
		t.Errorf("%v, then %v", named, b.Delays[ofSlices])
	}
	rows := Rows([]*Result{a}, 1)
	if r, ok := Find(rows, FoundRow+job.Change, "iid, slices, n=10000", ofSlices); !ok || r.Value != 1 {
		t.Errorf("%+v, %t", r, ok)
	}
}
