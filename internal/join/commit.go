package join

import (
	"context"
	"time"

	"go.uber.org/zap"
)

const writeTimeout = 10 * time.Second

// Committed writes the new states. A crash anywhere in here leaves the index behind the commit, at a record's end, and the
// next read brings it up to date from the topic; so does a write that fails.
func (r *role) Committed() {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	for partition, p := range r.parts {
		r.m.rows.Add(float64(p.rows))
		r.m.changed.Add(float64(p.changed))
		if err := r.write(ctx, partition, p); err != nil {
			r.log.Warn("write join index: it will be brought up to date from the topic", zap.Int32("partition", partition), zap.Error(err))
		}
		*p = part{next: p.next, end: p.end}
	}
}

func (r *role) write(ctx context.Context, partition int32, p *part) error {
	if p.end == p.next {
		return nil
	}
	for i, f := range p.pending {
		to := f.offset + 1
		if i == len(p.pending)-1 {
			to = p.end
		}
		if ok, err := r.o.Index.Write(ctx, partition, p.next, to, f.ids, f.states); err != nil || !ok {
			p.next = p.end
			return err
		}
		p.next = to
	}
	if p.next < p.end { // only markers in the range
		if _, err := r.o.Index.Write(ctx, partition, p.next, p.end, nil, nil); err != nil {
			p.next = p.end
			return err
		}
	}
	p.next = p.end
	return nil
}
