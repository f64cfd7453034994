package incident

import (
	"cmp"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// mostRatio bounds each factor of a score: a fault in a constant column has no measure, and shouldn't outshout all that have.
const mostRatio = 1000

// Weight is what an incident's score is made of: evidence x effect x cost (docs/incidents-at-work.md), each as a ratio to what is asked of an alarm, 1 or more, 1 also
// where it isn't measured.
type Weight struct {
	Evidence finding.Number `json:"evidence"` // of the strongest signal: log evidence over what was needed
	Effect   finding.Number `json:"effect"`   // the largest move over what is too small to matter
	Cost     finding.Number `json:"cost"`     // how many times as much as is allowed
	Of       string         `json:"cost_of"`  // what that is of: limit (of a broken promise), promise (what a broken one allows), budget (of the promise on expected_cost), reference (its cost); "" where nothing is priced
	Basis    string         `json:"cost_basis,omitempty"`
}

// The levels of an incident's weight.
const (
	High   = "high"
	Medium = "medium"
	Low    = "low"
)

// From these scores on an incident that pages nobody is high or medium: each factor is 1 where an alarm just came about, and two of them at three times
// that, or all three at 4.6 times, make 10 and 100.
const (
	highFrom   = 100
	mediumFrom = 10
)

// Level is high for what pages, and else by the score.
func (i *Incident) Level() string {
	switch {
	case i.Severity == finding.Page || i.Score >= highFrom:
		return High
	case i.Score >= mediumFrom:
		return Medium
	default:
		return Low
	}
}

// What a Weight's cost is of, where a promise is broken: how many times its limit is reached, or how fast what it allows is burnt.
const (
	limit   = "limit"
	promise = "promise"
)

// burnt is how fast a broken promise burns what it allows: 1 where that lasts exactly, 0 where the promise's metric is no mean over decisions, or nothing is allowed beyond
// the reference (docs/promises.md; engine.burningOf).
func burnt(f *finding.Finding) float64 {
	value, limit, ref := float64(f.Value), float64(f.Threshold), float64(f.Reference)
	if f.Verdict != finding.Breach {
		return 0
	}
	switch f.Metric {
	case "accuracy", "recall", "specificity", "precision":
		if limit < 1 {
			return (1 - value) / (1 - limit)
		}
	case "expected_cost":
		if limit > ref {
			return (value - ref) / (limit - ref)
		}
	}
	return 0
}

// weigh measures an incident. The cost is the largest of: how many times a broken promise's limit is reached, or how fast what it allows is burnt, and how fast decisions burn what is allowed, as
// outcomes show of the whole or, before that, as scores let one expect (finding.Burn). That scores are known to mean something else by now is another lane's: which of both is
// heard of first is not fixed, so it changes nothing here, and who reads an estimate is told what it rests on.
func (e *entry) weigh() Weight {
	w := Weight{Evidence: 1, Effect: 1, Cost: 1}
	cost := func(rate float64, of, basis string) {
		if r := finding.Number(rate); w.Of == "" || r > w.Cost {
			w.Cost, w.Of, w.Basis = r, of, basis
		}
	}
	measured := e.measured()
	for _, p := range e.parts() {
		f := &p.last
		w.Evidence = max(w.Evidence, finding.Number(ratio(float64(f.Evidence.Log10), float64(f.Evidence.Needed))))
		w.Effect = max(w.Effect, finding.Number(ratio(math.Abs(float64(f.Value)-reference(f)), float64(f.IgnoreBelow))))
		if burn := burnt(f); burn > 1 {
			cost(ratio(burn, 1), promise, finding.Measured)
		} else if f.Verdict == finding.Breach && f.Value.Valid() && f.Threshold.Valid() {
			cost(max(ratio(float64(f.Value), float64(f.Threshold)), ratio(float64(f.Threshold), float64(f.Value))), limit, finding.Measured)
		}
		if i := f.Impact; i != nil && i.Burn != nil && !(measured && i.Basis == finding.Estimated) {
			cost(ratio(float64(i.Burn.Rate), 1), i.Burn.Of, i.Basis)
		}
	}
	for _, x := range []*finding.Number{&w.Evidence, &w.Effect, &w.Cost} {
		*x = finding.Number(math.Round(float64(*x)*100) / 100)
	}
	return w
}

// measured reports whether outcomes show how fast decisions of the whole burn what is allowed.
func (e *entry) measured() bool {
	return slices.ContainsFunc(e.parts(), func(p *part) bool {
		i := p.last.Impact
		return i != nil && i.Burn != nil && i.Basis != finding.Estimated && len(p.slice) == 0
	})
}

// score is the product.
func (w *Weight) score() finding.Number {
	return finding.Number(math.Round(float64(w.Evidence*w.Effect*w.Cost)*10) / 10)
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
