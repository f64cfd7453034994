package detect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// The kinds of history records, the first part of their keys.
const (
	panes   = "pane"
	cohorts = "cohort"
)

func historyKey(kind, model string, start int64) string {
	return fmt.Sprintf("%s/%s/%d", kind, model, start)
}

// history yields the records of what ended in this epoch: test panes, mature cohorts, and mature cohorts that were revised,
// which replace their former record.
func (p *part) history() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, e := range p.panes {
			body := e.pane.AppendBinary(window.AppendHistory(nil, e.plan.Digest()))
			for key, piece := range pieces(historyKey(panes, e.plan.Model, e.pane.Start), body) {
				if !yield(key, piece) {
					return
				}
			}
		}
		for _, id := range p.inOrder() {
			if !p.dirty[id] {
				continue
			}
			for _, co := range p.engines[id].TakeCohorts() {
				p.mature(id, co)
				body := co.AppendBinary(window.AppendHistory(nil, id.digest))
				for key, piece := range pieces(historyKey(cohorts, id.model, co.Start), body) {
					if !yield(key, piece) {
						return
					}
				}
			}
		}
	}
}

// mature notes what is known of a cohort now, for the windows: it goes on being revised.
func (p *part) mature(id engineID, co *window.Cohort) {
	pl := p.engines[id].Plan()
	if pl.Score == nil {
		return
	}
	if known, err := co.Revised(pl, nil, nil); err == nil { // of one plan: all counts have its shape
		groups, err := engine.GroupsOf(pl, co)
		if err != nil { // the cells are damaged: groups are shown without them
			groups = nil
		}
		p.cohorts = append(p.cohorts, endedCohort{id, co.Start, known, groups})
	}
}

// Ended is one entry of the history, and the plan it was counted under: exactly one of Pane and Cohort is set.
type Ended struct {
	Plan   *plan.Plan
	Pane   *window.Pane
	Cohort *window.Cohort
}

// ErrUnknownPlan is returned for history that was counted under a plan nobody knows any more.
var ErrUnknownPlan = errors.New("the plan is not on the plans topic any more")

// ReadHistory reads the test panes and mature cohorts of a model that begin in [from, to), microseconds of event time: test panes
// first, each in the order of their starts. plans finds a plan by its digest, nil where it is not known. An error of visit ends
// the reading and is returned as it is.
func ReadHistory(ctx context.Context, s bus.Settings, layout bus.Layout, model string, from, to int64, plans func(digest string) *plan.Plan, visit func(Ended) error) error {
	records := map[string][]byte{}
	starts := map[string][]int64{}
	err := bus.ReadState(ctx, s, bus.TopicPanes, bus.PartitionOf(model, layout.Fragments), func(rec *kgo.Record) error {
		kind, start, piece, ok := splitKey(string(rec.Key), model)
		if !ok || start < from || start >= to {
			return nil
		}
		if _, known := records[string(rec.Key)]; !known && !piece {
			starts[kind] = append(starts[kind], start)
		}
		records[string(rec.Key)] = rec.Value
		return nil
	})
	if err != nil {
		return fmt.Errorf("read history of %s: %w", model, err)
	}
	for _, kind := range []string{panes, cohorts} {
		slices.Sort(starts[kind])
		for _, start := range starts[kind] {
			key := historyKey(kind, model, start)
			body, _, err := join(records, key)
			if err != nil {
				return err
			}
			e, err := readEnded(kind, body, plans)
			if err != nil {
				return fmt.Errorf("read %s: %w", key, err)
			}
			if err := visit(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// Starts are the starts of the test panes that the history of a model holds, in order, microseconds of event time.
func Starts(ctx context.Context, s bus.Settings, layout bus.Layout, model string) ([]int64, error) {
	found := map[int64]bool{}
	err := bus.ReadState(ctx, s, bus.TopicPanes, bus.PartitionOf(model, layout.Fragments), func(rec *kgo.Record) error {
		if kind, start, piece, ok := splitKey(string(rec.Key), model); ok && kind == panes && !piece {
			found[start] = true
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read history of %s: %w", model, err)
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// splitKey reads the key of a history record of one model; piece says that it is one of its pieces, not its head.
func splitKey(key, model string) (kind string, start int64, piece, ok bool) {
	kind, rest, _ := strings.Cut(key, "/")
	if kind != panes && kind != cohorts {
		return "", 0, false, false
	}
	rest, ok = strings.CutPrefix(rest, model+"/")
	if !ok {
		return "", 0, false, false
	}
	at, _, piece := strings.Cut(rest, "/")
	start, err := strconv.ParseInt(at, 10, 64)
	return kind, start, piece, err == nil
}

func readEnded(kind string, body []byte, plans func(digest string) *plan.Plan) (Ended, error) {
	r := wire.NewReader(body)
	digest, err := window.ReadHistory(r)
	if err != nil {
		return Ended{}, err
	}
	p := plans(digest)
	if p == nil {
		return Ended{}, fmt.Errorf("plan %s: %w", digest, ErrUnknownPlan)
	}
	e := Ended{Plan: p}
	if kind == panes {
		e.Pane, err = window.ReadPane(p, r)
	} else {
		e.Cohort, err = window.ReadCohort(p, r)
	}
	return e, err
}
