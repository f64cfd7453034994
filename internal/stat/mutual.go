package stat

import "math"

// Mutual is how much one column of categories tells of another, from counts alone.
type Mutual struct {
	// Plain is the mutual information of the counts in nats, with the delta-method standard error: biased upwards, as chance
	// makes columns look related.
	Plain Estimate
	// Corrected takes the bias of the three entropies out (Miller 1955; Madow): its Value is Plain's plus
	// (rows + columns - cells - 1)/(2n), each the number of those that occur; it may be below 0. Low and High bound the true information.
	Corrected Band
	// Entropy is that of the rows' column in nats; Share is the corrected information as a share of it, 0..1: how much of the row's
	// uncertainty the column takes away (Theil 1970).
	Entropy, Share float64
}

// MutualInformation returns the mutual information of rows and columns of a table of counts, row by row in cells. Not ok with counts that
// don't fit rows x columns, a negative one or none at all.
func MutualInformation(cells []int64, rows, columns int, alpha float64) (Mutual, bool) {
	if rows < 1 || columns < 1 || len(cells) != rows*columns || !usable(alpha) {
		return Mutual{}, false
	}
	row, column := make([]float64, rows), make([]float64, columns)
	var n float64
	for i := range rows {
		for j, c := range cells[i*columns : (i+1)*columns] {
			if c < 0 {
				return Mutual{}, false
			}
			row[i] += float64(c)
			column[j] += float64(c)
			n += float64(c)
		}
	}
	if n == 0 {
		return Mutual{}, false
	}
	var mi, square, used float64
	for i := range rows {
		for j, c := range cells[i*columns : (i+1)*columns] {
			if c == 0 {
				continue
			}
			used++
			l := math.Log(float64(c)/row[i]*n) - math.Log(column[j])
			mi += float64(c) / n * l
			square += float64(c) / n * l * l
		}
	}
	var out Mutual
	r, c := occupiedShares(row), occupiedShares(column)
	out.Plain = Estimate{Value: max(0, mi), SE: math.Sqrt(max(0, square-mi*mi) / n), N: int64(n)}
	corrected := out.Plain
	corrected.Value = mi + (r+c-used-1)/(2*n)
	out.Corrected = mutualBand(corrected, mi, square-mi*mi, n, (r-1)*(c-1), alpha)
	for _, v := range row {
		if v > 0 {
			out.Entropy -= v / n * math.Log(v/n)
		}
	}
	if out.Entropy > 0 {
		out.Share = min(max(corrected.Value/out.Entropy, 0), 1)
	}
	return out, true
}

func occupiedShares(counts []float64) (k float64) {
	for _, v := range counts {
		if v > 0 {
			k++
		}
	}
	return k
}

// mutualBand: twice n times the information of the counts follows a non-central chi-square law with (r-1)(c-1) degrees of freedom and twice
// n times the true information as its non-centrality, if that is small; where it isn't, the delta method's variance v per event takes the place
// of that law's 2 MI.
func mutualBand(e Estimate, mi, v, n, df, alpha float64) Band {
	if df < 1 {
		return Band{Estimate: e, Low: 0, High: 0, Few: true}
	}
	inflate := 1.
	if mi > 0 {
		inflate = v / (2 * mi)
	}
	x := 2 * n * mi
	lambda := max(0, x-df)
	lo, hi := nonCentrality(x, df, 1-lowerShare*alpha), nonCentrality(x, df, (1-lowerShare)*alpha)
	w := math.Sqrt((2*df + 4*lambda*inflate) / (2*df + 4*lambda))
	lo, hi = lambda-(lambda-lo)*w, lambda+(hi-lambda)*w
	few := n < 5*(df+1)
	return newBand(e, max(0, lo)/(2*n), hi/(2*n), 0, math.Inf(1), few)
}
