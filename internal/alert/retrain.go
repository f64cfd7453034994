package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/ledger"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/retrain"
)

const (
	entryTrigger = "retrain_trigger" // the body is the trigger
	entryHeld    = "retrain_held"    // the body says why
	entryResult  = "retrain_result"  // the body is the result
)

// retrainEvery is how often it is looked whether a model asks for retraining.
const retrainEvery = 5 * time.Second

// retraining is what the alerter knows of retraining: folded from the ledger, like the incidents.
type retraining struct {
	asked   map[string][]retrain.Trigger // by model, oldest first
	results map[string]retrain.Result    // the latest, by trigger
	held    map[string]string            // by incident: why, as it was said last; none: nothing holds it back
	newest  map[string]time.Time         // event time, by model
	pending map[string]time.Time         // by incident: since when, by the clock, its cause has no name yet
	at      time.Time                    // when to look again
}

func newRetraining() *retraining {
	return &retraining{
		asked: map[string][]retrain.Trigger{}, results: map[string]retrain.Result{}, held: map[string]string{},
		newest: map[string]time.Time{}, pending: map[string]time.Time{},
	}
}

// saw remembers how far a model's findings have come.
func (r *retraining) saw(f *finding.Finding) {
	if f.At.After(r.newest[f.Model]) {
		r.newest[f.Model] = f.At
	}
}

// moved forgets why incidents were held that became a part of others, by themselves or by a person.
func (r *retraining) moved(told []incident.Told) {
	for _, t := range told {
		if t.Change == incident.Merged && t.Incident.MergedInto != "" {
			delete(r.held, t.Incident.ID)
		}
	}
}

// heldBody is the body of an entry; without a reason the incident no longer asks for retraining.
type heldBody struct {
	Why     string          `json:"why"`
	Because retrain.Because `json:"because,omitempty"`
}

// hold takes up why an incident's retraining is held back.
func (s *service) hold(id string, h heldBody, at time.Time) []incident.Told {
	s.retraining.held[id] = h.Why
	if h.Why == "" {
		delete(s.retraining.held, id)
	}
	return s.book.HoldRetraining(id, incident.Hold{Because: string(h.Because), Why: h.Why, Since: at.UTC()})
}

// news adds what became of incidents.
func (s *service) news(b *batch, told []incident.Told) {
	for _, t := range told {
		s.m.incidents.WithLabelValues(string(t.Change)).Inc()
		b.changed(t.Change, t.Incident)
	}
}

// triggers publishes what asks for retraining by now, and enters why the others are held.
func (s *service) triggers(ctx context.Context) error {
	now := s.o.Now()
	if now.Before(s.retraining.at) {
		return nil
	}
	s.retraining.at = now.Add(retrainEvery)
	byModel := map[string][]retrain.Trouble{}
	for _, inc := range s.book.Incidents() {
		if p := s.policies[inc.Model]; p != nil && p.Retrain != nil {
			byModel[inc.Model] = append(byModel[inc.Model], retrain.Trouble{Incident: inc, Signals: s.book.Signals(inc.ID), Pending: s.pending(&inc, now)})
		}
	}
	var b batch
	for _, model := range slices.Sorted(maps.Keys(byModel)) {
		all := byModel[model]
		for i := range all {
			if err := s.consider(&b, all[i], all); err != nil {
				return err
			}
		}
	}
	return s.conclude(ctx, &b)
}

// pending reports whether the cause of an open incident may still get its name: until its events have come, by event time, or should have, by the clock. The
// alerter hears of a model's event time by findings only; where none come the clock says that no name will.
func (s *service) pending(inc *incident.Incident, now time.Time) bool {
	r := s.retraining
	until, takes := s.book.Pending(inc.ID)
	if !inc.Status.Active() || !until.After(r.newest[inc.Model]) {
		delete(r.pending, inc.ID)
		return false
	}
	since, known := r.pending[inc.ID]
	if !known {
		since, r.pending[inc.ID] = now, now
	}
	return now.Sub(since) < takes
}

// consider decides about one incident.
func (s *service) consider(b *batch, this retrain.Trouble, all []retrain.Trouble) error {
	inc, r := &this.Incident, s.retraining
	if !inc.Status.Active() {
		return nil
	}
	d := retrain.Decide(retrain.Situation{
		Policy: s.policies[inc.Model], This: this, All: all, Asked: r.asked[inc.Model], Results: r.results, Now: s.o.Now(), EventNow: r.newest[inc.Model],
	})
	if d.Trigger == nil {
		if r.held[inc.ID] == d.Held {
			return nil
		}
		h, now := heldBody{d.Held, d.Because}, s.o.Now()
		body, err := json.Marshal(h)
		if err != nil {
			return fmt.Errorf("encode why retraining is held: %w", err)
		}
		s.news(b, s.hold(inc.ID, h, now))
		s.enter(b, ledger.Entry{At: now, Kind: entryHeld, Subject: inc.ID, Actor: self, Body: body})
		if d.Held == "" {
			return nil
		}
		s.m.retraining.WithLabelValues(inc.Model, "held").Inc()
		s.log.Info("retraining is held", zap.String("model", inc.Model), zap.String("incident", inc.ID), zap.String("why", d.Held))
		return nil
	}
	t := d.Trigger
	body, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encode trigger %s: %w", t.ID, err)
	}
	event, err := json.Marshal(finding.Wrap(retrain.KindTrigger, t.ID, t.Model, t.At, t))
	if err != nil {
		return fmt.Errorf("encode trigger %s: %w", t.ID, err)
	}
	s.enter(b, ledger.Entry{At: t.At, Kind: entryTrigger, Subject: inc.ID, Actor: self, Body: body})
	b.out = append(b.out, ledger.Outgoing{ID: t.ID + "-" + "trigger", Sink: triggerSink(s.policies[inc.Model].Retrain.Topic), Body: event, Due: s.o.Now()})
	r.asked[t.Model] = append(r.asked[t.Model], *t)
	delete(r.held, inc.ID)
	s.news(b, s.book.AskRetraining(inc.ID, t.ID, t.At))
	s.m.retraining.WithLabelValues(inc.Model, "asked").Inc()
	s.log.Info("retraining is asked for", zap.String("model", t.Model), zap.String("incident", inc.ID), zap.String("reason", string(t.Reason)), zap.String("trigger", t.ID))
	return nil
}

// takeResults takes what retraining reports.
func (s *service) takeResults(ctx context.Context, fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		return fmt.Errorf("read results of retraining %s/%d: %w", e.Topic, e.Partition, e.Err)
	}
	var b batch
	type place struct {
		topic     string
		partition int32
	}
	next := map[place]int64{}
	fetches.EachRecord(func(rec *kgo.Record) {
		next[place{rec.Topic, rec.Partition}] = rec.Offset + 1
		if rec.Attrs.IsControl() {
			return
		}
		r, err := retrain.ReadResult(rec.Value)
		if err != nil {
			s.m.unread.Inc()
			s.log.Error("pass over a record on the topic of results", zap.String("topic", rec.Topic), zap.Int64("offset", rec.Offset), zap.Error(err))
			return
		}
		body, err := json.Marshal(r)
		if err != nil {
			return // it was read from JSON
		}
		s.enter(&b, ledger.Entry{At: r.At, Kind: entryResult, Subject: r.Trigger, Actor: "retraining", Body: body})
		s.news(&b, s.reported(&r, true))
	})
	if err := s.settle(&b); err != nil {
		return err
	}
	var offsets []ledger.Offset
	for p, n := range next {
		offsets = append(offsets, ledger.Offset{Topic: p.topic, Partition: p.partition, Next: n})
	}
	if len(offsets) == 0 {
		return nil
	}
	return s.commit(ctx, &b, offsets)
}

// reported takes up a result. What is over stays so, and one of a trigger that isn't known changes nothing.
func (s *service) reported(r *retrain.Result, live bool) []incident.Told {
	i := slices.IndexFunc(s.retraining.asked[r.Model], func(t retrain.Trigger) bool { return t.ID == r.Trigger })
	was := s.retraining.results[r.Trigger]
	if i < 0 || was.Status == retrain.Succeeded || was.Status == retrain.Failed {
		return nil
	}
	s.retraining.results[r.Trigger] = *r
	told := s.book.ReportRetraining(s.retraining.asked[r.Model][i].Incident, r.Trigger, string(r.Status), r.Version, r.At.UTC())
	if !live || r.Status == retrain.Started {
		return told
	}
	took := retrain.CycleTime(&s.retraining.asked[r.Model][i], r)
	s.m.retraining.WithLabelValues(r.Model, string(r.Status)).Inc()
	if r.Status == retrain.Succeeded {
		s.m.cycle.WithLabelValues(r.Model).Observe(took.Seconds())
	}
	s.log.Info("retraining reports", zap.String("model", r.Model), zap.String("trigger", r.Trigger), zap.String("status", string(r.Status)),
		zap.String("version", r.Version), zap.Duration("cycle", took))
	return told
}

// retold takes up an entry about retraining.
func (s *service) retold(e ledger.Entry) error {
	var err error
	switch e.Kind {
	case entryTrigger:
		var t retrain.Trigger
		err = json.Unmarshal(e.Body, &t)
		s.retraining.asked[t.Model] = append(s.retraining.asked[t.Model], t)
		delete(s.retraining.held, e.Subject)
		s.book.AskRetraining(t.Incident, t.ID, t.At)
	case entryHeld:
		var h heldBody
		err = json.Unmarshal(e.Body, &h)
		s.hold(e.Subject, h, e.At)
	default:
		var r retrain.Result
		if err = json.Unmarshal(e.Body, &r); err == nil {
			s.reported(&r, false)
		}
	}
	if err != nil {
		return fmt.Errorf("ledger entry %d: %w", e.Seq, err)
	}
	return nil
}

// triggerSink is the name of the sink of a topic.
func triggerSink(topic string) string { return "retrain:" + topic }

// TriggerSink publishes triggers on a topic, keyed by the model. It makes the topic if there is none: a trigger must not be lost because
// nobody has subscribed yet.
type TriggerSink struct {
	Client *kgo.Client // with a manual partitioner
	Topic  string
}

// Name is the topic's.
func (t *TriggerSink) Name() string { return triggerSink(t.Topic) }

// Wants nothing of incidents.
func (t *TriggerSink) Wants(incident.Change) bool { return false }

// Send writes the message and waits until the broker has it.
func (t *TriggerSink) Send(ctx context.Context, id string, body []byte) error {
	rec := func() *kgo.Record {
		return &kgo.Record{
			Topic: t.Topic, Partition: 0, Key: []byte(modelOf(body)), Value: body,
			Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte(contentType)}},
		}
	}
	err := t.Client.ProduceSync(ctx, rec()).FirstErr()
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		if err := makeTopic(ctx, t.Client, t.Topic); err != nil {
			return err
		}
		err = t.Client.ProduceSync(ctx, rec()).FirstErr()
	}
	if err != nil {
		return fmt.Errorf("publish %s on %s: %w", strings.TrimSuffix(id, "-trigger"), t.Topic, err)
	}
	return nil
}

func modelOf(body []byte) string {
	var e struct {
		Subject string `json:"subject"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return ""
	}
	return e.Subject
}

// makeTopic makes a topic of one partition, unless it is there.
func makeTopic(ctx context.Context, cl *kgo.Client, topic string) error {
	_, err := kadm.NewClient(cl).CreateTopic(ctx, 1, -1, nil, topic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	return nil
}

// resultTopics are those that the contracts in force name, sorted.
func (s *service) resultTopics() []string {
	var out []string
	for _, p := range s.policies {
		if p.Retrain != nil && !slices.Contains(out, p.Retrain.Results) {
			out = append(out, p.Retrain.Results)
		}
	}
	slices.Sort(out)
	return out
}

// readResults reads what retraining reports, from where the ledger has come to; nil if no contract asks for retraining.
func (s *service) readResults(ctx context.Context) (cl *kgo.Client, err error) {
	topics := s.resultTopics()
	if len(topics) == 0 {
		return nil, nil
	}
	if cl, err = s.o.Settings.NewClient(s.o.Logger, nil, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords()); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			cl.Close()
		}
	}()
	known, err := s.o.Ledger.Offsets(ctx)
	if err != nil {
		return nil, err
	}
	at := map[string]map[int32]kgo.Offset{}
	for _, topic := range topics {
		if err := makeTopic(ctx, cl, topic); err != nil {
			return nil, err
		}
		starts, err := kadm.NewClient(cl).ListStartOffsets(ctx, topic)
		if err != nil {
			return nil, fmt.Errorf("list the partitions of %s: %w", topic, err)
		}
		at[topic] = map[int32]kgo.Offset{}
		starts.Each(func(l kadm.ListedOffset) { at[topic][l.Partition] = kgo.NewOffset().AtStart() })
	}
	for _, o := range known {
		if _, ours := at[o.Topic][o.Partition]; ours {
			at[o.Topic][o.Partition] = kgo.NewOffset().At(o.Next)
		}
	}
	cl.AddConsumePartitions(at)
	return cl, nil
}

// setTriggers makes the sink of a model's topic.
func (s *service) setTriggers(p *plan.Policy) {
	if p.Retrain == nil || s.o.Triggers == nil {
		return
	}
	if k := s.o.Triggers(p.Retrain.Topic); s.sinks[k.Name()] == nil {
		s.sinks[k.Name()] = k
	}
}
