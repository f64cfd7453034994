package contract_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/expr"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func files(tb testing.TB, pattern string) []string {
	tb.Helper()
	out, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(out) == 0 {
		tb.Fatalf("no files %s: %v", pattern, err)
	}
	return out
}

func read(tb testing.TB, path string) []byte {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func load(tb testing.TB, name string) *contract.Contract {
	tb.Helper()
	c, err := contract.Load(filepath.Join("testdata", "good", name))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestBadFiles(t *testing.T) {
	all := files(t, "bad/*.yaml")
	if len(all) < 25 {
		t.Fatalf("%d bad files", len(all))
	}
	for _, path := range all {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data := read(t, path)
			problems := contract.Lint(filepath.Base(path), data)
			if len(problems) == 0 {
				t.Fatal("nothing found")
			}
			var b strings.Builder
			lines := strings.Split(string(data), "\n")
			for _, p := range problems {
				b.WriteString(p.String() + "\n")
				if p.Line > len(lines) || p.Col > len([]rune(lines[p.Line-1]))+1 {
					t.Errorf("%v points outside the file", p)
				}
			}
			golden := strings.TrimSuffix(path, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(read(t, golden)), b.String()); diff != "" {
				t.Error(diff)
			}
			_, err := contract.Parse(path, data)
			var invalid *contract.InvalidError
			if !errors.As(err, &invalid) || len(invalid.Problems) != len(problems) {
				t.Errorf("Parse: %v", err)
			}
		})
	}
}

// TestProblemsPointAtWhatTheyCite: the place a problem names holds what it says it read.
func TestProblemsPointAtWhatTheyCite(t *testing.T) {
	for _, path := range files(t, "bad/*.yaml") {
		if strings.Contains(path, "control-characters") {
			continue // what stands there is an escape
		}
		lines := strings.Split(string(read(t, path)), "\n")
		for _, p := range contract.Lint(path, read(t, path)) {
			rest := string([]rune(lines[p.Line-1])[p.Col-1:])
			rest = strings.TrimLeft(rest, `"'!&*`)
			if word := strings.TrimLeft(strings.Fields(p.Read + " .")[0], `"'!&*`); word != "." && !strings.Contains(p.Path, "derived") && !strings.Contains(p.Path, "rules") &&
				!strings.Contains(p.Path, "where") && !strings.Contains(p.Path, ".expr") && !strings.HasPrefix(rest, word) {
				t.Errorf("%v: there stands %q", p, rest)
			}
		}
	}
}

func TestGoodFiles(t *testing.T) {
	for _, path := range files(t, "good/*.yaml") {
		c, err := contract.Load(path)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if got := contract.Lint(path, read(t, path)); len(got) != 0 {
			t.Errorf("Lint: %v", got)
		}
		for _, d := range []string{c.Digest, c.Policy} {
			if len(d) != len("sha256:")+64 || !strings.HasPrefix(d, "sha256:") {
				t.Errorf("%s: digest %q", path, d)
			}
		}
	}
}

func date(y int, m time.Month, d int) contract.Date {
	return contract.Date{Time: time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
}

// TestElectricity holds the whole example against what a person reads in it.
func TestElectricity(t *testing.T) {
	const (
		hour = contract.Duration(time.Hour)
		day  = 24 * hour
	)
	unit := &contract.Range{Min: 0, Max: 1}
	want := &contract.Contract{
		Metadata: contract.Metadata{Model: "electricity-price", Description: "Will the NSW price rise above its last 24 hours?", Tags: []string{"demo"}},
		Owners:   map[string]string{"data": "grid-data", "model": "forecasting", "platform": "mlops", "business": "trading"},
		Task:     contract.Task{Type: contract.Binary, Positive: "1"},
		Streams: contract.Streams{
			Prediction: &contract.Stream{
				Topic: "electricity.predictions", Schema: contract.SchemaRef{Subject: "electricity.predictions-value"}, Where: "model_id == 'price'",
				Fields: contract.Fields{
					ID: "event_id", Time: "ts", Version: "model_version", Score: "score", Decision: "decision", Latency: "latency_ms", Lineage: "lineage",
				},
			},
			Outcome: &contract.Stream{
				Topic: "electricity.outcomes", Fields: contract.Fields{ID: "event_id", Time: "ts", Label: "up"}, Keep: 2 * day, MatureAfter: hour,
			},
		},
		Inputs: []contract.Input{
			{Name: "period", Kind: contract.Numeric, Path: "period", Range: unit},
			{Name: "nswprice", Kind: contract.Numeric, Path: "nswprice", Unit: "scaled AUD/MWh", Range: unit, Missing: new(0.01)},
			{Name: "nswdemand", Kind: contract.Numeric, Path: "nswdemand", Range: unit},
			{Name: "vicprice", Kind: contract.Numeric, Path: "vicprice", IgnoreBelow: contract.IgnoreBelow{Shift: 0.1}},
			{Name: "vicdemand", Kind: contract.Numeric, Path: "vicdemand"},
			{Name: "transfer", Kind: contract.Numeric, Path: "flows.transfer"},
		},
		Derived:  []contract.Derived{{Name: "daypart", Expr: "period < 0.34 ? 'night' : 'day'"}},
		Rules:    []contract.Rule{{Name: "demand-positive", Expr: "nswdemand > 0.0"}},
		Slices:   [][]string{{"daypart"}},
		Costs:    &contract.Costs{Currency: "AUD", FalsePositive: 40, FalseNegative: 90, TruePositive: -10},
		Decision: contract.Decision{Threshold: new(0.5)},
		Promises: []contract.Promise{
			{Metric: "expected_cost", Max: new(15.0), Over: 7 * day, Then: []string{"page"}, Agreed: []string{"trading"}, Until: date(1998, 12, 31), Line: 35},
			{Metric: "ece", Max: new(0.1), Over: 7 * day, Then: []string{"ticket", "retrain"}, Line: 36},
			{Metric: "roc_auc", Min: new(0.8), Over: 7 * day, By: []string{"daypart"}, Then: []string{"ticket"}, Line: 37},
			{Metric: "scoring_latency_p99", Max: new(0.25), Over: hour, Then: []string{"page"}, Line: 38},
		},
		Watch: contract.Watch{
			Reference: contract.Reference{From: date(1996, 11, 3), To: date(1997, 2, 17)},
			Pane:      hour, Lateness: 5 * contract.Duration(time.Minute), Windows: []contract.Duration{day, 7 * day},
			FalseAlarms: contract.FalseAlarms{Pages: 1.0 / 30, Tickets: 4.0 / 30},
			IgnoreBelow: contract.IgnoreBelow{Shift: 0.05, Spread: 0.05, Rate: 0.005},
			Calendar:    []contract.CalendarEntry{{Name: "Christmas", From: date(1996, 12, 24), To: date(1996, 12, 27)}},
		},
		Notify: []contract.Route{
			{When: contract.RouteMatch{Severity: "page"}, PagerDuty: "platform", Slack: "#model-oncall"},
			{Slack: "#grid-data"},
		},
		Retrain:  &contract.Retrain{Topic: "retrain.triggers", On: []string{"calibration", "performance", "drift"}, Cooldown: 7 * day},
		Runbooks: map[string]string{"unit_change": "docs/runbooks/unit-change.md"},
	}
	got := load(t, "electricity.yaml")
	want.Digest, want.Policy, want.Learns = got.Digest, got.Policy, got.Learns
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDefaults(t *testing.T) {
	c := load(t, "minimal.yaml")
	w := c.Watch
	if w.Pane.String() != "1h" || w.Lateness.String() != "5m" || len(w.Windows) != 2 || w.FalseAlarms.Pages != 1.0/30 || w.IgnoreBelow.Rate != 0.005 {
		t.Errorf("watch: %+v", w)
	}
	if c.Task.Positive != "" || c.Costs != nil || c.Retrain != nil || c.Streams.Outcome != nil {
		t.Errorf("made up: %+v", c)
	}
	d := load(t, "digits.yaml")
	if o := d.Streams.Outcome; o.Keep.String() != "30m" || o.MatureAfter.String() != "30m" {
		t.Errorf("outcome: keep %s, mature_after %s", o.Keep, o.MatureAfter)
	}
	if !cmp.Equal(d.Task.Classes, []string{"0", "1", "2", "other"}) || !cmp.Equal(d.Promises[0].Then, []string{"ticket"}) {
		t.Errorf("digits: %+v", d)
	}
	h := load(t, "house-prices.yaml")
	if o := h.Streams.Outcome; o.Keep.String() != "1w" || o.MatureAfter.String() != "1h" {
		t.Errorf("outcome: keep %s, mature_after %s", o.Keep, o.MatureAfter)
	}
	if *h.Promises[0].Max != 2.5 || *h.Promises[3].Max != 2 {
		t.Errorf("promises: %+v", h.Promises)
	}
}

func TestColumns(t *testing.T) {
	c := load(t, "credit.yaml")
	want := []expr.Var{
		{Name: "income", Type: expr.Number},
		{Name: "region", Type: expr.String},
		{Name: "sex", Type: expr.String},
		{Name: "customer", Type: expr.String},
		{Name: "applied", Type: expr.Number},
		{Name: "retired", Type: expr.Bool},
		{Name: "note", Type: expr.String},
		{Name: "meta.model", Type: expr.String},
		{Name: "p", Type: expr.Number},
		{Name: "size", Type: expr.String},
		{Name: "wealthy", Type: expr.Bool},
		{Name: "per_day", Type: expr.Number},
	}
	if diff := cmp.Diff(want, c.Columns()); diff != "" {
		t.Error(diff)
	}
	vars, err := c.FilterVars(c.Streams.Outcome)
	if err != nil {
		t.Fatal(err)
	}
	wantVars := []expr.Var{
		{Name: "id", Type: expr.String}, {Name: "at", Type: expr.Number}, {Name: "outcome"}, {Name: "meta.final"}, {Name: "source"},
	}
	if diff := cmp.Diff(wantVars, vars); diff != "" {
		t.Error(diff)
	}
	if !c.Decision.Cheapest || c.Decision.Threshold != nil {
		t.Errorf("decision: %+v", c.Decision)
	}
}

func TestLoadErrors(t *testing.T) {
	if _, err := contract.Load("testdata/nosuch.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such file: %v", err)
	}
	if _, err := contract.Load("testdata"); err == nil {
		t.Error("a folder was read")
	}
	big := filepath.Join(t.TempDir(), "big.yaml")
	if err := os.WriteFile(big, make([]byte, contract.MaxSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	var invalid *contract.InvalidError
	if _, err := contract.Load(big); !errors.As(err, &invalid) || !strings.Contains(err.Error(), "at most") {
		t.Errorf("big file: %v", err)
	}
	if p := contract.Lint("x", []byte("a: \xff")); len(p) != 1 || !strings.Contains(p[0].Message, "UTF-8") {
		t.Errorf("bytes: %v", p)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	p := contract.Lint("x", []byte(strings.Repeat("- ", 20)+"x"))
	if len(p) != 1 {
		t.Errorf("%d problems", len(p))
	}
	var b strings.Builder
	b.WriteString("apiVersion: plumbline/v1\nrules:\n")
	for range 5000 {
		b.WriteString("  - {x: 1}\n")
	}
	p = contract.Lint("x", []byte(b.String()))
	if len(p) != 201 || !strings.HasSuffix(p[200].String(), "more problems are not shown") {
		t.Errorf("%d problems, last %v", len(p), p[len(p)-1])
	}
}

func TestMetrics(t *testing.T) {
	for _, task := range []contract.TaskType{contract.Binary, contract.Multiclass, contract.Regression} {
		seen := map[string]bool{}
		for _, name := range contract.Metrics(task) {
			m, ok := contract.MetricOf(task, name)
			if seen[name] || !ok || m.Name != name || m.Unit == "" || m.Direction == "" {
				t.Errorf("%s %s: %+v", task, name, m)
			}
			seen[name] = true
		}
		if !seen["freshness"] || !seen["label_coverage"] {
			t.Errorf("%s has no common metrics", task)
		}
	}
	if contract.Metrics("clustering") != nil {
		t.Error("metrics of nothing")
	}
}

func TestDurations(t *testing.T) {
	for _, c := range []struct {
		in, out string
		want    time.Duration
	}{
		{"90s", "1m30s", 90 * time.Second},
		{"1h30m", "1h30m", 90 * time.Minute},
		{"2d", "2d", 48 * time.Hour},
		{"1w", "1w", 7 * 24 * time.Hour},
		{"1.5d", "1d12h", 36 * time.Hour},
		{"250ms", "250ms", 250 * time.Millisecond},
		{"0s", "0s", 0},
		{"1w1d1h1m1s1ms1us1ns", "1w1d1h1m1s1ms1us1ns", 8*24*time.Hour + time.Hour + time.Minute + time.Second + time.Millisecond + time.Microsecond + 1},
		{"0.1s", "100ms", 100 * time.Millisecond},
	} {
		got, err := contract.ParseDuration(c.in)
		if err != nil || got.Std() != c.want || got.String() != c.out {
			t.Errorf("%s = %v (%s), %v", c.in, got.Std(), got, err)
		}
		if again, err := contract.ParseDuration(got.String()); err != nil || again != got {
			t.Errorf("%s doesn't read back: %v, %v", got, again, err)
		}
	}
	for _, bad := range []string{"", "1", "d", "-1h", "+1h", "1 h", "1h ", "1x", "1e3s", "999999999w", "1h30", ".5h", "1\u00b5s"} {
		if got, err := contract.ParseDuration(bad); err == nil {
			t.Errorf("%q = %v", bad, got)
		}
	}
	if got := contract.Duration(-90 * time.Second).String(); got != "-1m30s" {
		t.Errorf("negative: %s", got)
	}
}

func TestDates(t *testing.T) {
	for in, out := range map[string]string{
		"2026-01-31": "2026-01-31", "2026-01-31T00:00:00Z": "2026-01-31", "2026-01-31T01:00:00+01:00": "2026-01-31",
		"2026-01-31T12:30:00.5Z": "2026-01-31T12:30:00.5Z",
	} {
		if got, err := contract.ParseDate(in); err != nil || got.String() != out {
			t.Errorf("%s = %s, %v", in, got, err)
		}
	}
	for _, bad := range []string{"", "2026-02-30", "2026-1-1", "31.12.2026", "2026-01-31T00:00:00", "0000-01-01", "9999-12-31T23:00:00-05:00"} {
		if got, err := contract.ParseDate(bad); err == nil {
			t.Errorf("%q = %v", bad, got)
		}
	}
}

// A promise on reason codes is of the decisions that say no, where there are decisions and it says nothing else.
func TestReasonCodesOf(t *testing.T) {
	var got []string
	for _, p := range load(t, "reasons.yaml").Promises {
		got = append(got, p.Of)
	}
	if d := cmp.Diff([]string{contract.NegativeDecisions, contract.PositiveDecisions, contract.AllDecisions}, got); d != "" {
		t.Error(d)
	}
	text := strings.Replace(string(read(t, "testdata/good/reasons.yaml")), "decision: approved, ", "score: p, ", 1)
	text = strings.Replace(text, "over: 1d, of: positive", "over: 2d", 1)
	c, err := contract.Parse("reasons.yaml", []byte(text))
	if err != nil || c.Promises[0].Of != contract.AllDecisions {
		t.Errorf("without decisions: %v, %v", c, err)
	}
}
