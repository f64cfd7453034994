package engine_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// deaf has the sequential engine of a plan learn from hours only, so that it says nothing and windows against the reference are on their own.
func deaf(t *testing.T, p *plan.Plan) {
	t.Helper()
	set := sketch.NewSet(p)
	set.Rows = 300
	for i := range set.Columns {
		c := &set.Columns[i]
		c.N = set.Rows
		for b := range c.Bins {
			c.Bins[b] = set.Rows / int64(len(c.Bins))
		}
		if len(c.Bins) > 0 {
			c.Bins[0] += set.Rows % int64(len(c.Bins))
		}
	}
	var gather sequential.Gather
	var panes []sequential.Pane
	for i := range int64(8) {
		at := plan.Micros(p.Reference.To) - (8-i)*time.Hour.Microseconds()
		pane, ok, err := gather.Add(at, at+time.Hour.Microseconds(), set.Rows, drift.Count(p, set))
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		panes = append(panes, pane)
	}
	e, err := sequential.Learn(drift.Watch(p), panes)
	if err != nil {
		t.Fatal(err)
	}
	p.Drift = e.AppendBinary(nil)
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
}

// divergence is the PSI of x, moved by d, against a column's reference.
func divergence(x []float64, c *plan.Column, d float64) (psi float64) {
	p, all := make([]float64, len(c.Layout.Edges)+1), 0.
	for _, v := range x {
		p[sort.SearchFloat64s(c.Layout.Edges, v+d)] += 1 / float64(len(x))
	}
	for _, n := range c.Reference.Bins {
		all += float64(n)
	}
	for b, n := range c.Reference.Bins {
		if q := float64(n) / all; p[b] > 0 && q > 0 {
			psi += (p[b] - q) * math.Log(p[b]/q)
		}
	}
	return psi
}

// wanders moves x by a level that changes from day to day.
func wanders(by float64) func(s *sample, rng *rand.Rand) {
	level, last := 0., -1
	return func(s *sample, rng *rand.Rand) {
		if d := int(s.at.Sub(start).Hours() / 24); d != last {
			level, last = 0.8*level+by*rng.NormFloat64(), d
		}
		s.x += level
	}
}

// What is said to be found at the end of windows of a week usually is by the first two of them, and half of it isn't; of a stream that stands still, and of one
// that wanders from day to day. A reference holds ten weeks, so what it says of their wander is a guess: four of them are tried.
func TestWideDetectableIsDetectable(t *testing.T) {
	t.Parallel()
	const plans, runs = 4, 6
	for name, by := range map[string]float64{"still": 0, "wandering": 0.25} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var x []float64
			for _, s := range generate(99, 20*quietRef, quiet, wanders(by)) {
				x = append(x, s.x)
			}
			full, half := 0, 0
			for seed := range uint64(plans) {
				w := learn(t, quietRef, generate(seed, quietRef, quiet, wanders(by)), "")
				if w.plan.Wide != 7*24*time.Hour || engine.WideRuns(w.plan) != 2 {
					t.Fatalf("%d windows of %s", engine.WideRuns(w.plan), w.plan.Wide)
				}
				said := engine.WideDetectable(w.plan)
				for i, v := range said {
					if c := &w.plan.Columns[i]; math.IsNaN(v) != c.Layout.Constant() || v <= 0 || math.IsInf(v, 1) {
						t.Errorf("%s: %g", c.Name, v)
					}
				}
				deaf(t, w.plan)
				c := &w.plan.Columns[0]
				if c.Name != "x" {
					t.Fatal(c.Name)
				}
				shift := func(psi float64) float64 {
					lo, hi := 0., 4.
					for range 40 {
						if mid := (lo + hi) / 2; divergence(x, c, mid) < psi {
							lo = mid
						} else {
							hi = mid
						}
					}
					return hi
				}
				found := func(d float64) (n int) {
					for run := range uint64(runs) {
						all := generate(100+10*seed+run, quietRef+15, quiet, wanders(by))[quietRef*quiet:] // two weeks, and a day that ends them
						for i := range all {
							all[i].x += d
						}
						after := world{tb: t, plan: w.plan, samples: all}
						if got := about(after.run(), "x", "level"); len(got) > 0 && got[0].Verdict == finding.Drift {
							n++
						}
					}
					return n
				}
				full += found(shift(said[0]))
				half += found(shift(said[0] / 2))
			}
			t.Logf("told %d of %d, half of it %d", full, plans*runs, half)
			if full < plans*runs*2/3 || half > plans*runs/3 {
				t.Errorf("what is said to be told is told %d of %d times, half of it %d times", full, plans*runs, half)
			}
		})
	}
}

// Nothing is said where windows aren't held against the reference, and nothing is found where they hold too few events.
func TestWideDetectableOfNothing(t *testing.T) {
	t.Parallel()
	w := learn(t, quietRef, generate(1, quietRef, quiet, nil), "")
	p := *w.plan
	p.Columns = slices.Clone(p.Columns)
	few := &p.Columns[0].Reference
	few.Bins = make([]int64, len(few.Bins))
	few.Bins[0], few.Bins[1] = 100, 100 // twenty a week
	if got := engine.WideDetectable(&p); !math.IsInf(got[0], 1) {
		t.Errorf("twenty events a week show a PSI of %g", got[0])
	}
	p.Wide = 0
	for i, v := range engine.WideDetectable(&p) {
		if !math.IsNaN(v) {
			t.Errorf("%s: %g without windows", p.Columns[i].Name, v)
		}
	}
}
