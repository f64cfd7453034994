package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// A promise's findings are told apart from others' by their subject, see finding.Signal: it says what is promised. Where the policy in force promises that twice, it says by
// what the two differ as well. An alarm keeps the name that it was told under, whatever is promised beside it by the time it is over.

// name gives a promise's finding its subject: that of the alarm it goes on with or ends, as the signal was before, or one of its own.
func (s *signal) name(f *finding.Finding, was signal, own func() string) {
	switch {
	case !was.Open:
		f.Subject = own()
	case was.As != "":
		f.Subject = was.As
	} // else it was told by an earlier build, which knew no other name than the one the finding has
	if s.Open {
		s.As = f.Subject
	}
}

// promiseSubject is the subject of a promise on the model or its service, as the policy in force has it.
func (e *Engine) promiseSubject(pr *plan.Promise) string {
	words := promisedWords(e.plan, pr)
	if e.promisedTwice(pr, func(q *plan.Promise) bool { return slices.Equal(q.By, pr.By) && promisedWords(e.plan, q) == words }) {
		words += " over " + days(pr)
		if pr.Expr != "" {
			words += ", " + pr.Expr
		}
	}
	return "promise: " + words
}

func promisedWords(p *plan.Plan, pr *plan.Promise) string {
	if m, ok := findService(pr.Metric); ok && pr.Expr == "" {
		return serviceWords(pr, &m)
	}
	m, ok := metricOf(p, pr)
	if !ok {
		return "" // not judged
	}
	return promiseWords(pr, &m, p.Policy.Costs)
}

// groupsSubject is the subject of a promise on the groups by some dimensions.
func (e *Engine) groupsSubject(pr *plan.Promise, dims []int) string {
	subject := plainGroups(e.plan, dims)
	if !e.promisedTwice(pr, func(q *plan.Promise) bool { return q.Metric == pr.Metric && e.comparesBy(q, dims) }) {
		return subject
	}
	side := "at most"
	if pr.Min != nil {
		side = "at least"
	}
	limit, _ := groupLimit(pr)
	subject = fmt.Sprintf("%s (%s %g over %s", subject, side, limit, days(pr))
	if len(pr.By) == 0 {
		subject += ", as of every attribute"
	}
	return subject + ")"
}

// plainGroups names the dimensions that groups are compared by.
func plainGroups(p *plan.Plan, dims []int) string {
	names := make([]string, len(dims))
	for i, d := range dims {
		names[i] = p.Slices[d].Name
	}
	return strings.Join(names, " x ")
}

// comparesBy reports whether a promise on groups holds for those by some dimensions.
func (e *Engine) comparesBy(pr *plan.Promise, dims []int) bool {
	return slices.ContainsFunc(viewsOfGroups(e.plan, pr), func(view []int) bool { return slices.Equal(view, dims) })
}

// viewsOfGroups are the dimensions by which a promise compares groups: the crossed ones that it names, or each attribute by itself.
func viewsOfGroups(p *plan.Plan, pr *plan.Promise) [][]int {
	if _, ok := fairness.Find(pr.Metric); !ok || p.Fairness == nil {
		return nil
	}
	if len(pr.By) > 0 {
		return [][]int{pr.By}
	}
	var out [][]int
	for _, a := range p.Fairness.Attributes {
		out = append(out, []int{a.Dim})
	}
	return out
}

// promisedTwice reports whether the policy in force has another promise that is alike.
func (e *Engine) promisedTwice(pr *plan.Promise, alike func(*plan.Promise) bool) bool {
	key := promiseKey(pr)
	return slices.ContainsFunc(e.plan.Policy.Promises, func(q plan.Promise) bool { return promiseKey(&q) != key && alike(&q) })
}
