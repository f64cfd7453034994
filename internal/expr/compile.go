package expr

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// MaxLength is the longest text of an expression, in code points.
const MaxLength = 4096

// MaxDepth is the deepest nesting of an expression.
const MaxDepth = 64

// MaxCost bounds one evaluation, in cel-go's cost units (about one per operation, one per ten characters of text looked at).
// Without loops only long text can cost much: a row whose text, over all uses of it, stays below unmetered bytes is cheap
// whatever the expression, and is spared the counting, which takes five times as long as the evaluation (1.1 us for 0.2 us).
const (
	MaxCost   = 1_000_000
	unmetered = 1 << 16
)

// Error is one fault of an expression. Line and Col count from 1, in code points.
type Error struct {
	Line, Col int
	Message   string // what is wrong and what would be right
}

// Error is "line:col: message".
func (e Error) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Col, e.Message) }

// Errors are all the faults of an expression, by position.
type Errors []Error

// Error joins the faults by "; ".
func (e Errors) Error() string {
	parts := make([]string, len(e))
	for i, x := range e {
		parts[i] = x.Error()
	}
	return strings.Join(parts, "; ")
}

// Program is a compiled expression. It is immutable and safe for concurrent use.
type Program struct {
	plain   cel.Program // for rows with little text
	metered cel.Program // the same, held to MaxCost
	used    []int
	typ     Type
	types   []Type // of all variables
	code    *code  // for columns; nil: what vectorise doesn't take
}

// Vars are the indices, ascending, of the variables the expression uses.
func (p *Program) Vars() []int { return slices.Clone(p.used) }

// Type is what the expression gives: Number, String or Bool; Any if it depends on variables of type Any.
func (p *Program) Type() Type { return p.typ }

// Compile compiles src over vars; the result must be of type want. Where two variables share a name the first one holds.
// An error that is the expression's fault is of type Errors.
func Compile(src string, vars []Var, want Type) (*Program, error) {
	env, err := baseEnv()
	if err != nil {
		return nil, err
	}
	tree, err := parse(env, src)
	if err != nil {
		return nil, err
	}
	names := make(map[string]int, len(vars))
	for i, v := range vars {
		if _, taken := names[v.Name]; !taken {
			names[v.Name] = i
		}
	}
	c := newChecker(tree.NativeRep(), vars, names)
	result := c.root(want)
	if len(c.errs) > 0 {
		slices.SortStableFunc(c.errs, byPosition)
		return nil, c.errs
	}
	// Only what is used is declared, under names no author can write: a column called "int" or "type" can't hide one of CEL's.
	used := slices.Sorted(maps.Keys(c.used))
	decls := make([]cel.EnvOption, 0, 2*len(used)+4)
	for _, i := range used {
		decls = append(decls, cel.Variable(valueName(i), celType(vars[i].Type)), cel.Variable(presenceName(i), cel.BoolType))
	}
	for _, t := range []Type{Any, Number, String, Bool} {
		decls = append(decls, cel.Variable(nullName(t), celType(t)))
	}
	if env, err = env.Extend(decls...); err != nil {
		return nil, fmt.Errorf("declare variables: %w", err)
	}
	checked, issues := env.Check(tree)
	if issues.Err() != nil {
		return nil, fromIssues(issues)
	}
	types := make([]Type, len(vars))
	for i, v := range vars {
		types[i] = v.Type
	}
	p := &Program{used: used, typ: result, types: types, code: vectorise(tree.NativeRep().Expr(), types)}
	if p.plain, err = env.Program(checked, cel.EvalOptions(cel.OptOptimize)); err == nil {
		p.metered, err = env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(MaxCost))
	}
	if err != nil {
		return nil, Errors{{Line: 1, Col: 1, Message: "the expression has no value: " + err.Error()}}
	}
	if result == Any {
		p.typ = want
	}
	return p, nil
}

// Names are the names src uses, each once, in order of appearance.
func Names(src string) ([]string, error) {
	env, err := baseEnv()
	if err != nil {
		return nil, err
	}
	tree, err := parse(env, src)
	if err != nil {
		return nil, err
	}
	return collectNames(tree.NativeRep().Expr()), nil
}

// baseEnv is what all expressions share: set up once, never changed (Extend copies).
var baseEnv = sync.OnceValues(func() (*cel.Env, error) {
	env, err := cel.NewEnv(
		cel.ClearMacros(),
		cel.ParserExpressionSizeLimit(MaxLength),
		cel.ParserRecursionLimit(MaxDepth),
		cel.Function(remainder,
			cel.Overload("remainder_double_double", []*cel.Type{cel.DoubleType, cel.DoubleType}, cel.DoubleType,
				cel.BinaryBinding(func(a, b ref.Val) ref.Val {
					x, ok := a.(types.Double)
					y, ok2 := b.(types.Double)
					if !ok || !ok2 {
						return types.MaybeNoSuchOverloadErr(a)
					}
					return types.Double(math.Mod(float64(x), float64(y)))
				}))),
	)
	if err != nil {
		return nil, fmt.Errorf("set up expressions: %w", err)
	}
	return env, nil
})

func parse(env *cel.Env, src string) (*cel.Ast, error) {
	if strings.TrimSpace(src) == "" {
		return nil, Errors{{Line: 1, Col: 1, Message: "the expression is empty"}}
	}
	tree, issues := env.Parse(src)
	if issues.Err() != nil {
		return nil, fromIssues(issues)
	}
	return tree, nil
}

// fromIssues turns cel-go's complaints into Errors.
func fromIssues(issues *cel.Issues) Errors {
	var out Errors
	for _, e := range issues.Errors() {
		at := Error{Line: max(1, e.Location.Line()), Col: max(0, e.Location.Column()) + 1, Message: e.Message}
		if msg, ok := strings.CutPrefix(e.Message, "Syntax error: "); ok {
			at.Message = syntax(msg)
			return Errors{at} // what follows a syntax error is mostly noise
		}
		out = append(out, at)
	}
	slices.SortStableFunc(out, byPosition)
	return out
}

var (
	unexpected   = regexp.MustCompile(`^(?:mismatched input|extraneous input|no viable alternative at input) '(.*?)'(?: expecting .*)?$`)
	unrecognised = regexp.MustCompile(`^token recognition error at: '(.*)'$`)
)

// syntax puts the parser's complaint in words that don't need its grammar.
func syntax(msg string) string {
	if m := unexpected.FindStringSubmatch(msg); m != nil {
		if strings.HasSuffix(m[1], "<EOF>") {
			return "not an expression: it ends too early"
		}
		return "not an expression: '" + m[1] + "' can't stand here"
	}
	if m := unrecognised.FindStringSubmatch(msg); m != nil {
		if strings.HasPrefix(m[1], "=") {
			return "not an expression: '=' can't stand here; two values are compared with =="
		}
		return "not an expression: '" + strings.TrimSpace(m[1]) + "' can't stand here"
	}
	return "not an expression: " + msg
}

func byPosition(a, b Error) int {
	if a.Line != b.Line {
		return a.Line - b.Line
	}
	return a.Col - b.Col
}

func celType(t Type) *cel.Type {
	switch t {
	case Number:
		return cel.DoubleType
	case String:
		return cel.StringType
	case Bool:
		return cel.BoolType
	default:
		return cel.DynType
	}
}

// The names a rewritten tree uses: '@' can't be written in CEL.
const (
	remainder      = "@remainder"
	valuePrefix    = "@v"
	presencePrefix = "@p"
	nullPrefix     = "@null"
)

func valueName(i int) string    { return valuePrefix + strconv.Itoa(i) }
func presenceName(i int) string { return presencePrefix + strconv.Itoa(i) }
func nullName(t Type) string    { return nullPrefix + strconv.Itoa(int(t)) }
