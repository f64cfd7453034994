package plan_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// What a contract says of attributes of their own is in its plan, which comes back from its JSON, and what is no such plan is refused.
func TestAttributesPlan(t *testing.T) {
	draft := func() *plan.Plan {
		c, err := contract.Load(filepath.Join("..", "contract", "testdata", "good", "attributes.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Draft(c)
		if err != nil {
			t.Fatal(err)
		}
		p.TestPane, p.TruthPane = p.Pane, p.Pane
		for i := range p.Columns {
			p.Columns[i].Layout.Empty = true // nothing was learnt
		}
		return p
	}
	read := func(p *plan.Plan) (*plan.Plan, error) {
		b, err := p.JSON()
		if err != nil {
			t.Fatal(err)
		}
		return plan.Read(b)
	}
	p := draft()
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	got, err := read(p)
	if err != nil || got.Digest() != p.Digest() {
		t.Fatalf("%v", err)
	}
	for i, want := range []struct {
		name, path string
		joined     bool
	}{{"sex", "sex", true}, {"ethnicity", "census.ethnicity", true}, {"region", "person.region", false}} {
		d := &got.Slices[got.Fairness.Attributes[i].Dim]
		f := &got.Prediction.Fields[d.Field]
		if d.Name != want.name || strings.Join(f.Path, ".") != want.path || got.IsJoined(got.Fairness.Attributes[i].Dim) != want.joined || (f.From == plan.FromAttributes) != want.joined {
			t.Errorf("%s: %+v by %+v", want.name, d, f)
		}
	}
	if a := got.Attributes; a.Projection.Topic != "people.attributes" || a.Projection.Where == "" || len(a.Joined) != 2 {
		t.Errorf("%+v", a)
	}
	for want, spoil := range map[string]func(*plan.Plan){
		"which brings no such dimension":             func(p *plan.Plan) { p.Attributes = nil },
		"the attributes stream has no id or no time": func(p *plan.Plan) { p.Attributes.Projection.Roles.Time = -1 },
		"names dimension 9 of 3":                     func(p *plan.Plan) { p.Attributes.Joined = append(p.Attributes.Joined, plan.Joined{Dim: 9}) },
		"is field 99 of the attributes stream":       func(p *plan.Plan) { p.Attributes.Joined[0].Field = 99 },
		"comes from the attributes stream and from the": func(p *plan.Plan) {
			p.Attributes.Joined = append(p.Attributes.Joined, plan.Joined{Dim: 2, Field: p.Attributes.Joined[0].Field})
		},
		"it reads attributes that groups aren't compared by": func(p *plan.Plan) { p.Fairness = nil },
	} {
		p := draft()
		spoil(p)
		if _, err := read(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	// Whoever has no such stream has the plan of before, byte for byte: nothing of it is named.
	c, err := contract.Load(filepath.Join("..", "contract", "testdata", "good", "fairness.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := plan.Draft(c)
	if err != nil {
		t.Fatal(err)
	}
	b, err := plain.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{`"attributes":{`, `"reasons"`, `"of":"all"`} {
		if strings.Contains(string(b), name) {
			t.Errorf("%s is in the plan", name)
		}
	}
}
