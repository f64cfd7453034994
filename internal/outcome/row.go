package outcome

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"unsafe"

	"github.com/dchest/siphash"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// ID is the hash of (model, event id) that joins a prediction with its outcomes.
type ID [16]byte

// Hasher makes the join keys of a model's events. It is read-only and may be shared.
type Hasher struct {
	model  string
	k0, k1 uint64
	keyed  bool
}

// NewHasher makes the hasher of a plan's model: by SipHash-2-4 with 128 bits (Aumasson & Bernstein 2012) under the plan's key, or by
// SHA-256 for a model whose first plan has none.
func NewHasher(p *plan.Plan) *Hasher {
	key, keyed := p.IDKey()
	return &Hasher{p.Model, binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:]), keyed}
}

// ID makes the join key of an event.
func (h *Hasher) ID(event string) ID {
	if !h.keyed {
		return HashID(h.model, event)
	}
	lo, hi := siphash.Hash128(h.k0, h.k1, unsafe.Slice(unsafe.StringData(event), len(event))) // which only reads it
	var id ID
	binary.LittleEndian.PutUint64(id[:8], lo)
	binary.LittleEndian.PutUint64(id[8:], hi)
	return id
}

// AppendIDs appends the join keys of events. One loop over all of them waits for the memory of several events at once, which a batch's
// texts are spread over.
func (h *Hasher) AppendIDs(to []ID, events []string) []ID {
	for _, event := range events {
		to = append(to, h.ID(event))
	}
	return to
}

// HashID is the join key of an event by SHA-256.
func HashID(model, event string) ID {
	var room [128]byte // enough for most, so that nothing is allocated per event
	sum := sha256.Sum256(append(wire.String(room[:0], model), event...))
	return ID(sum[:])
}

// In reports whether the id belongs to a sample of a share of all ids. The part of the hash that decides is not the part that
// places an id in a partition.
func (id ID) In(share float64) bool {
	const bits = 53 // of a float64's mantissa
	return share >= 1 || float64(binary.BigEndian.Uint64(id[8:])>>(64-bits))/(1<<bits) < share
}

// Partition places the id in one of n partitions of the joins topic.
func (id ID) Partition(n int) int {
	h := binary.BigEndian.Uint64(id[:8])
	if n&(n-1) == 0 {
		return int(h & uint64(n-1)) // the same, without a division
	}
	return int(h % uint64(n))
}

// Place orders the rows of one id: event time (microseconds since the Unix epoch), then where the event lies.
type Place struct {
	Time      int64
	Partition int32
	Offset    int64
}

// Compare orders places.
func (p Place) Compare(q Place) int {
	return cmp.Or(cmp.Compare(p.Time, q.Time), cmp.Compare(p.Partition, q.Partition), cmp.Compare(p.Offset, q.Offset))
}

// Row is what one event brings to the join: exactly one of Prediction, Outcome and Groups is set.
type Row struct {
	ID         ID
	Model      string
	Prediction *Prediction
	Outcome    *Outcome
	Groups     *Groups
}

// Groups is what is kept of a record of protected attributes: the groups that its id is in.
type Groups struct {
	Place Place
	Plan  string // digest; its dictionaries name the codes
	Codes string // as plan.AppendGroups writes them
}

// Prediction is what is kept of a prediction: the cell it was counted in, its score and the decision taken.
type Prediction struct {
	Place    Place
	Plan     string // digest
	Version  string
	Pane     int64 // start of the base pane, microseconds
	Slice    string
	Bin      int   // score bin
	Score    int64 // fixed point, sketch.ScoreScale
	Positive bool  // the decision

	Other *truth.Other // what a model that is not binary answers, instead of bin, score and decision
}

// Say sets what the prediction said.
func (p *Prediction) Say(a truth.Answer) {
	p.Bin, p.Score, p.Positive, p.Other = a.Bin, a.Score, a.Positive, a.Other
}

// Answer is what the prediction said.
func (p *Prediction) Answer() truth.Answer {
	return truth.Answer{Bin: p.Bin, Score: p.Score, Positive: p.Positive, Other: p.Other}
}

// Outcome is a label.
type Outcome struct {
	Place    Place
	Positive bool         // whether the event turned out positive
	Other    *truth.Label // of a model that is not binary: the class or the number that turned out, instead
}

// Of makes an outcome of a label.
func Of(at Place, l truth.Label) Outcome {
	o := Outcome{Place: at, Positive: l.Positive}
	if l.Kind != truth.Sign {
		other := l // so that what binary models say is not allocated
		o.Other = &other
	}
	return o
}

// Label is what turned out.
func (o *Outcome) Label() truth.Label {
	if o.Other != nil {
		return *o.Other
	}
	return truth.Label{Positive: o.Positive}
}

var (
	errRow = errors.New("a join row has an unknown kind")
	errBin = errors.New("a score bin is beyond 2^31")

	errAnswer = errors.New("a prediction of an unknown task")
	errOlder  = errors.New("it holds nothing that an earlier format doesn't")
)

// AppendRow writes r, of a binary model, as joins of format 1 hold it.
func AppendRow(b []byte, r *Row) []byte {
	kind := uint64(0)
	if r.Outcome != nil {
		kind = 1
	}
	b = wire.Uint(b, kind)
	b = append(b, r.ID[:]...)
	b = wire.String(b, r.Model)
	if r.Outcome != nil {
		return appendOutcome(b, r.Outcome)
	}
	return appendPrediction(b, r.Prediction)
}

// ReadRow reads what AppendRow wrote.
func ReadRow(r *wire.Reader) Row {
	var row Row
	kind := r.Uint()
	copy(row.ID[:], r.Raw(len(row.ID)))
	row.Model = r.String()
	switch kind {
	case 0:
		row.Prediction = readPrediction(r)
	case 1:
		o := readOutcome(r)
		row.Outcome = &o
	default:
		r.Fail(errRow)
	}
	return row
}

func appendPlace(b []byte, p Place) []byte {
	return wire.Int(wire.Int(wire.Int(b, p.Time), int64(p.Partition)), p.Offset)
}

func readPlace(r *wire.Reader) Place {
	return Place{Time: r.Int(), Partition: r.Int32(), Offset: r.Int()}
}

func appendPrediction(b []byte, p *Prediction) []byte {
	b = appendPlace(b, p.Place)
	b = wire.String(b, p.Plan)
	b = wire.String(b, p.Version)
	b = wire.Int(b, p.Pane)
	b = wire.String(b, p.Slice)
	b = wire.Uint(b, uint64(p.Bin))
	b = wire.Int(b, p.Score)
	return wire.Bool(b, p.Positive)
}

func readPrediction(r *wire.Reader) *Prediction {
	return &Prediction{
		Place: readPlace(r), Plan: r.String(), Version: r.String(), Pane: r.Int(), Slice: r.String(),
		Bin: readBin(r), Score: r.Int(), Positive: r.Bool(),
	}
}

func readBin(r *wire.Reader) int {
	v := r.Uint()
	if v > math.MaxInt32 {
		r.Fail(errBin)
		return 0
	}
	return int(v)
}

func appendOutcome(b []byte, o *Outcome) []byte {
	return wire.Bool(appendPlace(b, o.Place), o.Positive)
}

func readOutcome(r *wire.Reader) Outcome {
	return Outcome{Place: readPlace(r), Positive: r.Bool()}
}

// The tasks of an answer.
const (
	answerBinary = iota
	answerClass
	answerNumber
)

// appendAnswer writes the task of a prediction, and what it says beside bin, score and decision.
func appendAnswer(b []byte, p *Prediction) []byte {
	switch {
	case p.Other == nil:
		return wire.Uint(b, answerBinary)
	case p.Other.Class != nil:
		return p.Other.Class.AppendBinary(wire.Uint(b, answerClass))
	default:
		return p.Other.Number.AppendBinary(wire.Uint(b, answerNumber))
	}
}

func readAnswer(r *wire.Reader, p *Prediction) {
	switch r.Uint() {
	case answerBinary:
	case answerClass:
		p.Other = &truth.Other{Class: truth.ReadClass(r)}
	case answerNumber:
		p.Other = &truth.Other{Number: truth.ReadNumber(r)}
	default:
		r.Fail(errAnswer)
	}
}

// appendLabel writes the kind of an outcome, and what it says beside its sign.
func appendLabel(b []byte, o *Outcome) []byte {
	l := o.Label()
	return l.AppendBinary(wire.Uint(b, uint64(l.Kind)))
}

func readLabel(r *wire.Reader, o *Outcome) {
	kind := r.Uint()
	l := truth.ReadLabel(truth.Kind(min(kind, math.MaxUint8)), r)
	if l.Kind != truth.Sign {
		o.Other = &l
	}
}
