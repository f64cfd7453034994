package plan

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// History is what has been in force for one model, in the order of From. A plan is in force from its own From until that of
// the next; the first one also before. An event belongs to the plan in force at its event time, whenever it is read and by
// whomever: so the replicas of a service agree, and a replay counts as the first time.
//
// Two neighbours may be the same plan under another policy.
type History []*Plan

// Key names a plan's record on the plans topic. A record of a plan of format 1, the only one of its model, has the model as its key.
func (p *Plan) Key() string { return p.Model + "@" + p.From.UTC().Format(time.RFC3339) }

// With returns the history with p in it, in place of the one with the same From if there is one. h stays as it is.
func (h History) With(p *Plan) History {
	out := h.Without(p.From)
	at, _ := slices.BinarySearchFunc(out, p, func(a, b *Plan) int { return a.From.Compare(b.From) })
	return slices.Insert(out, at, p)
}

// Without returns the history without the plan of that From.
func (h History) Without(from time.Time) History {
	out := make(History, 0, len(h)+1)
	for _, p := range h {
		if !p.From.Equal(from) {
			out = append(out, p)
		}
	}
	return out
}

// Last is the plan in force for the newest events, nil if there is none.
func (h History) Last() *Plan {
	if len(h) == 0 {
		return nil
	}
	return h[len(h)-1]
}

// At is the plan in force at an event time.
func (h History) At(us int64) *Plan {
	if len(h) == 0 {
		return nil
	}
	after, _ := slices.BinarySearchFunc(h, us, func(p *Plan, us int64) int {
		if Micros(p.From) <= us {
			return -1
		}
		return 1
	})
	return h[max(0, after-1)]
}

// Era is a stretch of event time [From, To) in which one plan is in force, under one policy after the other.
type Era struct {
	Plan     *Plan // the first of Policies
	Policies History
	From, To int64 // microseconds; the first era begins and the last one ends with the range of int64
}

// Eras cuts a history where the plan itself changes, not its policy.
func (h History) Eras() []Era {
	var out []Era
	for _, p := range h {
		if n := len(out); n > 0 && out[n-1].Plan.Digest() == p.Digest() {
			out[n-1].Policies = append(out[n-1].Policies, p)
			continue
		}
		e := Era{Plan: p, Policies: History{p}, From: Micros(p.From), To: math.MaxInt64}
		if n := len(out); n > 0 {
			out[n-1].To = e.From
		} else {
			e.From = math.MinInt64
		}
		out = append(out, e)
	}
	return out
}

// Holds reports whether an event time lies in the era.
func (e *Era) Holds(us int64) bool { return us >= e.From && us < e.To }

// Governed is every policy that a plan was ever under, by its digest: of a plan that was put in force again, too.
func (h History) Governed(digest string) History {
	var out History
	for _, p := range h {
		if p.Digest() == digest {
			out = append(out, p)
		}
	}
	return out
}

// Boundary is the first moment from which a plan may take over from another, not before the event time at: where a test pane
// of both begins. Test panes are counted from midnight UTC and divide a day, or are whole days long.
func Boundary(at time.Time, plans ...*Plan) time.Time {
	step := time.Duration(0)
	same := len(plans) > 0
	for _, p := range plans {
		step = max(step, p.TestPane)
		same = same && p.Digest() == plans[0].Digest()
	}
	if !same {
		step = max(step, 24*time.Hour)
	}
	start := Align(Micros(at), step)
	if start < Micros(at) {
		start += step.Microseconds()
	}
	return FromMicros(start)
}

// Policed returns p under the policy of another contract's draft: what was learnt stays.
func (p *Plan) Policed(draft *Plan) (*Plan, error) {
	q := *p
	q.Contract, q.Learns, q.Policy = draft.Contract, draft.Learns, draft.Policy
	if err := q.Seal(); err != nil {
		return nil, err
	}
	if q.Digest() != p.Digest() {
		return nil, fmt.Errorf("put %s under another policy: the calendar is part of the plan, and differs", p.Model)
	}
	return &q, nil
}

// Measured is what the reference showed of a metric; of the expected cost at the given prices.
func (v *View) Measured(name string, costs *Costs) (Measured, bool) {
	if name != expectedCost {
		m, ok := v.Metrics[name]
		return m, ok
	}
	if v.Shares == nil || costs == nil {
		m, ok := v.Metrics[name] // a plan of format 1
		return m, ok && costs != nil
	}
	price := [4]float64{costs.TruePositive, costs.FalsePositive, costs.FalseNegative, costs.TrueNegative}
	m := Measured{Null: Null{Panes: v.Shares.Panes}}
	var variance float64
	for i, a := range price {
		m.Value += a * v.Shares.Value[i]
		m.Null.Mean += a * v.Shares.Mean[i]
		for j, b := range price {
			variance += a * b * v.Shares.Cov[i][j]
		}
	}
	m.Null.SD = math.Sqrt(max(0, variance))
	return m, true
}

// expectedCost is the one metric that depends on the policy.
const expectedCost = "expected_cost"
