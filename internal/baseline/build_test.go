package baseline_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

func column(tb testing.TB, p *plan.Plan, name string) *plan.Column {
	tb.Helper()
	for i := range p.Columns {
		if p.Columns[i].Name == name {
			return &p.Columns[i]
		}
	}
	tb.Fatalf("no column %s", name)
	return nil
}

func TestBuildCountsTheReferenceOnly(t *testing.T) {
	rows := steady(10, 48)
	rows[0].x, rows[1].x = nil, ""
	before := rows[5]
	before.id, before.at, before.x = "before", start.Add(-time.Microsecond), 1e9
	after := before
	after.id, after.at = "after", start.AddDate(0, 0, 8)
	p := build(t, draft(t, 8, ""), append([]row{before, after}, rows...))
	if p.ReferenceRows != 8*48 || !p.From.Equal(start.AddDate(0, 0, 8)) || p.Digest() == "" || !strings.HasPrefix(p.Baseline, "sha256:") {
		t.Errorf("%d rows, from %s, digest %q, baseline %q", p.ReferenceRows, p.From, p.Digest(), p.Baseline)
	}
	c := column(t, p, "x")
	var values []float64
	for _, r := range rows[:8*48] {
		if v, ok := r.x.(float64); ok {
			values = append(values, v)
		}
	}
	var sum float64
	for _, v := range values {
		sum += v
	}
	mean := sum / float64(len(values))
	r := c.Reference
	if r.N != 8*48 || r.Missing != 1 || r.Invalid != 1 || c.Layout.Lo != 0 || c.Layout.Hi != 100 {
		t.Errorf("reference %+v of %g to %g", r, c.Layout.Lo, c.Layout.Hi)
	}
	if math.Abs(r.Mean-mean) > 1e-9 {
		t.Errorf("mean %g, want %g", r.Mean, mean)
	}
	want := make([]int64, c.Layout.Bins())
	for _, v := range values {
		want[sketch.Bin(&c.Layout, v)]++
	}
	if d := cmp.Diff(want, r.Bins); d != "" {
		t.Error(d)
	}
	if r.Null.Panes != 8 || r.Null.Deff < 1 {
		t.Errorf("null %+v", r.Null)
	}
	if b, err := p.JSON(); err != nil {
		t.Error(err)
	} else if again, err := plan.Read(b); err != nil || again.Digest() != p.Digest() {
		t.Errorf("a built plan doesn't read back: %v", err)
	}
}

// The order of the rows and of the batches doesn't matter to the digest; their content does.
func TestBuildIsDeterministic(t *testing.T) {
	rows := steady(9, 48)
	first := build(t, draft(t, 8, ""), rows)
	for _, size := range []int{1, 1000} {
		p := draft(t, 8, "")
		if got, err := baseline.Build(p, memory{p, rows, size}); err != nil || got.Digest() != first.Digest() {
			t.Errorf("batches of %d give the plan %s, want %s (%v)", size, got.Digest(), first.Digest(), err)
		}
	}
	shuffled := slices.Clone(rows)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	if got := build(t, draft(t, 8, ""), shuffled); got.Digest() != first.Digest() || got.Baseline != first.Baseline {
		t.Errorf("shuffled rows give another plan")
	}
	rows[3].x = 55.5
	if got := build(t, draft(t, 8, ""), rows); got.Digest() == first.Digest() || got.Baseline == first.Baseline {
		t.Error("another value gives the same plan")
	}
}

func TestBuildRefuses(t *testing.T) {
	apart := steady(9, 48)
	for i := range apart {
		apart[i].known = apart[i].known.AddDate(0, 1, 0) // beyond keep
	}
	others := steady(9, 48)
	for i := range others {
		others[i].label, others[i].known = "", time.Time{}
	}
	stranger := others[0]
	stranger.id, stranger.at, stranger.known, stranger.label = "stranger", start.AddDate(1, 0, 0), start, "1"
	rolling := draft(t, 8, "")
	rolling.Reference = plan.Span{}
	for name, c := range map[string]struct {
		p    *plan.Plan
		rows []row
		want string
	}{
		"nothing":     {draft(t, 8, ""), nil, "build baseline of m: no event between 2024-01-01T00:00:00Z and 2024-01-09T00:00:00Z; there are none at all"},
		"another age": {draft(t, 8, ""), steady(30, 4)[100:], "no event between 2024-01-01T00:00:00Z and 2024-01-09T00:00:00Z; the 20 events read lie between 2024-01-26T00:00:00Z and 2024-01-30T18:00:00Z"},
		"apart":       {draft(t, 8, ""), apart, "no outcome joins a prediction of the reference of m: check that both streams carry the same ids, that scores lie in 0..1, that keep (2d) is long enough, and that outcomes come before mature_after (1h) after the hour of their prediction"},
		"other ids":   {draft(t, 8, ""), append(others, stranger), "no outcome joins a prediction"},
		"rolling":     {rolling, steady(9, 48), "this build learns from a reference given as {from, to}"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := baseline.Build(c.p, memory{c.p, c.rows, 97})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
	p := draft(t, 8, "")
	if _, err := baseline.Build(p, failing{memory{p, steady(9, 48), 97}}); !errors.Is(err, errDisk) {
		t.Errorf("the source's error is lost: %v", err)
	}
}

var errDisk = errors.New("disk on fire")

type failing struct{ memory }

func (failing) Outcomes(func(*plan.Batch) error) error { return errDisk }

// A test pane is the shortest length, out of those that divide a day, whose median holds 200 events.
func TestTestPaneGrows(t *testing.T) {
	for _, c := range []struct {
		perDay int
		pane   string
		want   time.Duration
	}{
		{48, "1h", 24 * time.Hour},
		{300, "1h", 24 * time.Hour},
		{400, "1h", 12 * time.Hour},
		{600, "1h", 8 * time.Hour},
		{800, "1h", 6 * time.Hour},
		{1200, "1h", 4 * time.Hour},
		{1600, "1h", 3 * time.Hour},
		{2400, "1h", 2 * time.Hour},
		{4800, "1h", time.Hour},
		{4800, "15m", time.Hour},
		{4800, "30m", time.Hour},
		{9600, "30m", 30 * time.Minute},
		{4800, "3h", 3 * time.Hour},
		{1600, "90m", 3 * time.Hour}, // two hours are no multiple
		{48, "12h", 24 * time.Hour},
		{48, "1d", 24 * time.Hour},
	} {
		t.Run(fmt.Sprintf("%d by %s", c.perDay, c.pane), func(t *testing.T) {
			p := build(t, draft(t, 2, "watch:\n  pane: "+c.pane+"\n"), steady(2, c.perDay))
			if p.TestPane != c.want {
				t.Errorf("test pane %s, want %s", p.TestPane, c.want)
			}
			if p.TestPane%p.Pane != 0 || p.TruthPane%p.TestPane != 0 || 24*time.Hour%p.TestPane != 0 {
				t.Errorf("panes of %s, %s and %s", p.Pane, p.TestPane, p.TruthPane)
			}
		})
	}
}

// A truth pane holds 30 effective outcomes, where the reference holds eight such panes.
func TestTruthPane(t *testing.T) {
	day := 24 * time.Hour
	clumped := func(days, perDay int) []row { // all outcomes of a day alike: worth little more than one
		rows := steady(days, perDay)
		rng := rand.New(rand.NewPCG(5, 6))
		label := ""
		for i := range rows {
			if i%perDay == 0 {
				label = []string{"0", "0", "0", "1"}[rng.IntN(4)]
			}
			rows[i].label, rows[i].score = label, 0.2+0.1*float64(i%2) // a calibration map needs two scores
		}
		return rows
	}
	for name, c := range map[string]struct {
		days int
		rows []row
		want time.Duration
	}{
		"48 a day":               {28, steady(28, 48), day},
		"many a day":             {28, steady(28, 4800), time.Hour},
		"12 a day":               {63, steady(63, 12), 7 * day},
		"12 a day, seven weeks":  {49, steady(49, 12), day}, // seven weeks are too few
		"12 a day, from Tuesday": {63, steady(63, 12)[12:], 7 * day},
		"clumped":                {70, clumped(70, 48), 7 * day},
		"too few for anything":   {5, steady(5, 48), day},
	} {
		t.Run(name, func(t *testing.T) {
			if got := build(t, draft(t, c.days, ""), c.rows); got.TruthPane != c.want {
				t.Errorf("truth pane %s, want %s (dispersion %.2f)", got.TruthPane, c.want, got.Score.Dispersion)
			}
		})
	}
}

// Of what joins, the last outcome in time counts, and of duplicate predictions the first.
func TestTruthIsJoinedAsInTheStream(t *testing.T) {
	rows := steady(8, 48)
	positives := int64(0)
	for i := range rows {
		r := &rows[i]
		switch i % 6 {
		case 0:
			r.labels = []string{"0", "1"} // corrected twice
			positives++
		case 1:
			r.label, r.known = "1", r.at.Add(3*24*time.Hour) // beyond keep
		case 2:
			r.label, r.known = "1", r.at.Truncate(time.Hour).Add(2*time.Hour) // the very end: not on time any more
		case 3:
			r.label, r.known = "1", r.at.Truncate(time.Hour).Add(2*time.Hour-time.Microsecond)
			positives++
		default:
			if r.label == "1" {
				positives++
			}
		}
	}
	again := rows[10]
	again.at, again.score, again.known = again.at.Add(time.Minute), 0.99, time.Time{}
	p := build(t, draft(t, 8, ""), append([]row{again}, rows...))
	want := int64(8 * 48 * 4 / 6)
	if p.Score.Labels != want {
		t.Errorf("%d outcomes, want %d", p.Score.Labels, want)
	}
	whole := p.Score.Views[0]
	if got := whole.Metrics["label_rate"].Value; math.Abs(got-float64(positives)/float64(want)) > 1e-12 {
		t.Errorf("base rate %g, want %d of %d", got, positives, want)
	}
	if got := whole.Metrics["mean_score"].Value; math.Abs(got-0.25) > 1e-9 {
		t.Errorf("mean score %g: a duplicate counts", got)
	}
}

func TestViewsAreTheWholeThenTheSlices(t *testing.T) {
	rows := steady(10, 48)
	for i := range rows {
		if i%480 == 7 { // rarer than half a percent
			rows[i].seg = "rare"
		}
	}
	p := build(t, draft(t, 10, ""), rows)
	if d := cmp.Diff([]string{"n", "s"}, p.Slices[0].Values); d != "" {
		t.Error(d)
	}
	var got []string
	for _, v := range p.Score.Views {
		got = append(got, v.Slice["seg"])
		var all float64
		for _, share := range v.Shares.Value {
			all += share
		}
		if math.Abs(all-1) > 1e-12 {
			t.Errorf("decisions of %v: %+v", v.Slice, v.Shares)
		}
	}
	if d := cmp.Diff([]string{"", "n", "s", "other"}, got); d != "" {
		t.Error(d)
	}
}

// Fifty categories at most have a bin of their own, each at least half a percent; the rest is known.
func TestDictionariesAreBounded(t *testing.T) {
	rows := steady(10, 480)
	for i := range rows {
		switch {
		case i%2 == 0:
			rows[i].cat, rows[i].seg = "big", "big"
		case i < 240: // 120 values once each
			rows[i].cat, rows[i].seg = fmt.Sprintf("once-%03d", i), "x"
		default: // 60 values, 38 times each: .8 %
			v := fmt.Sprintf("v%02d", i/2%60)
			rows[i].cat, rows[i].seg = v, v
		}
	}
	p := build(t, draft(t, 10, ""), rows)
	c := column(t, p, "cat")
	if len(c.Layout.Categories) != 50 || c.Layout.Categories[0] != "big" {
		t.Errorf("%d categories: %v", len(c.Layout.Categories), c.Layout.Categories)
	}
	if !slices.IsSorted(c.Layout.Known) || len(c.Layout.Known) != 61+120-50 {
		t.Errorf("%d known", len(c.Layout.Known))
	}
	all := map[string]bool{}
	for _, v := range slices.Concat(c.Layout.Categories, c.Layout.Known) {
		all[v] = true
	}
	for _, r := range rows {
		delete(all, r.cat)
	}
	if len(all) > 0 {
		t.Errorf("never seen: %v", slices.Sorted(maps.Keys(all)))
	}
	if c.Reference.Singles != 120 {
		t.Errorf("%d categories seen once, want 120", c.Reference.Singles)
	}
	if v := p.Slices[0].Values; len(v) != 50 || !slices.IsSorted(v) {
		t.Errorf("%d slice values: %v", len(v), v)
	}
}

func TestEmptyAndConstantColumns(t *testing.T) {
	rows := steady(8, 48)
	for i := range rows {
		rows[i].x, rows[i].cat = nil, "only"
	}
	p := build(t, draft(t, 8, ""), rows)
	if c := column(t, p, "x"); !c.Layout.Empty || c.Layout.Bins() != 0 || len(c.Reference.Bins) != 0 || c.Reference.Missing != 8*48 {
		t.Errorf("%+v", c)
	}
	if c := column(t, p, "cat"); !c.Layout.Constant() || c.Layout.Bins() != 2 || c.Reference.Null.Panes != 0 {
		t.Errorf("%+v", c)
	}
}

func TestCheapestThresholdAgainstBruteForce(t *testing.T) {
	for seed, costs := range []string{
		"{currency: EUR, false_positive: 40, false_negative: 90, true_positive: -10, true_negative: 0}",
		"{currency: EUR, false_positive: 1, false_negative: 100, true_positive: 0, true_negative: 0}",
		"{currency: EUR, false_positive: 100, false_negative: 1, true_positive: 0, true_negative: 0}",
		"{currency: EUR, false_positive: 1000000, false_negative: 1, true_positive: 0, true_negative: 0}",  // never decide
		"{currency: EUR, false_positive: 1, false_negative: 1000000, true_positive: -1, true_negative: 0}", // always decide
	} {
		t.Run(costs, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(seed), 9))
			rows := steady(10, 48)
			for i := range rows {
				rows[i].score = 0.02 + 0.96*rng.Float64()
				rows[i].label = "0"
				if rng.Float64() < rows[i].score*rows[i].score {
					rows[i].label = "1"
				}
			}
			d := draft(t, 10, "costs: "+costs+"\ndecision: cheapest\n")
			p := build(t, d, rows)
			c := p.Policy.Costs
			cost := func(threshold float64) (sum float64) {
				for _, r := range rows {
					switch positive := r.score >= threshold; {
					case positive && r.label == "1":
						sum += c.TruePositive
					case positive:
						sum += c.FalsePositive
					case r.label == "1":
						sum += c.FalseNegative
					default:
						sum += c.TrueNegative
					}
				}
				return sum
			}
			best := math.Inf(1)
			for _, e := range append([]float64{-1}, p.Score.Edges...) {
				best = min(best, cost(math.Nextafter(e, 2)))
			}
			best = min(best, cost(2))
			if got := cost(p.Score.Threshold); got != best {
				t.Errorf("threshold %g costs %g, the cheapest %g", p.Score.Threshold, got, best)
			}
			reference, _ := p.Score.Views[0].Measured("expected_cost", p.Policy.Costs)
			if got, want := reference.Value, best/480; math.Abs(got-want) > 1e-9 {
				t.Errorf("expected cost %g, want %g: measured at another threshold", got, want)
			}
			if th := p.Score.Threshold; th > 0 && th <= 1 && !slices.Contains(p.Score.Edges, math.Nextafter(th, -1)) {
				t.Errorf("no edge below the threshold %v", th)
			}
		})
	}
}

func TestRulesAndWhatIsNotJudged(t *testing.T) {
	p := build(t, draft(t, 8, `
rules: [{name: small, expr: "x < 99.0"}]
promises:
  - {metric: brier, max: 0.5, over: 7d}
  - {metric: freshness, max_increase: 10%, over: 1h}
`), steady(8, 48))
	broken := 0
	for _, r := range steady(8, 48) {
		if r.x.(float64) >= 99 {
			broken++
		}
	}
	if want := float64(broken) / (8 * 48); p.Rules[0].Share != want {
		t.Errorf("rule broken by %g, want %g", p.Rules[0].Share, want)
	}
	few := "2 of 2 slices by seg hold fewer than 200 events in the reference: little can be said of them"
	if d := cmp.Diff([]string{few, "the promise on freshness is not judged: an increase has nothing to be held against; promise max"}, p.Unjudged); d != "" {
		t.Error(d)
	}
	alone := draft(t, 8, "promises:\n  - {metric: brier, max: 0.5, over: 7d}\n")
	alone.Outcome = nil
	if got := build(t, alone, steady(8, 48)); !cmp.Equal(got.Unjudged, []string{few, "the promise on brier needs a score and outcomes"}) {
		t.Errorf("%q", got.Unjudged)
	}
}

// Weeks with odd days teach nothing of how weeks scatter.
func TestWideWindowsAreLearntBesideOddDays(t *testing.T) {
	for odd, want := range map[string]int{"": 11, "  calendar: [{name: odd, from: 2024-01-15, to: 2024-01-27}]\n": 9} {
		p := build(t, draft(t, 77, "watch:\n"+odd), steady(77, 48))
		if null := p.Columns[0].Reference.Wide; p.Wide != 7*24*time.Hour || null == nil || null.Panes != want {
			t.Errorf("%q: windows of %s, %+v, want %d", odd, p.Wide, null, want)
		}
	}
}
