package produce

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/file"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

// The names of the streams.
const (
	Prediction = "prediction"
	Outcome    = "outcome"
	Attributes = "attributes"
)

// Options say what is published, where and how fast.
type Options struct {
	Contract *contract.Contract
	Files    check.Files // as `plumbline check` takes them

	// Schemas are Avro schemas by stream. Without one the registry's latest of the subject is taken; if it has none, one is made
	// of the contract and the file's columns.
	Schemas   map[string]string
	Constants map[string]string // values for fields of the schemas that the files have no column for, by dotted path

	Limit   int64   // events of each file; 0: all
	Rate    float64 // events per second, both streams together; 0: not limited
	Speedup float64 // event time per time, 60 is a minute per second; 0: not limited. Not together with Rate.

	Partitions      int   // of topics that don't exist yet; 0: DefaultPartitions
	Replication     int16 // of topics that don't exist yet; 0 or -1: the broker's default
	EventTimestamps bool  // records carry the events' times and not the time of sending

	// ReadAhead is how many rows are read at once; 0: as many as go fast. A source that is made while it is read, and may change meanwhile, takes 1.
	ReadAhead int

	// Hold, if not nil, is asked before each event with its time; it may wait. An error ends the run.
	Hold func(ctx context.Context, at time.Time) error
	// Progress, if not nil, is told now and then how far it is.
	Progress func(Progress)
}

// DefaultPartitions is how many partitions a topic gets that doesn't exist yet.
const DefaultPartitions = 8

// ErrMadeIDs is returned where predictions and outcomes are two files and one has no ids.
var ErrMadeIDs = errors.New("the file has no id column, so its rows can't be joined with those of another file")

// Replay is a run that is ready: files open, schemas registered. It belongs to one goroutine.
type Replay struct {
	o     Options
	feeds []*feed // predictions, then outcomes and attributes if there are any
	notes []string

	protected []string // columns that have a topic of their own
}

// Open opens the files and finds or registers the schemas. What does not fit is an error that says where; bus.ErrRegistryAway
// is one that the registry gave no usable answer. The caller closes the Replay.
func Open(ctx context.Context, o Options, reg *bus.Registry) (_ *Replay, err error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	draft, err := plan.Draft(o.Contract)
	if err != nil {
		return nil, err
	}
	r := &Replay{o: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	together := o.Files.Outcomes == o.Files.Predictions
	var withhold []string
	if s := o.Contract.Streams.Outcome; s != nil {
		steps := strings.Split(s.Fields.Label, ".")
		withhold = []string{s.Fields.Label, steps[len(steps)-1]}
	}
	r.protected = protectedColumns(draft)
	withhold = append(withhold, r.protected...) // what has a topic of its own must not be in events
	if err := r.open(ctx, reg, Prediction, o.Files.Predictions, &draft.Prediction, withhold, file.WithVersion(o.Files.Version)); err != nil {
		return nil, err
	}
	if o.Files.Outcomes != "" {
		if draft.Outcome == nil {
			return nil, fmt.Errorf("the contract names no outcome stream, so %s can't be published as one", o.Files.Outcomes)
		}
		others, shift := r.protected, time.Duration(0)
		if together { // what is no outcome goes with the prediction
			others, shift = r.feeds[0].reader.Columns(), o.Files.Delay
		}
		if err := r.open(ctx, reg, Outcome, o.Files.Outcomes, draft.Outcome, others, file.WithTimeShift(shift)); err != nil {
			return nil, err
		}
		if !together {
			if err := r.givenIDs(); err != nil {
				return nil, err
			}
		}
	}
	if o.Files.Attributes != "" {
		if err := r.attributes(ctx, reg, draft); err != nil {
			return nil, err
		}
	}
	for path := range o.Constants {
		if !slices.ContainsFunc(r.feeds, func(f *feed) bool { return f.enc.root.constantAt(path) }) {
			return nil, fmt.Errorf("constant %s: no schema has such a field, or the file has a column for it", path)
		}
	}
	return r, nil
}

// protectedColumns are the columns that the attributes' stream has the say of.
func protectedColumns(draft *plan.Plan) (out []string) {
	if draft.Attributes == nil {
		return nil
	}
	r := &draft.Attributes.Projection.Roles
	for i, f := range draft.Attributes.Projection.Fields {
		if i != r.ID && i != r.Time && len(f.Path) > 0 {
			out = append(out, strings.Join(f.Path, "."), f.Path[len(f.Path)-1])
		}
	}
	return out
}

// attributes opens the file of protected attributes; whatever else its rows hold isn't published.
func (r *Replay) attributes(ctx context.Context, reg *bus.Registry, draft *plan.Plan) error {
	path := r.o.Files.Attributes
	if draft.Attributes == nil {
		return fmt.Errorf("the contract names no stream of attributes, so %s can't be published as one", path)
	}
	if err := r.open(ctx, reg, Attributes, path, &draft.Attributes.Projection, nil); err != nil {
		return err
	}
	if path == r.o.Files.Predictions {
		return nil
	}
	return r.givenIDs()
}

// givenIDs refuses files whose rows can't be joined with another file's.
func (r *Replay) givenIDs() error {
	for _, f := range r.feeds {
		if f.proj.MakesIDs() {
			return fmt.Errorf("%s: %w", f.file, ErrMadeIDs)
		}
	}
	return nil
}

func (o *Options) validate() error {
	bad := func(v float64) bool { return v < 0 || math.IsNaN(v) || math.IsInf(v, 0) }
	switch {
	case bad(o.Rate):
		return fmt.Errorf("rate %v: must be events per second, above 0", o.Rate)
	case bad(o.Speedup):
		return fmt.Errorf("speedup %v: must be a factor above 0, such as 60 for a minute per second", o.Speedup)
	case o.Rate > 0 && o.Speedup > 0:
		return errors.New("a rate and a speedup are both given: choose one")
	case o.Limit < 0:
		return fmt.Errorf("limit %d: must be a number of rows above 0", o.Limit)
	case o.ReadAhead < 0:
		return fmt.Errorf("read ahead %d: must be a number of rows above 0", o.ReadAhead)
	case o.Partitions < 0:
		return fmt.Errorf("partitions %d: must be at least 1", o.Partitions)
	}
	return nil
}

// open makes the feed of one stream.
func (r *Replay) open(ctx context.Context, reg *bus.Registry, name, path string, p *plan.Projection, withhold []string, options ...file.Option) error {
	open := r.o.Files.Open
	if open == nil {
		open = file.Open
	}
	if p.Roles.Time < 0 {
		return fmt.Errorf("the contract's %s stream names no time; add streams.%s.fields.time", name, name)
	}
	rows, err := open(path)
	if err != nil {
		return err
	}
	f, err := r.feed(ctx, reg, name, path, rows, p, withhold, options)
	if err != nil {
		return errors.Join(err, rows.Close())
	}
	r.feeds = append(r.feeds, f)
	return nil
}

func (r *Replay) feed(ctx context.Context, reg *bus.Registry, name, path string, rows file.Reader, p *plan.Projection, withhold []string, options []file.Option) (*feed, error) {
	subject := p.Subject
	if subject == "" {
		subject = p.Topic + "-value"
	}
	if name == Attributes { // but its own
		withhold = rows.Columns()
	}
	elsewhere := slices.DeleteFunc(slices.Clone(r.protected), func(string) bool { return name == Attributes })
	made := false
	text, id, origin := r.o.Schemas[name], 0, "the schema given for the "+name+" stream"
	if text == "" {
		latest, err := reg.Latest(ctx, subject)
		switch {
		case err == nil:
			text, id, origin = latest.Schema, latest.ID, fmt.Sprintf("version %d of the registry's subject %s (give another with --schema)", latest.Version, subject)
		case !errors.Is(err, bus.ErrUnknownSchema):
			return nil, err
		default:
			var notes []string
			if text, notes, err = derive(r.o.Contract.Metadata.Model, title(name), p, rows.Columns(), r.constants(p, rows.Columns(), name), withhold); err != nil {
				return nil, err
			}
			made, r.notes, origin = true, append(r.notes, notes...), "the schema made of the contract and "+path
		}
	}
	enc, err := newEncoder(text, p, rows.Columns(), r.o.Constants, elsewhere...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", origin, err)
	}
	if has := slices.DeleteFunc(slices.Clone(rows.Columns()), func(c string) bool { return !slices.Contains(elsewhere, c) }); len(has) > 0 && !made {
		r.notes = append(r.notes, fmt.Sprintf("not published on %s, because the contract takes them from streams.attributes: %s", p.Topic, strings.Join(has, ", ")))
	}
	left := slices.DeleteFunc(slices.Clone(enc.unused), func(c string) bool { return slices.Contains(withhold, c) })
	if len(left) > 0 && !made {
		r.notes = append(r.notes, fmt.Sprintf("not published, because %s has no place for them: %s", origin, strings.Join(left, ", ")))
	}
	f, err := newFeed(name, p.Topic, path, rows, enc, r.o.Limit, options...)
	if err != nil {
		return nil, err
	}
	if r.o.ReadAhead > 0 {
		f.ahead = r.o.ReadAhead
	}
	f.writer = prefix(p.Encoding, text)
	if id == 0 && (p.Encoding != plan.Raw || made) { // who reads raw events has been given their schema, if it was there
		if id, err = reg.Register(ctx, subject, text); err != nil {
			return nil, err
		}
	}
	if f.subject, f.id = subject, id; f.writer == nil && p.Encoding != plan.Raw {
		f.writer = binary.BigEndian.AppendUint32([]byte{0}, uint32(id))
	}
	return f, nil
}

// prefix is what stands in front of every event that names its schema by fingerprint; nil in other encodings.
func prefix(e plan.Encoding, text string) []byte {
	if e != plan.SingleObject {
		return nil
	}
	fp, err := schema.Fingerprint(text)
	if err != nil {
		return nil // unreachable: the encoder has parsed it
	}
	return binary.LittleEndian.AppendUint64([]byte{0xC3, 1}, fp)
}

// constants are those that a made schema gets fields for: predictions get what the file has no column for.
func (r *Replay) constants(p *plan.Projection, columns []string, name string) map[string]string {
	out := map[string]string{}
	for path, v := range r.o.Constants {
		wanted := slices.ContainsFunc(p.Fields, func(f plan.Field) bool { return f.InValue() && strings.Join(f.Path, ".") == path })
		if wanted || name == Prediction && !slices.Contains(columns, path) {
			out[path] = v
		}
	}
	return out
}

// constantAt reports whether the field at a path is a constant.
func (n *node) constantAt(path string) bool {
	if n.form == formConstant && n.path == path {
		return true
	}
	return slices.ContainsFunc(n.fields, func(f node) bool { return f.constantAt(path) })
}

func title(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// Notes say what was left out, and why.
func (r *Replay) Notes() []string { return r.notes }

// Close closes the files.
func (r *Replay) Close() error {
	var errs []error
	for _, f := range r.feeds {
		errs = append(errs, f.reader.Close())
	}
	return errors.Join(errs...)
}
