package census

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"strconv"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write model.json anew")

var start = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

func rows(t *testing.T, from time.Time, releases Releases, visit func(row map[string]string)) {
	t.Helper()
	s, err := Stream(from, releases)
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(s)
	header, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]string{}
		for i, name := range header {
			m[name] = row[i]
		}
		visit(m)
	}
}

// The model that is committed is the likeliest one of the reference, by Newton's method (McCullagh & Nelder 1989, 4.4).
func TestModelIsTheReferences(t *testing.T) {
	until := start.AddDate(0, 0, 28).Format(time.RFC3339)
	var xs [][]float64
	var ys []float64
	rows(t, start, Only(Before), func(row map[string]string) {
		if row["ts"] >= until {
			return
		}
		number := func(c string) float64 {
			v, err := strconv.ParseFloat(row[c], 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		xs, ys = append(xs, features(func(c string) string { return row[c] }, number)), append(ys, number("label"))
	})
	k := len(xs[0])
	w := make([]float64, k)
	for range 25 {
		g, h := make([]float64, k), make([][]float64, k)
		for i := range h {
			h[i] = make([]float64, k)
			h[i][i], g[i] = 1e-3, -1e-3*w[i]
		}
		m := &Model{w}
		for i, x := range xs {
			p := m.score(x)
			for a := range x {
				g[a] += (ys[i] - p) * x[a]
				for b := range a + 1 {
					h[a][b] += p * (1 - p) * x[a] * x[b]
				}
			}
		}
		for a := range k {
			for b := a + 1; b < k; b++ {
				h[a][b] = h[b][a]
			}
		}
		for i, d := range solve(h, g) {
			w[i] += d
		}
	}
	if *update {
		for i := range w {
			w[i] = math.Round(w[i]*1e6) / 1e6
		}
		b, err := json.Marshal(Model{w})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(ModelFile, append(b, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err := OpenModel()
	if err != nil || len(m.Weights) != k {
		t.Fatalf("%+v, %v", m, err)
	}
	for i := range w {
		if math.Abs(w[i]-m.Weights[i]) > 1e-5 {
			t.Errorf("weight %d is %g, want %g", i, m.Weights[i], w[i])
		}
	}
}

// solve is Gauss's elimination.
func solve(a [][]float64, b []float64) []float64 {
	for i := range b {
		for j := i + 1; j < len(b); j++ {
			f := a[j][i] / a[i][i]
			for k := i; k < len(b); k++ {
				a[j][k] -= f * a[i][k]
			}
			b[j] -= f * b[i]
		}
	}
	for i := len(b) - 1; i >= 0; i-- {
		for k := i + 1; k < len(b); k++ {
			b[i] -= a[i][k] * b[k]
		}
		b[i] /= a[i][i]
	}
	return b
}

// The new version multiplies one column by 100, of half of the persons, from the moment that the stream is told; all else but the score is as it was.
func TestReleases(t *testing.T) {
	from := start.AddDate(0, 0, 47)
	var good []map[string]string
	rows(t, from, Only(Before), func(row map[string]string) { good = append(good, row) })
	after, i, half := Only(Before), 0, 0
	rows(t, from, func(id string, at time.Time) Release { return after(id, at) }, func(row map[string]string) {
		if i == 1000 { // between two reads
			after = func(id string, _ time.Time) Release {
				if Half(id) {
					return After
				}
				return Before
			}
		}
		want := good[i]
		i++
		if row["etl"] == "etl.income@v41" {
			for c := range want {
				if row[c] != want[c] {
					t.Fatalf("row %d: %s is %s, want %s", i, c, row[c], want[c])
				}
			}
			return
		}
		half++
		if i <= 1001 {
			t.Fatalf("row %d comes of %s", i, row["etl"])
		}
		for c := range want {
			switch c {
			case "etl", "score":
			case Column:
				a, _ := strconv.ParseFloat(row[c], 64)
				b, _ := strconv.ParseFloat(want[c], 64)
				if math.Abs(a-100*b) > 1e-3 {
					t.Fatalf("row %d: %s is %s, want 100 times %s", i, c, row[c], want[c])
				}
			default:
				if row[c] != want[c] {
					t.Fatalf("row %d: %s is %s, want %s", i, c, row[c], want[c])
				}
			}
		}
	})
	if rest := len(good) - 1001; i != len(good) || math.Abs(float64(half)/float64(rest)-0.5) > 0.03 {
		t.Errorf("%d rows of %d, %d of them of the new version", i, len(good), half)
	}
}
