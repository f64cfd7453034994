package outcome

import (
	"cmp"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// Key names a cell of labelled counts. OnTime cells count only outcomes that came before the cohort was mature.
type Key struct {
	Model   string
	Plan    string
	OnTime  bool
	Pane    int64
	Version string
	Slice   string
}

// Compare orders keys.
func (k Key) Compare(l Key) int {
	onTime := 0
	if k.OnTime != l.OnTime {
		onTime = 1
		if l.OnTime {
			onTime = -1
		}
	}
	return cmp.Or(cmp.Compare(k.Model, l.Model), cmp.Compare(k.Plan, l.Plan), onTime,
		cmp.Compare(k.Pane, l.Pane), cmp.Compare(k.Version, l.Version), cmp.Compare(k.Slice, l.Slice))
}

// Effects collects what folding rows does to the labelled counts.
type Effects struct {
	plans func(digest string) *plan.Plan
	cells map[Key]truth.Counts
}

// NewEffects makes an empty collection. plans finds a plan by its digest; nil for one that is no longer known, whose
// predictions are then held against nothing.
func NewEffects(plans func(digest string) *plan.Plan) *Effects {
	return &Effects{plans: plans, cells: map[Key]truth.Counts{}}
}

// Change folds r into s and collects the difference it makes: what s stood for is taken back, what it stands for now is
// added. It reports whether r changed anything.
func (e *Effects) Change(s *State, r *Row) bool {
	before := e.meaning(s)
	if !s.Fold(r) {
		return false
	}
	after := e.meaning(s)
	for lane := range before.labels {
		e.count(&before, r.Model, lane, -1)
		e.count(&after, r.Model, lane, +1)
	}
	return true
}

// meaning is what a state stands for: a prediction, and the labels that are held against it in the slice of its groups, by whether only those on time count. The state may
// change, what it stood for doesn't.
type meaning struct {
	prediction *Prediction // nil: nothing
	plan       *plan.Plan
	labels     [2]truth.Label
	labelled   [2]bool
	slices     [2]string // that they are counted in
}

func (e *Effects) meaning(s *State) (m meaning) {
	if s.Prediction == nil || len(s.Outcomes) == 0 {
		return m
	}
	p := e.plans(s.Prediction.Plan)
	if p == nil || p.Score == nil {
		return m
	}
	m.prediction, m.plan = s.Prediction, p
	terms := p.Terms()
	for lane := range m.labels {
		m.labels[lane], m.labelled[lane] = s.Label(terms, lane == 1)
		m.slices[lane] = s.SliceIn(p, lane == 1, e.plans)
	}
	return m
}

func (e *Effects) count(m *meaning, model string, lane int, sign int64) {
	p := m.prediction
	if p == nil || !m.labelled[lane] {
		return
	}
	answer := p.Answer()
	if !truth.Fits(m.plan, &answer, &m.labels[lane]) {
		return
	}
	key := Key{Model: model, Plan: p.Plan, OnTime: lane == 1, Pane: p.Pane, Version: p.Version, Slice: m.slices[lane]}
	c := e.cells[key]
	if c == nil {
		c = truth.New(m.plan)
		e.cells[key] = c
	}
	truth.Count(c, &answer, &m.labels[lane], sign)
}

// SliceIn is the finest slice that an outcome of s is counted in, under the plan of its prediction: the prediction's, with the groups that are known of
// its id by then.
func (s *State) SliceIn(p *plan.Plan, onTime bool, plans func(digest string) *plan.Plan) string {
	if p.Attributes == nil {
		return s.Prediction.Slice
	}
	g := s.GroupsAt(p.Terms(), onTime)
	if g == nil {
		return s.Prediction.Slice
	}
	from := p
	if g.Plan != s.Prediction.Plan {
		from = plans(g.Plan)
	}
	return p.InGroups(s.Prediction.Slice, g.Codes, from)
}

// Take returns the collected cells in the order of their keys and forgets them.
func (e *Effects) Take() ([]Key, []truth.Counts) {
	keys := make([]Key, 0, len(e.cells))
	for k := range e.cells {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, Key.Compare)
	counts := make([]truth.Counts, len(keys))
	for i, k := range keys {
		counts[i] = e.cells[k]
	}
	clear(e.cells)
	return keys, counts
}
