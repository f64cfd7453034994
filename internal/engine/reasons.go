package engine

import (
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// Reasons is how many predictions carry reason codes, by decision.
type Reasons struct {
	Negative Reasoned `json:"negative"`
	Positive Reasoned `json:"positive"`
	All      Reasoned `json:"all"` // undecided ones too
}

// Reasoned is how many predictions of a kind there are, how many carry reason codes, and that share with its 95 % interval (Wilson 1927).
type Reasoned struct {
	N     int64             `json:"n"`
	Given int64             `json:"given"`
	Share finding.Number    `json:"share"`
	Band  [2]finding.Number `json:"band"`
}

// ReasonsOf is what a set counted of reason codes; nil for nothing, and under a plan that names none.
func ReasonsOf(s *sketch.Set) *Reasons {
	if s == nil || s.Reasons == nil {
		return nil
	}
	return &Reasons{reasoned(s, contract.NegativeDecisions), reasoned(s, contract.PositiveDecisions), reasoned(s, contract.AllDecisions)}
}

func reasoned(s *sketch.Set, of string) Reasoned {
	given, all := s.Reasoned(of)
	out := Reasoned{N: all, Given: given, Share: share(given, all), Band: [2]finding.Number{finding.None(), finding.None()}}
	if all > 0 {
		lo, hi := stat.Wilson(given, all, 0.05)
		out.Band = [2]finding.Number{finding.Number(lo), finding.Number(hi)}
	}
	return out
}

// whose says which decisions a promise on reason codes is of, in words.
func whose(of string) string {
	if of == contract.AllDecisions {
		return "predictions"
	}
	return of + " decisions"
}

// reasoned is the verdict on reason codes: the promise is broken if the upper 95 % bound of their share is below the limit.
func (c *serviceCounts) reasoned(v serviceVerdict) serviceVerdict {
	limit := v.threshold
	_, hi := stat.Wilson(c.Within, c.N, 0.10)
	v.value = float64(share(c.Within, c.N))
	v.broken = c.N >= fewest && hi < limit
	v.kept = c.N >= fewest && float64(c.Within) >= limit*float64(c.N)
	v.figure = finding.Figure{Name: "with reason codes", Before: finding.Number(100 * limit), Now: finding.Number(100 * v.value), Unit: "%"}
	return v
}
