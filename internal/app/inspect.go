package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/detect"
	"github.com/plumbline-ml/plumbline/internal/expr"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/inspect"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

// Inspector reads the very events behind incidents and windows again. It writes nothing and makes no topic.
type Inspector struct {
	Kafka    bus.Settings
	Layout   bus.Layout
	Schemas  schema.Schemas
	Progress func(topic string, events int64) // may be nil
}

// InspectOptions say which events are asked for, and how many of them.
type InspectOptions struct {
	Incident   string    // its id, or the beginning of it; "": Model and a window are given
	Model      string    // of a window
	From, To   time.Time // event time [From, To); both zero with an incident: the incident's own
	Slice      map[string]string
	Where      string
	Limit      int  // 0: all, in memory
	Outcomes   bool // read what became of the events, too
	Unreadable bool // keep the events that can't be decoded, at most Limit
}

// Inspection is what was read again.
type Inspection struct {
	Incident   *incident.Incident // nil: a window was asked for
	Model      string
	From, To   time.Time // event time asked for; zero: not bounded
	Topics     []string  // read, in order
	Subjects   []string  // columns that the incident is about
	Events     []*inspect.Event
	Unreadable []inspect.Unreadable

	Read     int64 // events within the offsets
	InWindow int64 // of these, by their time
	Filtered int64 // of these, not wanted by the contract's where: not the model's
	Matched  int64 // of these, in the slice, and for which the condition holds
	Bad      int64 // of Read: not decodable
	Unsaid   int64 // events that the condition has no answer for; in none of the others but Read and InWindow
	Gone     int64 // offsets that retention has removed, or that are on no topic any more
	Notes    []string
}

// ErrUnknownIncident is returned for an incident that there is none of, or more than one.
var ErrUnknownIncident = errors.New("unknown incident")

// Inspect reads events again: where findings and panes say that they lie, and where nobody knows yet, from the start of the log.
func (in *Inspector) Inspect(ctx context.Context, o InspectOptions) (*Inspection, error) {
	plans, err := bus.ReadPlans(ctx, in.Kafka, zap.NewNop())
	if err != nil {
		return nil, err
	}
	r := &inspecting{Inspector: in, o: &o, out: &Inspection{Model: o.Model, From: o.From, To: o.To}, partitions: map[string]partitionLog{}}
	r.query = inspect.Query{From: math.MinInt64, To: math.MaxInt64, Where: o.Where}
	if o.Slice != nil {
		r.query.Slices = []map[string]string{o.Slice}
	}
	if o.Incident != "" {
		if r.out.Incident, err = in.incident(ctx, o.Incident); err != nil {
			return nil, err
		}
		r.out.Model = r.out.Incident.Model
	}
	if r.plans = plans[r.out.Model]; len(r.plans) == 0 {
		return nil, fmt.Errorf("%w for %q; there are: %s", ErrNoPlan, r.out.Model, strings.Join(slices.Sorted(maps.Keys(plans)), ", "))
	}
	if r.out.Incident != nil {
		if err := r.concerning(ctx, r.out.Incident); err != nil {
			return nil, err
		}
	}
	if !r.out.From.IsZero() {
		r.query.From = plan.Micros(r.out.From)
	}
	if !r.out.To.IsZero() {
		r.query.To = plan.Micros(r.out.To)
	}
	if err := r.open(); err != nil {
		return nil, err
	}
	if err := r.find(ctx); err != nil {
		return nil, err
	}
	if err := r.events(ctx); err != nil {
		return nil, err
	}
	if o.Outcomes {
		return r.out, r.outcomes(ctx)
	}
	return r.out, nil
}

// incident finds an incident by the beginning of its id, as it was told last.
func (in *Inspector) incident(ctx context.Context, id string) (*incident.Incident, error) {
	known := map[string]incident.Incident{}
	err := bus.ReadState(ctx, in.Kafka, bus.TopicIncidents, 0, func(rec *kgo.Record) error {
		var e finding.Envelope[incident.Incident]
		if json.Unmarshal(rec.Value, &e) == nil && e.Data.KindName == incident.Kind { // another build's is for that build
			known[e.Data.ID] = e.Data
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read incidents: %w", err)
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("%w %q: there is no incident on %s", ErrUnknownIncident, id, bus.TopicIncidents)
	}
	if inc, ok := known[id]; ok {
		return &inc, nil
	}
	byNearness := slices.SortedFunc(maps.Values(known), func(a, b incident.Incident) int {
		return cmp.Or(cmp.Compare(alike(b.ID, id), alike(a.ID, id)), b.OpenedAt.Compare(a.OpenedAt), cmp.Compare(a.ID, b.ID))
	})
	begin := 0
	for _, inc := range byNearness {
		if strings.HasPrefix(inc.ID, id) {
			begin++
		}
	}
	if begin == 1 {
		return &byNearness[0], nil
	}
	say := "no incident's id begins so; the nearest are"
	if begin > 1 {
		say = fmt.Sprintf("%d incidents' ids begin so", begin)
	}
	var names []string
	for _, inc := range byNearness[:min(len(byNearness), max(3, min(begin, 10)))] {
		names = append(names, fmt.Sprintf("%s (%s, %s)", inc.ID, inc.Model, inc.Title))
	}
	return nil, fmt.Errorf("%w %q: %s: %s; all of them: the API's /api/v1/incidents, or the topic %s", ErrUnknownIncident, id, say, strings.Join(names, "; "), bus.TopicIncidents)
}

// alike is how many characters two ids have in common at their beginning.
func alike(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// inspecting is one call of Inspect.
type inspecting struct {
	*Inspector
	o          *InspectOptions
	out        *Inspection
	plans      plan.History
	query      inspect.Query
	lenses     []*lens // of the predictions, in the order of their eras
	cover      inspect.Cover
	covered    time.Time // up to which findings and panes say where events lie
	partitions map[string]partitionLog
}

// concerning takes window, slices, subjects and offsets from an incident and its findings.
func (r *inspecting) concerning(ctx context.Context, inc *incident.Incident) error {
	for _, s := range inc.Subjects {
		r.out.Subjects = append(r.out.Subjects, r.columns(s.Name)...)
	}
	listed := map[string]bool{}
	for _, id := range inc.Findings {
		listed[id] = true
	}
	from, to := inc.Onset, inc.OpenedAt
	if inc.ResolvedAt != nil {
		to = *inc.ResolvedAt
	}
	whole, bare := false, true
	places := map[string]map[string]string{}
	partition := bus.PartitionOf(inc.Model, r.Layout.Fragments)
	err := bus.ReadState(ctx, r.Kafka, bus.TopicFindings, partition, func(rec *kgo.Record) error {
		f, err := finding.ReadEvent(rec.Value)
		if err != nil || !listed[f.ID] {
			return nil //nolint:nilerr // another build's finding is for that build
		}
		if to.Before(f.Window.End) && inc.ResolvedAt == nil {
			to = f.Window.End
		}
		if !f.Alarming() {
			return nil
		}
		bare = bare && f.Window.Start.Equal(f.Window.End)
		whole = whole || len(f.Slice) == 0
		places[finding.SliceKey(f.Slice)] = f.Slice
		r.cover.AddOffsets(f.Offsets)
		if len(f.Offsets) > 0 && r.covered.Before(f.Window.End) {
			r.covered = f.Window.End
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read findings: %w", err)
	}
	if r.o.Slice == nil && !whole {
		for _, key := range slices.Sorted(maps.Keys(places)) {
			r.query.Slices = append(r.query.Slices, places[key])
		}
	}
	switch {
	case !r.out.From.IsZero() || !r.out.To.IsZero(): // the window asked for holds
	case bare && !r.cover.Empty(): // about offsets, not about a stretch of time
	case !from.Before(to):
		return fmt.Errorf("%w %s: it covers no stretch of time, and its findings name no offsets; give a window by --from and --to", ErrUnknownIncident, inc.ID)
	default:
		r.out.From, r.out.To = from, to
	}
	return nil
}

// columns are the columns that a subject is about: itself, or those that a rule looks at.
func (r *inspecting) columns(subject string) []string {
	for _, p := range r.plans {
		for _, rule := range p.Rules {
			if rule.Name != subject {
				continue
			}
			if names, err := expr.Names(rule.Expr); err == nil {
				return names
			}
		}
	}
	return []string{subject}
}

// errKnown ends a reading of the history that has found what it looked for.
var errKnown = errors.New("known")

// find adds where the panes of the window lie. Where that is not known, because they haven't ended or were counted from a file,
// everything on the topics is read.
func (r *inspecting) find(ctx context.Context) error {
	if r.query.From == math.MinInt64 && r.query.To == math.MaxInt64 {
		return nil // an incident that is about offsets
	}
	longest := time.Duration(0)
	for _, p := range r.plans {
		longest = max(longest, p.TestPane)
	}
	from := r.query.From
	if from != math.MinInt64 {
		from -= longest.Microseconds()
	}
	known := func(digest string) *plan.Plan {
		if g := r.plans.Governed(digest); len(g) > 0 {
			return g[0]
		}
		return nil
	}
	placeless := 0
	err := detect.ReadHistory(ctx, r.Kafka, r.Layout, r.out.Model, from, r.query.To, known, func(e detect.Ended) error {
		if e.Pane == nil || e.Pane.End <= r.query.From {
			return nil
		}
		if len(e.Pane.Spans()) == 0 {
			placeless++
			return nil
		}
		r.cover.AddSpans(e.Pane.Spans())
		if end := plan.FromMicros(e.Pane.End); r.covered.Before(end) {
			r.covered = end
		}
		return nil
	})
	if err != nil {
		return err
	}
	if placeless > 0 {
		r.out.Notes = append(r.out.Notes, fmt.Sprintf("%d panes of the window were counted from a file: nobody knows where on the topic their events lie, if anywhere", placeless))
	}
	why := ""
	switch {
	case r.cover.Empty():
		why = "no pane of the window is known to have ended"
	case r.query.To > plan.Micros(r.covered):
		over, err := r.endedAfter(ctx, plan.Micros(r.covered), known)
		if err != nil {
			return err
		}
		if !over {
			why = fmt.Sprintf("the panes from %s on have not ended yet", r.covered.UTC().Format("2006-01-02 15:04"))
		}
	}
	if why == "" {
		return nil
	}
	r.out.Notes = append(r.out.Notes, why+": read from the start of the log, which may take long")
	for _, topic := range r.topics() {
		at, err := r.log(ctx, topic)
		if err != nil {
			return err
		}
		for _, p := range slices.Sorted(maps.Keys(at)) {
			r.cover.Add(inspect.Range{Topic: topic, Partition: p, From: at[p].start, To: at[p].end})
		}
	}
	return nil
}

// endedAfter reports whether a pane is known that begins at us or later: then all before it have ended, and those without a
// record held nothing.
func (r *inspecting) endedAfter(ctx context.Context, us int64, known func(string) *plan.Plan) (bool, error) {
	err := detect.ReadHistory(ctx, r.Kafka, r.Layout, r.out.Model, us, math.MaxInt64, known, func(e detect.Ended) error {
		if e.Pane != nil && len(e.Pane.Spans()) > 0 {
			return errKnown
		}
		return nil
	})
	if errors.Is(err, errKnown) {
		return true, nil
	}
	return false, err
}
