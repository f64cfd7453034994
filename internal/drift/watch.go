package drift

import (
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

const (
	// OfInputs is the share of the budget of tickets that drift of inputs, scores, rules and volume may spend; outcomes have the rest.
	OfInputs = 0.60
	// OfSlices is what slices have of it, where the contract asks for any.
	OfSlices = 0.20
)

// Kind says what a stream is to the plan.
type Kind uint8

// The kinds.
const (
	Column Kind = iota // also the score: the draft of a plan makes a column of it
	Rule
	Volume
)

// Stream is one thing that is watched: which column or rule of the plan it is, where it is one.
type Stream struct {
	Kind Kind
	At   int // in plan.Columns or plan.Rules
}

// VolumeSubject is the subject of findings on the volume, which has no name of its own in the contract.
const VolumeSubject = "volume"

// Streams are what is watched of a plan, in their order: columns with a usable value in the reference that aren't constant (any
// movement of a constant is a fault, which takes no statistics), rules, the volume. What plans and states hold of them lies in this order: another
// list is another format of both.
func Streams(p *plan.Plan) []Stream {
	var out []Stream
	for i := range p.Columns {
		if l := &p.Columns[i].Layout; !l.Empty && !l.Constant() {
			out = append(out, Stream{Column, i})
		}
	}
	for i := range p.Rules {
		out = append(out, Stream{Rule, i})
	}
	return append(out, Stream{Kind: Volume})
}

// Subject is what findings call the stream.
func (s Stream) Subject(p *plan.Plan) string {
	switch s.Kind {
	case Column:
		return p.Columns[s.At].Name
	case Rule:
		return p.Rules[s.At].Name
	default:
		return VolumeSubject
	}
}

// Watch is what the sequential engine is told of a plan under its policy. All streams have the same share of the budget, once the slices'
// is taken off.
func Watch(p *plan.Plan) sequential.Spec {
	streams, whole := Streams(p), 1.
	if len(p.Groups) > 0 {
		whole -= OfSlices
	}
	spec := sequential.Spec{
		Budget:  budget(OfInputs, p),
		Streams: make([]sequential.Stream, len(streams)),
	}
	for i, s := range streams {
		spec.Streams[i] = s.watched(p)
		spec.Streams[i].Weight = whole / float64(len(streams))
	}
	spec.Calendar = calendar(p)
	return spec
}

// budget is a share of the plan's budget of tickets, in false alarms a month.
func budget(share float64, p *plan.Plan) float64 {
	return max(share*p.Policy.Tickets*sequential.Month/24, leastBudget)
}

func calendar(p *plan.Plan) (out []sequential.Span) {
	for _, c := range p.Policy.Calendar {
		out = append(out, sequential.Span{From: plan.Micros(c.From), To: plan.Micros(c.To)})
	}
	return out
}

// leastBudget stands for a budget of none: one false alarm in a hundred years, which asks for overwhelming evidence.
const leastBudget = 1. / 1200

func (s Stream) watched(p *plan.Plan) sequential.Stream {
	out := sequential.Stream{Name: s.name(p), Kind: sequential.Share, Floors: sequential.DefaultFloors()}
	out.Floors.Rate = p.Policy.Floor
	switch s.Kind {
	case Volume:
		out.Kind = sequential.Volume
	case Column:
		c := &p.Columns[s.At]
		out.Kind = sequential.Numeric
		if c.Layout.Categorical {
			out.Kind = sequential.Categorical
			if !c.Layout.Open { // of an open vocabulary nothing is counted as new, see Count: then none may be expected
				out.Singles = c.Reference.Singles
			}
		}
		// One size for all: a change of shape matters from the divergence of twice the shift that matters. By default that is the 0.01 that the
		// promise was measured with.
		out.Floors.Shift, out.Floors.Spread, out.Floors.Rate = c.Ignore.Shift, c.Ignore.Spread, c.Ignore.Rate
		out.Floors.Shape = stat.Floor{Shift: 2 * c.Ignore.Shift}.Phi2()
	case Rule:
	}
	return out
}

// name tells streams apart, of which a column, a rule and the volume may be called the same.
func (s Stream) name(p *plan.Plan) string {
	return [...]string{Column: "column", Rule: "rule", Volume: "volume"}[s.Kind] + " " + s.Subject(p)
}
