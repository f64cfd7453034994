package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/axiomhq/hyperloglog"
	caio "github.com/caio/go-tdigest/v4"
	"github.com/linkedin/goavro/v2"

	"github.com/plumbline-ml/plumbline/benchmarks/walk"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// The limits of `benchmarks set`, which docs/benchmarks.md explains.
const (
	setLimit     = 1.6
	set5Limit    = 3.0
	naiveAtLeast = 20.0
	setBatches   = 16
	setRows      = 512 // as the ingestor's batches
	setTurns     = 5   // of each way, in a round
	setTurn      = 8 * time.Millisecond
	setCells     = 100 // at least, with slices
)

// counting is one way to count the events; ns has its time per event, one for each round.
type counting struct {
	name string
	once func() error
	n    int // events of once
	ns   []float64
}

// measureSet times the full set of counts against the hand-written walk and the pipeline one would write first.
func measureSet(args []string) error {
	f := flag.NewFlagSet("set", flag.ContinueOnError)
	rounds := f.Int("rounds", 9, "of which the median is printed; at least 5")
	profile := f.String("profile", "", "file for a CPU profile of counting with slices alone")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *rounds < 5 {
		return fmt.Errorf("--rounds %d: want at least 5", *rounds)
	}
	all, cells, err := countings()
	if err != nil {
		return err
	}
	if *profile != "" {
		return profiled(*profile, all[3].once)
	}
	for range *rounds {
		if err := setRound(all); err != nil {
			return err
		}
	}
	allocations, err := perEvent(all[3])
	if err != nil {
		return err
	}
	fmt.Printf("30 numbers, 10 texts, 4 integers, 1 score; %d cells with 5 slice dimensions; %.4f allocations per event\n", cells, allocations)
	for _, c := range all {
		mid, _ := median(c.ns)
		fmt.Printf("%-36s %7.0f ns per event\n", c.name, mid)
	}
	hand, decoder, naive := all[0], all[1], all[4]
	set, set5 := beside(all[2], decoder), beside(all[3], decoder)
	j := verdicts{command: "go run ./benchmarks set", ok: allocations < 0.01 && cells >= setCells}
	j.ratio("set_vs_walk", set, hand.ns, "a hand-written walk of one schema (benchmarks/walk)", setLimit, false)
	j.ratio("set5_vs_walk", set5, hand.ns, "the same walk; counting by five slice dimensions", set5Limit, false)
	j.ratio("naive_vs_set", naive.ns, all[2].ns, "decoder and set without slices; goavro, a t-digest, an axiomhq sketch and maps for each column", naiveAtLeast, true)
	j.ratio("decode_set5_vs_walk", all[3].ns, hand.ns, "the same walk; decoding and counting by five slice dimensions", 0, false)
	if err := keepResults(j.results); err != nil {
		return err
	}
	if !j.ok {
		return errMissed
	}
	return nil
}

// setRound times every way once more. The ways take turns of a few milliseconds, so that a machine that is slower for a while is so
// for all of them.
func setRound(all []*counting) error {
	spent, times := make([]time.Duration, len(all)), make([]int, len(all))
	for range setTurns {
		for i, c := range all {
			if err := c.once(); err != nil { // what ran before has left its own in the caches
				return fmt.Errorf("%s: %w", c.name, err)
			}
			start := cpu()
			for cpu()-start < setTurn {
				if err := c.once(); err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
				times[i]++
			}
			spent[i] += cpu() - start
		}
	}
	for i, c := range all {
		c.ns = append(c.ns, float64(spent[i].Nanoseconds())/float64(times[i]*c.n))
	}
	return nil
}

// beside is what one way takes more than another, round by round.
func beside(c, base *counting) []float64 {
	out := make([]float64, len(c.ns))
	for i := range out {
		out[i] = c.ns[i] - base.ns[i]
	}
	return out
}

// verdicts prints ratios and keeps them.
type verdicts struct {
	command string
	results []result
	ok      bool
}

// ratio holds of against base, round by round; limit 0 is none.
func (j *verdicts) ratio(name string, of, base []float64, against string, limit float64, least bool) {
	ratios := make([]float64, len(of))
	for i := range ratios {
		ratios[i] = of[i] / base[i]
	}
	mid, sorted := median(ratios)
	said := ""
	if limit > 0 {
		good, bound := mid <= limit, "at most"
		if least {
			good, bound = mid >= limit, "at least"
		}
		said = fmt.Sprintf("%s %.1f: ok", bound, limit)
		if !good {
			said, j.ok = fmt.Sprintf("%s %.1f: MISSED", bound, limit), false
		}
	}
	fmt.Printf("%-20s %7.2f  %-20s (%.2f to %.2f)\n", name, mid, said, sorted[0], sorted[len(sorted)-1])
	j.results = append(j.results, result{Name: name, Ratio: mid, Against: against, N: len(ratios), Command: j.command})
}

// perEvent is how often one event allocates, once everything is warm.
func perEvent(c *counting) (float64, error) {
	n, err := allocates(c.once)
	return n * decodeEvents / float64(c.n), err
}

// countings are the ways, in the order of the table, and how many cells the slices make.
func countings() ([]*counting, int, error) {
	p, err := widePlan()
	if err != nil {
		return nil, 0, err
	}
	flat := *p
	flat.Slices, flat.Groups = nil, nil
	if err := flat.Seal(); err != nil {
		return nil, 0, err
	}
	w := newWriter(3)
	events := make([][]byte, setBatches*setRows)
	for i := range events {
		events[i] = w.prediction(int64(i), referenceStart.Add(time.Duration(i)*time.Millisecond))
	}
	prog, err := schema.Compile(schemas()[predictionSchema], &p.Prediction)
	if err != nil {
		return nil, 0, err
	}
	_, decode := decoded(nil, prog, p, events)
	_, set := decoded(&flat, prog, p, events)
	sliced, set5 := decoded(p, prog, p, events)
	if err := set5(); err != nil {
		return nil, 0, err
	}
	naive, err := newNaive(events)
	if err != nil {
		return nil, 0, err
	}
	hand, err := walked()
	if err != nil {
		return nil, 0, err
	}
	return []*counting{
		{name: "hand-written walk", once: hand, n: decodeEvents},
		{name: "decoder", once: decode, n: len(events)},
		{name: "decoder and set", once: set, n: len(events)},
		{name: "decoder and set, five dimensions", once: set5, n: len(events)},
		{name: "goavro, caio, axiomhq, maps", once: naive.once, n: naiveEvents},
	}, sliced.Len(), nil
}

// decoded decodes the events and, with a plan, counts them by it, batch by batch.
func decoded(by *plan.Plan, prog *schema.Program, p *plan.Plan, events [][]byte) (c *sketch.Counter, once func() error) {
	if by != nil {
		c = sketch.NewCounter(by)
		c.Describe()
	}
	b := plan.NewBatch(&p.Prediction, setRows)
	return c, func() error {
		for i, e := range events {
			if err := prog.Decode(e, 5, b, int64(i)); err != nil {
				return err
			}
			if b.N == setRows {
				if c != nil {
					c.Count(0, b, nil)
				}
				b.Reset()
			}
		}
		return nil
	}
}

// walked is the hand-written walk over its own events.
func walked() (func() error, error) {
	rng := rand.New(rand.NewPCG(1, 2))
	events := make([][]byte, decodeEvents)
	for i := range events {
		events[i] = walk.Event(rng)
	}
	b := plan.NewBatch(walk.Projection(), decodeRows)
	return func() error {
		for i, e := range events {
			if b.N >= decodeRows-1 {
				b.Reset()
			}
			if err := walk.Walk(e, 5, b, int64(i)); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

const naiveEvents = 500

// naive is the pipeline that one would write first: every event into maps, every number into a t-digest, every text into a map of
// counts and a HyperLogLog.
type naive struct {
	codec    *goavro.Codec
	events   [][]byte
	digests  map[string]*caio.TDigest
	counts   map[string]map[string]int
	distinct map[string]*hyperloglog.Sketch
	missing  map[string]int
}

func newNaive(events [][]byte) (*naive, error) {
	codec, err := goavro.NewCodec(schemas()[predictionSchema])
	return &naive{
		codec: codec, events: events[:naiveEvents], digests: map[string]*caio.TDigest{}, counts: map[string]map[string]int{},
		distinct: map[string]*hyperloglog.Sketch{}, missing: map[string]int{},
	}, err
}

func (n *naive) once() error {
	for _, e := range n.events {
		native, _, err := n.codec.NativeFromBinary(e[5:])
		if err != nil {
			return err
		}
		record, ok := native.(map[string]any)
		if !ok {
			return errors.New("an event is no record")
		}
		for name, v := range record {
			if err := n.value(name, v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *naive) value(name string, v any) error {
	switch v := v.(type) {
	case nil:
		n.missing[name]++
	case map[string]any: // a union
		for _, inner := range v {
			return n.value(name, inner)
		}
	case float64:
		return n.number(name, v)
	case int32:
		return n.number(name, float64(v))
	case int64:
		return n.number(name, float64(v))
	case string:
		if n.counts[name] == nil {
			n.counts[name], n.distinct[name] = map[string]int{}, hyperloglog.New14()
		}
		n.counts[name][v]++
		n.distinct[name].Insert([]byte(v))
	}
	return nil
}

func (n *naive) number(name string, v float64) error {
	d := n.digests[name]
	if d == nil {
		var err error
		if d, err = caio.New(caio.Compression(100), caio.LocalRandomNumberGenerator(1)); err != nil {
			return err
		}
		n.digests[name] = d
	}
	return d.Add(v)
}
