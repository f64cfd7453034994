package check_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/finding"
)

// outcomeGaps are the promises on groups that take outcomes.
var outcomeGaps = []string{"equal_opportunity_difference", "predictive_parity_difference", "false_omission_difference"}

// promisedGaps judges them for loans, each over four weeks, and pages.
func promisedGaps(t *testing.T, l *loans) (said map[string]finding.Finding, r *check.Report) {
	t.Helper()
	l.more = "protected: {region: {privileged: north, justification: for the test}}\n"
	var promises []string
	for _, name := range outcomeGaps {
		promises = append(promises, "{metric: "+name+", max: 0.1, over: 3w, by: [region], then: page}")
	}
	l.promise = strings.Join(promises, ", ")
	r = l.check(t)
	said = map[string]finding.Finding{}
	for _, f := range r.Findings {
		if f.Channel == "fairness_outcomes" && f.Verdict == finding.Breach {
			said[f.Metric] = f
		}
	}
	return said, r
}

// reported is what the report's section says of a gap since the reference.
func reported(t *testing.T, r *check.Report, metric string) float64 {
	t.Helper()
	for _, g := range r.Fairness.Views[0].Groups {
		for _, gap := range g.Gaps {
			if gap.Metric == metric {
				return float64(gap.Signed)
			}
		}
	}
	t.Fatalf("nothing is reported of %s", metric)
	return 0
}

// Both regions are decided on alike, and of the north outcomes are looked for at high scores, of the south at low ones. What is known alone shows a gap, that isn't
// there. Where the contract states nothing that is no page; where it states that outcomes are missing at random given the score, there is no gap, and so it is reported.
func TestGapsOfASelectionAreReweighted(t *testing.T) {
	t.Parallel()
	apart := func(rng *rand.Rand, score float64, south, _ bool) bool {
		if south {
			score = 1 - score
		}
		return rng.Float64() < 0.1+0.85*score
	}
	l := loans{seenBy: apart, delay: soon}
	said, _ := promisedGaps(t, &l)
	if f := said["equal_opportunity_difference"]; f.Severity != finding.Ticket || f.Value < 0.2 || math.Abs(l.gaps[f.Metric]) > 0.03 {
		t.Errorf("nothing stated: %s, %v of truly %.3f", f.Severity, f.Value, l.gaps[f.Metric])
	}
	l.labels = "    labels: {missing: at_random_given_score}"
	said, r := promisedGaps(t, &l)
	if len(said) > 0 {
		t.Errorf("missing at random: %v", said)
	}
	for _, name := range outcomeGaps {
		if got := reported(t, r, name); math.Abs(got-l.gaps[name]) > 0.03 {
			t.Errorf("%s is reported as %.3f, and is %.3f", name, got, l.gaps[name])
		}
	}
	if v := r.Fairness.Views[0]; !strings.Contains(v.Rests, "re-weighted to all predictions") {
		t.Errorf("rests on %q", v.Rests)
	}
}

// In the south scores tell nothing: fewer of its bad loans are found. What is known alone hides that, for outcomes are looked for where scores are low in the north, and high
// in the south; what they stand for shows it, and pages.
func TestAHiddenGapIsFound(t *testing.T) {
	t.Parallel()
	l := loans{
		labels: "    labels: {missing: at_random_given_score}", delay: soon,
		odds: func(score float64, south bool) float64 {
			if south {
				return 0.3
			}
			return 0.05 + 0.75*score*score
		},
		seenBy: func(rng *rand.Rand, score float64, south, _ bool) bool {
			if !south {
				score = 1 - score
			}
			return rng.Float64() < 0.1+0.85*score
		},
	}
	said, _ := promisedGaps(t, &l)
	for _, name := range outcomeGaps {
		f, truly := said[name], l.gaps[name]
		if f.Severity != finding.Page || math.Abs(float64(f.Value)-math.Abs(truly)) > 0.04 || !strings.Contains(f.Numbers[len(f.Numbers)-1].Name, "re-weighted") {
			t.Errorf("%s: %s, %v of truly %.3f: %+v", name, f.Severity, f.Value, truly, f.Numbers)
		}
	}
	l.labels = ""
	if said, _ = promisedGaps(t, &l); said["equal_opportunity_difference"].Severity == finding.Page {
		t.Errorf("nothing stated, and somebody is paged: %v", said)
	}
}

// Only bad outcomes are reported, late: the gaps of all decisions come out of them, and of how many there were.
func TestGapsOfPositivesOnly(t *testing.T) {
	t.Parallel()
	l := loans{
		labels: "    labels: {missing: positives_only}",
		odds: func(score float64, south bool) float64 {
			if south {
				return 0.3
			}
			return 0.05 + 0.75*score*score
		},
		seenBy: func(_ *rand.Rand, _ float64, _, bad bool) bool { return bad },
		delay:  func(rng *rand.Rand) time.Duration { return time.Duration(rng.ExpFloat64() * float64(20*time.Hour)) },
	}
	said, r := promisedGaps(t, &l)
	for _, name := range outcomeGaps {
		f, truly := said[name], l.gaps[name]
		if f.Severity != finding.Page || math.Abs(float64(f.Value)-math.Abs(truly)) > 0.06 { // a window holds a part of the four weeks
			t.Errorf("%s: %s, %v of truly %.3f", name, f.Severity, f.Value, truly)
		}
		if got := reported(t, r, name); math.Abs(got-truly) > 0.03 {
			t.Errorf("%s is reported as %.3f, and is %.3f", name, got, truly)
		}
	}
}
