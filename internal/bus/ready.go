package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// Readiness says whether a service does its work: it knows the plans, has joined its group, restored its partitions, and caught up
// with what lay on them when it got them. Falling behind later doesn't make it unready: lag is a metric, and taking a slow
// replica out makes the others slower. Without any plan there is nothing to do, and a service is ready.
//
// It answers from memory and is safe for concurrent use. A nil Readiness takes everything and tells nothing.
type Readiness struct {
	why sketch.Published[error] // nil: it is ready
}

// NewReadiness is the readiness of a service that has only begun.
func NewReadiness() *Readiness {
	r := &Readiness{}
	r.why.Publish(errors.New("starting"))
	return r
}

// Check reports why the service isn't ready, nil if it is.
func (r *Readiness) Check(context.Context) error { return r.why.Latest() }

// Ready says that the service does its work.
func (r *Readiness) Ready() { r.set(nil) }

// NotYet says why it doesn't.
func (r *Readiness) NotYet(format string, args ...any) { r.set(fmt.Errorf(format, args...)) }

func (r *Readiness) set(err error) {
	if r == nil {
		return
	}
	r.why.Publish(err)
}

// aim notes where newly assigned partitions have to get to before the service is ready. Where the ends can't be learned the
// partition counts as caught up: that a broker is away shows elsewhere. The gate is held.
func (r *runner) aim(ctx context.Context, fresh []TopicPartition) {
	r.assigned = true
	if r.o.Ready == nil {
		return
	}
	ends, err := r.admin().ListCommittedOffsets(ctx, r.o.Topics...)
	if err != nil {
		r.log.Warn("list the ends of assigned partitions", zap.Error(err))
		ends = kadm.ListedOffsets{}
	}
	for _, tp := range fresh {
		if end, ok := ends.Lookup(tp.Topic, tp.Partition); ok && end.Err == nil && r.parts[tp] != nil {
			r.parts[tp].target = end.Offset
		}
	}
	r.tell()
}

// tell brings the readiness up to date. The gate is held.
func (r *runner) tell() {
	if r.o.Ready == nil {
		return
	}
	behind, records := 0, int64(0)
	for _, p := range r.parts {
		if p.from < p.target {
			behind++
			records += p.target - p.from
		}
	}
	switch {
	case !r.assigned:
		r.o.Ready.NotYet("joining group %s", r.o.Group)
	case r.paused:
		r.o.Ready.NotYet("memory is short: fetching is paused")
	case behind > 0:
		r.o.Ready.NotYet("catching up: %d of %d partitions, %d offsets to go", behind, len(r.parts), records)
	default:
		r.o.Ready.Ready()
	}
}
