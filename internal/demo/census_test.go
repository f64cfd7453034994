//go:build synctests && !race

package demo

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

var update = flag.Bool("update", false, "write golden files anew")

// playAct plays the second act in virtual time, at the pace that people see it at.
func playAct(t *testing.T, set func(a *Act, start time.Time)) (Played, string) {
	t.Helper()
	var out Played
	var screen bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		a := &Act{
			Screen: &Narrator{Out: &screen}, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), Pace: 3 * time.Hour,
			embedded: bus.EmbeddedOptions{Network: &kfake.VirtualNetwork{}},
		}
		start, err := a.Start()
		if err != nil {
			t.Fatal(err)
		}
		set(a, start)
		if out, err = a.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	return out, screen.String()
}

// onlyOne holds what the act must tell, whenever the column breaks: one incident, with its cause, place and price, that is over by itself; nothing retrains
// meanwhile; and no event is lost.
func onlyOne(t *testing.T, p *Played) *incident.Incident {
	t.Helper()
	if len(p.Incidents) != 1 {
		t.Fatalf("%d incidents: %s", len(p.Incidents), encode(t, p.Incidents))
	}
	inc := &p.Incidents[0]
	if c := &inc.Cause; c.Kind != "unit_change" || c.Parameters["factor"] != "100" || !strings.Contains(c.Fix, "divide by 100") {
		t.Errorf("the cause: %+v", c)
	}
	if !strings.HasPrefix(inc.Title, "worked_share is 100 times larger since ") || !slices.ContainsFunc(inc.Subjects, func(s incident.Subject) bool { return s.Name == "worked_share" && s.Share > 0.3 }) {
		t.Errorf("%s, of %v", inc.Title, inc.Subjects)
	}
	if inc.Lineage == nil || *inc.Lineage != (incident.Lineage{Job: "etl.income", Version: "v42"}) {
		t.Errorf("the lineage: %+v", inc.Lineage)
	}
	if len(inc.Changes) == 0 || inc.Changes[0].Name != "etl.income" || inc.Changes[0].Version != "v42" || !inc.Changes[0].At.Equal(p.Broken) {
		t.Errorf("the changes: %+v", inc.Changes)
	}
	if off := inc.Onset.Sub(p.Broken); off < -3*time.Hour || off > 3*time.Hour {
		t.Errorf("the onset is %s, broken was %s", inc.Onset, p.Broken)
	}
	if i := inc.Impact; i == nil || i.Currency != "USD" || !(i.PerDay > 0) || inc.Severity != finding.Page || inc.Pages != 1 {
		t.Errorf("a %s of %d pages, with the price %+v", inc.Severity, inc.Pages, i)
	}
	if why := p.Held[inc.ID]; !strings.Contains(why, "unit change") {
		t.Errorf("retraining is held: %q", why)
	}
	if inc.Status != incident.Resolved || inc.Reason != "" || inc.ResolvedAt == nil || !inc.ResolvedAt.After(p.Mended) {
		t.Errorf("it is %s (%s) at %v, mended was %s", inc.Status, inc.Reason, inc.ResolvedAt, p.Mended)
	}
	if p.Published == 0 || p.Received != p.Published || p.Received != p.Accepted+p.Aside || p.Aside != 0 {
		t.Errorf("published %d, received %d, accepted %d, set aside %d", p.Published, p.Received, p.Accepted, p.Aside)
	}
	if p.Told == 0 || p.Told > 30*time.Second || p.Closed == 0 || p.Closed > 90*time.Second {
		t.Errorf("told after %s, over after %s", p.Told, p.Closed)
	}
	return inc
}

// By day and by night, when few events tell little.
func TestActAtItsTimes(t *testing.T) {
	for _, hours := range []time.Duration{54, 48} {
		p, screen := playAct(t, func(a *Act, start time.Time) {
			a.BreakAt = start.Add(hours * time.Hour)
			a.MendAt = a.BreakAt.Add(48 * time.Hour)
		})
		onlyOne(t, &p)
		if hours != 54 {
			continue
		}
		// What people read, but how far the stream was when they were told of it.
		story := regexp.MustCompile(`(?m)^(\d{4}-\d\d-\d\d \d\d:\d\d)  (\d+ events in.*\n)?`).ReplaceAllStringFunc(screen, func(line string) string {
			if strings.Contains(line, "events in") {
				return ""
			}
			return "(stream's time)   "
		})
		story = regexp.MustCompile(`(?m)^(\d+ events published, .*|By the clock .*)\n`).ReplaceAllString(story, "")
		golden := filepath.Join("testdata", "act.golden")
		if *update {
			if err := os.WriteFile(golden, []byte(story), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), story); d != "" {
			t.Errorf("the screen (-want +got):\n%s", d)
		}
	}
}

// At two keys, and a third that asks for nothing.
func TestActAtKeys(t *testing.T) {
	p, screen := playAct(t, func(a *Act, _ time.Time) {
		keys := make(chan struct{})
		a.Keys = keys
		go func() {
			for _, after := range []time.Duration{9500 * time.Millisecond, 17 * time.Second, time.Second} {
				time.Sleep(after)
				keys <- struct{}{}
			}
		}()
	})
	onlyOne(t, &p)
	if !p.Broken.Equal(time.Date(2026, 2, 3, 9, 0, 0, 0, time.UTC)) || p.Mended.Sub(p.Broken) < 40*time.Hour {
		t.Errorf("broken %s, mended %s", p.Broken, p.Mended)
	}
	if strings.Contains(screen, "is part of") || strings.Contains(screen, "moved away from") {
		t.Errorf("it had no name at once:\n%s", screen)
	}
	if !strings.Contains(screen, "Press Enter to deploy v42") || !strings.Contains(screen, "Press Enter again") {
		t.Errorf("nobody says what to do:\n%s", screen)
	}
}

// Whoever is interrupted ends all that it began: nothing of it is left in the bubble.
func TestActInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 12*time.Second)
		defer stop()
		a := &Act{
			Screen: &Narrator{Out: &bytes.Buffer{}}, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), Pace: 3 * time.Hour, Keys: make(chan struct{}),
			embedded: bus.EmbeddedOptions{Network: &kfake.VirtualNetwork{}},
		}
		if _, err := a.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it ends with %v", err)
		}
	})
}
