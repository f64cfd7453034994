package engine_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// Scores come to lie where nobody can decide, and mean what they did: the finding on them says, before any outcome, what that costs a day, within its band of
// what it turned out to cost, and how fast it burns what the promise allows. Without a promise it says how many times as dear it is; without prices nothing.
func TestDriftIsPricedBeforeOutcomes(t *testing.T) {
	t.Parallel()
	const from, limit = busyRef + 5, 40.0
	unsure := func(s *sample, rng *rand.Rand) {
		if s.between(from, from+20) {
			s.score = 1 / (1 + math.Exp(-0.4*rng.NormFloat64()))
			s.positive = rng.Float64() < s.score
		}
	}
	samples := generate(31, busyRef+12, busy, unsure)
	mean := func(from, to int) (cost float64) {
		for _, s := range samples[from*busy : to*busy] {
			cost += s.cost() / float64((to-from)*busy)
		}
		return cost
	}
	before, after := mean(0, busyRef), mean(from, from+7)
	first := func(more string) finding.Finding {
		t.Helper()
		for _, f := range learn(t, busyRef, samples, more).run() {
			if f.Subject == "score" && f.Verdict == finding.Drift && len(f.Slice) == 0 {
				return f
			}
		}
		t.Fatal("no drift of the score was found")
		return finding.Finding{}
	}
	f := first(costs + "promises: [{metric: expected_cost, max: 40, over: 7d, then: page}]\n")
	i := f.Impact
	if i == nil || i.Basis != "estimated" || i.Currency != "EUR" || i.Burn == nil || i.Burn.Of != finding.OfBudget {
		t.Fatalf("%+v", i)
	}
	aDay := (after - before) * busy
	if slack := 0.1 * aDay; float64(i.Band[0])-slack > aDay || aDay > float64(i.Band[1])+slack || math.Abs(float64(i.PerDay)-aDay) > 3*slack {
		t.Errorf("%v a day, band %v; it came to %.0f", i.PerDay, i.Band, aDay)
	}
	if want := (after - before) / (limit - before); math.Abs(float64(i.Burn.Rate)-want) > 0.3*want || i.Burn.Low > i.Burn.Rate {
		t.Errorf("burn %+v, it came to %.2f", i.Burn, want)
	}
	if days := f.Window.End.Sub(f.Onset).Hours() / 24; math.Abs(float64(i.SoFar)-days*float64(i.PerDay)) > 0.02 {
		t.Errorf("%v so far, of %v a day in %g days", i.SoFar, i.PerDay, days)
	}
	if f.Severity != finding.Ticket {
		t.Errorf("an estimate pages: %s", f.Severity)
	}
	if i := first(costs).Impact; i == nil || i.Burn == nil || i.Burn.Of != finding.OfReference || math.Abs(float64(i.Burn.Rate)-after/before) > 0.3*after/before {
		t.Errorf("without a promise %+v, want some %.2f", i.Burn, after/before)
	}
	if i := first("").Impact; i != nil {
		t.Errorf("without prices %+v", i)
	}
}
