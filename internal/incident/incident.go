package incident

import (
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// Kind is the value of an incident's "kind".
const Kind = "incident"

// Status is where an incident stands.
type Status string

// The statuses. An incident goes from open to resolved by itself when its signals recover; people acknowledge, mitigate and resolve it, and
// open it again.
const (
	Open         Status = "open"
	Acknowledged Status = "acknowledged" // somebody is at it
	Mitigated    Status = "mitigated"    // it no longer does harm, and is not over
	Resolved     Status = "resolved"
	OpenAgain    Status = "reopened" // it was resolved, and is back
)

// Active reports whether an incident in that status is not over.
func (s Status) Active() bool { return s != Resolved }

// Statuses are all of them, in the order of an incident's life.
func Statuses() []Status { return []Status{Open, Acknowledged, Mitigated, Resolved, OpenAgain} }

// Incident is one thing that went wrong, whatever number of signals shows it.
type Incident struct {
	KindName   string              `json:"kind"`
	ID         string              `json:"id"`
	Model      string              `json:"model"`
	Status     Status              `json:"status"`
	Severity   finding.Severity    `json:"severity"`
	Score      finding.Number      `json:"score"` // evidence x effect x cost, 1 or more: how much it matters beside others of its severity
	Weight     Weight              `json:"weight"`
	Title      string              `json:"title"`
	OpenedAt   time.Time           `json:"opened_at"` // event-time end of the pane that raised it
	Onset      time.Time           `json:"onset"`
	ResolvedAt *time.Time          `json:"resolved_at"`
	Reason     string              `json:"reason,omitempty"` // of its end: "superseded" where another plan took over, "merged", "person"; none where it recovered
	Change     Change              `json:"change,omitempty"` // in messages only: what happened to it
	Calls      bool                `json:"calls"`            // in messages only: somebody is to be called for that
	Pages      int                 `json:"pages"`            // how often somebody was to be called, by event time
	Reopenings int                 `json:"reopenings"`       // how often it came back
	Cause      Cause               `json:"cause"`
	Subjects   []Subject           `json:"subjects"`
	Slices     []map[string]string `json:"slices"`
	Lineage    *Lineage            `json:"lineage"`
	Changes    []Cited             `json:"changes"` // what was changed before it began, the likeliest first
	Numbers    []finding.Figure    `json:"numbers"`
	Impact     *finding.Impact     `json:"impact"` // null: not known, or decisions aren't priced
	Runbook    string              `json:"runbook"`
	Owner      Owner               `json:"owner"`
	Assignee   string              `json:"assignee"`             // the person or team that has it now; none: the owner
	Silence    *Silence            `json:"silence"`              // null: people are told
	Verdict    *Judgement          `json:"verdict"`              // null: nobody has said whether it was a true alarm
	Retraining *Retraining         `json:"retraining,omitempty"` // none: the incident never asked for it
	MergedInto string              `json:"merged_into,omitempty"`
	SplitFrom  string              `json:"split_from,omitempty"`
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

// Silence is a time in which nobody is told of an incident, but that it is over. It ends by an entry of its own in the ledger.
type Silence struct {
	By    string    `json:"by"`
	At    time.Time `json:"at"`
	Until time.Time `json:"until"` // by the clock
	Why   string    `json:"why,omitempty"`
	Model bool      `json:"model,omitempty"` // it is for all incidents of the model
}

// Judgement is what a person says an alarm was.
type Judgement struct {
	Says Alarm     `json:"says"`
	By   string    `json:"by"`
	At   time.Time `json:"at"`
	Why  string    `json:"why,omitempty"`
}

// Alarm is a judgement's verdict.
type Alarm string

// The verdicts of people.
const (
	TrueAlarm  Alarm = "true_alarm"
	FalseAlarm Alarm = "false_alarm"
)

// Event is one line of the timeline, in the order in which it was entered: what signals did bears event time, what people did the clock's.
type Event struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // a Change, or "superseded"
	Who  string    `json:"who"`  // the signal, or the person
	By   By        `json:"by,omitempty"`
	Text string    `json:"text,omitempty"`
}

// By says what Who is; "" is a signal.
type By string

// Person is a person, or a program that acts for one.
const Person By = "person"
