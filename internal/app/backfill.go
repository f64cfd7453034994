package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/backfill"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/detect"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// BackfillOptions say what is counted into a model's history.
type BackfillOptions struct {
	Files  check.Files
	DryRun bool // write nothing
	// Progress, if not nil, is told how many rows were read in all.
	Progress func(stage string, rows int64)
}

// Backfilled says what a backfill did.
type Backfilled struct {
	KindName string `json:"kind"`
	Model    string `json:"model"`
	DryRun   bool   `json:"dry_run"`
	backfill.Report
	Live    *time.Time `json:"live"` // start of the first pane counted live; null: none was
	Panes   Placed     `json:"panes"`
	Cohorts Placed     `json:"cohorts"`
}

// Placed is what became of the panes, or cohorts, of a backfill.
type Placed struct {
	Written int64 `json:"written"` // with DryRun: would be
	There   int64 `json:"there"`   // left alone: the history has them already
	Live    int64 `json:"live"`    // left out: not wholly before the first pane counted live
}

// ErrNoPlan is returned for a model that no contract is in force for.
var ErrNoPlan = errors.New("no contract is in force")

// ErrRows is returned where the files can't be counted.
var ErrRows = errors.New("count the files")

// backfillBytes is about how much goes into one transaction.
const backfillBytes = 10 << 20

// Backfill counts files by the plans in force of a model and writes what lies wholly before the first pane counted live into the
// model's history. What the history has already stays as it is, so that a repetition changes nothing.
func (p *Parts) Backfill(ctx context.Context, model string, o BackfillOptions) (*Backfilled, error) {
	plans, err := p.Published(ctx)
	if err != nil {
		return nil, err
	}
	if len(plans[model]) == 0 {
		return nil, fmt.Errorf("%w for %s", ErrNoPlan, model)
	}
	w := &backfiller{
		ctx: ctx, parts: p, plans: plans[model], dry: o.DryRun,
		out: &Backfilled{KindName: "backfill", Model: model, DryRun: o.DryRun},
	}
	if !o.DryRun {
		if w.writer, err = bus.NewWriter(p.Kafka, p.Logger, p.Prefix+"-backfill-"+model); err != nil {
			return nil, err
		}
		defer w.writer.Close()
	}
	if w.before, err = detect.Stands(ctx, p.Kafka, p.Layout, model, w.plans); err != nil {
		return nil, err
	}
	rows := int64(0)
	report, err := backfill.Run(o.Files, w.plans, func(stage string, more int64) error {
		rows += more
		if o.Progress != nil {
			o.Progress(stage, rows)
		}
		return ctx.Err()
	}, w.take)
	switch {
	case w.failed != nil:
		return nil, w.failed
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrRows, err)
	}
	if err := w.write(); err != nil {
		return nil, err
	}
	w.out.Report = *report
	if w.before.Live != math.MaxInt64 {
		at := plan.FromMicros(w.before.Live)
		w.out.Live = &at
	}
	return w.out, nil
}

// backfiller places what has ended.
type backfiller struct {
	ctx    context.Context //nolint:containedctx // lives for one call of Backfill
	parts  *Parts
	plans  plan.History
	dry    bool
	writer *bus.Writer
	before detect.Standing
	out    *Backfilled
	failed error

	waiting []placing
	bytes   int
}

// placing is one pane or cohort that is to be written.
type placing struct {
	start, end int64
	cohort     bool
	records    []*kgo.Record
}

func (w *backfiller) take(e backfill.Ended) error {
	d := detect.Ended{Plan: e.Plan, Pane: e.Pane, Cohort: e.Cohort}
	g := placing{cohort: e.Cohort != nil}
	if g.cohort {
		g.start, g.end = e.Cohort.Start, e.Cohort.End
	} else {
		g.start, g.end = e.Pane.Start, e.Pane.End
	}
	if !w.wanted(&g) {
		return nil
	}
	g.records = d.Records(w.parts.Layout)
	for _, r := range g.records {
		w.bytes += len(r.Key) + len(r.Value)
	}
	w.waiting = append(w.waiting, g)
	if w.bytes >= backfillBytes {
		w.failed = w.write()
	}
	return w.failed
}

// wanted reports whether something belongs into the history, and counts it where it doesn't.
func (w *backfiller) wanted(g *placing) bool {
	there, placed := w.before.Panes, &w.out.Panes
	if g.cohort {
		there, placed = w.before.Cohorts, &w.out.Cohorts
	}
	switch {
	case there[g.start]:
		placed.There++
	case g.end > w.before.Live:
		placed.Live++
	default:
		return true
	}
	return false
}

// write writes what is waiting. Counting takes time, so it looks again at what the detector has written meanwhile.
func (w *backfiller) write() error {
	waiting := w.waiting
	w.waiting, w.bytes = nil, 0
	if len(waiting) == 0 {
		return nil
	}
	var err error
	if w.before, err = detect.Stands(w.ctx, w.parts.Kafka, w.parts.Layout, w.out.Model, w.plans); err != nil {
		return err
	}
	var records []*kgo.Record
	var panes, cohorts int64
	for i := range waiting {
		g := &waiting[i]
		if !w.wanted(g) {
			continue
		}
		records = append(records, g.records...)
		if g.cohort {
			cohorts++
		} else {
			panes++
		}
	}
	if !w.dry && len(records) > 0 {
		if err := w.writer.Write(w.ctx, records); err != nil {
			return fmt.Errorf("write history of %s: %w", w.out.Model, err)
		}
	}
	w.out.Panes.Written += panes
	w.out.Cohorts.Written += cohorts
	return nil
}
