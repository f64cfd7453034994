package check

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// Report is what a run found.
type Report struct {
	Model     string              `json:"model"`
	Contract  string              `json:"contract"`
	Baseline  string              `json:"baseline"`
	Streams   []Counts            `json:"streams"`
	Reference plan.Span           `json:"reference"`
	Rows      int64               `json:"reference_rows"`
	TestPane  string              `json:"test_pane"`
	TruthPane string              `json:"truth_pane"`
	Judged    *plan.Span          `json:"judged"` // event time judged; null if nothing came after the reference
	Outcomes  *plan.Span          `json:"outcomes_judged"`
	Late      int64               `json:"late"` // events (a row may hold two) out of order by more than the allowed lateness: in no test
	Notes     []string            `json:"notes,omitempty"`
	Money     []engine.Money      `json:"money,omitempty"`    // where decisions are priced: all outcomes judged, then by slice
	Labelled  []engine.Labelled   `json:"labelled,omitempty"` // which of the predictions judged have an outcome: all of them, then by slice
	Findings  []finding.Finding   `json:"findings"`
	Incidents []incident.Incident `json:"incidents"`
	Fairness  *fairness.Report    `json:"fairness,omitempty"`     // of contracts with protected attributes
	Reasons   *engine.Reasons     `json:"reason_codes,omitempty"` // of contracts that name them, since the reference

	// Estimates are what the latest test pane is expected to come to before its outcomes are known, and Scored how such estimates held over the panes of
	// outcomes: to look at.
	Estimates []engine.Estimate        `json:"estimates,omitempty"`
	Scored    map[string]engine.Scored `json:"estimates_scored,omitempty"`
	// ScoredSlices is the same of slices.
	ScoredSlices []engine.ScoredSlice `json:"estimates_scored_slices,omitempty"`
}

// Alarming is the number of incidents that are tickets or pages.
func (r *Report) Alarming() int { return len(r.Incidents) }

// Plan compiles a contract against the reference rows of files.
func Plan(c *contract.Contract, f Files) (*plan.Plan, error) {
	draft, err := plan.Draft(c)
	if err != nil {
		return nil, err
	}
	if f.Outcomes == "" {
		if o := c.Streams.Outcome; o != nil {
			draft.Unjudged = append(draft.Unjudged, fmt.Sprintf("outcomes are not judged: %s has no column %q, and no file of outcomes was named", f.Predictions, o.Fields.Label))
		}
		draft.Outcome = nil
	}
	if draft.Attributes != nil && f.Attributes == "" {
		draft.Unjudged = append(draft.Unjudged, "groups by what streams.attributes brings are not known: no file of attributes was named")
	}
	return baseline.Build(draft, Source(f, draft))
}

// Run checks files against a contract. progress, if not nil, is called now and then with what is going on.
func Run(c *contract.Contract, f Files, progress func(stage string, rows int64)) (*Report, error) {
	if progress == nil {
		progress = func(string, int64) {}
	}
	progress("learning the reference", 0)
	p, err := Plan(c, f)
	if err != nil {
		return nil, err
	}
	r := &run{
		plan: p, src: &source{f, p}, engine: engine.New(p), clock: window.NewClock(), book: incident.NewBook(),
		joiner: collect.NewJoiner(func(string) *plan.Plan { return p }), progress: progress,
		report: &Report{
			Model: p.Model, Contract: p.Contract, Baseline: p.Baseline, Reference: p.Reference, Rows: p.ReferenceRows,
			TestPane: contract.Span(p.TestPane), TruthPane: contract.Span(p.TruthPane), Notes: p.Unjudged,
			Findings: []finding.Finding{}, Incidents: []incident.Incident{},
		},
	}
	r.book.SetPolicy(p.Model, &p.Policy)
	if r.collector, err = collect.New(p, r.joiner); err != nil {
		return nil, err
	}
	if err := r.predictions(); err != nil {
		return nil, err
	}
	if err := r.attributes(); err != nil {
		return nil, err
	}
	if err := r.outcomes(); err != nil {
		return nil, err
	}
	out := r.finish()
	out.Reasons = engine.ReasonsOf(r.reasons)
	return out, r.compareGroups()
}

type run struct {
	plan      *plan.Plan
	src       *source
	collector *collect.Collector
	engine    *engine.Engine
	clock     *window.Clock
	book      *incident.Book
	joiner    *collect.Joiner
	report    *Report
	progress  func(string, int64)
	groups    groups
	reasons   *sketch.Set // what was judged, of plans with reason codes

	rows          int64
	first, latest int64 // event times of predictions
	watermark     window.Watermark

	mature map[int64]*window.Cohort // by start
}

func (r *run) predictions() error {
	counts := Counts{}
	r.first, r.latest, r.watermark = record.NoTime, record.NoTime, window.NewWatermark()
	err := r.src.predictions(&counts, func(b *plan.Batch) error {
		from := r.rows
		r.rows += int64(b.N)
		for _, t := range b.Cols[r.plan.Prediction.Roles.Time].Int[:b.N] {
			r.latest = max(r.latest, t)
			r.watermark.See(t, r.plan.Ahead().Microseconds())
			if r.first == record.NoTime || t < r.first {
				r.first = t
			}
		}
		r.collector.Predictions(collect.Source{Topic: r.report.name(&counts)}, b)
		cells := r.collector.Take()
		for i := range cells {
			if err := r.engine.Add(&cells[i]); err != nil {
				return err
			}
		}
		r.clock.Cover(&record.Coverage{
			Source: record.Source{Topic: r.plan.Prediction.Topic, Partitions: 1}, From: from, To: r.rows, Watermark: r.watermark.At(), Records: int64(b.N),
		})
		r.progress("checking predictions", r.rows)
		return errors.Join(r.engine.Advance(r.clock, r.found), r.keep())
	})
	r.report.Streams = append(r.report.Streams, counts)
	return err
}

// attributes joins what is known of the ids' groups; nothing is judged until outcomes come.
func (r *run) attributes() error {
	if r.plan.Attributes == nil || r.plan.Outcome == nil {
		return nil
	}
	r.clock.Mark(&record.Mark{Source: record.Source{Topic: r.plan.Attributes.Projection.Topic, Partitions: 1}, Watermark: record.NoTime, Idle: true}, 1)
	if r.src.files.Attributes == "" {
		return nil
	}
	counts, n := Counts{}, int64(0)
	err := r.src.attributes(&counts, func(b *plan.Batch) error {
		n += int64(b.N)
		r.collector.Attributes(collect.Source{}, b)
		r.progress("joining attributes", n)
		return nil
	})
	r.report.Streams = append(r.report.Streams, counts)
	return err
}

func (r *run) outcomes() error {
	if r.plan.Outcome == nil {
		return nil
	}
	counts := Counts{}
	watermark, n := window.NewWatermark(), int64(0)
	mark := func(topic string, us int64) {
		r.clock.Mark(&record.Mark{Source: record.Source{Topic: topic, Partitions: 1}, Watermark: us}, 1)
	}
	mark(r.plan.Prediction.Topic, r.watermark.At())
	err := r.src.outcomes(&counts, func(b *plan.Batch) error {
		for _, t := range b.Cols[r.plan.Outcome.Roles.Time].Int[:b.N] {
			watermark.See(t, r.plan.Ahead().Microseconds())
		}
		n += int64(b.N)
		r.collector.Outcomes(collect.Source{}, b)
		cells := r.joiner.Take()
		for i := range cells {
			if err := r.engine.Add(&cells[i]); err != nil {
				return err
			}
		}
		mark(r.plan.Outcome.Topic, watermark.At())
		r.progress("joining outcomes", n)
		return errors.Join(r.engine.Advance(r.clock, r.found), r.keep())
	})
	r.report.Streams = append(r.report.Streams, counts)
	return err
}

func (r *run) found(f finding.Finding) error {
	if err := r.keep(); err != nil {
		return err
	}
	r.report.Findings = append(r.report.Findings, f)
	r.book.Fold(f)
	return nil
}

func (r *run) finish() *Report {
	out := r.report
	slices.SortFunc(out.Findings, finding.Compare)
	out.Incidents = r.book.Incidents()
	out.Late = r.engine.Late()
	if s := r.engine.Snapshot(); s.Ended().After(r.plan.Reference.To) {
		out.Judged = &plan.Span{From: r.plan.Reference.To, To: s.Pane.End}
	}
	if s := r.engine.Snapshot(); s.Truth != nil && s.Truth.Pane.End.After(r.plan.Reference.To) {
		out.Outcomes = &plan.Span{From: r.plan.Reference.To, To: s.Truth.Pane.End}
	}
	s := r.engine.Snapshot()
	out.Estimates, out.Scored, out.ScoredSlices = s.Estimates, s.Scored, s.ScoredSlices
	out.Money, out.Labelled = r.money(), r.labelled()
	out.Notes = append(out.Notes, r.joined()...)
	if out.Late > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d events were out of order by more than %s and entered no test: sort the file by time, or allow more in watch.lateness", out.Late, r.plan.Lateness))
	}
	if r.latest != record.NoTime {
		end := plan.FromMicros(r.plan.TestStart(r.latest))
		if out.Judged == nil || out.Judged.To.Before(plan.FromMicros(r.latest)) {
			out.Notes = append(out.Notes, fmt.Sprintf("the pane from %s on is not over yet and not judged", end.Format(time.RFC3339)))
		}
	}
	return out
}

// joined says what became of the outcomes, where it is not what one would expect.
func (r *run) joined() []string {
	if r.plan.Outcome == nil {
		return nil
	}
	var orphans, unlabelled, late int64
	terms := r.plan.Terms()
	r.joiner.States(func(s *outcome.State) {
		_, labelled := s.Label(terms, false)
		_, onTime := s.Label(terms, true)
		switch {
		case s.Prediction == nil:
			orphans++
		case !labelled:
			unlabelled++
		case !onTime:
			late++
		}
	})
	var out []string
	if orphans > 0 {
		out = append(out, fmt.Sprintf("%d ids have an outcome and no scored prediction", orphans))
	}
	if unlabelled > 0 {
		out = append(out, fmt.Sprintf("%d predictions have no outcome within %s", unlabelled, contract.Duration(r.plan.Keep)))
	}
	if late > 0 {
		out = append(out, fmt.Sprintf("%d outcomes came later than mature_after (%s) after their pane and entered no test: raise mature_after", late, contract.Duration(r.plan.MatureAfter)))
	}
	return out
}

// name is what offsets call the file.
func (r *Report) name(c *Counts) string { return c.File }
