package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// The limits that docs/benchmarks.md explains.
const (
	cpuLimit      = 1.25
	fragmentLimit = 0.10
	twoLimit      = 1.10
)

// bench is one broker with load on it.
type bench struct {
	*broker
	o     options
	bytes int64 // of the values of the load
	group int   // groups used so far
}

func measureIngest(ctx context.Context, b *broker, o options) error {
	m := &bench{broker: b, o: o}
	ok := true
	for _, part := range []struct {
		name    string
		measure func(context.Context) (bool, error)
	}{{"cpu", m.epochs}, {"two", m.two}, {"memory", m.memory}} {
		if o.only != "" && o.only != part.name {
			continue
		}
		good, err := part.measure(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		ok = ok && good
	}
	if !ok {
		return errMissed
	}
	return nil
}

func (m *bench) job(verb string, epochBytes int64) job {
	m.group++
	return job{Verb: verb, Brokers: m.brokers(), Group: fmt.Sprintf("bench-%d-%d", time.Now().UnixMilli(), m.group), EpochBytes: int(epochBytes), Workers: m.o.workers}
}

func (b *broker) brokers() []string { return b.settings.Brokers }

// epochs measures whole epochs against poll, decode and count, and the bytes of fragments.
func (m *bench) epochs(ctx context.Context) (ok bool, err error) {
	idle, err := m.idle(ctx)
	if err != nil {
		return false, err
	}
	if m.bytes, err = m.load(ctx, 7, 0, m.o.events, m.o.events, 0); err != nil {
		return false, err
	}
	fmt.Printf("%d predictions and their outcomes, %.1f MB, %s, %.0f bytes per prediction; start of the ingestor: %s CPU\n",
		m.o.events, float64(m.bytes)/1e6, m.o.codec, float64(m.bytes)/float64(m.o.events), idle.Round(time.Millisecond))
	ok = true
	for _, size := range m.o.epochs {
		epochBytes := size * m.bytes / m.o.events
		var ratios, wholes, bares []float64
		var out written
		for range m.o.runs {
			before, err := m.admin.ListEndOffsets(ctx, bus.TopicFragments, bus.TopicJoins)
			if err != nil {
				return false, err
			}
			bare, whole, err := m.turns(ctx, m.job("bare", epochBytes), m.job("whole", epochBytes))
			if err != nil {
				return false, err
			}
			out = written{}
			for _, topic := range []string{bus.TopicFragments, bus.TopicJoins} {
				if err := m.read(ctx, topic, before, out.add); err != nil {
					return false, err
				}
			}
			ratios = append(ratios, float64(whole.CPU-idle)/float64(bare.CPU))
			wholes = append(wholes, float64(whole.CPU-idle)/float64(m.o.events)/1e3)
			bares = append(bares, float64(bare.CPU)/float64(m.o.events)/1e3)
		}
		name := func(s string) string { return fmt.Sprintf("%s@%d", s, size) }
		ok = report(name("ingest_vs_count"), ratios, cpuLimit) && ok
		report(name("  us per prediction, ingest"), wholes, 0)
		report(name("  us per prediction, count"), bares, 0)
		ok = report(name("fragments_vs_input"), []float64{float64(out.fragments) / float64(m.bytes)}, fragmentLimit) && ok
		report(name("  joins_vs_input"), []float64{float64(out.joins) / float64(m.bytes)}, 0)
		fmt.Printf("%-36s %d epochs of %d predictions, %d cells and %d summaries in each, %d bytes per cell, %d per summary\n", name("  fragments"),
			out.epochs, m.o.events/max(1, out.epochs), out.cells/max(1, out.epochs), out.summaries/max(1, out.epochs), out.cellBytes/max(1, out.cells), out.summaryBytes/max(1, out.summaries))
	}
	if m.o.profile != "" {
		err = m.profiles(ctx, m.o.epochs[0]*m.bytes/m.o.events)
	}
	return ok, err
}

// profiles writes a profile of the ingestor, and beside it one of what it is held against.
func (m *bench) profiles(ctx context.Context, epochBytes int64) error {
	for verb, path := range map[string]string{"whole": m.o.profile, "bare": m.o.profile + ".bare"} {
		j := m.job(verb, epochBytes)
		j.Profile = path
		if _, err := m.drain(ctx, j); err != nil {
			return err
		}
	}
	return nil
}

// written is what an ingestor wrote.
type written struct {
	fragments, joins         int64 // bytes
	epochs, cells, summaries int64
	cellBytes, summaryBytes  int64
}

func (w *written) add(r *kgo.Record) error {
	if r.Topic == bus.TopicJoins {
		w.joins += int64(len(r.Value))
		return nil
	}
	w.fragments += int64(len(r.Value))
	f, err := record.ReadFragment(r.Value)
	if err != nil {
		return err
	}
	for i := range f.Cells {
		if c := &f.Cells[i]; c.Kind == record.Described {
			w.summaries++
			w.summaryBytes += int64(len(c.Body))
		} else if c.Kind == record.Counted {
			w.cells++
			w.cellBytes += int64(len(c.Body))
		}
	}
	if len(f.Cells) > 0 && len(f.Coverage) > 0 {
		w.epochs++ // the last chunk of one, of the only model
	}
	return nil
}

// drain runs a job until all that was published has been read.
func (m *bench) drain(ctx context.Context, j job) (used, error) {
	p, err := start(ctx, j)
	if err != nil {
		return used{}, err
	}
	if j.Verb == "whole" {
		err = m.until(ctx, func() (bool, error) {
			left, err := m.left(ctx, j.Group)
			return left == 0, err
		})
		err = errors.Join(err, p.stop())
	}
	u, failed := p.wait()
	return u, errors.Join(err, failed)
}

// idle is what an ingestor uses that finds nothing to do: its start.
func (m *bench) idle(ctx context.Context) (time.Duration, error) {
	var values []float64
	for range 3 {
		j := m.job("whole", 1<<20)
		p, err := start(ctx, j)
		if err != nil {
			return 0, err
		}
		err = errors.Join(m.members(ctx, j.Group, 1), p.stop())
		u, failed := p.wait()
		if err := errors.Join(err, failed); err != nil {
			return 0, err
		}
		values = append(values, float64(u.CPU))
	}
	mid, _ := median(values)
	return time.Duration(mid), nil
}

// twoRate is the load that one and two ingestors share, predictions per second: a third of what one core takes. At full
// speed two of them, the broker and the writer would be four on this machine's cores, and what they take from each other would
// be measured.
const twoRate = 80_000

// two measures the same steady load with one and with two ingestors at the default epoch, from the moment the group is complete.
func (m *bench) two(ctx context.Context) (ok bool, err error) {
	var ratios []float64
	for run := range m.o.runs {
		var cost [3]time.Duration
		for _, n := range []int{1 + run%2, 2 - run%2} {
			if cost[n], err = m.together(ctx, n); err != nil {
				return false, err
			}
		}
		ratios = append(ratios, float64(cost[2])/float64(cost[1]))
	}
	return report("two_vs_one", ratios, twoLimit), nil
}

func (m *bench) together(ctx context.Context, n int) (sum time.Duration, err error) {
	if err := m.renew(ctx); err != nil {
		return 0, err
	}
	j := m.job("whole", 64<<20)
	j.EpochMax = 2 * time.Second
	var group []*process
	for i := range n {
		j.Instance = fmt.Sprint("i", i)
		p, err := start(ctx, j)
		if err != nil {
			return 0, err
		}
		group = append(group, p)
	}
	err = m.members(ctx, j.Group, n)
	for _, p := range group {
		err = errors.Join(err, p.measure())
	}
	if err == nil {
		_, err = m.load(ctx, 9, 0, m.o.events, m.o.events, twoRate)
	}
	if err == nil {
		err = m.until(ctx, func() (bool, error) {
			left, err := m.left(ctx, j.Group)
			return left == 0, err
		})
	}
	for _, p := range group {
		err = errors.Join(err, p.stop())
	}
	for _, p := range group {
		u, failed := p.wait()
		err = errors.Join(err, failed)
		sum += u.CPU
	}
	return sum, err
}
