package retrain

import (
	_ "embed" // the schemas
	"encoding/json"
	"fmt"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// The kinds of the objects; their CloudEvents are of type ml.plumbline.KIND.v1.
const (
	KindTrigger = "retrain_trigger"
	KindResult  = "retrain_result"
)

// TriggerSchema and ResultSchema are the JSON Schemas of the CloudEvents on both topics.
var (
	//go:embed trigger.schema.json
	TriggerSchema []byte
	//go:embed result.schema.json
	ResultSchema []byte
)

// Reason is why retraining is asked for.
type Reason string

// The reasons.
const (
	Performance Reason = "performance" // outcomes show that the model does worse
	Calibration Reason = "calibration" // scores mean something else than they did
	Drift       Reason = "drift"       // what the model reads has moved
	Rule        Reason = "rule"        // a rule of the contract (CEL over events) is broken more often
	Promise     Reason = "promise"     // a promise (a metric, or CEL over metrics) is broken that asks for retraining
)

// Trigger asks for retraining.
type Trigger struct {
	KindName string    `json:"kind"`
	ID       string    `json:"id"`
	Model    string    `json:"model"`
	Version  string    `json:"version,omitempty"` // of the model that is in trouble, where it is known
	At       time.Time `json:"at"`                // by the clock
	Reason   Reason    `json:"reason"`
	Name     string    `json:"name,omitempty"` // of the rule or promise
	Incident string    `json:"incident"`
	Title    string    `json:"title"`
	Evidence Evidence  `json:"evidence"`
	Window   Window    `json:"window"`
}

// Evidence is what speaks for it.
type Evidence struct {
	Cause    string           `json:"cause"`
	Onset    time.Time        `json:"onset"` // event time
	Numbers  []finding.Figure `json:"numbers"`
	Subjects []string         `json:"subjects"`
	Findings []string         `json:"findings"` // the latest, 50 at most
}

// Window is the event time [From, To) whose data are suggested, without the spans of Exclude.
type Window struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Exclude []Span    `json:"exclude"`
}

// Span is a stretch of event time that is left out.
type Span struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Why      string    `json:"why"`
	Incident string    `json:"incident"`
}

// Status is how far a retraining is.
type Status string

// The statuses.
const (
	Started   Status = "started"
	Succeeded Status = "succeeded"
	Failed    Status = "failed"
)

// Result is what became of a trigger, as whoever retrains reports it.
type Result struct {
	KindName string    `json:"kind"`
	Trigger  string    `json:"trigger"` // its id
	Model    string    `json:"model"`
	Status   Status    `json:"status"`
	Version  string    `json:"version,omitempty"` // the new one
	At       time.Time `json:"at"`
	Message  string    `json:"message,omitempty"`
}

// ReadResult reads a result's CloudEvent.
func ReadResult(b []byte) (Result, error) {
	var e finding.Envelope[Result]
	if err := json.Unmarshal(b, &e); err != nil {
		return Result{}, fmt.Errorf("read result of retraining: %w", err)
	}
	r := e.Data
	switch {
	case r.KindName != KindResult:
		return Result{}, fmt.Errorf("read result of retraining: kind is %q, want %q", r.KindName, KindResult)
	case r.Trigger == "" || r.Model == "":
		return Result{}, fmt.Errorf("read result of retraining: it names no trigger, or no model")
	case r.Status != Started && r.Status != Succeeded && r.Status != Failed:
		return Result{}, fmt.Errorf("read result of retraining: status is %q, want started, succeeded or failed", r.Status)
	case r.At.IsZero():
		return Result{}, fmt.Errorf("read result of retraining: it has no time")
	}
	return r, nil
}
