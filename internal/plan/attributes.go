package plan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/contract"
)

// Attributes is the stream that protected attributes come from which the prediction's events don't carry. A record of it says the groups
// of one id; they are joined with the outcomes of that id, and nothing else is kept of it.
type Attributes struct {
	Projection Projection `json:"projection"`
	Joined     []Joined   `json:"joined"`
}

// Joined is a dimension whose values the attributes' stream brings. In what predictions counted it is missing.
type Joined struct {
	Dim   int `json:"dim"`   // into Slices
	Field int `json:"field"` // into Projection.Fields
}

// joined adds an attribute that the attributes' stream brings.
func (p *Plan) joined(c *contract.Contract, a contract.Protected) error {
	if p.Attributes == nil {
		s := c.Streams.Attributes
		proj := reading(s)
		if err := proj.filter(c, s); err != nil {
			return err
		}
		proj.Roles.ID = proj.role(s.Fields.ID, String)
		proj.Roles.Time = proj.role(s.Fields.Time, Time)
		p.Attributes = &Attributes{Projection: proj}
	}
	if slices.ContainsFunc(p.Prediction.Fields, func(f Field) bool { return f.Name == a.Attribute }) {
		return fmt.Errorf("protected: %s is what another field is called; give the attribute another name", a.Attribute)
	}
	_, steps := locate(a.Path)
	p.Prediction.Fields = append(p.Prediction.Fields, Field{Name: a.Attribute, Path: steps, From: FromAttributes, Kind: String})
	at, err := p.dimension(a.Attribute)
	if err != nil {
		return fmt.Errorf("protected: %w", err)
	}
	p.Attributes.Joined = append(p.Attributes.Joined, Joined{Dim: at, Field: p.Attributes.Projection.role(a.Path, String)})
	p.Fairness.Attributes = append(p.Fairness.Attributes, Attribute{Dim: at, Privileged: a.Privileged, Against: Rest})
	return nil
}

// IsJoined reports whether a dimension's values come from the attributes' stream.
func (p *Plan) IsJoined(dim int) bool {
	return p.Attributes != nil && slices.ContainsFunc(p.Attributes.Joined, func(j Joined) bool { return j.Dim == dim })
}

// AppendGroups appends what a row of the attributes' stream says of its id: a code of two bytes for each of Joined, as slice codes have it. A value
// that is missing, or can't be read, is in no group.
func (p *Plan) AppendGroups(to []byte, b *Batch, row int) []byte {
	for _, j := range p.Attributes.Joined {
		code := NoValue
		if c := &b.Cols[j.Field]; c.State[row] == OK {
			d := &p.Slices[j.Dim]
			if code = slices.Index(d.Values, c.Str[row]); code < 0 {
				code = len(d.Values)
			}
		}
		to = append(to, byte(code>>8), byte(code))
	}
	return to
}

// InGroups is a finest slice with the groups that AppendGroups said of its id under the plan from, which may be another: then groups are found by
// their values, and one that this plan or that one doesn't tell apart from others is none.
func (p *Plan) InGroups(slice, groups string, from *Plan) string {
	if p.Attributes == nil || from == nil || from.Attributes == nil || len(groups) != 2*len(from.Attributes.Joined) {
		return slice
	}
	out := []byte(slice)
	for _, j := range p.Attributes.Joined {
		if 2*j.Dim+1 >= len(out) {
			return slice
		}
		code := NoValue
		d := &p.Slices[j.Dim]
		for i, k := range from.Attributes.Joined {
			e := &from.Slices[k.Dim]
			if e.Name != d.Name {
				continue
			}
			code = SliceAt(groups, i)
			if !slices.Equal(d.Values, e.Values) && code != NoValue {
				name := code
				code = NoValue
				if name < len(e.Values) {
					if at := slices.Index(d.Values, e.Values[name]); at >= 0 {
						code = at
					}
				}
			}
		}
		out[2*j.Dim], out[2*j.Dim+1] = byte(code>>8), byte(code)
	}
	return string(out)
}

// joinedStreams are the projections of what is joined with predictions.
func (p *Plan) joinedStreams() (out []*Projection) {
	if p.Outcome != nil {
		out = append(out, p.Outcome)
	}
	if p.Attributes != nil {
		out = append(out, &p.Attributes.Projection)
	}
	return out
}

func (p *Plan) checkAttributes() error {
	a := p.Attributes
	for i, f := range p.Prediction.Fields {
		if f.From == FromAttributes && (a == nil || !slices.ContainsFunc(a.Joined, func(j Joined) bool {
			return j.Dim >= 0 && j.Dim < len(p.Slices) && p.Slices[j.Dim].Field == i
		})) {
			return fmt.Errorf("field %s is from the attributes' stream, which brings no such dimension", f.Name)
		}
	}
	if a == nil {
		return nil
	}
	switch r := a.Projection.Roles; {
	case r.ID < 0 || r.Time < 0:
		return errors.New("the attributes stream has no id or no time")
	case p.Fairness == nil || len(a.Joined) == 0:
		return errors.New("it reads attributes that groups aren't compared by")
	}
	if err := a.Projection.check("attributes"); err != nil {
		return err
	}
	for _, j := range a.Joined {
		if err := p.dims([]int{j.Dim}); err != nil {
			return fmt.Errorf("a joined attribute %w", err)
		}
		if j.Field < 0 || j.Field >= len(a.Projection.Fields) || a.Projection.Fields[j.Field].Kind != String {
			return fmt.Errorf("the attribute %s is field %d of the attributes stream, which must be a string", p.Slices[j.Dim].Name, j.Field)
		}
		if f := p.Slices[j.Dim].Field; p.Prediction.Fields[f].From != FromAttributes {
			return fmt.Errorf("the attribute %s comes from the attributes stream and from the prediction's event", p.Slices[j.Dim].Name)
		}
	}
	return nil
}
