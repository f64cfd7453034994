package produce

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/file"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

// encoded gives each row of a CSV by a schema: what goavro makes of the bytes, or why the row was refused.
func encoded(t testing.TB, text string, p *plan.Projection, csv string) (events []map[string]any, refused []string) {
	t.Helper()
	codec, err := goavro.NewCodec(text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := file.New(strings.NewReader(csv), file.CSV, "rows.csv")
	if err != nil {
		t.Fatal(err)
	}
	enc, err := newEncoder(text, p, r.Columns(), nil)
	if err != nil {
		t.Fatal(err)
	}
	proj, err := file.NewProjector(r, &enc.projection, file.OnReject(func(e file.RowError) { refused = append(refused, e.Error()) }))
	if err != nil {
		t.Fatal(err)
	}
	b := plan.NewBatch(&enc.projection, 1)
	for {
		b.Reset()
		if _, err := proj.Fill(b, 1); errors.Is(err, io.EOF) {
			return events, refused
		} else if err != nil {
			t.Fatal(err)
		}
		const before = "before"
		out, bad := enc.encode([]byte(before), b, 0)
		if bad != nil {
			if string(out) != before {
				t.Fatalf("a refused row left %q", out)
			}
			refused = append(refused, bad.Error())
			continue
		}
		native, rest, err := codec.NativeFromBinary(out[len(before):])
		if err != nil || len(rest) > 0 {
			t.Fatalf("% x: %d bytes left, %v", out, len(rest), err)
		}
		events = append(events, native.(map[string]any))
	}
}

// Every type that a cell can be written as, read back by goavro.
func TestEveryType(t *testing.T) {
	const text = `{"type":"record","name":"E","fields":[
		{"name":"id","type":"long"},
		{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
		{"name":"yes","type":"boolean"},
		{"name":"small","type":["int","null"]},
		{"name":"large","type":["null","long"]},
		{"name":"single","type":"float"},
		{"name":"double","type":["null","double"]},
		{"name":"words","type":["null",{"type":"string","avro.java.string":"String"}]},
		{"name":"raw","type":"bytes"},
		{"name":"tier","type":{"type":"enum","name":"Tier","symbols":["free","pro"]}},
		{"name":"day","type":["null",{"type":"int","logicalType":"date"}]},
		{"name":"micros","type":{"type":"long","logicalType":"timestamp-micros"}},
		{"name":"inner","type":{"type":"record","name":"I","fields":[{"name":"a","type":["null","double"]},{"name":"none","type":["null","string"]}]}},
		{"name":"maybe","type":["null",{"type":"record","name":"M","fields":[{"name":"b","type":"double"}]}]},
		{"name":"absent","type":["null",{"type":"record","name":"N","fields":[{"name":"c","type":["null","double"]}]}]},
		{"name":"list","type":["null",{"type":"array","items":"string"}]},
		{"name":"self","type":["null","E"]}
	]}`
	p := &plan.Projection{
		Fields: []plan.Field{{Name: "id", Path: []string{"id"}, Kind: plan.String}, {Name: "at", Path: []string{"at"}, Kind: plan.Time}},
		Roles:  plan.NoRoles(),
	}
	p.Roles.ID, p.Roles.Time = 0, 1
	const header = "id,at,yes,small,large,single,double,words,raw,tier,day,micros,inner.a,b\n"
	got, refused := encoded(t, text, p, header+
		"9007199254740993,1999-12-31T23:59:59.9995Z,true,-7,9223372036854775807,0.5,NA,hello,x,pro,1969-12-31,1969-12-31T23:59:59.999999Z,1.5,2\n"+
		"2,1,0,,3.0,nan,inf,,y,free,,0,,3\n")
	if len(refused) != 0 || len(got) != 2 {
		t.Fatalf("%d events, refused %q", len(got), refused)
	}
	want := map[string]any{
		"id": int64(9007199254740993), "at": time.Date(1999, 12, 31, 23, 59, 59, 999e6, time.UTC), "yes": true,
		"small": map[string]any{"int": int32(-7)}, "large": map[string]any{"long": int64(math.MaxInt64)}, "single": float32(0.5), "double": nil,
		"words": map[string]any{"string": "hello"}, "raw": []byte("x"), "tier": "pro",
		"day": map[string]any{"int.date": time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)}, "micros": time.UnixMicro(-1).UTC(),
		"inner": map[string]any{"a": map[string]any{"double": 1.5}, "none": nil}, "maybe": map[string]any{"M": map[string]any{"b": 2.0}},
		"absent": nil, "list": nil, "self": nil,
	}
	for k, v := range want {
		if !reflect.DeepEqual(got[0][k], v) {
			t.Errorf("%s = %#v, want %#v", k, got[0][k], v)
		}
	}
	if v := got[1]["double"].(map[string]any)["double"].(float64); !math.IsNaN(v) {
		t.Errorf("an infinite number is %v, want NaN", v)
	}
	if got[1]["small"] != nil || got[1]["words"] != nil || got[1]["yes"] != false || !reflect.DeepEqual(got[1]["large"], map[string]any{"long": int64(3)}) {
		t.Errorf("second row: %v", got[1])
	}
	for cells, want := range map[string]string{
		"x,1,0,,,1,,,y,free,,0,,3":                   `line 2, column id: "x" is no long`,
		"1,1,2,,,1,,,y,free,,0,,3":                   "line 2, column yes: 2 is no boolean",
		"1,1,,,,1,,,y,free,,0,,3":                    "line 2, column yes: it is missing, and the schema doesn't allow null",
		"1,1,0,2147483648,,1,,,y,free,,0,,3":         `line 2, column small: "2147483648" is no int`,
		"1,1,0,,1.5,1,,,y,free,,0,,3":                `line 2, column large: "1.5" is no long`,
		"1,1,0,,,1,,,y,gold,,0,,3":                   `line 2, column tier: "gold" is none of free, pro`,
		"1,1,0,,,1,,,y,free,then,0,,3":               "line 2, column day: what stands there can't be read",
		"1,1,0,,,1,,,y,free,,0,,":                    "line 2, column maybe.b: it is missing",
		"1,1,0,,9007199254740994.0,1,,,y,free,,0,,3": `line 2, column large: "9007199254740994.0" is no long`,
	} {
		events, refused := encoded(t, text, p, header+cells+"\n")
		if len(events) != 0 || len(refused) != 1 || !strings.HasPrefix(refused[0], want) {
			t.Errorf("%s: %d events, refused %q, want %q", cells, len(events), refused, want)
		}
	}
}

// cells are what people write into files, good and bad.
var cells = []string{"", "1", "0", "-1.5", "1e300", "NaN", "inf", "NA", "null", "true", "False", "ten", " 7 ", "2026-01-01T00:00:00Z", "2026-01-02 03:04:05.678901", "1767225600123", "free", "\xc3\xa9"}

// What the ingestor reads from the topic is what check reads from the file, cell by cell. Only a boolean or a time that can't
// be read parts them: then the event is refused.
func TestStreamReadsWhatCheckReads(t *testing.T) {
	draft, err := plan.Draft(load(t, churn))
	if err != nil {
		t.Fatal(err)
	}
	columns := strings.Split(strings.TrimSpace(head), ",")
	made, notes, err := derive("churn", "Prediction", &draft.Prediction, columns, nil, []string{"churned"})
	if err != nil || len(notes) > 0 {
		t.Fatal(err, notes)
	}
	program, err := schema.Compile(made, &draft.Prediction)
	if err != nil {
		t.Fatal(err)
	}
	refused, compared := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		row := make([]string, len(columns))
		for i := range row {
			row[i] = rapid.SampledFrom(cells).Draw(t, columns[i])
		}
		csv := head + strings.Join(row, ",") + "\n"
		read := func(p *plan.Projection) (*plan.Batch, int) {
			r, err := file.New(strings.NewReader(csv), file.CSV, "rows.csv")
			if err != nil {
				t.Fatal(err)
			}
			proj, err := file.NewProjector(r, p)
			if err != nil {
				t.Fatal(err)
			}
			b := plan.NewBatch(p, 1)
			n, err := proj.Fill(b, 1)
			if err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			return b, n
		}
		want, n := read(&draft.Prediction)
		enc, err := newEncoder(made, &draft.Prediction, columns, nil)
		if err != nil {
			t.Fatal(err)
		}
		from, m := read(&enc.projection)
		if n != m {
			t.Fatalf("check takes %d rows, produce %d", n, m)
		}
		if n == 0 {
			return
		}
		body, bad := enc.encode(nil, from, 0)
		if bad != nil {
			if bad.Column != "active" && bad.Column != "account.since" {
				t.Fatal(bad)
			}
			refused++
			return
		}
		got := plan.NewBatch(&draft.Prediction, 1)
		if err := program.Decode(body, 0, got, want.Offset[0]); err != nil {
			t.Fatal(err)
		}
		compared++
		for i, f := range draft.Prediction.Fields {
			if f.Expr == "" && !reflect.DeepEqual(want.Cols[i], got.Cols[i]) {
				t.Fatalf("%s: check reads %+v, the ingestor %+v", f.Name, want.Cols[i], got.Cols[i])
			}
		}
	})
	if refused == 0 || compared == 0 {
		t.Errorf("%d refused, %d compared: the property saw one side only", refused, compared)
	}
}

// Whatever a file holds, what goes out is whole Avro by its schema.
func FuzzEncode(f *testing.F) {
	f.Add(head + "a,1,0.5,v1,10,pro,true,2020-01-01,1,x\n")
	f.Add(`{"id":"a","at":1,"score":0.5,"version":"v","amount":1,"plan":[],"active":false,"account":{"since":1},"deep":{"er":1}}` + "\n")
	f.Add("at,score,amount,plan,active,since,a b,a.b,a\n1,,,,,,,,\n")
	draft, err := plan.Draft(load(f, churn))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := file.New(strings.NewReader(text), file.Auto, "rows")
		if err != nil {
			return
		}
		made, _, err := derive("churn", "Prediction", &draft.Prediction, r.Columns(), nil, nil)
		if err != nil {
			t.Fatalf("columns %q: %v", r.Columns(), err)
		}
		if !json.Valid([]byte(made)) {
			t.Fatal(made)
		}
		codec, err := goavro.NewCodec(made)
		if err != nil {
			t.Fatalf("%s: %v", made, err)
		}
		enc, err := newEncoder(made, &draft.Prediction, r.Columns(), nil)
		if err != nil {
			t.Fatalf("%s: %v", made, err)
		}
		proj, err := file.NewProjector(r, &enc.projection)
		if err != nil {
			return
		}
		b := plan.NewBatch(&enc.projection, 1)
		for {
			b.Reset()
			if _, err := proj.Fill(b, 1); err != nil {
				return
			}
			body, bad := enc.encode(nil, b, 0)
			if bad != nil {
				continue
			}
			if _, rest, err := codec.NativeFromBinary(body); err != nil || len(rest) > 0 {
				t.Fatalf("% x: %d bytes left, %v", body, len(rest), err)
			}
		}
	})
}

// Vectors are published as arrays, by the schema that is made here and by one that is given: from the text of a list, as a CSV has them.
func TestVectorsArePublished(t *testing.T) {
	draft, err := plan.Draft(load(t, strings.Replace(churn, "inputs:\n", "inputs:\n  e: {type: vector, components: 5}\n", 1)))
	if err != nil {
		t.Fatal(err)
	}
	given := func(items string) string {
		return `{"type":"record","name":"P","fields":[{"name":"id","type":"string"},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
			{"name":"score","type":"double"},{"name":"version","type":"string"},{"name":"amount","type":"double"},{"name":"plan","type":"string"},{"name":"active","type":"boolean"},
			{"name":"account","type":{"type":"record","name":"A","fields":[{"name":"since","type":"long"}]}},
			{"name":"e","type":["null",{"type":"array","items":"` + items + `"}]},{"name":"more","type":["null",{"type":"array","items":"long"}],"default":null}]}`
	}
	const head = "id,at,score,version,amount,plan,active,account.since,e,more\n"
	row := func(e, more string) string { return `a,2026-01-01,.5,v,1,p,true,7,"` + e + `","` + more + "\"\n" }
	made, _, err := derive("churn", "Prediction", &draft.Prediction, strings.Split(strings.TrimSpace(head), ","), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	array := func(items ...any) any { return goavro.Union("array", append([]any{}, items...)) }
	for _, c := range []struct {
		name, text, list string
		want             any
		refused          string
	}{
		{"made here", made, "[1.5, -2,1e3]", array(1.5, -2., 1000.), ""},
		{"made here, none", made, "[ ]", array(), ""},
		{"made here, no value", made, "", nil, ""},
		{"floats", given("float"), "[1.5,-2]", array(float32(1.5), float32(-2)), ""},
		{"longs", given("long"), "[9007199254740993,3.0]", array(int64(9007199254740993), int64(3)), ""},
		{"ints", given("int"), "[1]", array(int32(1)), ""},
		{"too wide", given("int"), "[1,2147483648]", nil, `"2147483648" is no int`},
		{"a part of a number", given("long"), "[1.5]", nil, `"1.5" is no long`},
		{"a word", made, "[1,x]", nil, `"x" in the list is no number`},
		{"a gap", made, "[1,,2]", nil, `"" in the list is no number`},
		{"no list", made, "1", nil, "what stands there can't be read as the schema's type"},
	} {
		events, refused := encoded(t, c.text, &draft.Prediction, head+row(c.list, "[7]"))
		if c.refused != "" {
			if len(events) != 0 || len(refused) != 1 || !strings.Contains(refused[0], c.refused) || !strings.Contains(refused[0], "e") {
				t.Errorf("%s: %v, refused %q; want %s", c.name, events, refused, c.refused)
			}
			continue
		}
		if len(refused) != 0 || len(events) != 1 || !reflect.DeepEqual(events[0]["e"], c.want) {
			t.Errorf("%s: %v, refused %q; want %v", c.name, events, refused, c.want)
		}
		if strings.HasPrefix(c.text, `{"type":"record","name":"P"`) && !reflect.DeepEqual(events[0]["more"], array(int64(7))) {
			t.Errorf("%s: a list that the contract doesn't read is %v", c.name, events[0]["more"])
		}
	}
}
