package sequential

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

// A slice holds little, so that there can be many: 300 inputs in 20 slices, five channels each, stay below 8 MB.
func TestASliceHoldsLittle(t *testing.T) {
	if n := unsafe.Sizeof(sliceChannel{}); n > 256 {
		t.Errorf("%d bytes per channel, want at most 256", n)
	}
	t.Logf("%d and %d bytes", unsafe.Sizeof(sliceChannel{}), unsafe.Sizeof(sliceRare{}))
	if n := unsafe.Sizeof(sliceRare{}); n > 256 {
		t.Errorf("%d bytes per share that is counted exactly, want at most 256", n)
	}
}

// sliced makes a parent and a slice of it that is unlike it for good: half a standard deviation higher, narrower, with other shares.
func sliced(tb testing.TB, seed uint64, after int, shift func(t int) float64) (*Engine, *Slice, []Pane) {
	tb.Helper()
	spec := Spec{Budget: 1, Streams: []Stream{
		{Name: "x", Kind: Numeric, Weight: 0.4, Floors: DefaultFloors()},
		{Name: "label", Kind: Share, Weight: 0.2, Floors: DefaultFloors()},
	}}
	rng := newRand(seed)
	pane := func(t, events int, mean, sd, share float64) Pane {
		p := Pane{Start: int64(t) * hour, End: int64(t+1) * hour, N: int64(events), Season: seasonAt(int64(t) * hour)}
		x := Counts{N: p.N, Bins: make([]int64, 20)}
		label := Counts{N: p.N}
		for range events {
			if rng.IntN(200) == 0 {
				x.Missing++
			} else {
				u := math.Erfc(-(rng.NormFloat64()*sd+mean)/math.Sqrt2) / 2
				x.Bins[min(int(u*20), 19)]++
			}
			if rng.Float64() < share {
				label.Hits++
			}
		}
		p.Counts = []Counts{x, label}
		return p
	}
	var whole, part []Pane
	for t := range historyPanes {
		swing := 0.2 * math.Sin(2*math.Pi*float64(t)/24)
		whole = append(whole, pane(t, 600, swing, 1, 0.2))
		part = append(part, pane(t, 250, swing+0.5, 0.8, 0.35))
	}
	e, err := Learn(spec, whole)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := LearnSlice(e, "north", 0.02, part)
	if err != nil {
		tb.Fatal(err)
	}
	var next []Pane
	for t := historyPanes; t < historyPanes+after; t++ {
		swing := 0.2 * math.Sin(2*math.Pi*float64(t)/24)
		next = append(next, pane(t, 250, swing+0.5+shift(t-historyPanes), 0.8, 0.35))
	}
	return e, s, next
}

func advanceSlice(tb rapid.TB, s *Slice, panes []Pane) (out []Step) {
	for i := range panes {
		step, err := s.Advance(&panes[i])
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, step)
	}
	return out
}

// A slice may differ from the whole for good: only a change of its own is one.
func TestASliceDriftsByItself(t *testing.T) {
	for seed := range uint64(5) {
		_, s, panes := sliced(t, 10+seed, 300, func(int) float64 { return 0 })
		if alarms, _ := count(advanceSlice(t, s, panes)); len(alarms) > 0 {
			t.Errorf("seed %d: a slice that is as it was: %+v", seed, alarms)
		}
	}
	_, s, panes := sliced(t, 1, 200, func(t int) float64 {
		if t >= 40 && t < 110 {
			return 0.4
		}
		return 0
	})
	alarms, recovered := count(advanceSlice(t, s, panes))
	if len(alarms) != 1 || len(recovered) != 1 {
		t.Fatalf("%+v, %+v", alarms, recovered)
	}
	a := alarms[0]
	at := func(us int64) int { return int(us/hour) - historyPanes }
	if a.Slice != "north" || a.Stream != "x" || a.Channel != "location" || at(a.At) > 55 || at(a.Onset) < 36 || at(a.Onset) > 42 || math.Abs(a.Effect-0.4) > 0.12 {
		t.Errorf("%+v at %d since %d", a, at(a.At), at(a.Onset))
	}
	if r := at(recovered[0].At); r < 120 || r > 145 {
		t.Errorf("closed at %d", r)
	}
}

func TestSliceRestartsDoNotShow(t *testing.T) {
	shift := func(t int) float64 {
		if t >= 20 && t < 60 {
			return 0.5
		}
		return 0
	}
	e, s, panes := sliced(t, 2, 120, shift)
	b := s.AppendBinary(nil)
	want := advanceSlice(t, s, panes)
	if alarms, recovered := count(want); len(alarms) == 0 || len(recovered) == 0 {
		t.Fatal("nothing happens: the test proves nothing")
	}
	end := s.AppendBinary(nil)
	rapid.Check(t, func(t *rapid.T) {
		stop := rapid.IntRange(0, len(panes)-1).Draw(t, "restart")
		r := wire.NewReader(b)
		s, err := ReadSlice(e, 0.02, r)
		if err != nil || r.Close() != nil {
			t.Fatal(err, r.Err())
		}
		got := advanceSlice(t, s, panes[:stop])
		again, err := ReadSlice(e, 0.02, wire.NewReader(s.AppendBinary(nil)))
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, advanceSlice(t, again, panes[stop:])...); !reflect.DeepEqual(got, want) || !bytes.Equal(again.AppendBinary(nil), end) {
			t.Fatalf("the restart after %d panes shows", stop)
		}
	})
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"format": {append([]byte{7}, b[1:]...), "unknown format 7, this build reads 1"},
		"short":  {b[:len(b)-1], "ends inside a value"},
	} {
		if _, err := ReadSlice(e, 0.02, wire.NewReader(c.b)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := s.Advance(&panes[0]); err == nil {
		t.Error("a pane again")
	}
}

// A slice is blinder than the whole, and the more so the fewer events it has; what it says a day shows is shown in a day.
func TestSliceDetectable(t *testing.T) {
	e, s, _ := sliced(t, 3, 30, func(int) float64 { return 0 })
	least := func(list []Detectable) float64 {
		for _, d := range list {
			if d.Stream == e.spec.Streams[0].Name && d.Channel == "location" {
				return d.Effect
			}
		}
		t.Fatal("no location")
		return 0
	}
	whole, many, few := least(e.Detectable()), least(s.Detectable(1, 400)), least(s.Detectable(1, 100))
	if !(whole < many && many < few && few < 1) {
		t.Errorf("a day shows %g in the whole, %g and %g in a slice", whole, many, few)
	}
	if d := s.Detectable(48, 100); !math.IsInf(least(d), 1) {
		t.Errorf("panes of two days show %g in a day", least(d))
	}
}

// A damaged slice is refused or is one that can go on.
func FuzzReadSlice(f *testing.F) {
	e, s, panes := sliced(f, 3, 30, func(t int) float64 { return float64(t/15) * 0.8 })
	f.Add(s.AppendBinary(nil))
	for i := range panes[:24] {
		if _, err := s.Advance(&panes[i]); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(s.AppendBinary(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ReadSlice(e, 0.02, wire.NewReader(b))
		if err != nil {
			return
		}
		again := s.AppendBinary(nil)
		d, err := ReadSlice(e, 0.02, wire.NewReader(again))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(d.AppendBinary(nil), again) {
			t.Fatal("other bytes")
		}
		for i := range panes[24:] {
			if _, err := s.Advance(&panes[24+i]); err != nil {
				return
			}
		}
	})
}

// BenchmarkSlice is one pane of one slice of a model of 334 numeric columns.
func BenchmarkSlice(b *testing.B) {
	const streams = 334
	panes := hourly(rand.New(rand.NewPCG(1, 1)), streams, 300, 0, 240+24, still)
	e, err := Learn(numericSpec(streams), panes[:240])
	if err != nil {
		b.Fatal(err)
	}
	s, err := LearnSlice(e, "north", 0, panes[:240])
	if err != nil {
		b.Fatal(err)
	}
	at := int64(240)
	for b.Loop() {
		p := panes[240+at%24]
		p.Start, p.End = at*hour, (at+1)*hour
		at++
		if _, err := s.Advance(&p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(s.channels)), "channels")
	b.ReportMetric(float64(len(s.rares)), "rare-channels")
	b.ReportMetric(float64(len(s.AppendBinary(nil)))/float64(len(s.channels)+len(s.rares)), "bytes/channel")
}
