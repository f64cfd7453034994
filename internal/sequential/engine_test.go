package sequential

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const historyPanes = 21 * 24

// watched is an engine over one numeric stream and the panes that come after its history.
func watched(tb testing.TB, spec Spec, events, after int, mean func(s, t int) float64) (*Engine, []Pane) {
	tb.Helper()
	panes := hourly(newRand(7), len(spec.Streams), events, 0, historyPanes+after, func(s, t int) float64 { return mean(s, t-historyPanes) })
	e, err := Learn(spec, panes[:historyPanes])
	if err != nil {
		tb.Fatal(err)
	}
	return e, panes
}

// between is a shift in the panes from one to another, counted from the start of monitoring.
func between(from, to int, shift float64) func(s, t int) float64 {
	return func(_, t int) float64 {
		if t >= from && t < to {
			return shift
		}
		return 0
	}
}

func count(steps []Step) (alarms []Alarm, recovered []Recovery) {
	for _, s := range steps {
		alarms = append(alarms, s.Alarms...)
		recovered = append(recovered, s.Recovered...)
	}
	return alarms, recovered
}

// A change is found within hours, dated to the pane, held without another word while it lasts, and closed when it is over.
func TestAnAlarmHoldsUntilItIsOver(t *testing.T) {
	e, panes := watched(t, numericSpec(1), 500, 200, between(50, 120, 0.3))
	alarms, recovered := count(advance(t, e, panes[historyPanes:]))
	if len(alarms) != 1 || len(recovered) != 1 {
		t.Fatalf("%+v, %+v", alarms, recovered)
	}
	a := alarms[0]
	at := func(us int64) int { return int(us/hour) - historyPanes }
	if a.Channel != "location" || at(a.At) < 52 || at(a.At) > 58 || at(a.Onset) < 48 || at(a.Onset) > 51 || math.Abs(a.Effect-0.3) > 0.05 || a.Phase != Pages {
		t.Errorf("%+v at %d since %d", a, at(a.At), at(a.Onset))
	}
	if r := at(recovered[0].At); r < 120+12 || r > 120+30 {
		t.Errorf("closed at %d", r)
	}
}

// A declared odd day bears no evidence and teaches nothing, however odd it is.
func TestDeclaredDaysAreLeftOut(t *testing.T) {
	spec := numericSpec(1)
	spec.Calendar = []Span{{From: (historyPanes + 50) * hour, To: (historyPanes + 74) * hour}}
	e, panes := watched(t, spec, 500, 100, between(50, 74, 2))
	advance(t, e, panes[historyPanes:historyPanes+50])
	beta, evidence := slices.Clone(e.channels[1].filter.beta), e.channels[1].evidence
	alarms, _ := count(advance(t, e, panes[historyPanes+50:historyPanes+74]))
	if len(alarms) > 0 || !slices.Equal(beta, e.channels[1].filter.beta) || evidence != e.channels[1].evidence {
		t.Errorf("the odd day left something: %+v", alarms)
	}
	if alarms, _ = count(advance(t, e, panes[historyPanes+74:])); len(alarms) > 0 {
		t.Errorf("after it: %+v", alarms)
	}
	// Nor does one that lies in the history.
	odd := slices.Clone(panes)
	for i := range 24 {
		odd[100+i].Counts = panes[historyPanes+50+i].Counts
	}
	spec.Calendar = []Span{{From: 100 * hour, To: 124 * hour}}
	learnt, err := Learn(spec, odd[:historyPanes])
	if err != nil {
		t.Fatal(err)
	}
	spec.Calendar = nil
	spoilt, err := Learn(spec, odd[:historyPanes])
	if err != nil {
		t.Fatal(err)
	}
	if a, b := learnt.channels[1].null.band, spoilt.channels[1].null.band; a > 0.08 || b < 0.2 {
		t.Errorf("band %g without the odd day, %g with it", a, b)
	}
	undeclared, _ := watched(t, numericSpec(1), 500, 0, still)
	if alarms, _ = count(advance(t, undeclared, panes[historyPanes:])); len(alarms) == 0 {
		t.Error("the day is not odd at all: the test proves nothing")
	}
}

// A null learnt during an alarm would take the change for usual.
func TestRefitRefusesWhileOpen(t *testing.T) {
	e, panes := watched(t, numericSpec(1), 500, 24*24, func(_, t int) float64 {
		if t >= 24 {
			return 0.4
		}
		return 0
	})
	end := historyPanes + 21*24
	alarms, recovered := count(advance(t, e, panes[historyPanes:end]))
	if len(alarms) != 1 || len(recovered) != 0 {
		t.Fatalf("%+v, %+v", alarms, recovered)
	}
	if _, err := e.Refit(panes[historyPanes+48 : end]); !errors.Is(err, ErrOpen) {
		t.Errorf("a refit during an alarm: %v", err)
	}
}

// A nightly refit keeps the evidence and the scale of effects.
func TestRefitGoesOn(t *testing.T) {
	e, panes := watched(t, numericSpec(2), 500, 48, between(40, 48, 0.06))
	advance(t, e, panes[historyPanes:])
	next, err := e.Refit(panes)
	if err != nil {
		t.Fatal(err)
	}
	for i := range e.channels {
		if e.channels[i].evidence != next.channels[i].evidence {
			t.Errorf("channel %d: evidence %+v, then %+v", i, e.channels[i].evidence, next.channels[i].evidence)
		}
	}
	if a, b := e.streams[0].layout.shares, next.streams[0].layout.shares; !slices.Equal(a, b) {
		t.Error("the layout was not frozen")
	}
	if next.learnt != historyPanes+48 {
		t.Errorf("learnt from %d panes", next.learnt)
	}
	if _, err := e.Refit(panes[:historyPanes]); err == nil || !strings.Contains(err.Error(), "the history ends at") {
		t.Errorf("a history that ends before: %v", err)
	}
}

func TestPhases(t *testing.T) {
	panes := hourly(newRand(3), 1, 500, 0, 15*24, func(_, t int) float64 {
		if t >= 14*24+2 {
			return 1
		}
		return 0
	})
	for days, want := range map[int]Phase{6: Learning, 10: Tickets, 14: Pages} {
		from := (14 - days) * 24
		e, err := Learn(numericSpec(1), panes[from:14*24])
		if err != nil {
			t.Fatal(err)
		}
		alarms, _ := count(advance(t, e, panes[14*24:]))
		if e.Phase() != want || (len(alarms) > 0) != (want != Learning) {
			t.Errorf("%d days: %s, %+v", days, e.Phase(), alarms)
		}
		for _, a := range alarms {
			if a.Phase != want {
				t.Errorf("%d days: alarm in phase %s", days, a.Phase)
			}
		}
	}
}

// Many streams that drift a little each alarm together, before any would alone; not if that is switched off.
func TestStreamsTogether(t *testing.T) {
	spec := numericSpec(30)
	e, panes := watched(t, spec, 300, 72, between(10, 72, 0.09))
	alarms, _ := count(advance(t, e, panes[historyPanes:]))
	spec.Alone = true
	apart, _ := watched(t, spec, 400, 0, still)
	single, _ := count(advance(t, apart, panes[historyPanes:]))
	if len(alarms) == 0 || !alarms[0].Joint {
		t.Fatalf("no joint alarm: %+v", alarms)
	}
	for _, a := range single {
		if a.Joint {
			t.Errorf("joint though switched off: %+v", a)
		}
		if a.At < alarms[0].At {
			t.Errorf("one alone alarmed before: %+v", a)
		}
	}
}

// A change that is real but too small to matter is evidence, and no alarm.
func TestSmallChangesAreSaidAndNotAlarmed(t *testing.T) {
	e, panes := watched(t, numericSpec(1), 40_000, 30, between(0, 30, 0.04))
	alarms, _ := count(advance(t, e, panes[historyPanes:]))
	s := e.Standing()[0]
	if len(alarms) > 0 || s.Whole < s.Needed || s.Counted >= s.Needed {
		t.Errorf("%+v, %+v", alarms, s)
	}
}

// What Detectable says would usually show in a day usually does, and half of it doesn't.
func TestDetectableIsDetectable(t *testing.T) {
	spec := numericSpec(1)
	calm, _ := watched(t, spec, 200, 0, still)
	var effect float64
	for _, d := range calm.Detectable() {
		if d.Channel == "location" {
			effect = d.Effect
		}
	}
	if !(effect > 0.05 && effect < 1) {
		t.Fatalf("detectable: %+v", calm.Detectable())
	}
	found := func(shift float64) (n int) {
		for seed := range uint64(20) {
			panes := hourly(newRand(100+seed), 1, 200, historyPanes, historyPanes+24, func(int, int) float64 { return shift })
			e := restart(t, calm, spec)
			if alarms, _ := count(advance(t, e, panes)); len(alarms) > 0 {
				n++
			}
		}
		return n
	}
	if full, half := found(1.15*effect), found(0.5*effect); full < 14 || half > 6 {
		t.Errorf("%g sd: found %d of 20, half of it %d", effect, full, half)
	}
	// A pane a day adds too little in a day, whatever it shows.
	g := readGolden(t, "low")
	history, _ := g.panes(t)
	e, err := Learn(goldenSpec(), history)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range e.Detectable() {
		if !math.IsInf(d.Effect, 1) {
			t.Errorf("found within a day at one pane a day: %+v", d)
		}
	}
}

// An open vocabulary: that new categories go on coming at the rate at which the reference saw some once is no news.
func TestNewCategoriesAreHeldAgainstSingles(t *testing.T) {
	run := func(singles int64, share float64) []Alarm {
		spec := Spec{Budget: 1, Streams: []Stream{{Name: "k", Kind: Categorical, Weight: 1, Floors: DefaultFloors(), Singles: singles}}}
		rng := newRand(5)
		pane := func(t int, share float64) Pane {
			c := Counts{N: 300, Bins: []int64{150, 120, 30}}
			for range 30 {
				if rng.Float64() < share*10 {
					c.New++
				}
			}
			return Pane{Start: int64(t) * hour, End: int64(t+1) * hour, N: 300, Season: seasonAt(int64(t) * hour), Counts: []Counts{c}}
		}
		var panes []Pane
		for t := range 480 {
			now := 0. // everything the reference held is in its dictionary
			if t >= 400 {
				now = share
			}
			panes = append(panes, pane(t, now))
		}
		e, err := Learn(spec, panes[:400])
		if err != nil {
			t.Fatal(err)
		}
		alarms, _ := count(advance(t, e, panes[400:]))
		return alarms
	}
	if a := run(1200, 0.01); len(a) > 0 { // 1200 of 120,000 events: 1 %
		t.Errorf("the usual share of new ones alarms: %+v", a)
	}
	if a := run(0, 0.01); len(a) != 1 || a[0].Channel != "new" {
		t.Errorf("new categories in a closed vocabulary: %+v", a)
	}
	if a := run(1200, 0.06); len(a) != 1 || a[0].Channel != "new" {
		t.Errorf("six times the usual share: %+v", a)
	}
}

// Panes tile the time, lose no event, and end when they hold enough.
func TestGather(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.Int64Range(0, 120), 1, 200).Draw(t, "events per hour")
		var g Gather
		var sum, last int64
		take := func(p Pane, cut bool) {
			hours := p.Hours()
			if p.Start != last || p.N != p.Counts[0].N || p.N != p.Counts[0].Bins[0] {
				t.Fatalf("pane %+v after %d", p, last)
			}
			if !cut && p.N < 200 && !(hours >= 24 && p.N >= 30) {
				t.Fatalf("too small: %+v", p)
			}
			if math.Abs(p.Season[0]-1) > 1e-12 {
				t.Fatalf("season %v", p.Season)
			}
			sum += p.N
			last = p.End
		}
		var all int64
		for i, n := range sizes {
			all += n
			at := int64(i) * hour
			p, done, err := g.Add(at, at+hour, n, []Counts{{N: n, Bins: []int64{n}}})
			if err != nil {
				t.Fatal(err)
			}
			if done {
				take(p, false)
			}
		}
		if p, ok := g.Cut(); ok {
			take(p, true)
		}
		if sum != all || last != int64(len(sizes))*hour {
			t.Fatalf("%d events up to %d, want %d", sum, last, all)
		}
	})
	var g Gather
	if _, _, err := g.Add(10, 10, 1, nil); err == nil {
		t.Error("an empty base pane")
	}
	if _, _, err := g.Add(0, hour, 1, []Counts{{N: 1}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.Add(0, hour, 1, []Counts{{N: 1}}); err == nil {
		t.Error("a base pane twice")
	}
}

func TestRefusals(t *testing.T) {
	panes := hourly(newRand(1), 1, 300, 0, 40, still)
	wrong := func(change func(p *Pane)) []Pane {
		out := slices.Clone(panes)
		out[3].Counts = slices.Clone(out[3].Counts)
		change(&out[3])
		return out
	}
	spec := numericSpec(1)
	for name, c := range map[string]struct {
		spec  Spec
		panes []Pane
		want  string
	}{
		"short":    {spec, panes[:7], "learn from 7 panes: want 8 at least"},
		"budget":   {Spec{}, panes, "budget 0: want false alarms per month"},
		"missing":  {spec, wrong(func(p *Pane) { p.Counts[0].Missing = p.N + 1 }), "learn from pane 3: stream f0: counts that do not fit together"},
		"negative": {spec, wrong(func(p *Pane) { p.Counts[0].Bins = []int64{-1} }), "counts that do not fit together"},
		"bins":     {spec, wrong(func(p *Pane) { p.Counts[0].Bins = []int64{1, 2} }), "learn f0: pane 3 has 2 bins, pane 0 20"},
		"streams":  {spec, wrong(func(p *Pane) { p.Counts = nil }), "with 0 streams, want 1"},
	} {
		if _, err := Learn(c.spec, c.panes); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	e, err := Learn(spec, panes)
	if err != nil {
		t.Fatal(err)
	}
	before := e.AppendBinary(nil)
	if _, err := e.Advance(&panes[39]); err == nil || !strings.Contains(err.Error(), "is passed") {
		t.Errorf("a pane again: %v", err)
	}
	if !bytes.Equal(before, e.AppendBinary(nil)) {
		t.Error("a refused pane left something")
	}
}
