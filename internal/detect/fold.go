package detect

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// Fold adds one fragment. Clocks move only with coverage, which comes in the last chunk of an epoch; then everything that
// has ended is judged. A finding is urgent: the transaction ends at once.
func (r *role) Fold(rec *kgo.Record) (urgent bool, err error) {
	p := r.parts[rec.Partition]
	f, err := record.ReadFragment(rec.Value)
	if err != nil {
		return false, fmt.Errorf("fragments %d at offset %d: %w", rec.Partition, rec.Offset, err)
	}
	before := len(p.findings)
	clear(r.asked)
	p.begin()
	for i := range f.Cells {
		c := &f.Cells[i]
		id := engineID{c.Model, c.Plan}
		e := p.engines[id]
		if e == nil || !e.holds(c.Pane) {
			if err := r.setAside(p, c); err != nil {
				return false, fmt.Errorf("fragments %d at offset %d: %w", rec.Partition, rec.Offset, err)
			}
			continue
		}
		p.dirty[id] = true
		p.see(c)
		if err := e.Add(c); err != nil {
			return false, fmt.Errorf("fragments %d at offset %d: %w", rec.Partition, rec.Offset, err)
		}
	}
	if len(f.Coverage) == 0 && len(f.Marks) == 0 {
		return len(p.findings) > before, nil
	}
	for i := range f.Coverage {
		if problem := p.clock.Cover(&f.Coverage[i]); problem != nil {
			p.problems = append(p.problems, *problem)
		}
	}
	for i := range f.Marks {
		p.clock.Mark(&f.Marks[i], f.Joins)
	}
	for _, id := range p.inOrder() {
		e := p.engines[id]
		if e.Done(e.until()) {
			continue // its state stays: a very late event must not open a closed pane again
		}
		late := e.Late()
		found := func(f finding.Finding) error {
			p.findings = append(p.findings, f)
			return nil
		}
		if err := e.Advance(p.clock, found); err != nil {
			return false, err
		}
		ended := e.TakeEnded()
		for _, w := range ended {
			p.panes = append(p.panes, endedPane{e.Plan(), w})
		}
		if e.Moved() || len(ended) > 0 || late != e.Late() {
			p.dirty[id] = true
		}
	}
	if err := r.tellProblems(rec.Partition, p); err != nil {
		return false, err
	}
	return len(p.findings) > before, nil
}

// setAside leaves out a cell that was counted under another plan than the one in force at its event time: whoever counted it
// had not heard of the change yet. A pane never mixes plans, so its events are missing from the pane, and that is said.
func (r *role) setAside(p *part, c *record.Cell) error {
	// Also of a plan that is known: it may be in force again.
	if question := (asked{engineID{c.Model, c.Plan}, c.Pane}); !r.asked[question] {
		ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
		defer cancel()
		if err := r.look(ctx, c.Model, c.Plan, c.Pane); err != nil {
			return err
		}
		r.asked[question] = true
	}
	r.m.skipped.WithLabelValues(c.Model).Inc()
	pl := r.plans[c.Model].At(c.Pane)
	if pl == nil || c.Kind != record.Described {
		return nil // the cell that describes all slices comes with it, and knows the offsets
	}
	f := p.engines[idOf(pl)].SetAsideFinding(c)
	if err := f.Seal(); err != nil {
		return err
	}
	p.findings = append(p.findings, f)
	r.log.Warn("cell counted under another plan", zap.String("model", c.Model), zap.String("plan", c.Plan), zap.Time("pane", plan.FromMicros(c.Pane)))
	return nil
}

// lookTimeout bounds one look at the plans topic.
const lookTimeout = 10 * time.Second

// tellProblems turns holes and seams in the coverage into findings of every model that reads the topic: a number that may be
// wrong, or came late, is said to be.
func (r *role) tellProblems(partition int32, p *part) error {
	for _, problem := range p.problems {
		r.m.problems.WithLabelValues(string(problem.Kind)).Inc()
		if problem.Kind == window.Delayed {
			r.log.Warn("events waited for the schema registry", zap.Stringer("problem", problem))
		} else {
			r.log.Error("fragments do not account for every offset once", zap.Stringer("problem", problem))
		}
		for _, model := range r.of(partition) {
			pl := r.plans[model].At(problem.At)
			concerned := problem.Topic == pl.Prediction.Topic || pl.Outcome != nil && problem.Topic == pl.Outcome.Topic || pl.Attributes != nil && problem.Topic == pl.Attributes.Projection.Topic || problem.Topic == bus.TopicJoins
			if !concerned {
				continue
			}
			f := p.engines[idOf(pl)].CoverageFinding(problem)
			if err := f.Seal(); err != nil {
				return err
			}
			p.findings = append(p.findings, f)
		}
	}
	p.problems = nil
	return nil
}
