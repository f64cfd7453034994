package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

const vectorStreams = "streams:\n  prediction: {topic: p, fields: {id: id, time: ts, score: score}%s}\n"

func TestComponent(t *testing.T) {
	for i := range contract.MaxComponents {
		m := plan.Component(i)
		if got, ok := m.Component(); got != i || !ok || !m.OfVector() {
			t.Errorf("%s is component %d, %t", m, got, ok)
		}
	}
	for _, m := range []plan.Measure{plan.Whole, plan.OfLength, plan.OfNorm, "component_", "component_-1", "component_+1", "component_01", "component_64", "component_x", "component_1e1"} {
		if i, ok := m.Component(); ok {
			t.Errorf("%q is component %d", m, i)
		}
		if m.OfVector() != (m == plan.OfNorm) {
			t.Errorf("%q is of a vector: %t", m, m.OfVector())
		}
	}
}

// Each component is a field and a column of its own, a number like any other; what is promised of missing values is held against
// the norm.
func TestDraftComponents(t *testing.T) {
	p, err := draft(t, fmt.Sprintf(vectorStreams, "")+"inputs: {e: {type: vector, path: a.e, components: 3, missing: {max: 1%}, ignore_below: {rate: 2pp}}, x: {type: numeric}}")
	if err != nil {
		t.Fatal(err)
	}
	want := "e.norm:number<a.e of norm, e.dimension:number<a.e of dimension, e.component_0:number<a.e of component_0, e.component_1:number<a.e of component_1, " +
		"e.component_2:number<a.e of component_2, x:number, id:string, ts:time, score:number"
	if got := words(p.Prediction.Fields); got != want {
		t.Errorf("reads\n%s, want\n%s", got, want)
	}
	var columns []string
	for _, c := range p.Columns {
		columns = append(columns, fmt.Sprint(c.Name, " ", p.Prediction.Fields[c.Field].Name, " ", c.Layout.Categorical, " ", c.Missing != nil, " ", c.Ignore.Rate))
	}
	if got, want := strings.Join(columns, "\n"), `e.norm e.norm false true 0.02
e.dimension e.dimension false false 0.02
e.component_0 e.component_0 false false 0.02
e.component_1 e.component_1 false false 0.02
e.component_2 e.component_2 false false 0.02
x x false false 0.005
score score false false 0.005`; got != want {
		t.Errorf("counts\n%s\nwant\n%s", got, want)
	}
}

// A filter may use what is measured of an input, the components too.
func TestWhereByAComponent(t *testing.T) {
	p, err := draft(t, fmt.Sprintf(vectorStreams, `, where: "e.norm > 0 && e.component_1 < 0"`)+"inputs: {e: {type: vector, components: 2}}")
	if err != nil {
		t.Fatal(err)
	}
	d, err := plan.NewDeriver(&p.Prediction, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := plan.NewBatch(&p.Prediction, 4)
	for i, e := range [][2]float64{{1, -1}, {1, 1}, {-1, 1}, {-1, -1}} {
		row := b.Grow(int64(i))
		b.SetNumber(0, row, 1)
		b.SetNumber(2, row, e[0])
		b.SetNumber(3, row, e[1])
	}
	if dropped := d.Derive(b); dropped != 2 || b.N != 2 || b.Offset[0] != 0 || b.Offset[1] != 3 {
		t.Errorf("%d dropped, %d left: %v", dropped, b.N, b.Offset[:b.N])
	}
}

func TestDraftRefusesNamesOfComponents(t *testing.T) {
	for rest, want := range map[string]string{
		"inputs: {e: {type: vector, components: 2}, e.component_1: {type: numeric}}":                    "input e: e.component_1 is what its component_1 is counted as; give that input another name",
		"inputs: {e: {type: vector, components: 2}, x: {type: numeric}}\nderived: {e.component_1: x+1}": "input e: e.component_1 is what its component_1 is counted as; give that derived column another name",
	} {
		if _, err := draft(t, fmt.Sprintf(vectorStreams, "")+rest); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := draft(t, fmt.Sprintf(vectorStreams, "")+"inputs: {e: {type: vector, components: 2}, e.component_2: {type: numeric}}"); err != nil {
		t.Errorf("a name that no component has: %v", err)
	}
}

// A plan without components is the plan that it was before there were any: its digest is the one that builds before them gave it.
func TestPlansWithoutComponentsKeepTheirDigest(t *testing.T) {
	for components, want := range map[string]string{"": "593b9c028ac267bf", ", components: 2": "d19a940fdcceca4b"} {
		p, err := draft(t, fmt.Sprintf(vectorStreams, "")+"inputs: {e: {type: vector"+components+"}, n: {type: text}}")
		if err != nil {
			t.Fatal(err)
		}
		p.TestPane, p.TruthPane, p.Contract, p.Learns, p.FaultLateness = p.Pane, p.Pane, "", "", nil // builds before components knew no such thing
		for i := range p.Columns {
			p.Columns[i].Layout.Edges = nil
			p.Columns[i].Layout.Empty = true
		}
		if err := p.Seal(); err != nil {
			t.Fatal(err)
		}
		if p.Digest() != want {
			t.Errorf("components %q: digest %s, want %s", components, p.Digest(), want)
		}
		got, err := plan.Read(encoded(t, p))
		if err != nil || got.Digest() != p.Digest() {
			t.Errorf("read with digest %s, %v", got.Digest(), err)
		}
	}
}
