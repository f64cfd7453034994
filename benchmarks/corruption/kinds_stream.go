package corruption

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (w *world) shift(d time.Duration) {
	at := w.at("ts")
	for _, row := range w.rows {
		t, err := time.Parse(stamp, row[at])
		if err == nil {
			row[at] = t.Add(d).Format(stamp)
		}
	}
}

func clock(name string, hours int) kind {
	return kind{name: name, broken: func(w *world) ([][]string, want) {
		w.shift(time.Duration(hours) * time.Hour)
		return w.rows, want{kinds: []string{"clock_shift"}, columns: []string{"ts"}, numbers: map[string]float64{"hours": float64(hours)}}
	}}
}

// keep keeps rows.
func (w *world) keep(which func(row []string) bool) [][]string {
	return slices.DeleteFunc(w.rows, func(row []string) bool { return !which(row) })
}

func streamKinds() []kind {
	return []kind{
		clock("clock 3 hours fast", 3),
		clock("clock 5 hours slow", -5),
		{name: "every event twice", broken: func(w *world) ([][]string, want) {
			var out [][]string
			for _, row := range w.rows {
				out = append(out, row, row)
			}
			return out, want{kinds: []string{"duplicates"}, numbers: map[string]float64{"factor": 2}}
		}},
		{name: "one producer of five silent", broken: func(w *world) ([][]string, want) {
			at := w.at("producer")
			return w.keep(func(row []string) bool { return row[at] != "p3" }), want{kinds: []string{"volume"}, slice: map[string]string{"producer": "p3"}}
		}},
		{name: "half of the events gone", broken: func(w *world) ([][]string, want) {
			return w.keep(func([]string) bool { return w.r.Float64() < 0.5 }), want{kinds: []string{"volume"}}
		}},
		{name: "a slice three times as large", broken: func(w *world) ([][]string, want) {
			at := w.at(w.roles.slice)
			var out [][]string
			for _, row := range w.rows {
				out = append(out, row)
				if row[at] == w.roles.value {
					for range 2 {
						again := slices.Clone(row)
						again[w.at("event_id")] += "x" + strconv.Itoa(len(out))
						out = append(out, again)
					}
				}
			}
			return out, want{kinds: []string{"mix_shift"}, slice: map[string]string{w.roles.slice: w.roles.value}}
		}},
	}
}

// third is three rows of ten, at random.
func (w *world) third() func([]string) bool {
	return func([]string) bool { return w.r.Float64() < 0.3 }
}

func (w *world) in(column, value string) func([]string) bool {
	at := w.at(column)
	return func(row []string) bool { return row[at] == value }
}

func partialKinds() []kind {
	type where struct {
		name  string
		which func(w *world) func([]string) bool
		slice func(w *world) map[string]string
	}
	places := []where{
		{"30 % of rows", (*world).third, func(*world) map[string]string { return nil }},
		{"one producer of five", func(w *world) func([]string) bool { return w.in("producer", "p2") }, func(*world) map[string]string { return map[string]string{"producer": "p2"} }},
		{"one slice", func(w *world) func([]string) bool { return w.in(w.roles.slice, w.roles.value) }, func(w *world) map[string]string { return map[string]string{w.roles.slice: w.roles.value} }},
	}
	type how struct {
		name  string
		kinds []string
		role  func(*roles) string
		of    func(w *world) func(string) string
		exact map[string]float64
	}
	hows := []how{
		{"x 100", []string{"unit_change"}, amount, func(*world) func(string) string { return affine(100, 0) }, map[string]float64{"factor": 100}},
		{"sign flipped", []string{"sign_flip"}, amount, func(*world) func(string) string { return affine(-1, 0) }, map[string]float64{"factor": -1}},
		{"missing", []string{"missing"}, amount, func(*world) func(string) string { return func(string) string { return "" } }, nil},
		{"upper case", []string{"recoded"}, words, func(*world) func(string) string { return strings.ToUpper }, nil},
		{"Celsius to Fahrenheit", []string{"unit_change"}, reading, func(*world) func(string) string { return affine(1.8, 32) }, map[string]float64{"factor": 1.8, "offset": 32}},
	}
	var out []kind
	for _, p := range places {
		for _, h := range hows {
			out = append(out, kind{name: h.name + ", " + p.name, partial: true, broken: func(w *world) ([][]string, want) {
				column := h.role(&w.roles)
				w.some(column, p.which(w), h.of(w))
				return w.rows, want{kinds: h.kinds, columns: []string{column}, slice: p.slice(w), numbers: h.exact}
			}})
		}
	}
	return out
}

func driftKinds() []kind {
	moved := func(name string, of func(w *world) [][]string) kind {
		return kind{name: name, drift: true, broken: func(w *world) ([][]string, want) { return of(w), want{} }}
	}
	return []kind{
		moved("nothing", func(w *world) [][]string { return w.rows }),
		moved("tilted by half a standard deviation", func(w *world) [][]string {
			v := w.values(w.roles.reading)
			mean, sd := moments(v)
			at := w.at(w.roles.reading)
			return w.resampled(func(row []string) float64 {
				x, err := strconv.ParseFloat(row[at], 64)
				if err != nil {
					return 1
				}
				return math.Exp(0.5 * min(3, max(-3, (x-mean)/sd)))
			})
		}),
		moved("inflation by 10 %", func(w *world) [][]string { w.each(w.roles.amount, affine(1.1, 0)); return w.rows }),
		moved("30 % are 1.8 times larger", func(w *world) [][]string {
			w.some(w.roles.amount, w.third(), affine(1.8, 0))
			return w.rows
		}),
		moved("a category is twice as frequent", func(w *world) [][]string {
			at, v := w.at(w.roles.text), w.mode(w.roles.text, 1)
			return w.resampled(func(row []string) float64 {
				if row[at] == v {
					return 2
				}
				return 1
			})
		}),
		moved("spread by a third", func(w *world) [][]string {
			mean, _ := moments(w.values(w.roles.reading))
			w.each(w.roles.reading, affine(1.3, -0.3*mean))
			return w.rows
		}),
	}
}

func moments(v []float64) (mean, sd float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		sd += (x - mean) * (x - mean) / float64(len(v))
	}
	return mean, math.Sqrt(sd)
}

// resampled draws as many rows as there are, by weight, in the places of those that are there: times and ids stay.
func (w *world) resampled(weight func([]string) float64) [][]string {
	sums := make([]float64, len(w.rows))
	sum := 0.
	for i, row := range w.rows {
		sum += weight(row)
		sums[i] = sum
	}
	ts, id := w.at("ts"), w.at("event_id")
	out := make([][]string, len(w.rows))
	for i, row := range w.rows {
		at, _ := slices.BinarySearch(sums, w.r.Float64()*sum)
		out[i] = slices.Clone(w.rows[min(at, len(w.rows)-1)])
		out[i][ts], out[i][id] = row[ts], row[id]
	}
	return out
}
