package engine_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

const (
	quiet    = 48 // events a day: test panes of a day
	quietRef = 70 // days of reference
	busy     = 2000
	busyRef  = 14
)

func expect(t *testing.T, want []string, findings []finding.Finding) {
	t.Helper()
	if d := cmp.Diff(want, lines(findings)); d != "" {
		t.Errorf("findings (-want +got):\n%s", d)
	}
}

// Without drift there is nothing to tell: 8 models over 120 days each, and two busy ones over 20. The budget of 4 tickets in
// 30 days would allow many; a quarter of it is spent, and persistence keeps most of that.
func TestNoDrift(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("quiet ", seed), func(t *testing.T) {
			t.Parallel()
			w := learn(t, quietRef, generate(seed, quietRef+120, quiet, nil), costs)
			expect(t, []string{}, w.run())
		})
	}
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("busy ", seed), func(t *testing.T) {
			t.Parallel()
			w := learn(t, busyRef, generate(seed, busyRef+20, busy, nil), costs)
			expect(t, []string{}, w.run())
		})
	}
}

func TestShiftIsFoundAndRecovers(t *testing.T) {
	t.Parallel()
	// A quiet model has a pane a day, a busy one eight.
	shift := func(from, to int) func(*sample, *rand.Rand) {
		return func(s *sample, _ *rand.Rand) {
			if s.between(from, to) {
				s.x++
			}
		}
	}
	t.Run("quiet", func(t *testing.T) {
		t.Parallel()
		w := learn(t, quietRef, generate(1, quietRef+30, quiet, shift(75, 82)), "")
		expect(t, []string{
			"78d0h x location shift_in_reference_sd: drift ticket since 75d0h",
			"85d0h x location shift_in_reference_sd: equivalent info since 75d0h",
		}, w.run())
	})
	t.Run("busy", func(t *testing.T) {
		t.Parallel()
		w := learn(t, busyRef, generate(1, busyRef+8, busy, shift(16, 18)), "")
		expect(t, []string{
			"16d6h x location shift_in_reference_sd: drift ticket since 15d18h",
			"19d0h x location shift_in_reference_sd: equivalent info since 15d18h",
		}, w.run())
	})
	t.Run("a reference of less than a week is judged pane by pane", func(t *testing.T) {
		t.Parallel()
		w := learn(t, 6, generate(1, 6+5, busy, shift(8, 10)), "")
		expect(t, []string{
			"8d9h x distribution psi: drift ticket since 8d0h",
			"10d9h x distribution psi: equivalent info since 8d0h",
		}, w.run())
	})
	t.Run("two panes are too few", func(t *testing.T) {
		t.Parallel()
		w := learn(t, quietRef, generate(1, quietRef+12, quiet, shift(75, 77)), "")
		expect(t, []string{}, w.run())
	})
}

func TestConstantColumnMoves(t *testing.T) {
	t.Parallel()
	// It moves at 5:30 on day 75, in one event of that hour, and again every day until day 80.
	moves := func(s *sample, _ *rand.Rand) {
		if s.between(75, 80) && s.at.Hour() == 5 && s.at.Minute() == 30 {
			s.k = 3.5
		}
	}
	w := learn(t, quietRef, generate(2, quietRef+20, quiet, moves), "")
	got := w.run()
	expect(t, []string{
		"75d6h k constant share_other_than_constant: fault page since 75d5h",
		"83d0h k constant share_other_than_constant: equivalent info since 75d5h",
	}, got)
	f := got[0]
	if f.Value != 0.5 || f.Reference != 0 || f.N.Current != 2 || f.N.Reference != quietRef*quiet {
		t.Errorf("value %v of %v, n %+v", f.Value, f.Reference, f.N)
	}
	at := int64(75*quiet + 10)
	if d := cmp.Diff(finding.Offsets{"p": {"0": {at, at + 1}}}, f.Offsets); d != "" {
		t.Errorf("offsets: %s", d)
	}
	want := []finding.Figure{{Name: "k", Before: 3, Now: 3.25}}
	if d := cmp.Diff(want, f.Numbers); d != "" {
		t.Error(d)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	lose := func(s *sample, _ *rand.Rand) {
		if s.between(16, 17) {
			s.x = math.NaN()
		}
	}
	t.Run("busy: a fault within the hour", func(t *testing.T) {
		t.Parallel()
		got := learn(t, busyRef, generate(3, busyRef+5, busy, lose), "").run()
		expect(t, []string{
			"16d1h x missing missing_share: fault page since 16d0h",
			"16d6h x missing missing_share_change: drift ticket since 16d0h",
			"17d9h x missing missing_share: equivalent info since 16d0h",
			"18d0h x missing missing_share_change: equivalent info since 16d0h",
		}, got)
	})
	t.Run("quiet: an hour is too short, a day is not", func(t *testing.T) {
		t.Parallel()
		lose := func(s *sample, _ *rand.Rand) {
			if s.between(75, 80) {
				s.r = math.NaN()
			}
		}
		expect(t, []string{
			"76d0h r missing missing_share: fault page since 75d0h", // a day of it is enough
			"77d0h r missing missing_share_change: drift ticket since 75d0h",
			"78d0h r missing missing_share: breach ticket since 75d0h", // the contract allows 1 %
			"83d0h r missing missing_share_change: equivalent info since 75d0h",
			"83d0h r missing missing_share: equivalent info since 75d0h",
			"83d0h r missing missing_share: equivalent info since 75d0h",
		}, learn(t, quietRef, generate(3, quietRef+20, quiet, lose), "").run())
	})
}

// Rates: out of the promised range, a category never seen, a broken rule; each found within nine hours.
func TestRates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		more   string
		change func(s *sample, rng *rand.Rand)
		want   []string
	}{
		"promised range": {"", func(s *sample, rng *rand.Rand) {
			if s.between(16, 18) && rng.IntN(10) == 0 {
				s.r = 11
			}
		}, []string{
			"16d6h r out_of_range above_reference_share_change: drift ticket since 16d0h",
			"16d9h r range out_of_promised_share: breach ticket since 16d0h",
			"17d0h r out_of_range above_reference_share_change: drift ticket since 16d0h", // by now enough to say that a tenth of it is stuck
			"18d9h r range out_of_promised_share: equivalent info since 16d0h",
			"19d0h r out_of_range above_reference_share_change: equivalent info since 16d0h",
		}},
		"new category": {"", func(s *sample, rng *rand.Rand) {
			if s.between(16, 18) && rng.IntN(12) == 0 {
				s.cat = "z"
			}
		}, []string{
			"16d6h cat new_category new_category_share_change: drift ticket since 16d0h",
			"19d0h cat new_category new_category_share_change: equivalent info since 16d0h",
		}},
		"rule": {"rules: [{name: agree, expr: \"!(cat == 'a' && seg == 'n' && r > 9.0)\"}]\n", func(s *sample, rng *rand.Rand) {
			if s.between(16, 18) && rng.IntN(5) == 0 {
				s.seg, s.cat, s.r = "n", "a", 9.5
			}
		}, []string{
			"16d6h agree rule broken_share_change: drift ticket since 16d0h",
			"16d12h agree rule broken_share_change in seg=n: drift ticket since 16d0h", // where it is broken
			"19d0h agree rule broken_share_change: equivalent info since 16d0h",
			"19d0h agree rule broken_share_change in seg=n: equivalent info since 16d0h",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := learn(t, busyRef, generate(4, busyRef+8, busy, c.change), c.more)
			got := w.run()
			expect(t, c.want, slices.DeleteFunc(slices.Clone(got), func(f finding.Finding) bool {
				return f.Channel == "location" || f.Channel == "category" || f.Channel == "distribution"
			}))
		})
	}
}

// Identifiers never seen before are no news where the reference is full of them.
func TestOpenVocabulary(t *testing.T) {
	t.Parallel()
	fresh := func(s *sample, _ *rand.Rand) { s.cat = s.at.String() }
	expect(t, []string{}, learn(t, quietRef, generate(5, quietRef+30, quiet, fresh), "").run())
}

func TestNaNAndTextCountAsInvalid(t *testing.T) {
	t.Parallel()
	spoil := func(s *sample, rng *rand.Rand) {
		if s.between(16, 18) && rng.IntN(10) == 0 {
			s.x = math.Inf(1)
		}
	}
	expect(t, []string{
		"16d6h x invalid invalid_share_change: drift ticket since 16d0h",
		"19d0h x invalid invalid_share_change: equivalent info since 16d0h",
	}, learn(t, busyRef, generate(6, busyRef+8, busy, spoil), "").run())
}

// Declared odd days are not judged: they neither open nor close anything, and a run goes on behind them.
func TestCalendar(t *testing.T) {
	t.Parallel()
	shift := func(s *sample, _ *rand.Rand) {
		if s.between(75, 79) || s.between(90, 94) {
			s.x += 2
		}
	}
	holiday := fmt.Sprintf("watch:\n  calendar: [{name: a, from: %s, to: %s}, {name: b, from: %s, to: %s}]\n",
		day(76).Format("2006-01-02"), day(77).Format("2006-01-02"), day(90).Format("2006-01-02"), day(94).Format("2006-01-02"))
	expect(t, []string{
		"78d0h x location shift_in_reference_sd: drift ticket since 75d0h", // day 76 is left out
		"82d0h x location shift_in_reference_sd: equivalent info since 75d0h",
	}, learn(t, quietRef, generate(7, quietRef+30, quiet, shift), holiday).run())
}

// Scores that are too small by a factor: the outcomes show it, and what it costs follows from the costs.
func TestMiscalibration(t *testing.T) {
	t.Parallel()
	from, to := 75, 96
	shrink := func(s *sample, _ *rand.Rand) {
		if s.between(from, to) {
			s.score *= 0.3
		}
	}
	w := learn(t, quietRef, generate(7, quietRef+40, quiet, shrink), costs)
	if w.plan.TruthPane != w.plan.TestPane {
		t.Fatalf("a truth pane is %s", w.plan.TruthPane)
	}
	got := w.run()
	whole := slices.DeleteFunc(about(got, "outcome", ""), func(f finding.Finding) bool { return len(f.Slice) > 0 })
	if len(whole) == 0 {
		t.Fatal("nothing found")
	}
	opened := map[string]bool{}
	for _, f := range whole {
		if f.Metric == "shift_in_logits" { // by evidence, not by three panes, and at the price of all that it has seen: see TestConceptDrift
			continue
		}
		if f.At.Equal(day(from+3)) && f.Verdict == finding.Drift {
			opened[f.Channel] = true
			if f.Severity != finding.Page || !f.Onset.Equal(day(from)) || f.Impact == nil {
				t.Errorf("%s is a %s since %s, impact %v", f.Metric, f.Severity, f.Onset, f.Impact)
			}
		}
		if f.At.Before(day(from + 3)) {
			t.Errorf("%s at %s is too early", f.Metric, f.At)
		}
	}
	if !opened["performance"] || !opened["cost"] {
		t.Errorf("opened after three panes: %v", opened)
	}
	// Every outcome known by an hour after its pane counts; here that is every one.
	var reference float64
	for _, s := range w.samples[:quietRef*quiet] {
		reference += s.cost() / (quietRef * quiet)
	}
	soFar := 0.0
	told := map[int]bool{}
	for d := from; d < to+3; d++ {
		var now float64
		for _, s := range w.samples[d*quiet : (d+1)*quiet] {
			now += s.cost()
		}
		perDay := now - reference*quiet
		soFar += perDay
		for _, f := range whole {
			if !f.Window.Start.Equal(day(d)) || f.Metric == "shift_in_logits" {
				continue
			}
			told[d] = true
			i := f.Impact
			if i == nil || i.Currency != "EUR" || i.Basis != "measured" {
				t.Fatalf("day %d: impact %+v", d, i)
			}
			if math.Abs(float64(i.PerDay)-perDay) > 1e-6 || math.Abs(float64(i.SoFar)-soFar) > 0.006 {
				t.Errorf("day %d: %v a day, %v so far, want %g and %g", d, i.PerDay, i.SoFar, perDay, soFar)
			}
			if !(i.Band[0] < i.PerDay && i.PerDay < i.Band[1]) || math.Abs(float64(i.Band[0]+i.Band[1]-2*i.PerDay)) > 1e-6 {
				t.Errorf("day %d: %v lies outside the middle of %v", d, i.PerDay, i.Band)
			}
		}
	}
	for d := from + 2; d < to+3; d++ { // from the third day on, every day until it is over
		if !told[d] {
			t.Errorf("nothing told of day %d", d)
		}
	}
	whole = slices.DeleteFunc(whole, func(f finding.Finding) bool { return f.Metric == "shift_in_logits" })
	last := whole[len(whole)-1]
	if last.Verdict != finding.Equivalent || !last.At.Equal(day(to+3)) {
		t.Errorf("the last is %s at %s", last.Verdict, stamp(last.At))
	}
}

// Where decisions aren't priced a page needs no impact; slices alone never page.
func TestMiscalibrationWithoutPrices(t *testing.T) {
	t.Parallel()
	shrink := func(s *sample, _ *rand.Rand) {
		if s.between(busyRef+1, busyRef+3) && s.seg == "s" {
			s.score *= 0.3
		}
	}
	got := about(learn(t, busyRef, generate(8, busyRef+4, busy, shrink), "").run(), "outcome", "")
	seen := map[string]int{}
	for _, f := range got {
		if f.Impact != nil {
			t.Errorf("impact without prices: %+v", f.Impact)
		}
		if !f.Alarming() {
			continue
		}
		seen[sliced(&f)]++
		if want := map[bool]finding.Severity{true: finding.Page, false: finding.Ticket}[len(f.Slice) == 0]; f.Severity != want {
			t.Errorf("%s%s is a %s", f.Metric, sliced(&f), f.Severity)
		}
	}
	if seen[" in seg=s"] == 0 || seen[" in seg=n"] != 0 {
		t.Errorf("found in %v", seen)
	}
}

func TestPromises(t *testing.T) {
	t.Parallel()
	// The reference ends on a Monday; weeks begin on Mondays. Scores are wrong in the second and third week after it.
	shrink := func(s *sample, _ *rand.Rand) {
		if s.between(quietRef+7, quietRef+21) {
			s.score *= 0.3
		}
	}
	samples := generate(9, quietRef+36, quiet, shrink)
	var firstWeek float64 // what a decision cost in the first bad week
	for _, s := range samples[77*quiet : 84*quiet] {
		firstWeek += s.cost() / (7 * quiet)
	}
	found := learn(t, quietRef, samples, costs+fmt.Sprintf(`
promises:
  - {metric: expected_cost, max: 25, over: 7d, then: page, agreed: [trading]}
  - {metric: expected_cost, max: 26, over: 7d, then: ticket, until: %s}
  - {metric: recall, min: 0.5, over: 7d, by: [seg], then: ticket}
  - {metric: brier, max_increase: 20%%, over: 7d, then: ticket}
  - {metric: expected_cost, max: %.2f, over: 7d, then: ticket}
`, day(90).Format("2006-01-02"), firstWeek-0.5)).run()
	promise := func(words string) []finding.Finding { return about(found, "promise: "+words, "promise") }
	t.Run("broken and kept again", func(t *testing.T) {
		t.Parallel()
		got := promise("cost per decision at most 25 EUR")
		expect(t, []string{
			"82d0h promise: cost per decision at most 25 EUR promise expected_cost: breach page since 79d0h", // its budget burns too fast over three days
			"84d0h promise: cost per decision at most 25 EUR promise expected_cost: breach page since 79d0h",
			"91d0h promise: cost per decision at most 25 EUR promise expected_cost: breach page since 79d0h",
			"98d0h promise: cost per decision at most 25 EUR promise expected_cost: equivalent info since 79d0h",
		}, got)
		if f := got[1]; math.Abs(float64(f.Value)-firstWeek) > 1e-9 || f.Threshold != 25 || f.N.Current != 7*quiet {
			t.Errorf("value %v, want %g; limit %v, n %+v", f.Value, firstWeek, f.Threshold, f.N)
		}
	})
	t.Run("until", func(t *testing.T) {
		t.Parallel()
		expect(t, []string{
			"84d0h promise: cost per decision at most 26 EUR promise expected_cost: breach ticket since 77d0h",
			"91d0h promise: cost per decision at most 26 EUR promise expected_cost: equivalent info since 77d0h", // it has ended
		}, promise("cost per decision at most 26 EUR"))
	})
	t.Run("a floor by slice", func(t *testing.T) {
		t.Parallel()
		expect(t, []string{
			"84d0h promise: recall at least 0.5 promise recall in seg=n: breach ticket since 77d0h",
			"84d0h promise: recall at least 0.5 promise recall in seg=s: breach ticket since 77d0h",
			"91d0h promise: recall at least 0.5 promise recall in seg=n: breach ticket since 77d0h",
			"91d0h promise: recall at least 0.5 promise recall in seg=s: breach ticket since 77d0h",
			"98d0h promise: recall at least 0.5 promise recall in seg=n: equivalent info since 77d0h",
			"98d0h promise: recall at least 0.5 promise recall in seg=s: equivalent info since 77d0h",
		}, promise("recall at least 0.5"))
	})
	t.Run("an increase", func(t *testing.T) {
		t.Parallel()
		got := promise("Brier score at most 20 % above the reference")
		if len(got) != 3 || got[0].Verdict != finding.Breach || got[2].Verdict != finding.Equivalent {
			t.Fatalf("%v", lines(got))
		}
		if f := got[0]; math.Abs(float64(f.Threshold-1.2*f.Reference)) > 1e-9 {
			t.Errorf("limit %v, the reference %v", f.Threshold, f.Reference)
		}
	})
	t.Run("not broken for sure", func(t *testing.T) {
		t.Parallel()
		// The limit lies just below what the first bad week cost: nobody can say that it was broken then.
		got := promise(fmt.Sprintf("cost per decision at most %g EUR", math.Round(100*(firstWeek-0.5))/100))
		if len(got) > 0 && got[0].Window.Start.Equal(day(77)) {
			t.Errorf("%v", lines(got))
		}
		told := false
		for _, f := range found {
			told = told || f.Channel == "promise" && float64(f.Value) > firstWeek-0.5 && f.Window.Start.Equal(day(77))
		}
		if !told {
			t.Error("that week broke no other promise on cost either: the test proves nothing")
		}
	})
}
