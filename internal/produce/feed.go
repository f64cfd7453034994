package produce

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/file"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

const (
	batchRows    = 512
	mostExamples = 5
)

// Refused says which rows of a file were not published.
type Refused struct {
	Rows     map[string]int64 `json:"refused"`            // by reason
	Examples []string         `json:"examples,omitempty"` // the first few, in the file's order
}

func (r *Refused) add(e file.RowError) {
	r.Rows[string(e.Reason)]++
	if len(r.Examples) < mostExamples {
		r.Examples = append(r.Examples, e.Error())
	}
}

// feed gives the events of one file in its order.
type feed struct {
	name    string // of the stream
	topic   string
	subject string
	id      int    // of the schema; 0 where events are raw
	writer  []byte // what names the schema in front of every event
	file    string

	partitions int  // of the topic
	created    bool // it did not exist

	reader  file.Reader
	proj    *file.Projector
	enc     *encoder
	batch   *plan.Batch
	at      int // the next row of the batch
	ahead   int // rows that are read at once
	left    int64
	ended   bool
	refused Refused
	private bool // what stands in the file is not quoted
}

// newFeed reads at most limit events of a file; 0 is all of them.
func newFeed(name, topic, path string, r file.Reader, enc *encoder, limit int64, options ...file.Option) (*feed, error) {
	f := &feed{name: name, topic: topic, file: filepath.Base(path), reader: r, enc: enc, ahead: batchRows, left: limit, private: name == Attributes, refused: Refused{Rows: map[string]int64{}}}
	if limit == 0 {
		f.left = -1
	}
	var err error
	f.proj, err = file.NewProjector(r, &enc.projection, append(options, file.OnReject(f.refuse))...)
	f.batch = plan.NewBatch(&enc.projection, batchRows)
	return f, err
}

// refuse notes a row that isn't published.
func (f *feed) refuse(e file.RowError) {
	if f.private {
		e = file.RowError{Line: e.Line, Reason: e.Reason, Detail: "what stands there is not shown"}
	}
	f.refused.add(e)
}

// ready makes the next row the head of the batch; false at the end.
func (f *feed) ready() (bool, error) {
	for f.at == f.batch.N {
		if f.ended || f.left == 0 {
			return false, nil
		}
		f.batch.Reset()
		f.at = 0
		n := f.ahead
		if f.left > 0 {
			n = int(min(f.left, int64(f.ahead)))
		}
		got, err := f.proj.Fill(f.batch, n)
		if errors.Is(err, io.EOF) {
			f.ended = true
		} else if err != nil {
			return false, err
		}
		if f.left > 0 {
			f.left -= int64(got)
		}
	}
	return true, nil
}

// time is the event time of the head, microseconds.
func (f *feed) time() int64 { return f.batch.Cols[f.enc.projection.Roles.Time].Int[f.at] }

// key is the id of the head; "" for a stream without ids.
func (f *feed) key() string {
	if f.enc.projection.Roles.ID < 0 {
		return ""
	}
	return f.batch.Cols[f.enc.projection.Roles.ID].Str[f.at]
}

// next picks the feed whose head is to be sent, that with the earliest time; nil at the end. Where times are equal, a prediction comes before the outcome and
// the attributes of its own id, and after those of others.
func next(feeds []*feed) (*feed, error) {
	var first, prediction *feed
	for _, f := range feeds {
		ok, err := f.ready()
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: %ss: %w", ErrInput, strings.TrimSuffix(f.name, "s"), err)
		case !ok:
		case first == nil || f.time() < first.time() || f.time() == first.time() && prediction != nil && f.key() != prediction.key():
			first = f
		}
		if ok && f.name == Prediction {
			prediction = f
		}
	}
	return first, nil
}
