package stat

import "math"

// ROCAUC returns the probability that a positive's score is above a negative's, a tie (the same bin) counting half (Mann &
// Whitney 1947). It is the AUC of the binned score: exact where bins are distinct scores. The standard error is DeLong,
// DeLong & Clarke-Pearson's (1988), NaN with fewer than two of either class. ok is false without both classes.
func (r Reliability) ROCAUC() (Estimate, bool) {
	bins, n, pos, ok := r.outcomes()
	neg := n - pos
	if !ok || pos == 0 || neg == 0 {
		return Estimate{}, false
	}
	p, q := float64(pos), float64(neg)
	var sum, below float64
	for _, l := range bins {
		b := l.n - l.pos
		sum += l.pos * (below + b/2)
		below += b
	}
	auc := sum / p / q
	// Placement values: of a positive, the share of negatives below it; of a negative, the share of positives above it.
	var varPos, varNeg, negBelow, posBelow float64
	for _, l := range bins {
		b := l.n - l.pos
		up := (negBelow+b/2)/q - auc
		down := (p-posBelow-l.pos/2)/p - auc
		varPos += l.pos * up * up
		varNeg += b * down * down
		negBelow += b
		posBelow += l.pos
	}
	se := math.NaN()
	if pos > 1 && neg > 1 {
		se = math.Sqrt(varPos/(p-1)/p + varNeg/(q-1)/q)
	}
	return Estimate{Value: auc, SE: se, N: n}, true
}
