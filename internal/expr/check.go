package expr

import (
	"fmt"
	"regexp"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// kind is what a part of an expression gives, as far as can be said without a row.
type kind int

const (
	bad     kind = iota // already reported; silences what would follow from it
	unknown             // a variable of type Any is in it
	number
	text
	truth
	null // the literal
)

var kindWords = map[kind]string{unknown: "any value", number: "a number", text: "text", truth: "true or false", null: "null"}

// maxExact is the largest whole number up to which doubles hold every whole number.
const maxExact = 1 << 53

// checker walks a parsed tree once, bottom up. It reports every fault in words and rewrites the tree in place to what
// cel-go's checker accepts.
type checker struct {
	fac    ast.ExprFactory
	info   *ast.SourceInfo
	expr   ast.Expr
	nextID int64
	vars   []Var
	names  map[string]int
	used   map[int]bool
	errs   Errors
}

func newChecker(tree *ast.AST, vars []Var, names map[string]int) *checker {
	return &checker{
		fac: ast.NewExprFactory(), info: tree.SourceInfo(), expr: tree.Expr(), nextID: ast.MaxID(tree),
		vars: vars, names: names, used: map[int]bool{},
	}
}

func (c *checker) root(want Type) Type {
	k := c.visit(c.expr)
	var t Type
	switch k {
	case number:
		t = Number
	case text:
		t = String
	case truth:
		t = Bool
	case null:
		c.fail(c.expr, "null alone says nothing; it can be compared with a column or be one outcome of ?:")
		return Any
	default:
		return Any
	}
	if want != Any && want != t {
		c.errs = append(c.errs, Error{Line: 1, Col: 1, Message: fmt.Sprintf("the expression gives %s, but %s is needed", t, want)})
	}
	return t
}

func (c *checker) fail(e ast.Expr, format string, args ...any) kind {
	loc := c.info.GetStartLocation(e.ID())
	c.errs = append(c.errs, Error{Line: max(1, loc.Line()), Col: max(0, loc.Column()) + 1, Message: fmt.Sprintf(format, args...)})
	return bad
}

func (c *checker) id() int64 {
	c.nextID++
	return c.nextID
}

// wrap puts a call of fn around e, in e's place.
func (c *checker) wrap(e ast.Expr, fn string) {
	inner := c.fac.CopyExpr(e)
	inner.RenumberIDs(func(old int64) int64 {
		if old == e.ID() {
			return c.id()
		}
		return old
	})
	e.SetKindCase(c.fac.NewCall(e.ID(), fn, inner))
}

func (c *checker) visit(e ast.Expr) kind {
	switch e.Kind() {
	case ast.LiteralKind:
		return c.literal(e)
	case ast.IdentKind, ast.SelectKind:
		return c.name(e)
	case ast.CallKind:
		return c.call(e)
	case ast.ListKind:
		return c.fail(e, "a list can only stand right of 'in'")
	case ast.MapKind, ast.StructKind:
		return c.fail(e, "maps are not available here; use numbers, text and true or false")
	default:
		return c.fail(e, "this construct is not available here")
	}
}

func (c *checker) literal(e ast.Expr) kind {
	switch v := e.AsLiteral().(type) {
	case types.Int:
		if v > maxExact || v < -maxExact {
			return c.fail(e, "%d is beyond 2^53, where numbers are no longer exact; compare such ids as text", int64(v))
		}
		e.SetKindCase(c.fac.NewLiteral(e.ID(), types.Double(v)))
		return number
	case types.Uint:
		return c.fail(e, "%du: write numbers without 'u'", uint64(v))
	case types.Double:
		return number
	case types.String:
		return text
	case types.Bool:
		return truth
	case types.Null:
		return null
	default:
		return c.fail(e, "this kind of literal is not available here; use numbers, text in quotes, true, false or null")
	}
}

// name resolves an identifier or a dotted chain of them as one name.
func (c *checker) name(e ast.Expr) kind {
	name, ok := dotted(e)
	if !ok {
		if e.Kind() == ast.SelectKind {
			return c.fail(e, "'.%s' follows a value; only names have dots", e.AsSelect().FieldName())
		}
		return c.fail(e, "a name is needed here")
	}
	i, ok := c.names[name]
	if !ok {
		return c.unknownName(e, name)
	}
	c.used[i] = true
	e.SetKindCase(c.fac.NewIdent(e.ID(), valueName(i)))
	switch c.vars[i].Type {
	case Number:
		return number
	case String:
		return text
	case Bool:
		return truth
	default:
		return unknown
	}
}

// maxListed bounds how many names a message lists.
const maxListed = 20

func (c *checker) unknownName(e ast.Expr, name string) kind {
	all := make([]string, len(c.vars))
	for i, v := range c.vars {
		all[i] = v.Name
	}
	msg := "there is no " + name
	if near := Nearest(name, all); near != "" {
		msg += "; did you mean " + near + "?"
	}
	switch {
	case len(all) == 0:
		msg += " (nothing can be named here)"
	case len(all) > maxListed:
		msg += fmt.Sprintf(" (there are %s and %d more)", strings.Join(all[:maxListed], ", "), len(all)-maxListed)
	default:
		msg += " (there are " + strings.Join(all, ", ") + ")"
	}
	return c.fail(e, "%s", msg)
}

// dotted reads a.b.c as one name.
func dotted(e ast.Expr) (string, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return strings.TrimPrefix(e.AsIdent(), "."), true
	case ast.SelectKind:
		s := e.AsSelect()
		if s.IsTestOnly() {
			return "", false
		}
		head, ok := dotted(s.Operand())
		return head + "." + s.FieldName(), ok
	default:
		return "", false
	}
}

// symbols are the operators as their author wrote them.
var symbols = map[string]string{
	operators.Add: "+", operators.Subtract: "-", operators.Multiply: "*", operators.Divide: "/", operators.Modulo: "%",
	operators.Equals: "==", operators.NotEquals: "!=",
	operators.Less: "<", operators.LessEquals: "<=", operators.Greater: ">", operators.GreaterEquals: ">=",
	operators.LogicalAnd: "&&", operators.LogicalOr: "||",
}

func (c *checker) call(e ast.Expr) kind {
	call := e.AsCall()
	fn, args := call.FunctionName(), call.Args()
	switch fn {
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo:
		return c.arithmetic(e, fn, args[0], args[1])
	case operators.Equals, operators.NotEquals:
		return c.equality(e, fn, args[0], args[1])
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return c.order(e, fn, args[0], args[1])
	case operators.LogicalAnd, operators.LogicalOr:
		for _, a := range args {
			c.need(a, c.visit(a), truth, "'"+symbols[fn]+"'")
		}
		return truth
	case operators.LogicalNot:
		c.need(args[0], c.visit(args[0]), truth, "'!'")
		return truth
	case operators.Negate:
		c.need(args[0], c.visit(args[0]), number, "'-'")
		return number
	case operators.Conditional:
		return c.conditional(e, args[0], args[1], args[2])
	case operators.In, operators.OldIn:
		return c.membership(e, args[0], args[1])
	case operators.Index:
		return c.fail(e, "[...] is not available here: there are no lists or maps")
	default:
		return c.function(e, call)
	}
}

// need reports k where want is needed; what is unknown is left to the evaluation.
func (c *checker) need(e ast.Expr, k, want kind, who string) bool {
	switch k {
	case bad:
		return false
	case want, unknown:
		return true
	default:
		c.fail(e, "%s needs %s, not %s", who, kindWords[want], kindWords[k])
		return false
	}
}

func (c *checker) arithmetic(e ast.Expr, fn string, a, b ast.Expr) kind {
	ka, kb := c.visit(a), c.visit(b)
	if ka == bad || kb == bad {
		return bad
	}
	if fn == operators.Add && (ka == text || kb == text) {
		if (ka == text || ka == unknown) && (kb == text || kb == unknown) {
			return text
		}
		return c.fail(e, "'+' can't join %s and %s; turn the other side into text with string(...)", kindWords[ka], kindWords[kb])
	}
	who := "'" + symbols[fn] + "'"
	okA := c.need(a, ka, number, who)
	okB := c.need(b, kb, number, who)
	if !okA || !okB {
		return bad
	}
	if fn == operators.Modulo {
		e.SetKindCase(c.fac.NewCall(e.ID(), remainder, a, b))
	}
	if fn == operators.Add && ka == unknown && kb == unknown {
		return unknown
	}
	return number
}

func (c *checker) equality(e ast.Expr, fn string, a, b ast.Expr) kind {
	if isNull(a) {
		a, b = b, a
	}
	if isNull(b) {
		name, ok := dotted(a)
		if !ok {
			return c.fail(e, "only a column can be compared with null")
		}
		i, ok := c.names[name]
		if !ok {
			return c.unknownName(a, name)
		}
		c.used[i] = true
		e.SetKindCase(c.fac.NewIdent(e.ID(), presenceName(i)))
		if fn == operators.Equals {
			c.wrap(e, operators.LogicalNot)
		}
		return truth
	}
	ka, kb := c.visit(a), c.visit(b)
	if ka == bad || kb == bad {
		return truth
	}
	if ka != kb && ka != unknown && kb != unknown {
		return c.fail(e, "'%s' compares %s with %s; both sides must be of one kind", symbols[fn], kindWords[ka], kindWords[kb])
	}
	return truth
}

func isNull(e ast.Expr) bool {
	return e.Kind() == ast.LiteralKind && e.AsLiteral() == types.NullValue
}

func (c *checker) order(e ast.Expr, fn string, a, b ast.Expr) kind {
	ka, kb := c.visit(a), c.visit(b)
	if ka == bad || kb == bad {
		return truth
	}
	for _, k := range []kind{ka, kb} {
		if k == truth || k == null {
			return c.fail(e, "'%s' orders numbers or text, not %s", symbols[fn], kindWords[k])
		}
	}
	if ka != kb && ka != unknown && kb != unknown {
		return c.fail(e, "'%s' compares %s with %s; both sides must be of one kind", symbols[fn], kindWords[ka], kindWords[kb])
	}
	return truth
}

func (c *checker) conditional(e, cond, a, b ast.Expr) kind {
	c.need(cond, c.visit(cond), truth, "the condition of ?:")
	ka, kb := c.visit(a), c.visit(b)
	switch {
	case ka == bad || kb == bad:
		return bad
	case ka == null && kb == null:
		return c.fail(e, "both outcomes of ?: are null")
	case ka == null:
		c.setNull(a, kb)
		return kb
	case kb == null:
		c.setNull(b, ka)
		return ka
	case ka == kb:
		return ka
	case ka == unknown || kb == unknown:
		return unknown
	default:
		return c.fail(e, "the outcomes of ?: are %s and %s; both must be of one kind", kindWords[ka], kindWords[kb])
	}
}

// setNull turns the literal null into a variable that has k's type and never a value.
func (c *checker) setNull(e ast.Expr, k kind) {
	t := Any
	switch k {
	case number:
		t = Number
	case text:
		t = String
	case truth:
		t = Bool
	default:
	}
	e.SetKindCase(c.fac.NewIdent(e.ID(), nullName(t)))
}

func (c *checker) membership(e, x, list ast.Expr) kind {
	k := c.visit(x)
	if list.Kind() != ast.ListKind {
		return c.fail(list, "right of 'in' stands a list that is written out, like ['a', 'b'] or [1, 2]")
	}
	if k == null {
		return c.fail(x, "null is in no list; write x == null")
	}
	l := list.AsList()
	if len(l.OptionalIndices()) > 0 {
		return c.fail(list, "'?' is not available in a list")
	}
	for _, el := range l.Elements() {
		switch ke := c.visit(el); {
		case ke == bad || k == bad || ke == unknown || k == unknown || ke == k:
		case ke == null:
			c.fail(el, "null is in no list; write x == null")
		default:
			c.fail(el, "'in' looks for %s, but this entry is %s", kindWords[k], kindWords[ke])
		}
	}
	return truth
}

// functions are all there are: what each takes and gives. A conversion takes anything.
var functions = map[string]struct {
	args   []kind
	result kind
}{
	"contains":   {[]kind{text, text}, truth},
	"startsWith": {[]kind{text, text}, truth},
	"endsWith":   {[]kind{text, text}, truth},
	"matches":    {[]kind{text, text}, truth},
	"size":       {[]kind{text}, number},
	"int":        {[]kind{unknown}, number},
	"double":     {[]kind{unknown}, number},
	"string":     {[]kind{unknown}, text},
	"bool":       {[]kind{unknown}, truth},
}

var functionNames = []string{"contains", "startsWith", "endsWith", "matches", "size", "int", "double", "string", "bool"}

func (c *checker) function(e ast.Expr, call ast.CallExpr) kind {
	fn, args := call.FunctionName(), call.Args()
	f, ok := functions[fn]
	if !ok {
		msg := "there is no function " + fn
		if near := Nearest(fn, functionNames); near != "" {
			msg += "; did you mean " + near + "?"
		}
		return c.fail(e, "%s (there are %s)", msg, strings.Join(functionNames, ", "))
	}
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	// contains, startsWith and endsWith are written x.contains(y) only; conversions only int(x); size and matches both ways.
	conversion := len(f.args) == 1 && fn != "size"
	member := len(f.args) == 2
	switch {
	case conversion && call.IsMemberFunction():
		return c.fail(e, "write %s(x)", fn)
	case member && fn != "matches" && !call.IsMemberFunction():
		return c.fail(e, "write x.%s('...')", fn)
	case len(args) != len(f.args) && member:
		return c.fail(e, "write x.%s('...')", fn)
	case len(args) != len(f.args):
		return c.fail(e, "write %s(x)", fn)
	}
	for i, a := range args {
		k := c.visit(a)
		switch {
		case k == null:
			return c.fail(a, "%s(null) says nothing", fn)
		case conversion:
			if k == truth && f.result == number {
				c.fail(a, "%s(...) takes a number or text; write x ? 1 : 0", fn)
			}
			if k == number && f.result == truth {
				c.fail(a, "bool(...) takes text; write x != 0")
			}
		default:
			c.need(a, k, f.args[i], fn)
		}
	}
	if fn == "matches" {
		c.pattern(args[1])
	}
	if fn == "int" || fn == "size" {
		c.wrap(e, "double")
	}
	return f.result
}

// pattern holds a regular expression to what can be compiled once.
func (c *checker) pattern(e ast.Expr) {
	s, ok := types.String(""), false
	if e.Kind() == ast.LiteralKind {
		s, ok = e.AsLiteral().(types.String)
	}
	if !ok {
		c.fail(e, "the pattern of matches must be written out in quotes")
		return
	}
	if _, err := regexp.Compile(string(s)); err != nil {
		c.fail(e, "the pattern of matches is no regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
}

// collectNames lists every name in e once, in order of appearance.
func collectNames(e ast.Expr) []string {
	var out []string
	seen := map[string]bool{}
	var walk func(e ast.Expr)
	walk = func(e ast.Expr) {
		if name, ok := dotted(e); ok {
			if !seen[name] {
				seen[name] = true
				out = append(out, name)
			}
			return
		}
		switch e.Kind() {
		case ast.SelectKind:
			walk(e.AsSelect().Operand())
		case ast.CallKind:
			call := e.AsCall()
			if call.IsMemberFunction() {
				walk(call.Target())
			}
			for _, a := range call.Args() {
				walk(a)
			}
		case ast.ListKind:
			for _, el := range e.AsList().Elements() {
				walk(el)
			}
		default:
		}
	}
	walk(e)
	return out
}
