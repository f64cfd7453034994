package outcome_test

import (
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

func TestPredicted(t *testing.T) {
	p := &plan.Plan{
		Pane: time.Hour,
		Prediction: plan.Projection{
			Fields: []plan.Field{{Name: "id", Kind: plan.String}, {Name: "ts", Kind: plan.Time}, {Name: "score", Kind: plan.Number}, {Name: "version", Kind: plan.String}, {Name: "region", Kind: plan.String}},
			Roles:  plan.Roles{ID: 0, Time: 1, Score: 2, Version: 3, Decision: -1, Latency: -1, Lineage: -1, Label: -1},
		},
		Score:  &plan.Score{Edges: []float64{0.25, 0.5, 0.75}, Threshold: 0.5},
		Slices: []plan.Dimension{{Name: "region", Field: 4, Values: []string{"north", "south"}}},
	}
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	hour := time.Hour.Microseconds()
	base := outcome.Prediction{Plan: p.Digest(), Pane: hour, Slice: "\x00\x01", Version: "v7"}
	with := func(bin int, score int64, positive bool) *outcome.Prediction {
		out := base
		out.Bin, out.Score, out.Positive = bin, score, positive
		return &out
	}
	unnamed := *with(0, 0, false)
	unnamed.Version = ""
	for name, c := range map[string]struct {
		fill func(b *plan.Batch)
		plan func(p *plan.Plan)
		want *outcome.Prediction
	}{
		"positive":            {fill: func(b *plan.Batch) { b.SetNumber(2, 0, 0.5) }, want: with(1, sketch.ScoreScale/2, true)},
		"negative":            {fill: func(b *plan.Batch) { b.SetNumber(2, 0, 0) }, want: with(0, 0, false)},
		"certain":             {fill: func(b *plan.Batch) { b.SetNumber(2, 0, 1) }, want: with(3, sketch.ScoreScale, true)},
		"no version":          {fill: func(b *plan.Batch) { b.SetNumber(2, 0, 0); b.SetInvalid(3, 0) }, want: &unnamed},
		"no score":            {},
		"score is NaN":        {fill: func(b *plan.Batch) { b.SetInvalid(2, 0) }},
		"score beyond 1":      {fill: func(b *plan.Batch) { b.SetNumber(2, 0, 1.5) }},
		"plan has no score":   {fill: func(b *plan.Batch) { b.SetNumber(2, 0, 0.5) }, plan: func(p *plan.Plan) { p.Score = nil }},
		"stream has no score": {fill: func(b *plan.Batch) { b.SetNumber(2, 0, 0.5) }, plan: func(p *plan.Plan) { p.Prediction.Roles.Score = -1 }},
		"no decision":         {fill: func(b *plan.Batch) { b.SetNumber(2, 0, 0.5) }, plan: func(p *plan.Plan) { p.Score = &plan.Score{Own: true} }},
	} {
		q := *p
		if c.plan != nil {
			c.plan(&q)
		}
		b := plan.NewBatch(&q.Prediction, 1)
		b.Grow(0)
		b.SetTime(1, 0, hour+5)
		b.SetString(3, 0, "v7")
		b.SetString(4, 0, "south")
		if c.fill != nil {
			c.fill(b)
		}
		got, ok := outcome.Predicted(&q, sketch.NewScoreBins(&q), b, 0)
		if ok != (c.want != nil) || ok && *got != *c.want {
			t.Errorf("%s: %+v, %t; want %+v", name, got, ok, c.want)
		}
	}
}
