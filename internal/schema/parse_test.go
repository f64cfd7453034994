package schema

import (
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "EOF"},
		{"{", "EOF"},
		{`"int" "int"`, "more after the end"},
		{`7`, "a type is a name, a list or an object"},
		{`{}`, "without type"},
		{`"flaot"`, `"flaot" is not defined`},
		{`[["int"]]`, "is a union"},
		{`["int","nope"]`, "branch 1"},
		{`{"type":"array"}`, "items of an array"},
		{`{"type":"map","values":3}`, "values of a map"},
		{`{"type":"record","fields":[]}`, "a record without a name"},
		{`{"type":"enum","symbols":[]}`, "an enum without a name"},
		{`{"type":"record","name":"int","fields":[]}`, "can't be called"},
		{`{"type":"record","name":"R"}`, "no list of fields"},
		{`{"type":"record","name":"R","fields":[3]}`, "no object"},
		{`{"type":"record","name":"R","fields":[{"type":"int"}]}`, "has no name"},
		{`{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}`, "two fields a"},
		{`{"type":"record","name":"R","fields":[{"name":"a","type":"X"}]}`, `field a of record R: type "X"`},
		{`{"type":"record","name":"R","fields":[{"name":"a","type":"R"}]}`, "always holds itself"},
		{`[{"type":"enum","name":"R","symbols":[]},{"type":"fixed","name":"R","size":1}]`, "defined twice"},
		{`{"type":"enum","name":"R"}`, "no list of symbols"},
		{`{"type":"enum","name":"R","symbols":[1]}`, "is no text"},
		{`{"type":"fixed","name":"R","size":-1}`, "its size is -1"},
		{`{"type":"fixed","name":"R"}`, "its size is <nil>"},
		{`{"type":"bytes","logicalType":"decimal","precision":1001}`, "up to 1000 digits"},
		{strings.Repeat(`{"type":"array","items":`, 70) + `"int"` + strings.Repeat("}", 70), "nested deeper than 64"},
	} {
		if _, err := parse(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.text, err, tt.want)
		}
	}
}

// References are looked up in the namespace around them, then without one; a namespace replaces the one around it.
func TestParseNames(t *testing.T) {
	const schema = `{"type":"record","name":"Root","namespace":"a.b","fields":[
		{"name":"e","type":{"type":"enum","name":"Color","symbols":["red"]}},
		{"name":"f","type":"Color"},
		{"name":"g","type":"a.b.Color"},
		{"name":"h","type":{"type":"record","name":"c.Inner","fields":[{"name":"x","type":{"type":"fixed","name":"Two","size":"2"}}]}},
		{"name":"i","type":"c.Two"},
		{"name":"j","type":{"type":"record","name":"Bare","namespace":"","fields":[]}},
		{"name":"k","type":"Bare"},
		{"name":"l","type":{"type":{"type":"int"}}}]}`
	got := string(canonical(mustParse(t, schema), false))
	const want = `{"name":"a.b.Root","type":"record","fields":[` +
		`{"name":"e","type":{"name":"a.b.Color","type":"enum","symbols":["red"]}},{"name":"f","type":"a.b.Color"},{"name":"g","type":"a.b.Color"},` +
		`{"name":"h","type":{"name":"c.Inner","type":"record","fields":[{"name":"x","type":{"name":"c.Two","type":"fixed","size":2}}]}},{"name":"i","type":"c.Two"},` +
		`{"name":"j","type":{"name":"Bare","type":"record","fields":[]}},{"name":"k","type":"Bare"},{"name":"l","type":"int"}]}`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func mustParse(t *testing.T, text string) *avroType {
	t.Helper()
	typ, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// A logical type that doesn't fit is ignored.
func TestParseLogicalTypes(t *testing.T) {
	for _, tt := range []struct {
		text string
		want logical
	}{
		{`{"type":"int","logicalType":"date"}`, logicalDate},
		{`{"type":"long","logicalType":"date"}`, logicalNone},
		{`{"type":"long","logicalType":"local-timestamp-nanos"}`, logicalTimestampNanos},
		{`{"type":"string","logicalType":"uuid"}`, logicalUUID},
		{`{"type":"fixed","name":"F","size":12,"logicalType":"duration"}`, logicalDuration},
		{`{"type":"fixed","name":"F","size":15,"logicalType":"uuid"}`, logicalNone},
		{`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`, logicalDecimal},
		{`{"type":"bytes","logicalType":"decimal","precision":4.0}`, logicalDecimal},
		{`{"type":"bytes","logicalType":"decimal","precision":4,"scale":5}`, logicalNone},
		{`{"type":"bytes","logicalType":"decimal"}`, logicalNone},
		{`{"type":"string","logicalType":"colour"}`, logicalNone},
		{`{"type":"string","logicalType":7}`, logicalNone},
	} {
		if got := mustParse(t, tt.text).logical; got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.text, got, tt.want)
		}
	}
}

func TestMinBytes(t *testing.T) {
	for _, tt := range []struct {
		text  string
		want  int64
		fixed bool
	}{
		{`"null"`, 0, true},
		{`"double"`, 8, true},
		{`"string"`, 1, false},
		{`["null","int"]`, 1, false},
		{rec(`{"name":"a","type":"double"},{"name":"b","type":{"type":"fixed","name":"F","size":3}}`), 11, true},
		{rec(`{"name":"a","type":"double"},{"name":"b","type":"int"}`), 9, false},
		{rec(`{"name":"a","type":{"type":"fixed","name":"F","size":2147483647}},{"name":"b","type":"F"}`), maxLength, false},
		{listSchema, 2, false},
	} {
		if got := mustParse(t, tt.text); got.minBytes != tt.want || got.fixed != tt.fixed {
			t.Errorf("%s: %d, %v", tt.text, got.minBytes, got.fixed)
		}
	}
}

// Records that use each other twice must not unfold: twenty levels would be a million copies.
func TestCompileSharesRecords(t *testing.T) {
	text := `{"type":"record","name":"R0","fields":[{"name":"x","type":"int"}]}`
	for i := 1; i <= 20; i++ {
		n, before := string(rune('A'+i)), string(rune('A'+i-1))
		if i == 1 {
			before = "R0"
		}
		text = `{"type":"record","name":"` + n + `","fields":[{"name":"l","type":` + text + `},{"name":"r","type":"` + before + `"}]}`
	}
	prog, err := Compile(text, &plan.Projection{Roles: plan.NoRoles()})
	if err != nil {
		t.Fatal(err)
	}
	if len(prog.ops) > 200 {
		t.Errorf("%d ops", len(prog.ops))
	}
}
