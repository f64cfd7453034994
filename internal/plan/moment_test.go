package plan_test

import (
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

func TestMomentLengths(t *testing.T) {
	soon := time.Second
	for _, c := range []struct {
		perSecond float64
		pane      time.Duration
		late      *time.Duration
		want      time.Duration
	}{
		{0.02, time.Hour, &soon, 30 * time.Minute},
		{0.005, time.Hour, &soon, 0},
		{3, time.Hour, &soon, 10 * time.Second},
		{20, time.Hour, &soon, 10 * time.Second}, // 30 of them come in 2 s, and 300 in 15
		{60, time.Hour, &soon, 5 * time.Second},
		{1000, time.Hour, &soon, time.Second},
		{1000, time.Hour, nil, 10 * time.Second}, // as builds before would count it
		{1000, 24 * time.Hour, &soon, 30 * time.Second},
		{1000, time.Minute, &soon, time.Second},
	} {
		day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
		p := &plan.Plan{
			Pane: c.pane, Lateness: time.Minute, FaultLateness: c.late, Reference: plan.Span{From: day, To: day.AddDate(0, 0, 10)}, ReferenceRows: int64(c.perSecond * 864000),
		}
		if got := p.Moment(); got != c.want {
			t.Errorf("%g events a second, panes of %s: moments of %s, want %s", c.perSecond, c.pane, got, c.want)
		}
	}
}

func TestFaultsAhead(t *testing.T) {
	for _, c := range []struct{ pane, lateness, faults, want time.Duration }{
		{time.Hour, 5 * time.Minute, 5 * time.Second, 295 * time.Second},
		{time.Hour, 5 * time.Second, 5 * time.Second, 0},
		{time.Hour, 3 * time.Hour, 5 * time.Second, time.Hour},
	} {
		p := &plan.Plan{Pane: c.pane, Lateness: c.lateness, FaultLateness: &c.faults}
		if got := p.FaultsAhead(); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	if got := (&plan.Plan{Pane: time.Hour, Lateness: time.Hour}).FaultsAhead(); got != 0 {
		t.Errorf("of an earlier build: %s", got)
	}
}
