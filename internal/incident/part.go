package incident

import (
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// way is how broken data came about, as far as its diagnosis tells: one cause may show as different kinds of one way in different columns, and hardly as kinds
// of two ways.
type way int

const (
	noWay     way = iota // it says nothing of that: a clock, a mix, duplicates move columns of all kinds
	notThere             // values don't come: here they are null, there a code, a default, or the last one that came
	rewritten            // values come, and are written in another way
)

func wayOf(d *finding.Diagnosis) way {
	if d == nil {
		return noWay
	}
	switch d.Kind {
	case "missing", "sentinel", "fallback", "stuck":
		return notThere
	case "unit_change", "sign_flip", "precision_loss", "recoded", "clipped", "swapped":
		return rewritten
	default:
		return noWay
	}
}

// brokeOtherwise reports whether what broke of a signal is known to have another cause than what is open of the incident: of that something has a name, and all that has
// came about in another way, in other columns, and elsewhere than in one slice of both.
func (e *entry) brokeOtherwise(f *finding.Finding) bool {
	d, other := f.Diagnosis, false
	for _, p := range e.signals {
		q := p.last.Diagnosis
		if !p.live || wayOf(q) == noWay || wayOf(d) == noWay {
			continue
		}
		shared := slices.ContainsFunc(append(slices.Clone(d.Subjects), f.Subject), func(s string) bool { return s == p.subject || slices.Contains(q.Subjects, s) })
		if wayOf(q) == wayOf(d) || shared || len(d.Slice) > 0 && maps.Equal(d.Slice, q.Slice) {
			return false
		}
		other = true
	}
	return other
}

// another reports whether a signal that has its name now turns out to be of another cause than the rest of its incident. One that people have touched stays as
// it is.
func (b *Book) another(e *entry, p *part, f *finding.Finding) bool {
	if e.lane != data || e.fault || e.touched() {
		return false
	}
	rest := *e
	rest.signals = slices.DeleteFunc(slices.Clone(e.signals), func(q *part) bool { return q == p })
	joint := p.last.Evidence.Joint && slices.ContainsFunc(rest.signals, func(q *part) bool { return q.last.Evidence.Joint })
	return !joint && rest.brokeOtherwise(f) && b.kinship(&rest, f) != related
}

// leave takes a signal out of its incident, which is the poorer for it: it began when the rest did.
func (b *Book) leave(e *entry, p *part) {
	e.signals = slices.DeleteFunc(e.signals, func(q *part) bool { return q == p })
	e.inc.Onset = slices.MinFunc(e.signals, func(x, y *part) int { return x.began.Compare(y.began) }).began
	if d := e.diagnosed(); d != nil && !d.again && d.last.Diagnosis.Kind != "covariate_shift" {
		e.inc.Onset = d.began
	}
	b.moved = append(b.moved, e)
}
