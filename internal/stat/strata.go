package stat

import "math"

// Stratum are two groups' shares within one part of the events, such as one region: K1 of N1 and K2 of N2.
type Stratum struct {
	Name           string
	K1, N1, K2, N2 int64
}

// Strata is what the parts say against the whole.
type Strata struct {
	// Crude is the difference of the two groups' shares over all parts together, with Newcombe's interval.
	Crude Band
	// Common is the difference within parts, weighted over them as Cochran (1954) and Mantel & Haenszel (1959) do, with the standard
	// error of Greenland & Robins (1985).
	Common    Band
	ChiSquare float64 // Mantel & Haenszel's statistic of no difference within any part, without correction; one degree of freedom
	PValue    float64
	Up, Down  int // parts in which the first group's share is higher, lower
	// Reversed says that the whole and its parts contradict each other (Simpson 1951): both differences are beyond chance, and of
	// opposite sign.
	Reversed bool
	// Explained says that the whole differs beyond chance and the difference within parts is not: its interval holds 0, not the
	// crude difference.
	Explained bool
}

// Stratify compares the whole with its parts. Parts without events of both groups count in the whole only. Not ok without a part that
// has both, or with counts that contradict themselves.
func Stratify(parts []Stratum, alpha float64) (Strata, bool) {
	if !usable(alpha) {
		return Strata{}, false
	}
	var out Strata
	var k1, n1, k2, n2 int64
	var weight, sum, v float64
	var observed, expected, variance float64
	for _, s := range parts {
		if s.K1 < 0 || s.K2 < 0 || s.K1 > s.N1 || s.K2 > s.N2 {
			return Strata{}, false
		}
		k1, n1, k2, n2 = k1+s.K1, n1+s.N1, k2+s.K2, n2+s.N2
		if s.N1 == 0 || s.N2 == 0 {
			continue
		}
		a, b, n, m := float64(s.K1), float64(s.K2), float64(s.N1), float64(s.N2)
		t := n + m
		w, d := n/t*m, a/n-b/m
		weight += w
		sum += w * d
		v += w * w * (a/n*(1-a/n)/n + b/m*(1-b/m)/m)
		switch {
		case d > 0:
			out.Up++
		case d < 0:
			out.Down++
		}
		k := a + b
		observed += a
		expected += n * k / t
		if t > 1 {
			variance += n / t * m / t * k * (t - k) / (t - 1)
		}
	}
	if weight == 0 {
		return Strata{}, false
	}
	p, q := float64(k1)/float64(n1), float64(k2)/float64(n2)
	lo, hi := Newcombe(k1, n1, k2, n2, alpha)
	few := min(n1, n2) < fairEvents
	crude := Estimate{Value: p - q, SE: math.Sqrt(p*(1-p)/float64(n1) + q*(1-q)/float64(n2)), N: n1 + n2}
	out.Crude = newBand(crude, lo, hi, -1, 1, few)
	out.Common = plainBand(Estimate{Value: sum / weight, SE: math.Sqrt(v) / weight, N: n1 + n2}, alpha, -1, 1, few)
	out.ChiSquare, out.PValue = math.NaN(), math.NaN()
	if variance > 0 {
		out.ChiSquare = sq(observed-expected) / variance
		out.PValue = ChiSquareSF(out.ChiSquare, 1)
	}
	up := func(b Band) int {
		switch {
		case b.Low > 0:
			return 1
		case b.High < 0:
			return -1
		}
		return 0
	}
	out.Reversed = up(out.Crude)*up(out.Common) < 0
	inside := out.Crude.Value >= out.Common.Low && out.Crude.Value <= out.Common.High
	out.Explained = up(out.Crude) != 0 && up(out.Common) == 0 && !inside
	return out, true
}
