//go:build synctests

package systest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// TestNewNormal: an input moved for good, and its alarm is open. Once a person has accepted what came since, nothing is said of it any more, under a
// later policy neither; when it moves on, it is. A replay under all plans at once says the same.
func TestNewNormal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t)
		defer s.close()
		h := plan.History{s.plan}
		act := app.Accept{From: start.AddDate(0, 0, 3), By: "ada", Why: "new meters"}
		var did *app.Acceptance
		s.play(37, []action{
			At(3, 0, func() { s.world.shift = 1 }),
			At(9, 12, func() {
				if _, err := s.parts.Accept(t.Context(), s.plan.Model, act); !errors.Is(err, app.ErrTooLittle) {
					t.Errorf("six days are taken for a new normal: %v", err)
				}
				if _, err := s.parts.Accept(t.Context(), "other", act); !errors.Is(err, app.ErrNoPlan) {
					t.Errorf("another model: %v", err)
				}
			}),
			At(20, 12, func() {
				tried := act
				tried.DryRun = true
				would, err := s.parts.Accept(t.Context(), s.plan.Model, tried)
				if err != nil {
					t.Fatal(err)
				}
				if did, err = s.parts.Accept(t.Context(), s.plan.Model, act); err != nil {
					t.Fatal(err)
				}
				if did.Change != app.Afresh || would.After.Key() != did.After.Key() || would.After.Digest() != did.After.Digest() {
					t.Errorf("%s: %s of plan %s, and %s of %s would have been", did.Change, did.After.Key(), did.After.Digest(), would.After.Key(), would.After.Digest())
				}
				h = h.With(did.After)
			}),
			At(23, 3, func() {
				p := s.apply(strings.NewReplacer("false_positive: 10", "false_positive: 11").Replace(contractText), app.Policy)
				h = h.With(p)
			}),
			At(29, 0, func() { s.world.shift = 2 }),
		}, []string{
			"ticket: unknown of x, onset day 3 00:00, opened day 5 00:00, priced true, owner data-team",
			"ticket: unknown of x, onset day 29 00:00, opened day 31 00:00, priced true, owner data-team",
		})
		if did == nil {
			t.Fatal("nothing was accepted")
		}
		p, want := h[1], start.AddDate(0, 0, 21)
		if !p.From.Equal(want) || p.Contract != s.plan.Contract || p.Baseline == s.plan.Baseline || p.IDs != s.plan.IDs {
			t.Errorf("contract %s with baseline %s from %s on, want the same contract with another baseline from %s on", p.Contract, p.Baseline, p.From, want)
		}
		if a := p.Accepted; a == nil || a.By != "ada" || a.Why != "new meters" || !a.From.Equal(want) || a.Before != s.plan.Baseline || !a.Panes.From.Equal(act.From) || !a.Panes.To.Equal(start.AddDate(0, 0, 20)) {
			t.Errorf("the act is kept as %+v", a)
		}
		if last := h.Last(); last.Digest() != p.Digest() || last.Accepted == nil || *last.Accepted != *p.Accepted {
			t.Errorf("a change of policy leaves baseline %s, accepted %+v", last.Baseline, last.Accepted)
		}
		for _, inc := range s.seen {
			wantStatus, reason := incident.Open, ""
			if inc.Onset.Before(want) {
				wantStatus, reason = incident.Resolved, string(finding.Superseded)
			}
			if inc.Status != wantStatus || inc.Reason != reason {
				t.Errorf("%s: %s, %q; want %s, %q", inc.Title, inc.Status, inc.Reason, wantStatus, reason)
			}
		}
		if n := s.sum("plumbline_detect_skipped_cells_total") + s.sum("plumbline_detect_late_events") + s.sum("plumbline_detect_coverage_problems_total"); n != 0 {
			t.Errorf("%g cells set aside, events late or offsets unaccounted for", n)
		}
		s.eachDayOnce(h)
		live, replayed := findings(t, s.parts), s.replay(h)
		if got := findings(t, replayed); !slices.Equal(texts(got), texts(live)) {
			t.Errorf("a replay from zero finds\n  %s\nand it was\n  %s", strings.Join(texts(got), "\n  "), strings.Join(texts(live), "\n  "))
		}
		if err := replayed.Close(); err != nil {
			t.Error(err)
		}
	})
}
