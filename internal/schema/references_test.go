package schema

import (
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"
)

func TestInline(t *testing.T) {
	types := map[string]string{
		"geo.Point": `{"type":"record","name":"Point","namespace":"geo","fields":[{"name":"x","type":"double"},{"name":"unit","type":"Unit"}]}`,
		"geo.Unit":  `{"type":"enum","name":"geo.Unit","symbols":["m","km"]}`,
		"Bare":      `{"type":"fixed","name":"Bare","size":2}`,
	}
	text := `{"type":"record","name":"E","namespace":"events","fields":[
		{"name":"from","type":"geo.Point"},{"name":"to","type":["null","geo.Point"]},
		{"name":"units","type":{"type":"array","items":"geo.Unit"}},
		{"name":"b","type":{"type":"map","values":"Bare"}},{"name":"c","type":"Bare"}]}`
	got, err := Inline(text, types)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(got, `"symbols"`); n != 1 {
		t.Errorf("the enum stands there %d times: %s", n, got)
	}
	parsed, err := parse(got)
	if err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	if name := parsed.field("c").typ.name; name != "Bare" {
		t.Errorf("the type without a namespace is called %s now", name)
	}
	if _, err := goavro.NewCodec(got); err != nil { // an independent reader finds it whole, too
		t.Error(err)
	}
	prog := compile(t, got, projection(t, "from.x number", "from.unit string"))
	if prog == nil {
		t.Error("nothing compiled")
	}
}

func TestInlineRefuses(t *testing.T) {
	for name, types := range map[string]map[string]string{
		"defines another": {"T": `{"type":"fixed","name":"U","size":2}`},
		"no named type":   {"T": `"string"`},
		"no JSON":         {"T": `{`},
	} {
		if _, err := Inline(`{"type":"record","name":"E","fields":[{"name":"t","type":"T"}]}`, types); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Inline(`{`, nil); err == nil {
		t.Error("no JSON: no error")
	}
	// What holds itself only by reference is put in once.
	loop := map[string]string{"T": `{"type":"record","name":"T","fields":[{"name":"next","type":["null","T"]}]}`}
	if got, err := Inline(`{"type":"record","name":"E","fields":[{"name":"t","type":"T"}]}`, loop); err != nil {
		t.Error(err)
	} else if _, err := parse(got); err != nil {
		t.Error(err)
	}
}
