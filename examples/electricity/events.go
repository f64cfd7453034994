package electricity

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"time"
)

// The two streams, as the contract calls them.
const (
	Prediction = "prediction"
	Outcome    = "outcome"
)

const (
	// Rows is how many half-hours the file holds; Events gives a prediction and an outcome of each.
	Rows = 45312
	// Delay is the time between a prediction and its outcome.
	Delay = 30 * time.Minute
	// Version is the model version in every prediction; the file has no column for it.
	Version = "gbm-1"
)

// Event is one event of one stream.
type Event struct {
	Time   time.Time // event time, UTC
	Stream string    // Prediction or Outcome
	ID     string    // elec-000000 onwards: the row of the file
	Native map[string]any
}

var header = []string{"ts", "period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer", "score", "challenger", "up"}

// Events gives every event in the order of event time: the prediction of a row at the row's time, its outcome Delay later.
// An outcome comes before the prediction of the same instant, because it closes the half-hour that the prediction opens.
// Native is what goavro's BinaryFromNative takes for the stream's schema (PredictionFile, OutcomeFile). The first error is
// the last item.
func Events() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f, err := FS.Open(DataFile)
		if err != nil {
			yield(Event{}, fmt.Errorf("open electricity data: %w", err))
			return
		}
		defer func() { _ = f.Close() }() // an embedded file: closing it can't fail
		z, err := gzip.NewReader(f)
		if err != nil {
			yield(Event{}, fmt.Errorf("open electricity data: %w", err))
			return
		}
		events(z, yield)
	}
}

func events(data io.Reader, yield func(Event, error) bool) {
	fail := func(row int, err error) { yield(Event{}, fmt.Errorf("read electricity data, row %d: %w", row, err)) }
	r := csv.NewReader(data)
	r.ReuseRecord = true
	names, err := r.Read()
	if err == nil && !slices.Equal(names, header) {
		err = fmt.Errorf("header is %q, want %q", names, header)
	}
	if err != nil {
		fail(0, err)
		return
	}
	var waiting []Event // outcomes whose time has not come
	var last time.Time
	for row := 0; ; row++ {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fail(row, err)
			return
		}
		prediction, outcome, err := pair(row, cells)
		if err == nil && prediction.Time.Before(last) {
			err = fmt.Errorf("time %s is before that of the row above", prediction.Time.Format(time.RFC3339))
		}
		if err != nil {
			fail(row, err)
			return
		}
		last = prediction.Time
		for len(waiting) > 0 && !waiting[0].Time.After(last) {
			if !yield(waiting[0], nil) {
				return
			}
			waiting = waiting[1:]
		}
		if !yield(prediction, nil) {
			return
		}
		waiting = append(waiting, outcome)
	}
	for _, outcome := range waiting {
		if !yield(outcome, nil) {
			return
		}
	}
}

// pair makes the two events of one row.
func pair(row int, cells []string) (prediction, outcome Event, err error) {
	ts, err := time.Parse(time.RFC3339, cells[0])
	if err != nil {
		return Event{}, Event{}, err
	}
	id := fmt.Sprintf("elec-%06d", row)
	native := map[string]any{"event_id": id, "ts": ts, "model_version": Version}
	for i := 1; i <= 8; i++ {
		var v any // a nullable double is nil, or a map of its type's name to the number
		if cells[i] != "" {
			n, err := strconv.ParseFloat(cells[i], 64)
			if err != nil {
				return Event{}, Event{}, fmt.Errorf("column %s: %w", header[i], err)
			}
			v = map[string]any{"double": n}
			if header[i] == "score" {
				v = n // not nullable
			}
		}
		if header[i] == "transfer" {
			native["flows"] = map[string]any{"transfer": v}
			continue
		}
		native[header[i]] = v
	}
	up, err := strconv.ParseInt(cells[9], 10, 32)
	if err != nil {
		return Event{}, Event{}, fmt.Errorf("column up: %w", err)
	}
	prediction = Event{Time: ts, Stream: Prediction, ID: id, Native: native}
	known := ts.Add(Delay)
	outcome = Event{Time: known, Stream: Outcome, ID: id, Native: map[string]any{"event_id": id, "ts": known, "up": int32(up)}}
	return prediction, outcome, nil
}
