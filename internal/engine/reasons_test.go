package engine_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

const reasonPromises = `
promises:
  - {metric: reason_code_coverage, min: 95%, over: 6h, then: page, agreed: [legal]}
  - {metric: reason_code_coverage, min: 60%, over: 6h, by: [seg], of: all}
`

// reasoned is a stream whose decisions that say no carry reason codes, and the others don't. On day 16 a tenth of the former have none; on day
// 18 hardly any has in segment n; on day 20 three in a hundred lack them, which is no breach.
func reasoned(tb testing.TB) *world {
	tb.Helper()
	return learn(tb, busyRef, generate(61, busyRef+9, busy, func(s *sample, rng *rand.Rand) {
		s.reasons = s.score < 0.5 || rng.IntN(2) == 0
		switch draw := rng.IntN(100); {
		case s.between(16, 17):
			s.reasons = s.score < 0.5 && draw >= 10
		case s.between(18, 19) && s.seg == "n":
			s.reasons = draw < 30
		case s.between(20, 21) && draw < 3:
			s.reasons = false
		}
	}), costs+reasonPromises)
}

// Every window is judged as a loop over its events judges it: by the upper bound of the share among the decisions that are meant.
func TestReasonCodePromises(t *testing.T) {
	t.Parallel()
	w := reasoned(t)
	found := w.run()
	count := func(from, to time.Time, want func(*sample) bool) (k, n int64) {
		for i := range w.samples {
			if s := &w.samples[i]; !s.at.Before(from) && s.at.Before(to) && want(s) {
				n++
				if s.reasons {
					k++
				}
			}
		}
		return k, n
	}
	negative := func(s *sample) bool { return s.score < 0.5 }
	want := []string{}
	var got []string
	for from := day(busyRef); from.Before(day(busyRef + 9)); from = from.Add(6 * time.Hour) {
		to := from.Add(6 * time.Hour)
		if k, n := count(from, to, negative); above(k, n) < 0.95 {
			want = append(want, stamp(from))
		}
		for _, seg := range []string{"n", "s"} {
			if k, n := count(from, to, func(s *sample) bool { return s.seg == seg }); above(k, n) < 0.60 {
				want = append(want, stamp(from)+" in seg="+seg)
			}
		}
	}
	if len(want) != 4+8+4+4 { // days 16 (both) and 18 (the whole, and segment n)
		t.Fatalf("the stream breaks %v", want)
	}
	kept := 0
	for _, f := range found {
		if f.Metric != "reason_code_coverage" {
			continue
		}
		if f.Verdict == finding.Equivalent {
			kept++
		} else {
			got = append(got, stamp(f.Window.Start)+sliced(&f))
		}
		subject, severity, meant := "promise: share of predictions with reason codes at least 0.6", finding.Ticket, func(s *sample) bool { return s.seg == f.Slice["seg"] }
		if len(f.Slice) == 0 {
			subject, severity, meant = "promise: share of negative decisions with reason codes at least 0.95", finding.Page, negative
		}
		k, n := count(f.Window.Start, f.Window.End, meant)
		if f.Subject != subject || f.Verdict == finding.Breach && f.Severity != severity || f.N.Current != n || !near(f.Value, float64(k)/float64(n), 1e-12) {
			t.Errorf("%s: %s, %s, %v of %d; want %d of %d", stamp(f.Window.Start), f.Subject, f.Severity, f.Value, f.N.Current, k, n)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" || kept != 5 { // the whole twice, segment n twice, segment s once
		t.Errorf("%d kept again; (-want +got):\n%s", kept, d)
	}
	// The cutting into epochs, restarts and which lane comes first don't show.
	p, o := w.epochs(5)
	once := ordered(t, found)
	if d := cmp.Diff(once, ordered(t, w.judge(slices.Concat(p, o)))); d != "" {
		t.Errorf("lanes: %s", d)
	}
	at, again := w.start(), []finding.Finding{}
	epochs := interleave(p, o)
	for i := range epochs {
		again = w.feed(at, &epochs[i], again)
		if i%7 == 3 {
			at = w.restarted(at)
		}
	}
	if d := cmp.Diff(once, ordered(t, again)); d != "" {
		t.Errorf("restarts: %s", d)
	}
	// Dashboards show what the panes hold.
	windows := engine.NewWindows()
	for _, pane := range w.ended().panes {
		if err := windows.Pane(w.plan, pane); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range shown(t, windows) {
		k, n := count(s.Pane.Start, s.Pane.End, negative)
		lo, hi := stat.Wilson(k, n, 0.05)
		r := s.Reasons
		if r == nil || n == 0 || r.Negative.Given != k || r.Negative.N != n || r.Positive.N != s.Rows-n || r.All.N != s.Rows || !near(r.Negative.Share, float64(k)/float64(n), 1e-9) ||
			!near(r.Negative.Band[0], lo, 1e-9) || !near(r.Negative.Band[1], hi, 1e-9) {
			t.Errorf("%s: %+v, want %d of %d", s.Over, r, k, n)
		}
	}
}

// above is the upper 95 % bound of a share.
func above(k, n int64) float64 {
	_, hi := stat.Wilson(k, n, 0.10)
	return hi
}
