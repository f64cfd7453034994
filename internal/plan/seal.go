package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// ErrFormat is returned for a plan of a format this build can't read.
var ErrFormat = errors.New("unknown plan format")

// Seal computes the plan's digest. It must be called once the plan is complete and before it is used; a sealed plan is
// never changed.
func (p *Plan) Seal() error {
	learnt := *p // what is counted and how it is judged; the policy may change without beginning afresh
	learnt.Format, learnt.Contract, learnt.Learns, learnt.From = 0, "", "", time.Time{}
	// How bytes become values is not part of what is counted: `check`, which reads files, must make the same plan.
	learnt.Prediction = learnt.Prediction.decoded()
	if p.Outcome != nil {
		outcome := p.Outcome.decoded()
		learnt.Outcome = &outcome
	}
	if p.Attributes != nil {
		learnt.Attributes = &Attributes{Projection: p.Attributes.Projection.decoded(), Joined: p.Attributes.Joined}
	}
	if p.Sampled() >= 1 {
		learnt.IDs = "" // which ids are joined doesn't depend on it
	}
	learnt.Policy, learnt.Unjudged, learnt.Accepted = Policy{Calendar: p.Policy.Calendar}, nil, nil
	b, err := json.Marshal(&learnt)
	if err != nil {
		return fmt.Errorf("encode plan of %s: %w", p.Model, err)
	}
	sum := sha256.Sum256(b)
	p.digest = hex.EncodeToString(sum[:8])
	return nil
}

// idKey is the key of a model's ids. It is made of what outsiders don't know, so that nobody can choose ids that are taken for others.
func idKey(model, contract string) string {
	sum := sha256.Sum256([]byte("join ids\x00" + model + "\x00" + contract))
	return hex.EncodeToString(sum[:16])
}

// IDKey is the key of IDs; ok is false without one.
func (p *Plan) IDKey() (key [16]byte, ok bool) {
	n, err := hex.Decode(key[:], []byte(p.IDs[:min(len(p.IDs), 2*len(key))]))
	return key, err == nil && n == len(key)
}

// decoded is p without how records are decoded.
func (p *Projection) decoded() Projection {
	q := *p
	q.Schema, q.Encoding, q.Key = "", "", nil
	return q
}

// Digest names the plan: sixteen hex digits over all of it but the policy, which has a digest of its own. It is "" before Seal.
func (p *Plan) Digest() string { return p.digest }

// Read reads a plan from its JSON and seals it. All that a plan of an earlier format says is in this one too.
func Read(b []byte) (*Plan, error) {
	var p Plan
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read plan: something follows it")
	}
	if p.Format < oldest || p.Format > Format {
		return nil, fmt.Errorf("read plan of %s: %w %d, this build reads %d to %d", p.Model, ErrFormat, p.Format, oldest, Format)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("read plan of %s: %w", p.Model, err)
	}
	if err := p.Seal(); err != nil {
		return nil, err
	}
	return &p, nil
}

// Ahead is how far an event may lie beyond all before it in its partition and be believed by itself, see window.Watermark.
func (p *Plan) Ahead() time.Duration { return max(time.Hour, p.Lateness) }

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
