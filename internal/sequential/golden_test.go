package sequential

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goldenStream is what testdata/golden.py wrote: see there.
type goldenStream struct {
	Start     int64
	History   int
	Hours     [][]float64
	Channels  []string
	Z, M      [][]float64
	Alarms    [][]any
	Recovered [][]any
}

// goldenSpec is what is watched of the golden streams.
func goldenSpec() Spec {
	f := DefaultFloors()
	return Spec{Budget: 1, Streams: []Stream{
		{Name: "x", Kind: Numeric, Weight: 0.4, Floors: f},
		{Name: "k", Kind: Categorical, Weight: 0.3, Floors: f},
		{Name: "label", Kind: Share, Weight: 0.2, Floors: f},
		{Name: "volume", Kind: Volume, Weight: 0.1, Floors: f},
	}}
}

func readGolden(tb testing.TB, name string) goldenStream {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json.gz"))
	if err != nil {
		tb.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		tb.Fatal(err)
	}
	var g goldenStream
	if err := json.NewDecoder(z).Decode(&g); err != nil {
		tb.Fatal(err)
	}
	return g
}

// panes are the history's and the monitored ones.
func (g *goldenStream) panes(tb testing.TB) (history, monitored []Pane) {
	tb.Helper()
	const historyHours = 28 * 24
	var gather Gather
	for i, r := range g.Hours {
		n := func(from, to int) (out []int64) {
			for _, v := range r[from:to] {
				out = append(out, int64(v))
			}
			return out
		}
		all, start := int64(r[0]), (g.Start+int64(i))*hour
		p, done, err := gather.Add(start, start+hour, all, []Counts{
			{N: all, Missing: int64(r[1]), Below: int64(r[2]), Above: int64(r[3]), Bins: n(6, 26)},
			{N: all, New: int64(r[4]), Bins: n(26, len(r))},
			{N: all, Hits: r[5]},
			{N: all},
		})
		if err != nil {
			tb.Fatal(err)
		}
		if !done && i == historyHours-1 {
			p, done = gather.Cut()
		}
		switch {
		case !done:
		case i < historyHours:
			history = append(history, p)
		default:
			monitored = append(monitored, p)
		}
	}
	if len(history) != g.History || len(monitored) != len(g.Z) {
		tb.Fatalf("%d and %d panes, want %d and %d", len(history), len(monitored), g.History, len(g.Z))
	}
	return history, monitored
}

// off is the error of got relative to the larger of want and floor.
func off(got, want, floor float64) float64 {
	e := math.Abs(got-want) / max(math.Abs(want), floor)
	if math.IsNaN(e) {
		return math.Inf(1)
	}
	return e
}

// Go and Python, written apart, agree on every prediction error, all evidence, and when which stream alarmed and came to rest.
func TestAgreesWithPython(t *testing.T) {
	const tolerance = 1e-9
	for _, name := range []string{"iid", "ar5", "ar9", "diurnal", "hostile", "quiet", "low"} {
		t.Run(name, func(t *testing.T) {
			g := readGolden(t, name)
			history, monitored := g.panes(t)
			e, err := Learn(goldenSpec(), history)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for i := range e.channels {
				names = append(names, e.channels[i].measure.String())
			}
			if got, want := strings.Join(names, " "), strings.Join(g.Channels, " "); got != want {
				t.Fatalf("channels %s, want %s", got, want)
			}
			worstZ, worstM, alarms, recovered := 0., 0., 0, 0
			for at := range monitored {
				p := &monitored[at]
				e.observe(p)
				for i := range e.channels {
					var m float64
					for _, v := range e.channels[i].evidence.m {
						m += v
					}
					ez, em := off(e.errors[i], g.Z[at][i], 1), off(m, g.M[at][i], 1e-12)
					worstZ, worstM = max(worstZ, ez), max(worstM, em)
					if ez > tolerance || em > tolerance {
						t.Fatalf("pane %d, %s: z %.17g, want %.17g; M %.17g, want %.17g", at, names[i], e.errors[i], g.Z[at][i], m, g.M[at][i])
					}
				}
				step := e.decide(p) // after it the evidence of an alarm is spent
				for _, a := range step.Alarms {
					if alarms == len(g.Alarms) {
						t.Fatalf("alarm too many: %+v", a)
					}
					w := g.Alarms[alarms]
					since := func(us int64) float64 { return float64(us/hour - g.Start) }
					if a.Stream != w[0] || a.Channel != w[1] || float64(a.Bin) != w[2] || since(a.At) != w[3] || since(a.Onset) != w[4] || a.Joint != w[5] {
						t.Errorf("alarm %+v at %g since %g, want %v", a, since(a.At), since(a.Onset), w)
					}
					alarms++
				}
				for _, r := range step.Recovered {
					if recovered == len(g.Recovered) {
						t.Fatalf("recovery too many: %+v", r)
					}
					if w := g.Recovered[recovered]; r.Stream != w[0] || float64(r.At/hour-g.Start) != w[1] {
						t.Errorf("recovery %+v, want %v", r, w)
					}
					recovered++
				}
			}
			if alarms != len(g.Alarms) || recovered != len(g.Recovered) {
				t.Errorf("%d alarms and %d recoveries, want %d and %d", alarms, recovered, len(g.Alarms), len(g.Recovered))
			}
			t.Logf("%d panes, %d channels, %d alarms: worst error of z %.1g, of M %.1g", len(monitored), len(names), alarms, worstZ, worstM)
		})
	}
}
