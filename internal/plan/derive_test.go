package plan_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// row is one event's own fields; nil is missing, NaN invalid.
type row map[string]any

func fill(t *testing.T, p *plan.Projection, rows ...row) *plan.Batch {
	t.Helper()
	b := plan.NewBatch(p, len(rows))
	for i, r := range rows {
		at := b.Grow(int64(i))
		for col, f := range p.Fields {
			switch v := r[f.Name].(type) {
			case nil:
			case float64:
				b.SetNumber(col, at, v)
			case string:
				b.SetString(col, at, v)
			case int:
				b.SetTime(col, at, int64(v))
			default:
				t.Fatalf("%s: %v", f.Name, v)
			}
		}
	}
	return b
}

// show renders a cell of the last row.
func show(b *plan.Batch, col int) string { return showAt(b, col, b.N-1) }

func showAt(b *plan.Batch, col, at int) string {
	c := &b.Cols[col]
	switch {
	case c.State[at] == plan.Missing:
		return "missing"
	case c.State[at] == plan.Invalid:
		return "invalid"
	case b.Fields[col].Kind == plan.String:
		return fmt.Sprintf("%q", c.Str[at])
	case b.Fields[col].Kind == plan.Time:
		return fmt.Sprint(c.Int[at])
	default:
		return fmt.Sprint(c.Num[at])
	}
}

func fields() []plan.Field {
	return []plan.Field{
		{Name: "x", Path: []string{"x"}, Kind: plan.Number},
		{Name: "s", Path: []string{"s"}, Kind: plan.String},
		{Name: "ts", Path: []string{"ts"}, Kind: plan.Time},
		{Name: "b", Path: []string{"b"}, Kind: plan.Number, Boolean: true},
	}
}

func TestDerivedColumns(t *testing.T) {
	for _, c := range []struct {
		expr string
		f    plan.Field
		row  row
		want string
	}{
		{"x * 2", plan.Field{Kind: plan.Number}, row{"x": 1.5}, "3"},
		{"x * 2", plan.Field{Kind: plan.Number}, row{}, "missing"},
		{"x * 2", plan.Field{Kind: plan.Number}, row{"x": math.NaN()}, "missing"}, // an invalid value is no value
		{"1 / x", plan.Field{Kind: plan.Number}, row{"x": 0.0}, "invalid"},        // infinite
		{"x < 1 ? 'small' : 'large'", plan.Field{Kind: plan.String}, row{"x": 0.5}, `"small"`},
		{"x < 1 ? 'small' : 'large'", plan.Field{Kind: plan.String}, row{}, "missing"},
		{"x == null ? 'none' : s", plan.Field{Kind: plan.String}, row{"s": "a"}, `"none"`},
		{"x > 1 && b", plan.Field{Kind: plan.Number, Boolean: true}, row{"x": 2.0, "b": 1.0}, "1"},
		{"x > 1 && b", plan.Field{Kind: plan.Number, Boolean: true}, row{"x": 2.0, "b": 0.0}, "0"},
		{"x > 1 && b", plan.Field{Kind: plan.Number, Boolean: true}, row{"x": 2.0}, "missing"},
		{"x > 1 && b", plan.Field{Kind: plan.Number, Boolean: true}, row{"x": 1.0}, "0"}, // decided without b
		{"!b", plan.Field{Kind: plan.Number, Boolean: true}, row{"b": 0.0}, "1"},
		{"b ? 1 : 2", plan.Field{Kind: plan.Number}, row{"b": 1.0}, "1"},
		{"ts + 0.5", plan.Field{Kind: plan.Number}, row{"ts": 2_000_000}, "2.5"}, // seconds
		{"double(s)", plan.Field{Kind: plan.Number}, row{"s": "12"}, "12"},
		{"double(s)", plan.Field{Kind: plan.Number}, row{"s": "twelve"}, "invalid"},
	} {
		c.f.Name, c.f.Expr = "d", c.expr
		p := &plan.Projection{Topic: "t", Fields: append(fields(), c.f)}
		d, err := plan.NewDeriver(p, nil)
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		b := fill(t, p, c.row)
		if !d.Last(b) {
			t.Errorf("%s: without a filter the row is not wanted", c.expr)
		}
		if got := show(b, 4); got != c.want {
			t.Errorf("%s of %v is %s, want %s", c.expr, c.row, got, c.want)
		}
	}
}

// A derived column sees those before it, true and false among them, and only those.
func TestDerivedOfDerived(t *testing.T) {
	chain := append(fields(), plan.Field{Name: "odd", Kind: plan.Number, Boolean: true, Expr: "x % 2 == 1"}, plan.Field{Name: "word", Kind: plan.String, Expr: "odd ? 'odd' : 'even'"})
	p := &plan.Projection{Topic: "t", Where: "odd && word != 'even'", Fields: chain}
	d, err := plan.NewDeriver(p, []plan.Rule{{Name: "r", Expr: "odd || !b"}})
	if err != nil {
		t.Fatal(err)
	}
	for x, want := range map[float64]string{3: `1 "odd" true`, 4: `0 "even" false`} {
		b := fill(t, p, row{"x": x, "b": 1.0})
		wanted := d.Last(b)
		if got := fmt.Sprint(show(b, 4), " ", show(b, 5), " ", wanted); got != want {
			t.Errorf("of %v: %s, want %s", x, got, want)
		}
		if broken := d.Broken(b)[0][0]; broken != (x == 4) {
			t.Errorf("of %v: rule broken %t", x, broken)
		}
	}
	chain[4], chain[5] = chain[5], chain[4]
	if _, err := plan.NewDeriver(p, nil); err == nil {
		t.Error("a derived column sees one after it")
	}
}

func TestWhere(t *testing.T) {
	for _, c := range []struct {
		where string
		row   row
		want  bool
	}{
		{"x > 1", row{"x": 2.0}, true},
		{"x > 1", row{"x": 1.0}, false},
		{"x > 1", row{}, false},
		{"x > 1 || s == 'a'", row{"s": "a"}, true},
		{"b", row{"b": 1.0}, true},
		{"b", row{"b": 0.0}, false},
		{"b", row{}, false},
		{"b != null", row{"b": 0.0}, true},
		{"ts >= 1.5", row{"ts": 1_500_000}, true},
		{"double(s) > 0", row{"s": "text"}, false}, // what can't be evaluated isn't wanted
	} {
		p := &plan.Projection{Topic: "t", Where: c.where, Fields: fields()}
		d, err := plan.NewDeriver(p, nil)
		if err != nil {
			t.Errorf("%s: %v", c.where, err)
			continue
		}
		if got := d.Last(fill(t, p, row{"x": 9.0, "b": 1.0, "s": "1"}, c.row)); got != c.want {
			t.Errorf("%s of %v: %t", c.where, c.row, got)
		}
	}
}

func TestBroken(t *testing.T) {
	p := &plan.Projection{Topic: "t", Fields: fields()}
	d, err := plan.NewDeriver(p, []plan.Rule{{Name: "positive", Expr: "x > 0"}, {Name: "flagged", Expr: "b || s == 'ok'"}, {Name: "number", Expr: "double(s) < 10"}})
	if err != nil {
		t.Fatal(err)
	}
	b := fill(t, p, row{"x": 1.0, "b": 1.0, "s": "1"}, row{"x": 0.0, "b": 0.0, "s": "ok"}, row{"s": "11"}, row{"x": math.NaN(), "b": 0.0, "s": "2"}, row{})
	want := "[[false true false false false] [false false false true false] [false true true false false]]"
	if got := fmt.Sprint(d.Broken(b)); got != want {
		t.Errorf("broken %s, want %s", got, want)
	}
	b.Truncate(1)
	if got := fmt.Sprint(d.Broken(b)); got != "[[false] [false] [false]]" {
		t.Errorf("of a shorter batch: %s", got)
	}
}

func TestNewDeriverRefuses(t *testing.T) {
	p := &plan.Projection{Topic: "t", Fields: fields()}
	for name, rule := range map[string]string{"a number": "x + 1", "unknown": "y > 1", "a boolean as a number": "b > 0"} {
		if _, err := plan.NewDeriver(p, []plan.Rule{{Name: "r", Expr: rule}}); err == nil {
			t.Errorf("%s: %s compiles", name, rule)
		}
	}
}

func TestBatch(t *testing.T) {
	p := &plan.Projection{Fields: fields()}
	b := fill(t, p, row{"x": 1.0, "s": "a", "ts": 5, "b": 1.0}, row{"x": math.Inf(1)}, row{"s": "c"})
	if b.N != 3 || fmt.Sprint(b.Offset[:3]) != "[0 1 2]" {
		t.Fatalf("%d rows at %v", b.N, b.Offset)
	}
	if x := b.Cols[0]; !slices.Equal(x.State[:3], []plan.State{plan.OK, plan.Invalid, plan.Missing}) || x.Num[0] != 1 {
		t.Errorf("numbers: %v %v", x.State, x.Num)
	}
	b.SetInvalid(1, 2)
	o := plan.NewBatch(p, 0)
	o.Append(b, 2)
	o.Append(b, 0)
	if o.N != 2 || o.Offset[0] != 2 || o.Offset[1] != 0 || !slices.Equal(o.Cols[1].State[:2], []plan.State{plan.Invalid, plan.OK}) ||
		o.Cols[1].Str[1] != "a" || o.Cols[2].Int[1] != 5 || o.Cols[0].Num[1] != 1 {
		t.Errorf("appended: %v %v %v", o.Offset, o.Cols, o.N)
	}
	o.Truncate(1)
	if at := o.Grow(9); at != 1 || o.Offset[1] != 9 || o.Cols[0].State[1] != plan.Missing || o.Cols[1].State[1] != plan.Missing {
		t.Errorf("a row grown where one was taken back: %v", o.Cols)
	}
	o.Reset()
	for i := range o.Cols {
		for row, s := range o.Cols[i].State {
			if s != plan.Missing {
				t.Errorf("after Reset column %d has %d in row %d", i, s, row)
			}
		}
	}
	if o.N != 0 {
		t.Errorf("after Reset: %d rows", o.N)
	}
}

// By the block or by the row: the same rows stay, with the same cells, and break the same rules, however the rows arrive.
func TestDeriveAgreesWithLast(t *testing.T) {
	exprs := []plan.Field{
		{Kind: plan.Number, Expr: "x * 2 + ts"},
		{Kind: plan.Number, Expr: "1 / x"},
		{Kind: plan.Number, Expr: "double(s) + x"},
		{Kind: plan.Number, Boolean: true, Expr: "x > 1 && b"},
		{Kind: plan.String, Expr: "x < 1 ? 'small' : 'large'"},
		{Kind: plan.String, Expr: "x == null ? 'none' : s"},
		{Kind: plan.String, Expr: "s + '!'"}, // by the interpreter
		{Kind: plan.String, Expr: "x + 1"},   // not its kind: can't be read
		{Kind: plan.Number, Expr: "s"},
	}
	rapid.Check(t, func(t *rapid.T) {
		p := &plan.Projection{Topic: "t", Fields: fields()}
		p.Where = rapid.SampledFrom([]string{"", "x < 3", "b", "s != 'b'", "s.matches('a|b')", "d0 != null", "x == 17"}).Draw(t, "where")
		for i := range rapid.IntRange(1, 3).Draw(t, "derived") {
			f := rapid.SampledFrom(exprs).Draw(t, "expr")
			f.Name = fmt.Sprintf("d%d", i)
			p.Fields = append(p.Fields, f)
		}
		rules := []plan.Rule{{Name: "r", Expr: "x >= 1 || s == 'a'"}, {Name: "q", Expr: "double(s) < 2"}, {Name: "p", Expr: "d0 == null"}}
		d, err := plan.NewDeriver(p, rules)
		if err != nil {
			t.Fatal(err)
		}
		blocks, rows := plan.NewBatch(p, 4), plan.NewBatch(p, 4)
		dropped, unwanted := 0, 0
		for i := range rapid.IntRange(0, 60).Draw(t, "rows") {
			for _, b := range []*plan.Batch{blocks, rows} {
				b.Grow(int64(i))
			}
			set := func(col int, f func(b *plan.Batch, at int)) {
				if rapid.IntRange(0, 3).Draw(t, p.Fields[col].Name+" is there") > 0 {
					f(blocks, blocks.N-1)
					f(rows, rows.N-1)
				}
			}
			x := rapid.SampledFrom([]float64{0, 1, 2, 3.5, math.NaN()}).Draw(t, "x")
			set(0, func(b *plan.Batch, at int) { b.SetNumber(0, at, x) })
			s := rapid.SampledFrom([]string{"", "a", "b", "1"}).Draw(t, "s")
			set(1, func(b *plan.Batch, at int) { b.SetString(1, at, s) })
			us := rapid.Int64Range(-2_000_000, 2_000_000).Draw(t, "ts")
			set(2, func(b *plan.Batch, at int) { b.SetTime(2, at, us) })
			is := float64(rapid.IntRange(0, 1).Draw(t, "b"))
			set(3, func(b *plan.Batch, at int) { b.SetNumber(3, at, is) })
			if rapid.IntRange(0, 9).Draw(t, "taken back") == 0 {
				blocks.Truncate(blocks.N - 1)
				rows.Truncate(rows.N - 1)
				continue
			}
			if !d.Last(rows) {
				rows.Truncate(rows.N - 1)
				unwanted++
			}
			if rapid.IntRange(0, 7).Draw(t, "derive") == 0 {
				dropped += d.Derive(blocks)
			}
		}
		dropped += d.Derive(blocks)
		if again := d.Derive(blocks); again != 0 {
			t.Fatalf("%d rows are dropped that were wanted", again)
		}
		if dropped != unwanted || fmt.Sprint(blocks.Offset[:blocks.N]) != fmt.Sprint(rows.Offset[:rows.N]) {
			t.Fatalf("where %s leaves %v and drops %d by the block, %v and %d by the row", p.Where, blocks.Offset[:blocks.N], dropped, rows.Offset[:rows.N], unwanted)
		}
		for col, f := range p.Fields {
			for at := range rows.N {
				if got, want := showAt(blocks, col, at), showAt(rows, col, at); got != want {
					t.Fatalf("%s (%s) in row %d: %s by the block, %s by the row", f.Name, f.Expr, at, got, want)
				}
			}
		}
		alone, err := plan.NewDeriver(p, rules)
		if err != nil {
			t.Fatal(err)
		}
		broken := d.Broken(blocks)
		for at := range rows.N { // each in a batch of its own
			one := plan.NewBatch(p, 1)
			one.Append(rows, at)
			for i, row := range alone.Broken(one) {
				if row[0] != broken[i][at] {
					t.Fatalf("rule %s in row %d: broken %t, alone %t", rules[i].Expr, at, broken[i][at], row[0])
				}
			}
		}
		// A batch that is used again: its rows are new ones, and so are those beyond where it was cut.
		blocks.Truncate(rapid.IntRange(0, blocks.N).Draw(t, "cut"))
		cut := blocks.N
		for at := range rows.N {
			blocks.Append(rows, at)
			for col, f := range p.Fields {
				if f.Expr != "" {
					blocks.Cols[col].State[blocks.N-1] = plan.Missing
				}
			}
		}
		if n := d.Derive(blocks); n != 0 || blocks.N != cut+rows.N {
			t.Fatalf("%d rows are dropped that were wanted before", n)
		}
		for col, f := range p.Fields {
			for at := range rows.N {
				if got, want := showAt(blocks, col, cut+at), showAt(rows, col, at); got != want {
					t.Fatalf("%s (%s) in row %d, derived again: %s, want %s", f.Name, f.Expr, at, got, want)
				}
			}
		}
	})
}

// What a demo's contract asks for: a filter that takes all, a derived column and a rule, over a batch that is decoded already.
func BenchmarkDerive(b *testing.B) {
	p := &plan.Projection{Topic: "t", Where: "s != 'shadow'", Fields: append(fields(), plan.Field{Name: "daypart", Kind: plan.String, Expr: "x < 50.0 ? 'night' : 'day'"})}
	d, err := plan.NewDeriver(p, []plan.Rule{{Name: "positive", Expr: "x > 0.0"}})
	if err != nil {
		b.Fatal(err)
	}
	const rows = 1000
	batch := plan.NewBatch(p, rows)
	fill := func(after func()) {
		batch.Reset()
		for i := range rows {
			at := batch.Grow(int64(i))
			batch.SetNumber(0, at, float64(i%100))
			batch.SetString(1, at, []string{"2026-11", "2026-12"}[i%2])
			after()
		}
	}
	perRow := func(b *testing.B) { b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row") }
	b.Run("filling", func(b *testing.B) {
		for b.Loop() {
			fill(func() {})
		}
		perRow(b)
	})
	b.Run("filling and by the block", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			fill(func() {})
			d.Derive(batch)
			d.Broken(batch)
		}
		perRow(b)
	})
	b.Run("filling and by the row", func(b *testing.B) { // the rule by the block
		b.ReportAllocs()
		for b.Loop() {
			fill(func() {
				if !d.Last(batch) {
					batch.Truncate(batch.N - 1)
				}
			})
			d.Broken(batch)
		}
		perRow(b)
	})
}
