package expr

// State says what one cell of a column holds.
type State uint8

// The states of a cell. Missing is the zero State.
const (
	Missing State = iota // null, absent, or an empty cell of a file
	OK                   // the value is there
	Invalid              // it is there and can't be used: not finite, no number, or an expression that failed
	failed               // of a vector on the way: the evaluation has failed for this row
)

// Truth is what a condition says of one row.
type Truth uint8

// The answers. The numbers are those of State: what is undecided is missing, what failed has failed.
const (
	Undecided Truth = iota // it depends on a missing value
	True
	False
	Failed
)

// Column is one variable's values, or an expression's results, by row: of a Number in Num or Micros, of a String in Str, of a Bool
// in Num, where 0 is false. Cells whose State isn't OK are not looked at. A number that is OK is never NaN.
type Column struct {
	State  []State
	Num    []float64
	Micros []int64 // whole millionths: 1_500_000 is the number 1.5
	Str    []string
}

// block is how many rows an expression is evaluated for at a time: few enough that the vectors of all its parts stay in the
// processor's first cache.
const block = 512

// vector holds one part's values for a block: state beside num or str, or truth alone.
type vector struct {
	state []State
	num   []float64
	str   []string
	truth []Truth
	own   []float64 // where a column's millionths are made into numbers
}

// Columns evaluates a program over columns. It belongs to one goroutine.
//
// What a program consists of decides how: in most, each operation is one loop over a block of rows. Where it has something that
// is not made into loops (see vectorise), or a row's text is so long that its evaluation has to be metered, Eval's interpreter is
// asked, row by row. The answers are the same.
type Columns struct {
	prog    *Program
	code    *code // nil: nothing but the interpreter
	vectors []vector
	truth   []Truth

	// What the interpreter looks at.
	cols []Column
	row  int
	get  func(i int) Value
}

// Columns makes an evaluator.
func (p *Program) Columns() *Columns {
	c := &Columns{prog: p, code: p.code}
	c.get = c.value
	return c
}

// Eval evaluates the first n rows of cols, where cols[i] is variable i of the slice given to Compile, and writes them to out: a
// Bool as 0 and 1. A missing result is Missing; one that Eval of the program would give an error for, or that is infinite, is
// Invalid. Where a result isn't OK, its value is set to zero. out may be one of cols only if the program doesn't use it.
func (c *Columns) Eval(cols []Column, n int, out *Column) {
	c.start(cols)
	if c.code == nil {
		for row := range n {
			c.interpret(row, out)
		}
		return
	}
	for from := 0; from < n; from += block {
		to := min(from+block, n)
		c.code.run(c.vectors, cols, from, to, out)
		c.code.finish(c.vectors, from, to, out)
		if c.code.long(cols, from, to) {
			for row := from; row < to; row++ {
				if c.code.longRow(cols, row) {
					c.interpret(row, out)
				}
			}
		}
	}
}

// Test evaluates a condition for the first n rows of cols. The result is valid until the next call.
func (c *Columns) Test(cols []Column, n int) []Truth {
	c.start(cols)
	for len(c.truth) < n {
		c.truth = append(c.truth, make([]Truth, block)...)
	}
	out := c.truth[:n]
	if c.code == nil || c.code.kind != truth {
		for row := range n {
			out[row] = c.decide(row)
		}
		return out
	}
	for from := 0; from < n; from += block {
		to := min(from+block, n)
		c.code.run(c.vectors, cols, from, to, nil)
		copy(out[from:to], c.vectors[c.code.root].truth)
		if c.code.long(cols, from, to) {
			for row := from; row < to; row++ {
				if c.code.longRow(cols, row) {
					out[row] = c.decide(row)
				}
			}
		}
	}
	return out
}

// start takes the columns. Many evaluators are made to see that a plan is right, and never used: memory comes with the first rows.
func (c *Columns) start(cols []Column) {
	c.cols = cols
	if c.code != nil && c.vectors == nil {
		c.vectors = c.code.vectors()
	}
}

// interpret evaluates one row.
func (c *Columns) interpret(row int, out *Column) {
	c.row = row
	v, err := c.prog.Eval(c.get)
	state, num, str := OK, 0.0, ""
	switch {
	case err != nil:
		state = Invalid
	case v.Kind == KindNull:
		state = Missing
	case v.Kind == KindString:
		str = v.Str
	case v.Kind == KindNumber && v.Num-v.Num != 0:
		state = Invalid
	case v.Kind == KindNumber:
		num = v.Num
	case v.Bool:
		num = 1
	}
	out.State[row] = state
	if out.Str != nil {
		out.Str[row] = str
	} else {
		out.Num[row] = num
	}
}

// decide evaluates one row of a condition.
func (c *Columns) decide(row int) Truth {
	c.row = row
	switch v, err := c.prog.Eval(c.get); {
	case err != nil:
		return Failed
	case v.Kind == KindNull:
		return Undecided
	case v.Kind != KindBool:
		return Failed
	case v.Bool:
		return True
	default:
		return False
	}
}

// value is variable i in the row that the interpreter is at.
func (c *Columns) value(i int) Value {
	col := &c.cols[i]
	if col.State[c.row] != OK {
		return Null()
	}
	switch t := c.prog.types[i]; {
	case t == String || t == Any && col.Str != nil:
		return Value{Kind: KindString, Str: col.Str[c.row]}
	case t == Bool:
		return Value{Kind: KindBool, Bool: col.Num[c.row] != 0}
	case col.Micros != nil:
		return Value{Kind: KindNumber, Num: seconds(col.Micros[c.row])}
	default:
		return Value{Kind: KindNumber, Num: col.Num[c.row]}
	}
}

func seconds(micros int64) float64 { return float64(micros) / 1e6 }
