package census

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// weeks are those of a year, as the survey has them.
const weeks = 52

// Stream gives the events from a time on as lines of CSV. It makes a line when it is read and not before, so that what releases says may change while the
// stream flows. It belongs to one goroutine.
func Stream(from time.Time, releases Releases) (io.Reader, error) {
	packed, err := FS.Open(DataFile)
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(packed)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", DataFile, err)
	}
	s := &stream{rows: csv.NewReader(z), from: from, releases: releases, at: map[string]int{}}
	s.rows.ReuseRecord = true
	if s.model, err = OpenModel(); err != nil {
		return nil, err
	}
	header, err := s.rows.Read()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", DataFile, err)
	}
	for i, name := range header {
		s.at[name] = i
	}
	s.out = csv.NewWriter(&s.line)
	return s, s.write(Header())
}

// Header names the columns of the stream.
func Header() []string {
	return slices.Concat([]string{"event_id", "ts", "etl"}, inputs, []string{Column, "score", "label"})
}

// inputs are the columns that go into the stream as they are.
var inputs = []string{
	"age", "class_of_worker", "occupation", "education", "marital_status", "capital_gains", "capital_losses", "dividends", "num_employers",
}

type stream struct {
	rows     *csv.Reader
	from     time.Time
	releases Releases
	model    *Model
	at       map[string]int // columns of the file
	line     bytes.Buffer
	out      *csv.Writer
}

// Read gives one line at most.
func (s *stream) Read(p []byte) (int, error) {
	if s.line.Len() == 0 {
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	return s.line.Read(p)
}

// next makes the next line.
func (s *stream) next() error {
	for {
		row, err := s.rows.Read()
		if err != nil {
			return err
		}
		at, err := time.Parse(time.RFC3339, row[s.at["ts"]])
		if err != nil {
			return fmt.Errorf("read %s: %w", DataFile, err)
		}
		if !at.Before(s.from) {
			return s.event(row, at)
		}
	}
}

// event is what the job and the model make of a row.
func (s *stream) event(row []string, at time.Time) error {
	get := func(column string) string { return row[s.at[column]] }
	id := get("event_id")
	release := s.releases(id, at)
	var bad error
	number := func(column string) float64 {
		text, by := column, 1.0
		if column == Column {
			text, by = "weeks_worked", release.Factor/weeks
		}
		v, err := strconv.ParseFloat(get(text), 64)
		if err != nil && bad == nil {
			bad = fmt.Errorf("read %s: %s of %s: %w", DataFile, text, id, err)
		}
		return v * by
	}
	short := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	out := []string{id, get("ts"), release.Name()}
	for _, name := range inputs {
		out = append(out, get(name))
	}
	out = append(out, short(number(Column)), short(s.model.score(features(get, number))), get("label"))
	if bad != nil {
		return bad
	}
	return s.write(out)
}

func (s *stream) write(fields []string) error {
	if err := s.out.Write(fields); err != nil {
		return err
	}
	s.out.Flush()
	return s.out.Error()
}
