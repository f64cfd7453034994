package plan_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/budget"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// granted is full() with 2 pages and 3 tickets a day asked for, and g in force.
func granted(t *testing.T, g budget.Grant) (asks, capped *plan.Plan) {
	t.Helper()
	asks = full()
	asks.Policy.Pages, asks.Policy.Tickets, asks.Policy.Digest = 2, 3, "sha256:own"
	if err := asks.Seal(); err != nil {
		t.Fatal(err)
	}
	capped, err := asks.Granted(g)
	if err != nil {
		t.Fatal(err)
	}
	return asks, capped
}

// A capped plan is the same plan under another policy; what the contract asks for comes through the topic with it, and lifting the cap gives the
// plan of before, to the byte.
func TestGranted(t *testing.T) {
	g := budget.Grant{Rates: budget.Rates{Pages: 0.5, Tickets: 3}, PagesBy: "fleet"}
	asks, capped := granted(t, g)
	if capped.Digest() != asks.Digest() || capped.Policy.Digest == asks.Policy.Digest {
		t.Errorf("plan %s under %s, was %s under %s", capped.Digest(), capped.Policy.Digest, asks.Digest(), asks.Policy.Digest)
	}
	read, err := plan.Read(encoded(t, capped))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(read, capped) {
		t.Errorf("read as %+v\nwant %+v", read.Policy, capped.Policy)
	}
	if got, want := read.Policy.Asks(), (budget.Rates{Pages: 2, Tickets: 3}); got != want {
		t.Errorf("asks for %+v, want %+v", got, want)
	}
	if got := read.Policy.InForce(); got != g {
		t.Errorf("in force %+v, want %+v", got, g)
	}
	again, err := read.Granted(budget.Grant{Rates: budget.Rates{Pages: 1, Tickets: 1}, PagesBy: "fleet", TicketsBy: "team a"})
	if err != nil {
		t.Fatal(err)
	}
	if again.Policy.Asked.Policy != "sha256:own" || again.Policy.Digest == capped.Policy.Digest || again.Policy.Asks() != capped.Policy.Asks() {
		t.Errorf("capped otherwise: %+v of %+v", again.Policy, again.Policy.Asked)
	}
	lifted, err := again.Granted(budget.Grant{Rates: budget.Rates{Pages: 9, Tickets: 9}}) // no more than it asks for
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encoded(t, lifted), encoded(t, asks)) {
		t.Errorf("lifted: %s\nwant    %s", encoded(t, lifted), encoded(t, asks))
	}
}

// Plans without caps are as those of builds that know of none: in force is what is asked for.
func TestWithoutCapsNothingIsWritten(t *testing.T) {
	asks, all := granted(t, budget.Grant{Rates: budget.Rates{Pages: 2, Tickets: 3}})
	if b := encoded(t, all); !bytes.Equal(b, encoded(t, asks)) || strings.Contains(string(b), "asked") {
		t.Errorf("written as %s", b)
	}
	if got := asks.Policy.Asks(); got != asks.Policy.InForce().Rates || got != (budget.Rates{Pages: 2, Tickets: 3}) {
		t.Errorf("asks for %+v", got)
	}
}

func TestACapNeverGives(t *testing.T) {
	_, capped := granted(t, budget.Grant{Rates: budget.Rates{Pages: 0.5, Tickets: 3}, PagesBy: "fleet"})
	for _, change := range []func(*plan.Policy){
		func(p *plan.Policy) { p.Pages = 2.5 }, func(p *plan.Policy) { p.Tickets = 4 }, func(p *plan.Policy) { p.Pages = -1 },
	} {
		p := *capped
		change(&p.Policy)
		if _, err := plan.Read(encoded(t, &p)); err == nil || !strings.Contains(err.Error(), "its contract asks for 2 and 3") {
			t.Errorf("%g and %g of 2 and 3: %v", p.Policy.Pages, p.Policy.Tickets, err)
		}
	}
}
