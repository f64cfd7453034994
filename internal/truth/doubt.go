package truth

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Doubt is the standard error that a figure of counts has because the delay law of positive outcomes was learnt from so many positives and no more: half of what the figure moves
// between the law less and more its own standard error (the delta method, by differences). 0 where no delay law is used, and where the figure can't be computed.
func Doubt(c Counts, figure func(Counts) (float64, bool)) float64 {
	b, ok := c.(Binary)
	if !ok || b.score == nil || b.score.Missing != plan.PositivesOnly || b.score.Arrived == nil {
		return 0
	}
	a := b.score.Arrived
	share := (float64(a.OnTime) + 0.5) / (float64(a.All) + 1) // where all came in time, another might not have
	se := math.Sqrt(share * (1 - share) / float64(a.All))
	at := func(share float64) (float64, bool) {
		const fine = 1 << 30
		score := *b.score
		score.Arrived = &plan.Arrived{OnTime: max(1, int64(min(share, 1)*fine)), All: fine}
		return figure(Binary{b.Curve, &score, b.sample})
	}
	less, ok := at(a.Share() - se)
	more, ok2 := at(a.Share() + se)
	if !ok || !ok2 {
		return 0
	}
	return math.Abs(more-less) / 2
}
