package sequential

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// rng draws the same numbers in every run.
func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// hourly makes panes of normal columns, an hour each, from hour on; the mean of stream s in pane t is mean(s, t).
func hourly(rng *rand.Rand, streams, events, from, to int, mean func(s, t int) float64) []Pane {
	out := make([]Pane, 0, to-from)
	for t := from; t < to; t++ {
		p := Pane{Start: int64(t) * hour, End: int64(t+1) * hour, N: int64(events), Season: seasonAt(int64(t) * hour)}
		for s := range streams {
			c := Counts{N: int64(events), Bins: make([]int64, 20)}
			m := mean(s, t)
			for range events {
				u := math.Erfc(-(rng.NormFloat64()+m)/math.Sqrt2) / 2
				c.Bins[min(int(u*20), 19)]++
			}
			p.Counts = append(p.Counts, c)
		}
		out = append(out, p)
	}
	return out
}

func still(int, int) float64 { return 0 }

// numericSpec watches so many numeric streams, by location, spread and shape only.
func numericSpec(streams int) Spec {
	spec := Spec{Budget: 1}
	for s := range streams {
		spec.Streams = append(spec.Streams, Stream{
			Name: fmt.Sprint("f", s), Kind: Numeric, Weight: 1 / float64(streams), Floors: DefaultFloors(),
			Channels: map[string]float64{"location": 0.5, "scale": 0.3, "shape": 0.2},
		})
	}
	return spec
}

// BenchmarkAdvance is one pane of a model of 1,000 channels with a filter: 334 numeric columns, hourly panes, 28 days of history. It tells
// the bytes of state too.
func BenchmarkAdvance(b *testing.B) {
	const streams = 334
	panes := hourly(newRand(1), streams, 300, 0, 672+24, still)
	e, err := Learn(numericSpec(streams), panes[:672])
	if err != nil {
		b.Fatal(err)
	}
	filtered := 0
	for i := range e.channels {
		if e.channels[i].rare == nil {
			filtered++
		}
	}
	next := panes[672:]
	at := int64(672)
	for b.Loop() {
		p := next[at%24]
		p.Start, p.End = at*hour, (at+1)*hour
		at++
		if _, err := e.Advance(&p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(filtered), "channels")
	b.ReportMetric(float64(len(e.channels)-filtered), "rare-channels")
	b.ReportMetric(float64(len(e.AppendBinary(nil)))/float64(len(e.channels)), "bytes/channel")
}

// BenchmarkLearn is the nightly refit of ten numeric columns.
func BenchmarkLearn(b *testing.B) {
	panes := hourly(newRand(1), 10, 300, 0, 672, still)
	for b.Loop() {
		if _, err := Learn(numericSpec(10), panes); err != nil {
			b.Fatal(err)
		}
	}
}
