package drift

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

const (
	// mostSlices is how many slices of a model are followed: those with most events in the reference.
	mostSlices = 200
	// nearlyAll is the share of the reference's events from which on a slice says what the whole says.
	nearlyAll = 0.95
)

// Slice is a slice that is followed.
type Slice struct {
	*sequential.Slice
	Group int   // of plan.Groups
	Codes []int // the values of its dimensions, as in slice codes
	Rows  int64 // in the reference
	// Means are those of the plan's columns in the slice's reference, NaN for columns that have none.
	Means []float64
}

// Key names a slice among the slices of a plan.
func Key(group int, codes []int) string { return fmt.Sprint(group, codes) }

// CodesIn are the values that a finest slice has of a group's dimensions.
func CodesIn(finest string, group []int) []int {
	codes := make([]int, len(group))
	for i, d := range group {
		codes[i] = plan.SliceAt(finest, d)
	}
	return codes
}

// Labels name the slice to people.
func (s *Slice) Labels(p *plan.Plan) map[string]string {
	out := map[string]string{}
	for i, d := range p.Groups[s.Group] {
		out[p.Slices[d].Name] = p.Slices[d].Label(s.Codes[i])
	}
	return out
}

// weightOf is the share of the budget that each of n slices has.
func weightOf(n int) float64 { return OfSlices / float64(max(n, 1)) }

// learnSlices learns every slice of the plan's groups whose own panes are enough to learn from.
func learnSlices(p *plan.Plan, e *sequential.Engine, reference []Pane) ([]Slice, error) {
	found := occurring(p, reference)
	histories := make([][]sequential.Pane, 0, len(found))
	kept := found[:0]
	for _, s := range found {
		all := sketch.NewSet(p)
		history, err := pastOf(p, reference, func(t *Pane) (*sketch.Set, error) {
			set, err := s.of(p, t)
			return set, errors.Join(err, all.Merge(set))
		})
		if err != nil {
			return nil, err
		}
		if len(history) >= fewestPanes {
			s.Means = means(p, all)
			kept, histories = append(kept, s), append(histories, history)
		}
	}
	for i := range kept {
		s := &kept[i]
		var err error
		if s.Slice, err = sequential.LearnSlice(e, Key(s.Group, s.Codes), weightOf(len(kept)), histories[i]); err != nil {
			return nil, fmt.Errorf("learn drift of %s: %w", p.Model, err)
		}
	}
	return kept, nil
}

// occurring are the slices with most events in the reference, by group and values; what is missing or has nearly all events is none.
func occurring(p *plan.Plan, reference []Pane) []Slice {
	found := map[string]*Slice{}
	var all int64
	for i := range reference {
		all += reference[i].Set.Rows
		for finest, set := range reference[i].Cells {
			for g, group := range p.Groups {
				codes := CodesIn(finest, group)
				key := Key(g, codes)
				if found[key] == nil {
					found[key] = &Slice{Group: g, Codes: codes}
				}
				found[key].Rows += set.Rows
			}
		}
	}
	var out []Slice
	for _, key := range slices.Sorted(maps.Keys(found)) {
		s := found[key]
		if !slices.Contains(s.Codes, plan.NoValue) && float64(s.Rows) < nearlyAll*float64(all) {
			out = append(out, *s)
		}
	}
	slices.SortStableFunc(out, func(a, b Slice) int { return cmp.Compare(b.Rows, a.Rows) })
	out = out[:min(len(out), mostSlices)]
	slices.SortFunc(out, order)
	return out
}

// Govern follows the whole to another policy; n is how many slices the plan has.
func (s *Slice) Govern(n int) { s.Slice.Govern(weightOf(n)) }

// Detectable says of every channel of the slice the smallest lasting change that a day would usually show, by the panes that the plan's reference gave it.
func (s *Slice) Detectable(p *plan.Plan) []sequential.Detectable {
	panes := float64(s.Learnt())
	return s.Slice.Detectable(p.Reference.To.Sub(p.Reference.From).Hours()/panes, float64(s.Rows)/panes)
}

// Read reads the state of a slice as its AppendBinary wrote it, of another engine that the plan has learnt.
func (s *Slice) Read(e *sequential.Engine, n int, r *wire.Reader) (Slice, error) {
	out := *s
	var err error
	out.Slice, err = sequential.ReadSlice(e, weightOf(n), r)
	return out, err
}

// order is by group and values: plans list slices in it.
func order(a, b Slice) int {
	return cmp.Or(cmp.Compare(a.Group, b.Group), slices.Compare(a.Codes, b.Codes))
}

// of adds up what a pane holds of the slice.
func (s *Slice) of(p *plan.Plan, t *Pane) (*sketch.Set, error) {
	sum := sketch.NewSet(p)
	for finest, set := range t.Cells { // integers: the order doesn't matter
		if !plan.InSlice(finest, p.Groups[s.Group], s.Codes) {
			continue
		}
		if err := sum.Merge(set); err != nil {
			return nil, err
		}
	}
	return sum, nil
}

func means(p *plan.Plan, all *sketch.Set) []float64 {
	out := make([]float64, len(p.Columns))
	for i := range out {
		out[i] = math.NaN()
		if n := &all.Columns[i]; !p.Columns[i].Layout.Categorical && n.Valid() > n.Overflow {
			out[i] = n.Sum.Float() / float64(n.Valid()-n.Overflow)
		}
	}
	return out
}

func (s *Slice) append(b []byte) []byte {
	b = wire.Uint(b, uint64(s.Group))
	for _, c := range s.Codes {
		b = wire.Uint(b, uint64(c))
	}
	b = wire.Int(b, s.Rows)
	for _, m := range s.Means {
		if b = wire.Bool(b, !math.IsNaN(m)); !math.IsNaN(m) {
			b = wire.Float(b, m)
		}
	}
	return s.AppendBinary(b)
}

var errSlice = errors.New("a slice that the plan can't have")

func readSlices(p *plan.Plan, e *sequential.Engine, r *wire.Reader) ([]Slice, error) {
	n := r.Uint()
	if n > mostSlices || n > 0 && len(p.Groups) == 0 {
		return nil, fmt.Errorf("%w: %d slices in %d groups", errSlice, n, len(p.Groups))
	}
	out := make([]Slice, 0, n)
	for range n {
		s := Slice{}
		group := r.Uint()
		if r.Err() != nil || group >= uint64(len(p.Groups)) {
			return nil, cmp.Or(r.Err(), errSlice)
		}
		s.Group = int(group)
		for _, d := range p.Groups[s.Group] {
			code := r.Uint()
			if code > uint64(len(p.Slices[d].Values)) {
				return nil, errSlice
			}
			s.Codes = append(s.Codes, int(code))
		}
		s.Rows = r.Int()
		sound := s.Rows > 0 && (len(out) == 0 || order(out[len(out)-1], s) < 0)
		for range p.Columns {
			m := math.NaN()
			if r.Bool() {
				m = r.Float()
				sound = sound && !math.IsNaN(m) && !math.IsInf(m, 0)
			}
			s.Means = append(s.Means, m)
		}
		if r.Err() != nil || !sound {
			return nil, cmp.Or(r.Err(), errSlice)
		}
		var err error
		if s.Slice, err = sequential.ReadSlice(e, weightOf(int(n)), r); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, r.Err()
}
