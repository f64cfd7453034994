package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Eval evaluates p for one row: get returns the value of variable i of the slice given to Compile and is called only for
// variables in Vars. A result that depends on missing values is Null. Errors are what only a value can show: text that
// isn't a number in double(x) or int(x), a variable of type Any that holds another kind than the expression needs, or
// MaxCost exceeded.
func (p *Program) Eval(get func(i int) Value) (Value, error) {
	r := row{get: get, room: unmetered}
	out, _, err := p.plain.Eval(&r)
	if r.room < 0 {
		r.room = math.MaxInt
		out, _, err = p.metered.Eval(&r)
	}
	if err != nil {
		return Null(), fmt.Errorf("evaluate expression: %w", err)
	}
	return p.value(out)
}

// value converts a result and holds it against the type that was asked for.
func (p *Program) value(out ref.Val) (Value, error) {
	var v Value
	var t Type
	switch x := out.(type) {
	case *types.Unknown:
		return Null(), nil
	case types.Double:
		v, t = Num(float64(x)), Number
		if math.IsNaN(v.Num) {
			return Null(), nil
		}
	case types.String:
		v, t = Str(string(x)), String
	case types.Bool:
		v, t = Boolean(bool(x)), Bool
	default:
		return Null(), fmt.Errorf("evaluate expression: result is a %s", out.Type().TypeName())
	}
	if p.typ != Any && p.typ != t {
		return Null(), fmt.Errorf("evaluate expression: result is %s, need %s", t, p.typ)
	}
	return v, nil
}

// missing is what a variable without a value resolves to: cel-go carries it through every operator except where logic
// decides without it, which is the three-valued logic the package promises.
var missing = types.NewUnknown(0, nil)

// tooLong ends an evaluation that is to be repeated by the metered program.
var tooLong = types.NewErr("text is long")

// row is a cel.Activation over get.
type row struct {
	get  func(i int) Value
	room int // bytes of text it may still hand out; below 0 it handed out tooLong instead
}

// Parent is nil: rows don't nest.
func (r *row) Parent() cel.Activation { return nil }

// ResolveName gives the value behind one of the names that check.go wrote into the tree.
func (r *row) ResolveName(name string) (any, bool) {
	switch {
	case strings.HasPrefix(name, valuePrefix):
		i, ok := index(name, valuePrefix)
		if !ok {
			return nil, false
		}
		v := r.get(i)
		switch {
		case !present(v):
			return missing, true
		case v.Kind == KindNumber:
			return types.Double(v.Num), true
		case v.Kind == KindString:
			if len(v.Str) > r.room {
				r.room = -1
				return tooLong, true
			}
			r.room -= len(v.Str)
			return types.String(v.Str), true
		default:
			return types.Bool(v.Bool), true
		}
	case strings.HasPrefix(name, presencePrefix):
		i, ok := index(name, presencePrefix)
		if !ok {
			return nil, false
		}
		return types.Bool(present(r.get(i))), true
	case strings.HasPrefix(name, nullPrefix):
		return missing, true
	default:
		return nil, false
	}
}

// index is the variable behind a name with the given prefix.
func index(name, prefix string) (int, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(digits)
	return i, err == nil
}

func present(v Value) bool {
	return v.Kind != KindNull && (v.Kind != KindNumber || !math.IsNaN(v.Num))
}
