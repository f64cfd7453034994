package engine

import (
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// distinct is a plan whose policy promises nothing twice: p itself, mostly. Contracts are refused that do; the plans of earlier builds may. A promise's books are kept
// under what it says, so that two that say the same would count everything twice; they are one, with all that follows from either, for as long as the longer.
func distinct(p *plan.Plan) *plan.Plan {
	var out []plan.Promise
	at := map[string]int{}
	for _, pr := range p.Policy.Promises {
		key := promiseKey(&pr)
		i, twice := at[key]
		if !twice {
			at[key] = len(out)
			out = append(out, pr)
			continue
		}
		one := &out[i]
		one.Then, one.Agreed = both(one.Then, pr.Then), both(one.Agreed, pr.Agreed)
		if one.Until.IsZero() || pr.Until.IsZero() {
			one.Until = time.Time{}
		} else if pr.Until.After(one.Until) {
			one.Until = pr.Until
		}
	}
	if len(out) == len(p.Policy.Promises) {
		return p
	}
	q := *p
	q.Policy.Promises = out
	return &q
}

// both are the words of either list.
func both(a, b []string) []string {
	out := slices.Clone(a)
	for _, w := range b {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}
