package engine_test

import (
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// BenchmarkIncident300 is all that an incident costs in which 300 inputs of 20 slices moved at once: the latest panes are read, each input's onset is looked for,
// what came since is added up and diagnosed.
func BenchmarkIncident300(b *testing.B) {
	l := largePlan(b)
	counter, err := collect.New(l.p, collect.NewJoiner(func(string) *plan.Plan { return l.p }))
	if err != nil {
		b.Fatal(err)
	}
	e, clock := engine.New(l.p), window.NewClock()
	for hour := 28 * 24; hour < 30*24; hour++ {
		batch := l.batch(start.Add(time.Duration(hour) * time.Hour))
		for f := range batch.Cols {
			if hour < 30*24-6 || batch.Fields[f].Name == "score" {
				continue
			}
			for row := range batch.Cols[f].Num {
				batch.Cols[f].Num[row] *= []float64{100, 1.3}[f%2]
			}
		}
		counter.Predictions(collect.Source{Topic: "p"}, batch)
		cells := counter.Take()
		for i := range cells {
			if err := e.Add(&cells[i]); err != nil {
				b.Fatal(err)
			}
		}
		clock.Cover(&record.Coverage{Source: record.Source{Topic: "p", Partitions: 1}, Watermark: plan.Micros(start.Add(time.Duration(hour+1) * time.Hour).Add(l.p.Lateness))})
		if err := e.Advance(clock, func(finding.Finding) error { return nil }); err != nil {
			b.Fatal(err)
		}
		e.TakeEnded()
	}
	var named, panes int
	for b.Loop() {
		if named, panes, err = e.NameAll(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(named), "named")
	b.ReportMetric(float64(panes), "panes")
}
