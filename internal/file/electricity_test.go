package file

import (
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/examples/electricity"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// The demo's file and the demo's stream must be the same data: what a Projector reads from the file row by row is what the
// events carry, for predictions and for outcomes.
func TestElectricityFileIsTheStream(t *testing.T) {
	field := func(kind plan.Kind, path ...string) plan.Field {
		return plan.Field{Name: path[len(path)-1], Path: path, Kind: kind}
	}
	names := []string{"period", "nswprice", "nswdemand", "vicprice", "vicdemand"}
	prediction := &plan.Projection{Roles: plan.NoRoles()}
	for _, name := range names {
		prediction.Fields = append(prediction.Fields, field(plan.Number, name))
	}
	prediction.Fields = append(prediction.Fields, field(plan.Number, "flows", "transfer"), field(plan.Number, "score"),
		field(plan.String, "event_id"), field(plan.Time, "ts"), field(plan.String, "model_version"))
	prediction.Roles.Score, prediction.Roles.ID, prediction.Roles.Time, prediction.Roles.Version = 6, 7, 8, 9
	outcome := &plan.Projection{Roles: plan.NoRoles(), Fields: []plan.Field{field(plan.String, "event_id"), field(plan.Time, "ts"), field(plan.String, "up")}}
	outcome.Roles.ID, outcome.Roles.Time, outcome.Roles.Label = 0, 1, 2

	read := func(p *plan.Projection, options ...Option) *plan.Batch {
		f, err := electricity.FS.Open(electricity.DataFile)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}()
		r, err := New(f, CSV, electricity.DataFile)
		if err != nil {
			t.Fatal(err)
		}
		options = append(options, OnReject(func(e RowError) { t.Errorf("rejected: %v", &e) }))
		j, err := NewProjector(r, p, options...)
		if err != nil {
			t.Fatal(err)
		}
		if !j.MakesIDs() {
			t.Error("the file has ids of its own")
		}
		b := fill(t, j, p, 1000)
		if b.N != electricity.Rows {
			t.Fatalf("%d rows, want %d", b.N, electricity.Rows)
		}
		return b
	}
	p := read(prediction, WithVersion(electricity.Version))
	o := read(outcome, WithTimeShift(electricity.Delay))

	labels := [2]string{"0", "1"}
	var predictions, outcomes int
	for e, err := range electricity.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if e.Stream == electricity.Outcome {
			row := outcomes
			outcomes++
			if o.Cols[1].Int[row] != e.Time.UnixMicro() || o.Cols[2].Str[row] != labels[e.Native["up"].(int32)] || o.Cols[0].Str[row] != p.Cols[7].Str[row] {
				t.Fatalf("outcome %s at %s differs from row %d", e.ID, e.Time.Format(time.RFC3339), row)
			}
			continue
		}
		row := predictions
		predictions++
		for i := range 6 {
			v := e.Native["flows"].(map[string]any)["transfer"]
			if i < 5 {
				v = e.Native[names[i]]
			}
			if got := p.Cols[i].Num[row]; p.Cols[i].State[row] != plan.OK || got != v.(map[string]any)["double"] {
				t.Fatalf("%s: field %d is %v in the file and %v in the event", e.ID, i, got, v)
			}
		}
		if p.Cols[6].Num[row] != e.Native["score"] || p.Cols[8].Int[row] != e.Time.UnixMicro() || p.Cols[9].Str[row] != e.Native["model_version"] {
			t.Fatalf("prediction %s differs from row %d", e.ID, row)
		}
	}
}
