package corruption

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// otherKinds are ways that were written after the rules, to see what the rules make of ways that they were not made with.
func otherKinds() []kind {
	return slices.Concat(otherNumbers(), otherTexts(), otherStreams(), otherParts(), otherWorlds())
}

// number is a kind that changes the numbers of a column one by one; those that aren't numbers stay.
func number(name string, what string, role func(*roles) string, of func(w *world, x float64) float64) kind {
	return kind{name: name, heldOut: true, broken: func(w *world) ([][]string, want) {
		column := role(&w.roles)
		w.each(column, func(s string) string {
			x, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return s
			}
			return strconv.FormatFloat(of(w, x), 'g', 15, 64)
		})
		return w.rows, want{kinds: strings.Fields(what), columns: []string{column}}
	}}
}

func spread(r *roles) string { return r.spread }

func otherNumbers() []kind {
	return []kind{
		withHeldOut(unit("Fahrenheit to Celsius", reading, 1/1.8, -32/1.8)),
		withHeldOut(unit("percent as fractions", amount, 0.01, 0)),
		withHeldOut(unit("fractions as percent", fine, 100, 0)),
		withHeldOut(unit("seconds as milliseconds", reading, 1000, 0)),
		withHeldOut(unit("kilograms to pounds", reading, 2.2046226, 0)),
		withHeldOut(unit("miles to kilometres", amount, 1.609344, 0)),
		withHeldOut(unit("metres to feet", fine, 3.2808399, 0)),
		withHeldOut(unit("days as hours", amount, 24, 0)),
		withHeldOut(unit("/ 1024", reading, 1./1024, 0)),
		withHeldOut(unit("/ 10", spread, 0.1, 0)),
		number("rounded to tens", "precision_loss", amount, func(_ *world, x float64) float64 { return 10 * math.Round(x/10) }),
		number("decimals cut off", "precision_loss", fine, func(w *world, x float64) float64 { return w.roles.step * math.Floor(x/w.roles.step) }),
		{name: "clipped at the 5th and the 95th percentile", heldOut: true, broken: func(w *world) ([][]string, want) {
			v := w.values(w.roles.spread)
			low, high := v[len(v)/20], v[len(v)*19/20]
			w.each(w.roles.spread, func(s string) string {
				x, err := strconv.ParseFloat(s, 64)
				if err != nil {
					return s
				}
				return strconv.FormatFloat(min(max(x, low), high), 'g', -1, 64)
			})
			return w.rows, want{kinds: []string{"clipped"}, columns: []string{w.roles.spread}}
		}},
		{name: "stuck for two days", heldOut: true, broken: func(w *world) ([][]string, want) {
			last := ""
			for i := len(w.table.rows) - len(w.rows) - 1; last == ""; i-- {
				last = w.table.rows[i][w.at(w.roles.reading)]
			}
			until, ts := w.onset.Add(48*time.Hour).Format(stamp), w.at("ts")
			w.some(w.roles.reading, func(row []string) bool { return row[ts] < until }, func(string) string { return last })
			return w.rows, want{kinds: []string{"stuck"}, columns: []string{w.roles.reading}}
		}},
		{name: "flag the other way round", heldOut: true, broken: func(w *world) ([][]string, want) {
			w.each(w.roles.flags[0], affine(-1, 1))
			return w.rows, want{kinds: []string{"recoded", "sign_flip"}, columns: w.roles.flags[:1]}
		}},
		withHeldOut(fill("missing written as 999999", []string{"sentinel"}, sparse, func(*world) string { return "999999" })),
		withHeldOut(fill("missing written as -99", []string{"sentinel"}, sparse, func(*world) string { return "-99" })),
	}
}

func otherTexts() []kind {
	return []kind{
		withHeldOut(text("capitals in front", words, capital)),
		withHeldOut(text("in quotes", words, strconv.Quote)),
		withHeldOut(text("cut after 3 characters", words, func(s string) string { return s[:min(3, len(s))] })),
		withHeldOut(text("a blank in front", code, func(s string) string { return " " + s })),
		withHeldOut(text(".0 behind", code, func(s string) string { return s + ".0" })),
		withHeldOut(text("a byte order mark in front", words, func(s string) string { return "\ufeff" + s })),
		withHeldOut(text("blanks written as %20", words, func(s string) string { return strings.ReplaceAll(s, " ", "%20") })),
		withHeldOut(text("prefixed", code, func(s string) string { return "ID-" + s })),
		withHeldOut(fill("missing written as null", []string{"sentinel"}, note, func(*world) string { return "null" })),
		withHeldOut(fill("missing written as -1", []string{"sentinel"}, note, func(*world) string { return "-1" })),
		{name: "codes replaced by names", heldOut: true, broken: func(w *world) ([][]string, want) {
			names := map[string]string{}
			w.each(w.roles.code, func(s string) string {
				if names[s] == "" {
					names[s] = "Name " + string(rune('A'+len(names)%26)) + strconv.Itoa(len(names)/26)
				}
				return names[s]
			})
			return w.rows, want{kinds: []string{"recoded"}, columns: []string{w.roles.code}}
		}},
		{name: "the most frequent category by another name", heldOut: true, broken: func(w *world) ([][]string, want) {
			v := w.mode(w.roles.text, 0)
			w.each(w.roles.text, func(s string) string {
				if s == v {
					return v + " (new)"
				}
				return s
			})
			return w.rows, want{kinds: []string{"recoded", "new_category"}, columns: []string{w.roles.text}}
		}},
	}
}

func capital(s string) string {
	return strings.ToUpper(s[:min(1, len(s))]) + strings.ToLower(s[min(1, len(s)):])
}

func otherStreams() []kind {
	return []kind{
		withHeldOut(clock("clock 1 hour fast", 1)),
		withHeldOut(clock("clock 8 hours slow", -8)),
		withHeldOut(clock("clock 12 hours fast", 12)),
		{name: "clock of one producer 4 hours slow", heldOut: true, broken: func(w *world) ([][]string, want) {
			w.shiftSome(w.in("producer", "p2"), -4*time.Hour)
			return w.rows, want{kinds: []string{"clock_shift"}}
		}},
		{name: "a tenth of the events dated three days ahead", heldOut: true, broken: func(w *world) ([][]string, want) {
			w.shiftSome(func([]string) bool { return w.r.Float64() < 0.1 }, 72*time.Hour)
			return w.rows, want{kinds: []string{"clock_shift"}}
		}},
		{name: "a fifth of the events dated two days back", heldOut: true, broken: func(w *world) ([][]string, want) {
			w.shiftSome(func([]string) bool { return w.r.Float64() < 0.2 }, -48*time.Hour)
			return w.rows, want{kinds: []string{"clock_shift"}}
		}},
		{name: "every event three times", heldOut: true, broken: func(w *world) ([][]string, want) {
			var out [][]string
			for _, row := range w.rows {
				out = append(out, row, row, row)
			}
			return out, want{kinds: []string{"duplicates"}, numbers: map[string]float64{"factor": 3}}
		}},
		{name: "three of ten events twice", heldOut: true, broken: func(w *world) ([][]string, want) {
			var out [][]string
			for _, row := range w.rows {
				out = append(out, row)
				if w.r.Float64() < 0.3 {
					out = append(out, row)
				}
			}
			return out, want{kinds: []string{"duplicates"}}
		}},
		{name: "one slice gone", heldOut: true, broken: func(w *world) ([][]string, want) {
			at := w.at(w.roles.slice)
			return w.keep(func(row []string) bool { return row[at] != w.roles.value }), want{kinds: []string{"volume"}, slice: map[string]string{w.roles.slice: w.roles.value}}
		}},
		{name: "one producer sends four times as much", heldOut: true, broken: func(w *world) ([][]string, want) {
			at, id := w.at("producer"), w.at("event_id")
			var out [][]string
			for _, row := range w.rows {
				out = append(out, row)
				for range 3 {
					if row[at] == "p4" {
						again := slices.Clone(row)
						again[id] += "x" + strconv.Itoa(len(out))
						out = append(out, again)
					}
				}
			}
			return out, want{kinds: []string{"mix_shift"}, slice: map[string]string{"producer": "p4"}}
		}},
	}
}

func (w *world) shiftSome(which func([]string) bool, d time.Duration) {
	at := w.at("ts")
	for _, row := range w.rows {
		if !which(row) {
			continue
		}
		if t, err := time.Parse(stamp, row[at]); err == nil {
			row[at] = t.Add(d).Format(stamp)
		}
	}
}

func otherParts() []kind {
	part := func(name, what string, role func(*roles) string, which func(w *world) func([]string) bool, of func(string) string, slice func(w *world) map[string]string, numbers map[string]float64) kind {
		return kind{name: name, partial: true, heldOut: true, broken: func(w *world) ([][]string, want) {
			column := role(&w.roles)
			w.some(column, which(w), of)
			return w.rows, want{kinds: strings.Fields(what), columns: []string{column}, slice: slice(w), numbers: numbers}
		}}
	}
	random := func(share float64) func(w *world) func([]string) bool {
		return func(w *world) func([]string) bool { return func([]string) bool { return w.r.Float64() < share } }
	}
	nowhere := func(*world) map[string]string { return nil }
	p1 := func(w *world) func([]string) bool { return w.in("producer", "p1") }
	inP1 := func(*world) map[string]string { return map[string]string{"producer": "p1"} }
	one := func(w *world) func([]string) bool { return w.in(w.roles.slice, w.roles.value) }
	inOne := func(w *world) map[string]string { return map[string]string{w.roles.slice: w.roles.value} }
	return []kind{
		part("x 1000, 10 % of rows", "unit_change", amount, random(0.1), affine(1000, 0), nowhere, map[string]float64{"factor": 1000}),
		part("x 60, half of the rows", "unit_change", reading, random(0.5), affine(60, 0), nowhere, map[string]float64{"factor": 60}),
		part("sign flipped, 60 % of rows", "sign_flip", amount, random(0.6), affine(-1, 0), nowhere, nil),
		part("zero in place of 20 % of the values", "stuck sentinel", amount, random(0.2), func(string) string { return "0" }, nowhere, nil),
		part("-1 in place of 10 % of the values", "sentinel", amount, random(0.1), func(string) string { return "-1" }, nowhere, map[string]float64{"value": -1}),
		part("kilometres to miles, half of the rows", "unit_change", amount, random(0.5), affine(1/1.609344, 0), nowhere, nil),
		part("/ 1000, one producer of five", "unit_change", reading, p1, affine(0.001, 0), inP1, map[string]float64{"factor": 0.001}),
		part("x 10, one producer of five", "unit_change", amount, p1, affine(10, 0), inP1, map[string]float64{"factor": 10}),
		part("pounds to kilograms, one producer of five", "unit_change", amount, p1, affine(0.45359237, 0), inP1, nil),
		part("stuck, one producer of five", "stuck", reading, p1, func(string) string { return "42" }, inP1, nil),
		part("blanks behind, one producer of five", "recoded", words, p1, func(s string) string { return s + " " }, inP1, nil),
		part("decimal commas, one slice", "schema_change", amount, one, func(s string) string { return strings.Replace(s+",0", ".", ",", 1) }, inOne, nil),
		part("padded with zeros, one slice", "recoded", code, one, func(s string) string { return strings.Repeat("0", max(0, 5-len(s))) + s }, inOne, nil),
		{name: "x 100 with a new version", partial: true, heldOut: true, broken: func(w *world) ([][]string, want) {
			at, v, column := w.at(w.roles.amount), w.at("model_version"), w.roles.amount
			for _, row := range w.rows {
				if w.r.Float64() < 0.3 {
					row[v] = "v2"
					row[at] = affine(100, 0)(row[at])
				}
			}
			return w.rows, want{kinds: []string{"unit_change"}, columns: []string{column}, slice: map[string]string{"version": "v2"}, numbers: map[string]float64{"factor": 100}}
		}},
	}
}

func otherWorlds() []kind {
	moved := func(name string, of func(w *world) [][]string) kind {
		return kind{name: name, drift: true, heldOut: true, broken: func(w *world) ([][]string, want) { return of(w), want{} }}
	}
	scaled := func(name string, role func(*roles) string, a, b float64) kind {
		return moved(name, func(w *world) [][]string {
			column := role(&w.roles)
			_, sd := moments(w.values(column))
			w.each(column, affine(a, b*sd))
			return w.rows
		})
	}
	return []kind{
		scaled("another currency, x 1.0837", amount, 1.0837, 0),
		scaled("x 1.37", amount, 1.37, 0),
		scaled("x 0.8", reading, 0.8, 0),
		scaled("x 1.55", spread, 1.55, 0),
		scaled("doubled", amount, 2, 0),
		scaled("tripled", reading, 3, 0),
		scaled("a third of it", fine, 1./3, 0),
		scaled("x 7", amount, 7, 0),
		scaled("two standard deviations higher", spread, 1, 2),
		scaled("one standard deviation lower", reading, 1, -1),
		moved("on a logarithmic scale", func(w *world) [][]string {
			w.each(w.roles.amount, func(s string) string {
				x, err := strconv.ParseFloat(s, 64)
				if err != nil {
					return s
				}
				return strconv.FormatFloat(math.Copysign(math.Log1p(math.Abs(x)), x), 'g', 12, 64)
			})
			return w.rows
		}),
		moved("with noise of half a standard deviation", func(w *world) [][]string {
			_, sd := moments(w.values(w.roles.reading))
			w.each(w.roles.reading, func(s string) string {
				x, err := strconv.ParseFloat(s, 64)
				if err != nil {
					return s
				}
				return strconv.FormatFloat(x+0.5*sd*w.r.NormFloat64(), 'f', 2, 64)
			})
			return w.rows
		}),
		moved("creeping up", func(w *world) [][]string {
			_, sd := moments(w.values(w.roles.reading))
			at, n := w.at(w.roles.reading), float64(len(w.rows))
			for i, row := range w.rows {
				if row[at] != "" {
					row[at] = affine(1, 1.5*sd*float64(i)/n)(row[at])
				}
			}
			return w.rows
		}),
		moved("half of the values ten times as large as others", func(w *world) [][]string {
			w.some(w.roles.amount, func([]string) bool { return w.r.Float64() < 0.5 }, func(s string) string {
				return affine(math.Exp(2.3*w.r.Float64()), 0)(s)
			})
			return w.rows
		}),
		moved("everything drawn from one slice", func(w *world) [][]string {
			at := w.at(w.roles.slice)
			return w.resampled(func(row []string) float64 {
				if row[at] == w.roles.value {
					return 1
				}
				return 0.15
			})
		}),
	}
}
