package demo

import (
	"context"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/plumbline-ml/plumbline/examples/electricity"
	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/produce"
)

// sourcePartitions is how many partitions the demo's own topics have.
const sourcePartitions = 3

// lead is how far the events may run ahead of what has been judged of them, in event time: far enough to keep every service
// busy, near enough that incidents open as the story goes on.
const (
	lead      = 35 * 24 * time.Hour
	leadTruth = lead + 10*24*time.Hour // outcomes are judged by the week
)

// prepare opens the demo's data, makes its topics and registers its schemas. hold is asked before each event.
func prepare(ctx context.Context, parts *app.Parts, of *source, hold func(context.Context, time.Time) error) (*produce.Replay, error) {
	schemas := map[string]string{}
	if !of.own {
		return produce.Open(ctx, produce.Options{Contract: of.contract, Files: of.files, Partitions: sourcePartitions, Hold: hold}, parts.Registry)
	}
	for name, file := range map[string]string{produce.Prediction: electricity.PredictionFile, produce.Outcome: electricity.OutcomeFile} {
		text, err := fs.ReadFile(electricity.FS, file)
		if err != nil {
			return nil, err
		}
		schemas[name] = string(text)
	}
	return produce.Open(ctx, produce.Options{
		Contract: of.contract, Files: of.files, Schemas: schemas, Constants: map[string]string{"model_version": electricity.Version},
		Partitions: sourcePartitions, Hold: hold,
	}, parts.Registry)
}

// publish holds events back so that they are sent as fast as they are judged. at follows the event time published, in
// microseconds; wait returns once events of the given day may be sent.
func publish(at *atomic.Int64, wait func(context.Context, time.Time) error) func(context.Context, time.Time) error {
	day := time.Time{}
	return func(ctx context.Context, t time.Time) error {
		if today := t.Truncate(24 * time.Hour); today.After(day) {
			day = today
			if err := wait(ctx, day); err != nil {
				return err
			}
		}
		at.Store(plan.Micros(t))
		return nil
	}
}
