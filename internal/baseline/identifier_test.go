package baseline

import (
	"fmt"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Of an identifier no value is kept, however often it comes: one bin, open to anything.
func TestIdentifiersAreNotKept(t *testing.T) {
	c := plan.Col{}
	for i := range 500 {
		c.State, c.Str = append(c.State, plan.OK), append(c.Str, fmt.Sprint("customer-", i%3))
	}
	l := plan.Layout{Categorical: true, Open: true}
	layout(&l, &c)
	if len(l.Categories)+len(l.Known) > 0 || !l.Open || l.Empty || l.Bins() != 1 || l.Constant() {
		t.Errorf("%+v", l)
	}
}
