package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
)

const (
	spreadTopic  = "spread.predictions"
	spreadEvents = 20 // of each model, all in one pane
	spreadGroup  = "plumbline-detect"
)

// spreadStart is where the one pane begins that each model has.
var spreadStart = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// spread runs detectors as processes on a real Kafka, gives each of 1,000 models one small pane, and counts what each detector
// judged. The benchmark plays the ingestor: a fragment per model, then coverage in every partition.
func spread(ctx context.Context, g *ground, processes int) (err error) {
	if err := g.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	i, err := g.bare("spread")
	if err != nil {
		return err
	}
	if _, err := i.plumbline(ctx, "topics", "create"); err != nil {
		return err
	}
	layout := bus.DefaultLayout()
	plans, err := spreadPlans()
	if err != nil {
		return err
	}
	say("publishing %d plans", len(plans))
	for _, p := range plans {
		if err := bus.PublishPlan(ctx, g.cl, p); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, i.stop()) }()
	for n := range processes {
		if err := i.launch("detector", fmt.Sprintf("detector-%d", n), fmt.Sprint("PLUMBLINE_GROUP_INSTANCE=", n)); err != nil {
			return err
		}
	}
	say("waiting for %d detectors", processes)
	if err := i.until(ctx, 5*time.Minute, "every detector has its partitions", func() (bool, error) { return i.dealt(ctx, processes, layout.Fragments) }); err != nil {
		return err
	}
	if err := g.spreadFragments(ctx, plans, layout); err != nil {
		return err
	}
	if err := i.until(ctx, 5*time.Minute, "everything is folded", func() (bool, error) { return bus.CaughtUp(ctx, i.adm, spreadGroup, bus.TopicFragments) }); err != nil {
		return err
	}
	return i.reportSpread(ctx, len(plans), layout)
}

// spreadPlans are plans as cheap as they get: an id, a time and one number.
func spreadPlans() ([]*plan.Plan, error) {
	roles := plan.NoRoles()
	roles.ID, roles.Time = 0, 1
	out := make([]*plan.Plan, models)
	for i := range out {
		out[i] = &plan.Plan{
			Format: plan.Format, Model: names[0](i), Pane: time.Hour, TestPane: time.Hour, TruthPane: time.Hour,
			Prediction: plan.Projection{Topic: spreadTopic, Roles: roles, Fields: []plan.Field{
				{Name: "id", Path: []string{"id"}, Kind: plan.String},
				{Name: "ts", Path: []string{"ts"}, Kind: plan.Time},
				{Name: "x", Path: []string{"x"}, Kind: plan.Number},
			}},
			Columns: []plan.Column{{
				Name: "x", Field: 2, Layout: plan.Layout{Edges: []float64{0.25, 0.5, 0.75}, Lo: 0, Hi: 1}, Reference: plan.Reference{Bins: []int64{1, 1, 1, 1}},
			}},
		}
		if err := out[i].Seal(); err != nil {
			return nil, err
		}
		body, err := out[i].JSON()
		if err != nil {
			return nil, err
		}
		if _, err := plan.Read(body); err != nil {
			return nil, fmt.Errorf("the detectors could not use the plans: %w", err)
		}
	}
	return out, nil
}

// dealt reports whether the group is at rest with so many members, that own all partitions between them.
func (i *installation) dealt(ctx context.Context, members, partitions int) (bool, error) {
	groups, err := i.adm.DescribeGroups(ctx, spreadGroup)
	if err != nil {
		return false, err
	}
	group := groups[spreadGroup]
	owned := 0
	for _, topics := range group.AssignedPartitions() {
		owned += len(topics)
	}
	return group.State == "Stable" && len(group.Members) == members && owned == partitions, group.Err
}

// spreadFragments writes what an ingestor would: the cells of every model, then how far the topic was read.
func (g *ground) spreadFragments(ctx context.Context, plans []*plan.Plan, layout bus.Layout) error {
	say("writing a pane of %d events for each model", spreadEvents)
	var records []*kgo.Record
	put := func(partition int32, f *record.Fragment) {
		records = append(records, &kgo.Record{Topic: bus.TopicFragments, Partition: partition, Value: f.AppendBinary(nil)})
	}
	for n, p := range plans {
		c, err := collect.New(p, collect.NewJoiner(func(string) *plan.Plan { return p }))
		if err != nil {
			return err
		}
		b := plan.NewBatch(&p.Prediction, spreadEvents)
		for e := range spreadEvents {
			row := b.Grow(int64(n*spreadEvents + e))
			b.SetString(0, row, strconv.Itoa(e))
			b.SetTime(1, row, plan.Micros(spreadStart.Add(time.Duration(e)*time.Minute)))
			b.SetNumber(2, row, float64(e)/spreadEvents)
		}
		c.Predictions(collect.Source{Topic: spreadTopic}, b)
		cells := c.Take()
		put(bus.PartitionOf(p.Model, layout.Fragments), &record.Fragment{Joins: int32(layout.Joins), Cells: cells})
	}
	all := int64(len(plans) * spreadEvents)
	for partition := range int32(layout.Fragments) {
		put(partition, &record.Fragment{Joins: int32(layout.Joins), Coverage: []record.Coverage{{
			Source: record.Source{Topic: spreadTopic, TopicID: [16]byte{1}, Partitions: 1}, To: all, Records: all,
			Watermark: plan.Micros(spreadStart.Add(3 * time.Hour)),
		}}})
	}
	return g.cl.ProduceSync(ctx, records...).FirstErr()
}

// reportSpread asks each detector what it judged and folded.
func (i *installation) reportSpread(ctx context.Context, want int, layout bus.Layout) error {
	const judged, folded = "plumbline_detect_judged_until_seconds{", "plumbline_runner_records_folded_total{"
	var perModel, perFragment []float64
	total := 0.0
	fmt.Printf("%d models of one pane each over %d detectors and %d fragments partitions\n", want, len(i.services), layout.Fragments)
	for _, s := range i.services {
		text, err := s.get(ctx, "/metrics")
		if err != nil {
			return err
		}
		count, fragments := 0, 0.0
		for line := range strings.Lines(text) {
			switch {
			case strings.HasPrefix(line, judged):
				count++
			case strings.HasPrefix(line, folded) && strings.Contains(line, `"detect"`):
				_, value, _ := strings.Cut(line, "} ")
				if fragments, err = strconv.ParseFloat(strings.TrimSpace(value), 64); err != nil {
					return fmt.Errorf("read %q: %w", line, err)
				}
			}
		}
		fmt.Printf("  %-12s %4d models judged %5.0f fragments folded\n", s.name, count, fragments)
		perModel, perFragment = append(perModel, float64(count)), append(perFragment, fragments)
		total += float64(count)
	}
	if int(total) != want {
		return fmt.Errorf("the detectors judged %g models together, want %d", total, want)
	}
	ratio := func(values []float64) []float64 {
		sum := 0.0
		for _, v := range values {
			sum += v
		}
		return []float64{slices.Max(values) * float64(len(values)) / sum}
	}
	ok := report("busiest_vs_mean, models", ratio(perModel), balanceLimit)
	if ok = report("busiest_vs_mean, fragments", ratio(perFragment), balanceLimit) && ok; !ok {
		return errMissed
	}
	return nil
}
