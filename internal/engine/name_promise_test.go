package engine_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// unfair takes decisions of a segment away, and most outcomes are other than scores say, in days [from, to).
func unfair(from, to int) func(*sample, *rand.Rand) {
	return func(s *sample, rng *rand.Rand) {
		if s.between(from, to) {
			s.positive = s.positive != (rng.IntN(3) == 0)
			if s.seg == "s" && rng.Float64() < 0.85 {
				s.score *= 0.4
			}
		}
	}
}

// ends says of every promise's alarm under which name it was told and when it was over, in order of the former; and complains of an end without a beginning.
func ends(t *testing.T, found []finding.Finding) []string {
	t.Helper()
	since, out := map[string]string{}, []string{}
	for _, f := range found {
		if f.Channel != "promise" && !(f.Channel == "fairness" && f.Metric == "demographic_parity_ratio") {
			continue
		}
		name := f.Subject + sliced(&f)
		switch open, known := since[f.Signal()]; {
		case f.Verdict == finding.Breach && !known:
			since[f.Signal()] = stamp(f.At)
		case f.Verdict == finding.Equivalent && known:
			out = append(out, name+": "+open+" to "+stamp(f.At))
			delete(since, f.Signal())
		case f.Verdict == finding.Equivalent:
			t.Errorf("over, and never told: %s at %s", name, stamp(f.At))
		}
	}
	for name, at := range since {
		out = append(out, strings.ReplaceAll(name, "\x00", ", ")+": since "+at)
	}
	slices.Sort(out)
	return out
}

const twicePromised = costs + `protected: {seg: {privileged: n, justification: for the test}}
promises:
  - {metric: expected_cost, max: 15, over: 7d, then: ticket}
  - {metric: expected_cost, max: 15, over: 14d, then: ticket}
  - {metric: accuracy, min: 70%, over: 7d, then: ticket}
  - {metric: scoring_latency_p50, max: 100ms, over: 6h, then: ticket}
  - {metric: scoring_latency_p50, max: 100ms, over: 1d, then: ticket}
  - {metric: demographic_parity_ratio, min: 80%, over: 7d, by: [seg], then: ticket}
  - {metric: demographic_parity_ratio, min: 70%, over: 14d, then: ticket}
`

// What is promised twice is told under two names, each from its beginning to its end.
func TestPromisesThatAreMadeTwice(t *testing.T) {
	t.Parallel()
	const ref = 70 // windows of two weeks begin on days 77 and 91
	wrong := unfair(ref+7, ref+24)
	w := learn(t, ref, generate(41, ref+50, 240, func(s *sample, rng *rand.Rand) {
		wrong(s, rng)
		if s.between(ref+7, ref+8) {
			s.latency = 400
		}
	}), twicePromised)
	want := []string{
		"promise: accuracy at least 0.7: 84d0h to 105d0h",
		"promise: cost per decision at most 15 EUR over 14 d: 91d0h to 119d0h",
		"promise: cost per decision at most 15 EUR over 7 d: 84d0h to 105d0h",
		"promise: median latency at most 0.1 s over 1 d: 78d0h to 79d0h",
		"promise: median latency at most 0.1 s over 6h0m0s: 77d6h to 78d6h",
		"seg (at least 0.7 over 14 d, as of every attribute) in seg=s: 91d0h to 105d0h",
		"seg (at least 0.8 over 7 d) in seg=s: 84d0h to 105d0h",
	}
	if d := cmp.Diff(want, ends(t, w.run())); d != "" {
		t.Error(d)
	}
}

// An alarm is over under the name it was told under, also where what is promised beside it has changed, or it is promised no more.
func TestAnAlarmKeepsItsName(t *testing.T) {
	t.Parallel()
	const ref = 70
	w := learn(t, ref, generate(42, ref+36, 240, unfair(ref+7, ref+21)), twicePromised)
	for name, c := range map[string]struct {
		first, then []int // of the promises above
		from        int   // the day since which the latter are
		want        []string
	}{
		"alone, then twice": {[]int{0, 5}, []int{0, 1, 5, 6}, ref + 16, []string{
			"fairness, seg (at least 0.7 over 14 d, as of every attribute), demographic_parity_ratio, seg=s: since 91d0h",
			"promise, promise: cost per decision at most 15 EUR over 14 d, expected_cost, : since 91d0h",
			"promise: cost per decision at most 15 EUR: 84d0h to 98d0h",
			"seg in seg=s: 84d0h to 98d0h",
		}},
		"twice, then alone": {[]int{0, 1, 5, 6}, []int{0, 5}, ref + 23, []string{
			"promise: cost per decision at most 15 EUR over 14 d: 91d0h to 94d0h",
			"promise: cost per decision at most 15 EUR over 7 d: 84d0h to 98d0h",
			"seg (at least 0.7 over 14 d, as of every attribute) in seg=s: 91d0h to 94d0h",
			"seg (at least 0.8 over 7 d) in seg=s: 84d0h to 98d0h",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pick := func(p plan.Plan, which []int) *plan.Plan {
				all := p.Policy.Promises
				p.Policy.Promises = nil
				for _, i := range which {
					p.Policy.Promises = append(p.Policy.Promises, all[i])
				}
				if err := p.Seal(); err != nil {
					t.Fatal(err)
				}
				return &p
			}
			later := *w.plan
			later.From = day(c.from)
			reigns := plan.History{pick(*w.plan, c.first), pick(later, c.then)}
			found := w.fed(interleave(w.epochs(24)), func(i int, p *pair) {
				if i%4 == 1 {
					*p = w.restarted(*p)
				}
				p.engine.Govern(reigns)
			})
			found = slices.DeleteFunc(found, func(f finding.Finding) bool { return f.At.After(day(ref + 28)) })
			if d := cmp.Diff(c.want, ends(t, found)); d != "" {
				t.Error(d)
			}
		})
	}
}

// A plan of an earlier build may promise the same twice: that is one promise, whose window holds what it holds, with all that follows.
func TestTheSamePromiseTwice(t *testing.T) {
	t.Parallel()
	w := learn(t, busyRef, generate(43, busyRef+3, 480, func(s *sample, _ *rand.Rand) {
		if s.between(busyRef+1, busyRef+2) {
			s.latency = 400
		}
	}), "promises: [{metric: volume, min: 150, over: 6h, then: ticket}, {metric: scoring_latency_p50, max: 100ms, over: 6h, then: ticket, agreed: [ops]}]\n")
	p := &w.plan.Policy
	for _, pr := range slices.Clone(p.Promises) {
		pr.Then, pr.Agreed = []string{"page"}, []string{"shop"}
		p.Promises = append(p.Promises, pr)
	}
	breaches := 0
	for _, f := range about(w.run(), "", "promise") {
		if f.Verdict != finding.Breach {
			continue
		}
		breaches++
		if f.N.Current != 120 || f.Severity != finding.Page {
			t.Errorf("%s: %s of %d", f.Subject, f.Severity, f.N.Current)
		}
		if f.Metric != "volume" && f.Numbers[1].Name != "agreed by ops, shop" {
			t.Errorf("%+v", f.Numbers)
		}
	}
	if breaches < 12 { // 8 windows with too few events at least, and 4 that were slow
		t.Errorf("%d breaches", breaches)
	}
}
