package backfill

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/file"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Past outcomes are in the groups that a file of attributes says, each id in the last one that was said of it: the counts are those of the rows, by hand.
func TestOutcomesInGroups(t *testing.T) {
	t.Parallel()
	const text = `
apiVersion: plumbline/v1
kind: QualityContract
metadata: {model: m}
owners: {data: d, model: e}
task: {type: binary, positive: 1}
streams:
  prediction: {topic: p, fields: {id: id, time: ts, score: score}}
  outcome: {topic: o, fields: {id: id, time: ts, label: y}, keep: 2d, mature_after: 1h}
  attributes: {topic: a, fields: {id: who, time: said}}
inputs: {x: {type: numeric}}
protected: {sex: {from: attributes, privileged: male}}
decision: {threshold: 0.5}
promises: [{metric: equal_opportunity_difference, max: 0.1, over: 2d, by: [sex], then: page}]
watch: {reference: {from: 2024-01-01, to: 2024-01-08}}
`
	rng := rand.New(rand.NewPCG(3, 4))
	var events, said strings.Builder
	events.WriteString("id,ts,score,x,y\n")
	said.WriteString("who,said,sex\n")
	want := map[string]fairness.Counts{}
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	const n, days = 2000, 10
	for i := range n {
		at := start.Add(time.Duration(i) * days * 24 * time.Hour / n)
		sex, y, score := []string{"female", "male", ""}[rng.IntN(3)], rng.IntN(2), rng.Float64()
		fmt.Fprintf(&events, "c%d,%s,%g,1,%d\n", i, at.Format(time.RFC3339), score, y)
		if i%5 == 0 { // what is said first doesn't count
			fmt.Fprintf(&said, "c%d,%s,male\n", i, at.Add(-time.Minute).Format(time.RFC3339))
		}
		if sex != "" || i%5 == 0 {
			fmt.Fprintf(&said, "c%d,%s,%s\n", i, at.Format(time.RFC3339), sex)
		}
		if at.Before(start.AddDate(0, 0, days-2)) {
			c := want[sex]
			switch decided := score >= 0.5; {
			case decided && y == 1:
				c.TP++
			case decided:
				c.FP++
			case y == 1:
				c.FN++
			default:
				c.TN++
			}
			want[sex] = c
		}
	}
	texts := map[string]string{"events.csv": events.String(), "who.csv": said.String()}
	files := check.Files{
		Predictions: "events.csv", Outcomes: "events.csv", Attributes: "who.csv", Delay: 10 * time.Minute,
		Open: func(name string) (file.Reader, error) {
			return file.New(strings.NewReader(texts[name]), file.Auto, name)
		},
	}
	c, err := contract.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	draft, err := plan.Draft(c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := baseline.Build(draft, check.Source(files, draft))
	if err != nil {
		t.Fatal(err)
	}
	counted := func(files check.Files) (map[string]fairness.Counts, *Report) {
		t.Helper()
		tally := fairness.NewTally(p)
		report, err := Run(files, plan.History{p}, nil, func(n Ended) error {
			if n.Cohort == nil || n.Cohort.Start >= plan.Micros(start.AddDate(0, 0, days-2)) {
				return nil
			}
			return tally.Cohort(n.Cohort, false)
		})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]fairness.Counts{}
		for _, g := range tally.By([]int{0}) {
			counts := g.Counts
			got[p.Slices[0].Label(g.Codes[0])] = fairness.Counts{TP: counts.TP, FP: counts.FP, FN: counts.FN, TN: counts.TN}
		}
		return got, report
	}
	got, report := counted(files)
	for _, sex := range []string{"female", "male"} {
		if got[sex] != want[sex] || want[sex].TP == 0 {
			t.Errorf("%s: %+v, want %+v", sex, got[sex], want[sex])
		}
	}
	if len(report.Readings) != 3 || report.Readings[1].Stream != "attribute" || report.Readings[1].Read == 0 {
		t.Errorf("%+v", report.Readings)
	}
	files.Attributes = ""
	if got, _ := counted(files); got["female"] != (fairness.Counts{}) {
		t.Errorf("without a file of attributes: %+v", got)
	}
}
