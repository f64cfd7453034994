package schema

import (
	"bytes"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema/evolution"
)

// FuzzReaderSchema: whatever schema a contract names, and however absurd its defaults, compiling gives a program or an error, and
// the program reads the event or refuses it.
func FuzzReaderSchema(f *testing.F) {
	for _, row := range evolution.Rows() {
		f.Add(row.Reader, row.Field, row.Kind)
	}
	f.Fuzz(func(t *testing.T, reader, field, kind string) {
		if field == "" || kind != "number" && kind != "string" && kind != "time" {
			return
		}
		p := projection(t, "id string")
		p.Fields = append(p.Fields, plan.Field{Name: "x", Path: strings.Split(field, "."), Kind: plan.Kind(kind)})
		p.Schema = reader
		prog, err := Compile(rec(`{"name":"id","type":"string"}`), p)
		if err != nil {
			return
		}
		b := plan.NewBatch(p, 1)
		if err := prog.Decode([]byte{2, 'e'}, 0, b, 0); err != nil || b.Cols[0].Str[0] != "e" {
			t.Errorf("the field that is there reads as %q, %v", b.Cols[0].Str, err)
		}
	})
}

// FuzzInline: no text makes it panic or grow without bound, and what was whole before is the same after.
func FuzzInline(f *testing.F) {
	f.Add(`{"type":"record","name":"E","fields":[{"name":"t","type":"T"}]}`, `{"type":"fixed","name":"T","size":2}`)
	f.Add(`["null","T","n.U"]`, `{"type":"record","name":"T","namespace":"n","fields":[{"name":"t","type":["null","T"]},{"name":"u","type":"U"}]}`)
	f.Fuzz(func(t *testing.T, text, named string) {
		got, err := Inline(text, map[string]string{"T": named, "n.T": named, "n.U": named})
		if err != nil {
			return
		}
		if len(got) > 8*(len(text)+3*len(named))+256 {
			t.Errorf("%d bytes out of %d and %d", len(got), len(text), len(named))
		}
		before, err := parse(text)
		if err != nil {
			return
		}
		whole, err := Inline(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		after, err := parse(whole)
		if err != nil || !bytes.Equal(canonical(before, false), canonical(after, false)) {
			t.Errorf("%s became %s: %v", text, whole, err)
		}
	})
}
