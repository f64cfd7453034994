package produce

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/file"
)

// slow gives a line at a time and knows how many were asked for.
type slow struct {
	lines []string
	given int
}

func (s *slow) Read(p []byte) (int, error) {
	if s.given == len(s.lines) {
		return 0, io.EOF
	}
	s.given++
	return copy(p, s.lines[s.given-1]), nil
}

// A source that is made while it is read is read no further than to the event at hand.
func TestReadAhead(t *testing.T) {
	h := newHouse(t)
	var sources []*slow
	o := options(t, "")
	o.Files.Open = func(name string) (file.Reader, error) {
		s := &slow{lines: []string{head}}
		for i := range 20 {
			s.lines = append(s.lines, fmt.Sprintf("id%d,2026-01-02T00:00:%02dZ,0.5,v1,10,pro,true,2020-01-01,1,x\n", i, i))
		}
		sources = append(sources, s)
		return file.New(s, file.CSV, name)
	}
	o.ReadAhead = 1
	held, most := 0, 0
	o.Hold = func(context.Context, time.Time) error {
		if held >= 24 { // before, what was read to know the format lasts
			most = max(most, sources[0].given-1-held/2)
		}
		held++
		return nil
	}
	sum, err := h.run(t.Context(), t, o)
	if err != nil || sum.Events != 40 || held != 40 {
		t.Fatalf("%v: %+v", err, sum)
	}
	if most > 2 { // the next prediction stands ready while its outcome's turn comes
		t.Errorf("%d rows were read ahead", most)
	}
	o.ReadAhead = -1
	if _, err := Open(t.Context(), o, h.registry); err == nil {
		t.Error("a negative number of rows is read ahead")
	}
}
