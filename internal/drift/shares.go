package drift

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// TruthShare is a share that is known when a cohort is mature, and followed test pane by test pane, apart from all else: outcomes come at times of their own.
type TruthShare uint8

// The shares.
const (
	LabelRate     TruthShare = iota // how many outcomes are positive
	LabelledShare                   // how many predictions have an outcome, as a whole and by stretch of scores (plan.Score.Band)
)

// TruthShares are all of them.
func TruthShares() []TruthShare { return []TruthShare{LabelRate, LabelledShare} }

// OfTruthShare is the share of the budget of tickets that drift of each may spend. Of the share labelled the whole has half of it, stretches of scores the other.
const OfTruthShare = 0.05

// String is the channel of findings, and the name of the stream of the whole.
func (s TruthShare) String() string {
	if s == LabelRate {
		return "label_rate"
	}
	return "labelled_share"
}

// words are for errors.
func (s TruthShare) words() string {
	if s == LabelRate {
		return "label rate"
	}
	return "share labelled"
}

// learnt is what a plan has learnt of it; nil: nothing.
func (s TruthShare) learnt(p *plan.Plan) []byte {
	if s == LabelRate {
		return p.DriftLabels
	}
	return p.DriftLabelled
}

// Learnt reports whether a plan has learnt anything of it.
func (s TruthShare) Learnt(p *plan.Plan) bool { return len(s.learnt(p)) > 0 }

// bands is how many stretches of scores have a stream beside the whole.
func (s TruthShare) bands(p *plan.Plan) int {
	if s == LabelRate {
		return 0
	}
	return p.Score.Bands()
}

// Watch is what the sequential engine is told of it: a stream for the whole, and one by stretch of scores.
func (s TruthShare) Watch(p *plan.Plan) sequential.Spec {
	floors := sequential.DefaultFloors()
	floors.Rate = p.Policy.Floor
	k, whole := s.bands(p), 1.
	if s == LabelledShare {
		whole = 0.5
	}
	spec := sequential.Spec{Budget: budget(OfTruthShare, p), Calendar: calendar(p)}
	spec.Streams = append(spec.Streams, sequential.Stream{Name: s.String(), Kind: sequential.Share, Weight: whole, Floors: floors})
	for i := range k {
		spec.Streams = append(spec.Streams, sequential.Stream{
			Name: fmt.Sprintf("%s %d", s, i), Kind: sequential.Share, Weight: (1 - whole) / float64(k), Floors: floors,
		})
	}
	return spec
}

// Stream is which stream has a name that Watch gave: 0 is the whole, i the stretch of scores i-1.
func (s TruthShare) Stream(name string) int {
	band, ok := strings.CutPrefix(name, s.String()+" ")
	i, err := strconv.Atoi(band)
	if !ok || err != nil {
		return 0
	}
	return 1 + i
}

// ShareCounts are the counts of one test pane by stream: hits of so many.
type ShareCounts struct {
	Start, End int64 // of the predictions, microseconds since the Unix epoch
	Of, Hits   []int64
}

// None is a test pane of which nothing is counted.
func (s TruthShare) None(p *plan.Plan, start, end int64) ShareCounts {
	k := 1 + s.bands(p)
	return ShareCounts{Start: start, End: end, Of: make([]int64, k), Hits: make([]int64, k)}
}

// Take counts the predictions of one curve and the outcomes of another, which may be the same.
func (s TruthShare) Take(p *plan.Plan, into *ShareCounts, predictions, outcomes *sketch.Curve) {
	if s == LabelRate {
		told := truth.Told(p, outcomes)
		for b, n := range told.Labels {
			into.Of[0] += n
			into.Hits[0] += told.Pos[b]
		}
		return
	}
	for b, n := range predictions.N {
		k := max(0, min(outcomes.Labels[b], n)) // outcomes of predictions that came too late to be counted, and damage
		for _, at := range [2]int{0, 1 + p.Score.Band(b)} {
			into.Of[at] += n
			into.Hits[at] += k
		}
	}
}

// Merge adds the counts of another test pane.
func (c *ShareCounts) Merge(o *ShareCounts) {
	for i := range c.Of {
		c.Of[i] += o.Of[i]
		c.Hits[i] += o.Hits[i]
	}
}

// Possible reports whether anything counts so: not more hits than there are, and nothing below 0.
func (c *ShareCounts) Possible() bool {
	for i, k := range c.Hits {
		if k < 0 || k > c.Of[i] {
			return false
		}
	}
	return true
}

// Count is the pane as its streams' counts.
func (c *ShareCounts) Count() []sequential.Counts {
	out := make([]sequential.Counts, len(c.Of))
	for i, n := range c.Of {
		out[i] = sequential.Counts{N: n, Hits: float64(c.Hits[i])}
	}
	return out
}

// Learn learns how it moved over the test panes of a reference, in order, and returns it as bytes; nil where they are too few.
func (s TruthShare) Learn(p *plan.Plan, reference []ShareCounts) ([]byte, error) {
	history, err := past(p, reference, func(c *ShareCounts) (int64, int64) { return c.Start, c.End }, func(c *ShareCounts) (int64, []sequential.Counts, error) {
		return c.Of[0], c.Count(), nil
	})
	if err != nil {
		return nil, fmt.Errorf("learn %s of %s: %w", s.words(), p.Model, err)
	}
	if len(history) < fewestPanes {
		return nil, nil
	}
	e, err := sequential.Learn(s.Watch(p), history)
	if err != nil {
		return nil, fmt.Errorf("learn %s of %s: %w", s.words(), p.Model, err)
	}
	if e.Phase() == sequential.Learning {
		return nil, nil
	}
	return e.AppendBinary(nil), nil
}

// Open reads what a plan has learnt of it; nil where that is nothing.
func (s TruthShare) Open(p *plan.Plan) (*sequential.Engine, error) {
	if !s.Learnt(p) {
		return nil, nil
	}
	r := wire.NewReader(s.learnt(p))
	e, err := sequential.Read(s.Watch(p), r)
	if err == nil {
		err = r.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("read what the plan of %s has learnt of its %s: %w", p.Model, s.words(), err)
	}
	return e, nil
}
