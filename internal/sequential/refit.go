package sequential

import (
	"errors"
	"fmt"
)

// ErrOpen is returned by Refit while a stream is open: a null learnt now would take the change for usual.
var ErrOpen = errors.New("a stream is open")

// Refit learns the nulls again from a history that ends where the engine stands, as can be done every night: wander, tails and bands
// follow what the model does, while layouts, and so the scale of effects, stay those of the reference. Evidence goes on where it
// was.
func (e *Engine) Refit(history []Pane) (*Engine, error) {
	for s := range e.streams {
		if e.streams[s].open {
			return nil, fmt.Errorf("refit: %s: %w", e.spec.Streams[s].Name, ErrOpen)
		}
	}
	if n := len(history); n > 0 && history[n-1].End != e.end {
		return nil, fmt.Errorf("refit: the history ends at %d, the engine stands at %d", history[n-1].End, e.end)
	}
	next, err := learn(e.spec, history, e.streams)
	if err != nil {
		return nil, fmt.Errorf("refit: %w", err)
	}
	type key struct {
		stream, bin int
		measure     measure
		rare        bool
	}
	of := func(c *channel) key { return key{c.stream, c.bin, c.measure, c.rare != nil} }
	held := make(map[key]*evidence, len(e.channels))
	for i := range e.channels {
		held[of(&e.channels[i])] = &e.channels[i].evidence
	}
	for i := range next.channels {
		if v := held[of(&next.channels[i])]; v != nil && !next.channels[i].mixed {
			next.channels[i].evidence = *v
		}
	}
	return next, nil
}
