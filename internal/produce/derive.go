package produce

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/file"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// avroName is what Avro allows as the name of a record or a field.
var avroName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// derived is a field of a schema in the making: a record if it has fields, else of an Avro type.
type derived struct {
	name   string
	avro   any // nil for a record
	fields []*derived
}

// derive makes the Avro schema of a stream, where nobody gave one: what the contract reads, in its order and with its types,
// then the constants, then the file's other columns as text. All may be null but the event's time, which has microseconds as
// `plumbline check` does. withhold names columns that belong to another stream. notes say what was left out.
func derive(model, name string, p *plan.Projection, columns []string, constants map[string]string, withhold []string) (schema string, notes []string, err error) {
	root := &derived{}
	var errs []error
	taken := map[string]bool{}
	for i, f := range p.Fields {
		if !f.InValue() {
			continue
		}
		if at, err := file.Find(columns, f); err == nil && at >= 0 {
			taken[columns[at]] = true
		}
		if first := slices.IndexFunc(p.Fields, func(o plan.Field) bool { return slices.Equal(o.Path, f.Path) }); first < i {
			continue
		}
		if err := root.add(f.Path, avroType(p, f.Path)); err != nil {
			errs = append(errs, fmt.Errorf("field %s: %w; give a schema with --schema", f.Name, err))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(constants)) {
		if steps := strings.Split(path, "."); root.at(steps) == nil {
			if err := root.add(steps, nullable("string")); err != nil {
				errs = append(errs, fmt.Errorf("constant %s: %w", path, err))
			}
		}
	}
	for _, c := range columns {
		if taken[c] || slices.Contains(withhold, c) {
			continue
		}
		taken[c] = true
		if err := root.add(strings.Split(c, "."), nullable("string")); err != nil {
			notes = append(notes, fmt.Sprintf("column %q is not published: %v", c, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return "", nil, err
	}
	space := "plumbline." + strings.Map(func(r rune) rune {
		if r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' {
			return r
		}
		return '_'
	}, "m_"+model)
	b, err := json.Marshal(root.record(name, space))
	return string(b), notes, err
}

func nullable(t any) any { return []any{"null", t} }

// avroType is the type of everything that the contract reads at path: one cell may be a number to one of its parts and text to
// another.
func avroType(p *plan.Projection, path []string) any {
	number, boolean := false, true
	for i, f := range p.Fields {
		if !f.InValue() || !slices.Equal(f.Path, path) {
			continue
		}
		if f.Of.OfVector() {
			return nullable(map[string]any{"type": "array", "items": "double"})
		}
		if f.Of != plan.Whole {
			continue
		}
		switch f.Kind {
		case plan.Time:
			micros := map[string]any{"type": "long", "logicalType": "timestamp-micros"}
			if i == p.Roles.Time {
				return micros
			}
			return nullable(micros)
		case plan.Number:
			number, boolean = true, boolean && f.Boolean
		case plan.String:
		}
	}
	switch {
	case number && boolean:
		return nullable("boolean")
	case number:
		return nullable("double")
	default:
		return nullable("string")
	}
}

// at is the field at a path, nil if there is none.
func (d *derived) at(path []string) *derived {
	for _, f := range d.fields {
		if f.name == path[0] {
			if len(path) == 1 {
				return f
			}
			return f.at(path[1:])
		}
	}
	return nil
}

// add puts a field at a path, with the records on the way to it.
func (d *derived) add(path []string, avro any) error {
	for i, step := range path {
		if !avroName.MatchString(step) {
			return fmt.Errorf("%q is no Avro name (letters, digits and _, not beginning with a digit)", step)
		}
		if f := d.at(path[:i+1]); f != nil && (f.avro != nil || i == len(path)-1) {
			return fmt.Errorf("%q is already a field", strings.Join(path[:i+1], "."))
		}
	}
	for i, step := range path {
		next := d.at([]string{step})
		if next == nil {
			next = &derived{name: step}
			d.fields = append(d.fields, next)
		}
		if i == len(path)-1 {
			next.avro = avro
		}
		d = next
	}
	return nil
}

// record is the JSON of a record; records inside are named after their path.
func (d *derived) record(name, space string) any {
	type field struct {
		Name    string          `json:"name"`
		Type    any             `json:"type"`
		Default json.RawMessage `json:"default,omitempty"`
	}
	type record struct {
		Type      string  `json:"type"`
		Name      string  `json:"name"`
		Namespace string  `json:"namespace,omitempty"`
		Fields    []field `json:"fields"`
	}
	r := record{Type: "record", Name: name, Namespace: space, Fields: []field{}}
	for _, f := range d.fields {
		out := field{Name: f.name, Type: f.avro}
		if f.avro == nil {
			out.Type = f.record(name+"_"+f.name, "")
		}
		if _, union := f.avro.([]any); union {
			out.Default = json.RawMessage("null")
		}
		r.Fields = append(r.Fields, out)
	}
	return r
}
