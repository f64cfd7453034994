package file

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// How far a JSON Lines file is looked at ahead to learn its columns: whichever comes first.
const (
	aheadLines = 256
	aheadBytes = 4 << 20
)

// Paths deeper or longer than this are no columns: a hostile line can't make the list of columns larger than the line.
const (
	maxDepth = 32
	maxPath  = 1024
)

// jsonlReader reads one JSON object per line. Blank lines are skipped. Nested objects are addressed by dotted path, and a key
// that holds dots itself by its name; numbers keep the digits they were written with.
type jsonlReader struct {
	lines lines
	paths []string
}

func newJSONL(br *bufio.Reader, name string) (*jsonlReader, error) {
	j := &jsonlReader{lines: lines{r: br, name: name}}
	var ahead []line
	paths := map[string]struct{}{}
	for size := 0; len(ahead) < aheadLines && size < aheadBytes; {
		ln, err := j.lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		ahead = append(ahead, ln)
		size += len(ln.text)
		if object, bad := parseObject(ln); bad == nil {
			leaves("", object, paths, maxDepth)
		}
	}
	j.lines.unread(ahead)
	j.paths = slices.Sorted(maps.Keys(paths))
	return j, nil
}

func (j *jsonlReader) Name() string      { return j.lines.name }
func (j *jsonlReader) Columns() []string { return j.paths }
func (j *jsonlReader) Close() error      { return nil }

func (j *jsonlReader) Next() (Row, error) {
	ln, err := j.lines.next()
	for err == nil && !ln.long && strings.TrimSpace(ln.text) == "" {
		ln, err = j.lines.next()
	}
	if err != nil {
		return Row{}, err
	}
	object, bad := parseObject(ln)
	if bad != nil {
		return Row{}, bad
	}
	return Row{Line: ln.n, object: object, paths: j.paths}, nil
}

func parseObject(ln line) (map[string]any, *RowError) {
	if ln.long {
		return nil, tooLong(ln.n)
	}
	if !utf8.ValidString(ln.text) {
		return nil, &RowError{Line: ln.n, Reason: BadEncoding, Detail: "bytes that are no UTF-8"}
	}
	var object map[string]any
	d := json.NewDecoder(strings.NewReader(ln.text))
	d.UseNumber()
	err := d.Decode(&object)
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	detail := ""
	switch {
	case errors.As(err, &syntax):
		detail = fmt.Sprintf("invalid JSON at byte %d: %s", syntax.Offset, syntax.Error())
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		detail = fmt.Sprintf("the JSON object ends early, at byte %d", len(ln.text))
	case errors.As(err, &wrong), err == nil && object == nil:
		detail = "a JSON value that is no object; each line holds one object"
	case err != nil:
		detail = err.Error()
	default:
		at := d.InputOffset()
		if strings.Trim(ln.text[at:], " \t\r\n") == "" {
			return object, nil
		}
		detail = fmt.Sprintf("text after the JSON object, at byte %d", at+1)
	}
	return nil, &RowError{Line: ln.n, Reason: BadJSON, Detail: detail}
}

// leaves collects the dotted paths of everything in an object that is no object itself.
func leaves(prefix string, object map[string]any, into map[string]struct{}, depth int) {
	for key, v := range object {
		if len(prefix)+len(key) > maxPath {
			continue
		}
		if inner, ok := v.(map[string]any); ok && depth > 1 {
			leaves(prefix+key+".", inner, into, depth-1)
			continue
		}
		into[prefix+key] = struct{}{}
	}
}

// lookup finds a dotted path. A key may hold dots: the longest key that leads to a value is followed.
func lookup(object map[string]any, path string) Value {
	if v, ok := object[path]; ok {
		return valueOf(v)
	}
	for i := len(path) - 1; i > 0; i-- {
		if path[i] != '.' {
			continue
		}
		if inner, ok := object[path[:i]].(map[string]any); ok {
			if v := lookup(inner, path[i+1:]); v.Kind != Absent {
				return v
			}
		}
	}
	return Value{}
}

func valueOf(v any) Value {
	switch v := v.(type) {
	case nil:
		return Value{Kind: Null}
	case string:
		return Value{Kind: Text, Text: v}
	case json.Number:
		return Value{Kind: Digits, Text: v.String()}
	case bool:
		if v {
			return Value{Kind: Truth, Text: "true"}
		}
		return Value{Kind: Truth, Text: "false"}
	case []any:
		return listOf(v)
	default:
		return Value{Kind: Nested}
	}
}

func listOf(items []any) Value {
	var s strings.Builder
	kind := List
	for i, item := range items {
		if i > 0 {
			s.WriteByte(',')
		}
		switch v := item.(type) {
		case json.Number:
			s.WriteString(v.String())
		case string:
			kind = Texts
			s.WriteString(v)
		case nil:
			kind = Texts
		default:
			return Value{Kind: Nested}
		}
	}
	return Value{Kind: kind, Text: s.String()}
}
