package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrFormat is returned for a plan of a format this build can't read.
var ErrFormat = errors.New("unknown plan format")

// Seal computes the plan's digest. It must be called once the plan is complete and before it is used; a sealed plan is
// never changed.
func (p *Plan) Seal() error {
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode plan of %s: %w", p.Model, err)
	}
	sum := sha256.Sum256(b)
	p.digest = hex.EncodeToString(sum[:8])
	return nil
}

// Digest names the plan: sixteen hex digits over its content. It is "" before Seal.
func (p *Plan) Digest() string { return p.digest }

// Read reads a plan from its JSON and seals it.
func Read(b []byte) (*Plan, error) {
	var p Plan
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if p.Format != Format {
		return nil, fmt.Errorf("read plan of %s: %w %d, this build reads %d", p.Model, ErrFormat, p.Format, Format)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("read plan of %s: %w", p.Model, err)
	}
	if err := p.Seal(); err != nil {
		return nil, err
	}
	return &p, nil
}

// check holds what the rest of the code relies on without looking again.
func (p *Plan) check() error {
	fields := len(p.Prediction.Fields)
	switch {
	case p.Model == "":
		return errors.New("it names no model")
	case p.Pane < time.Second || p.TestPane <= 0 || p.TestPane%p.Pane != 0:
		return fmt.Errorf("the test pane %s is no multiple of the pane %s", p.TestPane, p.Pane)
	case p.TruthPane <= 0 || p.TruthPane%p.TestPane != 0:
		return fmt.Errorf("the truth pane %s is no multiple of the test pane %s", p.TruthPane, p.TestPane)
	case p.Prediction.Roles.ID < 0 || p.Prediction.Roles.Time < 0:
		return errors.New("the prediction stream has no id or no time")
	}
	for _, at := range []int{
		p.Prediction.Roles.ID, p.Prediction.Roles.Time, p.Prediction.Roles.Version, p.Prediction.Roles.Score,
		p.Prediction.Roles.Decision, p.Prediction.Roles.Latency, p.Prediction.Roles.Lineage,
	} {
		if at < -1 || at >= fields {
			return fmt.Errorf("a role names field %d of %d", at, fields)
		}
	}
	for i := range p.Columns {
		c := &p.Columns[i]
		if c.Field < 0 || c.Field >= fields {
			return fmt.Errorf("column %s names field %d of %d", c.Name, c.Field, fields)
		}
		if len(c.Reference.Bins) != c.Layout.Bins() {
			return fmt.Errorf("column %s has %d reference bins for %d bins", c.Name, len(c.Reference.Bins), c.Layout.Bins())
		}
		for j := 1; j < len(c.Layout.Edges); j++ {
			if c.Layout.Edges[j] <= c.Layout.Edges[j-1] {
				return fmt.Errorf("column %s: edge %d does not ascend", c.Name, j)
			}
		}
	}
	for _, d := range p.Slices {
		if d.Field < 0 || d.Field >= fields {
			return fmt.Errorf("slice %s names field %d of %d", d.Name, d.Field, fields)
		}
	}
	for _, g := range p.Groups {
		for _, at := range g {
			if at < 0 || at >= len(p.Slices) {
				return fmt.Errorf("a slice group names dimension %d of %d", at, len(p.Slices))
			}
		}
	}
	if o := p.Outcome; o != nil && (o.Roles.ID < 0 || o.Roles.Time < 0 || o.Roles.Label < 0 ||
		o.Roles.ID >= len(o.Fields) || o.Roles.Time >= len(o.Fields) || o.Roles.Label >= len(o.Fields)) {
		return errors.New("the outcome stream has no id, time or label")
	}
	return nil
}

// PaneStart is the start of the base pane that holds the event time us.
func (p *Plan) PaneStart(us int64) int64 { return floor(us, p.Pane) }

// TestStart is the start of the test pane that holds us. Test panes are counted from midnight UTC.
func (p *Plan) TestStart(us int64) int64 { return floor(us, p.TestPane) }

// monday is the first Monday after the Unix epoch, a Thursday: truth panes of whole weeks begin on Mondays.
const monday = int64(4 * 24 * time.Hour / time.Microsecond)

// TruthStart is the start of the truth pane that holds us.
func (p *Plan) TruthStart(us int64) int64 { return Align(us, p.TruthPane) }

// Align is the start of the window of length d that holds us: windows of whole weeks begin on Mondays, all others are
// counted from the Unix epoch.
func Align(us int64, d time.Duration) int64 {
	if d%(7*24*time.Hour) == 0 {
		return floor(us-monday, d) + monday
	}
	return floor(us, d)
}

func floor(us int64, d time.Duration) int64 {
	step := d.Microseconds()
	r := us % step
	if r < 0 {
		r += step
	}
	return us - r
}

// JSON is the plan as it is published.
func (p *Plan) JSON() ([]byte, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode plan of %s: %w", p.Model, err)
	}
	return b, nil
}
