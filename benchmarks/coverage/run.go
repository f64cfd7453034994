package coverage

import (
	"context"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// Row is how often the interval of one metric held the truth.
type Row struct {
	Task     string  `json:"task"`
	Scenario string  `json:"scenario"`
	Metric   string  `json:"metric"`
	N        int     `json:"n"`
	Windows  int     `json:"windows"`
	Said     int     `json:"said"` // windows with an interval that isn't marked as too few
	Held     int     `json:"held"` // of them, those whose interval holds the truth
	Above    int     `json:"above"`
	Below    int     `json:"below"` // of them, those whose interval lies below it
	Truth    float64 `json:"truth"`
	Width    float64 `json:"width"` // mean width of what was said; 0 where one end is open
}

// Share is Held of Said, NaN if nothing was said.
func (r Row) Share() float64 { return float64(r.Held) / float64(r.Said) }

// Options say what is measured.
type Options struct {
	Windows int
	Sizes   []int
	Seed    uint64
	Workers int
	Alpha   float64
	Only    string // one task; empty: all
}

// Run draws the windows. progress is told how many of how many are done.
func Run(ctx context.Context, o Options, progress func(done, of int64)) ([]Row, error) {
	var asked []world
	for _, w := range worlds(o.Alpha) {
		if o.Only == "" || w.task == o.Only {
			asked = append(asked, w)
		}
	}
	total := int64(len(asked) * len(o.Sizes) * o.Windows)
	var done atomic.Int64
	var rows []Row
	for _, w := range asked {
		for _, n := range o.Sizes {
			if err := ctx.Err(); err != nil {
				return rows, err
			}
			rows = append(rows, measure(ctx, w, n, o, func() { progress(done.Add(1), total) })...)
		}
	}
	return rows, ctx.Err()
}

func measure(ctx context.Context, w world, n int, o Options, tell func()) []Row {
	rows := make([]Row, len(w.truths))
	for i, t := range w.truths {
		rows[i] = Row{Task: w.task, Scenario: w.scenario, Metric: t.name, N: n, Windows: o.Windows, Truth: t.value}
	}
	// Every window has a seed of its own and adds whole numbers in its worker; widths are added in order, so that the same seed gives the
	// same bits with any number of workers.
	widths := make([][]float64, o.Windows)
	var lock sync.Mutex
	var group sync.WaitGroup
	var next atomic.Int64
	for range o.Workers {
		group.Go(func() {
			for {
				at := int(next.Add(1)) - 1
				if at >= o.Windows || ctx.Err() != nil {
					return
				}
				rng := rand.New(rand.NewPCG(o.Seed^nameHash(w.task+"/"+w.scenario), uint64(n)<<32|uint64(at)))
				out := w.window(rng, n)
				width := make([]float64, len(rows))
				lock.Lock()
				for i, s := range out {
					if s.name != rows[i].Metric {
						panic("coverage: " + w.task + " says " + s.name + " where " + rows[i].Metric + " is due")
					}
					if !s.ok || s.few {
						continue
					}
					rows[i].Said++
					if w := s.high - s.low; !math.IsInf(w, 0) {
						width[i] = w
					}
					switch {
					case rows[i].Truth < s.low:
						rows[i].Above++
					case rows[i].Truth > s.high:
						rows[i].Below++
					default:
						rows[i].Held++
					}
				}
				lock.Unlock()
				widths[at] = width
				tell()
			}
		})
	}
	group.Wait()
	for _, width := range widths {
		for i, v := range width {
			rows[i].Width += v
		}
	}
	for i := range rows {
		rows[i].Width /= float64(max(1, rows[i].Said))
	}
	return rows
}

func nameHash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}
