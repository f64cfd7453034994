package check_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/finding"
)

// loans are applications whose outcome only some have: 28 days of reference and 28 after it, 400 a day. The truth of all of them is known to the test.
type loans struct {
	labels   string                                                    // of the contract
	promise  string                                                    // of the contract
	seen     func(rng *rand.Rand, score float64, after, bad bool) bool // whether an outcome comes at all
	delay    func(rng *rand.Rand) time.Duration
	seenBy   func(rng *rand.Rand, score float64, south, bad bool) bool // the same by region; nil: seen
	odds     func(score float64, south bool) float64                   // of a bad outcome; nil: alike in both regions
	gaps     map[string]float64                                        // of all decisions after the reference, south less north
	worse    float64                                                   // how much more often outcomes are bad after the reference
	more     string                                                    // of the contract
	accuracy float64                                                   // of all decisions after the reference
	recall   float64
}

const loanDays, loansADay = 28, 400

var loansFrom = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

func (l *loans) check(t *testing.T) *check.Report {
	t.Helper()
	rng := rand.New(rand.NewPCG(31, 7))
	type row struct {
		at   time.Time
		text string
	}
	var predictions, outcomes []row
	var right, all, found, bads float64
	var turned [2]map[[2]bool]float64 // by region: decided positive, and bad
	turned[0], turned[1] = map[[2]bool]float64{}, map[[2]bool]float64{}
	for i := range 2 * loanDays * loansADay {
		at := loansFrom.Add(time.Duration(i) * 24 * time.Hour / loansADay)
		score := float64(1+rng.IntN(199)) / 200
		after := i >= loanDays*loansADay
		odds := 0.05 + 0.75*score*score
		if after {
			odds += l.worse
		}
		bad, south := rng.Float64() < odds, rng.IntN(2)
		if l.odds != nil {
			bad = rng.Float64() < l.odds(score, south == 1)
		}
		region := [2]string{"north", "south"}[south]
		id := fmt.Sprintf("a%06d", i)
		predictions = append(predictions, row{at, fmt.Sprintf("%s,%s,%.3f,%s", id, at.Format(time.RFC3339), score, region)})
		late := time.Duration(0)
		seen := false
		if l.seenBy == nil {
			seen, late = l.seen(rng, score, after, bad), l.delay(rng)
		} else {
			seen, late = l.seenBy(rng, score, south == 1, bad), l.delay(rng)
		}
		if after {
			turned[south][[2]bool{score >= 0.5, bad}]++
			all++
			if (score >= 0.5) == bad {
				right++
			}
			if bad {
				bads++
				if score >= 0.5 {
					found++
				}
			}
		}
		if seen {
			y := "0"
			if bad {
				y = "1"
			}
			outcomes = append(outcomes, row{at.Add(late), fmt.Sprintf("%s,%s,%s", id, at.Add(late).Format(time.RFC3339), y)})
		}
	}
	l.accuracy, l.recall, l.gaps = right/all, found/bads, map[string]float64{}
	share := func(of map[[2]bool]float64, kind, other [2]bool) float64 { return of[kind] / (of[kind] + of[other]) }
	tp, fp, fn, tn := [2]bool{true, true}, [2]bool{true, false}, [2]bool{false, true}, [2]bool{false, false}
	for name, by := range map[string][2][2]bool{
		"equal_opportunity_difference": {tp, fn}, "predictive_parity_difference": {tp, fp}, "false_omission_difference": {fn, tn},
	} {
		l.gaps[name] = share(turned[1], by[0], by[1]) - share(turned[0], by[0], by[1])
	}
	slices.SortStableFunc(outcomes, func(a, b row) int { return a.at.Compare(b.at) })
	dir := t.TempDir()
	write := func(name, header string, rows []row) string {
		var b strings.Builder
		b.WriteString(header + "\n")
		for _, r := range rows {
			b.WriteString(r.text + "\n")
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	files := check.Files{Predictions: write("applications.csv", "id,ts,p,region", predictions), Outcomes: write("outcomes.csv", "id,ts,bad", outcomes)}
	path := filepath.Join(dir, "contract.yaml")
	text := `apiVersion: plumbline/v1
kind: QualityContract
metadata: {model: loans}
owners: {model: credit-risk}
task: {type: binary}
streams:
  prediction: {topic: loans, fields: {id: id, time: ts, score: p}}
  outcome:
    topic: loans.outcomes
    fields: {id: id, time: ts, label: bad}
    keep: 10d
    mature_after: 1d
` + l.labels + `
inputs: {region: {type: categorical}}
slices: [[region]]
decision: {threshold: 0.5}
promises: [` + l.promise + `]
watch: {reference: {from: 2026-01-05, to: 2026-02-02}}
` + l.more
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := contract.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := check.Run(c, files, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func soon(*rand.Rand) time.Duration { return time.Hour }

// cautious looks mostly into what scores high, whatever comes of it.
func cautious(rng *rand.Rand, score float64, _, _ bool) bool { return rng.Float64() < 0.15+0.8*score }

func promised(r *check.Report) (out []finding.Finding) {
	for _, f := range r.Findings {
		if f.Channel == "promise" {
			out = append(out, f)
		}
	}
	return out
}

// The contract says nothing of the predictions without an outcome, and these are others than those with one: what is known breaks the promise, and nobody
// is told that it is broken.
func TestWhatIsNotIdentifiedPagesNobody(t *testing.T) {
	t.Parallel()
	l := loans{promise: "{metric: accuracy, min: 66%, over: 7d, then: page}", seen: cautious, delay: soon}
	r := l.check(t)
	if l.accuracy < 0.68 {
		t.Fatalf("the promise is truly broken: %.3f", l.accuracy)
	}
	said := promised(r)
	if len(said) != 3 {
		t.Errorf("%d findings of the promise, want one for each week that ended", len(said))
	}
	for _, f := range said {
		if f.Verdict != finding.Undecided || f.Severity != finding.Info || f.Value >= 0.66 || !strings.Contains(f.Numbers[1].Name, "accuracy is not identified: 55") {
			t.Errorf("%s %s %v: %+v", f.Verdict, f.Severity, f.Value, f.Numbers)
		}
	}
	for _, i := range r.Incidents {
		t.Errorf("an incident: %s", i.Title)
	}
	var out bytes.Buffer
	check.Write(&out, r)
	golden(t, "selection.txt", out.Bytes())
}

// Whatever the others are, so low an accuracy can't be kept, and so low a one is.
func TestBoundsDecideWhereTheyCan(t *testing.T) {
	t.Parallel()
	l := loans{promise: "{metric: accuracy, min: 95%, over: 7d, then: page}, {metric: accuracy, min: 20%, over: 7d, then: page}", seen: cautious, delay: soon}
	said := promised(l.check(t))
	if len(said) != 3 {
		t.Errorf("%d findings", len(said))
	}
	for _, f := range said {
		if f.Threshold != 0.95 || f.Verdict != finding.Breach || f.Severity != finding.Page {
			t.Errorf("%v: %s %s", f.Threshold, f.Verdict, f.Severity)
		}
	}
}

// The contract states that outcomes are missing at random given the score: the promise is judged by all predictions.
func TestMissingAtRandomIsReweighted(t *testing.T) {
	t.Parallel()
	const states = "    labels: {missing: at_random_given_score}"
	l := loans{labels: states, promise: "{metric: accuracy, min: 66%, over: 7d, then: page}", seen: cautious, delay: soon}
	r := l.check(t)
	for _, f := range promised(r) {
		t.Errorf("the promise is kept: %s %v", f.Verdict, f.Value)
	}
	if n := r.Labelled[0]; !(n.Effective > 0.6*finding.Number(n.Labels)) || !(n.Effective < finding.Number(n.Labels)) || n.Selective || len(r.Labelled) != 3 || len(r.Money) != 0 {
		t.Errorf("%+v", n)
	}
	l = loans{labels: states, promise: "{metric: accuracy, min: 80%, over: 7d, then: page}", seen: cautious, delay: soon}
	r = l.check(t)
	said := promised(r)
	if len(said) != 3 {
		t.Fatalf("%d findings", len(said))
	}
	mean := 0.
	for _, f := range said {
		mean += float64(f.Value) / 3
		if f.Verdict != finding.Breach || !strings.Contains(fmt.Sprint(f.Numbers), "re-weighted to all predictions") {
			t.Errorf("%s: %+v", f.Verdict, f.Numbers)
		}
	}
	if math.Abs(mean-l.accuracy) > 0.012 {
		t.Errorf("accuracy %.4f, and that of all is %.4f", mean, l.accuracy)
	}
}

// Outcomes of low scores stop coming: that is told, once, as what it is, and no metric is.
func TestAnotherSelectionIsTold(t *testing.T) {
	t.Parallel()
	l := loans{promise: "{metric: accuracy, min: 66%, over: 7d, then: page}", delay: soon, seen: func(rng *rand.Rand, score float64, after, bad bool) bool {
		return !after || cautious(rng, score, after, bad)
	}}
	r := l.check(t)
	var told []finding.Finding
	for _, f := range r.Findings {
		if f.Channel == "labelled_share" {
			told = append(told, f)
		}
		if f.Severity == finding.Page {
			t.Errorf("a page: %s %s", f.Channel, f.Metric)
		}
	}
	if len(told) == 0 || told[0].At.After(loansFrom.AddDate(0, 0, loanDays+5)) || !told[0].Onset.Equal(loansFrom.AddDate(0, 0, loanDays)) || told[0].Severity != finding.Ticket {
		t.Fatalf("%+v", told)
	}
	incidents := 0
	for _, i := range r.Incidents {
		if strings.HasPrefix(i.Title, "outcomes are of another selection of predictions, and performance figures with them: predictions with an outcome") {
			incidents++
		}
	}
	if incidents != 1 {
		t.Errorf("%d incidents of the selection in %+v", incidents, r.Incidents)
	}
}

// Only bad outcomes are reported, late: seven tenths of them in time. What the contract states of them gives the accuracy of all, and the recall.
func TestPositivesOnlyAreCompleted(t *testing.T) {
	t.Parallel()
	l := loans{
		labels: "    labels: {missing: positives_only}", promise: "{metric: accuracy, min: 90%, over: 7d, then: page}, {metric: recall, min: 95%, over: 7d}",
		seen:  func(_ *rand.Rand, _ float64, _, bad bool) bool { return bad },
		delay: func(rng *rand.Rand) time.Duration { return time.Duration(rng.ExpFloat64() * float64(20*time.Hour)) },
	}
	r := l.check(t)
	mean := map[string]float64{}
	n := map[string]float64{}
	for _, f := range promised(r) {
		if f.Verdict != finding.Breach {
			t.Errorf("%s %s", f.Metric, f.Verdict)
		}
		mean[f.Metric] += float64(f.Value)
		n[f.Metric]++
	}
	if a := mean["accuracy"] / n["accuracy"]; n["accuracy"] < 2 || math.Abs(a-l.accuracy) > 0.015 {
		t.Errorf("accuracy %.4f (%v weeks), and that of all is %.4f", a, n["accuracy"], l.accuracy)
	}
	if a := mean["recall"] / n["recall"]; n["recall"] < 2 || math.Abs(a-l.recall) > 0.02 {
		t.Errorf("recall %.4f, and that of all is %.4f", a, l.recall)
	}
	for _, i := range r.Incidents {
		if !strings.HasPrefix(i.Title, "promise: ") {
			t.Errorf("nothing changed, and there is %s", i.Title)
		}
	}
}

// Outcomes turn bad more often at every score, which costs: that is a page where the contract states that those without an outcome are like the others, and a ticket where
// nobody knows.
func TestNobodyIsPagedForASelection(t *testing.T) {
	t.Parallel()
	severe := func(labels string) (out finding.Severity) {
		l := loans{labels: labels, seen: cautious, delay: soon, worse: 0.15, more: "costs: {currency: EUR, false_positive: 1, false_negative: 10}\n"}
		out = finding.Info
		for _, f := range l.check(t).Findings {
			if f.Channel == "calibration" && f.Verdict == finding.Drift && len(f.Slice) == 0 {
				out = f.Severity
				if told := strings.Contains(fmt.Sprint(f.Numbers), "what the metrics of all predictions are is not identified"); told != (labels == "") {
					t.Errorf("%q: %+v", labels, f.Numbers)
				}
			}
		}
		return out
	}
	if s := severe(""); s != finding.Ticket {
		t.Errorf("of a selection: %s", s)
	}
	if s := severe("    labels: {missing: at_random_given_score}"); s != finding.Page {
		t.Errorf("missing at random: %s", s)
	}
}
