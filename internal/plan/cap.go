package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/budget"
)

// Asked is what a contract asks for, where a cap on a team's or the fleet's false alarms lets it have less. It is kept with the rates in
// force so that caps can be changed or lifted without the contract.
type Asked struct {
	Pages     float64 `json:"pages_per_day"`
	Tickets   float64 `json:"tickets_per_day"`
	PagesBy   string  `json:"pages_by,omitempty"` // the cap that keeps pages below what is asked, see budget.Grant; "" if none does
	TicketsBy string  `json:"tickets_by,omitempty"`
	Policy    string  `json:"policy"` // the policy's digest without caps
}

// Asks are the rates of false alarms that the contract asks for, which are in force if no cap keeps them down.
func (p *Policy) Asks() budget.Rates {
	if a := p.Asked; a != nil {
		return budget.Rates{Pages: a.Pages, Tickets: a.Tickets}
	}
	return budget.Rates{Pages: p.Pages, Tickets: p.Tickets}
}

// InForce are the rates in force, and which caps keep them below what is asked for.
func (p *Policy) InForce() budget.Grant {
	g := budget.Grant{Rates: budget.Rates{Pages: p.Pages, Tickets: p.Tickets}}
	if a := p.Asked; a != nil {
		g.PagesBy, g.TicketsBy = a.PagesBy, a.TicketsBy
	}
	return g
}

// Granted returns p with other rates in force, at most what its contract asks for. What is given in full reads as a plan without caps,
// with the digest that the policy had; the digest of a capped policy says its rates too.
func (p *Plan) Granted(g budget.Grant) (*Plan, error) {
	q := *p
	asks, contract := p.Policy.Asks(), p.Policy.Digest
	if a := p.Policy.Asked; a != nil {
		contract = a.Policy
	}
	q.Policy.Pages, q.Policy.Tickets = min(g.Pages, asks.Pages), min(g.Tickets, asks.Tickets)
	q.Policy.Digest, q.Policy.Asked = contract, nil
	if q.Policy.Pages < asks.Pages || q.Policy.Tickets < asks.Tickets {
		sum := sha256.Sum256(fmt.Appendf(nil, "capped\x00%s\x00%b\x00%b", contract, q.Policy.Pages, q.Policy.Tickets))
		q.Policy.Digest = "sha256:" + hex.EncodeToString(sum[:])
		q.Policy.Asked = &Asked{Pages: asks.Pages, Tickets: asks.Tickets, PagesBy: g.PagesBy, TicketsBy: g.TicketsBy, Policy: contract}
	}
	return &q, q.Seal()
}

// check holds that a cap takes and never gives.
func (p *Policy) check() error {
	a := p.Asked
	if a == nil || p.Pages >= 0 && p.Pages <= a.Pages && p.Tickets >= 0 && p.Tickets <= a.Tickets {
		return nil
	}
	return fmt.Errorf("%g pages and %g tickets a day are in force, and its contract asks for %g and %g", p.Pages, p.Tickets, a.Pages, a.Tickets)
}
