package expr_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/expr"
)

var columns = []expr.Var{
	{Name: "period", Type: expr.Number},
	{Name: "price", Type: expr.Number},
	{Name: "region", Type: expr.String},
	{Name: "retired", Type: expr.Bool},
	{Name: "meta.model_id", Type: expr.Any},
	{Name: "int", Type: expr.Number},
}

type rowOf map[string]expr.Value

func eval(t *testing.T, src string, r rowOf) (expr.Value, error) {
	t.Helper()
	p, err := expr.Compile(src, columns, expr.Any)
	if err != nil {
		t.Fatalf("Compile(%q): %v", src, err)
	}
	return p.Eval(func(i int) expr.Value { return r[columns[i].Name] })
}

func TestEval(t *testing.T) {
	full := rowOf{
		"period": expr.Num(0.25), "price": expr.Num(7), "region": expr.Str("north"), "retired": expr.Boolean(true),
		"meta.model_id": expr.Str("price"), "int": expr.Num(3),
	}
	none := rowOf{}
	for _, c := range []struct {
		src  string
		row  rowOf
		want expr.Value
	}{
		// Whole numbers and doubles mix as an author expects.
		{"period < 1", full, expr.Boolean(true)},
		{"1 > period", full, expr.Boolean(true)},
		{"price == 7", full, expr.Boolean(true)},
		{"price * 2", full, expr.Num(14)},
		{"2 * price + 1", full, expr.Num(15)},
		{"-price - 1", full, expr.Num(-8)},
		{"1 / 4", none, expr.Num(0.25)},
		{"price / 2", full, expr.Num(3.5)},
		{"price % 2 == 1", full, expr.Boolean(true)},
		{"-7 % 4", none, expr.Num(-3)},
		{"3.5 % 2", none, expr.Num(1.5)},
		{"size(region) + 1", full, expr.Num(6)},
		{"region.size() / 2 == 2.5", full, expr.Boolean(true)},
		{"int(price / 2) * 2", full, expr.Num(6)},
		{"int(-1.5)", none, expr.Num(-1)},
		{"price in [1, 7, 8.5]", full, expr.Boolean(true)},
		{"int in [1, 2]", full, expr.Boolean(false)},
		{"int + int(int)", full, expr.Num(6)}, // a column may bear the name of one of CEL's types
		{"double('2.5') + price", full, expr.Num(9.5)},
		{"string(price) + '/' + region", full, expr.Str("7/north")},
		{"string(retired)", full, expr.Str("true")},
		{"bool('true')", none, expr.Boolean(true)},
		{"9007199254740992 == 9007199254740992.0", none, expr.Boolean(true)},
		// Text.
		{"region == 'north' && region != \"south\"", full, expr.Boolean(true)},
		{"region < 'south'", full, expr.Boolean(true)},
		{"region.startsWith('no') && region.endsWith('th') && region.contains('ort')", full, expr.Boolean(true)},
		{"region.matches('^n.*h$')", full, expr.Boolean(true)},
		{"matches(region, 's')", full, expr.Boolean(false)},
		{"region in ['north', 'south']", full, expr.Boolean(true)},
		{"size('\u00e9\u00e9')", none, expr.Num(2)},
		{"period < 0.34 ? 'night' : 'day'", full, expr.Str("night")},
		{"retired ? 1 : 0", full, expr.Num(1)},
		{"!retired", full, expr.Boolean(false)},
		// Names with dots, and of a type not known yet.
		{"meta.model_id == 'price'", full, expr.Boolean(true)},
		{"meta.model_id == 7", full, expr.Boolean(false)},
		{"meta.model_id in ['price']", full, expr.Boolean(true)},
		{"retired ? meta.model_id : 'x'", full, expr.Str("price")},
		// Missing values.
		{"period < 1", none, expr.Null()},
		{"period + 1", none, expr.Null()},
		{"region + 'x'", none, expr.Null()},
		{"region in ['north']", none, expr.Null()},
		{"1.0 in [period, price]", none, expr.Null()},
		{"region.contains('x')", none, expr.Null()},
		{"region == 'x'", none, expr.Null()},
		{"price == period", none, expr.Null()},
		{"!retired", none, expr.Null()},
		{"retired ? 1 : 2", none, expr.Null()},
		{"size(region) * 2", none, expr.Null()},
		{"price % 2", none, expr.Null()},
		{"meta.model_id == 'x'", none, expr.Null()},
		{"period == null", none, expr.Boolean(true)},
		{"null == period", full, expr.Boolean(false)},
		{"period != null", none, expr.Boolean(false)},
		{"meta.model_id == null", none, expr.Boolean(true)},
		{"period == null || period < 1", none, expr.Boolean(true)},
		{"period < 1 || true", none, expr.Boolean(true)},
		{"true || period < 1", none, expr.Boolean(true)},
		{"period < 1 && false", none, expr.Boolean(false)},
		{"period < 1 && true", none, expr.Null()},
		{"period < 1 || false", none, expr.Null()},
		{"period == null ? 'unknown' : period < 0.34 ? 'night' : 'day'", none, expr.Str("unknown")},
		{"price > 5 ? 'dear' : null", full, expr.Str("dear")},
		{"price > 9 ? 'dear' : null", full, expr.Null()},
		{"price > 9 ? null : price", full, expr.Num(7)},
		{"true ? 1 : period", none, expr.Num(1)},
		// The edges of arithmetic.
		{"1 / 0", none, expr.Num(math.Inf(1))},
		{"0 / 0", none, expr.Null()},
		{"0 / 0 < 1", none, expr.Boolean(false)},
		{"0 / 0 == 0 / 0", none, expr.Boolean(false)},
		{"price % 0", full, expr.Null()},
		{"period < 1", rowOf{"period": expr.Num(math.NaN())}, expr.Null()},
		{"period == null", rowOf{"period": expr.Num(math.NaN())}, expr.Boolean(true)},
	} {
		got, err := eval(t, c.src, c.row)
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
		} else if got != c.want {
			t.Errorf("%s = %+v, want %+v", c.src, got, c.want)
		}
	}
}

func TestEvalErrors(t *testing.T) {
	for _, c := range []struct {
		src string
		row rowOf
	}{
		{"double(region)", rowOf{"region": expr.Str("north")}},
		{"int(price)", rowOf{"price": expr.Num(1e300)}},
		{"meta.model_id + 1", rowOf{"meta.model_id": expr.Str("x")}},
		{"meta.model_id < 1", rowOf{"meta.model_id": expr.Boolean(true)}},
	} {
		if got, err := eval(t, c.src, c.row); err == nil {
			t.Errorf("%s = %+v, want an error", c.src, got)
		}
	}
	// A type that is known only at evaluation is still held against what was wanted.
	p, err := expr.Compile("meta.model_id", columns, expr.Bool)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Eval(func(int) expr.Value { return expr.Num(1) }); err == nil || !strings.Contains(err.Error(), "need true or false") {
		t.Errorf("number for a condition: %v", err)
	}
}

func TestCostIsBounded(t *testing.T) {
	p, err := expr.Compile("region.contains('x') || region.contains('y')", columns, expr.Bool)
	if err != nil {
		t.Fatal(err)
	}
	long := expr.Str(strings.Repeat("a", 20_000_000))
	if _, err := p.Eval(func(int) expr.Value { return long }); err == nil || !strings.Contains(err.Error(), "cost") {
		t.Errorf("err = %v, want the cost limit", err)
	}
	// Long text within the limit gives the same as short text, also where logic decides before it is read.
	for _, c := range []struct {
		src  string
		want expr.Value
	}{
		{"region.contains('b')", expr.Boolean(true)},
		{"region.contains('c') || region.endsWith('ab')", expr.Boolean(true)},
		{"region == 'x' || true", expr.Boolean(true)},
		{"size(region) > 100000 ? 'long' : 'short'", expr.Str("long")},
	} {
		got, err := eval(t, c.src, rowOf{"region": expr.Str(strings.Repeat("ab", 100_000))})
		if err != nil || got != c.want {
			t.Errorf("%s = %+v, %v", c.src, got, err)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	for _, c := range []struct {
		src  string
		want expr.Type
		err  string
	}{
		{"", expr.Any, "1:1: the expression is empty"},
		{"perod < 1", expr.Any, "1:1: there is no perod; did you mean period? (there are period, price, region, retired, meta.model_id, int)"},
		{"price > 1 && regoin == 'n'", expr.Any, "1:14: there is no regoin; did you mean region?"},
		{"price > 1 &&\n  regoin == 'n'", expr.Any, "2:3: there is no regoin"},
		{"meta.other == 1", expr.Any, "there is no meta.other"},
		{"region < 1", expr.Any, "1:8: '<' compares text with a number; both sides must be of one kind"},
		{"region == 1", expr.Any, "'==' compares text with a number"},
		{"retired == 1", expr.Any, "'==' compares true or false with a number"},
		{"retired < true", expr.Any, "'<' orders numbers or text, not true or false"},
		{"region + 1", expr.Any, "'+' can't join text and a number; turn the other side into text with string(...)"},
		{"region * 2", expr.Any, "'*' needs a number, not text"},
		{"-region", expr.Any, "'-' needs a number, not text"},
		{"price && true", expr.Any, "'&&' needs true or false, not a number"},
		{"!price", expr.Any, "'!' needs true or false, not a number"},
		{"price ? 1 : 2", expr.Any, "the condition of ?: needs true or false, not a number"},
		{"retired ? 1 : 'x'", expr.Any, "the outcomes of ?: are a number and text; both must be of one kind"},
		{"retired ? null : null", expr.Any, "both outcomes of ?: are null"},
		{"null", expr.Any, "null alone says nothing"},
		{"price + 1 == null", expr.Any, "only a column can be compared with null"},
		{"null == null", expr.Any, "only a column can be compared with null"},
		{"nosuch == null", expr.Any, "there is no nosuch"},
		{"price < null", expr.Any, "'<' orders numbers or text, not null"},
		{"price + null", expr.Any, "'+' needs a number, not null"},
		{"price in region", expr.Any, "right of 'in' stands a list"},
		{"price in [1, 'a']", expr.Any, "'in' looks for a number, but this entry is text"},
		{"price in [null]", expr.Any, "null is in no list; write x == null"},
		{"price", expr.Bool, "1:1: the expression gives a number, but true or false is needed"},
		{"price > 1", expr.String, "the expression gives true or false, but text is needed"},
		{"pricee.contain('x')", expr.Any, "there is no function contain; did you mean contains?"},
		{"timestamp('2026-01-01T00:00:00Z')", expr.Any, "there is no function timestamp"},
		{"duration('1s')", expr.Any, "there is no function duration"},
		{"has(meta.x)", expr.Any, "there is no function has"},
		{"[1, 2].exists(x, x == price)", expr.Any, "there is no function exists"},
		{"[1, 2][0]", expr.Any, "[...] is not available here"},
		{"[1, 2]", expr.Any, "a list can only stand right of 'in'"},
		{"{'a': 1}", expr.Any, "maps are not available here"},
		{"price > 1u", expr.Any, "1u: write numbers without 'u'"},
		{"b'x' == b'x'", expr.Any, "this kind of literal is not available here"},
		{"price == 9007199254740993", expr.Any, "beyond 2^53"},
		{"contains(region, 'x')", expr.Any, "write x.contains('...')"},
		{"region.contains()", expr.Any, "write x.contains('...')"},
		{"region.contains(1)", expr.Any, "contains needs text, not a number"},
		{"size(1)", expr.Any, "size needs text, not a number"},
		{"size()", expr.Any, "write size(x)"},
		{"region.int()", expr.Any, "write int(x)"},
		{"int(retired)", expr.Any, "int(...) takes a number or text; write x ? 1 : 0"},
		{"bool(price)", expr.Any, "bool(...) takes text; write x != 0"},
		{"region.matches(region)", expr.Any, "the pattern of matches must be written out in quotes"},
		{"region.matches('(')", expr.Any, "the pattern of matches is no regular expression: missing closing )"},
		{"'a'.b == 1", expr.Any, "'.b' follows a value; only names have dots"},
		{"int(1e300)", expr.Any, "1:1: the expression has no value: integer overflow"},
		{"price >", expr.Any, "1:8: not an expression: it ends too early"},
		{"price > 1 2", expr.Any, "1:11: not an expression: '2' can't stand here"},
		{"region = 'x'", expr.Any, "1:8: not an expression: '=' can't stand here; two values are compared with =="},
		{"price # 2", expr.Any, "1:7: not an expression: '#' can't stand here"},
		{"'open", expr.Any, "1:1: not an expression: "},
		{"if > 1", expr.Any, "1:"},
		{strings.Repeat("(", 100) + "1" + strings.Repeat(")", 100), expr.Any, "1:"},
		{"'" + strings.Repeat("a", expr.MaxLength) + "' == 'b'", expr.Any, "1:"},
	} {
		_, err := expr.Compile(c.src, columns, c.want)
		if _, ok := errors.AsType[expr.Errors](err); !ok {
			t.Errorf("Compile(%.40q) = %v, want Errors", c.src, err)
		} else if !strings.Contains(err.Error(), c.err) {
			t.Errorf("Compile(%.40q)\n got %v\nwant %s", c.src, err, c.err)
		}
	}
}

func TestAllFaultsAreReported(t *testing.T) {
	_, err := expr.Compile("perod < 1 && region > 2 && nosuch == null", columns, expr.Bool)
	var errs expr.Errors
	if !errors.As(err, &errs) || len(errs) != 3 {
		t.Fatalf("got %v, want three faults", err)
	}
	if !slices.IsSortedFunc(errs, func(a, b expr.Error) int { return a.Col - b.Col }) {
		t.Errorf("not in order: %v", err)
	}
}

func TestVarsAndType(t *testing.T) {
	for _, c := range []struct {
		src  string
		want expr.Type
		vars []int
		typ  expr.Type
	}{
		{"region == 'x' || period == null", expr.Bool, []int{0, 2}, expr.Bool},
		{"price * price", expr.Any, []int{1}, expr.Number},
		{"'a' + region", expr.Any, []int{2}, expr.String},
		{"1 + 1", expr.Any, nil, expr.Number},
		{"size(region)", expr.Number, []int{2}, expr.Number},
		{"meta.model_id", expr.Any, []int{4}, expr.Any},
		{"meta.model_id", expr.String, []int{4}, expr.String},
	} {
		p, err := expr.Compile(c.src, columns, c.want)
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		if !slices.Equal(p.Vars(), c.vars) || p.Type() != c.typ {
			t.Errorf("%s: vars %v type %v, want %v %v", c.src, p.Vars(), p.Type(), c.vars, c.typ)
		}
	}
}

func TestNames(t *testing.T) {
	got, err := expr.Names("b.c == 1 && (a in [d, 2] ? e.size() : size(b.c)) > f && a == null")
	if want := []string{"b.c", "a", "d", "e", "f"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("Names = %v, %v; want %v", got, err, want)
	}
	if _, err := expr.Names("a &&"); err == nil {
		t.Error("no error for half an expression")
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"perod", "period"}, {"PRICE", "price"}, {"regino", "region"}, {"rpice", "price"}, {"region", "region"}, {"zzz", ""}, {"", ""},
	} {
		if got := expr.Nearest(c.name, []string{"period", "price", "region"}); got != c.want {
			t.Errorf("Nearest(%q) = %q, want %q", c.name, got, c.want)
		}
	}
}

func TestProgramIsSafeForConcurrentUse(t *testing.T) {
	p, err := expr.Compile("period * 2 < price || region.matches('n+')", columns, expr.Bool)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 200 {
				got, err := p.Eval(func(v int) expr.Value {
					return []expr.Value{expr.Num(float64(i)), expr.Num(float64(w)), expr.Str("s")}[v]
				})
				if err != nil || got != expr.Boolean(2*i < w) {
					t.Errorf("worker %d row %d: %v, %v", w, i, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkEval(b *testing.B) {
	for _, src := range []string{"price > 0", "period < 0.34 ? 'night' : 'day'", "price in [1, 2, 3] && region != 'x'"} {
		b.Run(src, func(b *testing.B) {
			p, err := expr.Compile(src, columns, expr.Any)
			if err != nil {
				b.Fatal(err)
			}
			row := []expr.Value{expr.Num(0.2), expr.Num(2), expr.Str("north"), expr.Boolean(true)}
			get := func(i int) expr.Value { return row[i] }
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Eval(get); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
