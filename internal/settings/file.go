package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fileLimit bounds the settings file, in bytes.
const fileLimit = 1 << 20

// yamlLine finds the line in the errors of the YAML parser.
var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// fileReader walks the YAML nodes of one file and sets keys.
type fileReader struct {
	name string
	load *loader
	errs []error
}

// readFile sets every key that data, the content of the file name, holds. It goes on after an error and returns all of
// them, each with file, line and column.
func (l *loader) readFile(name string, data []byte) error {
	if len(data) > fileLimit {
		return fmt.Errorf("%s: %d bytes, want at most %d", name, len(data), fileLimit)
	}
	r := &fileReader{name: name, load: l}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return r.syntax(err)
	}
	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case err == nil:
		return fmt.Errorf("%s:%d: a second document; want one", name, second.Line)
	case !errors.Is(err, io.EOF):
		return r.syntax(err)
	}
	r.mapping("", document.Content[0])
	return errors.Join(r.errs...)
}

// syntax puts the parser's error into the form of the others.
func (r *fileReader) syntax(err error) error {
	msg := err.Error()
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		return fmt.Errorf("%s:%s: %s", r.name, m[1], strings.TrimPrefix(msg, m[0]))
	}
	return fmt.Errorf("%s: %s", r.name, strings.TrimPrefix(msg, "yaml: "))
}

func (r *fileReader) fail(n *yaml.Node, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s:%d:%d: %w", r.name, n.Line, n.Column, fmt.Errorf(format, args...)))
}

// mapping reads the section whose path is prefix; "" is the whole file.
func (r *fileReader) mapping(prefix string, n *yaml.Node) {
	if isNull(n) {
		return // a section with all its keys commented out
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s: read %s, want keys: %s", label(prefix), describe(n), strings.Join(r.load.children(prefix), ", "))
		return
	}
	for name, content := range r.pairs(prefix, n) {
		path := join(prefix, name.Value)
		switch k, isKey := r.load.keys[path]; {
		case isKey:
			r.leaf(k, content)
		case name.Value != "" && len(r.load.children(path)) > 0:
			r.mapping(path, content)
		default:
			r.fail(name, "unknown key %s%s", path, r.load.hint(prefix, name.Value))
		}
	}
}

// pairs are the keys of the mapping at prefix with what they hold. What is no key, or there again, is told and left out.
func (r *fileReader) pairs(prefix string, n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(*yaml.Node, *yaml.Node) bool) {
		seen := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i]
			if name.Kind != yaml.ScalarNode {
				r.fail(name, "%s: read %s as a key, want a word", label(prefix), describe(name))
				continue
			}
			if line, twice := seen[name.Value]; twice {
				r.fail(name, "%s: given twice, first in line %d", join(prefix, name.Value), line)
				continue
			}
			seen[name.Value] = name.Line
			if !yield(name, n.Content[i+1]) {
				return
			}
		}
	}
}

// label is what errors call the section of a path.
func label(prefix string) string {
	if prefix == "" {
		return "the file"
	}
	return prefix
}

// leaf sets one key.
func (r *fileReader) leaf(k key, n *yaml.Node) {
	source := Source{Layer: File, Where: fmt.Sprintf("%s:%d", r.name, n.Line)}
	var err error
	items, isList := k.value.(listValue)
	named, isNamed := k.value.(entriesValue)
	switch {
	case isNull(n):
		err = errors.New(`no value; write "" if it shall be empty`)
	case n.Kind == yaml.ScalarNode:
		err = r.load.set(k, n.Value, source)
	case isList && n.Kind == yaml.SequenceNode:
		var texts []string
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode || isNull(item) {
				r.load.failed[k.path] = true
				r.fail(item, "%s: read %s in a list, want text", k.path, describe(item))
				return
			}
			texts = append(texts, item.Value)
		}
		if err = items.setItems(texts); err == nil {
			r.load.sources[k.path] = source
		}
	case isNamed && n.Kind == yaml.MappingNode:
		r.entries(k, named, n)
		return
	case isList:
		err = fmt.Errorf("read %s, want a list", describe(n))
	default:
		err = fmt.Errorf("read %s, want %s", describe(n), k.value.kind())
	}
	if err != nil {
		r.load.failed[k.path] = true
		r.fail(n, "%s: %w", k.path, err)
		return
	}
	r.resolve(k)
}

// resolve makes a relative path in the file relative to the folder of the file, so that the file means the same wherever
// the service is started.
func (r *fileReader) resolve(k key) {
	absolute := func(p string) string {
		if p == "" || filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(filepath.Dir(r.name), p)
	}
	switch v := k.value.(type) {
	case pathValue:
		*v.to = absolute(*v.to)
	case listValue:
		if v.path {
			for i, p := range *v.to {
				(*v.to)[i] = absolute(p)
			}
		}
	}
}

// describe says what kind of thing n is; never its content, which may be a secret in the wrong place.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	case yaml.ScalarNode:
		if isNull(n) {
			return "nothing"
		}
		return "a single value"
	case yaml.DocumentNode:
		return "a document"
	}
	return "nothing"
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// children lists the names that may stand under prefix, in the order of the table.
func (l *loader) children(prefix string) []string {
	var names []string
	for _, k := range l.table {
		rest := k.path
		if prefix != "" {
			var below bool
			if rest, below = strings.CutPrefix(k.path, prefix+"."); !below {
				continue
			}
		}
		name, _, _ := strings.Cut(rest, ".")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// hint says what an unknown name under prefix may have meant: a near sibling, or a key of that very name elsewhere.
func (l *loader) hint(prefix, name string) string {
	siblings := l.children(prefix)
	if s := suggestion(name, siblings); s != "" {
		return s
	}
	if name != "" {
		for _, k := range l.table {
			if strings.HasSuffix(k.path, "."+name) {
				return fmt.Sprintf("; did you mean %q?", k.path)
			}
		}
	}
	return "; known here: " + strings.Join(siblings, ", ")
}
