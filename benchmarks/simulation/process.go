package simulation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

const (
	// Features is how many columns a model has.
	Features = 100
	bins     = 20
	// HistoryHours are learnt from.
	HistoryHours = 28 * 24
	dayHours     = 24
	weekHours    = 168
)

// Process is how a model's columns and traffic move without drift. All columns are normal, in reference standard deviations.
type Process struct {
	Name string
	// Tau is the standard deviation of the mean's natural wander, 0.6 of it of the logarithm of the standard deviation; Rho is its
	// correlation from hour to hour. Slow and SlowRho add a second one.
	Tau, Rho      float64
	Slow, SlowRho float64
	Swing, Width  float64 // of the mean over the day, and of the standard deviation
	Traffic       float64 // swing of traffic over the day; above 0 there are weekends too
	Office        bool    // the daily swing is a step at 8 and at 18 o'clock, on working days
	Heavy         bool    // Student innovations, half of them common to all columns, and log-normal bursts of traffic
	Copies        int64   // of every event; 0 is 1
	Weekend       float64 // step of the mean on weekends
	Holiday       float64 // shift of all columns for a day, 12 days into monitoring
	Doubles       bool    // the wander's amplitude doubles 15 days into monitoring
}

// Processes are those the engine was designed on, then those it was not.
var Processes = []Process{
	{Name: "iid"},
	{Name: "ar5", Tau: 0.05, Rho: 0.5},
	{Name: "ar9", Tau: 0.05, Rho: 0.9},
	{Name: "diurnal", Tau: 0.05, Rho: 0.7, Swing: 0.3, Width: 0.1, Traffic: 0.8},
	{Name: "hostile", Tau: 0.05, Rho: 0.7, Swing: 0.3, Width: 0.1, Traffic: 0.8, Heavy: true},

	{Name: "dup5", Tau: 0.05, Rho: 0.5, Copies: 5},
	{Name: "wkstep", Tau: 0.05, Rho: 0.7, Swing: 0.3, Width: 0.1, Traffic: 0.8, Weekend: 0.15},
	{Name: "ar8b", Tau: 0.1, Rho: 0.8},
	{Name: "rw98", Tau: 0.1, Rho: 0.98},
	{Name: "holiday", Tau: 0.05, Rho: 0.7, Swing: 0.3, Width: 0.1, Traffic: 0.8, Holiday: 0.3},
	{Name: "volx2", Tau: 0.05, Rho: 0.5, Doubles: true},
	{Name: "twospeed", Tau: 0.04, Rho: 0.4, Slow: 0.03, SlowRho: 0.95},
	{Name: "office", Tau: 0.05, Rho: 0.6, Swing: 0.25, Traffic: 0.8, Office: true},
}

// FindProcess looks one up by name.
func FindProcess(name string) (*Process, error) {
	i := slices.IndexFunc(Processes, func(p Process) bool { return p.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("no process %q", name)
	}
	return &Processes[i], nil
}

// Change is a planted drift: from its hour on, per column.
type Change struct {
	From  []int // hour, counted from the start of the history; one per column
	Mean  float64
	Scale float64 // the standard deviation is multiplied by it; 0 is 1
	Over  int     // hours in which the mean gets there, evenly; 0: at once

	Share   float64 // added to a label rate
	Moved   float64 // of the events go from the first category to the second
	Missing float64 // added to the share of missing values
	// Everywhere is in all slices of a model of rates; else it is in one.
	Everywhere bool
}

// grown is which part of the change of a column's mean is there in an hour.
func (c *Change) grown(t, column int) float64 {
	switch past := t - c.From[column] + 1; {
	case past <= 0:
		return 0
	case past < c.Over:
		return float64(past) / float64(c.Over)
	}
	return 1
}

// Traffic is hourly counts: of column k in hour t, Counts[t*Features+k]; N[t] events each.
type Traffic struct {
	Hours  int
	N      []int64
	Counts [][bins]int32
}

var edges = func() (e [bins - 1]float64) {
	for b := range e {
		e[b] = stat.NormalQuantile(float64(b+1) / bins)
	}
	return e
}()

// wanderer is one autoregression per column.
type wanderer struct {
	rho   float64
	heavy bool
	u     []float64
	signs []float64
}

func newWanderer(rng *rand.Rand, rho float64, heavy bool) *wanderer {
	return newWanderers(rng, rho, heavy, Features)
}

func newWanderers(rng *rand.Rand, rho float64, heavy bool, columns int) *wanderer {
	w := &wanderer{rho: rho, heavy: heavy, u: make([]float64, columns), signs: make([]float64, columns)}
	for k := range w.u {
		w.u[k] = rng.NormFloat64()
		w.signs[k] = 1
		if rng.IntN(2) == 0 {
			w.signs[k] = -1
		}
	}
	return w
}

// step moves all columns on by an hour.
func (w *wanderer) step(rng *rand.Rand) {
	common := 0.
	if w.heavy {
		common = student(rng)
	}
	s := math.Sqrt(1 - w.rho*w.rho)
	for k := range w.u {
		if w.heavy {
			w.u[k] = w.rho*w.u[k] + s*(student(rng)+common*w.signs[k])/math.Sqrt2
			continue
		}
		w.u[k] = w.rho*w.u[k] + s*rng.NormFloat64()
	}
}

// Generate draws hours of traffic at rate events per hour. The same arguments give the same traffic.
func (p *Process) Generate(seed uint64, rate int64, hours int, change *Change) *Traffic {
	rng := rand.New(rand.NewPCG(seed, 0x9E3779B97F4A7C15))
	out := &Traffic{Hours: hours, N: make([]int64, hours), Counts: make([][bins]int32, hours*Features)}
	mean, width, slow := newWanderer(rng, p.Rho, p.Heavy), newWanderer(rng, p.Rho, p.Heavy), newWanderer(rng, p.SlowRho, false)
	sign := mean.signs
	phase, swing := p.seasons(rng, Features)
	copies := max(p.Copies, 1)
	cumulated := make([]float64, bins)
	cumulated[bins-1] = 1
	for t := range hours {
		mean.step(rng)
		width.step(rng)
		slow.step(rng)
		n := p.events(rng, rate/copies, t)
		out.N[t] = n * copies
		for k := range Features {
			mu, ls := p.at(t, k, mean.u[k], width.u[k], slow.u[k], swing[k], sign[k], &phase[k])
			if change != nil && t >= change.From[k] {
				mu += change.Mean * change.grown(t, k)
				if change.Scale > 0 {
					ls += math.Log(change.Scale)
				}
			}
			inverse := math.Exp(-ls)
			for b, e := range edges {
				cumulated[b] = stat.NormalCDF((e - mu) * inverse)
			}
			c := &out.Counts[t*Features+k]
			multinomial(rng, n, cumulated, c[:])
			for b := range c {
				c[b] *= int32(copies)
			}
		}
	}
	return out
}

// seasons draws the phases and the daily swing of so many columns.
func (p *Process) seasons(rng *rand.Rand, columns int) (phase [][4]float64, swing []float64) {
	phase, swing = make([][4]float64, columns), make([]float64, columns)
	for k := range columns {
		for i := range phase[k] {
			phase[k][i] = 2 * math.Pi * rng.Float64()
		}
		swing[k] = p.Swing * (0.3 + 0.7*rng.Float64())
	}
	return phase, swing
}

// events is the traffic of an hour, before copies.
func (p *Process) events(rng *rand.Rand, rate int64, t int) int64 {
	n := float64(rate)
	if p.Traffic > 0 {
		n *= 1 + p.Traffic*math.Sin(2*math.Pi*float64(t)/dayHours-2)
		if weekend(t) {
			n *= 0.6
		}
	}
	if p.Heavy {
		n *= math.Exp(-0.125 + 0.5*rng.NormFloat64())
	}
	return max(int64(math.Round(n)), 10)
}

func weekend(t int) bool { return t/dayHours%7 >= 5 }

// at is the mean and the logarithm of the standard deviation of a column in an hour.
func (p *Process) at(t, k int, u, v, slow, swing, sign float64, phase *[4]float64) (mu, ls float64) {
	day, week := 2*math.Pi*float64(t)/dayHours, 2*math.Pi*float64(t)/weekHours
	amplitude := p.Tau
	if p.Doubles && t >= HistoryHours+15*dayHours {
		amplitude *= 2
	}
	mu, ls = amplitude*u+p.Slow*slow, 0.6*amplitude*v
	switch {
	case p.Office:
		if h := t % dayHours; h >= 8 && h < 18 && !weekend(t) {
			mu += swing * sign
		}
	case p.Swing > 0:
		mu += swing*(math.Sin(day+phase[0])+0.3*math.Sin(2*day+phase[1])) + 0.1*math.Sin(week+phase[2])
		ls += p.Width * math.Sin(day+phase[3])
	}
	if weekend(t) {
		mu += p.Weekend * sign
	}
	if t >= HistoryHours+12*dayHours && t < HistoryHours+13*dayHours {
		mu += p.Holiday * sign
	}
	return mu, ls
}
