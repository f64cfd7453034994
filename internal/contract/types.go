package contract

// Contract is one model's quality contract: what its events look like, what good means, what errors cost, who owns what and
// how often a false alarm is acceptable. Everything else in Plumbline is compiled from it. A Contract that Load returned is valid.
type Contract struct {
	Metadata  Metadata
	Owners    map[string]string // role (data, model, platform, business, risk, ...) -> team
	Task      Task
	Streams   Streams
	Inputs    []Input   // in the file's order
	Derived   []Derived // in the file's order
	Rules     []Rule
	Slices    [][]string // each entry names one or more columns; several are their cross
	Protected []Protected
	Costs     *Costs // nil: not priced
	Decision  Decision
	Promises  []Promise
	Watch     Watch
	Notify    []Route
	Retrain   *Retrain
	Runbooks  map[string]string // cause -> path or URL

	// Digest is "sha256:" + hex over the canonical form of the whole contract; Policy the same over the parts that restart no
	// learning when they change (owners, costs, decision, promises, notify, retrain, runbooks, false-alarm budget).
	Digest string
	Policy string
	// Learns is the digest of what is learnt by: all but the policy and what only describes. Prices belong to it where the
	// cheapest threshold is asked for, since they then decide where the threshold lies.
	Learns string `json:"-"` // came later than Digest, which it must not change
}

// Metadata names the model.
type Metadata struct {
	Model       string // [a-z0-9][a-z0-9._-]{0,99}
	Description string
	Tags        []string
}

// TaskType says what the model predicts.
type TaskType string

// The task types.
const (
	Binary     TaskType = "binary"
	Multiclass TaskType = "multiclass"
	Regression TaskType = "regression"
)

// Task is what the model predicts. Positive is the label value that counts as 1 (binary; the YAML scalar as written, "1" by
// default); Classes are the class names (multiclass).
type Task struct {
	Type     TaskType
	Positive string
	Classes  []string
	Score    ScoreShape `json:",omitempty"` // multiclass; "" is ScoreTop
}

// ScoreShape says what the score field of a multiclass model holds.
type ScoreShape string

// The shapes.
const (
	ScoreTop    ScoreShape = "top"    // the probability of the class that was predicted
	ScoreVector ScoreShape = "vector" // a probability of each class, in the order of Task.Classes
	ScoreMap    ScoreShape = "map"    // a probability of each class, by its name
)

// Streams are the topics events come from. Prediction is required.
type Streams struct {
	Prediction *Stream
	Outcome    *Stream
	Feature    *Stream
	Attributes *Stream `json:",omitempty"` // protected attributes, by the id of the prediction
}

// Stream is one topic (or file) and which of its fields means what.
type Stream struct {
	Topic  string
	Schema SchemaRef
	Key    SchemaRef `json:",omitzero"` // of record keys
	Where  string    // CEL over the stream's fields; "" takes every event
	Fields Fields
	// Outcome streams only.
	Keep        Duration // how long a prediction waits for its outcome, between the two events' own times
	MatureAfter Duration // when a cohort's labels count as complete
	Sample      float64  `json:",omitempty"` // share of the ids that are joined, 0..1; 0: all
	Missing     Missing  `json:",omitempty"` // which predictions get no outcome
}

// Missing says which predictions get no outcome; "" where the contract doesn't say.
type Missing string

// What may be missing.
const (
	AtRandomGivenScore Missing = "at_random_given_score" // which of those with one score get one has nothing to do with what it is
	PositivesOnly      Missing = "positives_only"        // only positive outcomes are reported; how late has nothing to do with the score
)

// SchemaRef says where the Avro schema comes from: a registry subject or a file (relative to the contract). Both empty: what
// each event says of its schema is enough.
type SchemaRef struct {
	Subject  string
	File     string
	Text     string `json:",omitempty"` // what File holds; Load reads it, so that it counts in the digests
	Encoding string `json:",omitempty"` // "" for what each event shows
}

// The encodings: how an event or a key names the schema that wrote it.
const (
	EncodingConfluent    = "confluent"
	EncodingSingleObject = "single_object"
	EncodingRaw          = "raw"
	EncodingText         = "text" // of keys only: no Avro
)

// Fields maps roles to field paths ("a.b.c" walks records and maps; $key and $key.a the record's key; $header.name one of its
// headers). "" means the stream doesn't carry it.
type Fields struct {
	ID       string
	Time     string
	Version  string
	Score    string
	Decision string
	Latency  string
	Lineage  string
	Label    string
	Low      string `json:",omitempty"` // regression: the interval that was predicted
	High     string `json:",omitempty"`
	Reasons  string `json:",omitempty"` // reason codes of the decision
}

// InputKind is the kind of values an input holds.
type InputKind string

// The input kinds.
const (
	Numeric     InputKind = "numeric"
	Categorical InputKind = "categorical"
	Identifier  InputKind = "identifier"
	Timestamp   InputKind = "timestamp"
	Boolean     InputKind = "boolean"
	Text        InputKind = "text"
	Vector      InputKind = "vector"
)

// Input is one feature the model reads and what is promised of it.
type Input struct {
	Name        string
	Kind        InputKind
	Path        string // field path; the name itself by default
	Unit        string
	Range       *Range
	Missing     *float64 // largest allowed share, 0..1
	Values      []string // closed list (categorical)
	Unique      bool     // identifier
	Components  int      `json:",omitempty"` // how many of a vector's numbers are watched one by one, up to MaxComponents
	IgnoreBelow IgnoreBelow
}

// MaxComponents is how many numbers of a vector can be watched one by one. Each is a column of its own: it is counted, described and
// judged as a numeric input is.
const MaxComponents = 64

// Range is a closed interval.
type Range struct{ Min, Max float64 }

// Derived is a column computed by CEL from the inputs.
type Derived struct {
	Name string
	Expr string
}

// Rule is a CEL condition that every event should meet.
type Rule struct {
	Name string
	Expr string
}

// Protected is an attribute fairness is judged by.
type Protected struct {
	Attribute     string // an input, a derived column or a field of the prediction stream; with a Path, what that is called
	Privileged    string // the value others are compared with; "" for the largest group
	Justification string
	Path          string `json:",omitempty"` // field path in the prediction's event of an attribute that the model doesn't read, or in that of From
	From          string `json:",omitempty"` // FromAttributes: the value comes from Streams.Attributes
}

// FromAttributes says that a protected attribute comes from a stream of its own, see Streams.Attributes.
const FromAttributes = "attributes"

// Costs prices one decision, in Currency; a benefit is negative.
type Costs struct {
	Currency                                                 string
	FalsePositive, FalseNegative, TruePositive, TrueNegative float64
}

// Decision says how a score becomes a decision: score >= Threshold is positive; Cheapest searches the threshold by cost.
// Without either, the event's own decision field counts.
type Decision struct {
	Threshold *float64
	Cheapest  bool
}

// Promise is an agreed limit on a metric: a limit, an SLA or a KPI.
type Promise struct {
	Metric      string
	Max         *float64 // in the metric's base unit (seconds, share, currency)
	Min         *float64
	MaxIncrease *float64 // relative to the reference, 0.5 = 50 %
	Over        Duration
	By          []string
	Of          string   `json:",omitempty"` // of reason_code_coverage, which decisions: NegativeDecisions, PositiveDecisions or AllDecisions
	Then        []string // page, ticket, retrain
	Agreed      []string
	Until       Date   // zero: no end
	Expr        string // CEL, for KPIs of one's own
	Line        int    // where it stands in the file
}

// The decisions that a promise on reason codes can be made of.
const (
	NegativeDecisions = "negative"
	PositiveDecisions = "positive"
	AllDecisions      = "all" // every prediction, with a decision or without one
)

// Watch says what is compared with what, and how often a false alarm is acceptable.
type Watch struct {
	Reference Reference
	Pane      Duration // default 1h
	Lateness  Duration // allowed lateness of events within their partition; default 5m
	// FaultLateness is the same for the faults that are told before a pane ends, at most Lateness; nil: FaultsAfter.
	FaultLateness *Duration `json:",omitempty"`
	Windows       []Duration
	FalseAlarms   FalseAlarms
	IgnoreBelow   IgnoreBelow
	Calendar      []CalendarEntry
}

// FaultsAfter is how late an event may be for the faults that are told before a pane ends: what the contract says, else five seconds or Lateness if
// that is shorter.
func (w *Watch) FaultsAfter() Duration {
	if w.FaultLateness != nil {
		return *w.FaultLateness
	}
	return min(defaultFaultLateness, w.Lateness)
}

// Reference is the data that counts as good: exactly one of a range of event time [From, To), a file, the last Rolling
// duration, or a named baseline.
type Reference struct {
	From, To Date
	File     string
	Rolling  Duration
	Baseline string
}

// FalseAlarms is the budget for the whole model, in alarms per day. Defaults: pages 1/30d, tickets 4/30d.
type FalseAlarms struct {
	Pages, Tickets float64
}

// IgnoreBelow is what is too small to matter. A zero field inherits: input -> watch -> 0.05 sd, 5 %, 0.5 pp.
type IgnoreBelow struct {
	Shift  float64 // in reference standard deviations
	Spread float64 // relative change of the standard deviation
	Rate   float64 // absolute change of a share
}

// CalendarEntry is a declared odd period [From, To): nothing is learnt and no evidence gathered.
type CalendarEntry struct {
	Name     string
	From, To Date
}

// Route says who is told what, and when.
type Route struct {
	When      RouteMatch
	After     Duration `json:",omitempty"` // only once nobody has acknowledged it for so long
	Digest    string   `json:",omitempty"` // daily or weekly: only as a summary
	At        *Clock   `json:",omitempty"` // of a digest, in When.Zone; nil: nine o'clock
	PagerDuty string
	Slack     string
	Webhook   string
	Email     string
}

// RouteMatch limits a route; empty fields match all.
type RouteMatch struct {
	Severity string // page, ticket, info
	Role     string
	Slice    map[string]string
	Hours    *Hours   `json:",omitempty"`
	Days     []string `json:",omitempty"` // mon, tue, ...
	Zone     string   `json:",omitempty"` // of the IANA time zone database; "" is UTC
}

// Clock is a time of day in minutes since midnight.
type Clock int

// Hours are the times of a day from From on and before To; where To isn't later, they go on past midnight.
type Hours struct{ From, To Clock }

// Retrain says when a retraining trigger is published.
type Retrain struct {
	Topic    string
	On       []string // calibration, performance, drift, or a rule's name
	Cooldown Duration
	Budget   string
	Results  string   `json:",omitempty"` // topic that retraining reports on; "" is DefaultResults
	Window   Duration `json:",omitempty"` // least length of the training window that is suggested; 0 is four weeks
	Hold     *Hold    `json:",omitempty"`
}

// DefaultResults is the topic that retraining reports on where a contract names none.
const DefaultResults = "retrain.results"

// Hold is what people say against retraining.
type Hold struct {
	By, Why string
	Until   Date `json:",omitzero"` // zero: until it is taken out of the contract
}
