package expr

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// Each function here makes one step: a loop that computes vector dst from vectors a, b. Numbers and text are computed whether or
// not they are there, where that costs less than to ask; what is there is computed beside them, by tables.

// strict is the state of what needs both its operands: an error comes before a missing value, as in cel-go.
var strict = func() (t [16]State) {
	for a := range State(4) {
		for b := range State(4) {
			switch {
			case a == failed || b == failed:
				t[a<<2|b] = failed
			case a == OK && b == OK:
				t[a<<2|b] = OK
			}
		}
	}
	return t
}()

// tested is what a test says by the state of its operand (times 2) and whether it holds.
var tested = [8]Truth{OK << 1: False, OK<<1 | 1: True, failed << 1: Failed, failed<<1 | 1: Failed}

func test(s State, is bool) Truth { return tested[(s<<1|State(bit(is)))&7] }

func bit(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// truthTable makes a table over two truths, indexed by a<<2 | b.
func truthTable(f func(a, b Truth) Truth) (t [16]Truth) {
	for a := range Truth(4) {
		for b := range Truth(4) {
			t[a<<2|b] = f(a, b)
		}
	}
	return t
}

// One side that decides is enough; else what is missing comes before what failed, as in cel-go.
func logic(decides Truth) func(a, b Truth) Truth {
	return func(a, b Truth) Truth {
		for _, t := range []Truth{decides, Undecided, Failed} {
			if a == t || b == t {
				return t
			}
		}
		return a
	}
}

func comparedTruths(same, other Truth) func(a, b Truth) Truth {
	return func(a, b Truth) Truth {
		switch {
		case a == Failed || b == Failed:
			return Failed
		case a == Undecided || b == Undecided:
			return Undecided
		case a == b:
			return same
		default:
			return other
		}
	}
}

var (
	andTable   = truthTable(logic(False))
	orTable    = truthTable(logic(True))
	sameTable  = truthTable(comparedTruths(True, False))
	otherTable = truthTable(comparedTruths(False, True))
	// choiceTable: a condition that is decided gives what the branch taken has, a missing one misses, one that failed fails.
	choiceTable = truthTable(func(c, x Truth) Truth {
		if c == True || c == False {
			return x
		}
		return c
	})
)

func both(dst, a, b int, table *[16]Truth) step {
	return func(v []vector, n int) {
		out, x, y := v[dst].truth[:n], v[a].truth[:n], v[b].truth[:n]
		for i := range out {
			out[i] = table[(x[i]<<2|y[i])&15]
		}
	}
}

func mapTruth(dst, a int, table [4]Truth) step {
	return func(v []vector, n int) {
		out, x := v[dst].truth[:n], v[a].truth[:n]
		for i := range out {
			out[i] = table[x[i]&3]
		}
	}
}

func not(dst, a int) step {
	return mapTruth(dst, a, [4]Truth{Undecided: Undecided, True: False, False: True, Failed: Failed})
}

func isThere(dst, a int) step {
	return func(v []vector, n int) {
		out, state := v[dst].truth[:n], v[a].state[:n]
		for i, s := range state {
			out[i] = False - Truth(bit(s == OK))
		}
	}
}

// relation is a set of ways in which two values can lie to each other.
type relation uint8

const (
	less      relation = 1 << 0
	equal     relation = 1 << 1
	greater   relation = 1 << 2
	unordered relation = 1 << 3 // one is NaN
)

// turned is r seen from the other side.
func (r relation) turned() relation { return r&(equal|unordered) | r&less<<2 | r&greater>>2 }

// table is what a comparison says by state (times 8), x > y (4), x == y (2) and x < y (1).
func (r relation) table() (t [32]Truth) {
	for s := range State(4) {
		for at := range relation(8) {
			t[uint8(s)<<3|uint8(at)] = test(s, at&r != 0 || at == 0 && r&unordered != 0)
		}
	}
	return t
}

func relate(s State, x, y float64) uint8 {
	return (uint8(s)<<3 | bit(x > y)<<2 | bit(x == y)<<1 | bit(x < y)) & 31
}

func compareWith(dst, a int, c float64, yes relation) step {
	table := yes.table()
	return func(v []vector, n int) {
		out, state, num := v[dst].truth[:n], v[a].state[:n], v[a].num[:n]
		for i, x := range num {
			out[i] = table[relate(state[i], x, c)]
		}
	}
}

func compare(dst, a, b int, yes relation) step {
	table := yes.table()
	return func(v []vector, n int) {
		out, sa, x, sb, y := v[dst].truth[:n], v[a].state[:n], v[a].num[:n], v[b].state[:n], v[b].num[:n]
		for i := range out {
			out[i] = table[relate(strict[(sa[i]<<2|sb[i])&15], x[i], y[i])]
		}
	}
}

// textIs compares with a constant: yes is the answer for one that equals it.
func textIs(dst, a int, c string, yes Truth) step {
	return func(v []vector, n int) {
		out, state, str := v[dst].truth[:n], v[a].state[:n], v[a].str[:n]
		table := tested
		if yes == False {
			table[OK<<1], table[OK<<1|1] = True, False
		}
		for i, s := range state {
			out[i] = table[(s<<1|State(bit(s == OK && str[i] == c)))&7]
		}
	}
}

func testText(dst, a int, is func(s string) bool) step {
	return func(v []vector, n int) {
		out, state, str := v[dst].truth[:n], v[a].state[:n], v[a].str[:n]
		for i, s := range state {
			out[i] = test(s, s == OK && is(str[i]))
		}
	}
}

func testTexts(dst, a, b int, is func(s, t string) bool) step {
	return func(v []vector, n int) {
		out, sa, x, sb, y := v[dst].truth[:n], v[a].state[:n], v[a].str[:n], v[b].state[:n], v[b].str[:n]
		for i := range out {
			s := strict[(sa[i]<<2|sb[i])&15]
			out[i] = test(s, s == OK && is(x[i], y[i]))
		}
	}
}

func testNumber(dst, a int, is func(x float64) bool) step {
	return func(v []vector, n int) {
		out, state, num := v[dst].truth[:n], v[a].state[:n], v[a].num[:n]
		for i, s := range state {
			out[i] = test(s, s == OK && is(num[i]))
		}
	}
}

func add(dst, a, b int) step {
	return func(v []vector, n int) {
		out, x, y := v[dst].num[:n], v[a].num[:n], v[b].num[:n]
		for i := range out {
			out[i] = x[i] + y[i]
		}
		states(v, dst, a, b, n)
	}
}

func subtract(dst, a, b int) step {
	return func(v []vector, n int) {
		out, x, y := v[dst].num[:n], v[a].num[:n], v[b].num[:n]
		for i := range out {
			out[i] = x[i] - y[i]
		}
		states(v, dst, a, b, n)
	}
}

func multiply(dst, a, b int) step {
	return func(v []vector, n int) {
		out, x, y := v[dst].num[:n], v[a].num[:n], v[b].num[:n]
		for i := range out {
			out[i] = x[i] * y[i]
		}
		states(v, dst, a, b, n)
	}
}

func divide(dst, a, b int) step {
	return func(v []vector, n int) {
		out, x, y := v[dst].num[:n], v[a].num[:n], v[b].num[:n]
		for i := range out {
			out[i] = x[i] / y[i]
		}
		states(v, dst, a, b, n)
	}
}

func modulo(dst, a, b int) step {
	return func(v []vector, n int) {
		out, x, y := v[dst].num[:n], v[a].num[:n], v[b].num[:n]
		states(v, dst, a, b, n)
		for i, s := range v[dst].state[:n] {
			if s == OK {
				out[i] = math.Mod(x[i], y[i])
			}
		}
	}
}

func states(v []vector, dst, a, b, n int) {
	out, x, y := v[dst].state[:n], v[a].state[:n], v[b].state[:n]
	for i := range out {
		out[i] = strict[(x[i]<<2|y[i])&15]
	}
}

func negate(dst, a int) step {
	return func(v []vector, n int) {
		out, x := v[dst].num[:n], v[a].num[:n]
		for i := range out {
			out[i] = -x[i]
		}
		copy(v[dst].state[:n], v[a].state[:n])
	}
}

// whole rounds toward zero; beyond 64 bits is an error.
func whole(dst, a int) step {
	return func(v []vector, n int) {
		out, state, num, of := v[dst].num[:n], v[dst].state[:n], v[a].num[:n], v[a].state[:n]
		for i, s := range of {
			x := num[i]
			if state[i] = s; s != OK {
				continue
			}
			if !(x > math.MinInt64 && x < math.MaxInt64) { // NaN is neither
				state[i] = failed
				continue
			}
			out[i] = float64(int64(x)) // an integer has no negative zero
		}
	}
}

// readers make text into numbers, each as its function of the language does.
var readers = map[string]func(s string) (float64, error){
	"size":   func(s string) (float64, error) { return float64(utf8.RuneCountInString(s)), nil },
	"double": func(s string) (float64, error) { return strconv.ParseFloat(s, 64) },
	"int": func(s string) (float64, error) {
		i, err := strconv.ParseInt(s, 10, 64)
		return float64(i), err
	},
}

func readNumber(dst, a int, read func(s string) (float64, error)) step {
	return func(v []vector, n int) {
		out, state, str, of := v[dst].num[:n], v[dst].state[:n], v[a].str[:n], v[a].state[:n]
		for i, s := range of {
			if state[i] = s; s != OK {
				continue
			}
			x, err := read(str[i])
			if out[i] = x; err != nil {
				state[i] = failed
			}
		}
	}
}

func readTruth(dst, a int) step {
	return func(v []vector, n int) {
		out, state, str := v[dst].truth[:n], v[a].state[:n], v[a].str[:n]
		for i, s := range state {
			if s != OK {
				out[i] = test(s, false)
				continue
			}
			is, err := strconv.ParseBool(str[i])
			if out[i] = test(s, is); err != nil {
				out[i] = Failed
			}
		}
	}
}

// chooseText chooses between constants.
func chooseText(dst, c int, a, b constant) step {
	texts := [4]string{True: a.str, False: b.str}
	states := [4]State{Undecided: Missing, True: OK, False: OK, Failed: failed}
	if a.null {
		states[True] = Missing
	}
	if b.null {
		states[False] = Missing
	}
	return func(v []vector, n int) {
		out, state := v[dst].str[:n], v[dst].state[:n]
		for i, t := range v[c].truth[:n] {
			out[i], state[i] = texts[t&3], states[t&3]
		}
	}
}

func chooseNumbers(dst, c, a, b int) step {
	return func(v []vector, n int) {
		out, state, cond := v[dst].num[:n], v[dst].state[:n], v[c].truth[:n]
		x, sx, y, sy := v[a].num[:n], v[a].state[:n], v[b].num[:n], v[b].state[:n]
		for i, t := range cond {
			num, s := y[i], sy[i]
			if t == True {
				num, s = x[i], sx[i]
			}
			out[i], state[i] = num, State(choiceTable[(t<<2|Truth(s))&15])
		}
	}
}

func chooseTexts(dst, c, a, b int) step {
	return func(v []vector, n int) {
		out, state, cond := v[dst].str[:n], v[dst].state[:n], v[c].truth[:n]
		x, sx, y, sy := v[a].str[:n], v[a].state[:n], v[b].str[:n], v[b].state[:n]
		for i, t := range cond {
			str, s := y[i], sy[i]
			if t == True {
				str, s = x[i], sx[i]
			}
			out[i], state[i] = str, State(choiceTable[(t<<2|Truth(s))&15])
		}
	}
}

func chooseTruths(dst, c, a, b int) step {
	return func(v []vector, n int) {
		out, cond, x, y := v[dst].truth[:n], v[c].truth[:n], v[a].truth[:n], v[b].truth[:n]
		for i, t := range cond {
			is := y[i]
			if t == True {
				is = x[i]
			}
			out[i] = choiceTable[(t<<2|is)&15]
		}
	}
}
