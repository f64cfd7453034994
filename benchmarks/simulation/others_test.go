package simulation

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// foundIn runs a job and says between which hours the columns were found by a method, and how many were.
func foundIn(t *testing.T, j Job, method string) (first, last, found int) {
	t.Helper()
	r, err := j.Run()
	if err != nil {
		t.Fatal(err)
	}
	first = math.MaxInt
	for _, d := range r.Delays[method] {
		if d > 0 {
			first, last, found = min(first, d), max(last, d), found+1
		}
	}
	return first, last, found
}

// Windows of a day tell a shift once three of them in a row are beyond, the first of which may begin up to a day later; and nothing where nothing drifts.
func TestWindowsAgainstTheReferenceInShort(t *testing.T) {
	first, last, found := foundIn(t, Job{Version: Version, Process: "iid", Rate: 1000, Of: Days, Seed: 1, Change: "mean .25 sd"}, ofLevels)
	if found != Features || first <= 2*dayHours || last > 4*dayHours {
		t.Errorf("%d columns told after %d to %d h", found, first, last)
	}
	r, err := (&Job{Version: Version, Process: "iid", Rate: 1000, Of: Days, Seed: 2}).Run()
	if err != nil || r.False[ofLevels] != 0 || r.Months < 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Twelve weeks of reference give windows of a week, of which two in a row are told.
func TestWindowsOfAWeekInShort(t *testing.T) {
	iid, err := FindProcess("iid")
	if err != nil {
		t.Fatal(err)
	}
	change := Change{Mean: 0.25}
	for range Features {
		change.From = append(change.From, weeksReference*dayHours+dayHours)
	}
	alarms, err := runLevels(iid.Generate(3, 100, (weeksReference+3*7)*dayHours, &change), weeksReference, true)
	if err != nil || len(alarms) != Features {
		t.Fatalf("%d alarms, %v", len(alarms), err)
	}
	for _, a := range alarms {
		if a.hour != 2*weekHours && a.hour != 3*weekHours { // six days of the first week are beyond, too
			t.Errorf("column %d: told after %d h", a.column, a.hour)
		}
	}
}

// A label rate that stands still is silent, and five points more are found in days.
func TestLabelRatesInShort(t *testing.T) {
	if first, last, found := foundIn(t, Job{Version: Version, Process: "iid", Rate: 1000, Of: Labels, Seed: 1, Change: "label rate 5 pp"}, Engine); found != labelModels || first < 2 || last > 2*dayHours {
		t.Errorf("%d models told after %d to %d h", found, first, last)
	}
	r, err := (&Job{Version: Version, Process: "iid", Rate: 1000, Of: Labels, Seed: 2}).Run()
	if err != nil || r.False[Engine] != 0 || r.Months < 200 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Missing values and categories of one slice are told of it.
func TestRatesOfSlicesInShort(t *testing.T) {
	for _, change := range changesOf[Rates] {
		first, last, found := foundIn(t, Job{Version: Version, Process: "iid", Rate: 10_000, Of: Rates, Seed: 1, Change: change}, ofSlices)
		if found != slicedColumns || first < 1 || last > dayHours {
			t.Errorf("%s: %d columns told after %d to %d h", change, found, first, last)
		}
	}
}

// What a model of rates draws is what it says: categories, missing values, and the change in one slice.
func TestRatesAreAsTheProcessSays(t *testing.T) {
	change := Change{Moved: 0.05, Missing: 0.1}
	const from = 200
	for range slicedColumns {
		change.From = append(change.From, from)
	}
	tr := (&Process{}).generateRates(1, 100_000, 2*from, &change)
	var n, first, second, missing [2]float64
	for hour := range 2 * from {
		at := hour / from
		for k := range slicedColumns {
			c := &tr.counts[hour][changed][k]
			valid := int32(0)
			for _, b := range c.bins {
				valid += b
			}
			if int64(valid+c.missing) != tr.n[hour][changed] {
				t.Fatalf("%d values and %d missing of %d events", valid, c.missing, tr.n[hour][changed])
			}
			n[at] += float64(valid)
			first[at] += float64(c.bins[0])
			second[at] += float64(c.bins[1])
			if k%2 == 0 {
				missing[at] += float64(c.missing) / float64(tr.n[hour][changed]) / (from * slicedColumns / 2)
			}
		}
	}
	for name, got := range map[string][2]float64{
		"first":   {first[1]/n[1] - first[0]/n[0], -0.05},
		"second":  {second[1]/n[1] - second[0]/n[0], 0.05},
		"missing": {missing[1] - missing[0], 0.1},
		"before":  {missing[0], 0},
	} {
		if math.Abs(got[0]-got[1]) > 0.001 {
			t.Errorf("%s: %.4f, want %.4f", name, got[0], got[1])
		}
	}
}

// Draws of many have the mean and the variance of the Poisson law.
func TestPoissonDraws(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	const draws = 100_000
	for _, rate := range []float64{0.5, 8, 80, 40_000} {
		var sum, squares float64
		for range draws {
			d := float64(poissonMany(rng, rate)) - rate
			sum += d
			squares += d * d
		}
		if z := sum / math.Sqrt(rate*draws); math.Abs(z) > 4 {
			t.Errorf("%g: mean off by %.1f standard errors", rate, z)
		}
		if r := squares / draws / rate; math.Abs(r-1) > 0.03 {
			t.Errorf("%g: variance %.3f times what it should be", rate, r)
		}
	}
}

// Every job of the grid is another one, and those of older logs are called what they were: an interrupted run goes on from there.
func TestJobsKeepTheirNames(t *testing.T) {
	grid := FullGrid(100, 20261125)
	grid.Refit = true
	seen := map[Job]bool{}
	of := map[Of]int{}
	for _, j := range grid.Jobs() {
		if seen[j] {
			t.Errorf("twice: %+v", j)
		}
		seen[j] = true
		of[j.Of]++
	}
	for _, o := range grid.Of {
		if of[o] == 0 {
			t.Errorf("no job of %s", o)
		}
	}
	for _, name := range []string{
		`{"Version":4,"Process":"iid","Rate":100,"Seed":20261125,"Change":"mean .1 sd"}`,
		`{"Version":4,"Process":"iid","Rate":100,"Seed":20261128,"Change":"","Slices":true}`,
		`{"Version":4,"Process":"diurnal","Rate":1000000,"Seed":20664222,"Change":""}`,
		`{"Version":4,"Process":"iid","Rate":100,"Seed":20261130,"Change":"constant .02 sd"}`,
		`{"Version":4,"Process":"ar5","Rate":1000,"Seed":20362132,"Change":"","Refit":true}`,
	} {
		var j Job
		if err := json.Unmarshal([]byte(name), &j); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(j)
		if err != nil || string(b) != name {
			t.Errorf("%s is now %s (%v)", name, b, err)
		}
		if !seen[j] {
			t.Errorf("%s is not in the grid", name)
		}
	}
}

// Rows of what is beside columns of numbers are printed apart from theirs.
func TestOtherRowsArePrintedApart(t *testing.T) {
	job := Job{Version: Version, Process: "ar5", Rate: 1000, Of: Weeks, Seed: 1}
	found := job
	found.Change = slowly
	rows := Rows([]*Result{
		{Job: job, Months: 6, Columns: Features, False: map[string]int{ofLevels: 3, ofLevelsGrouped: 2}},
		{Job: found, Columns: 2, Delays: map[string][]int{Engine: {100, -1}, ofLevels: {1000, 2000}}},
	}, 1)
	if r, ok := Find(rows, FalseRow, "ar5, windows of a week", ofLevels); !ok || r.Value != 0.5 {
		t.Errorf("%+v, %t", r, ok)
	}
	// What isn't found counts the sixteen weeks that it had.
	if r, ok := Find(rows, DelayRow+slowly, "ar5, windows of a week, n=1000", Engine); !ok || r.Value != (100+weeksHorizon)/2. {
		t.Errorf("%+v, %t", r, ok)
	}
	var plain, others strings.Builder
	Print(&plain, rows)
	PrintOthers(&others, rows)
	if strings.Contains(plain.String(), "windows of a week") || !strings.Contains(others.String(), "0.50 (0.10-1.46) of 6 months") || !strings.Contains(others.String(), "1500.0 h, found 100 %") {
		t.Errorf("%s\n%s", plain.String(), others.String())
	}
}
