package truth

import (
	"fmt"
	"slices"
	"sort"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// Classes are the labelled counts of a multiclass model. Classes are numbered as in the plan; the last number stands for every class that
// it doesn't name.
type Classes struct {
	*sketch.Confusion
	Top   *sketch.Curve   // the probability of the class that was predicted, against whether it was right
	Each  []*sketch.Curve // of each class, the last number included: its probability, against whether it turned out; none without Ranks
	Ranks []int64         // by the rank of the class that turned out, from 0; the last counts all below. None: the plan reads no probabilities

	plan  *plan.Score
	edges []int32 // of the plan, in units of 1/ClassScale
}

func newClasses(s *plan.Score) *Classes {
	c := &Classes{Confusion: sketch.NewConfusion(len(s.Classes) + 1), Top: sketch.NewCurve(s.Bins()), plan: s, edges: make([]int32, len(s.Edges))}
	for i, e := range s.Edges {
		c.edges[i] = quantum(e)
	}
	if len(s.Each) > 0 {
		c.Ranks = make([]int64, Ranked+1)
		c.Each = make([]*sketch.Curve, len(s.Classes)+1)
		for i := range c.Each {
			c.Each[i] = sketch.NewCurve(s.Bins())
		}
	}
	return c
}

// fits reports whether the classes of an answer are those of a plan.
func (c *Class) fits(s *plan.Score) bool {
	n := int32(len(s.Classes))
	return c.Of >= 0 && c.Of <= n && !slices.ContainsFunc(c.Top, func(l Likely) bool { return l.Class < 0 || l.Class > n })
}

// bin is the bin of a probability: right-closed, as of plan.Score.
func (c *Classes) bin(p int32) int {
	return sort.Search(len(c.edges), func(i int) bool { return p <= c.edges[i] })
}

// fixed is a probability in units of sketch.ScoreScale.
func fixed(p int32) int64 { return int64(p) * (sketch.ScoreScale / ClassScale) }

func (c *Classes) label(said *Class, l *Label, sign int64) {
	turned := int32(c.plan.ClassOf(l.Name))
	c.Label(int(turned), int(said.Of), sign)
	if at := slices.IndexFunc(said.Top, func(t Likely) bool { return t.Class == said.Of }); at >= 0 {
		p := said.Top[at].P
		c.Top.Label(c.bin(p), fixed(p), true, turned == said.Of, sign)
	}
	if len(c.Each) == 0 || len(said.Top) < min(Ranked, len(c.plan.Classes)) { // without a probability of every class there are no ranks
		return
	}
	rank := slices.IndexFunc(said.Top, func(t Likely) bool { return t.Class == turned })
	if rank < 0 || rank > Ranked {
		rank = Ranked
	}
	c.Ranks[rank] += sign
	for i, of := range c.Each {
		p := int32(0)
		if at := slices.IndexFunc(said.Top, func(t Likely) bool { return int(t.Class) == i }); at >= 0 {
			p = said.Top[at].P
		}
		of.Label(c.bin(p), fixed(p), false, int(turned) == i, sign)
	}
}

// Labels implements Counts.
func (c *Classes) Labels() (n int64) {
	for _, of := range c.All() {
		n += of
	}
	return n
}

// Merge implements Counts.
func (c *Classes) Merge(with Counts) error {
	o, ok := with.(*Classes)
	switch {
	case !ok:
		return fmt.Errorf("merge outcomes: %w", errTask)
	case c.Classes() != o.Classes() || c.Top.Bins() != o.Top.Bins() || len(c.Each) != len(o.Each):
		return fmt.Errorf("merge outcomes: %w: %d classes in %d bins, %d of them with probabilities, and %d in %d, %d",
			errTask, c.Classes(), c.Top.Bins(), len(c.Each), o.Classes(), o.Top.Bins(), len(o.Each))
	}
	if err := c.Confusion.Merge(o.Confusion); err != nil {
		return err
	}
	if err := c.Top.Merge(o.Top); err != nil {
		return err
	}
	for i := range c.Each {
		if err := c.Each[i].Merge(o.Each[i]); err != nil {
			return err
		}
	}
	for i := range c.Ranks {
		c.Ranks[i] += o.Ranks[i]
	}
	return nil
}

// Clone implements Counts.
func (c *Classes) Clone() Counts {
	n := *c
	n.Confusion, n.Top, n.Ranks, n.Each = c.Confusion.Clone(), c.Top.Clone(), slices.Clone(c.Ranks), slices.Clone(c.Each)
	for i := range n.Each {
		n.Each[i] = n.Each[i].Clone()
	}
	return &n
}

// AppendBinary implements Counts: the confusion matrix and the curve of the predicted class; with probabilities the ranks and a curve for
// every class follow. Each part has its own format.
func (c *Classes) AppendBinary(b []byte) []byte {
	b = c.Top.AppendBinary(c.Confusion.AppendBinary(b))
	for _, n := range c.Ranks {
		b = wire.Int(b, n)
	}
	for _, of := range c.Each {
		b = of.AppendBinary(b)
	}
	return b
}

// mostRanked bounds what is read of a rank, as all counters are.
const mostRanked = 1 << 53

func readClasses(s *plan.Score, r *wire.Reader) (Counts, error) {
	c := newClasses(s)
	var err error
	if c.Confusion, err = sketch.ReadConfusion(len(s.Classes)+1, r); err != nil {
		return nil, err
	}
	if c.Top, err = sketch.ReadCurve(s.Bins(), r); err != nil {
		return nil, err
	}
	for i := range c.Ranks {
		if c.Ranks[i] = r.Int(); c.Ranks[i] < -mostRanked || c.Ranks[i] > mostRanked {
			r.Fail(fmt.Errorf("a rank was counted %d times, not in [-2^53, 2^53]", c.Ranks[i]))
		}
	}
	for i := range c.Each {
		if c.Each[i], err = sketch.ReadCurve(s.Bins(), r); err != nil {
			return nil, err
		}
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read outcomes by class: %w", err)
	}
	return c, nil
}
