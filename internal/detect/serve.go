package detect

import (
	"context"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/engine"
)

const serveTimeout = 2 * time.Second

// serve publishes the latest panes of some models for people. It follows a commit or a restore and may fail: the next commit
// shows newer ones.
//
// Of a model with several plans the newest is shown that has judged anything.
func (r *role) serve(p *part, some map[engineID]bool) {
	ctx, cancel := context.WithTimeout(context.Background(), serveTimeout)
	defer cancel()
	late, newest := map[string]int64{}, map[string]engine.Snapshot{}
	suspended := map[string]engine.Suspension{}
	for _, id := range p.inOrder() {
		late[id.model] += p.engines[id].Late()
		if s := p.engines[id].Snapshot(); s.Pane != nil && some[id] {
			newest[id.model], suspended[id.model] = s, p.engines[id].Suspension()
		} else if s.Pane != nil {
			delete(newest, id.model)
		}
	}
	for model, n := range late {
		r.m.late.WithLabelValues(model).Set(float64(n))
	}
	for _, model := range slices.Sorted(maps.Keys(newest)) {
		s := newest[model]
		r.m.judged.WithLabelValues(model).Set(float64(s.Pane.End.Unix()))
		for _, c := range s.Columns {
			if c.PSI.Valid() {
				r.m.psi.WithLabelValues(model, c.Name).Set(float64(c.PSI))
			}
		}
		if s.Truth != nil {
			for name, v := range s.Truth.Metrics {
				r.m.quality.WithLabelValues(model, name).Set(float64(v))
			}
		}
		if r.o.View == nil {
			continue
		}
		if w := p.windows[model]; w != nil {
			shown, err := w.Show()
			r.tellWindow(model, err)
			broken := suspended[model]
			s.Windows = broken.Suspend(shown)
		}
		if err := r.o.View.PutPane(ctx, s); err != nil {
			r.log.Warn("show latest panes", zap.String("model", model), zap.Error(err))
		}
	}
}
