package collect_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// groupedPlan is the tests' plan with sex from a stream of its own.
func groupedPlan(tb tester) *plan.Plan {
	tb.Helper()
	p := testPlan(tb)
	p.Prediction.Fields = append(p.Prediction.Fields, plan.Field{Name: "sex", Path: []string{"sex"}, Kind: plan.String, From: plan.FromAttributes})
	p.Slices = append(p.Slices, plan.Dimension{Name: "sex", Field: len(p.Prediction.Fields) - 1, Values: []string{"female", "male"}})
	p.Fairness = &plan.Fairness{Attributes: []plan.Attribute{{Dim: 1, Against: plan.Rest}}}
	field := func(name string, k plan.Kind) plan.Field {
		return plan.Field{Name: name, Path: []string{name}, Kind: k}
	}
	p.Attributes = &plan.Attributes{Projection: plan.Projection{
		Topic:  "a",
		Fields: []plan.Field{field("who", plan.String), field("said", plan.Time), field("sex", plan.String)},
		Roles:  plan.Roles{ID: 0, Time: 1, Label: -1, Score: -1, Version: -1, Decision: -1, Latency: -1, Lineage: -1},
	}, Joined: []plan.Joined{{Dim: 1, Field: 2}}}
	if err := p.Seal(); err != nil {
		tb.Fatal(err)
	}
	return p
}

// Of a record of attributes the join gets the groups' codes and the hash of the id: neither the values nor the id lie in its bytes.
func TestAttributesBecomeCodes(t *testing.T) {
	p := groupedPlan(t)
	c := newCollector(t, p)
	b := plan.NewBatch(&p.Attributes.Projection, 5)
	for i, sex := range []string{"male", "female", "other-secret", "", "male"} {
		row := b.Grow(int64(10 + i))
		b.SetString(0, row, fmt.Sprint("customer-", i))
		b.SetTime(1, row, int64(i))
		if sex != "" {
			b.SetString(2, row, sex)
		}
	}
	c.Attributes(collect.Source{Topic: "a", Partition: 3}, b)
	cells, rows := c.Take()
	var want []outcome.Row
	for i, code := range []string{"\x00\x01", "\x00\x00", "\x00\x02", "\xff\xff", "\x00\x01"} {
		want = append(want, outcome.Row{ID: outcome.HashID("m", fmt.Sprint("customer-", i)), Model: "m", Groups: &outcome.Groups{
			Place: outcome.Place{Time: int64(i), Partition: 3, Offset: int64(10 + i)}, Plan: p.Digest(), Codes: code,
		}})
	}
	if d := cmp.Diff(want, rows); d != "" || len(cells) != 0 {
		t.Errorf("%d cells; %s", len(cells), d)
	}
	w := record.NewRows(1)
	direct, err := collect.New(p, w)
	if err != nil {
		t.Fatal(err)
	}
	direct.Attributes(collect.Source{Topic: "a", Partition: 3}, b)
	for _, value := range record.TakeRows([]*record.Rows{w}, 0, nil) {
		for _, secret := range []string{"male", "secret", "customer"} {
			if bytes.Contains(value, []byte(secret)) {
				t.Errorf("%q lies on the joins topic", secret)
			}
		}
	}
}

// What decisions are counted in knows no groups; outcomes are counted in them once they are known, whichever comes first.
func TestGroupsAreOfOutcomesOnly(t *testing.T) {
	p := groupedPlan(t)
	p.Keep = 100 * time.Hour
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	c := newCollector(t, p)
	c.Predictions(collect.Source{Topic: "p"}, fill(p, []row{{0, 1, 0, 0.9, "a", "v1"}}))
	said := func(sex string, at, offset int64) {
		b := plan.NewBatch(&p.Attributes.Projection, 1)
		row := b.Grow(offset)
		b.SetString(0, row, "0/1")
		b.SetTime(1, row, at)
		b.SetString(2, row, sex)
		c.Attributes(collect.Source{Topic: "a"}, b)
	}
	said("male", -hour, 1)
	said("female", 3*hour, 2) // later than evidence waits for
	b := plan.NewBatch(p.Outcome, 1)
	at := b.Grow(1)
	b.SetString(0, at, "0/1")
	b.SetTime(1, at, hour)
	b.SetString(2, at, "1")
	c.Outcomes(collect.Source{Topic: "o"}, b)
	cells, rows := c.Take()
	for _, cell := range cells {
		if cell.Kind == record.Counted && cell.Slice != "\x00\x00\xff\xff" {
			t.Errorf("decisions are counted in %q", cell.Slice)
		}
	}
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}} {
		effects, s := outcome.NewEffects(func(string) *plan.Plan { return p }), &outcome.State{}
		for _, i := range order {
			effects.Change(s, &rows[i])
		}
		got := map[bool][]string{}
		keys, counts := effects.Take()
		for i, k := range keys {
			if counts[i].Labels() != 0 {
				got[k.OnTime] = append(got[k.OnTime], k.Slice)
			}
		}
		want := map[bool][]string{true: {"\x00\x00\x00\x01"}, false: {"\x00\x00\x00\x00"}}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%v: %s", order, d)
		}
	}
}
