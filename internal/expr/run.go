package expr

// vectors makes the vectors that a code needs: one set for each who runs it.
func (c *code) vectors() []vector {
	out := make([]vector, len(c.shapes))
	for i, s := range c.shapes {
		v := &out[i]
		switch {
		case s.kind == truth:
			v.truth = make([]Truth, block)
		case s.bound: // to where the column lies
		case s.kind == number:
			v.num, v.state = make([]float64, block), make([]State, block)
		case s.kind == text:
			v.str, v.state = make([]string, block), make([]State, block)
		}
		if s.fill != nil {
			v.set(s.kind, s.fill)
		}
	}
	return out
}

// set makes every row of v a constant.
func (v *vector) set(k kind, c *constant) {
	for i := range block {
		switch {
		case k == truth:
			v.truth[i] = c.truth // of null: Undecided
		case c.null:
			v.state[i] = Missing
		case k == number:
			v.state[i], v.num[i] = OK, c.num
		default:
			v.state[i], v.str[i] = OK, c.str
		}
	}
}

// run takes rows [from, to) of cols, at most a block, through all steps. The result is in the root vector, which lies in out
// where that is given and the root's last step owns its vector.
func (c *code) run(v []vector, cols []Column, from, to int, out *Column) {
	n := to - from
	for _, l := range c.loads {
		v[l.vector].load(&cols[l.column], l.typ, from, to)
	}
	if out != nil && c.owned {
		root := &v[c.root]
		switch c.kind {
		case number:
			root.state, root.num = out.State[from:to], out.Num[from:to]
		case text:
			root.state, root.str = out.State[from:to], out.Str[from:to]
		default:
		}
	}
	for _, s := range c.steps {
		s(v, n)
	}
}

func (v *vector) load(col *Column, typ Type, from, to int) {
	state := col.State[from:to]
	switch {
	case typ == Bool:
		out, num := v.truth[:len(state)], col.Num[from:to]
		for i, s := range state {
			out[i] = test(s, num[i] != 0)
		}
		return
	case typ == String:
		v.str = col.Str[from:to]
	case typ == Number && col.Micros != nil:
		if v.own == nil {
			v.own = make([]float64, block)
		}
		out := v.own[:len(state)]
		for i, us := range col.Micros[from:to] {
			out[i] = seconds(us)
		}
		v.num = out
	case typ == Number:
		v.num = col.Num[from:to]
	default:
	}
	v.state = state
}

// finish writes the result of rows [from, to) to out.
func (c *code) finish(v []vector, from, to int, out *Column) {
	state := out.State[from:to]
	n := len(state)
	root := &v[c.root]
	switch c.kind {
	case truth:
		to := out.Num[from:to][:n]
		for i, t := range root.truth[:n] {
			state[i], to[i] = truthStates[t&3], truthNumbers[t&3]
		}
	case number:
		of, to := root.state[:n], out.Num[from:to][:n]
		for i, x := range root.num[:n] {
			s := resultStates[of[i]&3]
			switch {
			case s != OK:
				x = 0
			case x != x:
				s, x = Missing, 0
			case x-x != 0: // infinite
				s, x = Invalid, 0
			}
			state[i], to[i] = s, x
		}
	default:
		of, to := root.state[:n], out.Str[from:to][:n]
		for i, s := range of {
			s = resultStates[s&3]
			if state[i] = s; s != OK {
				to[i] = ""
			} else if !c.owned {
				to[i] = root.str[i]
			}
		}
	}
}

var (
	resultStates = [4]State{Missing: Missing, OK: OK, Invalid: Missing, failed: Invalid}
	truthStates  = [4]State{Undecided: Missing, True: OK, False: OK, Failed: Invalid}
	truthNumbers = [4]float64{True: 1}
)

// long reports whether the text of some row in [from, to) may be beyond what the interpreter looks at without counting.
func (c *code) long(cols []Column, from, to int) bool {
	all := 0
	for _, t := range c.texts {
		bits := 0 // of all lengths: at most twice the longest
		for _, s := range cols[t.column].Str[from:to] {
			bits |= len(s)
		}
		all += bits * t.times
	}
	return all > unmetered
}

// longRow reports whether the text of a row is: counted as often as it is used, whether or not the interpreter gets there.
func (c *code) longRow(cols []Column, row int) bool {
	all := 0
	for _, t := range c.texts {
		if col := &cols[t.column]; col.State[row] == OK {
			all += len(col.Str[row]) * t.times
		}
	}
	return all > unmetered
}
