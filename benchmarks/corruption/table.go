package corruption

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// table is rows of texts under named columns; an empty text is a missing value.
type table struct {
	columns []string
	rows    [][]string
}

// read reads a gzipped CSV below examples, from the root of the repository.
func read(name string) (*table, error) {
	path := filepath.Join("examples", name, name+".csv.gz")
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open table: %w (run from the root of the repository)", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	all, err := csv.NewReader(z).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return &table{all[0], all[1:]}, nil
}

func (t *table) at(column string) int {
	i := slices.Index(t.columns, column)
	if i < 0 {
		panic("no column " + column) // a mistake in this package
	}
	return i
}

// derive adds a column made of others.
func (t *table) derive(name string, of func(get func(string) string) string) {
	for i, row := range t.rows {
		t.rows[i] = append(slices.Clip(row), of(func(column string) string { return row[t.at(column)] }))
	}
	t.columns = append(slices.Clip(t.columns), name)
}

// scaled adds a column in another unit, with so many decimals.
func (t *table) scaled(name, column string, factor float64, decimals int) {
	t.derive(name, func(get func(string) string) string {
		v, err := strconv.ParseFloat(get(column), 64)
		if err != nil {
			return ""
		}
		return strconv.FormatFloat(v*factor, 'f', decimals, 64)
	})
}

// flag adds a column that is 1 where another has one of the values, else 0.
func (t *table) flag(name, column string, values ...string) {
	t.derive(name, func(get func(string) string) string {
		if slices.Contains(values, get(column)) {
			return "1"
		}
		return "0"
	})
}

// lose empties a share of a column's values at random.
func (t *table) lose(r *rand.Rand, column string, share float64) {
	at := t.at(column)
	for _, row := range t.rows {
		if r.Float64() < share {
			row[at] = ""
		}
	}
}

// clone is a deep copy.
func (t *table) clone() *table {
	out := &table{slices.Clone(t.columns), make([][]string, len(t.rows))}
	for i, row := range t.rows {
		out.rows[i] = slices.Clone(row)
	}
	return out
}
