package contract_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/plumbline-ml/plumbline/internal/contract"
)

type js = map[string]any

func schema(t *testing.T) js {
	t.Helper()
	var s js
	if err := json.Unmarshal(contract.Schema(), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// validate is a small JSON Schema validator for the keywords the schema uses; it refuses to run on one it doesn't know.
func validate(s js, v any, path string) []string {
	var out []string
	fail := func(format string, args ...any) { out = append(out, path+": "+fmt.Sprintf(format, args...)) }
	types := map[string]func() bool{
		"object":  func() bool { _, ok := v.(map[string]any); return ok },
		"array":   func() bool { _, ok := v.([]any); return ok },
		"string":  func() bool { _, ok := v.(string); return ok },
		"number":  func() bool { _, ok := v.(float64); return ok },
		"integer": func() bool { f, ok := v.(float64); return ok && f == math.Trunc(f) },
		"boolean": func() bool { _, ok := v.(bool); return ok },
	}
	for key, arg := range s {
		switch key {
		case "$schema", "$id", "title", "description":
		case "type":
			names, ok := arg.([]any)
			if !ok {
				names = []any{arg}
			}
			if !slices.ContainsFunc(names, func(n any) bool { return types[n.(string)]() }) {
				fail("not a %v: %v", arg, v)
			}
		case "enum":
			if !slices.Contains(arg.([]any), v) {
				fail("%v is not one of %v", v, arg)
			}
		case "const":
			if v != arg {
				fail("%v is not %v", v, arg)
			}
		case "pattern":
			if text, ok := v.(string); ok && !regexp.MustCompile(arg.(string)).MatchString(text) {
				fail("%q does not match %v", text, arg)
			}
		case "minLength", "maxLength":
			if text, ok := v.(string); ok {
				n := float64(utf8.RuneCountInString(text))
				if key == "minLength" && n < arg.(float64) || key == "maxLength" && n > arg.(float64) {
					fail("length %v, %s %v", n, key, arg)
				}
			}
		case "minimum", "maximum":
			if f, ok := v.(float64); ok && (key == "minimum" && f < arg.(float64) || key == "maximum" && f > arg.(float64)) {
				fail("%v, %s %v", f, key, arg)
			}
		case "minItems", "maxItems", "minProperties", "maxProperties":
			n := -1.0
			if l, ok := v.([]any); ok && strings.HasSuffix(key, "Items") {
				n = float64(len(l))
			} else if m, ok := v.(map[string]any); ok && strings.HasSuffix(key, "Properties") {
				n = float64(len(m))
			}
			if n >= 0 && (strings.HasPrefix(key, "min") && n < arg.(float64) || strings.HasPrefix(key, "max") && n > arg.(float64)) {
				fail("%v entries, %s %v", n, key, arg)
			}
		case "items":
			if l, ok := v.([]any); ok {
				for i, it := range l {
					out = append(out, validate(arg.(js), it, fmt.Sprintf("%s[%d]", path, i))...)
				}
			}
		case "anyOf":
			if !slices.ContainsFunc(arg.([]any), func(alt any) bool { return len(validate(alt.(js), v, path)) == 0 }) {
				fail("%v fits no alternative", v)
			}
		case "required":
			if m, ok := v.(map[string]any); ok {
				for _, name := range arg.([]any) {
					if _, ok := m[name.(string)]; !ok {
						fail("lacks %v", name)
					}
				}
			}
		case "properties", "additionalProperties", "propertyNames":
			m, ok := v.(map[string]any)
			if !ok {
				continue
			}
			props, _ := s["properties"].(js)
			for name, child := range m {
				switch p, known := props[name].(js); {
				case key == "properties" && known:
					out = append(out, validate(p, child, path+"."+name)...)
				case key == "propertyNames":
					out = append(out, validate(arg.(js), name, path+"."+name)...)
				case key == "additionalProperties" && !known && arg == false:
					fail("unknown key %s", name)
				case key == "additionalProperties" && !known:
					out = append(out, validate(arg.(js), child, path+"."+name)...)
				}
			}
		default:
			fail("the validator doesn't know %s", key)
		}
	}
	return out
}

// plain reads a YAML file as an editor does (YAML 1.2 core: dates are text).
func plain(t *testing.T, data []byte) any {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal(data, &n); err != nil {
		t.Fatal(err)
	}
	var walk func(n *yaml.Node) any
	walk = func(n *yaml.Node) any {
		switch n.Kind {
		case yaml.DocumentNode:
			return walk(n.Content[0])
		case yaml.MappingNode:
			m := map[string]any{}
			for i := 0; i < len(n.Content); i += 2 {
				m[n.Content[i].Value] = walk(n.Content[i+1])
			}
			return m
		case yaml.SequenceNode:
			l := []any{}
			for _, c := range n.Content {
				l = append(l, walk(c))
			}
			return l
		}
		switch n.ShortTag() {
		case "!!int", "!!float":
			var f float64
			if err := n.Decode(&f); err != nil {
				t.Fatal(err)
			}
			return f
		case "!!bool":
			return n.Value == "true"
		case "!!null":
			return nil
		}
		return n.Value
	}
	return walk(&n)
}

func TestGoodFilesFitTheSchema(t *testing.T) {
	s := schema(t)
	for _, path := range files(t, "good/*.yaml") {
		for _, fault := range validate(s, plain(t, read(t, path)), "") {
			t.Errorf("%s%s", filepath.Base(path), fault)
		}
	}
}

// TestSchemaRefusesWhatTheReaderRefuses: where one place is wrong by itself, an editor says so too.
func TestSchemaRefusesWhatTheReaderRefuses(t *testing.T) {
	s := schema(t)
	for _, name := range []string{
		"unknown-keys", "durations", "units", "wrong-shapes", "wrong-types", "empty-values", "missing-keys", "enums", "not-a-mapping", "decision-word",
		"reference-baseline", "notify", "retrain", "streams",
	} {
		if len(validate(s, plain(t, read(t, filepath.Join("testdata", "bad", name+".yaml"))), "")) == 0 {
			t.Errorf("%s fits the schema", name)
		}
	}
}

// properties lists every key the schema knows, as paths with * for free names and [] for entries.
func properties(s js, path string, visit func(path string, s js)) {
	if props, ok := s["properties"].(js); ok {
		for name, p := range props {
			visit(path+"."+name, p.(js))
			properties(p.(js), path+"."+name, visit)
		}
	}
	if free, ok := s["additionalProperties"].(js); ok {
		properties(free, path+".*", visit)
	}
	if it, ok := s["items"].(js); ok {
		properties(it, path+"[]", visit)
	}
	if alts, ok := s["anyOf"].([]any); ok {
		for _, a := range alts {
			properties(a.(js), path, visit)
		}
	}
}

// TestEveryKeyIsDescribedAndRead: each key of the schema has a description and stands in some good file, so the reader knows
// it; what a key is turned into by a slip, the reader refuses. (That it knows no further key: TestTableIsSchema.)
func TestEveryKeyIsDescribedAndRead(t *testing.T) {
	var keys []string
	properties(schema(t), "", func(path string, s js) {
		keys = append(keys, path)
		if d, _ := s["description"].(string); len(d) < 5 || !strings.HasSuffix(d, ".") && !strings.HasSuffix(d, "?") {
			t.Errorf("%s: description %q", path, d)
		}
	})
	if len(keys) < 80 {
		t.Fatalf("only %d keys", len(keys))
	}
	used := map[string]bool{}
	for _, path := range files(t, "good/*.yaml") {
		useKeys(schema(t), plain(t, read(t, path)), "", used)
	}
	for _, k := range keys {
		if !used[k] {
			t.Errorf("%s is in the schema, but in no good file", k)
		}
	}
	full := string(read(t, filepath.Join("testdata", "good", "credit.yaml")))
	tried := map[string]bool{}
	for _, k := range keys {
		name := k[strings.LastIndex(k, ".")+1:]
		if tried[name] {
			continue
		}
		tried[name] = true
		re := regexp.MustCompile(`(?m)([{ ,]|^)` + regexp.QuoteMeta(name) + `: `)
		at := re.FindStringIndex(full)
		if at == nil {
			continue
		}
		broken := full[:at[1]-2] + "zzz" + full[at[1]-2:]
		if p := contract.Lint("x", []byte(broken)); !slices.ContainsFunc(p, func(p contract.Problem) bool {
			return strings.Contains(p.Message, "unknown key") || p.Read == name+"zzz"
		}) {
			t.Errorf("%szzz is read: %v", name, p)
		}
	}
}

// useKeys notes which keys of s the document v uses.
func useKeys(s js, v any, path string, used map[string]bool) {
	for _, a := range slices.Concat([]any{s}, anyOf(s)) {
		alt := a.(js)
		switch v := v.(type) {
		case map[string]any:
			for name, child := range v {
				props, _ := alt["properties"].(js)
				if p, ok := props[name].(js); ok {
					used[path+"."+name] = true
					useKeys(p, child, path+"."+name, used)
				} else if free, ok := alt["additionalProperties"].(js); ok {
					useKeys(free, child, path+".*", used)
				}
			}
		case []any:
			if it, ok := alt["items"].(js); ok {
				for _, c := range v {
					useKeys(it, c, path+"[]", used)
				}
			}
		}
	}
}

func anyOf(s js) []any {
	alts, _ := s["anyOf"].([]any)
	return alts
}

func TestSchemaIsStable(t *testing.T) {
	a := contract.Schema()
	if !bytes.Equal(a, contract.Schema()) || a[len(a)-1] != '\n' || !json.Valid(a) {
		t.Error("the schema is not one stable JSON text")
	}
	s := schema(t)
	if s["$schema"] != "https://json-schema.org/draft/2020-12/schema" || s["additionalProperties"] != false {
		t.Errorf("root: %v", s["$schema"])
	}
	metrics := []string{}
	for _, task := range []contract.TaskType{contract.Binary, contract.Multiclass, contract.Regression} {
		metrics = append(metrics, contract.Metrics(task)...)
	}
	pattern := regexp.MustCompile(s["properties"].(js)["promises"].(js)["items"].(js)["properties"].(js)["metric"].(js)["pattern"].(string))
	for _, m := range metrics {
		if !pattern.MatchString(m) {
			t.Errorf("metric %s doesn't fit the schema", m)
		}
	}
}
