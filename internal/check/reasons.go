package check

import (
	"fmt"
	"io"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// giveReasons adds up what test panes counted of reason codes, where the engine judges.
func (r *run) giveReasons(panes []*window.Pane) error {
	if r.plan.Reasons == nil {
		return nil
	}
	for _, p := range panes {
		if !r.judges(p.Start, p.End) {
			continue
		}
		set, err := p.Whole(r.plan)
		if err != nil {
			return err
		}
		if r.reasons == nil {
			r.reasons = set.Clone()
			continue
		}
		if err := r.reasons.Merge(set); err != nil {
			return err
		}
	}
	return nil
}

// writeReasons renders how many decisions carry reason codes.
func writeReasons(w io.Writer, of *engine.Reasons) {
	if of == nil {
		return
	}
	fmt.Fprintln(w, "reason codes, with 95 % bands")
	for _, kind := range []struct {
		name string
		n    *engine.Reasoned
	}{{"negative decisions", &of.Negative}, {"positive decisions", &of.Positive}, {"all predictions", &of.All}} {
		if kind.n.N > 0 {
			fmt.Fprintf(w, "  %s %% (%s to %s) of %d %s\n", incident.Short(100*kind.n.Share), incident.Short(100*kind.n.Band[0]), incident.Short(100*kind.n.Band[1]), kind.n.N, kind.name)
		}
	}
	fmt.Fprintln(w)
}
