package schema

import (
	"strings"
	"testing"
)

// A shape is the schema as it was written, with types that refer to themselves as cycles.
func TestParseShape(t *testing.T) {
	s, err := ParseShape(`{"type":"record","name":"E","namespace":"a","fields":[
		{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
		{"name":"tier","type":["null",{"type":"enum","name":"T","symbols":["x","y"]}]},
		{"name":"next","type":["null","E"]},
		{"name":"odd","type":{"type":"string","logicalType":"nosuch"}}]}`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range s.Fields {
		got = append(got, f.Name+": "+f.Shape.Kind+" "+f.Shape.Logical)
	}
	if want := "at: long timestamp-millis, tier: union , next: union , odd: string "; strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
	if e := s.Fields[1].Shape.Branches[1]; strings.Join(e.Symbols, "") != "xy" || e.String() != "enum a.T" {
		t.Errorf("%+v", e)
	}
	if s.Fields[2].Shape.Branches[1] != s {
		t.Error("a record in itself is another type")
	}
	if _, err := ParseShape(`{"type":"record"}`); err == nil {
		t.Error("a record without a name was taken")
	}
}
