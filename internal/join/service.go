package join

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/view"
)

// Options configure the service; all are required but Instance.
type Options struct {
	Settings   bus.Settings
	Layout     bus.Layout
	Group      string
	Instance   string
	Epoch      time.Duration // longest time from a record to its commit; 0: 1 s. What was found ends an epoch at once
	Index      view.Index
	Ready      *bus.Readiness // may be nil
	Pressure   bus.Pressure   // may be nil
	Logger     *zap.Logger
	Registerer prometheus.Registerer
}

// Metrics are the joiner's counters.
type Metrics struct {
	rows, changed, rebuilt prometheus.Counter
}

// NewMetrics registers the joiner's counters.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	f := promauto.With(reg)
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Namespace: "plumbline", Subsystem: "join", Name: name, Help: help})
	}
	return &Metrics{
		rows:    counter("rows_total", "Join rows folded, in committed epochs."),
		changed: counter("changed_total", "Join rows that changed the state of their id; the others repeat what was known."),
		rebuilt: counter("rebuilt_rows_total", "Join rows folded again to bring the index up to date."),
	}
}

// An epoch's rows are read from the index and written to it within the deadlines of both; a record has thousands of rows. So the
// epoch is small, and looked at often: some ten thousand rows, as the ingestor packs them.
const (
	epochBytes  = 4 << 20
	pollRecords = 8
)

// Run joins until ctx ends.
func Run(ctx context.Context, o Options) error {
	m := NewMetrics(o.Registerer)
	log := o.Logger.Named("join")
	return bus.Supervise(ctx, o.Settings, log, o.Ready, func(ctx context.Context, plans bus.Plans) error {
		r := &role{o: o, log: log, m: m, plans: map[string]*plan.Plan{}, all: plans, look: bus.NewStrangers(o.Settings).Look, parts: map[int32]*part{}}
		return bus.Run(ctx, bus.Options{
			Name: "join", Group: o.Group, TransactionalID: o.Group + "-" + bus.Slot(o.Instance), InstanceID: o.Instance,
			Topics: []string{bus.TopicJoins}, Role: r, Settings: o.Settings, EpochMax: o.Epoch,
			EpochBytes: epochBytes, PollRecords: pollRecords,
			Ready: o.Ready, Pressure: o.Pressure, Logger: o.Logger, Registerer: o.Registerer,
		})
	})
}

type role struct {
	o     Options
	log   *zap.Logger
	m     *Metrics
	plans map[string]*plan.Plan // by digest, nil: not known
	all   bus.Plans
	look  func(ctx context.Context, digest string) error // see bus.Strangers
	parts map[int32]*part
}

// byDigest is one of the plans the service runs under, nil if it is none of them.
func (r *role) byDigest(digest string) *plan.Plan {
	p, asked := r.plans[digest]
	if !asked {
		p = r.all.Digest(digest)
		r.plans[digest] = p
	}
	return p
}

// part is one joins partition in the open epoch.
type part struct {
	pending []folded
	next    int64 // offset the index stands at
	end     int64 // offset it stands at once the epoch is committed
	rows    int   // folded in the epoch
	changed int
}

// folded is one record of the epoch: its rows, and after Flush the states that the index is to hold as of after it.
type folded struct {
	offset  int64
	rows    []outcome.Row
	markers []record.Marker
	ids     [][]byte
	states  [][]byte
}
