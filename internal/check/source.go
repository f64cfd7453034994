package check

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/plumbline-ml/plumbline/internal/file"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Files say where a model's events are. Outcomes may be the same file: then its rows hold both, and the outcome of a row is
// taken to be known Delay after its prediction.
type Files struct {
	Predictions string
	Outcomes    string // "": there are none
	Attributes  string // protected attributes, of contracts that have a stream of them; "": there are none
	Delay       time.Duration
	Version     string // the model's version, where the file has no column for it

	Open func(name string) (file.Reader, error) // nil: file.Open
}

// Counts say what became of the rows of one stream: Read is Accepted plus all of Rejected plus Filtered.
type Counts struct {
	File     string           `json:"file"`
	Read     int64            `json:"read"`
	Accepted int64            `json:"accepted"`
	Filtered int64            `json:"filtered"` // not wanted by the contract's where
	Rejected map[string]int64 `json:"rejected"` // by reason
	Examples []string         `json:"examples,omitempty"`

	private bool // what stands in the file is not quoted
}

const (
	batchRows    = 1000
	mostExamples = 5
)

// errMadeIDs: rows without ids can be joined only with themselves.
var errMadeIDs = errors.New("the file has no id column, so its rows can't be joined with those of another file")

// stream reads one stream's batches from a file; derived columns are computed, filtered rows left out. Batches belong to
// the visitor. counts may be nil.
func (f *Files) stream(path string, p *plan.Projection, alone bool, counts *Counts, visit func(*plan.Batch) error, options ...file.Option) error {
	open := f.Open
	if open == nil {
		open = file.Open
	}
	r, err := open(path)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // it was only read
	if counts == nil {
		counts = &Counts{}
	}
	*counts = Counts{File: filepath.Base(path), Rejected: map[string]int64{}, private: counts.private}
	options = append(options, file.OnReject(func(e file.RowError) {
		if counts.private {
			e = file.RowError{Line: e.Line, Reason: e.Reason, Detail: "what stands there is not shown"}
		}
		if len(counts.Examples) < mostExamples {
			counts.Examples = append(counts.Examples, e.Error())
		}
	}))
	proj, err := file.NewProjector(r, p, options...)
	if err != nil {
		return err
	}
	if !alone && proj.MakesIDs() {
		return fmt.Errorf("%s: %w", path, errMadeIDs)
	}
	deriver, err := plan.NewDeriver(p, nil)
	if err != nil {
		return err
	}
	filtered := int64(0)
	for done := false; !done; {
		b := plan.NewBatch(p, batchRows)
		for b.N < batchRows {
			if _, err := proj.Fill(b, batchRows-b.N); errors.Is(err, io.EOF) {
				done = true
				break
			} else if err != nil {
				return err
			}
			filtered += int64(deriver.Derive(b))
		}
		if b.N > 0 {
			if err := visit(b); err != nil {
				return err
			}
		}
	}
	counts.Read, counts.Accepted, counts.Filtered = proj.Read(), proj.Accepted()-filtered, filtered
	for _, reason := range file.Reasons() {
		if n := proj.Rejected(reason); n > 0 {
			counts.Rejected[string(reason)] = n
		}
	}
	switch {
	case counts.Read == 0:
		return fmt.Errorf("%s holds no rows", path)
	case counts.Accepted == 0 && len(counts.Examples) > 0:
		return fmt.Errorf("none of the %d rows of %s can be used; the first is set aside because of %s", counts.Read, path, counts.Examples[0])
	case counts.Accepted == 0:
		return fmt.Errorf("none of the %d rows of %s is wanted by the contract's where", counts.Read, path)
	}
	return nil
}

// source is the baseline's view of the files.
type source struct {
	files Files
	plan  *plan.Plan
}

// Source gives the rows of files to whoever builds a baseline.
func Source(f Files, p *plan.Plan) interface {
	Predictions(visit func(*plan.Batch) error) error
	Outcomes(visit func(*plan.Batch) error) error
} {
	return &source{f, p}
}

func (s *source) together() bool {
	return s.files.Outcomes == "" || s.files.Outcomes == s.files.Predictions
}

// Predictions reads the prediction stream.
func (s *source) Predictions(visit func(*plan.Batch) error) error { return s.predictions(nil, visit) }

func (s *source) predictions(c *Counts, visit func(*plan.Batch) error) error {
	return s.files.stream(s.files.Predictions, &s.plan.Prediction, s.together(), c, visit, file.WithVersion(s.files.Version))
}

// Outcomes reads the outcome stream.
func (s *source) Outcomes(visit func(*plan.Batch) error) error { return s.outcomes(nil, visit) }

func (s *source) outcomes(c *Counts, visit func(*plan.Batch) error) error {
	if s.files.Outcomes == "" || s.plan.Outcome == nil {
		return nil
	}
	shift := time.Duration(0)
	if s.together() {
		shift = s.files.Delay
	}
	return s.files.stream(s.files.Outcomes, s.plan.Outcome, s.together(), c, visit, file.WithTimeShift(shift))
}

// Attributes reads the stream of protected attributes.
func (s *source) Attributes(visit func(*plan.Batch) error) error { return s.attributes(nil, visit) }

func (s *source) attributes(c *Counts, visit func(*plan.Batch) error) error {
	if s.files.Attributes == "" || s.plan.Attributes == nil {
		return nil
	}
	if c == nil {
		c = &Counts{}
	}
	c.private = true
	return s.files.stream(s.files.Attributes, &s.plan.Attributes.Projection, s.files.Attributes == s.files.Predictions && s.together(), c, visit)
}
