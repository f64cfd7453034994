package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/examples/census"
	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/change"
	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/file"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/produce"
)

const (
	// outcomesAfter is how long after a prediction its outcome comes.
	outcomesAfter = time.Hour
	// actLead is how far events may run ahead of what has been judged of them, where the pace is higher than the services'.
	actLead = 24 * time.Hour
	// tellEvery is how much event time lies between two lines that say how far it is.
	tellEvery = 6 * time.Hour
	// settleWithin is how long the mending waits, at most, for all to be told of what broke: whether retraining is held back is looked at every few seconds.
	settleWithin = 15 * time.Second
	// quietAfter is how long after the mending the stream goes on where nothing was found.
	quietAfter = 2 * 24 * time.Hour
	// breakAfter and mendAfter are when the deploy comes, from the start, and its rollback, from the deploy, where nobody will say so.
	breakAfter, mendAfter = 57 * time.Hour, 48 * time.Hour
	// releasesAt is the time of the day at which the job's producers take a release that was asked for.
	releasesAt = 9 * time.Hour
	// never is a time that doesn't come.
	never = math.MaxInt64
)

// ActLength is how long the stream of the second act is, in event time.
const ActLength = 22 * 24 * time.Hour

// Act is the second act: the census flows, a new version of a job goes to half of its producers and breaks a column, and is taken back.
type Act struct {
	Screen  *Narrator
	Logger  *zap.Logger
	Metrics *prometheus.Registry

	Pace    time.Duration          // event time that flows in a second; 0: as fast as it is judged
	BreakAt time.Time              // event time of the deploy; zero: when Keys says so
	MendAt  time.Time              // and of its rollback
	Keys    <-chan struct{}        // each is a key that somebody pressed; closed: nobody will any more. nil is closed.
	Serving func(*app.Parts) error // is called with the parts once they are up; may be nil

	embedded bus.EmbeddedOptions
}

// Played is what came of an act.
type Played struct {
	Incidents                 []incident.Incident
	Held                      map[string]string // why retraining was held back, by incident
	Broken, Mended            time.Time         // event time; zero: it wasn't
	Published                 int64             // events that the broker has
	Received, Accepted, Aside int64             // as the ingestor counts
	Told, Closed              time.Duration     // from the deploy to the first incident, and from the rollback to the end of the last, by the clock; 0: it didn't come
}

// Start is when the stream begins.
func (a *Act) Start() (time.Time, error) {
	c, err := ActContract()
	if err != nil {
		return time.Time{}, err
	}
	return c.Watch.Reference.To.Time, nil
}

// ActContract is the act's contract.
func ActContract() (*contract.Contract, error) {
	b, err := fs.ReadFile(census.FS, census.ContractFile)
	if err != nil {
		return nil, err
	}
	return contract.Parse(census.ContractFile, b)
}

// people are the files of the act: persons from a time on, whose inputs are made by the releases given.
func people(from time.Time, releases census.Releases) check.Files {
	return check.Files{
		Predictions: census.DataFile, Outcomes: census.DataFile, Delay: outcomesAfter,
		Open: func(name string) (file.Reader, error) {
			r, err := census.Stream(from, releases)
			if err != nil {
				return nil, err
			}
			return file.New(r, file.CSV, name)
		},
	}
}

// Run plays the act until what broke is mended and over, or the stream ends.
func (a *Act) Run(ctx context.Context) (out Played, err error) {
	c, err := ActContract()
	if err != nil {
		return out, err
	}
	p, err := check.Plan(c, people(time.Time{}, census.Only(census.Before)))
	if err != nil {
		return out, err
	}
	parts, err := app.Embedded(ctx, a.Logger, a.Metrics, a.embedded)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, parts.Close()) }()
	if a.Serving != nil {
		if err := a.Serving(parts); err != nil {
			return out, err
		}
	}
	r := newAct(a, parts, p)
	events, err := produce.Open(ctx, produce.Options{
		Contract: c, Files: people(p.Reference.To, r.release), Partitions: sourcePartitions, Speedup: a.Pace.Seconds(), ReadAhead: 1, Hold: r.hold,
	}, parts.Registry)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	cl, err := publishing(ctx, parts, a.Logger, events, p)
	if err != nil {
		return out, err
	}
	defer cl.Close()
	a.Screen.begin(c, p, r)
	running := start(ctx, parts)
	defer func() { err = errors.Join(err, running.end()) }()
	r.failed = running.failed
	if err := r.play(ctx, events, cl); err != nil {
		return out, err
	}
	return r.out, nil
}

// act is one run under way. The stream's goroutine reads breakAt and mendAt, and moves at; the other fields are play's.
type act struct {
	*Act
	parts  *app.Parts
	plan   *plan.Plan
	failed chan struct{}

	at              atomic.Int64 // event time of the stream, microseconds
	breakAt, mendAt atomic.Int64
	judged          atomic.Int64
	planned         atomic.Bool   // the rollback has a time
	waiting         atomic.Bool   // the stream waits for settled
	settled         chan struct{} // closed when all is told of what broke

	keys          <-chan struct{} // nil: nobody presses any
	out           Played
	latest        map[string]incident.Incident
	broke, mended time.Time // by the clock
	waited        time.Time // since when the stream waits
	ticked        time.Time // event time of the last line
}

func newAct(a *Act, parts *app.Parts, p *plan.Plan) *act {
	r := &act{Act: a, parts: parts, plan: p, settled: make(chan struct{}), latest: map[string]incident.Incident{}, out: Played{Held: map[string]string{}}}
	when := func(to *atomic.Int64, t time.Time) {
		to.Store(never)
		if !t.IsZero() {
			to.Store(plan.Micros(t))
		}
	}
	when(&r.breakAt, a.BreakAt)
	when(&r.mendAt, a.MendAt)
	r.at.Store(plan.Micros(p.Reference.To))
	r.judged.Store(plan.Micros(p.Reference.To))
	r.ticked = p.Reference.To
	r.planned.Store(!a.MendAt.IsZero())
	if r.keys = a.Keys; r.keys == nil {
		r.unattended()
	}
	return r
}

// release is which version of the job makes the inputs of a person.
func (r *act) release(id string, at time.Time) census.Release {
	if us := plan.Micros(at); us >= r.breakAt.Load() && us < r.mendAt.Load() && census.Half(id) {
		return census.After
	}
	return census.Before
}

// hold holds an event back that is too far ahead of what was judged; and those from the mending on, if that is to come at a time, until all is told.
func (r *act) hold(ctx context.Context, at time.Time) error {
	us := plan.Micros(at)
	if r.planned.Load() && us >= r.mendAt.Load() {
		r.waiting.Store(true)
		select {
		case <-r.settled:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for us > r.judged.Load()+actLead.Microseconds() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(drainEvery):
		}
	}
	if us > r.at.Load() {
		r.at.Store(us)
	}
	return nil
}

// now is the event time that the stream has come to.
func (r *act) now() time.Time { return plan.FromMicros(r.at.Load()) }

func (r *act) play(ctx context.Context, events *produce.Replay, cl *kgo.Client) error {
	streaming, stop := context.WithCancel(ctx)
	type ended struct {
		events int64
		err    error
	}
	published, done := make(chan ended, 1), false // it is received from once
	go func() {
		sum, err := events.Run(streaming, cl)
		published <- ended{sum.Events, err}
	}()
	defer func() {
		stop()
		if !done {
			<-published
		}
	}()
	incidents, err := newTail[incident.Incident](r.parts.Kafka, bus.TopicIncidents, 1)
	if err != nil {
		return err
	}
	defer incidents.close()
	for {
		for _, inc := range incidents.poll(ctx, drainEvery) {
			r.tell(inc)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.failed:
			return errStopped
		case e := <-published:
			done, r.out.Published = true, e.events
			if e.err != nil && !(errors.Is(e.err, context.Canceled) && r.over()) {
				return e.err
			}
		case _, ok := <-r.keys:
			if ok {
				r.key()
			} else {
				r.unattended()
				r.Screen.unattended(plan.FromMicros(r.breakAt.Load()), plan.FromMicros(r.mendAt.Load()))
			}
		default:
		}
		if err := r.step(ctx); err != nil {
			return err
		}
		if r.over() {
			stop()
		}
		if done {
			ok, err := r.drained(ctx, incidents)
			if err != nil {
				return err
			}
			if ok {
				return r.finish()
			}
		}
	}
}

// key is what somebody who presses one asks for: the deploy, then its rollback.
func (r *act) key() {
	at := r.at.Load() + 1
	switch {
	case r.breakAt.Load() == never:
		next := r.nextRelease()
		r.breakAt.Store(plan.Micros(next))
		r.Screen.asked(r.now(), next)
	case !r.out.Broken.IsZero() && r.mendAt.Load() == never:
		r.mendAt.Store(at)
	}
}

// nextRelease is when a release goes out that is asked for now.
func (r *act) nextRelease() time.Time {
	now := r.now()
	next := now.Truncate(24 * time.Hour).Add(releasesAt)
	if !next.After(now) {
		next = next.Add(24 * time.Hour)
	}
	return next
}

// unattended gives what nobody will ask for a time.
func (r *act) unattended() {
	r.keys = nil
	if r.breakAt.Load() == never {
		r.breakAt.Store(max(plan.Micros(r.plan.Reference.To.Add(breakAfter)), plan.Micros(r.nextRelease())))
	}
	if r.mendAt.Load() == never {
		r.mendAt.Store(max(r.breakAt.Load()+mendAfter.Microseconds(), r.at.Load()+1))
		r.planned.Store(true)
	}
}

// step does what the stream's time asks for: tells of the deploy and of its rollback, and how far it is.
func (r *act) step(ctx context.Context) error {
	if until, _, err := r.parts.JudgedUntil(ctx, r.plan.Model); err == nil && !until.IsZero() {
		r.judged.Store(max(r.judged.Load(), plan.Micros(until)))
	}
	if at := r.breakAt.Load(); r.out.Broken.IsZero() && r.at.Load() >= at-1 {
		r.out.Broken, r.broke = plan.FromMicros(at), time.Now()
		if err := r.deploy(ctx, r.out.Broken, census.Before, census.After); err != nil {
			return err
		}
		r.Screen.broke(r.out.Broken, r.mendAt.Load() == never)
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	if at := r.mendAt.Load(); !r.out.Broken.IsZero() && r.out.Mended.IsZero() && r.at.Load() >= at-1 {
		r.out.Mended, r.mended = plan.FromMicros(at), time.Now()
		if err := r.deploy(ctx, r.out.Mended, census.After, census.Before); err != nil {
			return err
		}
		r.Screen.mended(r.out.Mended)
	}
	if now := r.now(); now.Sub(r.ticked) >= tellEvery {
		r.ticked = now.Truncate(tellEvery)
		if err := r.count(); err != nil {
			return err
		}
		r.Screen.progress(r.ticked, &r.out, r.open())
	}
	return nil
}

// deploy tells Plumbline of a deploy as a pipeline does: that it happened, and which columns the job writes.
func (r *act) deploy(ctx context.Context, at time.Time, from, to census.Release) error {
	body, err := json.Marshal(change.Event{
		KindName: change.Kind, ID: fmt.Sprintf("%s-%s-%d", census.Job, to.Version, at.Unix()), At: at, What: change.ETL, Name: census.Job,
		Version: to.Version, From: from.Version, Fields: census.Columns(), Actor: "ci",
	})
	if err != nil {
		return fmt.Errorf("encode a deploy: %w", err)
	}
	rec := &kgo.Record{Topic: bus.TopicChanges, Partition: 0, Key: []byte(census.Job), Value: body}
	if err := r.parts.Producer.ProduceSync(ctx, rec).FirstErr(); err != nil {
		return fmt.Errorf("tell of a deploy: %w", err)
	}
	return nil
}

// settle lets the stream go on to the mending, once all is told of what broke.
func (r *act) settle(ctx context.Context) error {
	if !r.waiting.Load() {
		return nil
	}
	select {
	case <-r.settled:
		return nil
	default:
	}
	if r.waited.IsZero() {
		r.waited = time.Now()
	}
	ok, err := r.parts.CaughtUp(ctx, r.plan)
	if err != nil {
		return err
	}
	if ok && r.allHeld() || time.Since(r.waited) > settleWithin {
		close(r.settled)
	}
	return nil
}

// allHeld reports whether of each incident that is shown it was told why retraining is held back.
func (r *act) allHeld() bool {
	for id := range r.latest { // those that were merged away are held, too
		if r.out.Held[id] == "" {
			return false
		}
	}
	return true
}

// tell takes an incident as it is now.
func (r *act) tell(inc incident.Incident) {
	inc.Change, inc.Calls = incident.None, false
	was, known := r.latest[inc.ID]
	if r.latest[inc.ID] = inc; inc.MergedInto != "" {
		delete(r.latest, inc.ID)
		r.Screen.merged(r.now(), &inc)
		return
	}
	if !known && !r.broke.IsZero() && r.out.Told == 0 {
		r.out.Told = time.Since(r.broke)
	}
	if inc.Status == incident.Resolved && !r.mended.IsZero() {
		r.out.Closed = time.Since(r.mended)
	}
	r.Screen.incident(r.now(), &was, &inc)
	if a := inc.Retraining; a != nil && a.Held != nil && r.out.Held[inc.ID] == "" {
		r.out.Held[inc.ID] = a.Held.Why
		r.Screen.held(r.now(), a.Held.Why)
	}
}

// open is how many incidents are.
func (r *act) open() (n int) {
	for _, inc := range r.latest {
		if inc.Status.Active() {
			n++
		}
	}
	return n
}

// over reports whether the act is: what was broken is mended, and the incidents are over.
func (r *act) over() bool {
	if r.out.Mended.IsZero() || r.open() > 0 {
		return false
	}
	return len(r.latest) > 0 || r.now().Sub(r.out.Mended) > quietAfter
}

func (r *act) drained(ctx context.Context, incidents *tail[incident.Incident]) (bool, error) {
	ok, err := r.parts.CaughtUp(ctx, r.plan)
	if err != nil || !ok {
		return false, err
	}
	return incidents.atEnd(ctx)
}

func (r *act) finish() error {
	for _, inc := range r.latest {
		r.out.Incidents = append(r.out.Incidents, inc)
	}
	slices.SortFunc(r.out.Incidents, incident.Compare)
	if err := r.count(); err != nil {
		return err
	}
	r.Screen.end(&r.out)
	return nil
}

// count reads how many events the ingestor has received, accepted and set aside.
func (r *act) count() error {
	families, err := r.Metrics.Gather()
	if err != nil {
		return fmt.Errorf("read the metrics: %w", err)
	}
	for name, to := range map[string]*int64{
		"plumbline_ingest_received_total": &r.out.Received, "plumbline_ingest_accepted_total": &r.out.Accepted, "plumbline_ingest_set_aside_total": &r.out.Aside,
	} {
		*to = 0
		for _, f := range families {
			if f.GetName() != name {
				continue
			}
			for _, m := range f.GetMetric() {
				*to += int64(m.GetCounter().GetValue())
			}
		}
	}
	return nil
}
