package concept

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// Kind is what changed between scores and outcomes.
type Kind string

// The kinds. Input drift and prior shift leave something alone: the former what a score means, P(y|s), the latter what scores
// positives and negatives have, P(s|y).
const (
	// NoChange: scores lie where they did, and mean what they did, as far as these counts tell.
	NoChange Kind = ""
	// InputDrift: scores lie elsewhere and mean what they did. The model knows.
	InputDrift Kind = "input_drift"
	// PriorShift: outcomes are more (less) often positive, and those of either kind have the scores that they had: the map moves by one
	// intercept, which follows from the base rates, and the mean score doesn't follow it as a calibrated one would.
	PriorShift Kind = "prior_shift"
	// ConceptDrift: the same score means another outcome, and the base rate alone doesn't explain it.
	ConceptDrift Kind = "concept_drift"
	// Undecided: the map moved; concept drift or prior shift, these counts don't say which.
	Undecided Kind = "concept_drift_or_prior_shift"
)

// Words say it to people.
func (k Kind) Words() string {
	switch k {
	case InputDrift:
		return "input drift: scores lie elsewhere, and mean what they did"
	case PriorShift:
		return "prior shift: positives and negatives have the scores that they had, and their shares changed"
	case ConceptDrift:
		return "concept drift: the same scores mean other outcomes"
	case Undecided:
		return "concept drift or prior shift: too few outcomes to say which"
	default:
		return "scores and outcomes are as they were"
	}
}

// Change is what some outcomes say against a reference.
type Change struct {
	Kind     Kind
	Labels   int64
	Expected float64 // share of positives that these scores meant in the reference
	Observed float64 // share of positives
	Before   float64 // share of positives of the reference
	// Shift is by how many logits more the outcomes are positive than the scores meant, their slope kept, and Slope what the map's slope is
	// of the reference's; NaN where it can't be told. The errors are with the reference's dispersion.
	Shift, ShiftSE  float64
	Slope, SlopeSE  float64
	Score, ScoreWas float64 // mean score, now and in the reference
}

const (
	// sure is the log likelihood ratio, in nats, from which on one kind is told and not the other.
	sure = 2
	// beyond is the error, in standard errors, beyond which something moved.
	beyond = 2.5
	// misfit is the quantile of chi-square, as a normal deviate, beyond which scores lie elsewhere.
	misfit = 3
)

// Explain says what changed, of the outcomes of some days: what kind of change, by how much. It looks at nothing but counts.
func (n *Null) Explain(now *sketch.Curve) Change {
	s, ref := n.expect(now), n.expect(n.Curve)
	c := Change{
		Labels: int64(s.n), Expected: (s.pos - s.gap) / s.n, Observed: s.pos / s.n, Before: ref.pos / ref.n,
		Slope: math.NaN(), SlopeSE: math.NaN(), Score: meanScore(now), ScoreWas: meanScore(n.Curve),
	}
	if s.n == 0 {
		return c
	}
	c.Shift = n.shift(now)
	c.ShiftSE = math.Sqrt(n.Dispersion * (1/max(s.info, 1e-9) + 1/max(ref.info, 1e-9)))
	if m, ok := truth.Reliability(now).CalibrationMap(); ok {
		c.Slope = m.B / n.Map.B
		c.SlopeSE = math.Sqrt(n.Dispersion) * math.Hypot(m.SEB, n.Map.SEB*c.Slope) / math.Abs(n.Map.B)
	}
	slope := math.Abs(c.Slope-1) > SlopeTolerance && math.Abs(c.Slope-1) > beyond*c.SlopeSE // NaN: no
	moved := math.Abs(c.Shift) > Tolerance && math.Abs(c.Shift) > beyond*c.ShiftSE
	switch {
	case slope:
		c.Kind = ConceptDrift
	case moved:
		c.Kind = n.kindOfShift(now, &c)
	case n.elsewhere(now, n.as(now)) > misfit:
		c.Kind = InputDrift
	}
	return c
}

// as are the shares of the score bins of the reference.
func (n *Null) as(now *sketch.Curve) []float64 {
	return n.mixture(now, n.expect(n.Curve).pos/float64(n.Labels()))
}

// mixture are the shares that score bins have where so many outcomes are positive and either kind has the scores that it had. Half a count is
// added to the bins of either.
func (n *Null) mixture(now *sketch.Curve, positive float64) []float64 {
	var pos, neg float64
	out := make([]float64, now.Bins())
	for b, k := range n.Curve.Labels {
		pos += float64(n.Curve.Pos[b]) + 0.5
		neg += float64(k-n.Curve.Pos[b]) + 0.5
	}
	for b, k := range n.Curve.Labels {
		out[b] = positive*(float64(n.Curve.Pos[b])+0.5)/pos + (1-positive)*(float64(k-n.Curve.Pos[b])+0.5)/neg
	}
	return out
}

// kindOfShift tells prior shift from concept drift. Where the base rate alone moved, the map moves by as many logits as the base rate does (Bayes), and
// scores lie as the reference's positives and negatives do, mixed in the new shares; where the same score means something else, scores have no reason to
// move. (Where inputs moved as well, neither fits: that is no mere prior shift.)
func (n *Null) kindOfShift(now *sketch.Curve, c *Change) Kind {
	if byRate := stat.Logit(c.Observed) - stat.Logit(c.Before); !(math.Abs(c.Shift-byRate) <= Tolerance+beyond*c.ShiftSE) {
		return ConceptDrift
	}
	prior, same := n.mixture(now, c.Observed), n.as(now)
	var llr float64
	for b, k := range now.Labels {
		llr += float64(k) * math.Log(prior[b]/same[b])
	}
	switch llr /= n.Dispersion; {
	case llr > sure && n.elsewhere(now, prior) <= misfit:
		return PriorShift
	case llr > sure || llr < -sure:
		return ConceptDrift
	case n.elsewhere(now, prior) > misfit:
		return ConceptDrift
	}
	return Undecided
}

// elsewhere is how far the scores lie from such shares, as a normal deviate (the cube root of chi-square: Wilson & Hilferty 1931), against the noise
// of both samples. Bins that expect fewer than 5 are joined with the next.
func (n *Null) elsewhere(now *sketch.Curve, share []float64) float64 {
	k, ref := float64(labels(now)), float64(n.Labels())
	var x2, df, expected, found float64
	for b := range share {
		expected += share[b] * k
		found += float64(now.Labels[b])
		if expected < 5 && b < len(share)-1 {
			continue
		}
		if expected > 0 {
			x2 += (found - expected) * (found - expected) / (expected * (1 + k/ref))
			df++
		}
		expected, found = 0, 0
	}
	if df--; df < 1 {
		return 0
	}
	v := 2 / (9 * df)
	return (math.Cbrt(x2/n.Dispersion/df) - 1 + v) / math.Sqrt(v)
}

func meanScore(c *sketch.Curve) float64 {
	var sum float64
	for _, s := range c.LS {
		sum += float64(s) / sketch.ScoreScale
	}
	return sum / float64(labels(c))
}
