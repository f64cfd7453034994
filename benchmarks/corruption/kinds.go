package corruption

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// want is what would be right to say.
type want struct {
	kinds   []string           // any of them
	columns []string           // one of them must be among the incident's
	slice   map[string]string  // where it lies; nil: nowhere in particular
	numbers map[string]float64 // parameters, to be met within 1 %
	texts   map[string]string  // parameters, to be met
}

// kind is one way to break what comes from the onset on, or one way in which the world moves.
type kind struct {
	name    string
	partial bool // of some rows only: scored apart
	drift   bool // a world that moves: nothing may be called broken
	heldOut bool // never looked at while rules were made
	// broken changes rows in place or gives others; what it returns is in the order in which rows come.
	broken func(w *world) ([][]string, want)
}

// world is what a kind may look at.
type world struct {
	*stream
	r     *rand.Rand
	rows  [][]string // from the onset on: its own
	table *table     // for the places of columns, and the rows before
}

func (w *world) at(column string) int { return w.table.at(column) }

// each changes the values of a column that are there.
func (w *world) each(column string, of func(string) string) {
	at := w.at(column)
	for _, row := range w.rows {
		if row[at] != "" {
			row[at] = of(row[at])
		}
	}
}

func (w *world) some(column string, which func(row []string) bool, of func(string) string) {
	at := w.at(column)
	for _, row := range w.rows {
		if row[at] != "" && which(row) {
			row[at] = of(row[at])
		}
	}
}

func affine(a, b float64) func(string) string {
	return func(v string) string {
		x, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return v
		}
		return strconv.FormatFloat(a*x+b, 'g', 15, 64)
	}
}

// values are the numbers of a column before the onset.
func (w *world) values(column string) []float64 {
	at := w.at(column)
	var out []float64
	for _, row := range w.table.rows {
		if v, err := strconv.ParseFloat(row[at], 64); err == nil && row[w.at("ts")] < w.onset.Format(stamp) {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

// mode is the most frequent text of a column.
func (w *world) mode(column string, rank int) string {
	n := map[string]int{}
	at := w.at(column)
	for _, row := range w.table.rows {
		if row[at] != "" {
			n[row[at]]++
		}
	}
	var all []string
	for v := range n {
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b string) int {
		if n[a] != n[b] {
			return n[b] - n[a]
		}
		return strings.Compare(a, b)
	})
	return all[min(rank, len(all)-1)]
}

func unit(name string, role func(*roles) string, a, b float64) kind {
	return kind{name: name, broken: func(w *world) ([][]string, want) {
		column := role(&w.roles)
		w.each(column, affine(a, b))
		wanted := want{kinds: []string{"unit_change"}, columns: []string{column}, numbers: map[string]float64{"factor": a}}
		if b != 0 {
			wanted.numbers["offset"] = b
		}
		return w.rows, wanted
	}}
}

func amount(r *roles) string  { return r.amount }
func reading(r *roles) string { return r.reading }
func fine(r *roles) string    { return r.fine }

// text is a kind that writes a column otherwise.
func text(name string, role func(*roles) string, of func(string) string) kind {
	return kind{name: name, broken: func(w *world) ([][]string, want) {
		column := role(&w.roles)
		w.each(column, of)
		return w.rows, want{kinds: []string{"recoded"}, columns: []string{column}}
	}}
}

func words(r *roles) string { return r.text }
func code(r *roles) string  { return r.code }

// exchange swaps two columns.
func (w *world) exchange(a, b string) {
	i, j := w.at(a), w.at(b)
	for _, row := range w.rows {
		row[i], row[j] = row[j], row[i]
	}
}

func swap(name string, role func(*roles) []string) kind {
	return kind{name: name, broken: func(w *world) ([][]string, want) {
		pair := role(&w.roles)
		w.exchange(pair[0], pair[1])
		return w.rows, want{kinds: []string{"swapped"}, columns: pair}
	}}
}

// fill writes a value for missing ones.
func fill(name string, kinds []string, role func(*roles) string, value func(w *world) string) kind {
	return kind{name: name, broken: func(w *world) ([][]string, want) {
		column, v := role(&w.roles), value(w)
		at := w.at(column)
		for _, row := range w.rows {
			if row[at] == "" {
				row[at] = v
			}
		}
		out := want{kinds: kinds, columns: []string{column}}
		if x, err := strconv.ParseFloat(v, 64); err == nil {
			out.numbers = map[string]float64{"value": x}
		} else {
			out.texts = map[string]string{"value": v}
		}
		return w.rows, out
	}}
}

func sparse(r *roles) string { return r.sparse }
func note(r *roles) string   { return r.note }

// kinds are all of them.
func kinds() []kind {
	return slices.Concat(columnKinds(), streamKinds(), partialKinds(), driftKinds(), otherKinds())
}

func columnKinds() []kind {
	return []kind{
		unit("x 100", amount, 100, 0),
		unit("/ 1000", reading, 0.001, 0),
		unit("x 60", reading, 60, 0),
		unit("/ 24", amount, 1./24, 0),
		unit("x 10", fine, 10, 0),
		unit("Celsius to Fahrenheit", reading, 1.8, 32),
		unit("Celsius to kelvin", func(r *roles) string { return r.spread }, 1, 273.15),
		unit("pounds to kilograms", amount, 0.45359237, 0),
		unit("kilometres to miles", reading, 1/1.609344, 0),
		{name: "sign flipped", broken: func(w *world) ([][]string, want) {
			w.each(w.roles.amount, affine(-1, 0))
			return w.rows, want{kinds: []string{"sign_flip"}, columns: []string{w.roles.amount}, numbers: map[string]float64{"factor": -1}}
		}},
		{name: "stuck at the last value", broken: func(w *world) ([][]string, want) {
			last := ""
			for i := len(w.table.rows) - len(w.rows) - 1; last == ""; i-- {
				last = w.table.rows[i][w.at(w.roles.reading)]
			}
			w.each(w.roles.reading, func(string) string { return last })
			v, _ := strconv.ParseFloat(last, 64) // "" has been skipped
			return w.rows, want{kinds: []string{"stuck"}, columns: []string{w.roles.reading}, numbers: map[string]float64{"value": v}}
		}},
		{name: "category stuck at the most frequent", broken: func(w *world) ([][]string, want) {
			v := w.mode(w.roles.text, 0)
			w.each(w.roles.text, func(string) string { return v })
			return w.rows, want{kinds: []string{"stuck"}, columns: []string{w.roles.text}, texts: map[string]string{"value": v}}
		}},
		fill("missing written as a number outside", []string{"sentinel"}, sparse, func(w *world) string { return w.roles.outer }),
		fill("missing written as 0 or -1", []string{"sentinel"}, sparse, func(w *world) string { return w.roles.sentinel }),
		fill("missing written as NA", []string{"sentinel"}, note, func(*world) string { return "NA" }),
		fill("missing imputed by the mean", []string{"fallback"}, sparse, func(w *world) string {
			v, sum := w.values(w.roles.sparse), 0.
			for _, x := range v {
				sum += x / float64(len(v))
			}
			return strconv.FormatFloat(sum, 'f', 4, 64)
		}),
		fill("missing imputed by the most frequent", []string{"fallback"}, note, func(w *world) string { return w.mode(w.roles.note, 0) }),
		swap("numeric columns swapped", func(r *roles) []string { return r.pair }),
		swap("rare flags swapped", func(r *roles) []string { return r.flags }),
		swap("categorical columns swapped", func(r *roles) []string { return r.texts }),
		{name: "clipped at the 90th percentile", broken: func(w *world) ([][]string, want) {
			v := w.values(w.roles.spread)
			top := v[len(v)*9/10]
			w.each(w.roles.spread, func(s string) string {
				if x, err := strconv.ParseFloat(s, 64); err == nil && x > top {
					return strconv.FormatFloat(top, 'g', -1, 64)
				}
				return s
			})
			return w.rows, want{kinds: []string{"clipped"}, columns: []string{w.roles.spread}, numbers: map[string]float64{"value": top}}
		}},
		{name: "rounded", broken: func(w *world) ([][]string, want) {
			w.each(w.roles.fine, func(s string) string {
				x, err := strconv.ParseFloat(s, 64)
				if err != nil {
					return s
				}
				return strconv.FormatFloat(math.Round(x/w.roles.step)*w.roles.step, 'g', 12, 64)
			})
			return w.rows, want{kinds: []string{"precision_loss"}, columns: []string{w.roles.fine}, numbers: map[string]float64{"step": w.roles.step}}
		}},
		text("upper case", words, strings.ToUpper),
		text("lower case", words, strings.ToLower),
		text("blanks behind", words, func(s string) string { return s + " " }),
		text("padded with zeros", code, func(s string) string { return strings.Repeat("0", max(0, 4-len(s))) + s }),
		{name: "words replaced by codes", heldOut: true, broken: func(w *world) ([][]string, want) {
			codes := map[string]string{}
			w.each(w.roles.text, func(s string) string {
				if codes[s] == "" {
					codes[s] = "C" + strconv.Itoa(100+7*len(codes))
				}
				return codes[s]
			})
			return w.rows, want{kinds: []string{"recoded"}, columns: []string{w.roles.text}}
		}},
		{name: "two categories exchanged", broken: func(w *world) ([][]string, want) {
			a, b := w.mode(w.roles.code, 1), w.mode(w.roles.code, 4)
			w.each(w.roles.code, func(s string) string {
				switch s {
				case a:
					return b
				case b:
					return a
				}
				return s
			})
			return w.rows, want{kinds: []string{"recoded"}, columns: []string{w.roles.code}}
		}},
		{name: "a category merged into another", broken: func(w *world) ([][]string, want) {
			a, b := w.mode(w.roles.code, 2), w.mode(w.roles.code, 1)
			w.each(w.roles.code, func(s string) string {
				if s == a {
					return b
				}
				return s
			})
			return w.rows, want{kinds: []string{"recoded"}, columns: []string{w.roles.code}}
		}},
		{name: "a new category of 5 %", broken: func(w *world) ([][]string, want) {
			w.each(w.roles.text, func(s string) string {
				if w.r.Float64() < 0.05 {
					return "Unheard Of"
				}
				return s
			})
			return w.rows, want{kinds: []string{"new_category"}, columns: []string{w.roles.text}}
		}},
		{name: "40 % missing", broken: func(w *world) ([][]string, want) {
			w.each(w.roles.amount, func(s string) string {
				if w.r.Float64() < 0.4 {
					return ""
				}
				return s
			})
			return w.rows, want{kinds: []string{"missing"}, columns: []string{w.roles.amount}}
		}},
		{name: "all missing", broken: func(w *world) ([][]string, want) {
			w.each(w.roles.reading, func(string) string { return "" })
			return w.rows, want{kinds: []string{"missing"}, columns: []string{w.roles.reading}}
		}},
		{name: "decimal commas", broken: func(w *world) ([][]string, want) {
			w.each(w.roles.amount, func(s string) string {
				if !strings.Contains(s, ".") {
					s += ".0"
				}
				return strings.Replace(s, ".", ",", 1)
			})
			return w.rows, want{kinds: []string{"schema_change"}, columns: []string{w.roles.amount}}
		}},
		// Held out: written after the rules, looked at only in the last run.
		withHeldOut(unit("x 1024", amount, 1024, 0)),
		withHeldOut(unit("/ 3600", reading, 1./3600, 0)),
		withHeldOut(unit("inches to centimetres", reading, 2.54, 0)),
		withHeldOut(text("blanks written as _", words, func(s string) string { return strings.ReplaceAll(s, " ", "_") })),
		withHeldOut(fill("missing imputed by the median", []string{"fallback"}, sparse, func(w *world) string {
			v := w.values(w.roles.sparse)
			return strconv.FormatFloat(v[len(v)/2], 'g', -1, 64)
		})),
		withHeldOut(fill("missing written as unknown", []string{"sentinel"}, note, func(*world) string { return "unknown" })),
		withHeldOut(kind{name: "clipped at the 10th percentile", broken: func(w *world) ([][]string, want) {
			v := w.values(w.roles.spread)
			low := v[len(v)/10]
			w.each(w.roles.spread, func(s string) string {
				if x, err := strconv.ParseFloat(s, 64); err == nil && x < low {
					return strconv.FormatFloat(low, 'g', -1, 64)
				}
				return s
			})
			return w.rows, want{kinds: []string{"clipped"}, columns: []string{w.roles.spread}, numbers: map[string]float64{"value": low}}
		}}),
	}
}

func withHeldOut(k kind) kind {
	k.heldOut = true
	return k
}
