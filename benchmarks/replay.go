package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
)

const (
	replaySpan  = 120*24*time.Hour - 90*time.Minute // ends far from any pane's end: where exactly partitions stop doesn't matter
	replayLimit = time.Hour                         // how long draining may take
)

// told is one finding as it lies on the topic.
type told struct {
	id      string
	verdict finding.Verdict
	whole   []byte
	bare    []byte // without offsets
}

// outcomeOf is what one installation made of the stream.
type outcomeOf struct {
	name     string
	findings []told
	peak     map[string]int64 // resident bytes by process
	redis    int64            // bytes in use at the end
	keys     int64            // of Redis, at the end
	reached  map[string]time.Duration
}

// replay publishes a stream while an installation reads it, then lets a second one begin from nothing over the same topics.
func replay(ctx context.Context, args []string) (err error) {
	g, flags := groundFlags("replay")
	events := flags.Int64("events", 1_000_000, "predictions, over 120 days of event time; three in ten get an outcome")
	rate := flags.Float64("rate", 0, "predictions per second of the live run; 0: as fast as they can be made")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *events < 50_000 {
		return fmt.Errorf("--events %d: want at least 50000, or there is too little in a pane to judge", *events)
	}
	f := &flow{
		step: replaySpan / time.Duration(*events), pane: time.Hour, lateness: 5 * time.Minute, reference: 28 * 24 * time.Hour, joined: 0.3,
		delay: 30 * time.Minute, keep: 48 * time.Hour, mature: time.Hour, jitter: 2 * time.Minute, schemas: map[string]int{},
	}
	f.ail, f.truth = ills(f)
	if err := g.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	if err := g.sources(ctx, f); err != nil {
		return err
	}
	// The outcomes of the reference's last day must be there when it is learnt, as they are the second time.
	learnt := f.upTo(f.reference + 24*time.Hour)
	say("publishing the reference and a day, %d events", learnt)
	if err := f.send(ctx, g.cl, 0, learnt, 0, nil); err != nil {
		return err
	}
	live, err := g.live(ctx, f, learnt, *events, *rate)
	if err != nil {
		return err
	}
	if err := g.wipe(ctx); err != nil {
		return err
	}
	again, err := g.run(ctx, f, "again", func(context.Context) error { return nil })
	if err != nil {
		return err
	}
	live.print(os.Stdout)
	again.print(os.Stdout)
	all, err := g.count(ctx)
	if err != nil {
		return err
	}
	took := again.reached["detector"]
	fmt.Fprintf(os.Stdout, "replay: %d predictions and %d outcomes in %.1f s until the last finding: %.0f predictions per second, %.0f events per second\n",
		*events, all-*events, took.Seconds(), float64(*events)/took.Seconds(), float64(all)/took.Seconds())
	return compare(os.Stdout, live, again)
}

// live publishes the rest of the stream while an installation runs.
func (g *ground) live(ctx context.Context, f *flow, from, to int64, rate float64) (*outcomeOf, error) {
	return g.run(ctx, f, "live", func(ctx context.Context) error {
		say("publishing %d events", to-from)
		return f.send(ctx, g.cl, from, to, rate, nil)
	})
}

// run lets an installation read the source topics to their end, while something else is done, and collects what it found.
func (g *ground) run(ctx context.Context, f *flow, name string, meanwhile func(context.Context) error) (_ *outcomeOf, err error) {
	i, err := g.install(ctx, name, f.contract())
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := i.start(); err != nil {
		return nil, errors.Join(err, i.stop())
	}
	defer func() { err = errors.Join(err, i.stop()) }()
	if err := meanwhile(ctx); err != nil {
		return nil, err
	}
	say("%s: draining", name)
	at, err := i.drained(ctx, replayLimit)
	if err != nil {
		return nil, err
	}
	out := &outcomeOf{name: name, peak: map[string]int64{}, reached: map[string]time.Duration{}}
	for stage, t := range at {
		out.reached[stage] = t.Sub(began)
	}
	for _, s := range i.services {
		if _, out.peak[s.name], err = s.resident(); err != nil {
			return nil, err
		}
	}
	if out.redis, err = g.held(ctx); err != nil {
		return nil, err
	}
	if out.keys, err = g.cache.DBSize(ctx).Result(); err != nil {
		return nil, err
	}
	out.findings, err = g.findings(ctx)
	return out, err
}

// findings reads all findings there are, sorted by id.
func (g *ground) findings(ctx context.Context) ([]told, error) {
	ends, err := g.adm.ListCommittedOffsets(ctx, bus.TopicFindings)
	if err != nil {
		return nil, err
	}
	starts, err := g.adm.ListStartOffsets(ctx, bus.TopicFindings)
	if err != nil {
		return nil, err
	}
	var out []told
	for p, end := range ends[bus.TopicFindings] {
		begin, _ := starts.Lookup(bus.TopicFindings, p)
		if begin.Offset >= end.Offset {
			continue
		}
		err := g.visitTo(ctx, bus.TopicFindings, p, end.Offset, func(rec *kgo.Record) error {
			t, err := readTold(rec.Value)
			out = append(out, t)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b told) int { return cmp.Or(cmp.Compare(a.id, b.id), bytes.Compare(a.bare, b.bare)) })
	return out, nil
}

// visitTo reads a partition up to an offset, transaction markers included.
func (g *ground) visitTo(ctx context.Context, topic string, partition int32, end int64, seen func(*kgo.Record) error) error {
	cl, err := bus.Settings{Brokers: []string{g.broker}}.NewClient(nil, nil, kgo.KeepControlRecords(), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}))
	if err != nil {
		return err
	}
	defer cl.Close()
	for at := int64(0); at < end; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read %s: %w", topic, err)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			rec := it.Next()
			at = rec.Offset + 1
			if !rec.Attrs.IsControl() {
				if err := seen(rec); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// readTold takes a finding as it is on the topic and removes its offsets; every other byte stays as it is.
func readTold(value []byte) (told, error) {
	f, err := finding.ReadEvent(value)
	if err != nil {
		return told{}, err
	}
	var envelope, data map[string]json.RawMessage
	if err := json.Unmarshal(value, &envelope); err != nil {
		return told{}, err
	}
	if err := json.Unmarshal(envelope["data"], &data); err != nil {
		return told{}, err
	}
	delete(data, "offsets")
	if envelope["data"], err = json.Marshal(data); err != nil {
		return told{}, err
	}
	bare, err := json.Marshal(envelope)
	return told{id: f.ID, verdict: f.Verdict, whole: value, bare: bare}, err
}

// count is how many records the source topics hold.
func (g *ground) count(ctx context.Context) (n int64, err error) {
	ends, err := g.adm.ListEndOffsets(ctx, flowPredictions, flowOutcomes)
	for _, topic := range ends {
		for _, end := range topic {
			n += end.Offset
		}
	}
	return n, errors.Join(err, ends.Error())
}

func (o *outcomeOf) print(w io.Writer) {
	verdicts := map[finding.Verdict]int{}
	for _, t := range o.findings {
		verdicts[t.verdict]++
	}
	var kinds []string
	for v, n := range verdicts {
		kinds = append(kinds, fmt.Sprintf("%d %s", n, v))
	}
	slices.Sort(kinds)
	fmt.Fprintf(w, "%-6s %d findings (%s)\n", o.name, len(o.findings), strings.Join(kinds, ", "))
	for _, s := range append(stageNames(), "alerter") {
		fmt.Fprintf(w, "       %-9s caught up after %7.1f s", s, o.reached[s].Seconds())
		if peak := o.peak[s]; peak > 0 {
			fmt.Fprintf(w, "   peak resident %6.0f MiB", float64(peak)/(1<<20))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "       redis holds %d keys in %.0f MiB\n", o.keys, float64(o.redis)/(1<<20))
}

func stageNames() []string {
	var out []string
	for _, s := range stages {
		out = append(out, s.name)
	}
	return out
}

// compare says whether both found the same.
func compare(w io.Writer, live, again *outcomeOf) error {
	same := slices.EqualFunc(live.findings, again.findings, func(a, b told) bool { return bytes.Equal(a.bare, b.bare) })
	exact := same && slices.EqualFunc(live.findings, again.findings, func(a, b told) bool { return bytes.Equal(a.whole, b.whole) })
	twice := len(live.findings) - len(slices.CompactFunc(slices.Clone(live.findings), func(a, b told) bool { return a.id == b.id }))
	fmt.Fprintf(w, "findings the same byte for byte, offsets aside: %t; with offsets: %t; told twice: %d\n", same, exact, twice)
	if !same || len(live.findings) == 0 || twice > 0 {
		differ(w, live, again)
		differ(w, again, live)
		return errMissed
	}
	return nil
}

// differ prints some of what one has and the other has not.
func differ(w io.Writer, a, b *outcomeOf) {
	known := map[string]bool{}
	for _, t := range b.findings {
		known[string(t.bare)] = true
	}
	shown := 0
	for _, t := range a.findings {
		if !known[string(t.bare)] {
			if shown++; shown <= 3 {
				fmt.Fprintf(w, "only %s: %s\n", a.name, t.whole)
			}
		}
	}
	if shown > 3 {
		fmt.Fprintf(w, "only %s: %d in all\n", a.name, shown)
	}
}

// ills is what goes wrong in the stream after the reference, by day.
func ills(f *flow) (ail func(int64, *row), truth func(int64) bool) {
	day := func(n int64) int { return int(f.at(n).Sub(flowStart) / (24 * time.Hour)) }
	between := func(d, from, to int) bool { return d >= from && d < to }
	ail = func(n int64, e *row) {
		d := day(n)
		switch {
		case between(d, 33, 40):
			e.x[0] += 0.6
		case between(d, 44, 47):
			e.k[1] = 3
		case between(d, 50, 55):
			e.missing = n%8 == 0
		case between(d, 58, 63):
			if n%10 == 0 {
				e.c1 = "shop-new"
			}
		case between(d, 66, 72):
			e.x[3] *= 20
		case between(d, 75, 76):
			e.missing = true
		case d >= 78 && d%7 == 1:
			e.k[2] = float64(n % 3)
		case d >= 110:
			e.score = math.Sqrt(e.score)
		}
	}
	return ail, func(n int64) bool { return between(day(n), 80, 101) }
}
