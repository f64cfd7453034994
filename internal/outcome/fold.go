package outcome

import (
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// maxOutcomes bounds the outcomes kept of one id. An id whose label was corrected more often keeps its latest corrections,
// by place. These are the same in whatever order the rows come, so the sum of the effects still depends only on which rows
// there are; but what is beyond the bound is forgotten: an id that so many outcomes name after its Keep or after its cohort
// was mature loses the label it had before.
const maxOutcomes = 64

// stateFormat is the latest format of a state. What binary models bring is written in format 1, as it always was.
//
//   - 2: of the prediction and of each outcome what it is of, and what it then says: see appendAnswer and appendLabel.
const stateFormat = 2

// State is what is known of one id: its first prediction and its outcomes, in the order of their places.
type State struct {
	Prediction *Prediction
	Outcomes   []Outcome
}

// Fold takes one more row into account and reports whether anything changed. It is idempotent, and the order of rows doesn't
// matter.
func (s *State) Fold(r *Row) bool {
	if p := r.Prediction; p != nil {
		if s.Prediction != nil && s.Prediction.Place.Compare(p.Place) <= 0 {
			return false
		}
		s.Prediction = p
		return true
	}
	at, found := slices.BinarySearchFunc(s.Outcomes, *r.Outcome, func(a, b Outcome) int { return a.Place.Compare(b.Place) })
	if found {
		return false
	}
	if len(s.Outcomes) >= maxOutcomes {
		if at == 0 { // it would be the first to go
			return false
		}
		s.Outcomes = slices.Delete(s.Outcomes, 0, 1)
		at--
	}
	s.Outcomes = slices.Insert(s.Outcomes, at, *r.Outcome)
	return true
}

// Label is the label s stands for: the last outcome within Keep of the prediction. onTime looks only at outcomes whose event
// time lies before the pane's end + MatureAfter: those feed evidence, which is spent once; all outcomes feed the metrics,
// which are revised for ever.
func (s *State) Label(t plan.Terms, onTime bool) (l truth.Label, ok bool) {
	if s.Prediction == nil {
		return truth.Label{}, false
	}
	cut := t.PaneEnd(s.Prediction.Pane) + t.MatureAfter
	for _, o := range slices.Backward(s.Outcomes) {
		apart := o.Place.Time - s.Prediction.Place.Time
		if max(apart, -apart) > t.Keep || onTime && o.Place.Time >= cut {
			continue
		}
		return o.Label(), true
	}
	return truth.Label{}, false
}

// AppendBinary writes s.
func (s *State) AppendBinary(b []byte) []byte {
	format := s.format()
	b = wire.Uint(b, format)
	b = wire.Bool(b, s.Prediction != nil)
	if s.Prediction != nil {
		b = appendPrediction(b, s.Prediction)
		if format > 1 {
			b = appendAnswer(b, s.Prediction)
		}
	}
	b = wire.Uint(b, uint64(len(s.Outcomes)))
	for i := range s.Outcomes {
		b = appendOutcome(b, &s.Outcomes[i])
		if format > 1 {
			b = appendLabel(b, &s.Outcomes[i])
		}
	}
	return b
}

// format is the first format that holds all of s.
func (s *State) format() uint64 {
	if s.Prediction != nil && s.Prediction.Other != nil {
		return stateFormat
	}
	for i := range s.Outcomes {
		if s.Outcomes[i].Other != nil {
			return stateFormat
		}
	}
	return 1
}

// ReadState reads what AppendBinary wrote; nil bytes are an id nothing is known of.
func ReadState(b []byte) (*State, error) {
	s := &State{}
	if b == nil {
		return s, nil
	}
	r := wire.NewReader(b)
	format := r.Uint()
	if r.Err() == nil && format != 1 && format != stateFormat {
		return nil, fmt.Errorf("read join state: format %d, this build reads 1 and %d", format, stateFormat)
	}
	if r.Bool() {
		s.Prediction = readPrediction(r)
		if format > 1 {
			readAnswer(r, s.Prediction)
		}
	}
	n := r.Count(4)
	if n > maxOutcomes {
		r.Fail(fmt.Errorf("%d outcomes of one id, at most %d are kept", n, maxOutcomes))
		n = 0
	}
	for i := range n {
		o := readOutcome(r)
		if format > 1 {
			readLabel(r, &o)
		}
		if i > 0 && o.Place.Compare(s.Outcomes[i-1].Place) <= 0 { // Fold searches them by their places
			r.Fail(fmt.Errorf("outcome %d of one id is not later than the one before", i))
		}
		s.Outcomes = append(s.Outcomes, o)
	}
	if r.Err() == nil && s.format() != format {
		r.Fail(errOlder)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read join state: %w", err)
	}
	return s, nil
}
