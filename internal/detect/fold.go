package detect

import (
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// Fold adds one fragment. Clocks move only with coverage, which comes in the last chunk of an epoch; then everything that
// has ended is judged. A finding is urgent: the transaction ends at once.
func (r *role) Fold(rec *kgo.Record) (urgent bool, err error) {
	p := r.parts[rec.Partition]
	f, err := record.ReadFragment(rec.Value)
	if err != nil {
		return false, fmt.Errorf("fragments %d at offset %d: %w", rec.Partition, rec.Offset, err)
	}
	for i := range f.Cells {
		c := &f.Cells[i]
		e := p.engines[c.Model]
		if e == nil || e.Plan().Digest() != c.Plan {
			r.m.skipped.WithLabelValues(c.Model).Inc()
			continue
		}
		p.dirty[c.Model] = true
		if err := e.Add(c); err != nil {
			return false, fmt.Errorf("fragments %d at offset %d: %w", rec.Partition, rec.Offset, err)
		}
	}
	if len(f.Coverage) == 0 && len(f.Marks) == 0 {
		return false, nil
	}
	for i := range f.Coverage {
		if problem := p.clock.Cover(&f.Coverage[i]); problem != nil {
			p.problems = append(p.problems, *problem)
		}
	}
	for i := range f.Marks {
		p.clock.Mark(&f.Marks[i], f.Joins)
	}
	before := len(p.findings)
	for _, model := range slices.Sorted(maps.Keys(p.engines)) {
		e := p.engines[model]
		late := e.Late()
		err := e.Advance(p.clock, func(f finding.Finding) error {
			p.findings = append(p.findings, f)
			return nil
		})
		if err != nil {
			return false, err
		}
		ended := e.TakeEnded()
		for _, w := range ended {
			p.panes = append(p.panes, endedPane{model, w})
		}
		if e.Moved() || len(ended) > 0 || late != e.Late() {
			p.dirty[model] = true
		}
	}
	if err := r.tellProblems(rec.Partition, p); err != nil {
		return false, err
	}
	return len(p.findings) > before, nil
}

// tellProblems turns holes and seams in the coverage into findings of every model that reads the topic: a number that may be
// wrong is said to be.
func (r *role) tellProblems(partition int32, p *part) error {
	for _, problem := range p.problems {
		r.m.problems.WithLabelValues(string(problem.Kind)).Inc()
		r.log.Error("fragments do not account for every offset once", zap.Stringer("problem", problem))
		for _, pl := range r.of(partition) {
			concerned := problem.Topic == pl.Prediction.Topic || pl.Outcome != nil && problem.Topic == pl.Outcome.Topic || problem.Topic == bus.TopicJoins
			if !concerned {
				continue
			}
			f := p.engines[pl.Model].CoverageFinding(problem)
			if err := f.Seal(); err != nil {
				return err
			}
			p.findings = append(p.findings, f)
		}
	}
	p.problems = nil
	return nil
}
