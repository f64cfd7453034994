package drift

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// OfLabelled is the share of the budget of tickets that drift of the share labelled may spend: half of it as a whole, half by stretches of scores. It is followed
// apart from all else, for it is known when a cohort is mature.
const OfLabelled = 0.05

// Labelled is how many predictions of one test pane had an outcome when it was mature, as a whole and by stretch of scores (plan.Score.Band).
type Labelled struct {
	Start, End  int64 // of the predictions, microseconds since the Unix epoch
	Predictions []int64
	Outcomes    []int64
}

// NewLabelled is a test pane without predictions.
func NewLabelled(p *plan.Plan, start, end int64) Labelled {
	k := 1 + p.Score.Bands()
	return Labelled{Start: start, End: end, Predictions: make([]int64, k), Outcomes: make([]int64, k)}
}

// Add counts the predictions of one curve and the outcomes of another, which may be the same.
func (s *Labelled) Add(p *plan.Plan, predictions, outcomes *sketch.Curve) {
	for b := range predictions.N {
		n, k := predictions.N[b], outcomes.Labels[b]
		k = max(0, min(k, n)) // outcomes of predictions that came too late to be counted, and damage
		for _, at := range [2]int{0, 1 + p.Score.Band(b)} {
			s.Predictions[at] += n
			s.Outcomes[at] += k
		}
	}
}

// WatchLabelled is what the sequential engine is told of the share labelled: a stream for the whole, and one by stretch of scores. Where outcomes are sampled it is
// the share of all predictions all the same.
func WatchLabelled(p *plan.Plan) sequential.Spec {
	floors := sequential.DefaultFloors()
	floors.Rate = p.Policy.Floor
	spec := sequential.Spec{Budget: budget(OfLabelled, p), Calendar: calendar(p)}
	spec.Streams = append(spec.Streams, sequential.Stream{Name: "labelled_share", Kind: sequential.Share, Weight: 0.5, Floors: floors})
	for i := range p.Score.Bands() {
		spec.Streams = append(spec.Streams, sequential.Stream{
			Name: fmt.Sprintf("labelled_share %d", i), Kind: sequential.Share, Weight: 0.5 / float64(p.Score.Bands()), Floors: floors,
		})
	}
	return spec
}

// LabelledStream is which stream has a name that WatchLabelled gave: 0 is the whole, i the stretch of scores i-1.
func LabelledStream(name string) int {
	band, ok := strings.CutPrefix(name, "labelled_share ")
	i, err := strconv.Atoi(band)
	if !ok || err != nil {
		return 0
	}
	return 1 + i
}

// Count is the pane as its streams' counts.
func (s *Labelled) Count() []sequential.Counts {
	out := make([]sequential.Counts, len(s.Predictions))
	for i, n := range s.Predictions {
		out[i] = sequential.Counts{N: n, Hits: float64(s.Outcomes[i])}
	}
	return out
}

// LearnLabelled learns how the share labelled moved over the test panes of a reference, in order, and returns it as bytes; nil where they are too few.
func LearnLabelled(p *plan.Plan, reference []Labelled) ([]byte, error) {
	var gather sequential.Gather
	var history []sequential.Pane
	for i := range reference {
		c := &reference[i]
		if c.Start < plan.Micros(p.Reference.From) || c.End > plan.Micros(p.Reference.To) {
			continue
		}
		if p.Policy.OddBetween(c.Start, c.End) {
			gather.Skip(c.End)
			continue
		}
		done, ok, err := gather.Add(c.Start, c.End, c.Predictions[0], c.Count())
		if err != nil {
			return nil, fmt.Errorf("learn share labelled of %s: %w", p.Model, err)
		}
		if ok && !p.Policy.OddBetween(done.Start, done.End) { // an odd day without an event is no test pane, and may lie within
			history = append(history, done)
		}
	}
	if len(history) < fewestPanes {
		return nil, nil
	}
	e, err := sequential.Learn(WatchLabelled(p), history)
	if err != nil {
		return nil, fmt.Errorf("learn share labelled of %s: %w", p.Model, err)
	}
	if e.Phase() == sequential.Learning {
		return nil, nil
	}
	return e.AppendBinary(nil), nil
}

// OpenLabelled reads what a plan has learnt of its share labelled; nil where that is nothing.
func OpenLabelled(p *plan.Plan) (*sequential.Engine, error) {
	if len(p.DriftLabelled) == 0 {
		return nil, nil
	}
	r := wire.NewReader(p.DriftLabelled)
	e, err := sequential.Read(WatchLabelled(p), r)
	if err == nil {
		err = r.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("read what the plan of %s has learnt of its share labelled: %w", p.Model, err)
	}
	return e, nil
}
