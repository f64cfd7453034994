package main

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"github.com/axiomhq/hyperloglog"
	caio "github.com/caio/go-tdigest/v4"
	influx "github.com/influxdata/tdigest"

	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// influxAtLeast is the limit of `benchmarks sketch`, which docs/benchmarks.md explains.
const influxAtLeast = 8.0

// peerCompression is delta in the convention of both libraries, the units of k1 that centroids span, of which ours has 200.
const peerCompression = 100

// sketchQuantiles are those at which rank errors are held against each other.
var sketchQuantiles = []float64{.01, .5, .99, .999}

// quantiler is what a digest answers.
type quantiler interface{ Quantile(q float64) float64 }

// digester makes a digest of values; scale is how many times it runs for one figure.
type digester struct {
	name  string
	scale int
	make  func(values []float64) (quantiler, error)
	total []float64              // ns per value over all streams, one for each seed
	ns    map[string][]float64   // by stream, one for each seed
	error map[string][][]float64 // by stream: for each seed, the rank error at each of the quantiles
}

// numberStream is a shape of numbers; value i of it.
type numberStream struct {
	name string
	next func(rng *rand.Rand, i int) float64
}

func numberStreams() []numberStream {
	return []numberStream{
		{"uniform", func(r *rand.Rand, _ int) float64 { return r.Float64() }},
		{"normal", func(r *rand.Rand, _ int) float64 { return r.NormFloat64() }},
		{"sorted", func(_ *rand.Rand, i int) float64 { return float64(i) }},
		{"reversed", func(_ *rand.Rand, i int) float64 { return -float64(i) }},
		{"constant", func(*rand.Rand, int) float64 { return 42 }},
		{"two points", func(r *rand.Rand, _ int) float64 { return float64(r.IntN(10) / 7) }},
		{"1e9 +- 1", func(r *rand.Rand, _ int) float64 { return 1e9 + 2*r.Float64() - 1 }},
		{"pareto .7", func(r *rand.Rand, _ int) float64 { return math.Pow(1-r.Float64(), -1/0.7) }},
		{"cauchy", func(r *rand.Rand, _ int) float64 { return math.Tan(math.Pi * (r.Float64() - 0.5)) }},
	}
}

func digesters() []*digester {
	all := []*digester{
		{name: "influxdata/tdigest", scale: 2, make: func(values []float64) (quantiler, error) {
			d := influx.NewWithCompression(peerCompression)
			for _, v := range values {
				d.Add(v, 1)
			}
			d.Quantile(.5) // it merges what it has gathered
			return d, nil
		}},
		{name: "caio/go-tdigest", scale: 1, make: func(values []float64) (quantiler, error) {
			d, err := caio.New(caio.Compression(peerCompression), caio.LocalRandomNumberGenerator(1))
			for _, v := range values {
				if err == nil {
					err = d.Add(v)
				}
			}
			return d, err
		}},
		{name: "plumbline, AddAll", scale: 16, make: func(values []float64) (quantiler, error) {
			d := sketch.NewTDigest()
			d.AddAll(values)
			return d.Merged(), nil
		}},
		{name: "plumbline, Add one by one", scale: 16, make: func(values []float64) (quantiler, error) {
			d := sketch.NewTDigest()
			for _, v := range values {
				d.Add(v)
			}
			return d.Merged(), nil
		}},
	}
	for _, d := range all {
		d.ns, d.error = map[string][]float64{}, map[string][][]float64{}
	}
	return all
}

// measureSketch times the t-digest and the distinct count and holds the t-digest's rank errors against those of its peers.
func measureSketch(args []string) error {
	f := flag.NewFlagSet("sketch", flag.ContinueOnError)
	seeds := f.Int("seeds", 10, "rounds, each on streams of a seed of its own; the median is printed; at least 5")
	values := f.Int("values", 100_000, "of each stream")
	profile := f.String("profile", "", "file for a CPU profile of our t-digest alone, on normal values")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *seeds < 5 || *values < 1000 {
		return fmt.Errorf("--seeds %d, --values %d: want at least 5 seeds and 1000 values", *seeds, *values)
	}
	all := digesters()
	if *profile != "" {
		data := drawStream(numberStreams()[1], *values, 0)
		return profiled(*profile, func() error { _, err := all[2].make(data); return err })
	}
	for seed := range *seeds {
		if err := sketchRound(all, *values, uint64(seed)); err != nil {
			return err
		}
	}
	const command = "go run ./benchmarks sketch"
	peer, other, own, single := all[0], all[1], all[2], all[3]
	printSketchTimes(all)
	ok := printRankErrors(peer, own)
	ratio, sorted := median(ratios(peer.total, own.total))
	said := "ok"
	if ratio < influxAtLeast {
		said, ok = "MISSED", false
	}
	fmt.Printf("\n%-20s %7.2f  at least %g: %s (%.2f to %.2f)\n", "influx_vs_tdigest", ratio, influxAtLeast, said, sorted[0], sorted[len(sorted)-1])
	results := []result{{Name: "influx_vs_tdigest", Ratio: ratio, Against: "the t-digest; influxdata/tdigest v0.0.1, compression 100, on nine streams", N: *seeds, Command: command}}
	inform := func(name, against string, of []float64) {
		mid, sorted := median(of)
		fmt.Printf("%-20s %7.2f  (%.2f to %.2f)\n", name, mid, sorted[0], sorted[len(sorted)-1])
		results = append(results, result{Name: name, Ratio: mid, Against: against, N: len(of), Command: command})
	}
	inform("influx_vs_add", "the t-digest, its values added one by one; influxdata/tdigest v0.0.1, compression 100", ratios(peer.total, single.total))
	inform("caio_vs_tdigest", "the t-digest; caio/go-tdigest v4.0.1, compression 100, on the same streams", ratios(other.total, own.total))
	inform("axiomhq_vs_distinct", "the distinct count; axiomhq/hyperloglog v0.3.0, InsertHash, dense, precision 14", distinctRounds(*seeds))
	if err := keepResults(results); err != nil {
		return err
	}
	if !ok {
		return errMissed
	}
	return nil
}

// sketchRound lets every digester take every stream of one seed, turn by turn.
func sketchRound(all []*digester, n int, seed uint64) error {
	took := make([]float64, len(all))
	for _, s := range numberStreams() {
		data := drawStream(s, n, seed)
		sorted := slices.Sorted(slices.Values(data))
		for i, d := range all {
			made, err := d.make(data) // what ran before has left its own in the caches
			if err != nil {
				return fmt.Errorf("%s: %w", d.name, err)
			}
			errs := make([]float64, len(sketchQuantiles))
			for j, q := range sketchQuantiles {
				errs[j] = rankError(sorted, made.Quantile(q), q)
			}
			d.error[s.name] = append(d.error[s.name], errs)
			start := cpu()
			for range d.scale {
				if _, err := d.make(data); err != nil {
					return fmt.Errorf("%s: %w", d.name, err)
				}
			}
			ns := float64((cpu() - start).Nanoseconds()) / float64(d.scale*n)
			d.ns[s.name] = append(d.ns[s.name], ns)
			took[i] += ns
		}
	}
	for i, d := range all {
		d.total = append(d.total, took[i]/float64(len(numberStreams())))
	}
	return nil
}

func drawStream(s numberStream, n int, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 7))
	out := make([]float64, n)
	for i := range out {
		out[i] = s.next(rng, i)
	}
	return out
}

// rankError is how far the share q lies from the shares of which v is the quantile in sorted; 1 if v is no number.
func rankError(sorted []float64, v, q float64) float64 {
	if math.IsNaN(v) {
		return 1
	}
	n := float64(len(sorted))
	low := float64(sort.SearchFloat64s(sorted, v)) / n
	high := float64(sort.Search(len(sorted), func(i int) bool { return sorted[i] > v })) / n
	return max(low-q, q-high, 0)
}

func ratios(of, to []float64) []float64 {
	out := make([]float64, len(of))
	for i := range out {
		out[i] = of[i] / to[i]
	}
	return out
}

func printSketchTimes(all []*digester) {
	fmt.Printf("CPU ns per value, median of %d seeds\n%-12s", len(all[0].total), "")
	for _, d := range all {
		fmt.Printf(" %26s", d.name)
	}
	fmt.Println()
	row := func(name string, of func(d *digester) []float64) {
		fmt.Printf("%-12s", name)
		for _, d := range all {
			mid, _ := median(of(d))
			fmt.Printf(" %26.1f", mid)
		}
		fmt.Println()
	}
	for _, s := range numberStreams() {
		row(s.name, func(d *digester) []float64 { return d.ns[s.name] })
	}
	row("all", func(d *digester) []float64 { return d.total })
}

// printRankErrors prints the mean rank errors over the seeds; ours may nowhere be larger.
func printRankErrors(peer, own *digester) (ok bool) {
	ok = true
	fmt.Printf("\nmean rank error over the seeds, in millionths: %s / %s\n%-12s", own.name, peer.name, "")
	for _, q := range sketchQuantiles {
		fmt.Printf(" %20s", fmt.Sprintf("q = %g", q))
	}
	fmt.Println()
	for _, s := range numberStreams() {
		fmt.Printf("%-12s", s.name)
		for i := range sketchQuantiles {
			ours, theirs := meanOf(own.error[s.name], i), meanOf(peer.error[s.name], i)
			said := fmt.Sprintf("%.1f / %.1f", 1e6*ours, 1e6*theirs)
			if ours > theirs {
				ok = false
				said = "LARGER " + said
			}
			fmt.Printf(" %20s", said)
		}
		fmt.Println()
	}
	return ok
}

func meanOf(rows [][]float64, i int) float64 {
	sum := 0.0
	for _, r := range rows {
		sum += r[i]
	}
	return sum / float64(len(rows))
}

// distinctRounds is how many times longer than ours the peer takes for a hash, once both are dense.
func distinctRounds(rounds int) (out []float64) {
	rng := rand.New(rand.NewPCG(3, 4))
	hashes := make([]uint64, 1<<16)
	for i := range hashes {
		hashes[i] = rng.Uint64()
	}
	peer, own := hyperloglog.NewNoSparse(), sketch.NewDistinct()
	fill := []func(){
		func() {
			for _, h := range hashes {
				peer.InsertHash(h)
			}
		},
		func() {
			for _, h := range hashes {
				own.Add(h)
			}
		},
	}
	for range rounds {
		var took [2]time.Duration
		for i, f := range fill {
			f()
			start := cpu()
			for range 64 {
				f()
			}
			took[i] = cpu() - start
		}
		out = append(out, float64(took[0])/float64(took[1]))
	}
	return out
}
