package plan_test

import (
	"testing"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// A boolean column can be sliced by, also a derived one; a missing value stays missing.
func TestSliceByBoolean(t *testing.T) {
	c, err := contract.Parse("c.yaml", []byte(`
apiVersion: plumbline/v1
kind: QualityContract
metadata: {model: m}
owners: {model: us}
task: {type: binary}
streams:
  prediction: {topic: t, fields: {id: id, time: ts, score: score}}
inputs:
  x: {type: numeric}
  member: {type: boolean}
derived: {big: "x > 10.0"}
slices: [[member], [big]]
watch: {reference: {from: 2026-01-01, to: 2026-02-01}}
`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Draft(c)
	if err != nil {
		t.Fatal(err)
	}
	d, err := plan.NewDeriver(&p.Prediction, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, f := range p.Prediction.Fields {
		at[f.Name] = i
	}
	b := plan.NewBatch(&p.Prediction, 2)
	row := b.Grow(1)
	b.SetNumber(at["x"], row, 20)
	b.SetNumber(at["member"], row, 0)
	d.Last(b)
	row = b.Grow(2)
	b.SetNumber(at["x"], row, 2)
	d.Last(b)
	for i, want := range [][2]string{{"false", ""}, {"true", "false"}} {
		dim := p.Slices[i]
		col := &b.Cols[dim.Field]
		if got := [2]string{col.Str[0], col.Str[1]}; got != want {
			t.Errorf("slice %s: %q, want %q", dim.Name, got, want)
		}
	}
}
