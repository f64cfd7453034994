package incident

import (
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// Kind is the value of an incident's "kind".
const Kind = "incident"

// Status is where an incident stands.
type Status string

// The statuses.
const (
	Open     Status = "open"
	Resolved Status = "resolved"
)

// Incident is one thing that went wrong, whatever number of signals shows it.
type Incident struct {
	KindName   string              `json:"kind"`
	ID         string              `json:"id"`
	Model      string              `json:"model"`
	Status     Status              `json:"status"`
	Severity   finding.Severity    `json:"severity"`
	Title      string              `json:"title"`
	OpenedAt   time.Time           `json:"opened_at"` // event-time end of the pane that raised it
	Onset      time.Time           `json:"onset"`
	ResolvedAt *time.Time          `json:"resolved_at"`
	Reason     string              `json:"reason,omitempty"` // of its end: "superseded" where another plan took over, none where it recovered
	Cause      Cause               `json:"cause"`
	Subjects   []Subject           `json:"subjects"`
	Slices     []map[string]string `json:"slices"`
	Lineage    *Lineage            `json:"lineage"`
	Numbers    []finding.Figure    `json:"numbers"`
	Impact     *finding.Impact     `json:"impact"` // null: not known, or decisions aren't priced
	Runbook    string              `json:"runbook"`
	Owner      Owner               `json:"owner"`
	Findings   []string            `json:"findings"`
	Timeline   []Event             `json:"timeline"`
}

// Cause is what is thought to be behind it. Confidence is null where nothing measures it.
type Cause struct {
	Kind       string            `json:"kind"`
	Confidence finding.Number    `json:"confidence"`
	Parameters map[string]string `json:"parameters"`
	Fix        string            `json:"fix"`
	Against    []string          `json:"against"`
}

// Subject is one thing that moved, and its share of the evidence.
type Subject struct {
	Name  string         `json:"name"`
	Share finding.Number `json:"share"`
}

// Lineage is the step and version at which it first shows.
type Lineage struct {
	Job     string `json:"job"`
	Version string `json:"version"`
}

// Owner is who acts.
type Owner struct {
	Role string `json:"role"`
	Team string `json:"team"`
}

// Event is one line of the timeline.
type Event struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // opened, joined, page, resolved, superseded, reopened
	Who  string    `json:"who"`  // the signal
}
