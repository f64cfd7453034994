package engine

import (
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// versions is what a metric was by model version, where the outcomes of a pane are of several: a finding then says which of them it is about. The
// pane is judged as a whole all the same, for that is how the reference's panes scattered.
func (e *Engine) versions(m *Metric, t *truthPane, v *plan.View, reference plan.Measured) []finding.Figure {
	sums := map[string]truth.Counts{}
	for _, c := range t.cohorts {
		by, err := c.ByVersion(e.plan, v.Dims, v.Codes)
		if err != nil {
			return nil // counts of one plan fit one another
		}
		for version, known := range by {
			if sums[version] == nil {
				sums[version] = truth.New(e.plan)
			}
			if err := sums[version].Merge(known); err != nil {
				return nil
			}
		}
	}
	maps.DeleteFunc(sums, func(_ string, known truth.Counts) bool { return known.Labels() == 0 })
	if len(sums) < 2 {
		return nil
	}
	var out []finding.Figure
	for _, version := range slices.Sorted(maps.Keys(sums)) {
		x, ok := m.Value(sums[version], e.plan.Policy.Costs)
		if !ok || sums[version].Labels() < fewest {
			continue
		}
		name := version
		if name == "" {
			name = "without a name"
		}
		out = append(out, finding.Figure{Name: m.Words + " of version " + name, Before: finding.Number(reference.Value), Now: finding.Number(x)})
	}
	return out
}
