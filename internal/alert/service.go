package alert

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/ledger"
	"github.com/plumbline-ml/plumbline/internal/notify"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// tickEvery is how often it is looked whether a silence is over, or somebody is to be told by now.
const tickEvery = time.Second

// View takes the latest state of incidents, for people to look at.
type View interface {
	PutIncident(ctx context.Context, inc incident.Incident, seq int64) error // as of a ledger entry
}

// Options configure the service; View may be nil, Sinks empty.
type Options struct {
	Settings   bus.Settings
	Layout     bus.Layout
	Ledger     *ledger.Ledger
	Holder     string                              // who this process is to the other alerters
	Sinks      []Sink                              // that are told of all incidents
	Target     func(t notify.Target) (Sink, error) // makes a sink of whom a contract names; may be nil
	Triggers   func(topic string) Sink             // makes the sink of triggers; may be nil
	View       View
	Desk       *Desk // where people's acts come in; may be nil
	Now        func() time.Time
	Jitter     func() float64 // in [0, 1): spreads what is tried again
	Ready      *bus.Readiness // may be nil
	Logger     *zap.Logger
	Registerer prometheus.Registerer
}

// Metrics are the alerter's series.
type Metrics struct {
	findings  prometheus.Counter
	changes   prometheus.Counter
	unread    prometheus.Counter
	incidents *prometheus.CounterVec
	open      *prometheus.GaugeVec
	sent      *prometheus.CounterVec
	outbox    *prometheus.GaugeVec

	retraining *prometheus.CounterVec
	cycle      *prometheus.HistogramVec
}

// NewMetrics registers the alerter's series.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	f := promauto.With(reg)
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "plumbline", Subsystem: "alert", Name: name, Help: help}
	}
	return &Metrics{
		findings:   f.NewCounter(opts("findings_total", "Findings folded into incidents.")),
		changes:    f.NewCounter(opts("changes_total", "Change events that were entered; runs of jobs that changed nothing are not.")),
		unread:     f.NewCounter(opts("unreadable_findings_total", "Records on the topics of findings and changes that are neither; they are passed over.")),
		incidents:  f.NewCounterVec(opts("incident_changes_total", "Changes of incidents."), []string{"change"}),
		sent:       f.NewCounterVec(opts("messages_total", "Messages by sink and result."), []string{"sink", "result"}),
		retraining: f.NewCounterVec(opts("retraining_total", "Retraining by model: asked for, held (each reason once), succeeded, failed."), []string{"model", "result"}),
		cycle: f.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "plumbline", Subsystem: "alert", Name: "retraining_cycle_seconds", Help: "From the trigger to the new version, as retraining reports it.",
			Buckets: []float64{60, 600, 3600, 6 * 3600, 24 * 3600, 3 * 24 * 3600, 7 * 24 * 3600},
		}, []string{"model"}),
		outbox: f.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "plumbline", Subsystem: "alert", Name: "outbox_messages", Help: "Messages by sink that wait (pending) or were given up (abandoned).",
		}, []string{"sink", "state"}),
		open: f.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "plumbline", Subsystem: "alert", Name: "open_incidents", Help: "Incidents that are open.",
		}, []string{"model", "severity"}),
	}
}

// Run alerts until ctx ends.
func Run(ctx context.Context, o Options) error {
	m := NewMetrics(o.Registerer)
	log := o.Logger.Named("alert")
	k := &keeper{ledger: o.Ledger, holder: o.Holder, now: o.Now, log: log, ready: o.Ready}
	return k.hold(ctx, func(ctx context.Context, mine *ledger.Ledger) error {
		ctx, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		err := bus.Supervise(ctx, o.Settings, log, o.Ready, func(ctx context.Context, plans bus.Plans) error {
			s := &service{o: o, log: log, m: m, book: incident.NewBook(), queued: make(chan struct{}, 1), sinks: map[string]Sink{}}
			s.retraining, s.owed = newRetraining(), newOwed()
			s.audiences, s.policies, s.lastDigest = map[string]*audience{}, map[string]*plan.Policy{}, map[string]time.Time{}
			for _, k := range o.Sinks {
				s.sinks[k.Name()] = k
			}
			s.o.Ledger, s.plans = mine, plans
			for model, h := range plans { // whom to tell is a matter of today, by the clock: a plan for next month is not in force
				p := h.At(plan.Micros(o.Now()))
				s.book.SetPolicy(model, &p.Policy)
				s.book.SetTopics(model, topicsOf(p)...)
				s.setRoutes(model, &p.Policy)
				s.setTriggers(&p.Policy)
			}
			err := s.run(ctx)
			if errors.Is(err, ledger.ErrFenced) {
				stop(err)
			}
			return err
		})
		if cause := context.Cause(ctx); errors.Is(cause, ledger.ErrFenced) {
			return cause
		}
		return err
	})
}

// topicsOf are where the events of a plan's model lie.
func topicsOf(p *plan.Plan) []string {
	out := []string{p.Prediction.Topic}
	if p.Outcome != nil {
		out = append(out, p.Outcome.Topic)
	}
	return out
}

type service struct {
	o      Options
	log    *zap.Logger
	m      *Metrics
	book   *incident.Book
	seq    int64         // of the last entry
	queued chan struct{} // a message may be waiting
	sinks  map[string]Sink

	plans      bus.Plans
	policies   map[string]*plan.Policy // by model
	audiences  map[string]*audience    // by incident
	lastDigest map[string]time.Time    // by sink and rhythm
	digestsAt  time.Time               // when to look again
	retraining *retraining
	owed       *owed
	results    <-chan kgo.Fetches                  // of retraining; nil: no contract asks for it
	active     atomic.Pointer[[]incident.Incident] // that aren't over, for those who must be told again
}

func (s *service) run(ctx context.Context) error {
	at, err := s.restore(ctx)
	if err != nil {
		return err
	}
	if err := s.foldPlans(ctx); err != nil {
		return err
	}
	if err := s.tellOwed(ctx); err != nil {
		return err
	}
	s.o.Ready.NotYet("reading findings")
	targets, err := s.targets(ctx)
	if err != nil {
		return err
	}
	cl, err := s.o.Settings.NewClient(s.o.Logger, nil,
		kgo.ConsumePartitions(at),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords()) // offsets then pass the detector's markers
	if err != nil {
		return err
	}
	defer cl.Close()

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	delivered := make(chan struct{})
	go func() {
		defer close(delivered)
		s.deliver(ctx)
	}()
	defer func() { stop(); <-delivered }()
	for p, o := range at[bus.TopicFindings] {
		targets.reached(p, o.EpochOffset().Offset)
	}
	results, err := s.readResults(ctx)
	if err != nil {
		return err
	}
	if results != nil {
		defer results.Close()
		s.results = poll(ctx, results)
	}
	return s.work(ctx, poll(ctx, cl), targets)
}

// poll fetches until ctx ends, one poll ahead of who reads.
func poll(ctx context.Context, cl *kgo.Client) <-chan kgo.Fetches {
	polled := make(chan kgo.Fetches)
	go func() {
		for ctx.Err() == nil {
			select {
			case polled <- cl.PollFetches(ctx):
			case <-ctx.Done():
			}
		}
	}()
	return polled
}

// work folds what comes: findings, people's acts, and the ends of silences. What fails while it is folded ends the run: memory may then be
// ahead of the ledger.
func (s *service) work(ctx context.Context, polled <-chan kgo.Fetches, targets targets) error {
	var requests chan request
	if s.o.Desk != nil {
		requests = s.o.Desk.requests
	}
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if len(targets) == 0 {
			s.o.Ready.Ready()
		}
		var err error
		select {
		case <-ctx.Done():
			return nil
		case fetches := <-polled:
			err = s.take(ctx, fetches, targets)
		case fetches := <-s.results:
			err = s.takeResults(ctx, fetches)
		case r := <-requests:
			err = s.serve(ctx, r)
		case <-tick.C:
			err = s.tick(ctx)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// tick does what the clock asks for.
func (s *service) tick(ctx context.Context) error {
	if err := s.endSilences(ctx); err != nil {
		return err
	}
	if err := s.tellLater(ctx); err != nil {
		return err
	}
	if err := s.digests(ctx); err != nil {
		return err
	}
	return s.triggers(ctx)
}

// take folds one poll.
func (s *service) take(ctx context.Context, fetches kgo.Fetches, targets targets) error {
	for _, e := range fetches.Errors() {
		return fmt.Errorf("read %s/%d: %w", e.Topic, e.Partition, e.Err)
	}
	if fetches.NumRecords() == 0 {
		return nil
	}
	if err := s.fold(ctx, fetches.Records()); err != nil {
		return err
	}
	fetches.EachRecord(func(rec *kgo.Record) {
		if rec.Topic == bus.TopicFindings {
			targets.reached(rec.Partition, rec.Offset+1)
		}
	})
	return nil
}

// targets are where the findings ended when the alerter began, of the partitions it has not caught up with yet.
type targets map[int32]int64

func (s *service) targets(ctx context.Context) (targets, error) {
	cl, err := s.o.Settings.NewClient(s.o.Logger, nil)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	ends, err := adm.ListCommittedOffsets(ctx, bus.TopicFindings)
	if err != nil {
		return nil, fmt.Errorf("list the ends of the findings: %w", err)
	}
	starts, err := adm.ListStartOffsets(ctx, bus.TopicFindings)
	if err != nil {
		return nil, fmt.Errorf("list the starts of the findings: %w", err)
	}
	out := targets{}
	ends.Each(func(l kadm.ListedOffset) {
		start, _ := starts.Lookup(l.Topic, l.Partition)
		if l.Err == nil && l.Offset > start.Offset { // of what expired nothing is to come
			out[l.Partition] = l.Offset
		}
	})
	return out, nil
}

func (t targets) reached(partition int32, next int64) {
	if next >= t[partition] {
		delete(t, partition)
	}
}
