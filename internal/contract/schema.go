package contract

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Schema is the JSON Schema (draft 2020-12) of a contract, for editors and CI: what is right about each place by itself. What
// must agree between places only Lint knows. The bytes end in a line break and are the same for every call.
func Schema() []byte {
	root := object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"$id", "urn:plumbline:contract:v1"},
		{"title", "Plumbline quality contract"},
		{"description", "What a model's events look like, what good means, what errors cost, who owns what, and how often a false alarm is acceptable."},
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(append(root, document.schema()...)); err != nil {
		return nil // unreachable: the table holds nothing that JSON can't
	}
	return b.Bytes()
}

// schema is the JSON Schema of one place.
func (s *spec) schema() object {
	switch s.shape {
	case scalarShape:
		return s.format.schema
	case listShape:
		out := typed("array", member{"items", s.elem.schema()})
		return append(out, s.bounds("minItems", "maxItems")...)
	case oneOrManyShape:
		return object{{"anyOf", []any{s.elem.schema(), typed("array", member{"items", s.elem.schema()}, member{"minItems", 1})}}}
	case mapShape:
		out := typed("object", member{"propertyNames", s.keys.schema}, member{"additionalProperties", s.elem.schema()})
		return append(out, s.bounds("minProperties", "maxProperties")...)
	default:
		out := s.objectSchema()
		if s.or != nil {
			return object{{"anyOf", []any{s.or.schema(), out}}}
		}
		return out
	}
}

func (s *spec) bounds(least, most string) object {
	var out object
	if s.min > 0 {
		out = append(out, member{least, s.min})
	}
	if s.max > 0 {
		out = append(out, member{most, s.max})
	}
	return out
}

func (s *spec) objectSchema() object {
	var props object
	var required []string
	for _, f := range s.fields {
		props = append(props, member{f.key, slices.Concat(object{{"description", f.doc}}, f.spec.schema())})
		if f.required {
			required = append(required, f.key)
		}
	}
	out := typed("object", member{"properties", props})
	if required != nil {
		out = append(out, member{"required", required})
	}
	return append(out, member{"additionalProperties", false})
}
