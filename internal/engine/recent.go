package engine

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// keptPane is a test pane as it is written: that takes a tenth and less of what it takes to count with, and it is looked at only where something alarms.
type keptPane struct {
	Start, End int64 // microseconds since the Unix epoch
	Rows       int64
	body       []byte
	read       *window.Pane // nil: not read since it was forgotten
	all        *sketch.Set  // of read: its cells added up; nil: nobody has asked
}

func keep(p *window.Pane) *keptPane {
	return &keptPane{Start: p.Start, End: p.End, Rows: p.Rows(), body: p.AppendBinary(nil), read: p}
}

// pane reads the pane under the plan that it was counted by.
func (k *keptPane) pane(p *plan.Plan) (*window.Pane, error) {
	if k.read == nil {
		r := wire.NewReader(k.body)
		w, err := window.ReadPane(p, r)
		if err != nil {
			return nil, fmt.Errorf("read the pane of %s that begins at %s: %w", p.Model, plan.FromMicros(k.Start), err)
		}
		k.read = w
	}
	return k.read, nil
}

// whole is all of the pane, added up once for all columns that are looked at.
func (k *keptPane) whole(p *plan.Plan) (*sketch.Set, error) {
	if k.all == nil {
		w, err := k.pane(p)
		if err != nil {
			return nil, err
		}
		if k.all, err = w.Whole(p); err != nil {
			return nil, err
		}
	}
	return k.all, nil
}

// forget drops what was read: a pane has been judged, and the next may be quiet.
func (r *recent) forget() {
	for _, k := range r.panes {
		k.read, k.all = nil, nil
	}
}
