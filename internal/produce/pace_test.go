package produce

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// paced gives when each event went out, in virtual time.
func paced(t *testing.T, p pace, events []time.Duration) []time.Duration {
	t.Helper()
	var out []time.Duration
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		for _, e := range events {
			if err := p.wait(t.Context(), e.Microseconds()); err != nil {
				t.Fatal(err)
			}
			out = append(out, time.Since(began))
		}
	})
	return out
}

func TestPace(t *testing.T) {
	const day = 24 * time.Hour
	events := []time.Duration{9 * day, 9*day + time.Hour, 9 * day, 8 * day, 9*day + 2*time.Hour, 9*day + 2*time.Hour}
	for name, c := range map[string]struct {
		p    pace
		want []time.Duration
	}{
		"free":    {pace{}, []time.Duration{0, 0, 0, 0, 0, 0}},
		"rate":    {pace{rate: 4}, []time.Duration{0, 250 * time.Millisecond, 500 * time.Millisecond, 750 * time.Millisecond, time.Second, 1250 * time.Millisecond}},
		"speedup": {pace{speedup: 3600}, []time.Duration{0, time.Second, time.Second, time.Second, 2 * time.Second, 2 * time.Second}},
	} {
		got := paced(t, c.p, events)
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: event %d at %s, want %s", name, i, got[i], c.want[i])
			}
		}
	}
}

// At a high rate events go out in bunches, and still no more than the rate says.
func TestPaceHighRate(t *testing.T) {
	const n, rate = 50_000, 100_000
	out := paced(t, pace{rate: rate}, make([]time.Duration, n))
	for i, at := range out {
		if ahead := time.Duration(i)*time.Second/rate - at; ahead > patience+time.Microsecond { // a microsecond for rounding
			t.Fatalf("event %d at %s is %s ahead", i, at, ahead)
		}
	}
	if last := out[n-1]; last > 500*time.Millisecond {
		t.Errorf("the last event went out at %s, want half a second", last)
	}
}

// A time far in the future is waited for until somebody interrupts.
func TestPaceEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		p := pace{speedup: 1e-9}
		if err := p.wait(ctx, 0); err != nil {
			t.Fatal(err)
		}
		if err := p.wait(ctx, 1<<60); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
