package file

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// fataler is a *testing.T or a *rapid.T.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

// readAll gives a file's rows as text and the rows that were rejected.
func readAll(t fataler, r Reader) (rows [][]string, at []int, bad []*RowError) {
	t.Helper()
	for {
		row, err := r.Next()
		var e *RowError
		switch {
		case errors.Is(err, io.EOF):
			return rows, at, bad
		case errors.As(err, &e):
			bad = append(bad, e)
			continue
		case err != nil:
			t.Fatal(err)
		}
		cells := make([]string, len(r.Columns()))
		for i := range cells {
			cells[i] = strings.Clone(row.Get(i).Text)
		}
		rows, at = append(rows, cells), append(at, row.Line)
	}
}

func open(t fataler, format Format, data string) Reader {
	t.Helper()
	r, err := New(strings.NewReader(data), format, "t")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A row that goes wrong costs itself only: what follows it is read as if it had not been there.
func TestCSVGoesOnAfterABadRow(t *testing.T) {
	long := strings.Repeat("x", MaxLine+1)
	for name, c := range map[string]struct {
		data string
		rows string // cells by |, rows by /
		bad  string // the errors, by newline
	}{
		"plain":               {"a,b\n1,2\r\n3,4", "1|2/3|4", ""},
		"empty lines":         {"a,b\n\n1,2\n\r\n3,4\n\n", "1|2/3|4", ""},
		"empty cells":         {"a,b\n,\n\"\",\n", "|/|", ""},
		"quotes":              {"a,b\n\"1,1\",\"say \"\"hi\"\"\"\n3,4\n", `1,1|say "hi"/3|4`, ""},
		"line end in quotes":  {"a,b\n\"1\r\n2\",x\n3,4\n", "1\n2|x/3|4", ""},
		"last lone \\r":       {"a,b\n1,2\r", "1|2", ""},
		"too few":             {"a,b\n1\n3,4\n", "3|4", "line 2: 1 cells where the header has 2"},
		"too many":            {"a,b\n1,2,3\n3,4\n", "3|4", "line 2: 3 cells where the header has 2"},
		"quote in a cell":     {"a,b\n1,5\"\n3,4\n", "3|4", "line 2, column b: a quote inside a cell that doesn't begin with one; put the cell in quotes and double those inside"},
		"text after a quote":  {"a,b\n\"1\"x,2\n3,4\n", "3|4", "line 2, column a: text after a closing quote; double the quotes inside a cell"},
		"never closed":        {"a,b\n1,\"2\n3,4\n5,6\n", "3|4/5|6", "line 2, column b: a quote that is never closed"},
		"closed by the wrong": {"a,b\n1,\"2\n3,4\n5,\"6\"\n7,8\n", "3|4/5|6/7|8", "line 2, column b: text after a closing quote; double the quotes inside a cell"},
		"swallowed neatly":    {"a,b\n\"1,2\n3,4\n5\"\n7,8\n", "3|4/7|8", "line 2: 1 cells where the header has 2\nline 4, column a: a quote inside a cell that doesn't begin with one; put the cell in quotes and double those inside"},
		"too long":            {"a,b\n1," + long + "\n3,4\n", "3|4", "line 2: the row is longer than 1048576 bytes"},
		"longest":             {"a,b\n1," + long[3:] + "\r\n3,4\n", "1|" + long[3:] + "/3|4", ""},
		"quote over too much": {"a,b\n1,\"2\n" + strings.Repeat("3,4\n", 2) + long + "\n5,6\n", "3|4/3|4/5|6", "line 2, column b: a quote that is not closed within 1048576 bytes\nline 5: the row is longer than 1048576 bytes"},
		"no UTF-8":            {"a,b\n1,\xff\n3,4\n", "3|4", "line 2: bytes that are no UTF-8; convert the file (iconv -f latin1 -t utf-8)"},
		"byte order mark":     {"\xef\xbb\xbfa,b\n1,2\n", "1|2", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, CSV, c.data)
			rows, _, bad := readAll(t, r)
			var got, errs []string
			for _, row := range rows {
				got = append(got, strings.Join(row, "|"))
			}
			for _, e := range bad {
				errs = append(errs, e.Error())
			}
			if g := strings.Join(got, "/"); g != c.rows {
				t.Errorf("rows %.200q, want %.200q", g, c.rows)
			}
			if g := strings.Join(errs, "\n"); g != c.bad {
				t.Errorf("errors\n%s\nwant\n%s", g, c.bad)
			}
			if !slices.Equal(r.Columns(), []string{"a", "b"}) {
				t.Errorf("columns %q", r.Columns())
			}
		})
	}
}

// Every stray quote costs the line it stands on and no other, however many there are.
func TestCSVManyStrayQuotes(t *testing.T) {
	const n = 50_000
	rows, _, bad := readAll(t, open(t, CSV, "a,b\n"+strings.Repeat("1,\"2\n3,4\n", n)))
	if len(rows) != n || len(bad) != n {
		t.Errorf("%d rows and %d errors, want %d of each", len(rows), len(bad), n)
	}
}

func TestCSVReadsWhatAWriterWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(2, 5).Draw(t, "width")
		cell := rapid.StringOf(rapid.RuneFrom([]rune("ab ,\"\n\r;\u00e90")))
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, width, width), 1, 20).Draw(t, "rows")
		var buf bytes.Buffer
		w := csv.NewWriter(&buf)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		if err := w.Write(slices.Repeat([]string{"h"}, width)); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteAll(rows); err != nil {
			t.Fatal(err)
		}
		want, err := csv.NewReader(bytes.NewReader(buf.Bytes())).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		got, _, bad := readAll(t, open(t, CSV, buf.String()))
		if len(bad) > 0 || !slices.EqualFunc(got, want[1:], slices.Equal[[]string]) {
			t.Fatalf("read %q with %v, want %q", got, bad, want[1:])
		}
	})
}

// FuzzCSV: no panic on any bytes; rows and errors come in the file's order and each line begins at most one of them; and
// whatever encoding/csv reads without an error is read the same.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a\n\"x\"\"\n\",y\n", "a,b\n\"1,2\n3,4\n\"\"\n", "a,b\r\n\r\n\"\r\n\",\"\r", "\xef\xbb\xbfa\nb", "a,b\n1,\"", "\x1f\x8b", "a\n\"\"\"\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) { // a bomb of zeros is legal, and not what this is about
			return
		}
		r, err := New(bytes.NewReader(data), CSV, "f")
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		got, at, bad := readAll(t, r)
		begins := slices.Clone(at)
		for _, e := range bad {
			begins = append(begins, e.Line)
			if !slices.Contains(Reasons(), e.Reason) {
				t.Fatalf("reason %q is in no list", e.Reason)
			}
		}
		slices.Sort(begins)
		if !slices.IsSorted(at) || len(slices.Compact(begins)) != len(at)+len(bad) || len(begins) > bytes.Count(data, []byte("\n"))+1 {
			t.Fatalf("rows begin on %v, errors on %v", at, bad)
		}
		oracle := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
		want, err := oracle.ReadAll()
		if err != nil || !utf8.Valid(data) || len(data) > MaxLine {
			return
		}
		if len(bad) > 0 || !slices.EqualFunc(got, want[1:], slices.Equal[[]string]) {
			t.Fatalf("read %q with %v, want %q", got, bad, want[1:])
		}
	})
}

func TestJSONL(t *testing.T) {
	r := open(t, JSONL, strings.Join([]string{
		`{"id":"a","flows":{"transfer":0.5,"deep":{"x":null}},"big":12345678901234567890,"ok":true}`,
		``,
		`{"id":"b","flows.transfer":7,"list":[1,2]}`,
		`not json`,
		`{"id":"c"`,
		`[1]`,
		`null`,
		`{"id":"d"} {"id":"e"}`,
		"{\"id\":\"\xff\"}",
		`{"id":"` + strings.Repeat("x", MaxLine) + `"}`,
		`  {"id":"f","flows":null,"late":1}  `,
	}, "\r\n"))
	if want := []string{"big", "flows", "flows.deep.x", "flows.transfer", "id", "late", "list", "ok"}; !slices.Equal(r.Columns(), want) {
		t.Errorf("columns %q, want %q", r.Columns(), want)
	}
	rows, at, bad := readAll(t, r)
	want := [][]string{
		{"12345678901234567890", "", "", "0.5", "a", "", "", "true"},
		{"", "", "", "7", "b", "", "1,2", ""},
		{"", "", "", "", "f", "1", "", ""},
	}
	if !slices.EqualFunc(rows, want, slices.Equal[[]string]) || !slices.Equal(at, []int{1, 3, 11}) {
		t.Errorf("rows %q on lines %v", rows, at)
	}
	var errs []string
	for _, e := range bad {
		errs = append(errs, e.Error())
	}
	wantErrs := []string{
		"line 4: invalid JSON at byte 2: invalid character 'o' in literal null (expecting 'u')",
		"line 5: the JSON object ends early, at byte 9",
		"line 6: a JSON value that is no object; each line holds one object",
		"line 7: a JSON value that is no object; each line holds one object",
		"line 8: text after the JSON object, at byte 11",
		"line 9: bytes that are no UTF-8",
		"line 10: the row is longer than 1048576 bytes",
	}
	if !slices.Equal(errs, wantErrs) {
		t.Errorf("errors\n%s", strings.Join(errs, "\n"))
	}
}

func TestJSONLValueKinds(t *testing.T) {
	r := open(t, Auto, `{"a":null,"b":"","c":1e3,"d":false,"e":[],"i":[1,-2.50],"k":["x"],"f.g":{"h":2}}`+"\n"+`{}`)
	row, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Value{"a": {Null, ""}, "b": {Text, ""}, "c": {Digits, "1e3"}, "d": {Truth, "false"}, "e": {List, ""}, "i": {List, "1,-2.50"}, "k": {Texts, "x"}, "f.g.h": {Digits, "2"}}
	for i, name := range r.Columns() {
		if got := row.Get(i); got != want[name] {
			t.Errorf("%s = %v, want %v", name, got, want[name])
		}
	}
	if row, err = r.Next(); err != nil || row.Get(0).Kind != Absent || len(r.Columns()) != len(want) {
		t.Errorf("an empty object has %v, %v", row.Get(0), err)
	}
}

// FuzzJSONL: no panic, memory bounded by the input, each line read or rejected once, accepted exactly where encoding/json
// finds one object, and top-level text is what encoding/json makes of it.
func FuzzJSONL(f *testing.F) {
	for _, s := range []string{`{"a":1}`, "{\"a\":{\"b\":\"x\"}}\n\n{\"a.b\":2}\n", "{}\n[]\nnull\n1\n{", "{\"a\":\"\u00e9\",\"a\":\"b\"}", "\xef\xbb\xbf{}", "{\"a\":\"\xff\"}", `{"":{"":{"":1}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
			return
		}
		r, err := New(bytes.NewReader(data), JSONL, "f")
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		rows, at, bad := readAll(t, r)
		var want []map[string]any
		var wantAt []int
		lost := 0
		for i, text := range strings.Split(strings.TrimPrefix(string(data), "\xef\xbb\xbf"), "\n") {
			var object map[string]any
			switch {
			case utf8.ValidString(text) && json.Unmarshal([]byte(text), &object) == nil && object != nil:
				want, wantAt = append(want, object), append(wantAt, i+1)
			case strings.TrimSpace(text) != "":
				lost++
			}
		}
		if !slices.Equal(at, wantAt) || len(bad) != lost {
			t.Fatalf("rows on %v with errors %v, want rows on %v and %d errors", at, bad, wantAt, lost)
		}
		for i, name := range r.Columns() {
			for k, row := range rows {
				if text, ok := want[k][name].(string); ok && row[i] != text {
					t.Fatalf("line %d: %s = %q, want %q", at[k], name, row[i], text)
				}
			}
		}
	})
}

// Columns seen only behind the lines looked at ahead don't exist; those lines are still read, and in their order.
func TestJSONLLooksAheadOnly(t *testing.T) {
	r := open(t, JSONL, strings.Repeat("{\"a\":1}\n", aheadLines)+`{"a":2,"late":3}`)
	if !slices.Equal(r.Columns(), []string{"a"}) {
		t.Errorf("columns %q", r.Columns())
	}
	rows, at, _ := readAll(t, r)
	if len(rows) != aheadLines+1 || rows[aheadLines][0] != "2" || at[aheadLines] != aheadLines+1 || !slices.IsSorted(at) {
		t.Errorf("%d rows", len(rows))
	}
}

// A short line can't make the list of columns long: neither by depth nor by one long key over many short ones.
func TestJSONLColumnsAreBounded(t *testing.T) {
	deep := strings.Repeat(`{"a":1,"b":`, 9000) + "1" + strings.Repeat("}", 9000)
	wide := `{"` + strings.Repeat("k", 100_000) + `":{` + strings.Repeat(`"x":1,`, 1000) + `"y":1}}`
	r := open(t, JSONL, deep+"\n"+wide)
	size := 0
	for _, c := range r.Columns() {
		size += len(c)
	}
	if len(r.Columns()) > maxDepth+2 || size > len(deep) {
		t.Errorf("%d columns of %d bytes", len(r.Columns()), size)
	}
}

func gzipped(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOpen(t *testing.T) {
	const rows, objects = "a,b\n1,2\n", `{"a":1,"b":2}`
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"t.csv": []byte(rows), "t.CSV.gz": gzipped(t, rows), "named.csv": gzipped(t, rows), "t.jsonl": []byte(objects),
		"t.ndjson.gz": gzipped(t, objects), "export": []byte(objects), "export.txt": []byte(rows), "u.jsonl": []byte("\xef\xbb\xbf" + objects),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, _, bad := readAll(t, r)
		if len(bad) > 0 || !slices.EqualFunc(got, [][]string{{"1", "2"}}, slices.Equal[[]string]) || r.Name() != path {
			t.Errorf("%s: rows %q, errors %v", r.Name(), got, bad)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := Open(filepath.Join(dir, "none.csv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that isn't there: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		format Format
		data   string
		want   string
	}{
		"empty CSV":      {CSV, "", "it is empty"},
		"blank CSV":      {Auto, "\n\n", "it is empty"},
		"UTF-16":         {CSV, "\xff\xfea\x00", "save it as UTF-8"},
		"binary":         {CSV, "PAR1\x15\xff,\n", "no line of column names: line 1: bytes that are no UTF-8"},
		"open header":    {CSV, "a,\"b\n1,2\n", "a quote that is never closed"},
		"JSON array":     {JSONL, "\n [{}]", "one object per line"},
		"gzip, no gzip":  {CSV, "\x1f\x8bno such thing", "read t: gzip: invalid header"},
		"gzip, no start": {CSV, "\x1f\x8b", "read t: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(strings.NewReader(c.data), c.format, "t"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	r := open(t, JSONL, "")
	if _, err := r.Next(); !errors.Is(err, io.EOF) || len(r.Columns()) != 0 {
		t.Errorf("an empty JSON Lines file has %q, %v", r.Columns(), err)
	}
}

// A damaged gzip is no bad row: what was read so far stands, and the error is final and says where.
func TestTruncatedGzipIsFinal(t *testing.T) {
	whole := gzipped(t, "a,b\n"+strings.Repeat("0.123456,0.654321\n", 50_000))
	r, err := New(bytes.NewReader(whole[:len(whole)/2]), CSV, "half.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for {
		if _, err = r.Next(); err != nil {
			break
		}
		rows++
	}
	var bad *RowError
	if !errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &bad) || rows == 0 || !strings.Contains(err.Error(), "half.csv.gz after line") {
		t.Errorf("after %d rows: %v", rows, err)
	}
}
