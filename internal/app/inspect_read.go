package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/inspect"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

// lens reads the events of one stream by one plan.
type lens struct {
	era     plan.Era
	proj    *plan.Projection
	deriver *plan.Deriver
	picker  *inspect.Picker // of predictions
	reader  *schema.Reader
	row     *plan.Batch // one row
}

func newLens(era plan.Era, proj *plan.Projection, schemas schema.Schemas) (*lens, error) {
	d, err := plan.NewDeriver(proj, nil)
	if err != nil {
		return nil, err
	}
	return &lens{
		era: era, proj: proj, deriver: d, reader: schema.NewReader(proj, era.Plan.Model, schemas), row: plan.NewBatch(proj, 1),
	}, nil
}

// open makes the lenses of the predictions: of every plan that is in force anywhere in the window.
func (r *inspecting) open() error {
	for _, era := range r.plans.Eras() {
		if era.To <= r.query.From || era.From >= r.query.To {
			continue
		}
		l, err := newLens(era, &era.Plan.Prediction, r.Schemas)
		if err != nil {
			return err
		}
		if l.picker, err = inspect.NewPicker(era.Plan, &r.query); err != nil {
			return err
		}
		r.lenses = append(r.lenses, l)
	}
	return nil
}

// topics are the topics of the predictions, in order.
func (r *inspecting) topics() []string {
	names := map[string]bool{}
	for _, l := range r.lenses {
		names[l.proj.Topic] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// partitionLog is what is there of a topic's partitions: offsets [start, end).
type partitionLog map[int32]struct{ start, end int64 }

// log asks what is there of a topic.
func (r *inspecting) log(ctx context.Context, topic string) (partitionLog, error) {
	if known := r.partitions[topic]; known != nil {
		return known, nil
	}
	cl, err := r.Kafka.NewClient(nil, nil)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	starts, err := adm.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("list the start of %s: %w", topic, err)
	}
	ends, err := adm.ListCommittedOffsets(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("list the end of %s: %w", topic, err)
	}
	out := partitionLog{}
	ends.Each(func(end kadm.ListedOffset) {
		start, _ := starts.Lookup(topic, end.Partition)
		if failed := errors.Join(end.Err, start.Err); failed != nil {
			err = fmt.Errorf("look at %s/%d: %w", topic, end.Partition, failed)
			return
		}
		out[end.Partition] = struct{ start, end int64 }{start.Offset, end.Offset}
	})
	r.partitions[topic] = out
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return out, nil // nothing is left of it
	}
	return out, err
}

// each reads a range as far as it is there. What expires while it is read is gone too.
func (r *inspecting) each(ctx context.Context, g inspect.Range, visit func(*kgo.Record) error) (gone int64, err error) {
	for {
		at, err := r.log(ctx, g.Topic)
		if err != nil {
			return gone, err
		}
		left, missing := g.Within(at[g.Partition].start, at[g.Partition].end)
		gone += missing
		if left.From == left.To {
			return gone, nil
		}
		next := left.From
		err = bus.ReadRange(ctx, r.Kafka, g.Topic, g.Partition, left.From, left.To, func(rec *kgo.Record) error {
			next = rec.Offset + 1
			return visit(rec)
		})
		if !errors.Is(err, kerr.OffsetOutOfRange) {
			return gone, err
		}
		g = left
		g.From = next
		delete(r.partitions, g.Topic)
	}
}

// events reads the predictions and keeps those asked for.
func (r *inspecting) events(ctx context.Context) error {
	kept := inspect.NewKept(r.o.Limit)
	r.out.Topics = r.topics()
	for _, g := range r.cover.Ranges() {
		if !slices.Contains(r.out.Topics, g.Topic) {
			continue
		}
		gone, err := r.each(ctx, g, func(rec *kgo.Record) error {
			r.out.Read++
			if r.Progress != nil {
				r.Progress(g.Topic, r.out.Read)
			}
			return r.prediction(ctx, rec, kept)
		})
		if err != nil {
			return err
		}
		r.out.Gone += gone
	}
	r.out.Events = kept.Events()
	return nil
}

func (r *inspecting) prediction(ctx context.Context, rec *kgo.Record, kept *inspect.Kept) error {
	l, at, wanted, err := r.read(ctx, r.lenses, rec)
	var bad *schema.Error
	switch {
	case errors.As(err, &bad):
		r.out.Bad++
		if r.o.Unreadable && (r.o.Limit == 0 || len(r.out.Unreadable) < r.o.Limit) {
			r.out.Unreadable = append(r.out.Unreadable, inspect.Unreadable{
				KindName: inspect.KindUnreadable, Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset,
				Reason: string(bad.Reason), Path: bad.Path, Byte: bad.Offset, Detail: bad.Detail,
			})
		}
		return nil
	case err != nil:
		return err
	case l == nil || !r.query.Within(at):
		return nil
	}
	r.out.InWindow++
	if !wanted {
		r.out.Filtered++
		return nil
	}
	switch matches, err := l.picker.Wants(l.row, 0); {
	case err != nil:
		if r.out.Unsaid++; r.out.Unsaid == 1 {
			r.out.Notes = append(r.out.Notes, fmt.Sprintf("the condition has no answer for some events; the first is at offset %d of %s/%d: %v", rec.Offset, rec.Topic, rec.Partition, err))
		}
	case matches:
		r.out.Matched++
		if kept.Room(inspect.Place{Time: at, Partition: rec.Partition, Offset: rec.Offset}) {
			e := l.picker.Event(l.row, 0, rec.Topic, rec.Partition)
			kept.Add(&e)
		}
	}
	return nil
}

// read decodes an event by the plan in force at its time: l is nil where that is none of the lenses', wanted false where the
// contract's filter leaves the event out. The event lies in the lens's row. A *schema.Error says that no plan can read it.
func (r *inspecting) read(ctx context.Context, lenses []*lens, rec *kgo.Record) (l *lens, at int64, wanted bool, err error) {
	var first error
	readable := false
	for _, l := range slices.Backward(lenses) {
		if l.proj.Topic != rec.Topic {
			continue
		}
		at, wanted, err := decode(ctx, l, rec)
		var bad *schema.Error
		switch {
		case errors.As(err, &bad):
			if first == nil {
				first = err
			}
		case err != nil:
			return nil, 0, false, err
		case l.era.Holds(at):
			return l, at, wanted, nil
		default:
			readable = true
		}
	}
	if readable {
		return nil, 0, false, nil
	}
	return nil, 0, false, first
}

func decode(ctx context.Context, l *lens, rec *kgo.Record) (at int64, wanted bool, err error) {
	l.row.Reset()
	if err := l.reader.Read(ctx, bus.SchemaRecord(rec), l.row); err != nil {
		return 0, false, err
	}
	return l.row.Cols[l.proj.Roles.Time].Int[0], l.deriver.Last(l.row), nil
}

// outcomes reads the outcome topics from the start of their logs and gives each event what became of it.
func (r *inspecting) outcomes(ctx context.Context) error {
	byID := map[string][]*inspect.Event{}
	for _, e := range r.out.Events {
		byID[e.ID] = append(byID[e.ID], e)
	}
	var lenses []*lens
	topics := map[string]bool{}
	for _, era := range r.plans.Eras() {
		if era.Plan.Outcome == nil {
			continue
		}
		l, err := newLens(era, era.Plan.Outcome, r.Schemas)
		if err != nil {
			return err
		}
		lenses = append(lenses, l)
		topics[l.proj.Topic] = true
	}
	if len(lenses) == 0 {
		r.out.Notes = append(r.out.Notes, "the contract names no outcomes")
	}
	if len(byID) == 0 {
		return nil
	}
	read, bad := int64(0), int64(0)
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		at, err := r.log(ctx, topic)
		if err != nil {
			return err
		}
		for _, p := range slices.Sorted(maps.Keys(at)) {
			_, err := r.each(ctx, inspect.Range{Topic: topic, Partition: p, From: at[p].start, To: at[p].end}, func(rec *kgo.Record) error {
				if read++; r.Progress != nil {
					r.Progress(topic, read)
				}
				l, us, wanted, err := r.read(ctx, lenses, rec)
				var unreadable *schema.Error
				switch {
				case errors.As(err, &unreadable):
					bad++
				case err != nil:
					return err
				case l != nil && wanted:
					r.settle(l, us, rec, byID)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	if bad > 0 {
		r.out.Notes = append(r.out.Notes, fmt.Sprintf("%d of %d outcomes could not be decoded", bad, read))
	}
	return nil
}

func (r *inspecting) settle(l *lens, us int64, rec *kgo.Record, byID map[string][]*inspect.Event) {
	id, label := &l.row.Cols[l.proj.Roles.ID], &l.row.Cols[l.proj.Roles.Label]
	if id.State[0] != plan.OK || label.State[0] != plan.OK {
		return
	}
	for _, e := range byID[id.Str[0]] {
		p := r.plans.At(plan.Micros(e.Time))
		text := strings.Clone(label.Str[0])
		if l.proj.Fields[l.proj.Roles.Label].Kind == plan.Number {
			text = strconv.FormatFloat(label.Num[0], 'g', -1, 64)
		}
		e.Settle(inspect.Outcome{Label: text, Positive: p.Score.Binary() && p.IsPositive(text), Time: plan.FromMicros(us)}, rec.Partition, rec.Offset, p.Keep)
	}
}

// InspectedWindow is how a window is told: as dates and minutes, in UTC.
func InspectedWindow(from, to time.Time) string {
	const layout = "2006-01-02 15:04"
	if from.IsZero() && to.IsZero() {
		return "at whatever time"
	}
	return from.UTC().Format(layout) + " to " + to.UTC().Format(layout)
}
