package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/ledger"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// JudgedUntil is the event time up to which a model's predictions and its outcomes have been judged, as is on display; zero
// before the first pane of either.
func (p *Parts) JudgedUntil(ctx context.Context, model string) (predictions, outcomes time.Time, err error) {
	b, err := p.View.Latest(ctx, model)
	if err != nil || b == nil {
		return time.Time{}, time.Time{}, err
	}
	var s engine.Snapshot
	if err := json.Unmarshal(b, &s); err != nil {
		return time.Time{}, time.Time{}, fmt.Errorf("read latest panes of %s: %w", model, err)
	}
	if s.Truth != nil {
		outcomes = s.Truth.Pane.End
	}
	return s.Ended(), outcomes, nil
}

// ends are the end offsets of a topic's partitions, open transactions left out.
func (p *Parts) ends(ctx context.Context, topic string) (map[int32]int64, error) {
	listed, err := kadm.NewClient(p.Producer).ListCommittedOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	out := map[int32]int64{}
	listed.Each(func(l kadm.ListedOffset) {
		if l.Err == nil {
			out[l.Partition] = l.Offset
		}
	})
	return out, nil
}

// CaughtUp reports whether everything on the source topics of a plan has passed through all services, up to the sinks. The
// stages are asked in the order of the flow: one that has caught up gets nothing more from those before it.
func (p *Parts) CaughtUp(ctx context.Context, pl *plan.Plan) (bool, error) {
	adm := kadm.NewClient(p.Producer)
	sources := []string{pl.Prediction.Topic}
	if pl.Outcome != nil {
		sources = append(sources, pl.Outcome.Topic)
	}
	if pl.Attributes != nil {
		sources = append(sources, pl.Attributes.Projection.Topic)
	}
	for _, stage := range []struct {
		role   string
		topics []string
	}{{"ingest", sources}, {"join", []string{bus.TopicJoins}}, {"detect", []string{bus.TopicFragments}}} {
		ok, err := bus.CaughtUp(ctx, adm, p.group(stage.role), stage.topics...)
		if err != nil || !ok {
			return false, err
		}
	}
	ends, err := adm.ListCommittedOffsets(ctx, bus.TopicFindings)
	if err != nil {
		return false, fmt.Errorf("list the end of findings: %w", err)
	}
	known, err := p.Ledger.Offsets(ctx)
	if err != nil {
		return false, err
	}
	at := map[int32]int64{}
	for _, o := range known {
		if o.Topic == bus.TopicFindings {
			at[o.Partition] = o.Next
		}
	}
	behind := false
	ends.Each(func(l kadm.ListedOffset) { behind = behind || at[l.Partition] < l.Offset })
	if behind {
		return false, nil
	}
	queues, err := p.Ledger.Queues(ctx)
	return !slices.ContainsFunc(queues, func(q ledger.Queue) bool { return q.Pending > 0 }), err
}
