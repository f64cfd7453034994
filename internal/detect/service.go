package detect

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/change"
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
	Ready      *bus.Readiness // may be nil
	Pressure   bus.Pressure   // may be nil
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
		skipped:  counter("skipped_cells_total", "Cells set aside, because they were counted under a plan that is not in force at their event time.", "model"),
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
	return bus.Supervise(ctx, o.Settings, log, o.Ready, func(ctx context.Context, plans bus.Plans) error {
		r := &role{o: o, log: log, m: m, plans: plans, look: bus.NewStrangers(o.Settings).InForce, asked: map[asked]bool{}, parts: map[int32]*part{}}
		return bus.Run(ctx, bus.Options{
			Name: "detect", Group: o.Group, TransactionalID: o.Group + "-" + bus.Slot(o.Instance), InstanceID: o.Instance,
			Topics: []string{bus.TopicFragments}, Role: r, Settings: o.Settings, EpochMax: o.Epoch,
			Ready: o.Ready, Pressure: o.Pressure, Logger: o.Logger, Registerer: o.Registerer,
		})
	})
}

type role struct {
	o     Options
	log   *zap.Logger
	m     *Metrics
	plans bus.Plans
	look  func(ctx context.Context, model, digest string, us int64) error // see bus.Strangers.InForce
	asked map[asked]bool                                                  // of the fragment at hand
	parts map[int32]*part
}

// asked is what the plans topic was asked for.
type asked struct {
	engineID
	us int64
}

// part is the state of one fragments partition.
type part struct {
	clock   *window.Clock
	models  []string // in order
	engines map[engineID]*ruled
	pasts   map[string]*past  // by model; none where nothing was committed yet
	dirty   map[engineID]bool // whose state is newer than the last commit

	findings []finding.Finding
	panes    []endedPane
	cohorts  []endedCohort
	problems []window.Problem
	versions map[string]*versions // by model
	changes  []change.Event

	committed map[string][]byte // the state records as of the last commit, by key
	flushed   map[string][]byte // the ones of the open transaction

	windows map[string]*engine.Windows // by model: of what was committed, see windows.go
}

// engineID names the engine of one plan of a model.
type engineID struct{ model, digest string }

func idOf(p *plan.Plan) engineID { return engineID{p.Model, p.Digest()} }

// ruled is an engine and the stretches of event time in which its plan is in force: mostly one, more where it was put in force
// again.
type ruled struct {
	*engine.Engine
	eras []plan.Era
}

// holds reports whether the plan is in force at an event time.
func (e *ruled) holds(us int64) bool {
	return slices.ContainsFunc(e.eras, func(era plan.Era) bool { return era.Holds(us) })
}

// ends are when the plan gives way, each time.
func (e *ruled) ends() (out []int64) {
	for _, era := range e.eras {
		if era.To != math.MaxInt64 {
			out = append(out, era.To)
		}
	}
	return out
}

// until is when the plan gives way for good.
func (e *ruled) until() int64 { return e.eras[len(e.eras)-1].To }

// endedPane is one test pane for the history.
type endedPane struct {
	plan *plan.Plan
	pane *window.Pane
}

// newPart makes the state of a partition nothing was folded of yet.
func (r *role) newPart(partition int32) *part {
	p := &part{
		clock: window.NewClock(), models: r.of(partition), engines: map[engineID]*ruled{}, pasts: map[string]*past{}, dirty: map[engineID]bool{},
		committed: map[string][]byte{}, windows: map[string]*engine.Windows{}, versions: map[string]*versions{},
	}
	for _, model := range p.models {
		for _, era := range r.plans[model].Eras() {
			id := idOf(era.Plan)
			if p.engines[id] == nil {
				e := engine.New(era.Plan)
				e.Govern(r.plans[model].Governed(id.digest))
				p.engines[id] = &ruled{Engine: e}
			}
			p.engines[id].eras = append(p.engines[id].eras, era)
		}
	}
	for _, e := range p.engines {
		e.GivesWay(e.ends())
	}
	return p
}

// of lists the models whose fragments lie in the partition.
func (r *role) of(partition int32) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.plans)), func(model string) bool {
		return bus.PartitionOf(model, r.o.Layout.Fragments) != partition
	})
}

// inOrder lists the engines by model, then by when their plans first came into force: what an earlier plan counted ended earlier.
func (p *part) inOrder() []engineID {
	return slices.SortedFunc(maps.Keys(p.engines), func(a, b engineID) int {
		return cmp.Or(cmp.Compare(a.model, b.model), cmp.Compare(p.engines[a].eras[0].From, p.engines[b].eras[0].From))
	})
}

func stateKey(id engineID) string { return "state/" + id.model + "@" + id.digest }

func driftKey(id engineID) string { return stateKey(id) + "/drift" }

func pieceKey(key string, i int) string { return fmt.Sprintf("%s/%d", key, i) }

const clockKey = "clock"
