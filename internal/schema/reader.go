package schema

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Schemas finds the schemas that records name. ErrNotRegistered says that there is none; any other error that nothing is known,
// so that the caller has to ask again.
type Schemas interface {
	// SchemaByID finds the schema of a registry's id.
	SchemaByID(ctx context.Context, id int) (string, error)
	// SchemaByGUID finds the schema of a registry's GUID, in its 8-4-4-4-12 form.
	SchemaByGUID(ctx context.Context, guid string) (string, error)
	// Versions lists the schemas of all versions of a subject.
	Versions(ctx context.Context, subject string) ([]string, error)
}

// Headers are those of one record.
type Headers interface {
	// Header returns the value of the first header of a name.
	Header(name string) (value []byte, ok bool)
}

// Record is what a reader reads. Strings of a row point into it.
type Record struct {
	Key, Value []byte
	Headers    Headers // nil: none
	Offset     int64
}

// Reader reads records into the columns of one projection: it finds the schema that wrote each, compiles it once, and fills in
// what lies in the record's key and headers. It belongs to one goroutine.
type Reader struct {
	proj    *plan.Projection
	model   string // for errors
	schemas Schemas
	part    part
	schema  string // that the contract names
	subject string // where fingerprints are looked for

	programs     map[Writer]compiled
	last         Writer // of programs: events come in long runs of one schema
	lastProgram  *Program
	fingerprints map[uint64]string
	learnt       map[string]bool // the schemas whose fingerprints are known

	key     *Reader     // nil: no field is in the key, or it is text
	keyRow  *plan.Batch // one row
	inKey   []int       // columns, in the order of key's
	keyText []int       // columns that are the whole key
	headers []int       // columns that are headers
	must    []required  // those of inKey, keyText and headers that have to be there
}

// compiled is what is known of a writer: a program, or why there is none.
type compiled struct {
	program *Program
	misfit  *Error
}

// part is the part of a record that a reader reads.
type part struct {
	header   string // that names the schema
	encoding plan.Encoding
}

// The headers that Confluent's serializers name a schema in.
const (
	valueHeader = "__value_schema_id"
	keyHeader   = "__key_schema_id"
)

// NewReader makes a reader for a projection of a model.
func NewReader(p *plan.Projection, model string, schemas Schemas) *Reader {
	r := &Reader{
		proj: p, model: model, schemas: schemas, part: part{valueHeader, p.Encoding}, schema: p.Schema,
		subject: cmp.Or(p.Subject, p.Topic+"-value"), programs: map[Writer]compiled{},
	}
	key := plan.Key{Encoding: plan.Text}
	if p.Key != nil {
		key = *p.Key
	}
	sub := &plan.Projection{Topic: p.Topic, Subject: key.Subject, Schema: key.Schema, Encoding: key.Encoding, Roles: plan.NoRoles()}
	for col, f := range p.Fields {
		if f.InValue() || f.Expr != "" || f.From == plan.FromAttributes {
			continue
		}
		switch {
		case f.From == plan.FromHeader:
			r.headers = append(r.headers, col)
		case key.Encoding == plan.Text:
			r.keyText = append(r.keyText, col)
		default:
			r.inKey = append(r.inKey, col)
			f.From = plan.FromValue
			sub.Fields = append(sub.Fields, f)
		}
		if col == p.Roles.ID || col == p.Roles.Time {
			r.must = append(r.must, required{col, f.Name})
		}
	}
	if len(sub.Fields) > 0 {
		r.key = &Reader{
			proj: sub, model: model, schemas: schemas, part: part{keyHeader, key.Encoding}, schema: key.Schema,
			subject: cmp.Or(key.Subject, p.Topic+"-key"), programs: map[Writer]compiled{},
		}
		r.keyRow = plan.NewBatch(sub, 1)
	}
	return r
}

// Read reads a record into a new row of b, a batch of the reader's projection. A *Error says that the record can't be read, and
// what is wrong with it; any other error that its schema could not be asked for. Both leave b as it was.
func (r *Reader) Read(ctx context.Context, rec *Record, b *plan.Batch) error {
	if r.key != nil {
		r.keyRow.Reset()
		if len(rec.Key) > 0 {
			if err := r.key.value(ctx, rec.Key, rec, r.keyRow); err != nil {
				if bad, ok := errors.AsType[*Error](err); ok {
					return inKey(bad)
				}
				return err
			}
		}
	}
	if err := r.value(ctx, rec.Value, rec, b); err != nil {
		return err
	}
	if len(r.inKey)+len(r.keyText)+len(r.headers) == 0 {
		return nil
	}
	row := b.N - 1
	if r.key != nil && r.keyRow.N == 1 {
		for i, col := range r.inKey {
			b.Take(col, row, r.keyRow, i)
		}
	}
	for _, col := range r.keyText {
		if rec.Key != nil {
			setText(b, col, row, rec.Key)
		}
	}
	for _, col := range r.headers {
		if rec.Headers == nil {
			break
		}
		if v, ok := rec.Headers.Header(r.proj.Fields[col].Path[0]); ok && v != nil {
			setText(b, col, row, v)
		}
	}
	for _, m := range r.must {
		if b.Cols[m.col].State[row] == plan.OK {
			continue
		}
		reason, what := ReasonMissingField, "the event's id"
		if m.col == r.proj.Roles.Time {
			what = "the event's time"
			if b.Cols[m.col].State[row] == plan.Invalid {
				reason = ReasonBadTime
			}
		}
		b.Truncate(row)
		return &Error{Reason: reason, Path: m.path, Detail: what + " can't be read from the record's " + string(r.proj.Fields[m.col].From)}
	}
	return nil
}

// inKey is an error of the key: paths and offsets are those of the key.
func inKey(e *Error) *Error {
	at := *e
	at.Detail = "in the record's key: " + e.Detail
	return &at
}

// value reads one part of a record.
func (r *Reader) value(ctx context.Context, value []byte, rec *Record, b *plan.Batch) error {
	var named []byte
	if r.part.encoding == plan.AsFound || r.part.encoding == plan.Confluent {
		if rec.Headers != nil {
			named, _ = rec.Headers.Header(r.part.header)
		}
	}
	// Nearly every record begins as the one before.
	if r.last.Kind == FrameConfluent && named == nil && len(value) >= confluentHeader && value[0] == 0 &&
		int32(binary.BigEndian.Uint32(value[1:])) == r.last.ID {
		return r.lastProgram.Decode(value, confluentHeader, b, rec.Offset)
	}
	w, body, err := FrameAs(r.part.encoding, named, value)
	if err != nil {
		return err
	}
	prog := r.lastProgram
	if prog == nil || w != r.last {
		if prog, err = r.program(ctx, w); err != nil {
			return err
		}
		r.last, r.lastProgram = w, prog
	}
	return prog.Decode(value, body, b, rec.Offset)
}

// program is the program for what a writer wrote, compiled once whether it fits or not. A writer that nobody knows is asked for
// again: it may be registered later; who answers remembers it for a while.
func (r *Reader) program(ctx context.Context, w Writer) (*Program, error) {
	if c, ok := r.programs[w]; ok {
		if c.misfit != nil {
			return nil, c.misfit
		}
		return c.program, nil
	}
	text, err := r.find(ctx, w)
	if errors.Is(err, ErrNotRegistered) {
		return nil, w.unknown()
	}
	var prog *Program
	switch {
	case err == nil:
		prog, err = Compile(text, r.proj)
	case !errors.Is(err, ErrUnsupported):
		return nil, err
	}
	if err != nil {
		misfit := &Error{
			Reason: ReasonSchemaMismatch, Offset: w.at(),
			Detail: fmt.Sprintf("%s does not fit the contract of %s: %v", w, r.model, err),
		}
		r.programs[w] = compiled{misfit: misfit}
		return nil, misfit
	}
	r.programs[w] = compiled{program: prog}
	return prog, nil
}

func (r *Reader) find(ctx context.Context, w Writer) (string, error) {
	switch w.Kind {
	case FrameConfluent:
		return r.schemas.SchemaByID(ctx, int(w.ID))
	case FrameGUID:
		return r.schemas.SchemaByGUID(ctx, uuidText(w.GUID[:]))
	case FrameSingleObject:
		return r.byFingerprint(ctx, w.Fingerprint)
	default:
		return r.schema, nil
	}
}

// byFingerprint looks among the contract's own schema and the versions of its subject.
func (r *Reader) byFingerprint(ctx context.Context, fp uint64) (string, error) {
	if r.fingerprints == nil {
		r.fingerprints, r.learnt = map[uint64]string{}, map[string]bool{}
		r.learn(r.schema)
	}
	if text, ok := r.fingerprints[fp]; ok {
		return text, nil
	}
	texts, err := r.schemas.Versions(ctx, r.subject)
	if err != nil {
		return "", err
	}
	for _, text := range texts {
		r.learn(text)
	}
	text, ok := r.fingerprints[fp]
	if !ok {
		return "", ErrNotRegistered
	}
	return text, nil
}

// learn keeps a schema by its fingerprints; what is no schema has none.
func (r *Reader) learn(text string) {
	if r.learnt[text] { // an unknown fingerprint may come with every record
		return
	}
	r.learnt[text] = true
	fps, err := Fingerprints(text)
	if err != nil {
		return
	}
	for _, fp := range fps {
		if _, known := r.fingerprints[fp]; !known {
			r.fingerprints[fp] = text
		}
	}
}

// setText stores a text that isn't Avro: the key, or a header.
func setText(b *plan.Batch, col, row int, v []byte) {
	switch f := &b.Fields[col]; {
	case f.Of == plan.OfLength && utf8.Valid(v):
		b.SetNumber(col, row, plan.LengthOf(text(v)))
	case f.Of == plan.OfGiven && utf8.Valid(v):
		b.SetNumber(col, row, plan.Given(text(v)))
	case f.Of == plan.OfCharset && utf8.Valid(v):
		b.SetString(col, row, plan.CharsetOf(text(v)))
	case f.Of != plan.Whole: // no text, or a vector, which no text is
		b.SetInvalid(col, row)
	case f.Kind == plan.Number:
		f, err := strconv.ParseFloat(string(v), 64)
		if err != nil {
			b.SetInvalid(col, row)
			return
		}
		b.SetNumber(col, row, f)
	case f.Kind == plan.Time:
		us, ok := parseTime(v)
		if !ok {
			b.SetInvalid(col, row)
			return
		}
		b.SetTime(col, row, us)
	default:
		if !utf8.Valid(v) {
			b.SetInvalid(col, row)
			return
		}
		b.SetString(col, row, text(v))
	}
}
