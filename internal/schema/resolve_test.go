package schema

import (
	"errors"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

const eventSchema = `{"type":"record","name":"Event","fields":[
	{"name":"event_id","type":"string"},
	{"name":"score","type":"double"},
	{"name":"flows","type":["null",{"type":"record","name":"Flows","fields":[{"name":"transfer","type":"double"},{"name":"load","type":"double"}]}]},
	{"name":"tags","type":{"type":"array","items":"string"}},
	{"name":"nothing","type":"null"}]}`

func TestCompilePathErrors(t *testing.T) {
	for _, tt := range []struct {
		field string
		near  string
		parts []string
	}{
		{"flows.tranfer number", "transfer", []string{`path "flows.tranfer"`, `record Flows has no field "tranfer"`, "transfer, load", `did you mean "transfer"?`}},
		{"Score number", "score", []string{`record Event has no field "Score"`, "event_id, score, flows, tags, nothing"}},
		{"completely_different number", "", []string{"event_id, score"}},
		{"flows number", "", []string{"record Flows", "can't be read as a number", "transfer, load"}},
		{"tags.0 string", "", []string{"tags is an array"}},
		{"score.x number", "", []string{"score is a double", `"x"`}},
		{"event_id number", "", []string{"string there, which can't be read as a number", "numbers are read from"}},
		{"score time", "", []string{"double there, which can't be read as a time"}},
		{"nothing number", "", []string{"null there"}},
	} {
		_, err := Compile(eventSchema, projection(t, tt.field))
		var e *PathError
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", tt.field, err)
			continue
		}
		if e.Near != tt.near {
			t.Errorf("%s: nearest is %q, want %q", tt.field, e.Near, tt.near)
		}
		for _, part := range tt.parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q lacks %q", tt.field, err, part)
			}
		}
	}
}

func TestCompileNamesEveryBadPath(t *testing.T) {
	_, err := Compile(eventSchema, projection(t, "scor number", "score number", "event_idd string"))
	for _, part := range []string{`did you mean "score"?`, `did you mean "event_id"?`} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v lacks %q", err, part)
		}
	}
}

func TestCompileRefusesBadPlans(t *testing.T) {
	if _, err := Compile(eventSchema, &plan.Projection{Fields: []plan.Field{{Name: "x", Kind: plan.Number}}, Roles: plan.NoRoles()}); err == nil {
		t.Error("a field without path and expression was accepted")
	}
	p := projection(t, "score number")
	p.Roles.ID = 1
	if _, err := Compile(eventSchema, p); err == nil {
		t.Error("a role outside the fields was accepted")
	}
	p = projection(t, strings.Repeat("next.", 64)+"v number")
	if _, err := Compile(listSchema, p); err == nil {
		t.Error("a path of 65 steps was accepted")
	}
}

func TestNearest(t *testing.T) {
	for _, tt := range []struct{ s, want string }{
		{"temprature", "temperature"}, {"TEMP", "temp"}, {"tem", "temp"}, {"pressure", ""}, {"", ""}, {strings.Repeat("x", 100), ""},
	} {
		if got := nearest(tt.s, []string{"temp", "temperature", strings.Repeat("y", 100)}); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.s, got, tt.want)
		}
	}
}
