package baseline_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/examples/electricity"
	"github.com/plumbline-ml/plumbline/internal/backfill"
	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// rebuilt gathers what the services would have counted of files and builds from it.
func rebuilt(tb testing.TB, files check.Files, was *plan.Plan, h plan.History, span plan.Span) (*plan.Plan, error) {
	tb.Helper()
	r, err := baseline.NewRange(was, span)
	if err != nil {
		return nil, err
	}
	_, err = backfill.Run(files, h, nil, func(e backfill.Ended) error {
		if e.Pane != nil {
			return r.Pane(e.Plan, e.Pane)
		}
		return r.Cohort(e.Plan, e.Cohort)
	})
	if err != nil {
		tb.Fatal(err)
	}
	return r.Build()
}

func asJSON(tb testing.TB, p *plan.Plan) string {
	tb.Helper()
	b, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// Built from the panes of its own reference, a baseline is the same, to the last bit and with the same name.
func TestRebuildOfItsOwnReference(t *testing.T) {
	dir := t.TempDir()
	data, err := electricity.FS.ReadFile(electricity.DataFile)
	if err != nil {
		t.Fatal(err)
	}
	files := check.Files{Predictions: filepath.Join(dir, electricity.DataFile), Delay: electricity.Delay}
	if err := os.WriteFile(files.Predictions, data, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := contract.Load("../../examples/electricity/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := files.FindOutcomes(c); err != nil {
		t.Fatal(err)
	}
	want, err := check.Plan(c, files)
	if err != nil {
		t.Fatal(err)
	}
	got, err := rebuilt(t, files, want, plan.History{want}, want.Reference)
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Drift) == 0 || len(want.Score.Views) < 2 {
		t.Fatal("the example learns no drift, or no slices of outcomes")
	}
	if d := cmp.Diff(asJSON(t, want), asJSON(t, got)); d != "" || got.Baseline != want.Baseline || got.Digest() != want.Digest() {
		t.Errorf("baseline %s, want %s (-files +panes):\n%s", got.Baseline, want.Baseline, d)
	}
}

const shiftingText = `
apiVersion: plumbline/v1
kind: QualityContract
metadata: {model: m}
owners: {data: d, model: e}
task: {type: binary, positive: 1}
streams:
  prediction: {topic: p, fields: {id: id, time: ts, version: v, score: score}}
  outcome: {topic: o, fields: {id: id, time: ts, label: y}, keep: 2d, mature_after: 1h}
inputs:
  x: {type: numeric}
  k: {type: numeric}
  cat: {type: categorical}
  seg: {type: categorical}
rules: [{name: small, expr: "x < 12.0"}]
slices: [[seg], [seg, cat]]
watch:
  reference: {from: 2024-01-01, to: 2024-01-22}
`

// shifting writes days of events that move for good after thirty days: x by a standard deviation, half of cat to a new value, more missing.
func shifting(tb testing.TB, days int, skip func(day int) bool) check.Files {
	tb.Helper()
	return written(tb, days, skip, nil)
}

// written is shifting, with another value of x from the thirtieth day on, where late is not nil.
func written(tb testing.TB, days int, skip func(day int) bool, late func(x float64) string) check.Files {
	tb.Helper()
	const perDay = 24 * 20
	rng := rand.New(rand.NewPCG(3, 1))
	var b strings.Builder
	b.WriteString("id,ts,v,x,k,cat,seg,score,y\n")
	for i := range days * perDay {
		day := i / perDay
		moved := day >= 30
		x, cat := 10+rng.NormFloat64(), []string{"a", "b", "c"}[rng.IntN(3)]
		if moved {
			x++
			if rng.IntN(2) == 0 {
				cat = "new"
			}
		}
		value := fmt.Sprintf("%.4f", x)
		if rng.IntN(100) < 1 || moved && rng.IntN(100) < 5 {
			value = ""
		}
		if moved && late != nil {
			value = late(x)
		}
		score := rng.Float64()
		label := 0
		if rng.Float64() < score {
			label = 1
		}
		version := "one"
		if day%7 > 3 && rng.IntN(2) == 0 {
			version = "two"
		}
		seg := []string{"north", "north", "south"}[rng.IntN(3)]
		if skip != nil && skip(day) {
			continue
		}
		at := start.Add(time.Duration(i) * 24 * time.Hour / perDay)
		fmt.Fprintf(&b, "e%d,%s,%s,%s,4,%s,%s,%.4f,%d\n", i, at.Format(time.RFC3339), version, value, cat, seg, score, label)
	}
	files := check.Files{Predictions: filepath.Join(tb.TempDir(), "events.csv"), Delay: 10 * time.Minute}
	if err := os.WriteFile(files.Predictions, []byte(b.String()), 0o600); err != nil {
		tb.Fatal(err)
	}
	files.Outcomes = files.Predictions
	return files
}

func parsed(tb testing.TB, text string) *contract.Contract {
	tb.Helper()
	c, err := contract.Parse("test.yaml", []byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func days(from, to int) plan.Span {
	return plan.Span{From: start.AddDate(0, 0, from), To: start.AddDate(0, 0, to)}
}

// Of other panes than those of its reference, a baseline is what the rows in them give when they are counted as a reference is: bins, dictionaries,
// edges stay, all else is learnt anew, over versions and slices.
func TestRebuildOfLaterPanes(t *testing.T) {
	files := shifting(t, 61, nil)
	was, err := check.Plan(parsed(t, shiftingText), files)
	if err != nil {
		t.Fatal(err)
	}
	span := days(32, 60)
	got, err := rebuilt(t, files, was, plan.History{was}, span)
	if err != nil {
		t.Fatal(err)
	}
	want, err := baseline.BuildOfRows(was, span, check.Source(files, was))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(asJSON(t, want), asJSON(t, got)); d != "" {
		t.Errorf("(-rows +panes):\n%s", d)
	}
	if like, err := got.CountsLike(was); err != nil || !like {
		t.Errorf("its panes don't merge with those of the plan before: %v", err)
	}
	if got.Baseline == was.Baseline || got.Digest() == was.Digest() || !got.From.Equal(span.To) || got.Contract != was.Contract || got.Learns != was.Learns {
		t.Errorf("baseline %s of plan %s, from %s", got.Baseline, got.Digest(), got.From)
	}
	if again, err := rebuilt(t, files, got, plan.History{was}, span); err != nil || again.Baseline != got.Baseline {
		t.Errorf("learnt once more from the same panes it is %s, not %s: %v", again.Baseline, got.Baseline, err)
	}
	x, before := column(t, got, "x").Reference, column(t, was, "x").Reference
	if d := x.Mean - before.Mean; d < .9 || d > 1.1 {
		t.Errorf("the mean of x moved by %g, want about 1", d)
	}
	if n := column(t, was, "x").Reference.N; n != 21*480 || got.ReferenceRows != 28*480 || x.N != got.ReferenceRows {
		t.Errorf("the former plan was changed: %d events of x; the new one has %d of %d", n, x.N, got.ReferenceRows)
	}
	if got.Rules[0].Share <= was.Rules[0].Share || len(got.Drift) == 0 || got.Score.Labels != 28*480 {
		t.Errorf("rule broken by %g after %g; %d bytes of drift; %d outcomes", got.Rules[0].Share, was.Rules[0].Share, len(got.Drift), got.Score.Labels)
	}
	if _, err := drift.Open(got); err != nil {
		t.Error(err)
	}
	if !slices.ContainsFunc(got.Unjudged, func(n string) bool {
		return strings.HasPrefix(n, "of cat 50% of the values are none that its dictionary knows: what changes among them is not seen; plumbline apply --relearn")
	}) {
		t.Errorf("a dictionary that doesn't know half the values is not noted: %q", got.Unjudged)
	}
	b, err := got.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := plan.Read(b); err != nil || back.Digest() != got.Digest() {
		t.Errorf("it doesn't read back: %v", err)
	}
}

// A range is judged as a reference from files is; what it lacks is named.
func TestRebuildIsJudged(t *testing.T) {
	files := shifting(t, 61, func(day int) bool { return day == 40 || day == 41 || day == 50 })
	was, err := check.Plan(parsed(t, shiftingText), files)
	if err != nil {
		t.Fatal(err)
	}
	h := plan.History{was}
	for name, c := range map[string]struct {
		span plan.Span
		want []string
	}{
		"drift inside": {days(20, 40), []string{"the reference drifts itself: from its first half to its second moved "}},
		"holes":        {days(32, 60), []string{"6 of 56 test panes are missing, from 2024-02-10 00:00 to 2024-02-12 00:00 and in 1 more stretches: no event came then"}},
		"season":       {days(34, 40), []string{"the reference has no events for 24 hours of the week from Saturday 00:00 to Sunday 00:00"}},
		"label rate":   {days(34, 40), []string{"how often outcomes are positive is not followed any more"}},
		"outcomes not mature": {days(30, 31), []string{
			"outcomes go on being held against what the baseline before has of them: of these panes 480 mature outcomes are known, too few for 8 panes of them",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := rebuilt(t, files, was, h, c.span)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !slices.ContainsFunc(p.Unjudged, func(n string) bool { return strings.Contains(n, want) }) {
					t.Errorf("no note %q among\n%s", want, strings.Join(p.Unjudged, "\n"))
				}
			}
		})
	}
	short, err := rebuilt(t, files, was, h, days(30, 31))
	if err != nil {
		t.Fatal(err)
	}
	if len(short.Drift) != 0 {
		t.Error("a day teaches drift")
	}
	if d := cmp.Diff(was.Score, short.Score); d != "" || short.TruthPane != was.TruthPane {
		t.Errorf("what outcomes showed before didn't stay: %s", d)
	}
}

func TestRebuildRefuses(t *testing.T) {
	files := shifting(t, 40, nil)
	was, err := check.Plan(parsed(t, shiftingText), files)
	if err != nil {
		t.Fatal(err)
	}
	wider, err := check.Plan(parsed(t, strings.Replace(shiftingText, "  k: {type: numeric}", "  k: {type: numeric}\n  again: {type: numeric, path: x}", 1)), files)
	if err != nil {
		t.Fatal(err)
	}
	wider.From = start.AddDate(0, 0, 25)
	if err := wider.Seal(); err != nil {
		t.Fatal(err)
	}
	h := plan.History{was, wider}
	for name, c := range map[string]struct {
		of   *plan.Plan
		span plan.Span
		want string
	}{
		"backwards":       {was, days(10, 10), "no baseline can be learnt from these panes: they would begin at 2024-01-11 00:00 and end at 2024-01-11 00:00"},
		"middle of":       {was, plan.Span{From: start.Add(90 * time.Minute), To: start.AddDate(0, 0, 3)}, "2024-01-01 01:30 is in the middle of a test pane, which is 12h long; one begins at 2024-01-01 00:00, the next one at 2024-01-01 12:00"},
		"nothing there":   {was, days(100, 130), "from 2024-04-10 00:00 to 2024-05-10 00:00: nothing was counted between them; see plumbline panes m"},
		"of another plan": {wider, days(20, 39), "those from 2024-01-21 00:00 to 2024-01-26 00:00 were counted under plan " + was.Digest() + ", whose bins or fields are not those of plan " + wider.Digest() + "; begin at 2024-01-26 00:00 or later"},
		"of a later plan": {was, days(20, 39), "; end at 2024-01-26 00:00 or before, or wait until plan " + was.Digest() + " has counted enough"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rebuilt(t, files, c.of, h, c.span)
			if !errors.Is(err, baseline.ErrRange) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// Declared odd periods teach nothing, and are not missed.
func TestRebuildLeavesOddPeriodsOut(t *testing.T) {
	files := shifting(t, 61, nil)
	text := strings.Replace(shiftingText, "watch:\n", "watch:\n  calendar: [{from: 2024-02-10, to: 2024-02-12, name: strike}]\n", 1)
	was, err := check.Plan(parsed(t, text), files)
	if err != nil {
		t.Fatal(err)
	}
	got, err := rebuilt(t, files, was, plan.History{was}, days(32, 60))
	if err != nil {
		t.Fatal(err)
	}
	want, err := baseline.BuildOfRows(was, days(32, 60), check.Source(files, was))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(asJSON(t, want), asJSON(t, got)); d != "" || got.ReferenceRows != 26*480 {
		t.Errorf("%d events (-rows +panes):\n%s", got.ReferenceRows, d)
	}
	if _, err := rebuilt(t, files, was, plan.History{was}, days(40, 42)); !errors.Is(err, baseline.ErrRange) || !strings.Contains(err.Error(), "declares odd") {
		t.Errorf("%v", err)
	}
}

// What can happen to a column for good, and leaves its bins with little or nothing: it is learnt, the plan reads back, and what isn't seen is said.
func TestRebuildOfColumnsThatBinsDoNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		late func(x float64) string
		want string
	}{
		"gone":     {func(float64) string { return "" }, "x has no usable value in these panes; plumbline apply --relearn"},
		"constant": {func(float64) string { return "10" }, ""},
		"far off":  {func(x float64) string { return fmt.Sprint(1000 * x) }, "of x 100% of the values lie outside "},
		"unread":   {func(float64) string { return "often" }, "x has no usable value in these panes"},
	} {
		t.Run(name, func(t *testing.T) {
			files := written(t, 61, nil, c.late)
			was, err := check.Plan(parsed(t, shiftingText), files)
			if err != nil {
				t.Fatal(err)
			}
			p, err := rebuilt(t, files, was, plan.History{was}, days(32, 60))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := drift.Open(p); err != nil || len(p.Drift) == 0 {
				t.Errorf("%d bytes of drift: %v", len(p.Drift), err)
			}
			b, err := p.JSON()
			if err != nil {
				t.Fatal(err)
			}
			if back, err := plan.Read(b); err != nil || back.Digest() != p.Digest() {
				t.Errorf("it doesn't read back: %v", err)
			}
			if c.want != "" && !slices.ContainsFunc(p.Unjudged, func(n string) bool { return strings.HasPrefix(n, c.want) }) {
				t.Errorf("no note %q among\n%s", c.want, strings.Join(p.Unjudged, "\n"))
			}
		})
	}
}
