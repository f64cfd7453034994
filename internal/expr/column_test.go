package expr_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/plumbline-ml/plumbline/internal/expr"
)

// choices are what a generated case is drawn from: bytes of the fuzzer or of a seed. Where they end, 0 is chosen.
type choices struct{ bytes []byte }

func (c *choices) pick(n int) int {
	if len(c.bytes) == 0 {
		return 0
	}
	b := c.bytes[0]
	c.bytes = c.bytes[1:]
	return int(b) % n
}

func one[T any](c *choices, of []T) T { return of[c.pick(len(of))] }

// written is an expression in this package's language and in cel-go's own.
type written struct {
	own, cel string
}

// Of the variables, at is held in millionths, any has no type.
var (
	drawnVars = []expr.Var{
		{Name: "x", Type: expr.Number},
		{Name: "y", Type: expr.Number},
		{Name: "at", Type: expr.Number},
		{Name: "s", Type: expr.String},
		{Name: "t", Type: expr.String},
		{Name: "b", Type: expr.Bool},
		{Name: "c", Type: expr.Bool},
		{Name: "any", Type: expr.Any},
	}
	drawnNumbers = []float64{0, 1, -1, 0.5, 2, math.Copysign(0, -1), 3, 1e300, -1e300, 5e-324, 1 << 63, -1 << 63, 1e15 + 0.5, math.Inf(1), math.Inf(-1), math.NaN()}
	drawnTexts   = []string{"", "a", "ab", "b", "north", "12", "-0", "1e400", "1.5", "NaN", "Inf", "true", "0", "\u00e9", "\u65e5\u672c", "a\u0301b", "\xff\xfe", "\x00"}
	literalTexts = []string{"a", "", "ab", "north", "12", "true", "\u00e9", "\u672c"}
	literals     = []string{"0.0", "1.0", "2.5", "0.5", "1e300", "5e-324", "12.0"}
)

const unknownPrefix = "has_"

func anyNumber(c *choices, depth int) written {
	if depth == 0 {
		switch c.pick(4) {
		case 0:
			n := one(c, []string{"x", "y", "at"})
			return written{n, n}
		case 1:
			l := one(c, literals)
			return written{strings.TrimSuffix(l, ".0"), l}
		case 2:
			l := one(c, literals)
			return written{"(-" + l + ")", "(-" + l + ")"}
		default:
			return written{"x", "x"}
		}
	}
	switch k := c.pick(10); k {
	case 0, 1, 2, 3:
		op := []string{"+", "-", "*", "/"}[k]
		a, b := anyNumber(c, depth-1), anyNumber(c, depth-1)
		return written{"(" + a.own + op + b.own + ")", "(" + a.cel + op + b.cel + ")"}
	case 4:
		a, b := anyNumber(c, depth-1), anyNumber(c, depth-1)
		return written{"(" + a.own + "%" + b.own + ")", "mod(" + a.cel + "," + b.cel + ")"}
	case 5:
		return drawChoice(c, depth, anyNumber)
	case 6:
		a := anyNumber(c, depth-1)
		return written{"int(" + a.own + ")", "double(int(" + a.cel + "))"}
	case 7:
		a := anyText(c, depth-1)
		switch c.pick(3) {
		case 0:
			return written{"size(" + a.own + ")", "double(size(" + a.cel + "))"}
		case 1:
			return written{"int(" + a.own + ")", "double(int(" + a.cel + "))"}
		default:
			return written{"double(" + a.own + ")", "double(" + a.cel + ")"}
		}
	case 8:
		a := anyNumber(c, depth-1)
		return written{"-(" + a.own + ")", "-(" + a.cel + ")"} // in brackets: -0 is the whole number 0
	default:
		return anyNumber(c, depth-1)
	}
}

// drawChoice is a ternary; one of its outcomes may be null, which is a variable without a value in cel-go's own language.
func drawChoice(c *choices, depth int, of func(*choices, int) written) written {
	cond, a, b := anyTruth(c, depth-1), of(c, depth-1), of(c, depth-1)
	return written{"(" + cond.own + "?" + a.own + ":" + b.own + ")", "(" + cond.cel + "?" + a.cel + ":" + b.cel + ")"}
}

func quoted(s string) string { return strconv.Quote(s) }

func anyText(c *choices, depth int) written {
	if depth == 0 {
		switch c.pick(3) {
		case 0:
			return written{"s", "s"}
		case 1:
			return written{"t", "t"}
		default:
			q := quoted(one(c, literalTexts))
			return written{q, q}
		}
	}
	switch c.pick(8) {
	case 0:
		a, b := anyText(c, depth-1), anyText(c, depth-1)
		return written{"(" + a.own + "+" + b.own + ")", "(" + a.cel + "+" + b.cel + ")"}
	case 1, 2:
		return drawChoice(c, depth, anyText)
	case 3:
		a := anyTruth(c, depth-1)
		return written{"string(" + a.own + ")", "string(" + a.cel + ")"}
	case 4:
		a := anyNumber(c, depth-1)
		return written{"string(" + a.own + ")", "string(" + a.cel + ")"}
	case 5:
		cond, a := anyTruth(c, depth-1), anyText(c, depth-1)
		return written{"(" + cond.own + "?" + a.own + ":null)", "(" + cond.cel + "?" + a.cel + ":nothing)"}
	default:
		return anyText(c, depth-1)
	}
}

func anyTruth(c *choices, depth int) written {
	if depth == 0 {
		switch c.pick(4) {
		case 0:
			return written{"b", "b"}
		case 1:
			return written{"c", "c"}
		case 2:
			l := one(c, []string{"true", "false"})
			return written{l, l}
		default:
			n := one(c, drawnVars).Name
			return written{"(" + n + "!=null)", unknownPrefix + n}
		}
	}
	switch k := c.pick(14); k {
	case 0, 1:
		op := []string{"&&", "||"}[k]
		a, b := anyTruth(c, depth-1), anyTruth(c, depth-1)
		return written{"(" + a.own + op + b.own + ")", "(" + a.cel + op + b.cel + ")"}
	case 2:
		a := anyTruth(c, depth-1)
		return written{"!" + a.own, "!" + a.cel}
	case 3, 4:
		return compared(c, []string{"<", "<=", ">", ">=", "==", "!="}, anyNumber(c, depth-1), anyNumber(c, depth-1))
	case 5, 6:
		return compared(c, []string{"==", "!=", "<", "<=", ">", ">="}, anyText(c, depth-1), anyText(c, depth-1))
	case 7:
		return compared(c, []string{"==", "!="}, anyTruth(c, depth-1), anyTruth(c, depth-1))
	case 8:
		return listed(c, depth, anyNumber)
	case 9:
		return listed(c, depth, anyText)
	case 10:
		return listed(c, depth, anyTruth)
	case 11:
		a, b := anyText(c, depth-1), anyText(c, depth-1)
		fn := one(c, []string{"startsWith", "endsWith", "contains"})
		return written{a.own + "." + fn + "(" + b.own + ")", a.cel + "." + fn + "(" + b.cel + ")"}
	case 12:
		return drawChoice(c, depth, anyTruth)
	default:
		switch c.pick(4) {
		case 0:
			a := anyText(c, depth-1)
			return written{"bool(" + a.own + ")", "bool(" + a.cel + ")"}
		case 1:
			a := anyText(c, depth-1)
			return written{a.own + ".matches('^a.*b?$')", a.cel + ".matches('^a.*b?$')"}
		case 2:
			n := one(c, []string{"1.0", "'a'", "true"})
			return written{"(any==" + n + ")", "(any==" + n + ")"}
		default:
			n := one(c, drawnVars).Name
			return written{"(" + n + "==null)", "!" + unknownPrefix + n}
		}
	}
}

func compared(c *choices, ops []string, a, b written) written {
	op := one(c, ops)
	return written{"(" + a.own + op + b.own + ")", "(" + a.cel + op + b.cel + ")"}
}

// listed is an expression in a list: of literals, but for a few.
func listed(c *choices, depth int, of func(*choices, int) written) written {
	a := of(c, depth-1)
	var own, vanilla []string
	for range c.pick(12) {
		e := of(c, 0)
		own, vanilla = append(own, e.own), append(vanilla, e.cel)
	}
	return written{"(" + a.own + " in [" + strings.Join(own, ",") + "])", "(" + a.cel + " in [" + strings.Join(vanilla, ",") + "])"}
}

// drawRows are columns of n rows: what isn't there leaves something behind in its cell.
func drawRows(c *choices, n int) []expr.Column {
	cols := make([]expr.Column, len(drawnVars))
	for i, v := range drawnVars {
		col := &cols[i]
		col.State = make([]expr.State, n)
		for row := range n {
			switch k := c.pick(8); {
			case k == 0 || v.Type == expr.Any:
			case k == 1:
				col.State[row] = expr.Invalid
			default:
				col.State[row] = expr.OK
			}
			switch {
			case v.Name == "at":
				col.Micros = append(col.Micros, one(c, []int64{0, 1, 1_500_000, -2_000_000, 1 << 53, 1_700_000_000_000_000}))
			case v.Type == expr.String:
				s := one(c, drawnTexts)
				if c.pick(64) == 63 {
					s = strings.Repeat("ab", 20_000)
				}
				col.Str = append(col.Str, s)
			case v.Type == expr.Bool:
				col.Num = append(col.Num, float64(c.pick(2)))
			default:
				x := one(c, drawnNumbers)
				if math.IsNaN(x) && col.State[row] == expr.OK { // OK is never NaN
					col.State[row] = expr.Invalid
				}
				col.Num = append(col.Num, x)
			}
		}
	}
	return cols
}

// cell is variable i in one row.
func cell(cols []expr.Column, i, row int) expr.Value {
	col := &cols[i]
	switch {
	case col.State[row] != expr.OK:
		return expr.Null()
	case drawnVars[i].Type == expr.String:
		return expr.Str(col.Str[row])
	case drawnVars[i].Type == expr.Bool:
		return expr.Boolean(col.Num[row] != 0)
	case col.Micros != nil:
		return expr.Num(float64(col.Micros[row]) / 1e6)
	default:
		return expr.Num(col.Num[row])
	}
}

// vanilla evaluates by cel-go alone, without this package: what is missing is unknown to it.
type vanilla struct{ prog cel.Program }

var vanillaEnv = func() *cel.Env {
	opts := []cel.EnvOption{cel.Variable("nothing", cel.DynType), cel.Function("mod", cel.Overload("mod", []*cel.Type{cel.DoubleType, cel.DoubleType}, cel.DoubleType,
		cel.BinaryBinding(func(a, b ref.Val) ref.Val { return types.Double(math.Mod(a.Value().(float64), b.Value().(float64))) })))}
	for _, v := range drawnVars {
		t := map[expr.Type]*cel.Type{expr.Number: cel.DoubleType, expr.String: cel.StringType, expr.Bool: cel.BoolType, expr.Any: cel.DynType}[v.Type]
		opts = append(opts, cel.Variable(v.Name, t), cel.Variable(unknownPrefix+v.Name, cel.BoolType))
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		panic(err)
	}
	return env
}()

func newVanilla(src string) (*vanilla, error) {
	tree, issues := vanillaEnv.Compile(src)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	prog, err := vanillaEnv.Program(tree, cel.EvalOptions(cel.OptPartialEval, cel.OptOptimize))
	return &vanilla{prog}, err
}

func (v *vanilla) eval(cols []expr.Column, row int) (expr.Value, error) {
	vars := map[string]any{}
	unknown := []*cel.AttributePatternType{cel.AttributePattern("nothing")}
	for i, of := range drawnVars {
		switch x := cell(cols, i, row); x.Kind {
		case expr.KindNull:
			unknown = append(unknown, cel.AttributePattern(of.Name))
		case expr.KindNumber:
			vars[of.Name] = x.Num
		case expr.KindString:
			vars[of.Name] = x.Str
		default:
			vars[of.Name] = x.Bool
		}
		vars[unknownPrefix+of.Name] = cell(cols, i, row).Kind != expr.KindNull
	}
	partial, err := cel.PartialVars(vars, unknown...)
	if err != nil {
		return expr.Null(), err
	}
	out, _, err := v.prog.Eval(partial)
	if err != nil {
		return expr.Null(), err
	}
	switch x := out.(type) {
	case types.Double:
		return expr.Num(float64(x)), nil
	case types.String:
		return expr.Str(string(x)), nil
	case types.Bool:
		return expr.Boolean(bool(x)), nil
	case *types.Unknown:
		return expr.Null(), nil
	default:
		return expr.Null(), fmt.Errorf("result is %v", out)
	}
}

// shown is a result as a column holds it.
func shown(v expr.Value, err error) string {
	switch {
	case err != nil:
		return "invalid"
	case v.Kind == expr.KindNull, v.Kind == expr.KindNumber && math.IsNaN(v.Num):
		return "missing"
	case v.Kind == expr.KindNumber && math.IsInf(v.Num, 0):
		return "invalid"
	case v.Kind == expr.KindNumber:
		return fmt.Sprintf("%x", math.Float64bits(v.Num))
	case v.Kind == expr.KindString && len(v.Str) > 100:
		return fmt.Sprintf("%d bytes of %.10q", len(v.Str), v.Str)
	case v.Kind == expr.KindString:
		return strconv.Quote(v.Str)
	default:
		return strconv.FormatBool(v.Bool)
	}
}

// columnCase draws a program and rows and holds three against one another: the columns, the interpreter, and cel-go alone.
// The answer says whether the expression compiles, and whether it runs by steps.
func columnCase(t *testing.T, c *choices, rows int) (compiles, steps bool) {
	t.Helper()
	src := one(c, []func(*choices, int) written{anyTruth, anyNumber, anyText})(c, c.pick(4))
	p, err := expr.Compile(src.own, drawnVars, expr.Any)
	if err != nil {
		return false, false
	}
	alone, err := newVanilla(src.cel)
	if err != nil {
		t.Fatalf("%s compiles, %s does not: %v", src.own, src.cel, err)
	}
	cols := drawRows(c, rows)
	out := expr.Column{State: make([]expr.State, rows), Num: make([]float64, rows)}
	if p.Type() == expr.String {
		out.Num, out.Str = nil, make([]string, rows)
	}
	of := p.Columns()
	for range 2 { // the second time with what the first has left behind
		of.Eval(cols, rows, &out)
	}
	var truths []expr.Truth
	if p.Type() == expr.Bool {
		truths = of.Test(cols, rows)
	}
	for row := range rows {
		v, err := p.Eval(func(i int) expr.Value { return cell(cols, i, row) })
		want := shown(v, err)
		got := expr.Null()
		var gotErr error
		switch {
		case out.State[row] == expr.Invalid:
			gotErr = strconv.ErrSyntax
		case out.State[row] == expr.Missing:
		case p.Type() == expr.String:
			got = expr.Str(out.Str[row])
		case p.Type() == expr.Bool:
			got = expr.Boolean(out.Num[row] == 1)
		default:
			got = expr.Num(out.Num[row])
		}
		if g := shown(got, gotErr); g != want {
			t.Fatalf("%s in row %d of %d is %s by columns (steps: %t), %s by row", src.own, row, rows, g, p.Vectorised(), want)
		}
		if out.State[row] != expr.OK && (out.Num != nil && out.Num[row] != 0 || out.Str != nil && out.Str[row] != "") {
			t.Fatalf("%s in row %d: something is left in the cell", src.own, row)
		}
		if truths != nil {
			if is := map[string]expr.Truth{"true": expr.True, "false": expr.False, "missing": expr.Undecided, "invalid": expr.Failed}[want]; truths[row] != is {
				t.Fatalf("%s in row %d: test says %d, the row %s", src.own, row, truths[row], want)
			}
		}
		if err != nil && strings.Contains(err.Error(), "cost limit") { // which cel-go alone doesn't have
			continue
		}
		if v, err := alone.eval(cols, row); shown(v, err) != want {
			t.Fatalf("%s in row %d is %s, but cel-go says of %s: %s (%v)", src.own, row, want, src.cel, shown(v, err), err)
		}
	}
	return true, p.Vectorised()
}

func TestColumnsAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	data := make([]byte, 4096)
	steps, interpreted := 0, 0
	for i := range 6000 {
		for at := range data {
			data[at] = byte(rng.Uint32())
		}
		rows := 1 + rng.IntN(12)
		if i%200 == 0 {
			rows = 1200 // three blocks
		}
		switch compiles, by := columnCase(t, &choices{data}, rows); {
		case by:
			steps++
		case compiles:
			interpreted++
		}
	}
	t.Logf("%d by steps, %d interpreted", steps, interpreted)
	if steps < 3000 || interpreted < 500 {
		t.Errorf("%d by steps, %d interpreted: too few of one kind", steps, interpreted)
	}
}

// A row with much text is metered in a column as it is by itself, and its neighbours aren't.
func TestColumnsMeterLongText(t *testing.T) {
	p, err := expr.Compile("s.contains('x') || t.contains('y')", drawnVars, expr.Bool)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("a", 20_000_000)
	const rows = 1100
	cols := make([]expr.Column, len(drawnVars))
	for i := range cols {
		cols[i].State, cols[i].Str = slices.Repeat([]expr.State{expr.OK}, rows), slices.Repeat([]string{"y"}, rows)
	}
	for row, want := range map[int]expr.Truth{0: expr.Failed, 700: expr.Failed, 1099: expr.Undecided} {
		cols[3].Str[row] = long
		if want == expr.Undecided {
			cols[3].State[row], cols[4].Str[row] = expr.Missing, "n"
		} else {
			cols[4].Str[row] = long
		}
	}
	if !p.Vectorised() {
		t.Fatal("not by steps")
	}
	out := expr.Column{State: make([]expr.State, rows), Num: make([]float64, rows)}
	of := p.Columns()
	of.Eval(cols, rows, &out)
	for row, got := range of.Test(cols, rows) {
		want, state := expr.True, expr.OK
		switch row {
		case 0, 700:
			want, state = expr.Failed, expr.Invalid
		case 1099:
			want, state = expr.Undecided, expr.Missing
		}
		if got != want || out.State[row] != state {
			t.Errorf("row %d: %d, state %d; want %d, %d", row, got, out.State[row], want, state)
		}
	}
}

func TestColumnsTakeNoMemory(t *testing.T) {
	for _, src := range []string{"s != 'shadow' && x * 2 < y", "x < 50 ? 'night' : 'day'", "size(s) + int(at) % 7", "s in ['a', 'b'] || b == c"} {
		p, err := expr.Compile(src, drawnVars, expr.Any)
		if err != nil {
			t.Fatal(err)
		}
		c := &choices{}
		cols := drawRows(c, 1000)
		out := expr.Column{State: make([]expr.State, 1000), Num: make([]float64, 1000), Str: make([]string, 1000)}
		of := p.Columns()
		if n := testing.AllocsPerRun(10, func() {
			of.Eval(cols, 1000, &out)
			if p.Type() == expr.Bool {
				of.Test(cols, 1000)
			}
		}); n != 0 {
			t.Errorf("%s allocates %v times", src, n)
		}
	}
}

// The demo's filter, derived column and rule, for one row at a time.
func BenchmarkColumns(b *testing.B) {
	const rows = 1000
	rng := rand.New(rand.NewPCG(1, 2))
	cols := make([]expr.Column, len(drawnVars))
	for i := range cols {
		cols[i].State = make([]expr.State, rows)
		cols[i].Num, cols[i].Str = make([]float64, rows), make([]string, rows)
		for row := range rows {
			cols[i].State[row] = expr.OK
			cols[i].Num[row] = 100 * rng.Float64()
			cols[i].Str[row] = []string{"2026-11", "2026-12", "shadowy"}[rng.IntN(3)]
		}
	}
	out := expr.Column{State: make([]expr.State, rows), Num: make([]float64, rows), Str: make([]string, rows)}
	for _, src := range []string{
		"s != 'shadow'", "x < 50.0 ? 'night' : 'day'", "x > 0.0", "x * 2 + y > 1", "s in ['a', 'b'] && x > 1", "s.startsWith('2026')", "int(x) % 7", "b ? x : y",
	} {
		p, err := expr.Compile(src, drawnVars, expr.Any)
		if err != nil {
			b.Fatal(err)
		}
		of := p.Columns()
		b.Run(src, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if p.Type() == expr.Bool {
					of.Test(cols, rows)
				} else {
					of.Eval(cols, rows, &out)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
		b.Run(src+" by row", func(b *testing.B) {
			b.ReportAllocs()
			row := 0
			get := func(i int) expr.Value { return cell(cols, i, row) }
			for b.Loop() {
				if row++; row == rows {
					row = 0
				}
				if _, err := p.Eval(get); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/row")
		})
	}
}
