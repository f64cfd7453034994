package baseline

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

const (
	// surely is how many events a stretch of hours would hold, were the reference spread evenly, for its being empty to be no chance: of a
	// Poisson variable with this mean 0 has a probability of 2e-9.
	surely = 20
	// leastGap keeps lulls of a few hours out.
	leastGap = 6
)

// season says in words for people which hours of the week the reference knows nothing of, if any.
func season(p *plan.Plan, rows *plan.Batch) []string {
	var week sketch.Week
	for _, at := range rows.Cols[p.Prediction.Roles.Time].Int[:rows.N] {
		week.Count(at, 1)
	}
	least := (surely*sketch.WeekHours + rows.N - 1) / rows.N
	gaps := week.Gaps(max(least, leastGap))
	if len(gaps) == 0 || least > sketch.WeekHours {
		return nil
	}
	longest := slices.MaxFunc(gaps, func(a, b sketch.Gap) int { return cmp.Compare(a.Hours, b.Hours) })
	more := ""
	if n := len(gaps) - 1; n > 0 {
		more = fmt.Sprintf(", and in %d more stretches", n)
	}
	return []string{fmt.Sprintf("the reference has no events for %d hours of the week from %s (UTC)%s: what comes then is held against other hours", longest.Hours, longest, more)}
}
