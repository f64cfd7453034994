package detect

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// Records are the history records of what has ended, as the detector writes them. They belong together: a reader that finds
// the first one asks for the others.
func (e *Ended) Records(layout bus.Layout) []*kgo.Record {
	head := window.AppendHistory(nil, e.Plan.Digest())
	key, body := "", []byte(nil)
	if e.Pane != nil {
		key, body = historyKey(panes, e.Plan.Model, e.Pane.Start), e.Pane.AppendBinary(head)
	} else {
		key, body = historyKey(cohorts, e.Plan.Model, e.Cohort.Start), e.Cohort.AppendBinary(head)
	}
	var out []*kgo.Record
	for k, piece := range pieces(key, body) {
		out = append(out, &kgo.Record{
			Topic: bus.TopicPanes, Partition: bus.PartitionOf(e.Plan.Model, layout.Fragments), Key: []byte(k), Value: piece,
		})
	}
	return out
}

// Standing is what the panes topic holds of a model.
type Standing struct {
	Panes, Cohorts map[int64]bool // starts of the history records there are, microseconds
	Live           int64          // start of the first pane or cohort that was counted from a topic; math.MaxInt64: none was
}

// Stands reads how far the history of a model goes and where what was counted live begins. A pane was counted live if it
// knows the offsets of its events, or if a detector holds it open. One whose plan nobody knows any more is taken for live.
func Stands(ctx context.Context, s bus.Settings, layout bus.Layout, model string, plans plan.History) (Standing, error) {
	records := map[string][]byte{}
	out := Standing{Panes: map[int64]bool{}, Cohorts: map[int64]bool{}, Live: math.MaxInt64}
	err := bus.ReadState(ctx, s, bus.TopicPanes, bus.PartitionOf(model, layout.Fragments), func(rec *kgo.Record) error {
		key := string(rec.Key)
		kind, start, piece, ok := splitKey(key, model)
		switch {
		case ok && kind == panes:
			if !piece {
				out.Panes[start] = true
			}
			records[key] = rec.Value
		case ok && !piece:
			out.Cohorts[start] = true
		case strings.HasPrefix(key, "state/"+model+"@"):
			records[key] = rec.Value
		}
		return nil
	})
	if err != nil {
		return Standing{}, fmt.Errorf("read history of %s: %w", model, err)
	}
	known := func(digest string) *plan.Plan {
		if g := plans.Governed(digest); len(g) > 0 {
			return g[0]
		}
		return nil
	}
	for _, start := range slices.Sorted(maps.Keys(out.Panes)) {
		live, err := countedLive(records, historyKey(panes, model, start), known)
		if err != nil {
			return Standing{}, err
		}
		if live {
			out.Live = start
			break
		}
	}
	for _, era := range plans.Eras() {
		first, ok, err := firstOpen(records, era.Plan)
		if err != nil {
			return Standing{}, err
		}
		if ok {
			out.Live = min(out.Live, first)
		}
	}
	return out, nil
}

func countedLive(records map[string][]byte, key string, plans func(digest string) *plan.Plan) (bool, error) {
	body, _, err := join(records, key)
	if err != nil {
		return false, err
	}
	r := wire.NewReader(body)
	digest, err := window.ReadHistory(r)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", key, err)
	}
	p := plans(digest)
	if p == nil {
		return true, nil
	}
	pane, err := window.ReadPane(p, r)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", key, err)
	}
	return len(pane.Spans()) > 0, nil
}

// firstOpen is the start of the first pane or cohort that the detector holds of a plan.
func firstOpen(records map[string][]byte, p *plan.Plan) (us int64, ok bool, err error) {
	key := stateKey(idOf(p))
	body, ok, err := join(records, key)
	if err != nil || !ok {
		return 0, false, err
	}
	r := wire.NewReader(body)
	_ = r.String() // the plan's digest, which the key names too
	e, err := engine.ReadEngine(p, r)
	if err != nil {
		return 0, false, fmt.Errorf("read %s: %w", key, err)
	}
	us, ok = e.First()
	return us, ok, nil
}
