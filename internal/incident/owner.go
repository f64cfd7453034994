package incident

import "github.com/plumbline-ml/plumbline/internal/plan"

// owner is the team of the role that acts first: the data's for what is seen on inputs, the model's for what outcomes show.
func owner(l lane, p *plan.Policy) Owner {
	roles := []string{"data", "model", "platform"}
	if l == books {
		roles = []string{"platform", "data", "model"}
	}
	if l == truth || l == prior || l == known || l == fair || l == equal {
		roles = []string{"model", "data", "platform"}
	}
	for _, r := range roles {
		if t := p.Owners[r]; t != "" {
			return Owner{Role: r, Team: t}
		}
	}
	return Owner{}
}

// runbook is that of the cause; of a kind of calibration, which older contracts don't tell apart, else calibration's.
func runbook(kind string, p *plan.Policy) string {
	if at, ok := p.Runbooks[kind]; ok || kind != conceptDrift && kind != priorShift {
		return at
	}
	return p.Runbooks[calibration]
}
