package detect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/change"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// mostVersions are remembered of a model: whose every event has another version tells of none.
const mostVersions = 1000

// versions are those of a model that were counted, in the order in which they were first seen.
type versions struct {
	seen []string
	had  int // how many there were when the fragment began: what a first one holds is how things are, and no change
}

func versionsKey(model string) string { return "versions/" + model }

// see notes the version of a cell, and makes a change of one that is new. What stands for versions that aren't told apart, or for none, is no version.
func (p *part) see(c *record.Cell) {
	v := p.versions[c.Model]
	if v == nil {
		v = &versions{}
		p.versions[c.Model] = v
	}
	name := record.VersionText(c.Version)
	if name == "" || name == sketch.OtherVersion || len(v.seen) >= mostVersions || slices.Contains(v.seen, name) {
		return
	}
	if v.had > 0 {
		p.changes = append(p.changes, change.OfVersion(c.Model, name, v.seen[len(v.seen)-1], plan.FromMicros(c.Pane)))
	}
	v.seen = append(v.seen, name)
}

// begin says that another fragment begins.
func (p *part) begin() {
	for _, v := range p.versions {
		v.had = len(v.seen)
	}
}

// loadVersions takes up what a state has of the versions of models. One of a build that kept none has none.
func (p *part) loadVersions(models []string, records map[string][]byte) error {
	for _, model := range models {
		body, ok := records[versionsKey(model)]
		if !ok {
			continue
		}
		v := &versions{}
		if err := json.Unmarshal(body, &v.seen); err != nil {
			return fmt.Errorf("read versions of %s: %w", model, err)
		}
		p.versions[model] = v
	}
	return nil
}

// flushVersions adds the versions of models to the state where they are others than what was committed.
func (p *part) flushVersions() error {
	for _, model := range p.models {
		v := p.versions[model]
		if v == nil || len(v.seen) == 0 {
			continue
		}
		body, err := json.Marshal(v.seen)
		if err != nil {
			return fmt.Errorf("encode versions of %s: %w", model, err)
		}
		if !bytes.Equal(p.committed[versionsKey(model)], body) {
			p.flushed[versionsKey(model)] = body
		}
	}
	return nil
}

// changeRecords are the changes that were seen, for who reads them.
func (p *part) changeRecords() ([]*kgo.Record, error) {
	var out []*kgo.Record
	for _, e := range p.changes {
		body, err := json.Marshal(finding.Wrap(change.Kind, e.ID, e.Name, e.At, e))
		if err != nil {
			return nil, fmt.Errorf("encode change %s: %w", e.ID, err)
		}
		out = append(out, &kgo.Record{
			Topic: bus.TopicChanges, Partition: 0, Key: []byte(e.ID), Value: body, Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte(contentType)}},
		})
	}
	return out, nil
}
