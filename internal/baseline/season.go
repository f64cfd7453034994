package baseline

import (
	"fmt"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

const (
	// surely is how many events a stretch of hours would hold, were the reference spread evenly, for its being empty to be no chance: of a
	// Poisson variable with this mean 0 has a probability of 2e-9.
	surely = 20
	// leastGap keeps lulls of a few hours out.
	leastGap = 6
	// toldGaps is how many of them are told.
	toldGaps = 3
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
	told := make([]string, 0, toldGaps)
	for _, g := range gaps[:min(len(gaps), toldGaps)] {
		told = append(told, g.String())
	}
	more := ""
	if n := len(gaps) - len(told); n > 0 {
		more = fmt.Sprintf(" and %d more stretches", n)
	}
	return []string{fmt.Sprintf("the reference has no events from %s%s (UTC): what comes in these hours of the week is held against others; a reference of whole weeks knows them all",
		strings.Join(told, ", "), more)}
}
