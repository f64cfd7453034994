package baseline_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// noisy are rows whose x scatters around a level that a day and the reference's own memory move.
func noisy(days, perDay int, seed uint64, level func(day float64) float64) []row {
	rows := steady(days, perDay)
	rng := rand.New(rand.NewPCG(seed, 1))
	wander := 0.
	for i := range rows {
		if i%(perDay/24) == 0 { // once an hour
			wander = .8*wander + .1*rng.NormFloat64()
		}
		day := float64(i) / float64(perDay)
		rows[i].x = 10 + rng.NormFloat64() + wander + .5*math.Sin(2*math.Pi*day) + level(day)
	}
	return rows
}

// noted is the note on drift in the reference, "" without one.
func noted(p *plan.Plan) string {
	for _, n := range p.Unjudged {
		if strings.Contains(n, "drifts itself") {
			return n
		}
	}
	return ""
}

// A reference that moved says which input did and by how much; one that only wanders, has days, or is too short to have halves says nothing.
func TestReferenceThatDrifts(t *testing.T) {
	flat := func(float64) float64 { return 0 }
	for seed := range uint64(5) {
		if n := noted(build(t, draft(t, 14, ""), noisy(14, 48*24, seed, flat))); n != "" {
			t.Errorf("seed %d: %s", seed, n)
		}
	}
	step := func(day float64) float64 {
		if day < 7 {
			return 0
		}
		return 1
	}
	got := noted(build(t, draft(t, 14, ""), noisy(14, 48*24, 1, step)))
	if !strings.Contains(got, "from its first half to its second moved x by +0.") || strings.Contains(got, " more,") {
		t.Errorf("a step of a standard deviation: %q", got)
	}
	if n := noted(build(t, draft(t, 6, ""), noisy(6, 48*24, 1, func(day float64) float64 { return 2 * step(2*day) }))); n != "" {
		t.Errorf("six days: %s", n)
	}
	rows := noisy(14, 48*24, 2, flat)
	for i := range rows {
		if i > len(rows)/2 && i%5 == 0 {
			rows[i].x = nil
		}
	}
	if got := noted(build(t, draft(t, 14, ""), rows)); !strings.Contains(got, "missing x by +20.0 points") {
		t.Errorf("a fifth missing in the second half: %q", got)
	}
}

// Shares of categories are held against each other too.
func TestReferenceWhoseMixtureDrifts(t *testing.T) {
	rows := steady(14, 48*24)
	for i := range rows {
		if i > len(rows)/2 && rows[i].cat == "c" && i%2 == 0 {
			rows[i].cat = "a"
		}
	}
	got := noted(build(t, draft(t, 14, ""), rows))
	if !strings.Contains(got, `cat "a" by +16.7 points`) || !strings.Contains(got, `cat "c" by -16.7 points`) {
		t.Errorf("%q", got)
	}
}

// Slices with hardly any events are counted among those that the reference has; what has too few to be a slice at all is none.
func TestReferenceWithThinSlices(t *testing.T) {
	rows := steady(14, 48*24)
	for i := range rows {
		rows[i].seg = "n"
		switch {
		case i%150 == 0:
			rows[i].seg = "rare" // 108 events, more than half a percent
		case i%1000 == 1:
			rows[i].seg = "hardly" // 16 events: counted as other
		}
	}
	p := build(t, draft(t, 14, ""), rows)
	want := "1 of 2 slices by seg hold fewer than 200 events in the reference: little can be said of them"
	if !slices.Contains(p.Unjudged, want) {
		t.Errorf("%q, slices %q", p.Unjudged, p.Slices[0].Values)
	}
}
