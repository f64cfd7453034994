package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/avro"

	"github.com/plumbline-ml/plumbline/benchmarks/walk"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

// The limits of `benchmarks decode`, which docs/benchmarks.md explains.
const (
	walkLimit     = 1.6
	celLimit      = 2.0
	twmbAtLeast   = 6.0
	goavroAtLeast = 30.0
)

// Events lie side by side in memory, as those of a fetch do; rows is that of the ingestor's batches.
const (
	decodeEvents = 512
	decodeRows   = 128
)

// reader decodes all events once; scale is how many times a round of it runs.
type reader struct {
	name  string
	scale int
	read  func() error
	ns    []float64 // per event, one for each round
}

// measureDecode times the decoder, the walk and two libraries, turn by turn in this process.
func measureDecode(args []string) error {
	f := flag.NewFlagSet("decode", flag.ContinueOnError)
	rounds := f.Int("rounds", 9, "of which the median is printed; at least 5")
	turns := f.Int("turns", 20, "of each reader in a round")
	profile := f.String("profile", "", "file for a CPU profile of the decoder alone")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *rounds < 5 || *turns < 1 {
		return fmt.Errorf("--rounds %d, --turns %d: want at least 5 rounds of at least one turn", *rounds, *turns)
	}
	readers, size, err := decodeReaders()
	if err != nil {
		return err
	}
	if *profile != "" {
		return profiled(*profile, readers[1].read)
	}
	allocations, err := allocates(readers[1].read)
	if err != nil {
		return err
	}
	for range *rounds {
		took := make([]time.Duration, len(readers))
		for range *turns {
			for i, r := range readers {
				if err := r.read(); err != nil { // what ran before has left its own in the caches
					return fmt.Errorf("%s: %w", r.name, err)
				}
				start := cpu()
				for range r.scale {
					if err := r.read(); err != nil {
						return fmt.Errorf("%s: %w", r.name, err)
					}
				}
				took[i] += cpu() - start
			}
		}
		for i, r := range readers {
			r.ns = append(r.ns, float64(took[i].Nanoseconds())/float64(*turns*r.scale*decodeEvents))
		}
	}
	fmt.Printf("an event is %.0f bytes, of %d fields read; the decoder allocates %.2f times per event\n", size, len(walk.Projection().Fields), allocations)
	for _, r := range readers {
		mid, _ := median(r.ns)
		fmt.Printf("%-36s %7.0f ns per event\n", r.name, mid)
	}
	return judgeDecode(readers, allocations)
}

func judgeDecode(readers []*reader, allocations float64) error {
	const command = "go run ./benchmarks decode"
	hand, own, cel, twmb, goavro := readers[0], readers[1], readers[2], readers[3], readers[4]
	ok := allocations < 0.01
	var all []result
	keep := func(name string, of, against *reader, what string, within func(float64) bool, limit string) {
		ratios := make([]float64, len(of.ns))
		for i := range ratios {
			ratios[i] = of.ns[i] / against.ns[i]
		}
		mid, sorted := median(ratios)
		said := "ok"
		if !within(mid) {
			said, ok = "MISSED", false
		}
		fmt.Printf("%-20s %7.2f  %s: %s (%.2f to %.2f)\n", name, mid, limit, said, sorted[0], sorted[len(sorted)-1])
		all = append(all, result{Name: name, Ratio: mid, Against: what, N: len(ratios), Command: command})
	}
	most := func(limit float64) func(float64) bool { return func(v float64) bool { return v <= limit } }
	least := func(limit float64) func(float64) bool { return func(v float64) bool { return v >= limit } }
	keep("decode_vs_walk", own, hand, "a hand-written walk of the one schema (benchmarks/walk)", most(walkLimit), "at most 1.6")
	keep("decode_cel_vs_walk", cel, hand, "the same walk, which evaluates no expression", most(celLimit), "at most 2.0")
	keep("twmb_vs_decode", twmb, own, "the decoder; twmb/avro into a fresh struct", least(twmbAtLeast), "at least 6")
	keep("goavro_vs_decode", goavro, own, "the decoder; goavro into maps", least(goavroAtLeast), "at least 30")
	if err := keepResults(all); err != nil {
		return err
	}
	if !ok {
		return errMissed
	}
	return nil
}

func decodeReaders() (readers []*reader, size float64, err error) {
	rng := rand.New(rand.NewPCG(1, 2))
	var block []byte
	var ends []int
	for range decodeEvents {
		block = append(block, walk.Event(rng)...)
		ends = append(ends, len(block))
	}
	events := make([][]byte, decodeEvents)
	for i, end := range ends {
		start := 0
		if i > 0 {
			start = ends[i-1]
		}
		events[i] = block[start:end:end]
		size += float64(end-start-5) / decodeEvents
	}
	p := walk.Projection()
	prog, err := schema.Compile(walk.Schema(), p)
	if err != nil {
		return nil, 0, err
	}
	demo, deriver, err := derives()
	if err != nil {
		return nil, 0, err
	}
	celProg, err := schema.Compile(walk.Schema(), demo)
	if err != nil {
		return nil, 0, err
	}
	codec, err := goavro.NewCodec(walk.Schema())
	if err != nil {
		return nil, 0, err
	}
	twmb, err := avro.Parse(walk.Schema())
	if err != nil {
		return nil, 0, err
	}
	columns := func(p *plan.Projection, one func(event []byte, b *plan.Batch, i int) error, whole func(*plan.Batch)) func() error {
		b := plan.NewBatch(p, decodeRows)
		return func() error {
			for i, e := range events {
				if b.N >= decodeRows-1 {
					whole(b)
					b.Reset()
				}
				if err := one(e, b, i); err != nil {
					return err
				}
			}
			whole(b)
			b.Reset()
			return nil
		}
	}
	nothing := func(*plan.Batch) {}
	return []*reader{
		{name: "hand-written walk", scale: 16, read: columns(p, func(e []byte, b *plan.Batch, i int) error { return walk.Walk(e, 5, b, int64(i)) }, nothing)},
		{name: "decoder", scale: 16, read: columns(p, func(e []byte, b *plan.Batch, i int) error { return prog.Decode(e, 5, b, int64(i)) }, nothing)},
		{name: "decoder, where, rule, derived column", scale: 16, read: columns(demo, func(e []byte, b *plan.Batch, i int) error {
			return celProg.Decode(e, 5, b, int64(i))
		}, func(b *plan.Batch) {
			deriver.Derive(b)
			deriver.Broken(b)
		})},
		{name: "twmb/avro, a fresh struct", scale: 4, read: func() error {
			for _, e := range events {
				if _, err := twmb.Decode(e[5:], new(walk.Struct)); err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "goavro", scale: 1, read: func() error {
			for _, e := range events {
				if _, _, err := codec.NativeFromBinary(e[5:]); err != nil {
					return err
				}
			}
			return nil
		}},
	}, size, nil
}

// derives is the projection with what the demo's contract asks for: a filter, a rule and a derived column.
func derives() (*plan.Projection, *plan.Deriver, error) {
	p := walk.Projection()
	p.Where = "version != 'shadow'"
	p.Fields = append(p.Fields, plan.Field{Name: "daypart", Kind: plan.String, Expr: "n0 < 50.0 ? 'night' : 'day'"})
	d, err := plan.NewDeriver(p, []plan.Rule{{Name: "positive", Expr: "n1 > 0.0"}})
	return p, d, err
}

// allocates is how often f allocates for one event, once it is warm.
func allocates(f func() error) (float64, error) {
	var before, after runtime.MemStats
	err := f()
	runtime.ReadMemStats(&before)
	const times = 20
	for range times {
		err = errors.Join(err, f())
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / (times * decodeEvents), err
}
