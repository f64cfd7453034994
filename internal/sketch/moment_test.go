package sketch

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// momentPlan is testPlan with moments of ten seconds, in which amount and region are filled, and constant and channel are steady.
func momentPlan() *plan.Plan {
	p := testPlan()
	p.Reference = plan.Span{From: plan.FromMicros(base).Add(-time.Hour), To: plan.FromMicros(base)}
	p.ReferenceRows = 3600 * 3
	for i := range p.Columns {
		c := &p.Columns[i]
		switch c.Name {
		case "amount", "region":
			c.Reference.N, c.Reference.Missing = 1000, 10
		case "constant":
			c.Reference.Bins = []int64{plan.FewestRows}
		case "channel":
			c.Layout.Categories, c.Reference.Bins = []string{"web"}, []int64{1000, 0}
		default:
			c.Reference.N, c.Reference.Missing = 1000, 11
		}
	}
	return p
}

// seen is a moment in the numbers a person would count.
type seen struct {
	Start   int64
	Version string
	Rows    int64
	Missing [2]int64 // amount, region
	Odd     [2]int64 // constant, channel
	Spans   []Span
}

func spoilt(p *plan.Plan, rng *rand.Rand, n int) *plan.Batch {
	b := plan.NewBatch(&p.Prediction, n)
	fill(b, rng, n, 1)
	at := base
	for row := range b.N {
		at += int64(rng.IntN(4)) * 1_000_000
		if b.Cols[1].State[row] == plan.OK {
			b.SetTime(1, row, at-int64(rng.IntN(2)*rng.IntN(15))*1_000_000) // not quite in order
		}
		if rng.IntN(10) == 0 {
			b.SetNumber(8, row, 7.5)
		}
		b.Offset[row] = int64(row)
	}
	return b
}

// byHand counts by looking at each row by itself.
func byHand(of []*plan.Batch) []seen {
	const step = 10_000_000
	type key struct {
		start   int64
		version string
	}
	all := map[key]*seen{}
	for src, b := range of {
		for row := range b.N {
			if b.Cols[1].State[row] != plan.OK {
				continue
			}
			k := key{b.Cols[1].Int[row] / step * step, ""}
			if b.Cols[2].State[row] == plan.OK {
				k.version = b.Cols[2].Str[row]
			}
			s := all[k]
			if s == nil {
				s = &seen{Start: k.start, Version: k.version}
				all[k] = s
			}
			s.Rows++
			for i, field := range []int{6, 11} {
				if b.Cols[field].State[row] == plan.Missing {
					s.Missing[i]++
				}
			}
			if b.Cols[8].State[row] == plan.OK && b.Cols[8].Num[row] != 7 {
				s.Odd[0]++
			}
			if b.Cols[12].State[row] == plan.OK && b.Cols[12].Str[row] != "web" {
				s.Odd[1]++
			}
			at := slices.IndexFunc(s.Spans, func(s Span) bool { return s.Src == src })
			if at < 0 {
				s.Spans = append(s.Spans, Span{Src: src, First: b.Offset[row], Last: b.Offset[row]})
				at = len(s.Spans) - 1
			}
			s.Spans[at].Last = b.Offset[row]
			s.Spans[at].Rows++
		}
	}
	var out []seen
	for _, s := range all {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b seen) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), strings.Compare(a.Version, b.Version))
	})
	return out
}

// Moments hold what counting by hand finds, however the batches are cut and over several sources, and their bytes are read back as the same.
func TestMomentsAreCounted(t *testing.T) {
	p := momentPlan()
	if p.Moment() != 10*time.Second {
		t.Fatalf("moments of %s", p.Moment())
	}
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		c := NewCounter(p)
		c.CountMoments()
		var batches []*plan.Batch
		for src := range 2 {
			b := spoilt(p, rng, rapid.IntRange(1, 200).Draw(t, "rows"))
			batches = append(batches, b)
			for from := 0; from < b.N; {
				to := min(b.N, from+rapid.IntRange(1, 80).Draw(t, "cut"))
				c.Count(src, slice(b, from, to), nil)
				from = to
			}
		}
		var got []seen
		for _, m := range c.Moments() {
			r := wire.NewReader(m.Moment.AppendBinary(nil))
			again, err := ReadMoment(p, r)
			if err != nil || r.Close() != nil {
				t.Fatalf("%v, %v", err, r.Err())
			}
			got = append(got, seen{
				Start: m.Start, Version: m.Version, Rows: again.Rows, Spans: m.Spans,
				Missing: [2]int64{again.Missing(0), again.Missing(5)}, Odd: [2]int64{again.Odd(2), again.Odd(6)},
			})
		}
		if d := gocmp.Diff(byHand(batches), got); d != "" {
			t.Fatal(d)
		}
		if c.Bytes() == 0 {
			t.Fatal("moments take no memory")
		}
		c.Reset()
		if len(c.Moments()) > 0 {
			t.Fatal("moments outlive a reset")
		}
	})
}

// A counter that isn't told to, or whose plan has none, counts none.
func TestNoMoments(t *testing.T) {
	p := momentPlan()
	b := spoilt(p, rand.New(rand.NewPCG(1, 1)), 50)
	silent := NewCounter(p)
	silent.Count(0, b, nil)
	none := NewCounter(testPlan())
	none.CountMoments()
	none.Count(0, b, nil)
	if len(silent.Moments())+len(none.Moments()) > 0 {
		t.Error("moments nobody asked for")
	}
}

// What is read is written as the same bytes, and no count is beyond the events.
func FuzzReadMoment(f *testing.F) {
	p := momentPlan()
	c := NewCounter(p)
	c.CountMoments()
	c.Count(0, spoilt(p, rand.New(rand.NewPCG(1, 1)), 200), nil)
	for _, m := range c.Moments() {
		f.Add(m.Moment.AppendBinary(nil))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := wire.NewReader(in)
		m, err := ReadMoment(p, r)
		if err != nil {
			return
		}
		if got := m.AppendBinary(nil); !bytes.Equal(got, in[:len(in)-r.Len()]) {
			t.Fatalf("%x was read and is written as %x", in[:len(in)-r.Len()], got)
		}
		for i := range p.Columns {
			if n := m.Missing(i); n < 0 || n > m.Rows || m.Odd(i) > m.Rows {
				t.Fatalf("column %d: %d missing, %d odd of %d", i, n, m.Odd(i), m.Rows)
			}
		}
	})
}
