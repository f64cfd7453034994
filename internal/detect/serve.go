package detect

import (
	"context"
	"iter"
	"time"

	"go.uber.org/zap"
)

const serveTimeout = 2 * time.Second

// serve publishes the latest panes of some models for people. It follows a commit or a restore and may fail: the next commit
// shows newer ones.
func (r *role) serve(p *part, models iter.Seq[string]) {
	ctx, cancel := context.WithTimeout(context.Background(), serveTimeout)
	defer cancel()
	for model := range models {
		e := p.engines[model]
		s := e.Snapshot()
		r.m.late.WithLabelValues(model).Set(float64(e.Late()))
		if s.Pane == nil {
			continue
		}
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
		if err := r.o.View.PutPane(ctx, s); err != nil {
			r.log.Warn("show latest panes", zap.String("model", model), zap.Error(err))
		}
	}
}
