package detect

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

var errMismatch = errors.New("state and offset do not match")

// Restore reads the state of a fragments partition from the panes topic and checks that it stands for the committed offset.
func (r *role) Restore(ctx context.Context, tp bus.TopicPartition, next int64) error {
	records, windows := map[string][]byte{}, r.newRecall(tp.Partition)
	err := bus.ReadState(ctx, r.o.Settings, bus.TopicPanes, tp.Partition, func(rec *kgo.Record) error {
		if key := string(rec.Key); key == clockKey || strings.HasPrefix(key, "state/") || strings.HasPrefix(key, pastKey("")) || strings.HasPrefix(key, versionsKey("")) {
			records[key] = rec.Value
		} else {
			windows.take(key, rec.Value)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("restore fragments %d: %w", tp.Partition, err)
	}
	if len(records) == 0 {
		start, err := bus.StartOffset(ctx, r.o.Settings, tp.Topic, tp.Partition)
		if err != nil {
			return fmt.Errorf("restore fragments %d: %w", tp.Partition, err)
		}
		if next > start {
			return fmt.Errorf("restore fragments %d: %w: there is no state, committed is %d; reset the group's offsets to begin afresh", tp.Partition, errMismatch, next)
		}
		r.parts[tp.Partition] = r.newPart(tp.Partition)
		return nil
	}
	p, at, err := r.load(tp.Partition, records)
	if err != nil {
		return fmt.Errorf("restore fragments %d: %w", tp.Partition, err)
	}
	if at != next {
		return fmt.Errorf("restore fragments %d: %w: the state is of offset %d, committed is %d", tp.Partition, errMismatch, at, next)
	}
	r.parts[tp.Partition] = p
	r.recallWindows(p, windows)
	shown := map[engineID]bool{}
	for id := range p.engines {
		shown[id] = true
	}
	r.serve(p, shown) // what people look at may be gone, too
	return nil
}

// load builds a partition's state from its records.
func (r *role) load(partition int32, records map[string][]byte) (*part, int64, error) {
	p := r.newPart(partition)
	p.committed = records
	rd := wire.NewReader(records[clockKey])
	next := rd.Int()
	clock, err := window.ReadClock(rd)
	if err != nil {
		return nil, 0, err
	}
	if err := rd.Close(); err != nil {
		return nil, 0, fmt.Errorf("read clock: %w", err)
	}
	p.clock = clock
	if err := p.loadVersions(p.models, records); err != nil {
		return nil, 0, err
	}
	fresh := map[engineID]bool{}
	for id, e := range p.engines {
		body, ok, err := join(records, stateKey(id))
		if err != nil {
			return nil, 0, err
		}
		if !ok {
			fresh[id] = true
			continue
		}
		rd := wire.NewReader(body)
		if digest := rd.String(); rd.Err() == nil && digest != id.digest {
			return nil, 0, fmt.Errorf("read engine state of %s: it is of plan %s, not of %s", id.model, digest, id.digest)
		}
		restored, err := engine.ReadEngine(e.Plan(), rd)
		if err != nil {
			return nil, 0, err
		}
		if err := rd.Close(); err != nil {
			return nil, 0, fmt.Errorf("read engine state of %s: %w", id.model, err)
		}
		if body, ok, err = join(records, driftKey(id)); err != nil {
			return nil, 0, err
		}
		if ok { // a build that judged pane by pane wrote none
			rd := wire.NewReader(body)
			err := restored.ReadDrift(rd)
			if err == nil {
				err = rd.Close()
			}
			if err != nil {
				return nil, 0, fmt.Errorf("read %s: %w", driftKey(id), err)
			}
		}
		restored.Govern(r.plans[id.model].Governed(id.digest))
		restored.GivesWay(e.ends())
		e.Engine = restored
	}
	return p, next, r.divide(p, fresh)
}

// divide settles what plans that follow one another hold of the same stretch of event time, which happens only where one was
// put in force later than the event time it is in force from: an earlier plan's open panes beyond its era are given up, and what
// it has judged there is not judged again.
func (r *role) divide(p *part, fresh map[engineID]bool) error {
	if err := r.remember(p, fresh); err != nil {
		return err
	}
	for _, id := range p.inOrder() {
		e := p.engines[id]
		given, err := e.Retain(e.holds)
		if err != nil {
			return err
		}
		if len(given) > 0 {
			p.findings = append(p.findings, given...)
			p.dirty[id] = true
		}
	}
	return nil
}

// Drop forgets partitions.
func (r *role) Drop(tps []bus.TopicPartition) {
	for _, tp := range tps {
		delete(r.parts, tp.Partition)
	}
}

// Advance does nothing: the position is in the ranges of Flush.
func (r *role) Advance(bus.TopicPartition, int64) {}

// Rollback returns to the last commit, from memory.
func (r *role) Rollback() error {
	for partition, p := range r.parts {
		if len(p.committed) == 0 {
			r.parts[partition] = r.newPart(partition)
			continue
		}
		back, _, err := r.load(partition, p.committed)
		if err != nil {
			return err
		}
		back.windows = p.windows // of committed epochs only
		r.parts[partition] = back
	}
	return nil
}
