package backfill

import (
	"fmt"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// The names of the streams.
const (
	predictions = "prediction"
	outcomes    = "outcome"
	attributes  = "attribute"
)

// each reads a stream once per plan and visits the rows at whose time the plan is in force. A plan that can't read the file is
// passed over if none of its rows lies in the plan's eras, as far as the other plans can tell: a column that a later contract
// added needn't be in a file of before.
func (r *run) each(stream string, visit func(*counter, *plan.Batch) error) error {
	type failure struct {
		c   *counter
		err error
	}
	var failed []failure
	all := newSpan()
	for _, c := range r.counters {
		proj, read := r.of(c.plan, stream)
		if proj == nil {
			continue
		}
		var counts check.Counts
		var stopped error
		counted := int64(0)
		err := read(c.plan, &counts, func(b *plan.Batch) error {
			rows := int64(b.N)
			for _, us := range b.Cols[proj.Roles.Time].Int[:b.N] {
				all.see(us)
				c.clock(stream).See(us, c.plan.Ahead().Microseconds())
			}
			b = c.held(proj, b)
			counted += int64(b.N)
			if stopped = r.progress("counting "+stream+"s", rows); stopped == nil {
				stopped = visit(c, b)
			}
			return stopped
		})
		switch {
		case stopped != nil:
			return stopped
		case err != nil:
			failed = append(failed, failure{c, err})
			continue
		}
		g := Reading{Stream: stream, Plan: c.plan.Digest()}
		g.took(&counts, counted)
		if g.File != "" {
			r.report.Readings = append(r.report.Readings, g)
		}
	}
	for _, f := range failed {
		switch {
		case len(r.counters) == 1:
			return f.err
		case len(failed) == len(r.counters) || f.c.concerned(all):
			return fmt.Errorf("by the plan in force from %s: %w", f.c.plan.From.UTC().Format(time.RFC3339), f.err)
		}
	}
	return nil
}

// of is how a plan reads a stream; nil where it reads none.
func (r *run) of(p *plan.Plan, stream string) (*plan.Projection, func(*plan.Plan, *check.Counts, func(*plan.Batch) error) error) {
	switch {
	case stream == predictions:
		return &p.Prediction, r.files.ReadPredictions
	case p.Outcome == nil || p.Score == nil:
		return nil, nil
	case stream == outcomes:
		return p.Outcome, r.files.ReadOutcomes
	case p.Attributes == nil:
		return nil, nil
	default:
		return &p.Attributes.Projection, r.files.ReadAttributes
	}
}

// held leaves the rows at whose time the counter's plan is in force.
func (c *counter) held(proj *plan.Projection, b *plan.Batch) *plan.Batch {
	times := b.Cols[proj.Roles.Time].Int[:b.N]
	if !slices.ContainsFunc(times, func(us int64) bool { return !c.holds(us) }) {
		return b
	}
	out := plan.NewBatch(proj, b.N)
	for row, us := range times {
		if c.holds(us) {
			out.Append(b, row)
		}
	}
	return out
}

func (c *counter) holds(us int64) bool {
	return slices.ContainsFunc(c.eras, func(e plan.Era) bool { return e.Holds(us) })
}

// concerned reports whether rows within a span of event time may lie in the plan's eras.
func (c *counter) concerned(s span) bool {
	return slices.ContainsFunc(c.eras, func(e plan.Era) bool { return e.From <= s.last && s.first < e.To })
}
