package drift_test

import (
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// A model of a few events a day, none of them on declared Sundays: what would be joined over a Sunday is none that teaches. Where that leaves too little,
// nothing is learnt, which is no error.
func TestLearnBesideOddDaysWithoutEvents(t *testing.T) {
	day := 24 * time.Hour.Microseconds()
	p := watched()
	p.Reference = plan.Span{From: plan.FromMicros(0), To: plan.FromMicros(200 * day)}
	p.Policy.Calendar = nil
	var panes []drift.Pane
	var cohorts []drift.ShareCounts
	for i := range int64(200) {
		if i%7 == 3 {
			p.Policy.Calendar = append(p.Policy.Calendar, plan.Span{From: plan.FromMicros(i * day), To: plan.FromMicros((i + 1) * day)})
			continue
		}
		set := sketch.NewSet(p)
		set.Rows = 4
		panes = append(panes, drift.Pane{Start: i * day, End: (i + 1) * day, Set: set})
		cohorts = append(cohorts, drift.ShareCounts{Start: i * day, End: (i + 1) * day, Of: []int64{4}, Hits: []int64{i % 3}})
	}
	if b, err := drift.Learn(p, panes); b != nil || err != nil {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if b, err := drift.LabelRate.Learn(p, cohorts); b != nil || err != nil {
		t.Errorf("labels: %d bytes, %v", len(b), err)
	}
}
