package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/change"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/ledger"
	"github.com/plumbline-ml/plumbline/internal/sink"
)

// fold takes one poll of findings and changes. Findings of one model and one instant are folded before anything is said of them, so that
// forty columns that fail together are one message; the detector commits them together.
func (s *service) fold(ctx context.Context, records []*kgo.Record) error {
	b := batch{next: map[partition]int64{}}
	for _, rec := range records {
		b.next[partition{rec.Topic, rec.Partition}] = rec.Offset + 1
		if rec.Attrs.IsControl() {
			continue
		}
		take := s.foldFinding
		if rec.Topic == bus.TopicChanges {
			take = s.foldChange
		}
		unread, err := take(&b, rec.Value)
		if err != nil {
			return err
		}
		if unread != nil {
			s.m.unread.Inc()
			s.log.Error("pass over a record", zap.String("topic", rec.Topic), zap.Int32("partition", rec.Partition), zap.Int64("offset", rec.Offset), zap.Error(unread))
		}
	}
	if err := s.settle(&b); err != nil {
		return err
	}
	var offsets []ledger.Offset
	for p, n := range b.next {
		offsets = append(offsets, ledger.Offset{Topic: p.topic, Partition: p.number, Next: n})
	}
	return s.commit(ctx, &b, offsets)
}

// foldFinding takes one finding.
func (s *service) foldFinding(b *batch, value []byte) (unread, err error) {
	f, err := finding.ReadEvent(value)
	if err != nil {
		return err, nil
	}
	s.m.findings.Inc()
	if f.Model != b.model || !f.At.Equal(b.at) {
		if err := s.settle(b); err != nil {
			return nil, err
		}
		b.model, b.at = f.Model, f.At
	}
	body, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode finding %s: %w", f.ID, err)
	}
	what, inc := s.book.Fold(f)
	gone := s.book.Gone()
	s.retraining.moved(gone)
	s.retraining.saw(&f)
	s.enter(b, ledger.Entry{At: f.At, Kind: entryFinding, Subject: inc.ID, Actor: "detector", Body: body})
	for _, t := range gone {
		if err := s.enterMoved(b, t); err != nil {
			return nil, err
		}
	}
	for _, t := range append(gone, incident.Told{Change: what, Incident: inc}) {
		if t.Change == incident.Reopened {
			if err := s.enterBack(b, t.Incident.ID); err != nil {
				return nil, err
			}
		}
		if t.Change != incident.None {
			s.m.incidents.WithLabelValues(string(t.Change)).Inc()
			b.changed(t.Change, t.Incident)
		}
	}
	return nil, nil
}

// backBody is the body of an entry: when an incident came back, by the clock.
type backBody struct {
	At time.Time `json:"at"`
}

// enterBack enters when an incident came back, so that what people did before is told from what they do about that.
func (s *service) enterBack(b *batch, id string) error {
	now := s.o.Now().UTC()
	body, err := json.Marshal(backBody{now})
	if err != nil {
		return fmt.Errorf("encode when incident %s came back: %w", id, err)
	}
	s.book.CameBack(id, now)
	s.enter(b, ledger.Entry{At: now, Kind: entryBack, Subject: id, Actor: self, Body: body})
	return nil
}

// foldChange takes one change event. A run of a job that changed nothing leaves no entry.
func (s *service) foldChange(b *batch, value []byte) (unread, err error) {
	c, err := change.Read(value)
	if err != nil {
		return err, nil
	}
	return nil, s.enterChange(b, c)
}

// foldPlans takes what changed in the contracts in force, as far as that is not known.
func (s *service) foldPlans(ctx context.Context) error {
	var b batch
	for _, model := range slices.Sorted(maps.Keys(s.plans)) {
		for _, c := range change.OfPlans(s.plans[model]) {
			if err := s.enterChange(&b, c); err != nil {
				return err
			}
		}
	}
	return s.conclude(ctx, &b)
}

// conclude settles and commits what a batch of no findings came to, if it came to anything.
func (s *service) conclude(ctx context.Context, b *batch) error {
	if len(b.entries) == 0 {
		return nil
	}
	if err := s.settle(b); err != nil {
		return err
	}
	return s.commit(ctx, b, nil)
}

// enterChange enters a change that is news, and the incidents that name it now.
func (s *service) enterChange(b *batch, c change.Event) error {
	told, news := s.book.Change(c)
	if !news {
		return nil
	}
	s.m.changes.Inc()
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode change %s: %w", c.ID, err)
	}
	who := c.Actor
	if who == "" {
		who = "pipeline"
	}
	s.enter(b, ledger.Entry{At: c.At, Kind: entryChange, Subject: c.Name, Actor: who, Body: body})
	for _, t := range told {
		s.m.incidents.WithLabelValues(string(t.Change)).Inc()
		b.changed(t.Change, t.Incident)
	}
	return nil
}

// enter adds an entry to the batch. The number of the entry is the ledger's, which has no other writer.
func (s *service) enter(b *batch, e ledger.Entry) {
	s.seq++
	b.entries = append(b.entries, e)
}

// commit writes what the batch came to, and then tells who looks.
func (s *service) commit(ctx context.Context, b *batch, offsets []ledger.Offset) error {
	if err := s.o.Ledger.Append(ctx, b.entries, offsets, b.out); err != nil {
		return err
	}
	for _, t := range b.told {
		s.say(ctx, t.inc, t.change, s.seq)
	}
	s.gauge()
	select {
	case s.queued <- struct{}{}:
	default:
	}
	return nil
}

const (
	entryChange = "change"
	entryBack   = "incident_back"
)

// partition is one of a topic.
type partition struct {
	topic  string
	number int32
}

// batch is what one poll came to.
type batch struct {
	next    map[partition]int64
	entries []ledger.Entry
	out     []ledger.Outgoing
	told    []told

	model string // of the findings being folded, with their instant
	at    time.Time
	open  []told
}

// told is an incident with the loudest thing that happened to it.
type told struct {
	inc    incident.Incident
	change incident.Change
}

// changed adds what happened to an incident. Of several things in one instant the one to tell of is how it opened, or how it ended; that
// somebody is to be called stays so.
func (b *batch) changed(c incident.Change, inc incident.Incident) {
	for i := range b.open {
		if o := &b.open[i]; o.inc.ID == inc.ID {
			inc.Calls = inc.Calls || o.inc.Calls
			if sink.Louder(c) && (!sink.Louder(o.change) || c == incident.Closed || c == incident.Reopened) {
				o.change = c
			}
			inc.Change = o.change
			o.inc = inc
			return
		}
	}
	b.open = append(b.open, told{inc, c})
}

// settle makes the messages of one model's instant.
func (s *service) settle(b *batch) error {
	for _, t := range b.open {
		messages, err := s.messages(t.inc, t.change)
		if err != nil {
			return err
		}
		b.out = append(b.out, messages...)
		if err := s.route(b, &t.inc, t.change); err != nil {
			return err
		}
	}
	b.told = append(b.told, b.open...)
	b.open = nil
	return nil
}

// messages makes one message per sink that wants to hear of the change. In a silence people are told of nothing but its end and the
// incident's.
func (s *service) messages(inc incident.Incident, c incident.Change) ([]ledger.Outgoing, error) {
	if inc.Silence != nil && c != incident.Closed {
		c = incident.Updated
	}
	id := fmt.Sprintf("%s-%d", inc.ID, s.seq)
	body, err := json.Marshal(finding.Wrap(incident.Kind, id, inc.Model, inc.OpenedAt, inc))
	if err != nil {
		return nil, fmt.Errorf("encode incident %s: %w", inc.ID, err)
	}
	var out []ledger.Outgoing
	for _, k := range s.o.Sinks {
		if k.Wants(c) {
			out = append(out, ledger.Outgoing{ID: id, Sink: k.Name(), Body: body, Due: s.o.Now()})
		}
	}
	return out, nil
}

// say logs the changes people are told of, and shows every change to those who look.
func (s *service) say(ctx context.Context, inc incident.Incident, c incident.Change, seq int64) {
	if sink.Louder(c) {
		s.log.Info("incident "+string(c),
			zap.String("model", inc.Model), zap.String("severity", string(inc.Severity)), zap.String("title", inc.Title),
			zap.Time("onset", inc.Onset), zap.String("owner", inc.Owner.Team), zap.String("id", inc.ID))
	}
	if s.o.View == nil {
		return
	}
	if err := s.o.View.PutIncident(ctx, inc, seq); err != nil {
		s.log.Warn("show incident", zap.String("id", inc.ID), zap.Error(err))
	}
}

func (s *service) gauge() {
	s.m.open.Reset()
	var active []incident.Incident
	for _, inc := range s.book.Incidents() {
		if inc.Status.Active() {
			s.m.open.WithLabelValues(inc.Model, string(inc.Severity)).Inc()
			active = append(active, inc)
		}
	}
	s.active.Store(&active)
}
