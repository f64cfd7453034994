package simulation

import (
	"fmt"
	"slices"
)

// same reports whether two rows are of one number.
func (r *Row) same(of *Row) bool {
	return r.Row == of.Row && r.Process == of.Process && r.Method == of.Method
}

// Merge is a list with the rows of a run of some parts in it: each takes the place of the row of its name, process and method; what the list didn't have stands
// behind what it follows in the run. Rows that the run has not stay. It is an error if a row would give way to one of fewer model-months.
func Merge(list, run []Row) ([]Row, error) {
	out := slices.Clone(list)
	at := len(out) - 1 // behind which the next new row stands
	for i := range run {
		r := &run[i]
		same := slices.IndexFunc(out, func(of Row) bool { return of.same(r) })
		if same < 0 {
			at++
			out = slices.Insert(out, at, *r)
			continue
		}
		if err := r.atLeast(&out[same]); err != nil {
			return nil, err
		}
		out[same], at = *r, same
	}
	return out, nil
}

// Replace is the rows of a whole run in place of a list. It is an error if one would be of fewer model-months than the list's.
func Replace(list, run []Row) ([]Row, error) {
	for i := range run {
		r := &run[i]
		if same := slices.IndexFunc(list, func(of Row) bool { return of.same(r) }); same >= 0 {
			if err := r.atLeast(&list[same]); err != nil {
				return nil, err
			}
		}
	}
	return run, nil
}

// atLeast says that a row is of fewer model-months than another.
func (r *Row) atLeast(of *Row) error {
	if r.Months < of.Months {
		return fmt.Errorf("%s, %s, %s: %.4g model-months would take the place of %.4g", r.Row, r.Process, r.Method, r.Months, of.Months)
	}
	return nil
}
