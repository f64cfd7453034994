package main

import (
	"errors"
	"math"
	"runtime"
)

// live is the heap that is reachable, every object at the size the allocator gives it: what is in use after two collections, of which
// the second frees what the first found in pools.
func live() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// weigh is how much live heap one of n pieces takes.
func weigh[T any](n int, piece func(i int) (T, error)) (bytes float64, pieces []T, err error) {
	pieces = make([]T, n)
	before := live()
	for i := range pieces {
		if pieces[i], err = piece(i); err != nil {
			return 0, nil, err
		}
	}
	bytes = float64(live()-before) / float64(n)
	runtime.KeepAlive(pieces)
	return bytes, pieces, nil
}

// shape is what the size of a model depends on.
type shape struct{ numbers, texts, panes, slices int }

// terms are what a size is a sum of, each times a coefficient: one, the numeric and the categorical inputs; all three again for each
// pane, and again for each cell, which is a slice of a pane.
func (s shape) terms() []float64 {
	out := make([]float64, 0, 9)
	for _, stretch := range []int{1, s.panes, s.panes * s.slices} {
		for _, inputs := range []int{1, s.numbers, s.texts} {
			out = append(out, float64(stretch*inputs))
		}
	}
	return out
}

// formShapes are nine small models from which the nine coefficients follow.
func formShapes() []shape {
	var out []shape
	for _, over := range []shape{{panes: 1, slices: 4}, {panes: 1, slices: sizedSlices}, {panes: 4, slices: sizedSlices}} {
		for _, of := range []shape{{numbers: 10, texts: 2}, {numbers: sizedNumbers, texts: 2}, {numbers: 10, texts: sizedTexts}} {
			out = append(out, shape{of.numbers, of.texts, over.panes, over.slices})
		}
	}
	return out
}

// form is the coefficients of a size.
type form []float64

func (f form) of(s shape) (sum float64) {
	for i, v := range s.terms() {
		sum += f[i] * v
	}
	return sum
}

var errSingular = errors.New("the shapes don't tell the coefficients apart")

// solve finds the coefficients by which the shapes have their sizes exactly, by elimination.
func solve(shapes []shape, sizes []float64) (form, error) {
	n := len(shapes)
	rows := make([][]float64, n)
	for i, s := range shapes {
		rows[i] = append(s.terms(), sizes[i])
	}
	for at := range n {
		best := at
		for i := at; i < n; i++ {
			if math.Abs(rows[i][at]) > math.Abs(rows[best][at]) {
				best = i
			}
		}
		rows[at], rows[best] = rows[best], rows[at]
		if math.Abs(rows[at][at]) < 1e-9 {
			return nil, errSingular
		}
		for i := range n {
			if i == at {
				continue
			}
			by := rows[i][at] / rows[at][at]
			for j := at; j <= n; j++ {
				rows[i][j] -= by * rows[at][j]
			}
		}
	}
	f := make(form, n)
	for i := range f {
		f[i] = rows[i][n] / rows[i][i]
	}
	return f, nil
}
