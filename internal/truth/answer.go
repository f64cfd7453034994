package truth

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// Answer is what a prediction said. Which of it there is depends on the task.
type Answer struct {
	Bin      int   // binary: score bin, of plan.Score
	Score    int64 // binary: fixed point, sketch.ScoreScale
	Positive bool  // binary: the decision
	Other    *Other
}

// Other is what a model that is not binary answers: one of the two. It is one pointer of an answer, so that binary ones, of which there are most, stay small.
type Other struct {
	Class  *Class
	Number *Number
}

// Class is the answer of a multiclass model.
type Class struct {
	Of  int32    // number of the class that was predicted, in the plan's list; its length stands for every other class
	Top []Likely // the most probable classes first; of a model that tells one score, the predicted class alone; none: no score
}

// Likely is a class and its probability, in units of 1/ClassScale, rounded to nearest.
type Likely struct {
	Class int32
	P     int32
}

// What a row says of probabilities. Brier score and calibration are within 1/ClassScale per class of what unrounded ones would give, as
// long as none lies that near to an edge of plan.Score.
const (
	ClassScale = 1 << 14
	// Ranked is how many classes are carried at least, however improbable: top-k accuracy is exact up to this k.
	Ranked = 5
	// Carried is how many classes are carried at most. Those beyond count as impossible.
	Carried = 16
	// MostName is how long the name of a class that turned out is at most, in bytes; a longer one is cut, and is no class of any plan.
	MostName = 500
)

// Number is the answer of a regression model.
type Number struct {
	Value     float64
	Low, High float64 // the interval that was predicted, where Interval says there is one
	Interval  bool
}

// Kind is what a label says.
type Kind uint8

// The kinds of labels.
const (
	Sign  Kind = 0 // binary: Label.Positive
	Name  Kind = 1 // multiclass: Label.Name
	Value Kind = 2 // regression: Label.Value
)

// Label is what turned out. A class goes by its name and not by its number: an outcome may come under another plan, with other classes,
// than its prediction.
type Label struct {
	Kind     Kind
	Positive bool
	Name     string
	Value    float64
}

// Answered is what one row of a prediction batch answers. ok is false where the event has no usable answer: it is counted, but no
// outcome can be held against it. bins are the plan's; what it returns shares no memory with the batch.
func Answered(p *plan.Plan, bins *sketch.ScoreBins, b *plan.Batch, row int) (a Answer, ok bool) {
	switch {
	case p.Score == nil:
		return Answer{}, false
	case p.Score.Task == plan.Classes:
		c, ok := classAnswer(p, b, row)
		if !ok {
			return Answer{}, false
		}
		return Answer{Other: &Other{Class: c}}, true
	case p.Score.Task == plan.Numbers:
		n, ok := numberAnswer(p, b, row)
		if !ok {
			return Answer{}, false
		}
		return Answer{Other: &Other{Number: n}}, true
	}
	at := p.Prediction.Roles.Score
	if at < 0 || b.Cols[at].State[row] != plan.OK {
		return Answer{}, false
	}
	score := b.Cols[at].Num[row]
	fixed, ok := sketch.ScoreFixed(score)
	if !ok {
		return Answer{}, false
	}
	positive, ok := sketch.Decide(p, b, row)
	return Answer{Bin: bins.Of(score), Score: fixed, Positive: positive}, ok
}

// classAnswer reads the class that was predicted: that of the decision field, or the most probable one, the first of several. Without
// a class there is no answer; without probabilities there is one that has no score.
func classAnswer(p *plan.Plan, b *plan.Batch, row int) (*Class, bool) {
	c := &Class{}
	r := &p.Prediction.Roles
	all, whole := probabilities(p.Score, b, row)
	switch {
	case r.Decision >= 0:
		in := &b.Cols[r.Decision]
		if in.State[row] != plan.OK {
			return nil, false
		}
		c.Of = int32(p.Score.ClassOf(in.Str[row]))
	case whole:
		for i, v := range all {
			if v > all[c.Of] {
				c.Of = int32(i)
			}
		}
	default:
		return nil, false
	}
	switch {
	case whole:
		c.Top = likeliest(all)
	case r.Score >= 0 && b.Cols[r.Score].State[row] == plan.OK:
		if v := b.Cols[r.Score].Num[row]; v >= 0 && v <= 1 {
			c.Top = []Likely{{c.Of, quantum(v)}}
		}
	}
	return c, true
}

// probabilities are those of all classes; ok is false where one is missing or none.
func probabilities(s *plan.Score, b *plan.Batch, row int) (all []float64, ok bool) {
	if len(s.Each) == 0 {
		return nil, false
	}
	all = make([]float64, len(s.Each))
	for i, at := range s.Each {
		in := &b.Cols[at]
		if in.State[row] != plan.OK || !(in.Num[row] >= 0 && in.Num[row] <= 1) {
			return nil, false
		}
		all[i] = in.Num[row]
	}
	return all, true
}

func quantum(p float64) int32 { return int32(math.RoundToEven(p * ClassScale)) }

// likeliest orders classes by their probability; of equal ones the last comes first, as in scikit-learn's top_k_accuracy_score.
func likeliest(all []float64) []Likely {
	order := make([]int32, len(all))
	for i := range order {
		order[i] = int32(len(all) - 1 - i)
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		switch {
		case all[a] > all[b]:
			return -1
		case all[a] < all[b]:
			return 1
		}
		return 0
	})
	top := make([]Likely, 0, min(len(all), Carried))
	for i, at := range order {
		q := quantum(all[at])
		if i >= Carried || i >= Ranked && q == 0 {
			break
		}
		top = append(top, Likely{at, q})
	}
	return top
}

func numberAnswer(p *plan.Plan, b *plan.Batch, row int) (*Number, bool) {
	read := func(at int) (float64, bool) {
		if at < 0 || b.Cols[at].State[row] != plan.OK {
			return 0, false
		}
		v := b.Cols[at].Num[row]
		return v, v-v == 0
	}
	n := &Number{}
	var ok bool
	if n.Value, ok = read(p.Prediction.Roles.Score); !ok {
		return nil, false
	}
	if bounds := p.Score.Interval; bounds != nil {
		low, ok := read(bounds[0])
		high, ok2 := read(bounds[1])
		if ok && ok2 {
			n.Low, n.High, n.Interval = low, high, true
		}
	}
	return n, true
}

// Turned is what one row of an outcome batch says; ok is false where it carries no label.
func Turned(p *plan.Plan, b *plan.Batch, row int) (l Label, ok bool) {
	in := &b.Cols[p.Outcome.Roles.Label]
	if in.State[row] != plan.OK {
		return Label{}, false
	}
	switch {
	case p.Score == nil || p.Score.Task == plan.TwoClasses:
		return Label{Positive: p.IsPositive(in.Str[row])}, true
	case p.Score.Task == plan.Classes:
		return Label{Kind: Name, Name: p.Score.Named(in.Str[row], MostName)}, true
	}
	v := in.Num[row]
	return Label{Kind: Value, Value: v}, v-v == 0
}

var (
	errClass  = errors.New("a class is numbered beyond 2^31, or is more probable than 1")
	errNumber = errors.New("a number is neither one nor written as one")
	errLabel  = errors.New("a label of an unknown kind")
)

// AppendBinary writes c: its class, then how many likely ones follow, each as class and probability.
func (c *Class) AppendBinary(b []byte) []byte {
	b = wire.Uint(wire.Uint(b, uint64(c.Of)), uint64(len(c.Top)))
	for _, t := range c.Top {
		b = wire.Uint(wire.Uint(b, uint64(t.Class)), uint64(t.P))
	}
	return b
}

// ReadClass reads what AppendBinary wrote.
func ReadClass(r *wire.Reader) *Class {
	c := &Class{Of: readClass(r)}
	n := r.Count(2)
	if n > Carried {
		r.Fail(fmt.Errorf("%d likely classes, at most %d are carried", n, Carried))
		return c
	}
	for range n {
		t := Likely{Class: readClass(r)}
		p := r.Uint()
		if p > ClassScale {
			r.Fail(errClass)
			return c
		}
		t.P = int32(p)
		c.Top = append(c.Top, t)
	}
	return c
}

func readClass(r *wire.Reader) int32 {
	v := r.Uint()
	if v > math.MaxInt32 {
		r.Fail(errClass)
		return 0
	}
	return int32(v)
}

// AppendBinary writes n: whether it has an interval, the value, then the interval.
func (n *Number) AppendBinary(b []byte) []byte {
	b = appendNumber(wire.Bool(b, n.Interval), n.Value)
	if n.Interval {
		b = appendNumber(appendNumber(b, n.Low), n.High)
	}
	return b
}

// ReadNumber reads what AppendBinary wrote.
func ReadNumber(r *wire.Reader) *Number {
	n := &Number{Interval: r.Bool(), Value: readNumber(r)}
	if n.Interval {
		n.Low, n.High = readNumber(r), readNumber(r)
	}
	return n
}

// appendNumber writes a number with its bytes reversed, as a varint: round numbers have zeros behind, and take few bytes.
func appendNumber(b []byte, v float64) []byte {
	return wire.Uint(b, bits.ReverseBytes64(math.Float64bits(v)))
}

func readNumber(r *wire.Reader) float64 {
	v := math.Float64frombits(bits.ReverseBytes64(r.Uint()))
	if v-v != 0 {
		r.Fail(errNumber)
		return 0
	}
	return v
}

// AppendBinary writes what l says beside its kind. Of a Sign that is nothing: who writes it has a bit for it.
func (l *Label) AppendBinary(b []byte) []byte {
	switch l.Kind {
	case Name:
		return wire.String(b, l.Name)
	case Value:
		return appendNumber(b, l.Value)
	default:
		return b
	}
}

// ReadLabel reads what AppendBinary wrote of a label of this kind.
func ReadLabel(kind Kind, r *wire.Reader) Label {
	l := Label{Kind: kind}
	switch kind {
	case Sign:
	case Name:
		if l.Name = r.String(); len(l.Name) > MostName {
			r.Fail(fmt.Errorf("the name of a class takes %d bytes, at most %d", len(l.Name), MostName))
		}
	case Value:
		l.Value = readNumber(r)
	default:
		r.Fail(errLabel)
	}
	return l
}
