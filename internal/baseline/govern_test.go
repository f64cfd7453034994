package baseline_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/baseline"
)

const (
	protectedBoth = "protected:\n  cat: {justification: for the test}\n  seg: {privileged: n, justification: for the test}\ndecision: {threshold: 0.5}\n"
	protectedSwap = "protected:\n  seg: {privileged: n, justification: for the test}\n  cat: {justification: for the test}\ndecision: {threshold: 0.5}\n"
	protectedSeg  = "protected: {seg: {privileged: n, justification: for the test}}\ndecision: {threshold: 0.5}\n"
	unprotected   = "decision: {threshold: 0.5}\n"
	byCat         = "promises: [{metric: demographic_parity_ratio, min: 80%, over: 7d, by: [cat], then: ticket}]\n"
)

// Another policy goes on with what was learnt, groups included, in whatever order the contract names their attributes.
func TestGovern(t *testing.T) {
	sliced := strings.Replace(head, "slices: [[seg]]\n", "", 1)
	p := build(t, draftOf(t, sliced, 8, protectedBoth), steady(9, 48))
	q, err := baseline.Govern(p, draftOf(t, sliced, 8, protectedSwap+byCat))
	if err != nil || q.Digest() != p.Digest() || q.Fairness == nil || len(q.Policy.Promises) != 1 {
		t.Fatalf("%+v, %v", q, err)
	}
	if by := q.Policy.Promises[0].By; len(by) != 1 || q.Slices[by[0]].Name != "cat" {
		t.Errorf("by %v of %+v", by, q.Slices)
	}
	if slices.ContainsFunc(q.Unjudged, func(note string) bool { return strings.Contains(note, "demographic_parity_ratio") }) {
		t.Errorf("%q", q.Unjudged)
	}
}

// A plan that was learnt by a build which knew no groups compares none: a policy for such a contract is refused, with what to do.
func TestGovernRefusesWhatWasNotLearnt(t *testing.T) {
	for name, c := range map[string]struct{ was, now, want string }{
		"groups":     {unprotected, protectedSeg, `with the protected attributes [], and the contract has ["seg=n"]; learn it anew, with plumbline apply --relearn`},
		"more":       {protectedSeg, protectedBoth, `with the protected attributes ["seg=n"], and the contract has ["cat" "seg=n"]`},
		"other ones": {protectedSeg, strings.Replace(protectedSeg, "privileged: n", "privileged: s", 1), `with the protected attributes ["seg=n"], and the contract has ["seg=s"]`},
	} {
		t.Run(name, func(t *testing.T) {
			p := build(t, draft(t, 8, c.was), steady(9, 48))
			q, err := baseline.Govern(p, draft(t, 8, c.now))
			if !errors.Is(err, baseline.ErrGovern) || q != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	p := build(t, draft(t, 8, ""), steady(9, 48))
	d := draft(t, 8, "promises: [{metric: roc_auc, min: 80%, over: 7d, by: [seg], then: ticket}]\n")
	d.Slices[0].Name = "cat"
	if _, err := baseline.Govern(p, d); !errors.Is(err, baseline.ErrGovern) || !strings.Contains(err.Error(), "the promise on roc_auc is by cat") {
		t.Error(err)
	}
}
