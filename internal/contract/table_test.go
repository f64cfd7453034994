package contract

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
)

// TestTableIsSchema: the keys the reader knows are those of the JSON Schema, place by place, required ones too.
func TestTableIsSchema(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	compareKeys(t, document, root, "")
}

func compareKeys(t *testing.T, s *spec, js map[string]any, path string) {
	t.Helper()
	if s.or != nil || s.shape == oneOrManyShape {
		alts := js["anyOf"].([]any)
		if len(alts) != 2 {
			t.Errorf("%s: %d alternatives", path, len(alts))
		}
		js = alts[1].(map[string]any)
	}
	switch s.shape {
	case objectShape:
		props := js["properties"].(map[string]any)
		if js["additionalProperties"] != false {
			t.Errorf("%s takes any key", path)
		}
		var known, required []string
		for _, f := range s.fields {
			known = append(known, f.key)
			if f.required {
				required = append(required, f.key)
			}
			if child, ok := props[f.key].(map[string]any); ok {
				compareKeys(t, f.spec, child, path+"."+f.key)
			} else {
				t.Errorf("%s.%s is read, but not in the schema", path, f.key)
			}
		}
		for key := range props {
			if !slices.Contains(known, key) {
				t.Errorf("%s.%s is in the schema, but not read", path, key)
			}
		}
		want := []any{}
		for _, r := range required {
			want = append(want, r)
		}
		got, _ := js["required"].([]any)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: required %v, read as %v", path, got, want)
		}
	case mapShape:
		compareKeys(t, s.elem, js["additionalProperties"].(map[string]any), path+".*")
	case listShape, oneOrManyShape:
		compareKeys(t, s.elem, js["items"].(map[string]any), path+"[]")
	case scalarShape:
		if js["properties"] != nil || js["items"] != nil {
			t.Errorf("%s is a scalar", path)
		}
	}
}
