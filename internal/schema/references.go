package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Inline puts the types that a schema refers to into it, each where it is used first, so that the text stands alone. Types are
// the texts of those schemas by full name; they may refer to one another. A name that isn't among them stays as it is: whoever
// parses the text says so.
func Inline(text string, types map[string]string) (string, error) {
	in := inliner{types: types, defined: map[string]bool{}}
	root, err := document(text)
	if err != nil {
		return "", fmt.Errorf("parse schema: %w", err)
	}
	if root, err = in.typ(root, "", 0); err != nil {
		return "", err
	}
	b, err := json.Marshal(root)
	if err != nil {
		return "", fmt.Errorf("write schema: %w", err)
	}
	return string(b), nil
}

// document reads one JSON value, numbers as they are written.
func document(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the end of the schema")
	}
	return v, nil
}

type inliner struct {
	types   map[string]string
	defined map[string]bool // full names
}

// typ returns a type with what it refers to in place; space is the namespace around it.
func (in *inliner) typ(v any, space string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("types are nested deeper than %d", maxDepth)
	}
	var err error
	switch v := v.(type) {
	case string:
		return in.reference(v, space, depth)
	case []any:
		for i := range v {
			if v[i], err = in.typ(v[i], space, depth+1); err != nil {
				return nil, err
			}
		}
		return v, nil
	case map[string]any:
		return v, in.object(v, space, depth)
	}
	return v, nil
}

// reference is the type called name, if it is one to be put in and isn't there yet; else the name.
func (in *inliner) reference(name, space string, depth int) (any, error) {
	full := name
	if space != "" && !strings.Contains(name, ".") {
		full = space + "." + name
	}
	text, ok := in.types[full]
	if !ok {
		full = name
		text, ok = in.types[full]
	}
	if _, basic := primitive(name); basic || !ok {
		return name, nil
	}
	if in.defined[full] {
		return full, nil
	}
	v, err := document(text)
	if err != nil {
		return nil, fmt.Errorf("parse schema of %s: %w", full, err)
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the schema of %s is no record, enum or fixed", full)
	}
	if _, given := o["namespace"]; !given {
		o["namespace"] = "" // it must not take that of its new surroundings
	}
	if err := in.object(o, "", depth+1); err != nil {
		return nil, err
	}
	if !in.defined[full] {
		return nil, fmt.Errorf("the schema given for %s doesn't define it", full)
	}
	return o, nil
}

func (in *inliner) object(o map[string]any, space string, depth int) (err error) {
	kind, _ := o["type"].(string)
	switch kind {
	case "array":
		o["items"], err = in.typ(o["items"], space, depth+1)
		return err
	case "map":
		o["values"], err = in.typ(o["values"], space, depth+1)
		return err
	case "record", "error", "enum", "fixed":
		space = in.define(o, space)
	default:
		o["type"], err = in.typ(o["type"], space, depth+1)
		return err
	}
	list, _ := o["fields"].([]any)
	for _, e := range list {
		f, ok := e.(map[string]any)
		if !ok {
			continue
		}
		if f["type"], err = in.typ(f["type"], space, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// define notes a named type and returns the namespace of what stands inside.
func (in *inliner) define(o map[string]any, space string) string {
	name, _ := o["name"].(string)
	if own, ok := o["namespace"].(string); ok {
		space = own
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		space, name = name[:i], name[i+1:]
	}
	if space != "" {
		name = space + "." + name
	}
	in.defined[name] = true
	return space
}
