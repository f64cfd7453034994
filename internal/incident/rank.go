package incident

import (
	"cmp"
	"math"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// mostRatio bounds each factor of a score: a fault in a constant column has no measure, and shouldn't outshout all that have.
const mostRatio = 1000

// score is how much an incident matters beside others: evidence x effect x burn, each as a ratio to what is asked of an alarm. Evidence is
// that of the strongest signal over what was needed; effect the largest move over what is too small to matter; burn how many times a
// broken promise's limit is reached. What isn't measured counts 1: so does a fault. Price is no factor: currencies differ, and Louder looks
// at it by itself.
func (e *entry) score() finding.Number {
	evidence, effect, burn := 1.0, 1.0, 1.0
	for _, p := range e.signals {
		f := &p.last
		evidence = max(evidence, ratio(float64(f.Evidence.Log10), float64(f.Evidence.Needed)))
		effect = max(effect, ratio(math.Abs(float64(f.Value)-reference(f)), float64(f.IgnoreBelow)))
		if f.Verdict == finding.Breach {
			burn = max(burn, ratio(float64(f.Value), float64(f.Threshold)), ratio(float64(f.Threshold), float64(f.Value)))
		}
	}
	return finding.Number(math.Round(evidence*effect*burn*10) / 10)
}

// reference is what a value is held against; 0 where it is a distance.
func reference(f *finding.Finding) float64 {
	if f.Reference.Valid() {
		return float64(f.Reference)
	}
	return 0
}

// ratio is a/b, 1 where that says nothing.
func ratio(a, b float64) float64 {
	r := a / b
	if math.IsNaN(r) || math.IsInf(r, 0) || b <= 0 || r < 1 {
		return 1
	}
	return min(r, mostRatio)
}

// Louder orders incidents by how much they matter: those that aren't over first, then pages, then what costs more a day in one currency,
// then by score, then by age.
func Louder(a, b Incident) int {
	flag := func(is bool) int {
		if is {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(flag(a.Status.Active()), flag(b.Status.Active())),
		cmp.Compare(flag(a.Severity == finding.Page), flag(b.Severity == finding.Page)),
		dearer(a.Impact, b.Impact),
		cmp.Compare(b.Score, a.Score),
		Compare(a, b),
	)
}

// dearer compares prices per day, currency by currency; what has a price comes before what has none.
func dearer(a, b *finding.Impact) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	default:
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(b.PerDay, a.PerDay))
	}
}
