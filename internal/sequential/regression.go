package sequential

import (
	"math"
	"slices"
)

// regression fits seasonal profiles by least squares, all on the same rows.
type regression struct {
	rows   [][]float64
	factor [][]float64 // Cholesky factor of the normal equations, lower
}

// newRegression shrinks harmonics a little (Hoerl & Kennard 1970), more where there are few rows for them; the constant never.
func newRegression(rows [][]float64) *regression {
	p := len(rows[0])
	ridge := 1.
	if len(rows) > 8*p {
		ridge = 1e-3 * float64(len(rows))
	}
	a := make([][]float64, p)
	for i := range a {
		a[i] = make([]float64, p)
		for j := range i + 1 {
			for _, row := range rows {
				a[i][j] += row[i] * row[j]
			}
		}
		if i > 0 {
			a[i][i] += ridge
		}
	}
	for i := range p {
		for j := range i + 1 {
			sum := a[i][j]
			for k := range j {
				sum -= a[i][k] * a[j][k]
			}
			if i == j {
				a[i][i] = math.Sqrt(sum) // positive: the ridge sees to it
			} else {
				a[i][j] = sum / a[j][j]
			}
		}
	}
	return &regression{rows: rows, factor: a}
}

// solve returns the coefficients for one value per row.
func (r *regression) solve(y []float64) []float64 {
	p := len(r.factor)
	b := make([]float64, p)
	for t, row := range r.rows {
		for i, v := range row {
			b[i] += v * y[t]
		}
	}
	for i := range p {
		for k := range i {
			b[i] -= r.factor[i][k] * b[k]
		}
		b[i] /= r.factor[i][i]
	}
	for i := p - 1; i >= 0; i-- {
		for k := i + 1; k < p; k++ {
			b[i] -= r.factor[k][i] * b[k]
		}
		b[i] /= r.factor[i][i]
	}
	return b
}

// dot is 0 for a profile that isn't there.
func dot(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func mean(x []float64) (m float64) {
	for _, v := range x {
		m += v
	}
	return m / float64(len(x))
}

// variance has the divisor len(x).
func variance(x []float64) (ss float64) {
	m := mean(x)
	for _, v := range x {
		ss += (v - m) * (v - m)
	}
	return ss / float64(len(x))
}

// rollingSD is the standard deviation of means over n neighbours.
func rollingSD(x []float64, n int) float64 {
	means := make([]float64, 0, len(x)-n+1)
	for t := n; t <= len(x); t++ {
		means = append(means, mean(x[t-n:t]))
	}
	return math.Sqrt(variance(means))
}

// median of a copy; the mean of the middle two of an even number.
func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}
