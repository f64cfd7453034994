package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Terminal shows a run as text: incidents go to Out as they open, the progress bar to Bar, one line that is rewritten; a nil
// Bar shows none.
type Terminal struct {
	Out io.Writer
	Bar io.Writer

	drawn bool
	last  string
}

// Start says what is going to happen.
func (t *Terminal) Start(c *contract.Contract, p *plan.Plan) {
	fmt.Fprintf(t.Out, "%s: %s\n", c.Metadata.Model, c.Metadata.Description)
	fmt.Fprintf(t.Out, "Kafka, schema registry, Redis and ledger run inside this process; nothing is kept after it.\n")
	fmt.Fprintf(t.Out, "Learnt from %s to %s (%d predictions); judging what comes after.\n\n",
		p.Reference.From.Format(time.DateOnly), p.Reference.To.Format(time.DateOnly), p.ReferenceRows)
	for _, n := range p.Unjudged {
		fmt.Fprintf(t.Out, "note: %s\n", n)
	}
}

const barWidth = 40

// Progress draws the bar over event time: judged, then published.
func (t *Terminal) Progress(published, judged time.Time) {
	if t.Bar == nil {
		return
	}
	all := lastEvent.Sub(firstEvent)
	cells := func(at time.Time) int {
		return min(max(0, int(at.Sub(firstEvent)*barWidth/all)), barWidth)
	}
	done, sent := cells(judged), cells(published)
	at := firstEvent
	if judged.After(at) {
		at = judged
	}
	bar := strings.Repeat("=", done) + strings.Repeat("-", max(0, sent-done)) + strings.Repeat(" ", barWidth-max(done, sent))
	line := fmt.Sprintf("[%s] judged to %s", bar, at.Format(time.DateOnly))
	if line == t.last {
		return
	}
	t.last, t.drawn = line, true
	fmt.Fprintf(t.Bar, "\r\x1b[K%s", line)
}

// Incident prints one incident above the bar.
func (t *Terminal) Incident(inc incident.Incident, again bool) {
	t.Clear()
	if again {
		fmt.Fprint(t.Out, "now a page:\n")
	}
	check.WriteIncident(t.Out, &inc)
	fmt.Fprintln(t.Out)
	t.last = ""
}

// Clear removes the bar.
func (t *Terminal) Clear() {
	if t.drawn {
		fmt.Fprint(t.Bar, "\r\x1b[K")
		t.drawn = false
	}
}

// Silent shows nothing.
type Silent struct{}

// Start says nothing.
func (Silent) Start(*contract.Contract, *plan.Plan) {}

// Progress says nothing.
func (Silent) Progress(time.Time, time.Time) {}

// Incident says nothing.
func (Silent) Incident(incident.Incident, bool) {}
