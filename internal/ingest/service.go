package ingest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// Options configure the service. Settings, Layout, Schemas, Now, Ends, Logger and Registerer are required.
type Options struct {
	Settings   bus.Settings
	Layout     bus.Layout
	Group      string // consumer group and prefix of the transactional id
	Instance   string // of this replica; "" is a dynamic member
	Epoch      time.Duration
	EpochBytes int
	IdleAfter  time.Duration // a partition without events for so long holds no pane open; 0: 30 s
	Schemas    schema.Schemas
	Now        func() time.Time // wall clock, for IdleAfter only
	// Ends tells the end offsets of a topic's partitions: one that has unread events is slow, not idle.
	Ends       func(ctx context.Context, topic string) (map[int32]int64, error)
	Workers    int            // goroutines that decode and count; 0: one
	FetchWait  time.Duration  // how long a broker may gather events before it sends them; 0: not at all
	Ready      *bus.Readiness // may be nil
	Pressure   bus.Pressure   // may be nil
	Logger     *zap.Logger
	Registerer prometheus.Registerer
	Metrics    *Metrics // nil: made from Registerer
}

// Run ingests until ctx ends.
func Run(ctx context.Context, o Options) error {
	if o.Metrics == nil {
		o.Metrics = NewMetrics(o.Registerer)
	}
	if o.IdleAfter == 0 {
		o.IdleAfter = 30 * time.Second
	}
	log := o.Logger.Named("ingest")
	return bus.Supervise(ctx, o.Settings, log, o.Ready, func(ctx context.Context, plans bus.Plans) error {
		role, err := newRole(o, plans, log)
		if err != nil {
			return err
		}
		return bus.Run(ctx, bus.Options{
			Name: "ingest", Group: o.Group, TransactionalID: o.Group + "-" + bus.Slot(o.Instance), InstanceID: o.Instance,
			Topics: role.topics(), Role: role, Settings: o.Settings, EpochMax: o.Epoch, EpochBytes: o.EpochBytes,
			// Fragments are coded to their entropy and half of a join row is its hash: snappy makes them a twentieth smaller.
			FetchWait: o.FetchWait, Packed: true, Ready: o.Ready, Pressure: o.Pressure, Logger: o.Logger, Registerer: o.Registerer,
		})
	})
}

// partition is what is known of a source partition.
type partition struct {
	next      int64
	watermark window.Watermark
	active    time.Time // wall clock of the last epoch that held a record of it
	accepted  int       // records of the open epoch that some stream could read
	ends      int64     // the watermark at which a pane of the topic ends next, see paneEnded; 0: not known yet
	count     int32     // partitions of the topic
	id        [16]byte
}

type role struct {
	o       Options
	log     *zap.Logger
	plans   []*plan.Plan // of every era of every model
	workers []*worker
	chunks  []*chunk // of the poll
	spare   []*chunk // empty ones
	owned   map[bus.TopicPartition]*partition
	aside   []*kgo.Record
	before  map[bus.TopicPartition]partition // as of the last commit
	noted   map[bus.TopicPartition]window.Watermark
	ahead   map[string]int64 // by topic: how far ahead of all others an event may be, microseconds
	tally   tally
	epoch   map[string]*counts          // what was flushed, by model
	waited  map[bus.TopicPartition]bool // their records waited for the registry since the last commit
	early   time.Time                   // wall clock of when an epoch was last asked to end early
}

func newRole(o Options, plans bus.Plans, log *zap.Logger) (*role, error) {
	r := &role{
		o: o, log: log, owned: map[bus.TopicPartition]*partition{},
		before: map[bus.TopicPartition]partition{}, noted: map[bus.TopicPartition]window.Watermark{}, ahead: map[string]int64{}, tally: tally{},
		waited: map[bus.TopicPartition]bool{},
	}
	var eras []plan.Era
	for _, model := range slices.Sorted(maps.Keys(plans)) {
		for _, era := range plans[model].Eras() {
			eras = append(eras, era)
			r.plans = append(r.plans, era.Plan)
		}
	}
	for range cmp.Or(o.Workers, 1) {
		w, err := newWorker(&r.o, eras)
		if err != nil {
			return nil, err
		}
		r.workers = append(r.workers, w)
	}
	for _, topic := range r.topics() {
		o.Metrics.preset(topic)
		r.each(topic, func(s *stream) { r.ahead[topic] = max(r.ahead[topic], s.era.Plan.Ahead().Microseconds()) })
	}
	return r, nil
}

func (r *role) topics() []string { return slices.Sorted(maps.Keys(r.workers[0].readings)) }

// each visits every stream of a topic, as one worker has it.
func (r *role) each(topic string, visit func(*stream)) { r.workers[0].each(topic, visit) }

// Note keeps the watermark with the offset.
func (r *role) Note(tp bus.TopicPartition) string {
	p := r.owned[tp]
	if p == nil {
		return ""
	}
	return p.watermark.String()
}

// Noted takes the watermark up again. One that can't be read is of another build: then it begins with the next event, and
// the detector, which keeps the largest, is none the wiser.
func (r *role) Noted(tp bus.TopicPartition, note string) {
	w, err := window.ParseWatermark(note)
	if err != nil {
		w = window.NewWatermark()
	}
	r.noted[tp] = w
}

// Restore begins a partition afresh: an ingestor keeps nothing over an epoch but the watermark.
func (r *role) Restore(_ context.Context, tp bus.TopicPartition, next int64) error {
	w, ok := r.noted[tp]
	if !ok {
		w = window.NewWatermark()
	}
	delete(r.noted, tp)
	p := partition{next: next, watermark: w, active: r.o.Now()}
	r.owned[tp], r.before[tp] = &p, p
	return nil
}

// Drop forgets partitions.
func (r *role) Drop(tps []bus.TopicPartition) {
	for _, tp := range tps {
		delete(r.owned, tp)
		delete(r.before, tp)
		delete(r.waited, tp)
	}
	for _, w := range r.workers {
		w.drop(tps)
	}
}

// Advance does nothing: offsets past markers come in the ranges of Flush.
func (r *role) Advance(bus.TopicPartition, int64) {}

// Committed makes the epoch's progress the one to roll back to.
func (r *role) Committed() {
	for tp, p := range r.owned {
		r.before[tp] = *p
	}
	r.tally.publish(r.o.Metrics)
	if r.epoch != nil {
		r.o.Metrics.epoch.published.Publish(r.epoch)
		r.epoch = nil
	}
	r.aside = nil
	clear(r.waited)
	r.o.Metrics.away.Set(0)
}

// Rollback forgets the epoch.
func (r *role) Rollback() error {
	for tp, p := range r.owned {
		*p = r.before[tp]
		p.active = r.o.Now() // what is rolled back comes again: nothing is idle
	}
	for _, w := range r.workers {
		w.forget()
	}
	r.chunks = nil
	r.aside = nil
	clear(r.tally)
	r.epoch = nil
	return nil
}
