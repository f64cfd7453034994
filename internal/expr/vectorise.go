package expr

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// code is a program as a list of steps, each a loop over a block of rows. It is immutable.
type code struct {
	kind  kind // of the result
	root  int  // the vector that holds it
	owned bool // by the last step: results can be written straight to where they are wanted

	loads  []load
	steps  []step
	shapes []shape
	texts  []textUse
}

// step computes n rows of one vector from others.
type step func(v []vector, n int)

// load binds a vector to rows of a column.
type load struct {
	vector, column int
	typ            Type
}

// textUse counts how often a text column stands in the program: so often may the interpreter look at a row's text.
type textUse struct{ column, times int }

// shape is what a vector is made as.
type shape struct {
	kind  kind
	bound bool // to a column, at each block
	fill  *constant
}

// constant is a literal, or (null) the missing value of its kind.
type constant struct {
	null  bool
	num   float64
	str   string
	truth Truth
}

// part is an expression that has been made into steps: a vector, or a constant that needs none yet.
type part struct {
	kind    kind
	vector  int
	konst   *constant
	scratch bool // free once it is used
}

// vectoriser makes a checked and rewritten tree into code.
type vectoriser struct {
	code   code
	types  []Type
	values map[int]int // vectors of columns, by column
	states map[int]int // vectors of columns of which only the state is needed
	free   map[kind][]int
	no     bool // something in the tree can't be made into steps
}

// vectorise makes a tree that has passed all checks into code. Nil where it holds one of these, which the interpreter is for:
// text joined with +, string(number), matches, `in` with a list of other things than literals, and variables of type Any.
func vectorise(e ast.Expr, vars []Type) *code {
	v := &vectoriser{types: vars, values: map[int]int{}, states: map[int]int{}, free: map[kind][]int{}}
	p := v.visit(e)
	if v.no {
		return nil
	}
	v.code.kind, v.code.owned = p.kind, p.scratch
	v.code.root = v.at(p)
	return &v.code
}

func (v *vectoriser) refuse() part {
	v.no = true
	return part{kind: truth, konst: &constant{}}
}

func (v *vectoriser) shape(s shape) int {
	v.code.shapes = append(v.code.shapes, s)
	return len(v.code.shapes) - 1
}

// at is the vector of a part.
func (v *vectoriser) at(p part) int {
	if p.konst != nil {
		return v.shape(shape{kind: p.kind, fill: p.konst})
	}
	return p.vector
}

// done frees what parts took, so that the result can lie there: every step reads a row before it writes it.
func (v *vectoriser) done(parts ...part) {
	for _, p := range parts {
		if p.scratch {
			v.free[p.kind] = append(v.free[p.kind], p.vector)
		}
	}
}

// result adds the step that computes one part from others.
func (v *vectoriser) result(k kind, with func(dst int) step, from ...part) part {
	v.done(from...)
	var dst int
	if f := v.free[k]; len(f) > 0 {
		dst, v.free[k] = f[len(f)-1], f[:len(f)-1]
	} else {
		dst = v.shape(shape{kind: k})
	}
	v.code.steps = append(v.code.steps, with(dst))
	return part{kind: k, vector: dst, scratch: true}
}

func (v *vectoriser) visit(e ast.Expr) part {
	if v.no {
		return v.refuse()
	}
	switch e.Kind() {
	case ast.LiteralKind:
		return v.literal(e)
	case ast.IdentKind:
		return v.ident(e.AsIdent())
	case ast.CallKind:
		return v.call(e.AsCall())
	default:
		return v.refuse()
	}
}

func (v *vectoriser) literal(e ast.Expr) part {
	switch x := e.AsLiteral().(type) {
	case types.Double:
		return part{kind: number, konst: &constant{num: float64(x)}}
	case types.String:
		return part{kind: text, konst: &constant{str: string(x)}}
	case types.Bool:
		t := False
		if x {
			t = True
		}
		return part{kind: truth, konst: &constant{truth: t}}
	default:
		return v.refuse()
	}
}

// ident is one of the names that check.go wrote into the tree.
func (v *vectoriser) ident(name string) part {
	if i, ok := index(name, valuePrefix); ok {
		return v.column(i)
	}
	if i, ok := index(name, presencePrefix); ok {
		at, known := v.states[i]
		if !known {
			at = v.shape(shape{kind: null, bound: true})
			v.states[i] = at
			v.code.loads = append(v.code.loads, load{at, i, Any})
		}
		return v.result(truth, func(dst int) step { return isThere(dst, at) })
	}
	switch name {
	case nullName(Number):
		return part{kind: number, konst: &constant{null: true}}
	case nullName(String):
		return part{kind: text, konst: &constant{null: true}}
	case nullName(Bool):
		return part{kind: truth, konst: &constant{null: true}}
	default:
		return v.refuse()
	}
}

func (v *vectoriser) column(i int) part {
	var k kind
	switch v.types[i] {
	case Number:
		k = number
	case String:
		k = text
		v.useText(i)
	case Bool:
		k = truth
	default:
		return v.refuse()
	}
	at, known := v.values[i]
	if !known {
		at = v.shape(shape{kind: k, bound: true})
		v.values[i] = at
		v.code.loads = append(v.code.loads, load{at, i, v.types[i]})
	}
	return part{kind: k, vector: at}
}

func (v *vectoriser) useText(column int) {
	for i := range v.code.texts {
		if v.code.texts[i].column == column {
			v.code.texts[i].times++
			return
		}
	}
	v.code.texts = append(v.code.texts, textUse{column, 1})
}

func (v *vectoriser) call(c ast.CallExpr) part {
	fn, args := c.FunctionName(), c.Args()
	if c.IsMemberFunction() {
		args = append([]ast.Expr{c.Target()}, args...)
	}
	if fn == operators.In || fn == operators.OldIn {
		return v.membership(v.visit(args[0]), args[1])
	}
	parts := make([]part, len(args))
	for i, a := range args {
		parts[i] = v.visit(a)
	}
	if v.no {
		return v.refuse()
	}
	switch fn {
	case operators.LogicalAnd, operators.LogicalOr:
		out := parts[0]
		for _, p := range parts[1:] {
			a, b := v.at(out), v.at(p)
			table := &andTable
			if fn == operators.LogicalOr {
				table = &orTable
			}
			out = v.result(truth, func(dst int) step { return both(dst, a, b, table) }, out, p)
		}
		return out
	case operators.LogicalNot:
		a := v.at(parts[0])
		return v.result(truth, func(dst int) step { return not(dst, a) }, parts[0])
	case operators.Conditional:
		return v.choice(parts[0], parts[1], parts[2])
	case operators.Negate:
		a := v.at(parts[0])
		return v.result(number, func(dst int) step { return negate(dst, a) }, parts[0])
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return v.comparison(fn, parts[0], parts[1])
	default:
		if f := arithmetic[fn]; f != nil && parts[0].kind == number {
			a, b := v.at(parts[0]), v.at(parts[1])
			return v.result(number, func(dst int) step { return f(dst, a, b) }, parts...)
		}
		return v.function(fn, parts)
	}
}

var arithmetic = map[string]func(dst, a, b int) step{
	operators.Add: add, operators.Subtract: subtract, operators.Multiply: multiply, operators.Divide: divide, remainder: modulo,
}

// relations are the comparisons as sets of how two values can lie to each other.
var relations = map[string]relation{
	operators.Less: less, operators.LessEquals: less | equal, operators.Greater: greater, operators.GreaterEquals: greater | equal,
	operators.Equals: equal, operators.NotEquals: less | greater | unordered,
}

func (v *vectoriser) comparison(fn string, a, b part) part {
	yes := relations[fn]
	if a.konst != nil && b.konst == nil {
		a, b, yes = b, a, yes.turned()
	}
	fused := a.konst == nil && b.konst != nil && !b.konst.null
	switch {
	case a.kind == truth:
		x, y := v.at(a), v.at(b)
		table := &sameTable
		if fn == operators.NotEquals {
			table = &otherTable
		}
		return v.result(truth, func(dst int) step { return both(dst, x, y, table) }, a, b)
	case a.kind == number && fused:
		return v.result(truth, func(dst int) step { return compareWith(dst, a.vector, b.konst.num, yes) }, a)
	case a.kind == number:
		x, y := v.at(a), v.at(b)
		return v.result(truth, func(dst int) step { return compare(dst, x, y, yes) }, a, b)
	case fused && yes&(less|greater) == 0:
		return v.result(truth, func(dst int) step { return textIs(dst, a.vector, b.konst.str, True) }, a)
	case fused && yes&equal == 0 && yes&unordered != 0:
		return v.result(truth, func(dst int) step { return textIs(dst, a.vector, b.konst.str, False) }, a)
	default:
		return v.pair(a, b, func(s, t string) bool { return yes&relation(1<<(strings.Compare(s, t)+1)) != 0 })
	}
}

// pair is a test of two texts.
func (v *vectoriser) pair(a, b part, is func(s, t string) bool) part {
	if a.konst == nil && b.konst != nil && !b.konst.null {
		c := b.konst.str
		return v.result(truth, func(dst int) step { return testText(dst, a.vector, func(s string) bool { return is(s, c) }) }, a)
	}
	x, y := v.at(a), v.at(b)
	return v.result(truth, func(dst int) step { return testTexts(dst, x, y, is) }, a, b)
}

func (v *vectoriser) choice(c, a, b part) part {
	at := v.at(c)
	if a.kind == text && a.konst != nil && b.konst != nil {
		return v.result(text, func(dst int) step { return chooseText(dst, at, *a.konst, *b.konst) }, c)
	}
	x, y := v.at(a), v.at(b)
	return v.result(a.kind, func(dst int) step {
		switch a.kind {
		case number:
			return chooseNumbers(dst, at, x, y)
		case text:
			return chooseTexts(dst, at, x, y)
		default:
			return chooseTruths(dst, at, x, y)
		}
	}, c, a, b)
}

// short is up to how many entries a list is searched one by one.
const short = 8

func (v *vectoriser) membership(x part, list ast.Expr) part {
	elements := list.AsList().Elements()
	if v.no {
		return v.refuse()
	}
	if len(elements) == 0 { // cel-go says so before it looks at x
		v.done(x)
		return part{kind: truth, konst: &constant{truth: False}}
	}
	var nums []float64
	var strs []string
	var truths [2]bool
	for _, el := range elements {
		p := part{}
		if el.Kind() == ast.LiteralKind {
			p = v.literal(el)
		}
		if p.konst == nil || p.kind != x.kind {
			return v.refuse()
		}
		nums, strs = append(nums, p.konst.num), append(strs, p.konst.str)
		truths[p.konst.truth&1] = true
	}
	at := v.at(x)
	switch x.kind {
	case number:
		is := func(f float64) bool { return slices.Contains(nums, f) }
		if len(nums) > short {
			set := setOf(nums)
			is = func(f float64) bool { return set[f] }
		}
		return v.result(truth, func(dst int) step { return testNumber(dst, at, is) }, x)
	case text:
		is := func(s string) bool { return slices.Contains(strs, s) }
		if len(strs) > short {
			set := setOf(strs)
			is = func(s string) bool { return set[s] }
		}
		return v.result(truth, func(dst int) step { return testText(dst, at, is) }, x)
	default:
		table := [4]Truth{Undecided, False, False, Failed}
		if truths[True&1] {
			table[True] = True
		}
		if truths[False&1] {
			table[False] = True
		}
		return v.result(truth, func(dst int) step { return mapTruth(dst, at, table) }, x)
	}
}

func setOf[T comparable](list []T) map[T]bool {
	set := make(map[T]bool, len(list))
	for _, x := range list {
		set[x] = true
	}
	return set
}

// function is a call by name.
func (v *vectoriser) function(fn string, parts []part) part {
	a := parts[0]
	switch {
	case fn == "startsWith":
		return v.pair(a, parts[1], strings.HasPrefix)
	case fn == "endsWith":
		return v.pair(a, parts[1], strings.HasSuffix)
	case fn == "contains":
		return v.pair(a, parts[1], strings.Contains)
	case fn == "double" && a.kind == number, fn == "string" && a.kind == text, fn == "bool" && a.kind == truth:
		return a
	case fn == "int" && a.kind == number:
		at := v.at(a)
		return v.result(number, func(dst int) step { return whole(dst, at) }, a)
	case fn == "size", fn == "int", fn == "double":
		at := v.at(a)
		return v.result(number, func(dst int) step { return readNumber(dst, at, readers[fn]) }, a)
	case fn == "bool":
		at := v.at(a)
		return v.result(truth, func(dst int) step { return readTruth(dst, at) }, a)
	case fn == "string" && a.kind == truth:
		at := v.at(a)
		return v.result(text, func(dst int) step { return chooseText(dst, at, constant{str: "true"}, constant{str: "false"}) }, a)
	default:
		return v.refuse()
	}
}
