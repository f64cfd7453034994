package join

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
)

const chunkBytes = 400 << 10

// Flush folds the epoch's rows into the states of their ids and turns the effects into fragments: the cells of every model
// to its fragments partition, coverage and marks to all of them.
func (r *role) Flush(ctx context.Context, ranges []bus.Range) ([]*kgo.Record, error) {
	var unknown []string
	effects := outcome.NewEffects(func(digest string) *plan.Plan {
		p := r.byDigest(digest)
		if p == nil {
			unknown = append(unknown, digest)
		}
		return p
	})
	var coverage []record.Coverage
	var marks []record.Mark
	for _, g := range ranges { // losses are told as such
		coverage = append(coverage, record.Coverage{
			Source: record.Source{Topic: g.Topic, TopicID: g.TopicID, Partition: g.Partition, Partitions: g.Partitions},
			From:   g.From, To: g.To, Watermark: record.NoTime, Records: g.Records, Lost: g.Lost,
		})
	}
	for _, g := range bus.Whole(ranges) {
		p := r.parts[g.Partition]
		if p == nil {
			continue
		}
		if err := r.foldRows(ctx, g, p, effects); err != nil {
			return nil, err
		}
		for _, f := range p.pending {
			for _, m := range f.markers {
				marks = append(marks, record.Mark{Source: m.Source, Joins: g.Partition, Watermark: m.Watermark, Idle: m.Idle})
			}
		}
	}
	for _, digest := range slices.Compact(slices.Sorted(slices.Values(unknown))) {
		if err := r.look(ctx, digest); err != nil {
			return nil, err
		}
	}
	cells := make([][]record.Cell, r.o.Layout.Fragments)
	for _, c := range collect.Cells(effects) {
		f := bus.PartitionOf(c.Model, r.o.Layout.Fragments)
		cells[f] = append(cells[f], c)
	}
	var out []*kgo.Record
	for f, list := range cells {
		for _, frag := range record.Chunks(list, chunkBytes, record.Fragment{Joins: int32(r.o.Layout.Joins), Coverage: coverage, Marks: marks}) {
			out = append(out, &kgo.Record{Topic: bus.TopicFragments, Partition: int32(f), Value: frag.AppendBinary(nil)})
		}
	}
	return out, nil
}

// foldRows reads the states of all ids of the epoch, then folds record by record, remembering the states after each.
func (r *role) foldRows(ctx context.Context, g bus.Range, p *part, effects *outcome.Effects) error {
	p.rows, p.changed = 0, 0
	states, err := r.read(ctx, g, p)
	if err != nil {
		return err
	}
	for i := range p.pending {
		f := &p.pending[i]
		f.ids, f.states = nil, nil
		touched := map[outcome.ID]int{}
		for j := range f.rows {
			row := &f.rows[j]
			p.rows++
			s := states[row.ID]
			if !effects.Change(s, row) {
				continue
			}
			p.changed++
			at, again := touched[row.ID]
			if !again {
				at = len(f.ids)
				touched[row.ID] = at
				f.ids, f.states = append(f.ids, row.ID[:]), append(f.states, nil)
			}
			f.states[at] = s.AppendBinary(nil)
		}
	}
	return nil
}

// read gives the committed states of every id in the epoch, from an index that is brought up to date first if need be.
func (r *role) read(ctx context.Context, g bus.Range, p *part) (map[outcome.ID]*outcome.State, error) {
	states := map[outcome.ID]*outcome.State{}
	var ids [][]byte
	for _, f := range p.pending {
		for i := range f.rows {
			if id := f.rows[i].ID; states[id] == nil {
				states[id] = &outcome.State{}
				ids = append(ids, f.rows[i].ID[:])
			}
		}
	}
	if err := r.upToDate(ctx, g); err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return states, nil
	}
	upto, ok, found, err := r.o.Index.Read(ctx, g.Partition, ids)
	if err != nil {
		return nil, fmt.Errorf("%w: read join index: %w", bus.ErrRetry, err)
	}
	if !ok || upto != g.From {
		return nil, fmt.Errorf("%w: join index of partition %d moved to %d while it was read at %d", bus.ErrRetry, g.Partition, upto, g.From)
	}
	for i, b := range found {
		s, err := outcome.ReadState(b)
		if err != nil {
			return nil, err
		}
		states[outcome.ID(ids[i])] = s
	}
	return states, nil
}
