package file

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// ErrColumn is returned for a file that lacks a column which the contract needs, or leaves open which one is meant.
var ErrColumn = errors.New("columns and contract differ")

// Projector fills batches with the rows of a file. It belongs to one goroutine.
//
// A field takes the column named by its full dotted path, else by the last step of its path, else by its own name: the field
// flows.transfer finds the column transfer of a flat file. A value that is null, absent or an empty cell is missing; so are
// null, NULL and NA where a number is due. What can't be read as a number, NaN and infinities are invalid. Text is kept as it
// stands; white space around numbers and times is ignored.
type Projector struct {
	r       Reader
	fields  []plan.Field
	columns []int // per field: into the reader's columns; none for what the file doesn't carry
	vectors []vector
	roles   plan.Roles
	config  config

	read, accepted int64
	rejected       map[Reason]int64
}

const none = -1

type config struct {
	shift    int64
	version  string
	onReject func(RowError)
}

// Option changes how a Projector reads.
type Option func(*config)

// WithTimeShift adds d to every event's time: in a file that holds predictions and outcomes in one row, the outcome was known
// d after the prediction.
func WithTimeShift(d time.Duration) Option { return func(c *config) { c.shift = d.Microseconds() } }

// WithVersion names the model's version for a file without a version column; it is "" otherwise.
func WithVersion(v string) Option { return func(c *config) { c.version = v } }

// OnReject is told of every rejected row, in the file's order.
func OnReject(f func(RowError)) Option { return func(c *config) { c.onReject = f } }

// NewProjector finds the columns of p in a file. Every column that is missing is named in one error that is ErrColumn and
// lists what the file has. Two roles may be missing: without an id events are called line-17 after the line they stand on (so
// that two projections of one file agree, and two files don't: see MakesIDs), without a version WithVersion decides.
func NewProjector(r Reader, p *plan.Projection, options ...Option) (*Projector, error) {
	j := &Projector{
		r: r, fields: p.Fields, roles: p.Roles, columns: make([]int, len(p.Fields)),
		rejected: make(map[Reason]int64, len(Reasons())),
	}
	for _, o := range options {
		o(&j.config)
	}
	have := r.Columns()
	shared := map[int]int{} // column -> the field that found it
	var wrong []error
	for i, f := range p.Fields {
		j.columns[i] = none
		if f.Expr != "" || f.From == plan.FromAttributes {
			continue
		}
		at, err := find(have, f)
		switch {
		case err != nil:
			wrong = append(wrong, err)
			continue
		case at == none && (i == p.Roles.ID || i == p.Roles.Version):
			continue
		case at == none:
			wrong = append(wrong, fmt.Errorf("no column for %s", named(f)))
			continue
		}
		j.columns[i] = at
		// Two paths that end alike both fall back to the same flat column: one of them would be read wrongly.
		if other, taken := shared[at]; taken && !slices.Equal(p.Fields[other].Path, f.Path) {
			wrong = append(wrong, fmt.Errorf("column %q could be %s or %s", have[at], named(p.Fields[other]), named(f)))
			continue
		}
		shared[at] = i
		if f.Of.OfVector() {
			v := j.vectorOf(at)
			v.fields = append(v.fields, i)
		}
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("read %s: %w: %w; the file has %s", r.Name(), ErrColumn, joined(wrong), list(have))
	}
	return j, nil
}

// Find is the place among a file's columns of the one that field f takes, -1 if there is none. The error says that the column
// is there more than once.
func Find(columns []string, f plan.Field) (int, error) { return find(columns, f) }

// find looks for a field's column; none if there is none.
func find(have []string, f plan.Field) (int, error) {
	names := []string{f.Name} // of a field that is the whole key of a record
	if n := len(f.Path); n > 0 {
		names = []string{strings.Join(f.Path, "."), f.Path[n-1], f.Name}
	}
	for _, name := range names {
		at := slices.Index(have, name)
		if at < 0 {
			continue
		}
		if slices.Contains(have[at+1:], name) {
			return none, fmt.Errorf("column %q is there more than once", name)
		}
		return at, nil
	}
	return none, nil
}

func named(f plan.Field) string {
	if full := strings.Join(f.Path, "."); full != f.Name && full != "" {
		return fmt.Sprintf("%s (%s)", f.Name, full)
	}
	return f.Name
}

func joined(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return errors.New(strings.Join(texts, ", "))
}

// maxListed is how many columns an error lists.
const maxListed = 50

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	if len(names) <= maxListed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxListed], ", "), len(names)-maxListed)
}

// MakesIDs reports that the file has no id column, so that ids are made from line numbers: such a file can't be joined with
// another one.
func (j *Projector) MakesIDs() bool { return j.roles.ID >= 0 && j.columns[j.roles.ID] == none }

// Read is how many rows were read so far: Accepted plus every Rejected.
func (j *Projector) Read() int64 { return j.read }

// Accepted is how many rows were put into batches.
func (j *Projector) Accepted() int64 { return j.accepted }

// Rejected is how many rows were rejected for a reason.
func (j *Projector) Rejected(r Reason) int64 { return j.rejected[r] }

// Fill appends up to limit rows to b, a batch of the projection the Projector was made for, with the line number as offset. It
// gives the number of rows appended, which is 0 only with an error: io.EOF at the end of the file, else one that is final.
// Fields with an expression stay missing, for plan.Deriver.
func (j *Projector) Fill(b *plan.Batch, limit int) (rows int, err error) {
	if len(b.Cols) != len(j.fields) || limit < 1 {
		return 0, fmt.Errorf("read %s: a batch of %d columns and room for %d rows can't hold a projection of %d", j.r.Name(), len(b.Cols), limit, len(j.fields))
	}
	for rows < limit {
		row, err := j.r.Next()
		var bad *RowError
		switch {
		case errors.As(err, &bad):
			j.read++
			j.reject(bad)
			continue
		case errors.Is(err, io.EOF) && rows > 0:
			return rows, nil
		case err != nil:
			return rows, err
		}
		j.read++
		if bad := j.append(b, row); bad != nil {
			b.Truncate(b.N - 1)
			j.reject(bad)
			continue
		}
		j.accepted++
		rows++
	}
	return rows, nil
}

func (j *Projector) reject(bad *RowError) {
	j.rejected[bad.Reason]++
	if j.config.onReject != nil {
		j.config.onReject(*bad)
	}
}

// append puts one row into the batch; the caller takes it back if it is bad.
func (j *Projector) append(b *plan.Batch, row Row) *RowError {
	at := b.Grow(int64(row.Line))
	for i := range j.fields {
		if j.columns[i] != none {
			if !j.fields[i].Of.OfVector() {
				j.set(b, i, at, row.Get(j.columns[i]))
			}
			continue
		}
		switch i { // the id comes first: a projection may use one field for both
		case j.roles.ID:
			b.SetString(i, at, "line-"+strconv.Itoa(row.Line))
		case j.roles.Version:
			b.SetString(i, at, j.config.version)
		}
	}
	for i := range j.vectors {
		j.vectors[i].set(b, at, row.Get(j.vectors[i].column))
	}
	if id := j.roles.ID; id >= 0 && (b.Cols[id].State[at] != plan.OK || b.Cols[id].Str[at] == "") {
		return j.fault(row, id, BadID, "the event's id is missing")
	}
	if t := j.roles.Time; t >= 0 {
		if b.Cols[t].State[at] != plan.OK {
			detail := "the event's time is missing"
			if b.Cols[t].State[at] == plan.Invalid {
				detail = quoteShort(row.Get(j.columns[t]).Text) + " is no time; write 2006-01-02T15:04:05Z or seconds since 1970"
			}
			return j.fault(row, t, BadTime, detail)
		}
		b.Cols[t].Int[at] += j.config.shift
	}
	return nil
}

func (j *Projector) set(b *plan.Batch, col, row int, v Value) {
	if v.Kind == Absent || v.Kind == Null {
		return
	}
	if of := j.fields[col].Of; of != plan.Whole {
		measure(b, col, row, of, v)
		return
	}
	if v.Kind == Nested || v.Kind == List || v.Kind == Texts {
		b.SetInvalid(col, row)
		return
	}
	switch j.fields[col].Kind {
	case plan.Number:
		s := strings.TrimSpace(v.Text)
		if missing(s) {
			return
		}
		if n, ok := parseNumber(s); ok {
			b.SetNumber(col, row, n)
			return
		}
		b.SetInvalid(col, row)
	case plan.Time:
		s := strings.TrimSpace(v.Text)
		if missing(s) {
			return
		}
		if us, ok := parseTime(s); ok {
			b.SetTime(col, row, us)
			return
		}
		b.SetInvalid(col, row)
	case plan.String:
		b.SetString(col, row, strings.Clone(v.Text)) // v.Text would hold on to the whole row
	}
}

func (j *Projector) fault(row Row, field int, reason Reason, detail string) *RowError {
	e := &RowError{Line: row.Line, Reason: reason, Detail: detail}
	if at := j.columns[field]; at != none {
		e.Column = j.r.Columns()[at]
	}
	return e
}

// quoteShort quotes at most 40 bytes of what was read.
func quoteShort(s string) string {
	if len(s) > 40 {
		return strconv.Quote(s[:40]) + "..."
	}
	return strconv.Quote(s)
}
