package engine_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// A promise's window is judged over all model versions, and its findings say what each of them came to: here the second, which takes half of the
// traffic over in the middle of a week and all of it on its end, is the bad one. So does an alarm by burn rates, before the week is over. Restarts change nothing, also of
// versions whose names are no text and differ in just that.
func TestPromisesByVersion(t *testing.T) {
	t.Parallel()
	const from = quietRef + 8
	w := learn(t, quietRef, generate(9, quietRef+22, quiet, func(s *sample, rng *rand.Rand) {
		s.version = "v\xfe"
		if s.between(from, quietRef+22) && (rng.IntN(2) == 0 || s.between(quietRef+14, quietRef+22)) {
			s.version = "v\xff"
			s.score = 0.99 // and most decisions wrong
			if s.positive {
				s.score = 0.01
			}
		}
	}), costs+`
# of several versions
promises: [{metric: expected_cost, max: 25, over: 7d, then: page}]
`)
	var sums, counts [2]float64 // of the second week after the reference
	for i := range w.samples {
		s := &w.samples[i]
		if s.between(quietRef+7, quietRef+14) {
			k := 0
			if s.version == "v\xff" {
				k = 1
			}
			sums[k] += s.cost()
			counts[k]++
		}
	}
	byVersion := func(f *finding.Finding) (out []finding.Figure) {
		for _, n := range f.Numbers {
			if strings.Contains(n.Name, " of version ") {
				out = append(out, n)
			}
		}
		return out
	}
	for name, run := range map[string]func() []finding.Finding{"straight": w.run, "restarted": func() []finding.Finding {
		return w.fed(interleave(w.epochs(12)), func(_ int, p *pair) { *p = w.restarted(*p) })
	}} {
		got := about(run(), "promise: cost per decision at most 25 EUR", "promise")
		if len(got) < 3 {
			t.Fatalf("%s: %v", name, lines(got))
		}
		burnt, week, later := byVersion(&got[0]), byVersion(&got[1]), byVersion(&got[2])
		if len(burnt) != 2 || !(burnt[0].Now < 25 && burnt[1].Now > 25) {
			t.Errorf("%s: burn rates %s say %+v", name, lines(got[:1]), burnt)
		}
		if len(week) != 2 {
			t.Fatalf("%s: %s says %+v", name, lines(got[1:2]), got[1].Numbers)
		}
		for k, n := range week {
			if want := sums[k] / counts[k]; n.Name != "cost per decision of version "+[]string{`"v\xfe"`, `"v\xff"`}[k] || !near(n.Now, want, 1e-9) {
				t.Errorf("%s: %+v, want %g", name, n, want)
			}
		}
		if len(later) != 0 { // one version alone
			t.Errorf("%s: %s says %+v", name, lines(got[2:3]), later)
		}
	}
}
