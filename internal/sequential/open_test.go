package sequential

import (
	"math"
	"testing"
)

// rareShare is an engine that watches one share of about q, and panes of it in which it is now.
func rareShare(t *testing.T, q float64) *Engine {
	t.Helper()
	spec := Spec{Budget: 1, Streams: []Stream{{Name: "x", Kind: Share, Weight: 1, Floors: DefaultFloors()}}}
	rng := newRand(4)
	var history []Pane
	for i := range historyPanes {
		history = append(history, sharePane(i, 400, hitsOf(rng.Float64, 400, q)))
	}
	e, err := Learn(spec, history)
	if err != nil {
		t.Fatal(err)
	}
	if e.channels[0].rare == nil {
		t.Fatalf("a share of %g is none that is counted exactly", q)
	}
	return e
}

func sharePane(at int, n, hits int64) Pane {
	return Pane{
		Start: int64(at) * hour, End: int64(at+1) * hour, N: n, Season: seasonAt(int64(at) * hour),
		Counts: []Counts{{N: n, Hits: float64(hits)}},
	}
}

func hitsOf(rnd func() float64, n int, q float64) (k int64) {
	for range n {
		if rnd() < q {
			k++
		}
	}
	return k
}

// How far an open share is from home is the change of the share itself, also where it is counted exactly and where the others are the rare ones.
func TestOpenIsTheChangeOfTheShare(t *testing.T) {
	for _, c := range []struct{ q, now float64 }{{0.002, 0.05}, {0.998, 0.95}} {
		e := rareShare(t, c.q)
		var alarm *Alarm
		for i := range 50 {
			p := sharePane(historyPanes+i, 400, int64(400*c.now))
			step, err := e.Advance(&p)
			if err != nil {
				t.Fatal(err)
			}
			if len(step.Alarms) > 0 {
				alarm = &step.Alarms[0]
				break
			}
		}
		if alarm == nil {
			t.Fatalf("%g to %g: no alarm", c.q, c.now)
		}
		away, ok := e.Open("x", "share", 0)
		if want := c.now - c.q; !ok || math.Abs(away-want) > 0.002 || math.Abs(alarm.Now-alarm.Before-want) > 0.002 {
			t.Errorf("%g to %g: %g from home, %v; the alarm says %g, want %g", c.q, c.now, away, ok, alarm.Now-alarm.Before, want)
		}
	}
}

// Panes without an event of the kind say nothing of where a share went.
func TestEmptyPanesSayNothingOfAShare(t *testing.T) {
	e := rareShare(t, 0.998)
	for i := range 100 {
		n, hits := int64(400), int64(384)
		if i%2 == 1 {
			n, hits = 0, 0
		}
		p := sharePane(historyPanes+i, n, hits)
		step, err := e.Advance(&p)
		if err != nil {
			t.Fatal(err)
		}
		if len(step.Alarms) == 0 {
			continue
		}
		if a := step.Alarms[0]; math.Abs(a.Now-0.96) > 0.002 {
			t.Errorf("%+v", a)
		}
		return
	}
	t.Fatal("no alarm")
}
