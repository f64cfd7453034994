package backfill

import (
	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// Report says what became of the files' rows.
type Report struct {
	Readings []Reading  `json:"readings"`
	Events   *plan.Span `json:"events"` // event times of the predictions counted, both included; null: none was
	Late     int64      `json:"late"`   // events out of order by more than the allowed lateness: in no pane
	Open     *plan.Span `json:"open"`   // what is not over at the end of the file, by whole panes; null: nothing was counted
}

// Reading is what became of the rows of one file, read by one plan: Read is Counted, Elsewhere, Filtered and all of Rejected.
type Reading struct {
	Stream    string           `json:"stream"` // prediction, outcome or attribute
	Plan      string           `json:"plan"`   // digest
	File      string           `json:"file"`
	Read      int64            `json:"read"`
	Counted   int64            `json:"counted"`
	Elsewhere int64            `json:"elsewhere"` // at whose time another plan is in force
	Filtered  int64            `json:"filtered"`  // not wanted by the contract's where
	Rejected  map[string]int64 `json:"rejected"`  // by reason
	Examples  []string         `json:"examples,omitempty"`
}

func (g *Reading) took(c *check.Counts, counted int64) {
	g.File, g.Read, g.Counted, g.Elsewhere = c.File, c.Read, counted, c.Accepted-counted
	g.Filtered, g.Rejected, g.Examples = c.Filtered, c.Rejected, c.Examples
}

// span is a stretch of event time that grows, microseconds, both ends included.
type span struct{ first, last int64 }

func newSpan() span { return span{record.NoTime, record.NoTime} }

func (s *span) see(us int64) {
	if s.first == record.NoTime || us < s.first {
		s.first = us
	}
	s.last = max(s.last, us)
}

func (s *span) public() *plan.Span {
	if s.first == record.NoTime {
		return nil
	}
	return &plan.Span{From: plan.FromMicros(s.first), To: plan.FromMicros(s.last)}
}
