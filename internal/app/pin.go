package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

// pin writes into a plan the schemas that its contract names by subject, as they are now: the latest version of each. Those it
// names by file are in it already. From then on the same events read the same, whatever is registered later.
//
// A subject that isn't there yet gives nothing, unless every event is to be read by it.
func (p *Parts) pin(ctx context.Context, pl *plan.Plan) error {
	streams := []*plan.Projection{&pl.Prediction, pl.Outcome}
	if pl.Attributes != nil {
		streams = append(streams, &pl.Attributes.Projection)
	}
	for _, stream := range streams {
		if stream == nil {
			continue
		}
		var err error
		if stream.Schema, err = p.latest(ctx, stream.Subject, stream.Schema, stream.Encoding); err != nil {
			return fmt.Errorf("schema of %s: %w", stream.Topic, err)
		}
		if k := stream.Key; k != nil {
			if k.Schema, err = p.latest(ctx, k.Subject, k.Schema, k.Encoding); err != nil {
				return fmt.Errorf("schema of the keys of %s: %w", stream.Topic, err)
			}
		}
		if stream.Schema == "" {
			continue
		}
		if _, err := schema.Compile(stream.Schema, stream); err != nil {
			return fmt.Errorf("the schema that the contract names for %s doesn't fit it: %w", stream.Topic, err)
		}
	}
	return nil
}

var errNoSchema = errors.New("raw events are read by the schema that the contract names, and there is none: is the file there, or the subject registered?")

func (p *Parts) latest(ctx context.Context, subject, text string, encoding plan.Encoding) (string, error) {
	if subject != "" && text == "" {
		s, err := p.Registry.Latest(ctx, subject)
		if err != nil && !errors.Is(err, bus.ErrUnknownSchema) {
			return "", err
		}
		text = s.Schema
	}
	if encoding == plan.Raw && text == "" {
		return "", errNoSchema
	}
	return text, nil
}
