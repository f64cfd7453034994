package demo

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/examples/electricity"
	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/file"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/produce"
)

const (
	drainEvery = 20 * time.Millisecond
	stopWithin = 30 * time.Second
)

// Options configure a run of the demo.
type Options struct {
	Screen  Screen
	Logger  *zap.Logger
	Metrics prometheus.Registerer
	// Serving, if not nil, is called with the parts once they are up: the API and the metrics are mounted there.
	Serving func(*app.Parts) error
	// Drained, if not nil, is called when everything is judged, with the services still running.
	Drained func(context.Context, Result) error

	of *source // nil: the demo's own
}

// source is a stream that can be replayed: a contract and its files.
type source struct {
	contract *contract.Contract
	files    check.Files
	own      bool // the demo's, which says its schemas; those of others follow from the contract
}

// Result is what a run found: all of it, in an order that doesn't depend on how the run went.
type Result struct {
	Incidents []incident.Incident
	Findings  []finding.Finding
	Events    int64
	Took      time.Duration // from the first event published until everything was judged
}

// Screen shows a run to people.
type Screen interface {
	Start(c *contract.Contract, p *plan.Plan)
	Progress(published, judged time.Time)
	Incident(inc incident.Incident, again bool)
}

// Files are the demo's data as `plumbline check` reads it.
func Files() check.Files {
	return check.Files{
		Predictions: electricity.DataFile, Outcomes: electricity.DataFile, Delay: electricity.Delay,
		Open: func(name string) (file.Reader, error) {
			f, err := electricity.FS.Open(name)
			if err != nil {
				return nil, err
			}
			return file.New(f, file.Auto, name)
		},
	}
}

// Contract is the demo's contract.
func Contract() (*contract.Contract, error) {
	b, err := fs.ReadFile(electricity.FS, electricity.ContractFile)
	if err != nil {
		return nil, err
	}
	return contract.Parse(electricity.ContractFile, b)
}

// Run replays the stream and returns when everything is judged and Drained has returned.
func Run(ctx context.Context, o Options) (err error) {
	if o.of == nil {
		c, err := Contract()
		if err != nil {
			return err
		}
		o.of = &source{c, Files(), true}
	}
	c := o.of.contract
	p, err := check.Plan(c, o.of.files)
	if err != nil {
		return err
	}
	parts, err := app.Embedded(ctx, o.Logger, o.Metrics, bus.EmbeddedOptions{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parts.Close()) }()
	if o.Serving != nil {
		if err := o.Serving(parts); err != nil {
			return err
		}
	}
	r := &replay{o: o, parts: parts, plan: p, shown: map[string]incident.Incident{}}
	events, err := prepare(ctx, parts, o.of, publish(&r.at, r.wait))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	cl, err := publishing(ctx, parts, o.Logger, events, p)
	if err != nil {
		return err
	}
	defer cl.Close()
	o.Screen.Start(c, p)

	running := start(ctx, parts)
	defer func() { err = errors.Join(err, running.end()) }()
	r.failed = running.failed
	if err := r.run(ctx, events, cl); err != nil {
		return err
	}
	if o.Drained == nil {
		return nil
	}
	return o.Drained(ctx, r.result)
}

// replay is one run under way.
type replay struct {
	o      Options
	parts  *app.Parts
	plan   *plan.Plan
	failed chan struct{}                // closed when the services ended
	shown  map[string]incident.Incident // by id: as last told
	latest map[string]incident.Incident
	result Result

	predictions, outcomes atomic.Int64 // event time judged, microseconds
	at                    atomic.Int64 // event time published, microseconds
}

func (r *replay) run(ctx context.Context, events *produce.Replay, cl *kgo.Client) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	published := make(chan error, 1)
	began := time.Now()
	go func() {
		sum, err := events.Run(ctx, cl)
		r.result.Events = sum.Events
		published <- err
	}()

	incidents, err := newTail[incident.Incident](r.parts.Kafka, bus.TopicIncidents, 1)
	if err != nil {
		return err
	}
	defer incidents.close()
	findings, err := newTail[finding.Finding](r.parts.Kafka, bus.TopicFindings, r.parts.Layout.Fragments)
	if err != nil {
		return err
	}
	defer findings.close()
	r.latest = map[string]incident.Incident{}
	done := false
	for {
		for _, inc := range incidents.poll(ctx, drainEvery) {
			inc.Change, inc.Calls = incident.None, false // what the message is about is no part of the incident
			r.latest[inc.ID] = inc
			r.tell(inc)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.failed:
			return errStopped
		default:
		}
		r.progress(ctx)
		select {
		case err := <-published:
			if err != nil {
				return err
			}
			done = true
		default:
		}
		if !done {
			continue
		}
		drained, err := r.drained(ctx, incidents)
		if err != nil {
			return err
		}
		if drained {
			break
		}
	}
	r.result.Took = time.Since(began)
	return r.collect(ctx, findings)
}

// tell shows an incident when it opens, and again when it becomes a page.
func (r *replay) tell(inc incident.Incident) {
	was, known := r.shown[inc.ID]
	if !known || was.Severity != finding.Page && inc.Severity == finding.Page {
		r.o.Screen.Incident(inc, known)
	}
	r.shown[inc.ID] = inc
}

// progress shows how far the event time published and the event time judged have come.
func (r *replay) progress(ctx context.Context) {
	if predictions, outcomes, err := r.parts.JudgedUntil(ctx, r.plan.Model); err == nil {
		r.predictions.Store(plan.Micros(predictions))
		r.outcomes.Store(plan.Micros(outcomes))
	}
	r.o.Screen.Progress(plan.FromMicros(r.at.Load()), plan.FromMicros(r.predictions.Load()))
}

// wait holds the events of a day back until what came before has been judged. Up to the end of the reference nothing is
// judged, and there is nothing to wait for.
func (r *replay) wait(ctx context.Context, day time.Time) error {
	start := r.plan.Reference.To
	tick := time.NewTicker(drainEvery / 5)
	defer tick.Stop()
	for {
		predictions, outcomes := plan.FromMicros(r.predictions.Load()), plan.FromMicros(r.outcomes.Load())
		if day.Before(later(predictions, start).Add(lead)) && day.Before(later(outcomes, start).Add(leadTruth)) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// firstEvent and lastEvent bound the event times of the demo's data.
var (
	firstEvent = time.Date(1996, 5, 7, 0, 0, 0, 0, time.UTC)
	lastEvent  = time.Date(1998, 12, 7, 0, 0, 0, 0, time.UTC)
)

// drained reports whether everything published has come out at the other end. The order matters: once a stage has caught up,
// the stages before it add nothing any more.
func (r *replay) drained(ctx context.Context, incidents *tail[incident.Incident]) (bool, error) {
	ok, err := r.parts.CaughtUp(ctx, r.plan)
	if err != nil || !ok {
		return false, err
	}
	return incidents.atEnd(ctx)
}

func (r *replay) collect(ctx context.Context, findings *tail[finding.Finding]) error {
	for {
		end, err := findings.atEnd(ctx)
		if err != nil {
			return err
		}
		if end {
			break
		}
		r.result.Findings = append(r.result.Findings, findings.poll(ctx, drainEvery)...)
	}
	slices.SortFunc(r.result.Findings, finding.Compare)
	for _, inc := range r.latest {
		r.result.Incidents = append(r.result.Incidents, inc)
	}
	slices.SortFunc(r.result.Incidents, incident.Compare)
	return nil
}
