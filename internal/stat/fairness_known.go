package stat

import "math"

// Known is what is known of how the decisions on a group turned out, where that stands for all of them: the score decides, and the contract states of which
// decisions nothing is known.
type Known struct {
	Curve    Reliability // predictions an outcome is waited for, and outcomes, by score; its TP, FP, FN and TN don't count
	Share    float64     // which part of the predictions one is waited for
	Positive int         // decisions are positive from this bin on
	// Arrived says that only positive outcomes are reported, of which so many have come (above 0, at most 1); 0: outcomes are missing at random given the score.
	Arrived float64
}

// Worth is a share as it is estimated from what is known.
type Worth struct {
	Value float64
	N     float64 // how many outcomes at random would tell as much: Value(1-Value) by its variance (Korn & Graubard 1998)
}

// kind is how many decisions that turned out one way are counted by a criterion, as events it is taken of (0 or 1) and as events of the kind.
type kind struct{ of, is float64 }

// turns are the two ways in which a decision may turn out, by a criterion: its outcome is positive, or negative. Not ok for criteria that take no outcomes.
func (c Criterion) turns(selected bool) (positive, negative kind, ok bool) {
	yes, no := Reliability{FN: 1}, Reliability{TN: 1}
	if selected {
		yes, no = Reliability{TP: 1}, Reliability{FP: 1}
	}
	k1, n1 := c.Share(Group{Curve: yes})
	k0, n0 := c.Share(Group{Curve: no})
	return kind{float64(n1), float64(k1)}, kind{float64(n0), float64(k0)}, c.Name != "demographic_parity"
}

// layer are decisions of which one share turned out positive: those of a score bin, or of one side of the threshold.
type layer struct {
	positive, negative kind
	n                  float64 // decisions that it stands for
	share              float64 // of which turned out positive
	doubt              float64 // variance of how many of these are positive, for not all are known
}

// Worth is a criterion's share of a group, from what is known of it. Each score bin has its own share of positives, which its decisions, known or not, have alike
// (Horvitz & Thompson 1952; Hajek 1971); where only positives are reported, each side of the threshold has, and each positive stands for 1/Arrived. The variance is that
// of decisions at random, plus that of the known ones among those of their bin. Not ok where too little is known, see Selection.Weights, and where there is nothing
// that the share could be of.
func (c Criterion) Worth(k Known) (Worth, bool) {
	layers, known, ok := c.layers(k)
	if !ok {
		return Worth{}, false
	}
	var of, is float64
	for _, l := range layers {
		of += l.n * (l.share*l.positive.of + (1-l.share)*l.negative.of)
		is += l.n * (l.share*l.positive.is + (1-l.share)*l.negative.is)
	}
	if !(of > 0) {
		return Worth{}, false
	}
	p := is / of
	var v float64
	for _, l := range layers {
		z1, z0 := l.positive.is-p*l.positive.of, l.negative.is-p*l.negative.of // what a decision adds to the deviation of the share
		v += l.n*(l.share*z1*z1+(1-l.share)*z0*z0) + l.doubt*sq(z1-z0)
	}
	if !(v > 0 && p > 0 && p < 1) { // none, or all: nothing tells how that scatters
		return Worth{Value: p, N: known}, true
	}
	return Worth{Value: p, N: p * (1 - p) * of * of / v}, true
}

// layers are the decisions of a group, and how many known outcomes the share is of.
func (c Criterion) layers(k Known) (out []layer, known float64, ok bool) {
	s := k.Curve.selection(k.Share)
	if s.Labels == nil || k.Positive < 0 {
		return nil, 0, false
	}
	if k.Arrived > 0 {
		return c.completed(k, s)
	}
	weights, ok := s.Weights(k.Positive)
	if !ok {
		return nil, 0, false
	}
	for b, n := range s.Labels {
		if n <= 0 {
			continue
		}
		l := layer{n: weights[b] * float64(n)}
		if l.positive, l.negative, ok = c.turns(b >= k.Positive); !ok {
			return nil, 0, false
		}
		nf, pos := float64(n), float64(k.Curve.Pos[b])
		l.share = pos / nf
		smooth := (pos + 0.5) / (nf + 1) // a bin with one outcome would be sure of all
		l.doubt = l.n * (l.n - nf) / nf * smooth * (1 - smooth)
		known += pos*l.positive.of + (nf-pos)*l.negative.of
		out = append(out, l)
	}
	return out, known, true
}

// completed are both sides of the threshold, where only positives are reported.
func (c Criterion) completed(k Known, s Selection) (out []layer, known float64, ok bool) {
	if k.Arrived > 1 {
		return nil, 0, false
	}
	var n, pos [2]float64
	for b := range s.Labels {
		side := 0
		if b >= k.Positive {
			side = 1
		}
		n[side] += s.of(b)
		pos[side] += float64(k.Curve.Pos[b])
	}
	for side := range n {
		l := layer{n: max(n[side], pos[side]/k.Arrived)}
		if l.positive, l.negative, ok = c.turns(side == 1); !ok {
			return nil, 0, false
		}
		if l.n > 0 {
			l.share = pos[side] / k.Arrived / l.n
		}
		l.doubt = pos[side] * (1 - k.Arrived) / sq(k.Arrived) // which of the positives have come is chance
		known += pos[side]*l.positive.of + (l.n-pos[side])*l.negative.of
		out = append(out, l)
	}
	return out, known, true
}

// CalibrationGapOf is CalibrationGap of outcomes that stand for all predictions: its bands are of as many as they are worth.
func CalibrationGapOf(g, ref Standing, alpha float64) (Band, bool) {
	a, ok := g.BiasBand(alpha)
	b, ok2 := ref.BiasBand(alpha)
	if !ok || !ok2 {
		return Band{}, false
	}
	return difference(a, b, -2, 2), true
}

// BiasBand is the calibration bias (mean outcome less mean score) with its interval, of as many outcomes as the counts are worth.
func (s Standing) BiasBand(alpha float64) (Band, bool) {
	b, ok := s.biasBand(alpha)
	if !ok || !(s.Effective > 0) || float64(b.N) == s.Effective {
		return b, ok
	}
	wider := math.Sqrt(float64(b.N) / s.Effective)
	e := Estimate{Value: b.Value, SE: wider * b.SE, N: int64(s.Effective)}
	return newBand(e, b.Value-wider*(b.Value-b.Low), b.Value+wider*(b.High-b.Value), -1, 1, b.Few || s.Effective < fairEvents), true
}
