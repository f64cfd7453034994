package check

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// price keeps what has become mature: corrections go on reaching it.
func (r *run) price(cohorts []*window.Cohort) {
	for _, co := range cohorts {
		if r.mature == nil {
			r.mature = map[int64]*window.Cohort{}
		}
		r.mature[co.Start] = co
	}
}

// money prices the mature cohorts after the reference, but for declared odd days.
func (r *run) money() []engine.Money {
	sums, days := r.matured()
	return engine.Prices(r.plan, sums, days)
}

// matured adds up the mature cohorts after the reference, but for declared odd days: by the score's views, with how many days they are.
func (r *run) matured() (sums []*sketch.Curve, days float64) {
	p := r.plan
	if !p.Score.Binary() {
		return nil, 0
	}
	for _, start := range slices.Sorted(maps.Keys(r.mature)) {
		co := r.mature[start]
		if co.Start < plan.Micros(p.Reference.To) || p.Policy.OddBetween(co.Start, co.End) {
			continue
		}
		known, err := engine.Known(p, func(dims, codes []int) (truth.Counts, error) { return co.Revised(p, dims, codes) })
		if err != nil { // of one plan: all counts have its shape
			return nil, 0
		}
		if co.Outcomes() > 0 {
			days += float64(co.End-co.Start) / 86400e6
		}
		for i, k := range known {
			c := truth.CurveOf(k)
			switch {
			case c == nil:
				return nil, 0
			case i == len(sums):
				sums = append(sums, c)
			default:
				if err := sums[i].Merge(c); err != nil {
					return nil, 0
				}
			}
		}
	}
	return sums, days
}

// writeMoney renders what decisions cost for people.
func writeMoney(w io.Writer, money []engine.Money) {
	if len(money) == 0 {
		return
	}
	fmt.Fprintf(w, "what decisions cost, in %s, with 95 %% bands\n", money[0].Currency)
	for i := range money {
		m := &money[i]
		name := "all"
		if len(m.Slice) > 0 {
			name = finding.SliceKey(m.Slice)
		}
		fmt.Fprintf(w, "  %s, %d outcomes\n", name, m.Labels)
		fmt.Fprintf(w, "    %s a decision; %s a day\n", amount(m.PerDecision), amount(m.PerDay))
		if m.Threshold != nil {
			fmt.Fprintf(w, "    %s\n", thresholdWords(m))
		}
		if m.Recall != nil {
			fmt.Fprintf(w, "    %s\n", recallWords(m.Recall))
		}
	}
	fmt.Fprintln(w)
}

// amount is a price with its band, or that too few outcomes are known to say.
func amount(p engine.Priced) string {
	if p.Few {
		return incident.Short(p.Value) + " (too few outcomes to say)"
	}
	return fmt.Sprintf("%s (%s to %s)", incident.Short(p.Value), incident.Short(p.Band[0]), incident.Short(p.Band[1]))
}

func thresholdWords(m *engine.Money) string {
	t := m.Threshold
	if t.Few {
		return "cheapest threshold: too few outcomes of a kind to say"
	}
	words := fmt.Sprintf("cheapest threshold %s (as good by chance: %s to %s)", at(t.Cheapest), at(t.Band[0]), at(t.Band[1]))
	switch {
	case t.OwnRule:
		return words + "; the events decide by a rule of their own"
	case t.Regret == nil:
		return words + fmt.Sprintf("; now %s, which is no edge of what was counted", at(t.Now))
	case t.Advise:
		return words + fmt.Sprintf("; now %s: a change would have saved %s a decision", at(t.Now), amount(*t.Regret))
	default:
		return words + fmt.Sprintf("; now %s: no change is worth it for sure", at(t.Now))
	}
}

// at is a threshold: none is one that nothing reaches.
func at(n finding.Number) string {
	if !n.Valid() {
		return "never"
	}
	return incident.Short(n)
}

func recallWords(r *engine.PricedRecall) string {
	if r.PerDecision.Few {
		return "one more percentage point of recall: too few outcomes to say"
	}
	verb, day := "costs", r.PerDay
	if day.Value < 0 {
		verb = "saves"
		day = engine.Priced{Value: -day.Value, Band: [2]finding.Number{-day.Band[1], -day.Band[0]}}
	}
	return fmt.Sprintf("one more percentage point of recall %s %s a day, by a threshold of %s", verb, amount(day), at(r.Threshold))
}
