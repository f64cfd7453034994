package baseline

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/sketch"
)

const (
	// surely is how many events a stretch of hours would hold, were the reference spread evenly, for its being empty to be no chance: of a
	// Poisson variable with this mean 0 has a probability of 2e-9.
	surely = 20
	// leastGap keeps lulls of a few hours out.
	leastGap = 6
)

// season says in words for people which hours of the week a reference of so many events knows nothing of, if any.
func season(week *sketch.Week, events int64) []string {
	least := int((surely*sketch.WeekHours + events - 1) / events)
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
