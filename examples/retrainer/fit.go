package retrainer

import (
	"errors"
	"math"
)

// Row is one decision whose outcome is known.
type Row struct {
	Score    float64 // of the model that was in service
	Inputs   []float64
	Positive bool
}

// Model is a version: the probability is the logistic function of the weights times (1, the logit of the former score, the inputs), each
// but the first less its mean and divided by its standard deviation.
type Model struct {
	Version string    `json:"version"`
	Trigger string    `json:"trigger"`
	Inputs  []string  `json:"inputs"`
	Rows    int       `json:"rows"`
	Mean    []float64 `json:"mean"`
	SD      []float64 `json:"sd"`
	Weights []float64 `json:"weights"`
}

// leastRows is how many outcomes of each kind are enough to learn from.
const leastRows = 30

// Fit learns a model by Newton's method, with a little ridge (McCullagh & Nelder 1989, 4.4).
func Fit(rows []Row, inputs []string) (*Model, error) {
	positives := 0
	for i := range rows {
		if rows[i].Positive {
			positives++
		}
	}
	if positives < leastRows || len(rows)-positives < leastRows {
		return nil, errors.New("too few outcomes of either kind to learn from")
	}
	m := &Model{Inputs: inputs, Rows: len(rows)}
	k := len(inputs) + 2
	m.Mean, m.SD, m.Weights = make([]float64, k), make([]float64, k), make([]float64, k)
	m.scale(rows)
	const ridge, steps = 1e-3, 50
	for range steps {
		gradient, hessian := make([]float64, k), make([][]float64, k)
		for i := range hessian {
			gradient[i] = -ridge * m.Weights[i]
			hessian[i] = make([]float64, k)
			hessian[i][i] = ridge
		}
		for i := range rows {
			x := m.features(rows[i].Score, rows[i].Inputs)
			p := m.probability(x)
			y := 0.0
			if rows[i].Positive {
				y = 1
			}
			for a := range x {
				gradient[a] += (y - p) * x[a]
				for b := range x {
					hessian[a][b] += p * (1 - p) * x[a] * x[b]
				}
			}
		}
		step := solve(hessian, gradient)
		most := 0.0
		for i := range step {
			m.Weights[i] += step[i]
			most = max(most, math.Abs(step[i]))
		}
		if most < 1e-9 {
			return m, nil
		}
	}
	return nil, errors.New("the regression does not settle")
}

// Score is the probability that the new version gives, from the former score and the inputs.
func (m *Model) Score(former float64, inputs []float64) float64 {
	return m.probability(m.features(former, inputs))
}

func (m *Model) probability(x []float64) float64 {
	z := 0.0
	for i := range x {
		z += m.Weights[i] * x[i]
	}
	return 1 / (1 + math.Exp(-z))
}

// scale sets means and standard deviations.
func (m *Model) scale(rows []Row) {
	m.SD[0] = 1
	for i := 1; i < len(m.Mean); i++ {
		n, sum, squares := 0.0, 0.0, 0.0
		for r := range rows {
			if v := raw(rows[r].Score, rows[r].Inputs, i); !math.IsNaN(v) {
				n, sum, squares = n+1, sum+v, squares+v*v
			}
		}
		m.SD[i] = 1
		if n > 0 {
			m.Mean[i] = sum / n
			if v := squares/n - m.Mean[i]*m.Mean[i]; v > 1e-12 {
				m.SD[i] = math.Sqrt(v)
			}
		}
	}
}

// raw is a feature as it is: 1, the logit of the score, the inputs.
func raw(score float64, inputs []float64, i int) float64 {
	switch i {
	case 0:
		return 1
	case 1:
		p := min(max(score, 1e-6), 1-1e-6)
		return math.Log(p / (1 - p))
	default:
		return inputs[i-2]
	}
}

// features are the scaled features; a missing one is the mean.
func (m *Model) features(score float64, inputs []float64) []float64 {
	x := make([]float64, len(m.Weights))
	x[0] = 1
	for i := 1; i < len(x); i++ {
		if v := raw(score, inputs, i); !math.IsNaN(v) {
			x[i] = (v - m.Mean[i]) / m.SD[i]
		}
	}
	return x
}

// solve solves a positive definite system by Cholesky's decomposition.
func solve(a [][]float64, b []float64) []float64 {
	n := len(b)
	for j := range n {
		for k := range j {
			for i := j; i < n; i++ {
				a[i][j] -= a[i][k] * a[j][k]
			}
		}
		d := math.Sqrt(a[j][j])
		for i := j; i < n; i++ {
			a[i][j] /= d
		}
	}
	x := append([]float64{}, b...)
	for i := range n {
		for k := range i {
			x[i] -= a[i][k] * x[k]
		}
		x[i] /= a[i][i]
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			x[i] -= a[k][i] * x[k]
		}
		x[i] /= a[i][i]
	}
	return x
}
