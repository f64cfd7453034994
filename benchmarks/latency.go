package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/window"
)

const (
	latencyLimit = 3.0 // seconds from the watermark's passing to the finding, p99
	warmUp       = 10  // panes that are not counted: Java compiles, caches fill
)

// passed is what became of one pane, by wall clock.
type passed struct {
	acked    [flowPartitions]time.Time // the event that let the partition's watermark pass
	fragment time.Time                 // the fragments that say so can be read
	written  time.Time                 // timestamp of the finding's record
	seen     time.Time                 // the finding can be read, read_committed
}

// from is when the last partition's watermark passed.
func (p *passed) from() time.Time { return slices.MaxFunc(p.acked[:], time.Time.Compare) }

// latency measures how long after the end of a pane its finding is on the topic. One constant column moves in every pane, another
// one each time; it recovers in the three panes after, so each pane opens exactly one fault.
func latency(ctx context.Context, args []string) (err error) {
	g, flags := groundFlags("latency")
	panes := flags.Int("panes", 200, "panes to measure")
	rate := flags.Float64("rate", 2000, "predictions per second")
	every := flags.Duration("pane-every", 2700*time.Millisecond, "wall time of one pane; no multiple of the epoch, so that panes end anywhere in it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	f := &flow{
		pane: time.Minute, lateness: time.Second, reference: 40 * time.Minute, joined: 0.3, delay: 20 * time.Second, keep: 10 * time.Minute,
		mature: time.Minute, schemas: map[string]int{},
	}
	f.step = time.Duration(float64(f.pane) / (*rate * every.Seconds()))
	first := f.upTo(f.reference) // event of the first judged pane
	f.ail = func(n int64, e *row) {
		if n >= first && n%10 == 0 {
			e.k[int64(f.at(n).Sub(flowStart)/f.pane)%flowConstants] = 2
		}
	}
	if err := g.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	if err := g.sources(ctx, f); err != nil {
		return err
	}
	say("publishing the reference, %d events", first)
	if err := f.send(ctx, g.cl, 0, first, 0, nil); err != nil {
		return err
	}
	i, err := g.install(ctx, "latency", f.contract())
	if err != nil {
		return err
	}
	if err := i.start(); err != nil {
		return errors.Join(err, i.stop())
	}
	defer func() { err = errors.Join(err, i.stop()) }()
	if _, err := i.drained(ctx, 5*time.Minute); err != nil {
		return err
	}
	w := &watch{flow: f, first: first, panes: make([]passed, warmUp+*panes)}
	if err := w.run(ctx, i, *rate); err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "latency: %d panes of %s each, %.0f predictions per second on %d partitions, ingest.epoch 2s (the default)\n", *panes, *every, *rate, flowPartitions)
	return w.report(os.Stdout)
}

// watch follows the panes of one run.
type watch struct {
	flow  *flow
	first int64

	mu    sync.Mutex
	panes []passed
	twice int
}

// pane is the number of a pane that begins at a time.
func (w *watch) pane(start time.Time) int {
	return int(start.Sub(flowStart.Add(w.flow.reference)) / w.flow.pane)
}

// note writes down when something happened to a pane. The first time counts.
func (w *watch) note(n int, what func(*passed) *time.Time, at time.Time) (first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n < 0 || n >= len(w.panes) {
		return true
	}
	t := what(&w.panes[n])
	if !t.IsZero() {
		return false
	}
	*t = at
	return true
}

// ended is how many panes end, lateness included, at or before event n.
func (w *watch) ended(n int64) int {
	since := w.flow.at(n).Add(-w.flow.lateness).Sub(flowStart.Add(w.flow.reference))
	if since < 0 {
		return 0
	}
	return int(since / w.flow.pane)
}

// acked notes the event that lets its partition's watermark pass the end of a pane: the first of its partition.
func (w *watch) acked(n int64, at time.Time) {
	for p := w.ended(n - flowPartitions); p < w.ended(n); p++ {
		w.note(p, func(p *passed) *time.Time { return &p.acked[n%flowPartitions] }, at)
	}
}

func (w *watch) run(ctx context.Context, i *installation, rate float64) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	var readers sync.WaitGroup
	var errs [2]error
	readers.Go(func() { errs[0] = w.fragments(reading, i) })
	readers.Go(func() { errs[1] = w.findings(reading, i) })
	last := w.first + w.flow.upTo(time.Duration(len(w.panes))*w.flow.pane+2*w.flow.lateness)
	say("%d panes, until %s", len(w.panes), time.Now().Add(time.Duration(float64(last-w.first)/rate*float64(time.Second))).Format("15:04:05"))
	err := w.flow.send(ctx, i.cl, w.first, last, rate, w.acked)
	if err == nil {
		err = i.until(ctx, 30*time.Second, "every pane has its finding", func() (bool, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return !slices.ContainsFunc(w.panes, func(p passed) bool { return p.seen.IsZero() }), nil
		})
		if errors.Is(err, errNotYet) {
			err = nil // the report says which
		}
	}
	stop()
	readers.Wait()
	return errors.Join(err, errs[0], errs[1])
}

// fragments follows the clock as the detector does.
func (w *watch) fragments(ctx context.Context, i *installation) error {
	count, err := i.partitions(ctx, bus.TopicFragments)
	if err != nil {
		return err
	}
	clock, next := window.NewClock(), 0
	return i.visit(ctx, bus.TopicFragments, []int32{int32(bus.PartitionOf(flowModel, count))}, func(rec *kgo.Record) (bool, error) {
		at := time.Now()
		f, err := record.ReadFragment(rec.Value)
		if err != nil {
			return false, err
		}
		for j := range f.Coverage {
			clock.Cover(&f.Coverage[j])
		}
		low, ok := clock.Low(flowPredictions)
		if !ok {
			return true, nil
		}
		for ; !time.UnixMicro(low).Before(flowStart.Add(w.flow.reference + time.Duration(next+1)*w.flow.pane + w.flow.lateness)); next++ {
			w.note(next, func(p *passed) *time.Time { return &p.fragment }, at)
		}
		return true, nil
	})
}

func (w *watch) findings(ctx context.Context, i *installation) error {
	count, err := i.partitions(ctx, bus.TopicFindings)
	if err != nil {
		return err
	}
	all := make([]int32, count)
	for p := range all {
		all[p] = int32(p)
	}
	return i.visit(ctx, bus.TopicFindings, all, func(rec *kgo.Record) (bool, error) {
		at := time.Now()
		f, err := finding.ReadEvent(rec.Value)
		if err != nil {
			return false, err
		}
		if f.Verdict != finding.Fault || f.Channel != "constant" {
			return true, nil
		}
		n := w.pane(f.Window.Start)
		if !w.note(n, func(p *passed) *time.Time { return &p.seen }, at) {
			w.twice++
		}
		w.note(n, func(p *passed) *time.Time { return &p.written }, rec.Timestamp)
		return true, nil
	})
}

func (w *watch) report(to io.Writer) error {
	var fragment, written, seen []float64
	missing := 0
	for n := range w.panes[warmUp:] {
		p := &w.panes[warmUp+n]
		if p.seen.IsZero() || p.fragment.IsZero() {
			missing++
			continue
		}
		from := p.from()
		fragment = append(fragment, p.fragment.Sub(from).Seconds())
		written = append(written, p.written.Sub(from).Seconds())
		seen = append(seen, p.seen.Sub(from).Seconds())
	}
	fmt.Fprintf(to, "%-52s %6s %7s %7s %7s %7s\n", "seconds from the watermark's passing until", "n", "p50", "p90", "p99", "max")
	for _, line := range []struct {
		what   string
		values []float64
	}{{"the fragments that say so can be read", fragment}, {"the finding is written (its record's time)", written}, {"the finding can be read (read_committed)", seen}} {
		v := slices.Sorted(slices.Values(line.values))
		if len(v) == 0 {
			continue
		}
		fmt.Fprintf(to, "%-52s %6d %7.3f %7.3f %7.3f %7.3f\n", line.what, len(v), quantile(v, 0.5), quantile(v, 0.9), quantile(v, 0.99), v[len(v)-1])
	}
	if missing > 0 || w.twice > 0 {
		fmt.Fprintf(to, "panes without a finding: %d; findings told twice: %d\n", missing, w.twice)
		return errMissed
	}
	p99 := quantile(slices.Sorted(slices.Values(seen)), 0.99)
	if p99 > latencyLimit {
		fmt.Fprintf(to, "p99 %.3f s, at most %.1f s: MISSED\n", p99, latencyLimit)
		return errMissed
	}
	fmt.Fprintf(to, "p99 %.3f s, at most %.1f s: ok\n", p99, latencyLimit)
	return nil
}

// quantile is the smallest of the sorted values that a share q of them doesn't exceed.
func quantile(sorted []float64, q float64) float64 {
	n := int(math.Ceil(q*float64(len(sorted))-1e-9)) - 1 // 0.99 times 200 may come out a bit above 198
	return sorted[min(max(n, 0), len(sorted)-1)]
}
