package simulation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/sequential"
)

// Shuffle is a model that scores a table's rows in random order: nothing drifts but what is planted.
type Shuffle struct {
	Table  string
	PerDay int
	Days   int // of history
	Burst  int // every row comes so many times at once; 0 is 1
}

// Shuffles are those the engine is measured on.
var Shuffles = []Shuffle{
	{"census", 2000, 28, 1},
	{"covtype", 2000, 28, 1},
	{"census", 2000, 14, 1},
	{"covtype", 2000, 14, 1},
	{"census", 400, 28, 1},
	{"covtype", 400, 28, 1},
	{"census", 50, 28, 1},
	{"covtype", 50, 28, 1},
	{"census", 2000, 28, 5},
	{"covtype", 2000, 28, 5},
}

// Name is the row's process.
func (s *Shuffle) Name() string {
	name := fmt.Sprintf("%s %d/day, %d d", s.Table, s.PerDay, s.Days)
	if s.Burst > 1 {
		name += fmt.Sprintf(", bursts of %d", s.Burst)
	}
	return name
}

// Plants are the changes planted in one column of real rows.
var Plants = []string{
	"mean .1 sd", "mean .25 sd", "mean .5 sd", "x100", "missing 5 %", "missing 30 %", "stuck", "swapped", "new category 2 %", "5 pp between categories",
}

const (
	watchDays   = 30
	findDays    = 14
	findLowDays = 40 // at 50 events a day
)

// rows are a stretch of events by column, in order of time.
type rows struct {
	hours   []int // of each event
	columns []Column
}

// draw makes the stream of a job.
func (s *Shuffle) draw(rng *rand.Rand, t *Table, days int) rows {
	var out rows
	hours := days * dayHours
	for h := range hours {
		rate := float64(s.PerDay) / dayHours * (1 + 0.8*math.Sin(2*math.Pi*float64(h-8)/dayHours))
		for range poisson(rng, rate/float64(max(s.Burst, 1))) * max(s.Burst, 1) {
			out.hours = append(out.hours, h)
		}
	}
	n := len(out.hours)
	order := rng.Perm(t.Rows)
	index := make([]int, n)
	for i := range index {
		switch {
		case s.Burst > 1 && i%s.Burst > 0:
			index[i] = index[i-1]
		case n <= t.Rows:
			index[i] = order[i]
		default:
			index[i] = rng.IntN(t.Rows)
		}
	}
	for _, c := range t.Columns {
		d := Column{Name: c.Name, values: c.values}
		if c.Numbers != nil {
			d.Numbers = pick(c.Numbers, index)
		} else {
			d.Codes = pick(c.Codes, index)
		}
		out.columns = append(out.columns, d)
	}
	return out
}

func pick[T any](from []T, index []int) []T {
	out := make([]T, len(index))
	for i, at := range index {
		out[i] = from[at]
	}
	return out
}

// poisson draws by counting exponential gaps; the rates here are small.
func poisson(rng *rand.Rand, rate float64) (n int) {
	for left := rate - rng.ExpFloat64(); left > 0; left -= rng.ExpFloat64() {
		n++
	}
	return n
}

// spreadOut is a numeric column with a distribution to shift: 20 different values at least, none with a quarter of the rows.
func spreadOut(c *Column) bool {
	if c.Numbers == nil {
		return false
	}
	count := map[float64]int{}
	for _, v := range c.Numbers[:min(len(c.Numbers), 5000)] {
		count[v]++
	}
	most := 0
	for _, n := range count {
		most = max(most, n)
	}
	return len(count) >= 20 && 4*most < 5000
}

// plant changes a random fitting column from event at on, and returns it.
func plant(rng *rand.Rand, kind string, r *rows, at int) (column int, err error) {
	fits := func(c *Column) bool { return spreadOut(c) && c.Name != "score" }
	switch kind {
	case "missing 5 %", "missing 30 %":
		fits = func(c *Column) bool { return c.Name != "score" && c.Name != "decision" }
	case "new category 2 %", "5 pp between categories":
		fits = func(c *Column) bool { return c.Codes != nil }
	}
	var fitting []int
	for i := range r.columns {
		if fits(&r.columns[i]) {
			fitting = append(fitting, i)
		}
	}
	column = fitting[rng.IntN(len(fitting))]
	c := &r.columns[column]
	switch kind {
	case "mean .1 sd", "mean .25 sd", "mean .5 sd":
		shift := map[string]float64{"mean .1 sd": 0.1, "mean .25 sd": 0.25, "mean .5 sd": 0.5}[kind]
		index := tilt(rng, c.Numbers[:at], shift, len(c.Numbers)-at)
		for i := range r.columns { // whole rows, so that what goes with the column goes with it
			d := &r.columns[i]
			if d.Numbers != nil {
				copy(d.Numbers[at:], pick(slices.Clone(d.Numbers[:at]), index))
			} else {
				copy(d.Codes[at:], pick(slices.Clone(d.Codes[:at]), index))
			}
		}
	case "x100":
		for i := at; i < len(c.Numbers); i++ {
			c.Numbers[i] *= 100
		}
	case "missing 5 %", "missing 30 %":
		p := map[string]float64{"missing 5 %": 0.05, "missing 30 %": 0.3}[kind]
		for i := at; i < len(r.hours); i++ {
			switch {
			case rng.Float64() >= p:
			case c.Numbers != nil:
				c.Numbers[i] = math.NaN()
			default:
				c.Codes[i] = -1
			}
		}
	case "stuck":
		sorted := slices.Sorted(slices.Values(c.Numbers))
		for i := at; i < len(c.Numbers); i++ {
			c.Numbers[i] = sorted[len(sorted)/2]
		}
	case "swapped":
		var others []int
		for i := range r.columns {
			if d := &r.columns[i]; i != column && d.Numbers != nil && d.Name != "score" && d.Name != "decision" {
				others = append(others, i)
			}
		}
		other := others[rng.IntN(len(others))]
		for i := at; i < len(r.hours); i++ {
			c.Numbers[i], r.columns[other].Numbers[i] = r.columns[other].Numbers[i], c.Numbers[i]
		}
	case "new category 2 %":
		for i := at; i < len(c.Codes); i++ {
			if rng.Float64() < 0.02 {
				c.Codes[i] = int32(c.values)
			}
		}
		c.values++
	case "5 pp between categories":
		count := make([]int, c.values)
		for _, v := range c.Codes[:at] {
			if v >= 0 {
				count[v]++
			}
		}
		first, second := 0, -1
		for v, n := range count {
			switch {
			case n > count[first]:
				first, second = v, first
			case v != first && (second < 0 || n > count[second]):
				second = v
			}
		}
		move := 0.05 * float64(at) / float64(count[first])
		for i := at; i < len(c.Codes); i++ {
			if c.Codes[i] == int32(first) && rng.Float64() < move {
				c.Codes[i] = int32(second)
			}
		}
	default:
		return 0, fmt.Errorf("no change %q", kind)
	}
	return column, nil
}

// tilt draws n indices of x with exponential weights that move the mean by d standard deviations.
func tilt(rng *rand.Rand, x []float64, d float64, n int) []int {
	s := make([]float64, len(x))
	var m, ss, k float64
	for _, v := range x {
		if !math.IsNaN(v) {
			m, ss, k = m+v, ss+v*v, k+1
		}
	}
	m /= k
	sd := math.Sqrt(ss/k - m*m)
	most := 0.
	for i, v := range x {
		if !math.IsNaN(v) {
			s[i] = (v - m) / sd
		}
		most = max(most, s[i])
	}
	moved := func(theta float64) (mean float64) {
		var w, sum float64
		for _, v := range s {
			e := math.Exp(theta * (v - most))
			w += e
			sum += e * v
		}
		return sum / w
	}
	lo, hi := 0., 20.
	for range 60 {
		if mid := (lo + hi) / 2; moved(mid) < d {
			lo = mid
		} else {
			hi = mid
		}
	}
	cumulated := make([]float64, len(s))
	sum := 0.
	for i, v := range s {
		sum += math.Exp(lo * (v - most))
		cumulated[i] = sum
	}
	out := make([]int, n)
	for i := range out {
		out[i], _ = slices.BinarySearch(cumulated, rng.Float64()*sum)
	}
	return out
}

// watchRows lets the engine learn from the first days and judge the rest; alarms are in hours since then.
func (s *Shuffle) watchRows(r *rows) ([]alarm, error) {
	history := s.Days * dayHours
	at, _ := slices.BinarySearch(r.hours, history)
	layouts := make([]binning, len(r.columns))
	spec := sequential.Spec{Budget: 1}
	for i := range r.columns {
		c := &r.columns[i]
		stream := sequential.Stream{Name: fmt.Sprint(i), Floors: sequential.DefaultFloors(), Weight: 0.45 / float64(len(r.columns)-2)}
		if c.Name == "score" || c.Name == "decision" {
			stream.Weight = 0.1
		}
		if c.Numbers != nil {
			layouts[i] = learnNumbers(c.Numbers[:at])
		} else {
			layouts[i] = learnCodes(c.Codes[:at], c.values)
			stream.Kind, stream.Singles = sequential.Categorical, layouts[i].singles
		}
		spec.Streams = append(spec.Streams, stream)
	}
	return judgeHourly(spec, history, r.hours[len(r.hours)-1]+1, false, func(hour int) (int64, []sequential.Counts) {
		from, _ := slices.BinarySearch(r.hours, hour)
		to, _ := slices.BinarySearch(r.hours, hour+1)
		counts := make([]sequential.Counts, len(r.columns))
		for i := range counts {
			counts[i] = layouts[i].count(&r.columns[i], from, to)
		}
		return int64(to - from), counts
	})
}

// count counts events from one to another of a column.
func (b *binning) count(c *Column, from, to int) sequential.Counts {
	n := sequential.Counts{N: int64(to - from), Bins: make([]int64, b.bins)}
	for i := from; i < to; i++ {
		if c.Numbers == nil {
			switch code := c.Codes[i]; {
			case code < 0:
				n.Missing++
			case b.bin[code] < 0:
				n.New++
				n.Bins[b.bins-1]++
			default:
				n.Bins[b.bin[code]]++
			}
			continue
		}
		v := c.Numbers[i]
		if math.IsNaN(v) || b.bins == 0 {
			n.Missing++
			continue
		}
		at, _ := slices.BinarySearch(b.edges, v)
		n.Bins[at]++
		if v < b.lo {
			n.Below++
		}
		if v > b.hi {
			n.Above++
		}
	}
	return n
}
