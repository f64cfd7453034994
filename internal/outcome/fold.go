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
//   - 3: groups.
const stateFormat = 3

// State is what is known of one id: its first prediction, its outcomes and what was said of its groups, in the order of their places.
type State struct {
	Prediction *Prediction
	Outcomes   []Outcome
	Groups     []Groups
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
	var changed bool
	if r.Groups != nil {
		s.Groups, changed = insert(s.Groups, *r.Groups, func(a, b Groups) int { return a.Place.Compare(b.Place) })
	} else {
		s.Outcomes, changed = insert(s.Outcomes, *r.Outcome, func(a, b Outcome) int { return a.Place.Compare(b.Place) })
	}
	return changed
}

// insert puts one more into a list that is ordered by places, and drops the first of too many. It reports whether the list changed.
func insert[T any](list []T, one T, compare func(a, b T) int) ([]T, bool) {
	at, found := slices.BinarySearchFunc(list, one, compare)
	if found {
		return list, false
	}
	if len(list) >= maxOutcomes {
		if at == 0 { // it would be the first to go
			return list, false
		}
		list = slices.Delete(list, 0, 1)
		at--
	}
	return slices.Insert(list, at, one), true
}

// GroupsAt is what s says of its id's groups: the last record within Keep of the prediction, with onTime of those only whose event time lies
// before the pane's end + MatureAfter, as of labels; nil where there is none.
func (s *State) GroupsAt(t plan.Terms, onTime bool) *Groups {
	if s.Prediction == nil {
		return nil
	}
	for i := range slices.Backward(s.Groups) {
		if s.counts(t, s.Groups[i].Place.Time, onTime) {
			return &s.Groups[i]
		}
	}
	return nil
}

// counts reports whether what came at a time is held against the prediction.
func (s *State) counts(t plan.Terms, at int64, onTime bool) bool {
	apart := at - s.Prediction.Place.Time
	return max(apart, -apart) <= t.Keep && (!onTime || at < t.PaneEnd(s.Prediction.Pane)+t.MatureAfter)
}

// Label is the label s stands for: the last outcome within Keep of the prediction. onTime looks only at outcomes whose event
// time lies before the pane's end + MatureAfter: those feed evidence, which is spent once; all outcomes feed the metrics,
// which are revised for ever.
func (s *State) Label(t plan.Terms, onTime bool) (l truth.Label, ok bool) {
	if s.Prediction == nil {
		return truth.Label{}, false
	}
	for _, o := range slices.Backward(s.Outcomes) {
		if s.counts(t, o.Place.Time, onTime) {
			return o.Label(), true
		}
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
	if format == stateFormat {
		b = wire.Uint(b, uint64(len(s.Groups)))
		for i := range s.Groups {
			g := &s.Groups[i]
			b = wire.String(wire.String(appendPlace(b, g.Place), g.Plan), g.Codes)
		}
	}
	return b
}

// format is the first format that holds all of s.
func (s *State) format() uint64 {
	const answers = 2
	if len(s.Groups) > 0 {
		return stateFormat
	}
	if s.Prediction != nil && s.Prediction.Other != nil {
		return answers
	}
	for i := range s.Outcomes {
		if s.Outcomes[i].Other != nil {
			return answers
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
	if r.Err() == nil && (format < 1 || format > stateFormat) {
		return nil, fmt.Errorf("read join state: format %d, this build reads 1 to %d", format, stateFormat)
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
	if format == stateFormat {
		s.readGroups(r)
	}
	if r.Err() == nil && s.format() != format {
		r.Fail(errOlder)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read join state: %w", err)
	}
	return s, nil
}

func (s *State) readGroups(r *wire.Reader) {
	n := r.Count(5)
	if n > maxOutcomes {
		r.Fail(fmt.Errorf("%d records of groups of one id, at most %d are kept", n, maxOutcomes))
		n = 0
	}
	for i := range n {
		g := Groups{Place: readPlace(r), Plan: r.String(), Codes: r.String()}
		if i > 0 && g.Place.Compare(s.Groups[i-1].Place) <= 0 {
			r.Fail(fmt.Errorf("record %d of groups of one id is not later than the one before", i))
		}
		s.Groups = append(s.Groups, g)
	}
}
