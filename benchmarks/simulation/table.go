package simulation

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
)

// Table is a file of real rows, whose order means nothing.
type Table struct {
	Rows    int
	Columns []Column
}

// Column is numeric, or has the codes of its values; -1 and NaN are missing.
type Column struct {
	Name    string
	Numbers []float64
	Codes   []int32
	values  int // different codes
}

// tableFiles are the tables, with the numbers that are codes.
var tableFiles = map[string]struct{ file, codes string }{
	"census":  {"census/census.csv.gz", "industry_code"},
	"covtype": {"covtype/covtype.csv.gz", ""},
}

// Examples is the folder the tables lie in, relative to where the program or the test runs.
var Examples = "examples"

var (
	tablesMu sync.Mutex
	tables   = map[string]*Table{}
)

// LoadTable reads a table once.
func LoadTable(name string) (*Table, error) {
	tablesMu.Lock()
	defer tablesMu.Unlock()
	if t := tables[name]; t != nil {
		return t, nil
	}
	source, ok := tableFiles[name]
	if !ok {
		return nil, fmt.Errorf("no table %q", name)
	}
	b, err := os.ReadFile(filepath.Join(Examples, filepath.FromSlash(source.file)))
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", name, err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", name, err)
	}
	lines, err := csv.NewReader(z).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", name, err)
	}
	t := &Table{Rows: len(lines) - 1}
	for i, column := range lines[0] {
		switch column {
		case "event_id", "ts", "label": // made up, or known later
			continue
		}
		cells := make([]string, t.Rows)
		for row := range cells {
			cells[row] = lines[row+1][i]
		}
		t.Columns = append(t.Columns, newColumn(column, cells, column == source.codes))
	}
	tables[name] = t
	return t, nil
}

// newColumn is numeric if every cell that isn't empty is a number.
func newColumn(name string, cells []string, codes bool) Column {
	c := Column{Name: name, Numbers: make([]float64, len(cells))}
	for i, cell := range cells {
		c.Numbers[i] = math.NaN()
		if cell == "" {
			continue
		}
		v, err := strconv.ParseFloat(cell, 64)
		if err != nil || codes {
			c.Numbers = nil
			break
		}
		c.Numbers[i] = v
	}
	if c.Numbers != nil {
		return c
	}
	known := map[string]int32{}
	c.Codes = make([]int32, len(cells))
	for i, cell := range cells {
		c.Codes[i] = -1
		if cell == "" {
			continue
		}
		code, ok := known[cell]
		if !ok {
			code = int32(len(known))
			known[cell] = code
		}
		c.Codes[i] = code
	}
	c.values = len(known)
	return c
}

// binning puts a column's values into bins, as learnt from its reference rows.
type binning struct {
	edges   []float64 // numeric: upper ones
	lo, hi  float64
	bin     []int32 // by code: its bin, or -1 for one the reference never had
	bins    int
	singles int64
}

// learnNumbers cuts at equal mass around atoms; see the package baseline, which does it for contracts.
func learnNumbers(rows []float64) binning {
	sorted := make([]float64, 0, len(rows))
	for _, v := range rows {
		if !math.IsNaN(v) {
			sorted = append(sorted, v)
		}
	}
	if len(sorted) == 0 {
		return binning{}
	}
	slices.Sort(sorted)
	n := float64(len(sorted))
	type value struct{ v, share float64 }
	var values []value
	for i, v := range sorted {
		if i == 0 || v != sorted[i-1] {
			values = append(values, value{v: v})
		}
		values[len(values)-1].share += 1 / n
	}
	const atom = 1. / (2 * bins)
	rest := 1.
	for _, v := range values {
		if v.share >= atom {
			rest -= v.share
		}
	}
	target := rest / max(4, math.Round(bins*rest))
	b := binning{lo: sorted[0], hi: sorted[len(sorted)-1]}
	run := 0.
	cut := func(at float64) {
		if at < b.hi && (len(b.edges) == 0 || at > b.edges[len(b.edges)-1]) {
			b.edges = append(b.edges, at)
		}
		run = 0
	}
	for _, v := range values {
		if v.share >= atom {
			if run > 0 {
				cut(math.Nextafter(v.v, math.Inf(-1)))
			}
			cut(v.v)
			continue
		}
		if run += v.share; run >= target*(1-1e-9) {
			cut(v.v)
		}
	}
	b.bins = len(b.edges) + 1
	return b
}

// learnCodes gives a bin to every category with at least 0.5 % of the rows, 50 at most, and one to all others.
func learnCodes(rows []int32, values int) binning {
	count := make([]int64, values)
	var n int64
	for _, c := range rows {
		if c >= 0 {
			count[c]++
			n++
		}
	}
	order := make([]int32, values)
	b := binning{bin: make([]int32, values)}
	for c := range order {
		order[c] = int32(c)
		if count[c] == 1 {
			b.singles++
		}
	}
	slices.SortStableFunc(order, func(x, y int32) int { return int(count[y] - count[x]) })
	top := 0
	for top < min(50, values) && float64(count[order[top]]) >= 0.005*float64(n) && count[order[top]] > 0 {
		top++
	}
	for rank, c := range order {
		switch {
		case rank < top:
			b.bin[c] = int32(rank)
		case count[c] > 0:
			b.bin[c] = int32(top)
		default:
			b.bin[c] = -1
		}
	}
	b.bins = top + 1
	return b
}
