package app

import (
	"testing"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// What is learnt by default begins no earlier than the plans that count like the last one.
func TestAlikeSince(t *testing.T) {
	made := func(days int, change func(*plan.Plan)) *plan.Plan {
		p := fixture.Build(t, fixture.Contract)
		p.From = fixture.Start.AddDate(0, 0, days)
		change(p)
		if err := p.Seal(); err != nil {
			t.Fatal(err)
		}
		return p
	}
	same := func(*plan.Plan) {}
	accepted := func(p *plan.Plan) { p.Baseline, p.Reference.To = "sha256:2", fixture.Start }
	wider := func(p *plan.Plan) { p.Columns[0].Layout.Hi++ }
	for name, c := range map[string]struct {
		h    plan.History
		want int // of h: the first that counts alike
	}{
		"one plan":         {plan.History{made(0, same)}, 0},
		"accepted since":   {plan.History{made(0, same), made(1, accepted)}, 0},
		"another layout":   {plan.History{made(0, same), made(1, wider), made(2, wider)}, 1},
		"there and back":   {plan.History{made(0, same), made(1, wider), made(2, same), made(3, accepted)}, 2},
		"not counted with": {plan.History{made(0, accepted), made(1, same), made(2, wider)}, 2},
	} {
		got, err := alikeSince(c.h)
		if err != nil {
			t.Fatal(err)
		}
		want := c.h.Eras()[0].From
		if c.want > 0 {
			want = plan.Micros(c.h[c.want].From)
		}
		if got != want {
			t.Errorf("%s: since %d, want %d", name, got, want)
		}
	}
}
