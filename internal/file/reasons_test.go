package file

import (
	"testing"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Whether a row gives reason codes is read alike from cells and from JSON.
func TestReasonCodes(t *testing.T) {
	p := &plan.Projection{Roles: plan.NoRoles(), Fields: []plan.Field{
		{Name: "why.given", Path: []string{"why"}, Kind: plan.Number, Of: plan.OfGiven}, {Name: "n", Path: []string{"n"}, Kind: plan.Number},
	}}
	read := func(format Format, data string) (out []float64) {
		r := open(t, format, data)
		j, err := NewProjector(r, p)
		if err != nil {
			t.Fatal(err)
		}
		b := plan.NewBatch(p, 1)
		if _, err := j.Fill(b, 100); err != nil {
			t.Fatal(err)
		}
		for row := range b.N {
			switch b.Cols[0].State[row] {
			case plan.OK:
				out = append(out, b.Cols[0].Num[row])
			case plan.Missing:
				out = append(out, -1)
			default:
				out = append(out, -2)
			}
		}
		return out
	}
	for _, tt := range []struct {
		cell, json string
		want       float64
	}{
		{`R1`, `"R1"`, 1},
		{`"[R1, R2]"`, `["R1","R2"]`, 1},
		{`"[,R2]"`, `["",null,"R2"]`, 1},
		{`"[""R1""]"`, `"[\"R1\"]"`, 1},
		{`[]`, `[]`, 0},
		{`"["""", '']"`, `["",""]`, 0},
		{`" "`, `" "`, 0},
		{`38`, `38`, 1},
		{`"[38,40]"`, `[38,40]`, 1},
		{``, `null`, -1},
	} {
		if got := read(CSV, "why,n\n"+tt.cell+",1\n"); len(got) != 1 || got[0] != tt.want {
			t.Errorf("%s: %v, want %g", tt.cell, got, tt.want)
		}
		if got := read(JSONL, `{"why":`+tt.json+`,"n":1}`+"\n"); len(got) != 1 || got[0] != tt.want {
			t.Errorf("%s: %v, want %g", tt.json, got, tt.want)
		}
	}
	if got := read(JSONL, `{"why":[{"code":"R1"}],"n":1}`+"\n"); got[0] != -2 {
		t.Errorf("an array of objects: %v", got)
	}
}
