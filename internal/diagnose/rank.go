package diagnose

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// Diagnose says what happened to the columns and to the stream, the most conspicuous cause first; none where nothing that moved has a name. Columns that have
// not moved cost next to nothing.
func Diagnose(c *Case) []Cause {
	if c.Reference == nil || c.Current == nil || c.Current.Set.Rows == 0 || c.Reference.Set.Rows == 0 {
		return nil
	}
	out := c.ofColumns(func(int) bool { return true })
	out = slices.DeleteFunc(c.recently(out), c.onlyLeft)
	if clock := c.clock(); clock != nil {
		out = append(out, *clock)
	} else if dated := c.dated(); dated != nil {
		out = append(out, *dated)
	} else if d := c.duplicates(); d != nil {
		out = append(out, *d)
	} else if v := c.volume(); v != nil {
		out = append(out, *v)
	}
	rank(out)
	return out
}

// ofColumns are the causes of some of the columns.
func (c *Case) ofColumns(which func(column int) bool) []Cause {
	numbers, texts := c.columns(which)
	out := append(swaps(numbers), swappedTexts(c.Plan, texts)...)
	taken := map[string]bool{}
	for i := range out {
		for _, name := range out[i].Columns {
			taken[name] = true
		}
	}
	for _, n := range numbers {
		if !taken[n.name()] {
			cause := c.ofNumbers(n)
			if cause != nil && cause.Kind == UnitChange && rival(n, numbers) {
				cause = nil
			}
			out = c.placed(out, n.at, cause)
		}
	}
	for _, t := range texts {
		if !taken[t.column.Name] {
			out = c.placed(out, t.at, ofTexts(t))
		}
	}
	return out
}

// recently looks at the columns that have no cause once more, against the latest panes before the onset, where these lie nearer to the reference than what came
// then. Only broken data is told so: what a world does is told against the reference.
func (c *Case) recently(out []Cause) []Cause {
	if c.Before == nil || c.Before.Set.Rows < fewestRows {
		return out
	}
	named := map[string]bool{}
	for i := range out {
		if out[i].Kind != CovariateShift {
			for _, name := range out[i].Columns {
				named[name] = true
			}
		}
	}
	again := *c
	again.Reference, again.Before = c.Before, nil
	found := again.ofColumns(func(i int) bool {
		was, step := furthest(&c.Reference.Set.Columns[i], &c.Before.Set.Columns[i], &c.Current.Set.Columns[i])
		return !named[c.Plan.Columns[i].Name] && was < 0.7 && was < 0.7*step
	})
	for i := range found {
		f := &found[i]
		if !f.Kind.Corruption() {
			continue
		}
		f.Evidence = append(f.Evidence, "against the latest panes before: the stream has drifted away from the reference by then")
		out = slices.DeleteFunc(out, func(o Cause) bool {
			return o.Kind == CovariateShift && slices.ContainsFunc(o.Columns, func(name string) bool { return slices.Contains(f.Columns, name) })
		})
		out = append(out, *f)
	}
	return out
}

// rival reports whether a column may as well hold another one's values: those of one that has moved as well, which it lies near, or, where both have left
// their own values behind, which it overlaps, as that one does with it.
func rival(n *numeric, all []*numeric) bool {
	for _, b := range all {
		if b == n || !b.described() || !n.described() || b.moved <= max(leastMoved/2, b.noise) || b.indicator() {
			continue
		}
		if !math.IsNaN(b.ref.mean) && math.Abs(n.cur.mean-b.ref.mean) < b.ref.sd/2 && within(b.ref, n.cur, identity, max(least, noise(b.ref.valid, n.cur.valid), min(b.natural, 0.2))) {
			return true
		}
		if min(n.moved, b.moved) > 0.9 && n.cur.within(b.ref) > 0.1 && b.cur.within(n.ref) > 0.1 && max(n.from(b), b.from(n)) < 0.9 {
			return true
		}
	}
	return false
}

func (c *Case) columns(which func(int) bool) (numbers []*numeric, texts []*text) {
	for i := range c.Plan.Columns {
		l := &c.Plan.Columns[i].Layout
		switch {
		case l.Empty || !which(i):
		case l.Categorical:
			texts = append(texts, newText(c.Plan, i, c.Reference, c.Current))
		default:
			numbers = append(numbers, newNumeric(c.Plan, i, c.side(c.Reference, i), c.side(c.Current, i)))
		}
	}
	return numbers, texts
}

func (c *Case) side(s *Side, i int) *numbers {
	var d *sketch.Described
	if s.Summary != nil {
		d = &s.Summary.Columns[i]
	}
	return newNumbers(&c.Plan.Columns[i], &s.Set.Columns[i], d)
}

// ofNumbers is the cause of what a numeric column shows, the first that explains it.
func (c *Case) ofNumbers(n *numeric) *Cause {
	ref, cur := &c.Reference.Set.Columns[n.at], &c.Current.Set.Columns[n.at]
	if out := n.released(); out != nil {
		return out
	}
	if out := n.inverted(); out != nil {
		return out
	}
	if out := n.point(); out != nil {
		if out.Kind == Stuck && n.turned() {
			return nil
		}
		return out
	}
	if n.moved > max(0.03, n.noise) || n.zeroInflated() {
		if out := n.unit(); out != nil {
			return out
		}
		if out := n.some(); out != nil {
			return out
		}
	}
	occupied := 0.
	if n.at < len(c.Reference.Occupied) {
		occupied = c.Reference.Occupied[n.at]
	}
	if out := n.rounded(occupied, c.Current.Panes); out != nil {
		return out
	}
	if out := absent(n.column, ref, cur, n.moved, n.noise); out != nil {
		return out
	}
	if out := n.shifted(); out != nil {
		return out
	}
	return nil
}

// ofTexts is the same of a categorical column.
func ofTexts(t *text) *Cause {
	for _, look := range []func() *Cause{t.stuck, t.placeholder, t.recoded, func() *Cause { return absent(t.column, t.ref, t.cur, t.moved, t.noise) }, t.merged, t.unseen} {
		if out := look(); out != nil {
			return out
		}
	}
	return nil
}

// placed says where a column's cause lies. Without one the part that the change lies in is looked at by itself; and if there is none, whether the mix
// of parts explains it.
func (c *Case) placed(out []Cause, column int, cause *Cause) []Cause {
	if m := c.mixed(column); m != nil {
		return append(out, *m) // nothing that breaks a column changes the slices' shares
	}
	if cause == nil && distance(&c.Reference.Set.Columns[column], &c.Current.Set.Columns[column]) < least {
		return out
	}
	where := c.locate(column)
	if where == nil {
		if cause != nil {
			out = append(out, *cause)
		}
		return out
	}
	labels := where.part.labels(c.Plan)
	if cause == nil || cause.Kind == CovariateShift {
		inside := c.within(where, column)
		if inside == nil {
			if cause == nil && where.part.Group == ofVersion && where.ref.Set == c.Reference.Set {
				inside = &Cause{
					Kind: VersionChange, Columns: []string{c.Plan.Columns[column].Name}, Confidence: explained(1, where.leftover), Weight: distance(&where.ref.Set.Columns[column], &where.part.Set.Columns[column]) / max(1e-6, c.partNoise(column, &where.ref.Set.Columns[column], &where.part.Set.Columns[column])),
					Parameters: map[string]string{"version": where.part.Version}, Evidence: []string{"only events of this version lie elsewhere"}, Fix: "compare the two versions, or go back to the one before",
				}
			} else {
				inside = cause
			}
		}
		if inside == nil {
			return out
		}
		cause = inside
	} else if cause.Kind == NewCategory || cause.Kind == Stuck {
		if inside := c.within(where, column); inside != nil { // of one slice's own values more is known
			cause = inside
		}
	} else if s, ok := cause.Parameters["share"]; ok {
		// In the part it is a larger share than in the whole.
		cause.Parameters = maps.Clone(cause.Parameters)
		var whole float64
		if _, err := fmt.Sscan(s, &whole); err == nil {
			if in := whole / where.share; in > 0.9 {
				delete(cause.Parameters, "share")
			} else {
				cause.Parameters["share"] = number(math.Min(1, in))
			}
		}
	}
	cause.Slice = labels
	cause.Evidence = append(cause.Evidence, fmt.Sprintf("it lies in %s of the events; the others are as before, to within %.3f", percent(where.share), where.leftover))
	return append(out, *cause)
}

// within is the cause of what a part shows by itself. Nothing describes parts: only what exact counts tell is told.
func (c *Case) within(s *spot, column int) *Cause {
	p := &c.Plan.Columns[column]
	ref, cur := &s.ref.Set.Columns[column], &s.part.Set.Columns[column]
	if p.Layout.Categorical {
		t := &text{at: column, column: p, ref: ref, cur: cur, moved: variation(ref.Bins, cur.Bins)}
		t.noise = variationNoise(ref.Bins, total(ref.Bins), total(cur.Bins))
		if c.Current.Summary != nil {
			t.distinct = c.Current.Summary.Columns[column].Distinct // of all parts: a rewriting's texts come from this one
		}
		return ofTexts(t)
	}
	n := newNumeric(c.Plan, column, newNumbers(p, ref, nil), newNumbers(p, cur, nil))
	if out := n.constant(); out != nil {
		return out
	}
	if out := n.unit(); out != nil {
		return out
	}
	return absent(p, ref, cur, n.moved, n.noise)
}
