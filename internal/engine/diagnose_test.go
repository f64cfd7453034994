package engine_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// An alarm says what broke, in how much of it and since when; what moves by itself isn't called broken.
func TestAlarmsSayWhatBroke(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change    func(*sample)
		subject   string
		kind      string
		parameter string
		value     string
		slice     string
	}{
		"thousandfold":            {func(s *sample) { s.x *= 1000 }, "x", "unit_change", "factor", "1000", ""},
		"thousandfold in a slice": {func(s *sample) { s.x *= map[bool]float64{true: 1000, false: 1}[s.seg == "n"] }, "x", "unit_change", "factor", "1000", "n"},
		"stuck":                   {func(s *sample) { s.x = 0.25 }, "x", "stuck", "value", "0.25", ""},
		"upper case":              {func(s *sample) { s.cat = map[string]string{"a": "A", "b": "B", "c": "C"}[s.cat] }, "cat", "recoded", "to", "in upper case", ""},
		"a shift":                 {func(s *sample) { s.x++ }, "x", "covariate_shift", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := learn(t, busyRef, generate(3, busyRef+6, busy, func(s *sample, _ *rand.Rand) {
				if s.between(16, 20) {
					c.change(s)
				}
			}), "")
			findings := w.run()
			at := slices.IndexFunc(findings, func(f finding.Finding) bool {
				return f.Subject == c.subject && f.Verdict == finding.Drift && f.Diagnosis != nil
			})
			if at < 0 {
				if c.kind == "covariate_shift" {
					return // it need not have a name
				}
				t.Fatalf("nothing says what broke: %v", lines(findings))
			}
			d := findings[at].Diagnosis
			if d.Kind != c.kind || d.Parameters[c.parameter] != c.value || d.Slice["seg"] != c.slice {
				t.Errorf("%s: %s %v in %v, want %s", d.Sentence, d.Kind, d.Parameters, d.Slice, c.kind)
			}
			if d.Corruption == (c.kind == "covariate_shift") || d.Corruption && d.Fix == "" {
				t.Errorf("%+v", d)
			}
		})
	}
}
