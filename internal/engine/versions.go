package engine

import (
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
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
	return e.byVersion(m, sums, reference)
}

// byVersion is what a metric was by model version, where outcomes are of several.
func (e *Engine) byVersion(m *Metric, all map[string]truth.Counts, reference plan.Measured) []finding.Figure {
	var out []finding.Figure
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(version string) bool { return all[version].Labels() == 0 })
	if len(names) < 2 {
		return nil
	}
	for _, version := range names {
		x, ok := m.Value(all[version], e.plan.Policy.Costs)
		if !ok || all[version].Labels() < fewest {
			continue
		}
		out = append(out, finding.Figure{Name: m.Words + " of version " + named(version), Before: finding.Number(reference.Value), Now: finding.Number(x)})
	}
	return out
}

func named(version string) string {
	if version == "" {
		return "without a name"
	}
	return version
}

// mostVersions is how many model versions a promise's window tells apart; those that come later are told of in the whole only.
const mostVersions = 16

// addVersions adds a cohort to what a promise's window has seen of a view by model version.
func (k *windowKept) addVersions(e *Engine, at int, c *window.Cohort) error {
	v := &e.plan.Score.Views[at]
	by, err := c.ByVersion(e.plan, v.Dims, v.Codes)
	if err != nil {
		return err
	}
	if k.versions[at] == nil {
		k.versions[at] = map[string]truth.Counts{}
	}
	for _, version := range slices.Sorted(maps.Keys(by)) {
		switch sum := k.versions[at][version]; {
		case sum != nil:
			if err := sum.Merge(by[version]); err != nil {
				return err
			}
		case len(k.versions[at]) < mostVersions:
			k.versions[at][version] = by[version]
		}
	}
	return nil
}

// versionsBytes are the counts by promise, view and version, as the state has them.
func versionsBytes(kept map[string]*windowKept) map[string]map[int]map[string][]byte {
	var out map[string]map[int]map[string][]byte
	for key, k := range kept {
		for at, by := range k.versions {
			for version, sum := range by {
				if out == nil {
					out = map[string]map[int]map[string][]byte{}
				}
				if out[key] == nil {
					out[key] = map[int]map[string][]byte{}
				}
				if out[key][at] == nil {
					out[key][at] = map[string][]byte{}
				}
				out[key][at][version] = sum.AppendBinary(nil)
			}
		}
	}
	return out
}

// keepVersions takes them over again.
func (e *Engine) keepVersions(of map[string]map[int]map[string][]byte) error {
	if e.plan.Score == nil {
		return nil
	}
	for key, views := range of {
		k := e.kept[key]
		if k == nil {
			continue
		}
		for at, by := range views {
			k.versions[at] = map[string]truth.Counts{}
			for version, body := range by {
				sum, err := truth.Read(e.plan, wire.NewReader(body))
				if err != nil {
					return err
				}
				k.versions[at][version] = sum
			}
		}
	}
	return nil
}
