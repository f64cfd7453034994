package detect

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// View takes the latest panes of a model, for people to look at.
type View interface {
	PutPane(ctx context.Context, s engine.Snapshot) error
}

// Options configure the service; View, Instance and Registerer may be empty.
type Options struct {
	Settings   bus.Settings
	Layout     bus.Layout
	Group      string
	Instance   string
	Epoch      time.Duration // longest time from a record to its commit; 0: 1 s. What was found ends an epoch at once
	View       View
	Logger     *zap.Logger
	Registerer prometheus.Registerer
}

// Metrics are the detector's series.
type Metrics struct {
	findings *prometheus.CounterVec
	late     *prometheus.GaugeVec
	problems *prometheus.CounterVec
	skipped  *prometheus.CounterVec
	psi      *prometheus.GaugeVec
	quality  *prometheus.GaugeVec
	judged   *prometheus.GaugeVec
}

// NewMetrics registers the detector's series.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	f := promauto.With(reg)
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return f.NewGaugeVec(prometheus.GaugeOpts{Namespace: "plumbline", Subsystem: "detect", Name: name, Help: help}, labels)
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Namespace: "plumbline", Subsystem: "detect", Name: name, Help: help}, labels)
	}
	return &Metrics{
		findings: counter("findings_total", "Findings published, by verdict.", "model", "verdict"),
		problems: counter("coverage_problems_total", "Places where fragments do not account for every offset exactly once.", "kind"),
		skipped:  counter("skipped_cells_total", "Cells counted under a plan that is no longer in force.", "model"),
		late:     gauge("late_events", "Events that came after their pane was closed; they enter no test.", "model"),
		psi:      gauge("psi", "Population stability index of the latest test pane against the reference.", "model", "column"),
		quality:  gauge("metric", "Quality of the latest truth pane, by metric.", "model", "metric"),
		judged:   gauge("judged_until_seconds", "Event time up to which predictions have been judged, seconds since the Unix epoch.", "model"),
	}
}

// Run detects until ctx ends.
func Run(ctx context.Context, o Options) error {
	m := NewMetrics(o.Registerer)
	log := o.Logger.Named("detect")
	return bus.Supervise(ctx, o.Settings, log, func(ctx context.Context, plans bus.Plans) error {
		r := &role{o: o, log: log, m: m, plans: plans, parts: map[int32]*part{}}
		id := o.Instance
		if id == "" {
			id = "0"
		}
		return bus.Run(ctx, bus.Options{
			Name: "detect", Group: o.Group, TransactionalID: o.Group + "-" + id, InstanceID: o.Instance,
			Topics: []string{bus.TopicFragments}, Role: r, Settings: o.Settings, EpochMax: o.Epoch,
			Logger: o.Logger, Registerer: o.Registerer,
		})
	})
}

type role struct {
	o     Options
	log   *zap.Logger
	m     *Metrics
	plans bus.Plans
	parts map[int32]*part
}

// part is the state of one fragments partition.
type part struct {
	clock   *window.Clock
	engines map[string]*engine.Engine // by model
	dirty   map[string]bool           // models whose state is newer than the last commit

	findings []finding.Finding
	panes    []endedPane
	problems []window.Problem

	committed map[string][]byte // the state records as of the last commit, by key
	flushed   map[string][]byte // the ones of the open transaction
}

// endedPane is one test pane for the history.
type endedPane struct {
	model string
	pane  *window.Pane
}

// newPart makes the state of a partition nothing was folded of yet.
func (r *role) newPart(partition int32) *part {
	p := &part{clock: window.NewClock(), engines: map[string]*engine.Engine{}, dirty: map[string]bool{}, committed: map[string][]byte{}}
	for _, pl := range r.of(partition) {
		p.engines[pl.Model] = engine.New(pl)
	}
	return p
}

// of lists the plans whose fragments lie in the partition, by model.
func (r *role) of(partition int32) []*plan.Plan {
	var out []*plan.Plan
	for _, model := range slices.Sorted(maps.Keys(r.plans)) {
		if bus.PartitionOf(model, r.o.Layout.Fragments) == partition {
			out = append(out, r.plans[model])
		}
	}
	return out
}

func stateKey(model string) string { return "state/" + model }

func pieceKey(key string, i int) string { return fmt.Sprintf("%s/%d", key, i) }

func paneKey(model string, start int64) string { return fmt.Sprintf("pane/%s/%d", model, start) }

const clockKey = "clock"
