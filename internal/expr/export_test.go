package expr

// Vectorised reports whether p runs over columns by steps, not by the interpreter.
func (p *Program) Vectorised() bool { return p.code != nil }
