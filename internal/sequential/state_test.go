package sequential

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

var update = flag.Bool("update", false, "write golden files anew")

// start is an engine at the end of a golden stream's history, and what comes then.
func start(tb testing.TB, name string) (*Engine, []Pane) {
	tb.Helper()
	g := readGolden(tb, name)
	history, monitored := g.panes(tb)
	e, err := Learn(goldenSpec(), history)
	if err != nil {
		tb.Fatal(err)
	}
	return e, monitored
}

func advance(tb testing.TB, e *Engine, panes []Pane) (out []Step) {
	tb.Helper()
	for i := range panes {
		s, err := e.Advance(&panes[i])
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

func restart(tb rapid.TB, e *Engine, spec Spec) *Engine {
	b := e.AppendBinary(nil)
	r := wire.NewReader(b)
	d, err := Read(spec, r)
	if err != nil {
		tb.Fatal(err)
	}
	if err := r.Close(); err != nil {
		tb.Fatal(err)
	}
	if !bytes.Equal(d.AppendBinary(nil), b) {
		tb.Fatal("other bytes")
	}
	return d
}

// An engine that stops and goes on from its bytes, anywhere, decides what one that runs on decides, to the last bit.
func TestRestartsDoNotShow(t *testing.T) {
	for _, name := range []string{"hostile", "quiet", "low"} {
		first, panes := start(t, name)
		b := first.AppendBinary(nil)
		want := advance(t, first, panes)
		end := first.AppendBinary(nil)
		rapid.Check(t, func(t *rapid.T) {
			cuts := rapid.SliceOfNDistinct(rapid.IntRange(0, len(panes)-1), 1, 5, rapid.ID).Draw(t, "restarts")
			stop := map[int]bool{}
			for _, c := range cuts {
				stop[c] = true
			}
			e, err := Read(goldenSpec(), wire.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			for i := range panes {
				if stop[i] {
					e = restart(t, e, goldenSpec())
				}
				got, err := e.Advance(&panes[i])
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, want[i]) {
					t.Fatalf("pane %d: %+v, want %+v", i, got, want[i])
				}
			}
			if !bytes.Equal(e.AppendBinary(nil), end) {
				t.Fatal("another end")
			}
		})
	}
}

// Formats stay readable: the bytes of an engine in the midst of an alarm, as this build and those before wrote them.
func TestReadsGoldenState(t *testing.T) {
	e, panes := start(t, "low")
	advance(t, e, panes[:16])
	if s := e.streams[0]; !s.open {
		t.Fatal("no stream is open: the state holds too little")
	}
	newest := filepath.Join("testdata", fmt.Sprint("v", stateFormat), "engine.bin")
	if *update {
		if err := os.WriteFile(newest, e.AppendBinary(nil), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := advance(t, e, panes[16:])
	for _, path := range []string{filepath.Join("testdata", "v1", "engine.bin"), filepath.Join("testdata", "v2", "engine.bin"), newest} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(goldenSpec(), wire.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if path == newest && !bytes.Equal(got.AppendBinary(nil), b) {
			t.Error("other bytes than were read")
		}
		// Another processor may round differently on the way to the state, so only what was decided is compared, not the last digits.
		for i, a := range advance(t, got, panes[16:]) {
			if len(a.Alarms) != len(want[i].Alarms) || !reflect.DeepEqual(a.Recovered, want[i].Recovered) {
				t.Errorf("%s, pane %d: decides %+v, want %+v", path, i, a, want[i])
			}
		}
	}
}

func TestReadRefuses(t *testing.T) {
	e, _ := start(t, "low")
	good := e.AppendBinary(nil)
	other := goldenSpec()
	other.Streams[0].Kind = Categorical
	fewer := goldenSpec()
	fewer.Streams = fewer.Streams[:3]
	dear := goldenSpec()
	dear.Streams[0].Weight = 0.9
	for name, c := range map[string]struct {
		spec Spec
		b    []byte
		want string
	}{
		"empty":    {goldenSpec(), nil, "ends inside a value"},
		"format":   {goldenSpec(), append([]byte{9}, good[1:]...), "unknown format 9, this build reads 1"},
		"short":    {goldenSpec(), good[:len(good)-1], "ends inside a value"},
		"kind":     {other, good, "stream x is of kind 0, want 1"},
		"streams":  {fewer, good, "4 streams with 1 seasonal terms, want 3"},
		"weights":  {dear, good, "weights of 4 streams sum to 1.5, want at most 1"},
		"infinity": {goldenSpec(), append(wire.Float([]byte{1}, 0), good[9:]...), "a number no engine holds"},
	} {
		if _, err := Read(c.spec, wire.NewReader(c.b)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// A damaged state is refused or is one that can go on; nothing grows beyond the input.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"low", "quiet"} {
		e, panes := start(f, name)
		f.Add(e.AppendBinary(nil))
		advance(f, e, panes[:20])
		f.Add(e.AppendBinary(nil))
	}
	_, panes := start(f, "low")
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Read(goldenSpec(), wire.NewReader(b))
		if err != nil {
			return
		}
		if len(e.channels) > len(b) {
			t.Fatalf("%d channels of %d bytes", len(e.channels), len(b))
		}
		again := e.AppendBinary(nil)
		d, err := Read(goldenSpec(), wire.NewReader(again))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(d.AppendBinary(nil), again) {
			t.Fatal("other bytes")
		}
		for i := range panes[:3] {
			if _, err := e.Advance(&panes[i]); err != nil {
				return
			}
		}
	})
}

// A damaged pane that was being gathered is refused, or goes on like any other.
func FuzzReadGather(f *testing.F) {
	_, panes := start(f, "low")
	var g Gather
	f.Add(g.AppendBinary(nil), uint8(0))
	for i := range panes[:2] {
		p := &panes[i]
		if _, _, err := g.Add(p.Start, p.Start+hour, 20, p.Counts); err != nil {
			f.Fatal(err)
		}
		f.Add(g.AppendBinary(nil), uint8(20))
		g.Skip(p.End)
		f.Add(g.AppendBinary(nil), uint8(0))
	}
	first := panes[0].Counts[0].Bins[0]
	f.Fuzz(func(t *testing.T, b []byte, n uint8) {
		counts := panes[0].Counts
		if n == 0 {
			counts = nil
		}
		g, err := ReadGather(wire.NewReader(b), int64(n), counts)
		if err != nil {
			return
		}
		again := g.AppendBinary(nil)
		h, err := ReadGather(wire.NewReader(again), int64(n), counts)
		if err != nil || !bytes.Equal(h.AppendBinary(nil), again) {
			t.Fatalf("other bytes (%v)", err)
		}
		if _, _, err := g.Add(math.MaxInt64-hour, math.MaxInt64, 1, panes[0].Counts); err != nil {
			return
		}
		if p, ok := g.Cut(); ok && (p.End <= p.Start || math.IsNaN(p.Season[0])) {
			t.Fatalf("%+v", p)
		}
		if panes[0].Counts[0].Bins[0] != first {
			t.Fatal("the counts that were read are counted on in place")
		}
	})
}
