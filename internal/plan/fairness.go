package plan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/contract"
)

// Rest stands for a reference group that is all others together.
const Rest = -1

// Fairness is what a plan knows of the groups that fairness is judged by.
type Fairness struct {
	Attributes []Attribute `json:"attributes"`
	// Reference is what the reference counted of groups, see package fairness.
	Reference []byte `json:"reference,omitempty"`
	// Growth is what the sequential engine has learnt of the gaps between groups, see package drift; none: the reference is too short.
	Growth []byte `json:"growth,omitempty"`
}

// Attribute is a protected attribute.
type Attribute struct {
	Dim        int     `json:"dim"`                  // into Slices
	Privileged string  `json:"privileged,omitempty"` // what the contract compares others with
	Against    int     `json:"against"`              // the group that the others are compared with, as slice codes have it, or Rest
	Proxies    []Proxy `json:"proxies,omitempty"`    // inputs that tell most of the attribute, those first
}

// Proxy is an input that tells something of a protected attribute, by the reference's counts.
type Proxy struct {
	Column int     `json:"column"` // into Columns
	Bits   float64 `json:"bits"`   // mutual information, less what chance alone would show
	Share  float64 `json:"share"`  // of the attribute's entropy, 0 to 1
}

// protected makes slice dimensions of the contract's protected attributes. Groups are compared by decisions, so that a model without a
// score between 0 and 1 has none.
func (p *Plan) protected(c *contract.Contract) error {
	if len(c.Protected) == 0 {
		return nil
	}
	if p.Score == nil || c.Task.Type != contract.Binary {
		p.Unjudged = append(p.Unjudged, "fairness is not judged: groups are compared by the decisions of a binary model with a score")
		return nil
	}
	p.Fairness = &Fairness{}
	for _, a := range c.Protected {
		if a.From != "" {
			if err := p.joined(c, a); err != nil {
				return err
			}
			continue
		}
		if a.Path != "" {
			if err := p.carried(a); err != nil {
				return err
			}
		}
		at, err := p.dimension(a.Attribute)
		if err != nil {
			return fmt.Errorf("protected: %w", err)
		}
		p.Fairness.Attributes = append(p.Fairness.Attributes, Attribute{Dim: at, Privileged: a.Privileged, Against: Rest})
	}
	return nil
}

// carried adds the field of an attribute that the model doesn't read. It is no column: how it moves is no drift of an input.
func (p *Plan) carried(a contract.Protected) error {
	if slices.ContainsFunc(p.Prediction.Fields, func(f Field) bool { return f.Name == a.Attribute }) {
		return fmt.Errorf("protected: %s is what another field is called; give the attribute another name", a.Attribute)
	}
	from, steps := locate(a.Path)
	p.Prediction.Fields = append(p.Prediction.Fields, Field{Name: a.Attribute, Path: steps, From: from, Kind: String})
	return nil
}

// Drafted are the attributes without what is learnt of them.
func (f *Fairness) Drafted() (out []Drafted) {
	if f != nil {
		for _, a := range f.Attributes {
			out = append(out, Drafted{a.Dim, a.Privileged})
		}
	}
	return out
}

// Drafted is what a contract says of an attribute.
type Drafted struct {
	Dim        int
	Privileged string
}

// drafted is f without what is learnt.
func (f *Fairness) drafted() *Fairness {
	if f == nil {
		return nil
	}
	out := &Fairness{}
	for _, a := range f.Drafted() {
		out.Attributes = append(out.Attributes, Attribute{Dim: a.Dim, Privileged: a.Privileged, Against: Rest})
	}
	return out
}

func (p *Plan) checkFairness() error {
	f := p.Fairness
	if f == nil {
		return nil
	}
	if p.Score == nil || len(f.Attributes) == 0 {
		return errors.New("it compares groups, and has no decisions or no attribute to compare them by")
	}
	for _, a := range f.Attributes {
		if err := p.dims([]int{a.Dim}); err != nil {
			return fmt.Errorf("a protected attribute %w", err)
		}
		if a.Against < Rest || a.Against > len(p.Slices[a.Dim].Values) {
			return fmt.Errorf("groups by %s are compared with value %d of %d", p.Slices[a.Dim].Name, a.Against, len(p.Slices[a.Dim].Values))
		}
		for _, x := range a.Proxies {
			if x.Column < 0 || x.Column >= len(p.Columns) {
				return fmt.Errorf("column %d of %d tells of %s", x.Column, len(p.Columns), p.Slices[a.Dim].Name)
			}
		}
	}
	return nil
}
