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

const stateFormat = 1

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
		return truth.Label{Positive: o.Positive}, true
	}
	return truth.Label{}, false
}

// AppendBinary writes s.
func (s *State) AppendBinary(b []byte) []byte {
	b = wire.Uint(b, stateFormat)
	b = wire.Bool(b, s.Prediction != nil)
	if s.Prediction != nil {
		b = appendPrediction(b, s.Prediction)
	}
	b = wire.Uint(b, uint64(len(s.Outcomes)))
	for i := range s.Outcomes {
		b = appendOutcome(b, &s.Outcomes[i])
	}
	return b
}

// ReadState reads what AppendBinary wrote; nil bytes are an id nothing is known of.
func ReadState(b []byte) (*State, error) {
	s := &State{}
	if b == nil {
		return s, nil
	}
	r := wire.NewReader(b)
	if f := r.Uint(); r.Err() == nil && f != stateFormat {
		return nil, fmt.Errorf("read join state: format %d, this build reads %d", f, stateFormat)
	}
	if r.Bool() {
		s.Prediction = readPrediction(r)
	}
	n := r.Count(4)
	if n > maxOutcomes {
		r.Fail(fmt.Errorf("%d outcomes of one id, at most %d are kept", n, maxOutcomes))
		n = 0
	}
	for i := range n {
		o := readOutcome(r)
		if i > 0 && o.Place.Compare(s.Outcomes[i-1].Place) <= 0 { // Fold searches them by their places
			r.Fail(fmt.Errorf("outcome %d of one id is not later than the one before", i))
		}
		s.Outcomes = append(s.Outcomes, o)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read join state: %w", err)
	}
	return s, nil
}
