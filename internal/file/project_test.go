package file

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

var update = flag.Bool("update", false, "write the golden files")

// projection names the fields of testdata/messy.*; transfer is nested in one and flat in the other.
func projection() *plan.Projection {
	p := &plan.Projection{Topic: "t", Roles: plan.NoRoles(), Fields: []plan.Field{
		{Name: "price", Path: []string{"price"}, Kind: plan.Number},
		{Name: "transfer", Path: []string{"flows", "transfer"}, Kind: plan.Number},
		{Name: "region", Path: []string{"region"}, Kind: plan.String},
		{Name: "event_id", Path: []string{"event_id"}, Kind: plan.String},
		{Name: "ts", Path: []string{"ts"}, Kind: plan.Time},
		{Name: "model_version", Path: []string{"model_version"}, Kind: plan.String},
		{Name: "score", Path: []string{"score"}, Kind: plan.Number},
		{Name: "daypart", Kind: plan.String, Expr: "price > 0.5 ? 'high' : 'low'"},
	}}
	p.Roles.ID, p.Roles.Time, p.Roles.Version, p.Roles.Score = 3, 4, 5, 6
	return p
}

func dump(w io.Writer, b *plan.Batch) {
	for row := range b.N {
		fmt.Fprintf(w, "line %d:", b.Offset[row])
		for i, f := range b.Fields {
			c := b.Cols[i]
			fmt.Fprintf(w, " %s=", f.Name)
			switch {
			case c.State[row] == plan.Missing:
				fmt.Fprint(w, "missing")
			case c.State[row] == plan.Invalid:
				fmt.Fprint(w, "invalid")
			case f.Kind == plan.Number:
				fmt.Fprint(w, c.Num[row])
			case f.Kind == plan.Time:
				fmt.Fprint(w, time.UnixMicro(c.Int[row]).UTC().Format(time.RFC3339Nano))
			default:
				fmt.Fprintf(w, "%q", c.Str[row])
			}
		}
		fmt.Fprintln(w)
	}
}

// fill reads a whole file into one batch, some rows at a time.
func fill(t testing.TB, j *Projector, p *plan.Projection, step int) *plan.Batch {
	t.Helper()
	b := plan.NewBatch(p, step)
	for {
		before := b.N
		n, err := j.Fill(b, step)
		if n != b.N-before || n > step || (n == 0) != (err != nil) {
			t.Fatalf("Fill says %d rows, %v; the batch grew by %d", n, err, b.N-before)
		}
		if errors.Is(err, io.EOF) {
			return b
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// balanced checks that every row read was accepted or rejected for a listed reason, and that each rejection was told of.
func balanced(t testing.TB, j *Projector, b *plan.Batch, told int) {
	t.Helper()
	sum := j.Accepted()
	for _, r := range Reasons() {
		sum += j.Rejected(r)
	}
	if j.Read() != sum || j.Accepted() != int64(b.N) || j.Read()-j.Accepted() != int64(told) {
		t.Errorf("read %d, accepted %d, with rejected %d; %d in the batch, %d told of", j.Read(), j.Accepted(), sum, b.N, told)
	}
}

func TestFillGolden(t *testing.T) {
	for _, name := range []string{"messy.csv", "messy.jsonl"} {
		for _, step := range []int{1, 3, 1000} {
			r, err := Open(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			told := 0
			p := projection()
			j, err := NewProjector(r, p, OnReject(func(e RowError) {
				told++
				fmt.Fprintf(&out, "rejected (%s): %s\n", e.Reason, e.Error())
			}))
			if err != nil {
				t.Fatal(err)
			}
			b := fill(t, j, p, step)
			balanced(t, j, b, told)
			dump(&out, b)
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, out.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), want) {
				t.Errorf("%s, %d rows at a time:\n%s\nwant\n%s", name, step, out.Bytes(), want)
			}
		}
	}
}

func TestProjectorMakesWhatIsMissing(t *testing.T) {
	p := projection()
	data := "price,transfer,region,ts,score\n1,2,north,2026-03-25,0.5\n1,2,north,never,0.5\n1,2,south,2026-03-25,0.5\n"
	one, err := NewProjector(open(t, CSV, data), p)
	if err != nil {
		t.Fatal(err)
	}
	two, err := NewProjector(open(t, CSV, data), p, WithVersion("v9"), WithTimeShift(90*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	a, b := fill(t, one, p, 10), fill(t, two, p, 10)
	balanced(t, one, a, 1)
	if !one.MakesIDs() || a.Cols[3].Str[0] != "line-2" || a.Cols[3].Str[1] != "line-4" || b.Cols[3].Str[1] != "line-4" {
		t.Errorf("ids %q and %q", a.Cols[3].Str, b.Cols[3].Str)
	}
	if a.Cols[5].Str[0] != "" || a.Cols[5].State[0] != plan.OK || b.Cols[5].Str[0] != "v9" {
		t.Errorf("versions %q and %q", a.Cols[5].Str, b.Cols[5].Str)
	}
	if d := b.Cols[4].Int[0] - a.Cols[4].Int[0]; d != (90 * time.Minute).Microseconds() {
		t.Errorf("shifted by %d us", d)
	}
	whole, err := NewProjector(open(t, CSV, "event_id,model_version,"+data), p, WithVersion("v9"))
	if err != nil || whole.MakesIDs() {
		t.Errorf("a file with ids: %v", err)
	}
}

// Strings in a batch outlive the reader's row.
func TestStringsAreCopies(t *testing.T) {
	p := projection()
	data := "price,transfer,region,ts,score\n1,2," + strings.Repeat("n", 100) + ",2026-03-25,0.5\n"
	j, err := NewProjector(open(t, CSV, data), p)
	if err != nil {
		t.Fatal(err)
	}
	b := plan.NewBatch(p, 1)
	if _, err := j.Fill(b, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Fill(b, 1); !errors.Is(err, io.EOF) || b.N != 1 || b.Cols[2].Str[0] != strings.Repeat("n", 100) {
		t.Errorf("after the end: %v, %d rows, %q", err, b.N, b.Cols[2].Str)
	}
}

func TestProjectorFindsColumns(t *testing.T) {
	field := func(name, path string) plan.Field {
		return plan.Field{Name: name, Path: strings.Split(path, "."), Kind: plan.Number}
	}
	for name, c := range map[string]struct {
		header string
		fields []plan.Field
		want   string // the columns found, or the error
	}{
		"full path first": {"transfer,flows.transfer", []plan.Field{field("t", "flows.transfer")}, "[1]"},
		"last step":       {"t,transfer", []plan.Field{field("t", "flows.transfer")}, "[1]"},
		"own name":        {"x,t", []plan.Field{field("t", "flows.transfer")}, "[1]"},
		"spaces":          {" x , t ", []plan.Field{field("t", "t")}, "[1]"},
		"one path twice":  {"ts", []plan.Field{field("hour", "ts"), field("ts (time)", "ts")}, "[0 0]"},
		"none":            {"x,y", []plan.Field{field("a", "a"), field("t", "flows.transfer"), field("x", "x")}, "read t: columns and contract differ: no column for a, no column for t (flows.transfer); the file has x, y"},
		"case":            {"X", []plan.Field{field("x", "x")}, "read t: columns and contract differ: no column for x; the file has X"},
		"twice":           {"a,a", []plan.Field{field("a", "a")}, `read t: columns and contract differ: column "a" is there more than once; the file has a, a`},
		"two for one":     {"price", []plan.Field{field("in", "in.price"), field("out", "out.price")}, `read t: columns and contract differ: column "price" could be in (in.price) or out (out.price); the file has price`},
		"fallback first":  {"price", []plan.Field{field("in", "in.price"), field("price", "price")}, `read t: columns and contract differ: column "price" could be in (in.price) or price; the file has price`},
		"many": {strings.Repeat("c,", 59) + "c", []plan.Field{field("a", "a")}, "read t: columns and contract differ: no column for a; the file has " +
			strings.Repeat("c, ", 49) + "c and 10 more"},
	} {
		t.Run(name, func(t *testing.T) {
			j, err := NewProjector(open(t, CSV, c.header+"\n"), &plan.Projection{Fields: c.fields, Roles: plan.NoRoles()})
			got := ""
			if err != nil {
				got = err.Error()
				if !errors.Is(err, ErrColumn) {
					t.Error("the error is not ErrColumn")
				}
			} else {
				got = fmt.Sprint(j.columns)
			}
			if got != c.want {
				t.Errorf("%s\nwant\n%s", got, c.want)
			}
		})
	}
	if _, err := NewProjector(open(t, JSONL, ""), projection()); err == nil || !strings.HasSuffix(err.Error(), "the file has none") {
		t.Errorf("an empty file: %v", err)
	}
}

func TestFillRefusesAnotherBatch(t *testing.T) {
	p := projection()
	j, err := NewProjector(open(t, CSV, "price,transfer,region,ts,score\n"), p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Fill(plan.NewBatch(&plan.Projection{}, 1), 1); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a batch without columns: %v", err)
	}
	if _, err := j.Fill(plan.NewBatch(p, 1), 0); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("no room: %v", err)
	}
}

func TestParseTime(t *testing.T) {
	for s, want := range map[string]string{
		"2026-03-25T00:00:00Z":          "2026-03-25T00:00:00Z",
		"2026-03-25T01:00:00.25+01:00":  "2026-03-25T00:00:00.25Z",
		"2026-03-25 00:00:00":           "2026-03-25T00:00:00Z",
		"2026-03-25 00:00:00.000001":    "2026-03-25T00:00:00.000001Z",
		"2026-03-25 02:00:00+02:00":     "2026-03-25T00:00:00Z",
		"2026-03-25T00:00:00":           "2026-03-25T00:00:00Z",
		"2026-03-25 00:00":              "2026-03-25T00:00:00Z",
		"2026-03-25T00:00":              "2026-03-25T00:00:00Z",
		"2026-03-25":                    "2026-03-25T00:00:00Z",
		"1774396800":                    "2026-03-25T00:00:00Z",
		"1774396800.5":                  "2026-03-25T00:00:00.5Z",
		"1774396800500":                 "2026-03-25T00:00:00.5Z",
		"1774396800500.25":              "2026-03-25T00:00:00.50025Z",
		"1774396800500000":              "2026-03-25T00:00:00.5Z",
		"1774396800500000000":           "2026-03-25T00:00:00.5Z",
		"1.7743968e9":                   "2026-03-25T00:00:00Z",
		"0":                             "1970-01-01T00:00:00Z",
		"-1":                            "1969-12-31T23:59:59Z",
		"-1.5":                          "1969-12-31T23:59:58.5Z",
		"99999999999":                   "5138-11-16T09:46:39Z",
		"100000000000":                  "1973-03-03T09:46:40Z",
		"1996-05-07T00:00:00Z":          "1996-05-07T00:00:00Z",
		"0001-01-01":                    "0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59.99999999Z": "9999-12-31T23:59:59.999999Z",

		"": "", "soon": "", "2026-13-01": "", "2026-02-30": "", "25.03.2026": "", "NaN": "", "Inf": "", "1e300": "", "1e18": "", "20260325T000000Z": "", "2026-": "",
		"99999999999999999999": "",
	} {
		us, ok := parseTime(s)
		got := ""
		if ok {
			got = time.UnixMicro(us).UTC().Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
	}
}

func TestParseNumber(t *testing.T) {
	for s, want := range map[string]float64{
		"0": 0, "-0.5": -0.5, "+1": 1, "1e3": 1000, ".5": 0.5, "true": 1, "False": 0, "TRUE": 1, "2026-03-25T00:00:00.5Z": 1774396800.5, "2026-03-25": 1774396800,
		"9007199254740993": 9007199254740992,
	} {
		if got, ok := parseNumber(s); !ok || got != want {
			t.Errorf("%q is %v, %v, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{"x", "1,5", "1 000", "12%", "yes", "2026-99-99", "1e400", "--1"} {
		if got, ok := parseNumber(s); ok {
			t.Errorf("%q is %v", s, got)
		}
	}
}

// FuzzFill: whatever a file holds, the books balance, every accepted row has an id and a time, and numbers are finite.
func FuzzFill(f *testing.F) {
	for _, name := range []string{"messy.csv", "messy.jsonl"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("price,transfer,region,ts,score\n1,2,n,-9223372036854775808,0\n1,2,n,99999999999.9,0\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
			return
		}
		r, err := New(bytes.NewReader(data), Auto, "f")
		if err != nil {
			return
		}
		told := 0
		p := projection()
		j, err := NewProjector(r, p, WithTimeShift(time.Hour), OnReject(func(RowError) { told++ }))
		if err != nil {
			if !errors.Is(err, ErrColumn) {
				t.Fatal(err)
			}
			return
		}
		b := fill(t, j, p, 7)
		balanced(t, j, b, told)
		for row := range b.N {
			if b.Cols[3].Str[row] == "" || b.Cols[3].State[row] != plan.OK || b.Cols[4].State[row] != plan.OK {
				t.Fatalf("row %d has no id or no time", row)
			}
			if row > 0 && b.Offset[row] <= b.Offset[row-1] {
				t.Fatalf("line %d after line %d", b.Offset[row], b.Offset[row-1])
			}
			for i, field := range p.Fields {
				if field.Kind == plan.Number && (math.IsNaN(b.Cols[i].Num[row]) || math.IsInf(b.Cols[i].Num[row], 0)) {
					t.Fatalf("%s of row %d is %v", field.Name, row, b.Cols[i].Num[row])
				}
			}
		}
	})
}

// Measures of what a file holds: the same as those of the decoder, which shares their definition for text.
func TestMeasures(t *testing.T) {
	field := func(path string, k plan.Kind, of plan.Measure) plan.Field {
		return plan.Field{Name: path + "." + string(of), Path: []string{path}, Kind: k, Of: of}
	}
	p := &plan.Projection{Roles: plan.NoRoles(), Fields: []plan.Field{
		field("note", plan.Number, plan.OfLength), field("note", plan.String, plan.OfCharset),
		field("v", plan.Number, plan.OfNorm), field("v", plan.Number, plan.OfDimension),
		field("v", plan.Number, plan.Component(1)), field("v", plan.Number, plan.Component(0)), // no order is asked for
	}}
	for _, c := range []struct {
		format Format
		data   string
		want   string
	}{
		{JSONL, `{"note":"caf\u00e9","v":[3,-4.0]}`, `note.length=4 note.charset="latin" v.norm=5 v.dimension=2 v.component_1=-4 v.component_0=3`},
		{JSONL, `{"note":"","v":[]}`, `note.length=0 note.charset="empty" v.norm=0 v.dimension=0 v.component_1=missing v.component_0=missing`},
		{JSONL, `{"note":"a","v":[-0.5]}`, `note.length=1 note.charset="ascii" v.norm=0.5 v.dimension=1 v.component_1=missing v.component_0=-0.5`},
		{JSONL, `{"note":"a","v":[2,3,6]}`, `note.length=1 note.charset="ascii" v.norm=7 v.dimension=3 v.component_1=3 v.component_0=2`},
		{JSONL, `{"note":"a","v":[2,null]}`, `note.length=1 note.charset="ascii" v.norm=invalid v.dimension=invalid v.component_1=invalid v.component_0=invalid`},
		{JSONL, `{"note":"a","v":[2,1e999]}`, `note.length=1 note.charset="ascii" v.norm=invalid v.dimension=invalid v.component_1=invalid v.component_0=invalid`},
		{JSONL, `{"note":"a","v":[1e200]}`, `note.length=1 note.charset="ascii" v.norm=invalid v.dimension=1 v.component_1=missing v.component_0=1e+200`},
		{JSONL, `{"note":null,"v":null}`, `note.length=missing note.charset=missing v.norm=missing v.dimension=missing v.component_1=missing v.component_0=missing`},
		{JSONL, `{"note":[1],"v":"1,2"}`, `note.length=invalid note.charset=invalid v.norm=invalid v.dimension=invalid v.component_1=invalid v.component_0=invalid`},
		{JSONL, `{"note":[],"v":[1,"x"]}`, `note.length=invalid note.charset=invalid v.norm=invalid v.dimension=invalid v.component_1=invalid v.component_0=invalid`},
		{JSONL, `{"note":"日本","v":[[1]]}`, `note.length=2 note.charset="other" v.norm=invalid v.dimension=invalid v.component_1=invalid v.component_0=invalid`},
		{CSV, "note,v\nplain,\" [3, -4.0]\"", `note.length=5 note.charset="ascii" v.norm=5 v.dimension=2 v.component_1=-4 v.component_0=3`},
		{CSV, "note,v\nplain,[ ]", `note.length=5 note.charset="ascii" v.norm=0 v.dimension=0 v.component_1=missing v.component_0=missing`},
		{CSV, "note,v\nplain,NA", `note.length=5 note.charset="ascii" v.norm=missing v.dimension=missing v.component_1=missing v.component_0=missing`},
		{CSV, "note,v\nplain,\"[1,,2]\"", `note.length=5 note.charset="ascii" v.norm=invalid v.dimension=invalid v.component_1=invalid v.component_0=invalid`},
		{CSV, "note,v\nplain,[1 2]", `note.length=5 note.charset="ascii" v.norm=invalid v.dimension=invalid v.component_1=invalid v.component_0=invalid`},
		{CSV, "note,v\nplain,1", `note.length=5 note.charset="ascii" v.norm=invalid v.dimension=invalid v.component_1=invalid v.component_0=invalid`},
	} {
		j, err := NewProjector(open(t, c.format, c.data), p)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		dump(&out, fill(t, j, p, 10))
		if got := strings.TrimSpace(out.String()); !strings.HasSuffix(got, ": "+c.want) {
			t.Errorf("%s gives %s, want %s", c.data, got, c.want)
		}
	}
}
