package window

// First is the start of the earliest pane or cohort that is held, microseconds since the Unix epoch. ok is false where nothing
// is held: all of it has ended and was handed out, or there never was any.
func (a *Assembler) First() (us int64, ok bool) {
	earliest := func(start int64) {
		if !ok || start < us {
			us, ok = start, true
		}
	}
	for start := range a.base {
		earliest(start)
	}
	if a.test != nil {
		earliest(a.test.Start)
	}
	for start := range a.cohorts {
		earliest(start)
	}
	return us, ok
}
