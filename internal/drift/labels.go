package drift

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// OfLabels is the share of the budget of tickets that drift of the label rate may spend. It is followed apart from the rest, for outcomes come at
// times of their own.
const OfLabels = 0.05

// Cohort is how the predictions of one test pane turned out, as far as was known when it was mature.
type Cohort struct {
	Start, End       int64 // of the predictions, microseconds since the Unix epoch
	Labels, Positive int64
}

// WatchLabels is what the sequential engine is told of a plan's outcomes: one stream, the share of positive ones.
func WatchLabels(p *plan.Plan) sequential.Spec {
	floors := sequential.DefaultFloors()
	floors.Rate = p.Policy.Floor
	return sequential.Spec{
		Budget:   budget(OfLabels, p),
		Streams:  []sequential.Stream{{Name: "label_rate", Kind: sequential.Share, Weight: 1, Floors: floors}},
		Calendar: calendar(p),
	}
}

// Count is the cohort as its stream's counts.
func (c *Cohort) Count() []sequential.Counts {
	return []sequential.Counts{{N: c.Labels, Hits: float64(c.Positive)}}
}

// LearnLabels learns how the label rate moved over the cohorts of a reference, in order, and returns it as bytes; nil where they are too few.
func LearnLabels(p *plan.Plan, reference []Cohort) ([]byte, error) {
	var gather sequential.Gather
	var history []sequential.Pane
	for _, c := range reference {
		if c.Start < plan.Micros(p.Reference.From) || c.End > plan.Micros(p.Reference.To) {
			continue
		}
		if p.Policy.OddBetween(c.Start, c.End) {
			gather.Skip(c.End)
			continue
		}
		done, ok, err := gather.Add(c.Start, c.End, c.Labels, c.Count())
		if err != nil {
			return nil, fmt.Errorf("learn label rate of %s: %w", p.Model, err)
		}
		if ok && !p.Policy.OddBetween(done.Start, done.End) { // an odd day without an event is no test pane, and may lie within
			history = append(history, done)
		}
	}
	if len(history) < fewestPanes {
		return nil, nil
	}
	e, err := sequential.Learn(WatchLabels(p), history)
	if err != nil {
		return nil, fmt.Errorf("learn label rate of %s: %w", p.Model, err)
	}
	if e.Phase() == sequential.Learning {
		return nil, nil
	}
	return e.AppendBinary(nil), nil
}

// OpenLabels reads what a plan has learnt of its label rate; nil where that is nothing.
func OpenLabels(p *plan.Plan) (*sequential.Engine, error) {
	if len(p.DriftLabels) == 0 {
		return nil, nil
	}
	r := wire.NewReader(p.DriftLabels)
	e, err := sequential.Read(WatchLabels(p), r)
	if err == nil {
		err = r.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("read what the plan of %s has learnt of its label rate: %w", p.Model, err)
	}
	return e, nil
}
