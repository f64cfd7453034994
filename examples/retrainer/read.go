package retrainer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/retrain"
)

// Source is where events are.
type Source struct {
	Client func(opts ...kgo.Opt) (*kgo.Client, error)
	Schema func(ctx context.Context, id int) (string, error) // of the registry
}

// inputsOf are the numeric inputs of a contract: name and path.
func inputsOf(c *contract.Contract) (names, paths []string) {
	for _, in := range c.Inputs {
		if in.Kind == contract.Numeric {
			names, paths = append(names, in.Name), append(paths, in.Path)
		}
	}
	return names, paths
}

// Rows reads the window's decisions with their outcomes, as far as they are known: of an id the first prediction and the last outcome count.
func (s *Source) Rows(ctx context.Context, c *contract.Contract, w retrain.Window) ([]Row, error) {
	predictions, outcomes := c.Streams.Prediction, c.Streams.Outcome
	if outcomes == nil || predictions.Fields.Score == "" {
		return nil, errors.New("the contract names no outcomes, or no score")
	}
	_, paths := inputsOf(c)
	byID := map[string]*Row{}
	var order []string
	err := s.each(ctx, predictions.Topic, func(e map[string]any) {
		at, ok := field(e, predictions.Fields.Time).(time.Time)
		id := fmt.Sprint(field(e, predictions.Fields.ID))
		if !ok || at.Before(w.From) || !at.Before(w.To) || byID[id] != nil || excluded(w, at) {
			return
		}
		row := &Row{Score: number(field(e, predictions.Fields.Score))}
		for _, path := range paths {
			row.Inputs = append(row.Inputs, number(field(e, path)))
		}
		byID[id] = row
		order = append(order, id)
	})
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	err = s.each(ctx, outcomes.Topic, func(e map[string]any) {
		id := fmt.Sprint(field(e, outcomes.Fields.ID))
		if row := byID[id]; row != nil {
			row.Positive, known[id] = fmt.Sprint(field(e, outcomes.Fields.Label)) == c.Task.Positive, true
		}
	})
	if err != nil {
		return nil, err
	}
	var out []Row
	for _, id := range order {
		if row := byID[id]; known[id] && !math.IsNaN(row.Score) {
			out = append(out, *row)
		}
	}
	return out, nil
}

func excluded(w retrain.Window, at time.Time) bool {
	return slices.ContainsFunc(w.Exclude, func(s retrain.Span) bool { return !at.Before(s.From) && at.Before(s.To) })
}

// each visits the events of a topic up to its present end.
func (s *Source) each(ctx context.Context, topic string, visit func(map[string]any)) error {
	cl, err := s.Client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return err
	}
	defer cl.Close()
	starts, err := kadm.NewClient(cl).ListStartOffsets(ctx, topic)
	if err != nil {
		return err
	}
	ends, err := kadm.NewClient(cl).ListCommittedOffsets(ctx, topic)
	if err != nil {
		return err
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if start, ok := starts.Lookup(topic, o.Partition); ok && start.Offset < o.Offset {
			left[o.Partition] = o.Offset
		}
	})
	codecs := map[int]*goavro.Codec{}
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read %s: %w", topic, err)
		}
		for rec := range fetches.RecordsAll() {
			if rec.Offset+1 >= left[rec.Partition] {
				delete(left, rec.Partition)
			}
			e, err := s.decode(ctx, codecs, rec.Value)
			if err != nil {
				continue // Plumbline has set it aside, and said so
			}
			visit(e)
		}
	}
	return nil
}

// decode reads an event in the registry's framing: a zero byte and the schema's id.
func (s *Source) decode(ctx context.Context, codecs map[int]*goavro.Codec, b []byte) (map[string]any, error) {
	if len(b) < 5 || b[0] != 0 {
		return nil, errors.New("no schema id")
	}
	id := int(binary.BigEndian.Uint32(b[1:5]))
	if codecs[id] == nil {
		text, err := s.Schema(ctx, id)
		if err != nil {
			return nil, err
		}
		if codecs[id], err = goavro.NewCodec(text); err != nil {
			return nil, err
		}
	}
	native, rest, err := codecs[id].NativeFromBinary(b[5:])
	if err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes are left: %w", len(rest), err)
	}
	e, ok := native.(map[string]any)
	if !ok {
		return nil, errors.New("no record")
	}
	return e, nil
}

// field follows a path into records; of a union goavro gives a map with the branch's name.
func field(e map[string]any, path string) any {
	var v any = e
	for name := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
		if union, ok := v.(map[string]any); ok && len(union) == 1 {
			for branch, inside := range union {
				if _, primitive := map[string]bool{"double": true, "float": true, "int": true, "long": true, "string": true, "boolean": true}[branch]; primitive {
					v = inside
				}
			}
		}
	}
	return v
}

// number is a field's value, NaN where there is none.
func number(v any) float64 {
	switch n := v.(type) {
	case float64:
		return n
	case float32:
		return float64(n)
	case int32:
		return float64(n)
	case int64:
		return float64(n)
	default:
		return math.NaN()
	}
}
