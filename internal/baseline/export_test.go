package baseline

import "github.com/plumbline-ml/plumbline/internal/plan"

// BuildOfRows is what a range builds if its panes hold exactly these rows: the same, with the rows counted as those of a reference are.
func BuildOfRows(was *plan.Plan, span plan.Span, src Source) (*plan.Plan, error) {
	r, err := NewRange(was, span)
	if err != nil {
		return nil, err
	}
	p := *was
	p.Reference = span
	rows, err := gather(&p, src)
	if err != nil {
		return nil, err
	}
	c, err := count(&p, rows)
	if err != nil {
		return nil, err
	}
	if err := c.join(&p, rows, src, nil); err != nil {
		return nil, err
	}
	for i := range c.panes {
		if err := r.whole.Merge(c.panes[i].Set); err != nil {
			return nil, err
		}
	}
	r.counted, r.matureEnd = c, plan.Micros(span.To)
	return r.Build()
}
