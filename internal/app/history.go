package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

// History gives the events that lie on a model's topics now to whoever builds a baseline from them. Events that can't be read
// are passed over and counted in Unreadable; the ingestor will set them aside.
type History struct {
	Unreadable int64

	ctx      context.Context //nolint:containedctx // baseline.Source is pure and takes none; a History lives for one build
	parts    *Parts
	plan     *plan.Plan
	progress func(topic string, events int64)
}

var _ baseline.Source = (*History)(nil)

// History makes the source of a draft plan. progress, if not nil, is told how many events were read.
func (p *Parts) History(ctx context.Context, draft *plan.Plan, progress func(topic string, events int64)) *History {
	if progress == nil {
		progress = func(string, int64) {}
	}
	return &History{ctx: ctx, parts: p, plan: draft, progress: progress}
}

// Predictions reads the prediction topic from its start to its present end.
func (h *History) Predictions(visit func(*plan.Batch) error) error {
	return h.read(&h.plan.Prediction, visit)
}

// Outcomes reads the outcome topic likewise.
func (h *History) Outcomes(visit func(*plan.Batch) error) error {
	if h.plan.Outcome == nil {
		return nil
	}
	return h.read(h.plan.Outcome, visit)
}

// Attributes reads the topic of protected attributes likewise.
func (h *History) Attributes(visit func(*plan.Batch) error) error {
	if h.plan.Attributes == nil {
		return nil
	}
	return h.read(&h.plan.Attributes.Projection, visit)
}

const historyRows = 1000

func (h *History) read(p *plan.Projection, visit func(*plan.Batch) error) error {
	adm := kadm.NewClient(h.parts.Producer)
	starts, err := adm.ListStartOffsets(h.ctx, p.Topic)
	if err != nil {
		return fmt.Errorf("read %s: %w", p.Topic, err)
	}
	ends, err := adm.ListCommittedOffsets(h.ctx, p.Topic)
	if err != nil {
		return fmt.Errorf("read %s: %w", p.Topic, err)
	}
	var partitions []int32
	ends.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			partitions = append(partitions, o.Partition)
		} else {
			err = errors.Join(err, o.Err)
		}
	})
	if err != nil || len(partitions) == 0 {
		return fmt.Errorf("read %s: the topic can't be read: %w", p.Topic, errors.Join(err, errNoTopic))
	}
	slices.Sort(partitions)
	deriver, err := plan.NewDeriver(p, nil)
	if err != nil {
		return err
	}
	reader := schema.NewReader(p, h.plan.Model, h.parts.Registry)
	events := int64(0)
	for _, part := range partitions {
		start, _ := starts.Lookup(p.Topic, part)
		end, _ := ends.Lookup(p.Topic, part)
		b := plan.NewBatch(p, historyRows)
		err := bus.ReadRange(h.ctx, h.parts.Kafka, p.Topic, part, start.Offset, end.Offset, func(rec *kgo.Record) error {
			events++
			if events%10_000 == 0 {
				h.progress(p.Topic, events)
			}
			if err := h.decode(reader, p, b, rec); err != nil {
				return err
			}
			if b.N < historyRows {
				return nil
			}
			if deriver.Derive(b); b.N < historyRows {
				return nil
			}
			full := b
			b = plan.NewBatch(p, historyRows)
			return visit(full)
		})
		if err != nil {
			return err
		}
		deriver.Derive(b)
		if b.N > 0 {
			if err := visit(b); err != nil {
				return err
			}
		}
	}
	return nil
}

var errNoTopic = errors.New("does it exist, and may we read it?")

// decode appends one event's row, or passes it over. A schema that doesn't fit the contract is refused: it would be for every event.
func (h *History) decode(reader *schema.Reader, p *plan.Projection, b *plan.Batch, rec *kgo.Record) error {
	err := reader.Read(h.ctx, bus.SchemaRecord(rec), b)
	bad, ok := errors.AsType[*schema.Error](err)
	switch {
	case !ok:
		return err
	case bad.Reason == schema.ReasonSchemaMismatch:
		return fmt.Errorf("read %s: %w", p.Topic, err)
	}
	h.Unreadable++
	return nil
}
