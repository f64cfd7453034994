package baseline

import (
	"errors"
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// ErrGovern is returned for a contract that rests on what the plan in force has not learnt.
var ErrGovern = errors.New("the plan in force can't go on under this contract")

// Govern puts a plan under the policy of another contract's draft, with the notes that follow from it. What was learnt stays. Both contracts ask for the same to be
// learnt; the error is ErrGovern where the build that learnt the plan didn't know of that yet, so that a part of the policy would not be judged.
func Govern(p, draft *plan.Plan) (*plan.Plan, error) {
	if was, now := groupedBy(p), groupedBy(draft); !slices.Equal(was, now) {
		return nil, fmt.Errorf("%w: %s was learnt by an earlier build, with the protected attributes %q, and the contract has %q; learn it anew, with plumbline apply --relearn",
			ErrGovern, p.Model, was, now)
	}
	named := *draft
	var err error
	if named.Policy.Promises, err = promisesBy(p, draft); err != nil {
		return nil, err
	}
	q, err := p.Policed(&named)
	if err != nil {
		return nil, err
	}
	was := unjudged(p)
	q.Unjudged = slices.DeleteFunc(slices.Clone(p.Unjudged), func(note string) bool { return slices.Contains(was, note) })
	q.Unjudged = append(q.Unjudged, unjudged(q)...)
	return q, nil
}

// groupedBy names the protected attributes of a plan or a draft, with what others are compared with. Their order in the contract doesn't count.
func groupedBy(p *plan.Plan) []string {
	out := []string{}
	for _, a := range p.Fairness.Drafted() {
		name := p.Slices[a.Dim].Name
		if a.Privileged != "" {
			name += "=" + a.Privileged
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// promisesBy are the promises of a draft by the plan's own dimensions: a contract may name protected attributes in another order, and they are dimensions in the
// order in which it does.
func promisesBy(p, draft *plan.Plan) ([]plan.Promise, error) {
	out := slices.Clone(draft.Policy.Promises)
	for i := range out {
		out[i].By = slices.Clone(out[i].By)
		for j, dim := range out[i].By {
			name := draft.Slices[dim].Name
			at := slices.IndexFunc(p.Slices, func(d plan.Dimension) bool { return d.Name == name })
			if at < 0 {
				return nil, fmt.Errorf("%w: the promise on %s is by %s, and %s was learnt by an earlier build, without it; learn it anew, with plumbline apply --relearn",
					ErrGovern, out[i].Metric, name, p.Model)
			}
			out[i].By[j] = at
		}
	}
	return out, nil
}
