package contract

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// MaxSize is the largest contract, in bytes.
const MaxSize = 1 << 20

// maxProblems bounds what one run reports; the rest is counted.
const maxProblems = 200

// value is one place of a document that was read against the table.
type value struct {
	node   *yaml.Node
	key    *yaml.Node // in front of it; nil in lists
	path   string
	ok     bool // a scalar that could be read, or anything else of the right shape
	x      any  // what a scalar holds
	fields map[string]*value
	order  []string // the keys of fields, as in the file
	items  []*value
}

// at is the value under key; nil if there is none.
func (v *value) at(key string) *value {
	if v == nil {
		return nil
	}
	return v.fields[key]
}

// of is what a scalar holds; the zero T if it is absent or couldn't be read.
func of[T any](v *value) T {
	var zero T
	if v == nil || !v.ok {
		return zero
	}
	x, ok := v.x.(T)
	if !ok {
		return zero
	}
	return x
}

// texts are the scalars of a list that could be read.
func texts(v *value) []string {
	if v == nil {
		return nil
	}
	var out []string
	for _, it := range v.items {
		if it.ok {
			out = append(out, of[string](it))
		}
	}
	return out
}

// reader walks a YAML document along the table and collects every problem.
type reader struct {
	file     string
	lines    []string
	problems []Problem
	more     int // problems beyond maxProblems
}

// add reports a problem at a position.
func (r *reader) add(line, col int, path, read, message string) {
	if len(r.problems) == maxProblems {
		r.more++
		return
	}
	r.problems = append(r.problems, Problem{File: r.file, Line: max(1, line), Col: max(1, col), Path: path, Read: read, Message: message})
}

// refuse reports a value.
func (r *reader) refuse(v *value, format string, args ...any) {
	r.add(v.node.Line, v.node.Column, v.path, shown(v.node), fmt.Sprintf(format, args...))
}

// lacks reports that key is missing in v.
func (r *reader) lacks(v *value, key, format string, args ...any) {
	r.add(v.node.Line, v.node.Column, join(v.path, key), "", fmt.Sprintf(format, args...))
}

// shown is how a message cites n; collections are too long to cite.
func shown(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return n.Value
	}
	return ""
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

var yamlLine = regexp.MustCompile(`^line (\d+): `)

// document reads data as one YAML document against the table; nil if it isn't one.
func (r *reader) document(data []byte) *value {
	switch {
	case len(data) > MaxSize:
		r.add(1, 1, "", "", fmt.Sprintf("the file has %d bytes; a contract has at most %d", len(data), MaxSize))
		return nil
	case !utf8.Valid(data):
		r.add(1, 1, "", "", "the file is not UTF-8 text")
		return nil
	}
	r.lines = strings.Split(string(data), "\n")
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	if err := dec.Decode(&doc); err != nil {
		r.syntax(err)
		return nil
	}
	switch err := dec.Decode(&next); {
	case err == nil:
		r.add(next.Line, next.Column, "", "", "a second document begins; a file holds one contract")
		return nil
	case !errors.Is(err, io.EOF):
		r.syntax(err)
		return nil
	}
	if len(doc.Content) != 1 {
		r.add(1, 1, "", "", "the file is empty; a contract begins with apiVersion: "+apiVersion)
		return nil
	}
	before := len(r.problems)
	r.plain(doc.Content[0])
	if len(r.problems) > before {
		return nil
	}
	return r.read(doc.Content[0], nil, document, "")
}

func (r *reader) syntax(err error) {
	if errors.Is(err, io.EOF) {
		r.add(1, 1, "", "", "the file is empty; a contract begins with apiVersion: "+apiVersion)
		return
	}
	msg, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		msg = msg[len(m[0]):]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
		if grammar.MatchString(msg) {
			line++ // yaml/v3 counts from 0 here, and from 1 elsewhere
		}
	}
	if strings.HasPrefix(msg, "did not find expected ','") {
		msg += "; inside {...} and [...], text that holds one of , ? [ ] { } needs quotes"
	}
	r.add(min(line, len(r.lines)), 1, "", "", "not YAML: "+msg)
}

// grammar matches the complaints of yaml/v3's parser, as against its scanner's.
var grammar = regexp.MustCompile(`^(did not find expected (node content|'-' indicator|key|',' or|<)|found (undefined tag handle|duplicate %|incompatible))`)

// plain refuses what makes a YAML text say more than it shows: anchors, aliases, merge keys and explicit tags. Nothing is ever
// expanded, so a file can't grow while it is read.
func (r *reader) plain(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		r.add(n.Line, n.Column, "", "*"+n.Value, "aliases are not read; write the value out")
		return
	case n.Anchor != "":
		r.add(n.Line, n.Column, "", "&"+n.Anchor, "anchors are not read; remove it")
	case n.Style&yaml.TaggedStyle != 0:
		r.add(n.Line, n.Column, "", n.Tag, "tags are not read; remove it")
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!merge":
		r.add(n.Line, n.Column, "", n.Value, "merge keys are not read; write the keys out")
	}
	for _, c := range n.Content {
		r.plain(c)
	}
}

// read reads n against s and reports what is wrong with it by itself.
func (r *reader) read(n, key *yaml.Node, s *spec, path string) *value {
	v := &value{node: n, key: key, path: path}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		if path == "" {
			r.refuse(v, "the document is empty; a contract begins with apiVersion: %s", apiVersion)
			return v
		}
		r.add(n.Line, n.Column, path, "", "nothing stands here; give it a value, or remove the key")
		return v
	}
	switch {
	case s.shape == scalarShape:
		r.scalar(v, s.format)
	case s.or != nil && n.Kind == yaml.ScalarNode:
		r.scalar(v, s.or.format)
	case s.shape == oneOrManyShape && n.Kind == yaml.ScalarNode:
		item := &value{node: n, path: path}
		r.scalar(item, s.elem.format)
		v.ok, v.items = item.ok, []*value{item}
	case s.shape == listShape || s.shape == oneOrManyShape:
		r.list(v, s)
	default:
		r.mapping(v, s)
	}
	return v
}

func (r *reader) scalar(v *value, f *format) {
	if v.node.Kind != yaml.ScalarNode {
		r.refuse(v, "%s, not a %s", f.want(""), collection(v.node))
		return
	}
	if v.x, v.ok = f.read(v.node); !v.ok {
		r.refuse(v, "%s", f.want(v.node.Value))
	}
}

func collection(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "list"
	case yaml.MappingNode:
		return "mapping"
	default:
		return "single value"
	}
}

func (r *reader) list(v *value, s *spec) {
	if v.node.Kind != yaml.SequenceNode {
		r.refuse(v, "a list is needed, not a %s", collection(v.node))
		return
	}
	v.ok = r.count(v, s, len(v.node.Content))
	for i, n := range v.node.Content {
		v.items = append(v.items, r.read(n, nil, s.elem, fmt.Sprintf("%s[%d]", v.path, i)))
	}
}

// count holds the number of entries against the table.
func (r *reader) count(v *value, s *spec, n int) bool {
	switch {
	case s.min == s.max && s.max > 0 && n != s.min:
		r.refuse(v, "%d entries are needed, not %d", s.min, n)
	case n < s.min:
		r.refuse(v, "at least %d %s needed, not %d", s.min, map[bool]string{true: "entry is", false: "entries are"}[s.min == 1], n)
	case s.max > 0 && n > s.max:
		r.refuse(v, "at most %d entries are read, not %d", s.max, n)
	default:
		return true
	}
	return false
}

func (r *reader) mapping(v *value, s *spec) {
	if v.node.Kind != yaml.MappingNode {
		want := "a mapping (key: value)"
		if s.or != nil {
			want += " or a single word"
		}
		r.refuse(v, "%s is needed, not a %s", want, collection(v.node))
		return
	}
	v.ok = true
	if s.shape == mapShape {
		v.ok = r.count(v, s, len(v.node.Content)/2)
	}
	v.fields = map[string]*value{}
	known := make(map[string]*spec, len(s.fields))
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		known[f.key], names[i] = f.spec, f.key
	}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key, n := v.node.Content[i], v.node.Content[i+1]
		path := join(v.path, key.Value)
		elem := s.elem
		switch {
		case key.Kind != yaml.ScalarNode:
			r.add(key.Line, key.Column, v.path, "", "a key must be a single word, not a "+collection(key))
			continue
		case v.fields[key.Value] != nil:
			r.add(key.Line, key.Column, path, key.Value, fmt.Sprintf("this key stands here already, in line %d; keep one", v.fields[key.Value].key.Line))
			continue
		case s.shape == mapShape:
			// A key is read like any scalar, except that 1, true or 2026-01-01 are as good as text here.
			asText := *key
			asText.Tag = "!!str"
			if _, ok := s.keys.read(&asText); !ok {
				r.add(key.Line, key.Column, path, key.Value, s.keys.want(key.Value))
			}
		default:
			if elem = known[key.Value]; elem == nil {
				msg := "unknown key" + didYouMean(key.Value, names)
				r.add(key.Line, key.Column, path, key.Value, msg+" (known: "+strings.Join(names, ", ")+")")
				continue
			}
		}
		child := r.read(n, key, elem, path)
		child.key = key
		v.fields[key.Value] = child
		v.order = append(v.order, key.Value)
	}
	for _, f := range s.fields {
		if f.required && v.fields[f.key] == nil {
			r.lacks(v, f.key, "is missing. %s", f.doc)
		}
	}
}
