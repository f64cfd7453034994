package ingest

import (
	"cmp"
	"math"
	"time"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// defaultEpoch stands in for Options.Epoch, as the runner's own default does.
const defaultEpoch = time.Second

// paneEnded reports whether the epoch should end early: the event just read was the last one missing before a pane of the topic's
// predictions can be judged, as far as the partitions of this ingestor go. The detector hears of it only with the end of an
// epoch, and people wait for it.
//
// One epoch may end early in the time of a whole one, by wall clock: in a replay panes end all the time, and a commit for
// each would cost more than it tells. When an epoch ends shows in no number, see the invariants of internal/window.
func (r *role) paneEnded(tp bus.TopicPartition, p *partition) bool {
	at := p.watermark.At()
	if at == record.NoTime || at < p.ends {
		return false
	}
	passed := p.ends
	p.ends = r.nextEnd(tp.Topic, at)
	now := r.o.Now()
	if passed == 0 || now.Sub(r.early) < cmp.Or(r.o.Epoch, defaultEpoch) {
		return false
	}
	for other, q := range r.owned {
		if other.Topic == tp.Topic && q.watermark.At() < passed && now.Sub(q.active) < r.o.IdleAfter {
			return false // that partition's event will be the last one
		}
	}
	r.early = now
	return true
}

// nextEnd is the first watermark beyond us, microseconds of event time, at which a pane of any plan that reads the topic's
// predictions can be judged.
func (r *role) nextEnd(topic string, us int64) int64 {
	end := int64(math.MaxInt64)
	r.each(topic, func(s *stream) {
		if s.kind == ofPredictions {
			late := s.era.Plan.Lateness.Microseconds()
			end = min(end, s.era.Plan.PaneStart(us-late)+s.era.Plan.Pane.Microseconds()+late)
		}
	})
	return end
}
