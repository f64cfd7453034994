package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

// lookupTimeout bounds one question to the registry.
const lookupTimeout = 10 * time.Second

// lookup asks the registry for the schemas that records name. While it is away the records wait: the epoch is aborted and comes
// again, and nothing is lost.
type lookup struct{ schemas schema.Schemas }

var _ schema.Schemas = lookup{}

// SchemaByID is that of the registry.
func (l lookup) SchemaByID(ctx context.Context, id int) (text string, err error) {
	return ask(ctx, func(ctx context.Context) (string, error) { return l.schemas.SchemaByID(ctx, id) })
}

// SchemaByGUID is that of the registry.
func (l lookup) SchemaByGUID(ctx context.Context, guid string) (text string, err error) {
	return ask(ctx, func(ctx context.Context) (string, error) { return l.schemas.SchemaByGUID(ctx, guid) })
}

// Versions is that of the registry.
func (l lookup) Versions(ctx context.Context, subject string) (texts []string, err error) {
	return ask(ctx, func(ctx context.Context) ([]string, error) { return l.schemas.Versions(ctx, subject) })
}

func ask[T any](ctx context.Context, question func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	answer, err := question(ctx)
	if err == nil || errors.Is(err, bus.ErrUnknownSchema) || errors.Is(err, bus.ErrUnsupportedSchema) {
		return answer, err
	}
	return answer, fmt.Errorf("%w: %w", bus.ErrRetry, err)
}

// wait notes which partitions of a poll wait for the registry, for the coverage of the epoch that holds their records in the end, and
// says so where people look.
func (r *role) wait(chunks []*chunk) {
	for _, c := range chunks {
		if !errors.Is(c.err, bus.ErrRetry) {
			continue
		}
		r.waited[c.tp] = true
		r.o.Metrics.away.Set(1)
		r.o.Ready.NotYet("events of %s wait for their schema: %v", c.tp, c.err)
	}
}
