package plan

import (
	"slices"
	"time"
)

// Format is the version of the plan record this build writes; it reads all from oldest on.
//
//   - 2: From is the event time from which the plan is in force; Learns; the shares of decisions, from which any costs are
//     priced, in place of the one expected cost.
//   - 3: Projection.Schema, Encoding and Key; Field.From.
//   - 4: Drift.
//   - 5: Drift with slices; DriftLabels; Wide; the time that predictions took is a column; Accepted, Policy.Asked, Fairness.
//   - 6: Concept.
//   - 7: DriftLabelled; Diagnosis; Score.Missing, Arrived. Builds before it refuse a plan that has one of them.
//   - 8: FaultLateness, and with it shorter moments.
const Format = 8

const oldest = 3

// Plan is a contract compiled against a baseline: everything the services need to count and to judge, and nothing of the
// YAML. It is published once on the plans topic; its digest names it in every record that depends on it.
type Plan struct {
	Format   int       `json:"format"`
	Model    string    `json:"model"`
	Contract string    `json:"contract"` // digest of the contract
	Learns   string    `json:"learns"`   // digest of the parts of the contract that the plan is learnt by; the rest is policy
	Baseline string    `json:"baseline"` // digest of the baseline
	From     time.Time `json:"from"`     // in force from this event time, see History; the boundary of a test pane

	Prediction Projection  `json:"prediction"`
	Outcome    *Projection `json:"outcome,omitempty"`
	Columns    []Column    `json:"columns"` // what is counted: inputs, derived columns, the score, the latency
	Score      *Score      `json:"score,omitempty"`
	Slices     []Dimension `json:"slices,omitempty"` // the finest cell is the cross of all of them
	Groups     [][]int     `json:"groups,omitempty"` // what the contract asks for: indices into Slices
	Rules      []Rule      `json:"rules,omitempty"`

	Pane      time.Duration `json:"pane"`       // what fragments carry
	TestPane  time.Duration `json:"test_pane"`  // what one test judges, a multiple of Pane
	TruthPane time.Duration `json:"truth_pane"` // the same for outcomes, a multiple of TestPane
	Lateness  time.Duration `json:"lateness"`   // allowed, within a partition
	// FaultLateness is the same for hard faults, which are told before a pane ends; at most Lateness. nil: an earlier build made the plan, for which it is Lateness.
	FaultLateness *time.Duration `json:"fault_lateness,omitempty"`
	Keep          time.Duration  `json:"keep"`             // between a prediction's and its outcome's event times
	MatureAfter   time.Duration  `json:"mature_after"`     // after a pane's end
	Sample        float64        `json:"sample,omitempty"` // share of the ids whose outcomes are joined; 0: all
	Reference     Span           `json:"reference"`
	ReferenceRows int64          `json:"reference_rows"`
	Unjudged      []string       `json:"unjudged,omitempty"` // what the contract asks for and this build counts at most

	// Drift is what the sequential engine has learnt of the reference, see package drift. None: the reference is too short for it, or a
	// build of an earlier format learnt the plan; then inputs are judged pane by pane.
	Drift []byte `json:"drift,omitempty"`
	// DriftLabels is the same of the share of positive outcomes.
	DriftLabels []byte `json:"drift_labels,omitempty"`
	// DriftLabelled is the same of the share of predictions that get an outcome, as a whole and by score.
	DriftLabelled []byte `json:"drift_labelled,omitempty"`
	// Concept is the same of what scores mean, as a whole and by slice, see drift.LearnCalibration. None: the reference holds too few outcomes.
	Concept []byte `json:"concept,omitempty"`
	// Diagnosis is what is kept of the reference to say what broke, see diagnose.Append. None: an earlier build learnt the plan; then causes that take more
	// than the plan's own bins have no name.
	Diagnosis []byte `json:"diagnosis,omitempty"`
	// Wide is the length of the windows that are held against the reference itself, a multiple of TestPane: what moves slowly, the sequential
	// engine takes for usual. 0: the reference holds too few.
	Wide time.Duration `json:"wide,omitempty"`

	// Reasons is the field, into Prediction.Fields, that says whether a prediction gives reason codes; nil where the contract names none. Builds
	// before it refuse such a plan.
	Reasons *int `json:"reasons,omitempty"`

	// Fairness is what groups are compared by; nil where the contract protects no attribute. Builds before it refuse such a plan.
	Fairness *Fairness `json:"fairness,omitempty"`

	// Attributes is the stream that protected attributes come from which the prediction's events don't carry; nil where there is none. Builds before
	// it refuse such a plan.
	Attributes *Attributes `json:"attributes,omitempty"`

	Positive string `json:"positive"` // the label that counts as 1

	// IDs is the key by which event ids are hashed for the join, as 32 hex digits: that of the model's first plan, for outcomes find
	// predictions that were counted under another one. "": by SHA-256, as plans from before this field have it.
	IDs string `json:"ids,omitempty"`

	Policy Policy `json:"policy"`

	// Accepted says that a person made what the model did its normal; nil where the contract's reference is. Like the policy it is not in
	// the digest: who said so, and why, changes nothing that is counted.
	Accepted *Accepted `json:"accepted,omitempty"`

	digest string // set by Seal
}

// Span is a half-open interval of event time.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Projection is what is read from the events of one stream.
type Projection struct {
	Topic   string `json:"topic"`
	Subject string `json:"subject,omitempty"`
	Where   string `json:"where,omitempty"` // CEL; "" takes all
	// Schema is the Avro schema that the contract names, as it was when the plan was learnt: it gives former names and defaults
	// of fields that an event's own schema lacks, and reads raw events. "" if the contract names none.
	Schema   string   `json:"schema,omitempty"`
	Encoding Encoding `json:"encoding,omitempty"` // of the value
	Key      *Key     `json:"key,omitempty"`      // how record keys are read, if some field is in them
	Fields   []Field  `json:"fields"`
	Roles    Roles    `json:"roles"`
}

// Field is one value read from an event, or computed from others.
type Field struct {
	Name string   `json:"name"`
	Path []string `json:"path,omitempty"` // into the Avro record; nil where Expr is set
	Kind Kind     `json:"kind"`
	Expr string   `json:"expr,omitempty"` // CEL over the fields before it
	// Boolean: a Number that expressions see as true or false.
	Boolean bool `json:"boolean,omitempty"`
	// Of is what of the value is read: Kind is that of the measure.
	Of Measure `json:"of,omitempty"`
	// From is where the field is read from: the value, the record's key, or one of its headers, whose name is the path's only
	// step.
	From Origin `json:"from,omitempty"`
}

// InValue reports whether f is read from an event's value: neither computed, nor from its key or a header.
func (f *Field) InValue() bool { return f.Expr == "" && f.From == FromValue }

// Origin is a part of a record.
type Origin string

// The origins.
const (
	FromValue  Origin = ""
	FromKey    Origin = "key"
	FromHeader Origin = "header"
	// FromAttributes is the attributes' stream: the prediction's event never has it, so that it is missing wherever predictions are counted.
	FromAttributes Origin = "attributes"
)

// Encoding is how an Avro value or key names the schema that wrote it.
type Encoding string

// The encodings.
const (
	AsFound      Encoding = ""              // as the record itself shows: a header, or the first bytes
	Confluent    Encoding = "confluent"     // a registry's id, in front of the value or in a header of the record
	SingleObject Encoding = "single_object" // the schema's fingerprint, in front of the value
	Raw          Encoding = "raw"           // nothing: Projection.Schema, or Key.Schema, wrote it
	Text         Encoding = "text"          // of keys only: no Avro, the whole key is one text
)

// Key says how record keys are read.
type Key struct {
	Encoding Encoding `json:"encoding,omitempty"`
	Subject  string   `json:"subject,omitempty"`
	Schema   string   `json:"schema,omitempty"`
}

// Kind is the physical kind of a decoded column.
type Kind string

// The physical kinds. Number holds float64 (booleans as 0 and 1, timestamps as seconds since the Unix epoch); String holds
// text, enum symbols, bytes and uuids; Time holds microseconds since the Unix epoch.
const (
	Number Kind = "number"
	String Kind = "string"
	Time   Kind = "time"
)

// Roles are indices into Fields; -1 where the stream has none.
type Roles struct {
	ID       int `json:"id"`
	Time     int `json:"time"`
	Version  int `json:"version"`
	Score    int `json:"score"`
	Decision int `json:"decision"`
	Latency  int `json:"latency"`
	Lineage  int `json:"lineage"`
	Label    int `json:"label"`
}

// NoRoles has every role unset.
func NoRoles() Roles { return Roles{-1, -1, -1, -1, -1, -1, -1, -1} }

// Column is one counted column: which field it reads and the frozen layout of its counters.
type Column struct {
	Name      string      `json:"name"`
	Field     int         `json:"field"` // into Prediction.Fields
	Layout    Layout      `json:"layout"`
	Ignore    Ignore      `json:"ignore_below"`
	Range     *[2]float64 `json:"range,omitempty"`   // promised
	Missing   *float64    `json:"missing,omitempty"` // promised largest share
	Values    []string    `json:"values,omitempty"`  // promised closed list
	Reference Reference   `json:"reference"`
}

// Ignore is the smallest effect that matters.
type Ignore struct {
	Shift  float64 `json:"shift"`  // in reference standard deviations
	Spread float64 `json:"spread"` // relative
	Rate   float64 `json:"rate"`   // absolute change of a share
}

// Layout says how a column's values are binned. It is frozen with the baseline.
type Layout struct {
	Categorical bool `json:"categorical,omitempty"`
	// Numeric: upper edges, ascending, right-closed: bin i holds (Edges[i-1], Edges[i]]; len(Edges)+1 bins. Lo and Hi are the
	// smallest and largest reference value: what lies outside is counted apart as well as in the end bins.
	Edges []float64 `json:"edges,omitempty"`
	Lo    float64   `json:"lo"`
	Hi    float64   `json:"hi"`
	// Categorical: bin i is Categories[i], the last bin holds every other value. Known lists every other value the reference
	// had (so that a value in neither is new).
	Categories []string `json:"categories,omitempty"`
	Known      []string `json:"known,omitempty"`
	// Open: the reference had more rare categories than Known lists; then nothing is called new.
	Open bool `json:"open,omitempty"`
	// Empty: the reference had no usable value; only missing and invalid are counted.
	Empty bool `json:"empty,omitempty"`
}

// Bins is the number of bins of l.
func (l *Layout) Bins() int {
	switch {
	case l.Empty:
		return 0
	case l.Categorical:
		return len(l.Categories) + 1
	default:
		return len(l.Edges) + 1
	}
}

// Constant reports whether the reference held a single value.
func (l *Layout) Constant() bool {
	if l.Empty {
		return false
	}
	if l.Categorical {
		return len(l.Categories) == 1 && len(l.Known) == 0
	}
	return l.Lo == l.Hi
}

// Reference is what the baseline knows of one column: totals over the reference, and how panes of the test's own length
// scattered in it.
type Reference struct {
	N       int64   `json:"n"` // rows
	Missing int64   `json:"missing"`
	Invalid int64   `json:"invalid"`
	Broken  int64   `json:"broken"` // outside what the contract promises
	Bins    []int64 `json:"bins,omitempty"`
	Mean    float64 `json:"mean"`
	Null    Null    `json:"null"`           // of the cube root of PSI per test pane
	Wide    *Null   `json:"wide,omitempty"` // the same per window of Plan.Wide; none: there are too few
	Singles int64   `json:"singles"`        // categories seen once (Good 1953)
}

// Null is how a statistic scattered over the reference's own panes.
type Null struct {
	Panes int     `json:"panes"` // how many panes the reference held; below 8 nothing is claimed
	Mean  float64 `json:"mean"`
	SD    float64 `json:"sd"`
	Deff  float64 `json:"deff,omitempty"` // design effect (Rao & Scott 1981), >= 1
}

// Task says what a model answers, and so what its outcomes are counted as.
type Task string

// The tasks.
const (
	TwoClasses Task = "" // binary: a probability and a decision
	Classes    Task = "multiclass"
	Numbers    Task = "regression"
)

// Score is the layout of the labelled counts and what the reference showed of them.
type Score struct {
	Task     Task     `json:"task,omitempty"`
	Classes  []string `json:"classes,omitempty"`  // multiclass: their names; outcomes and decisions say one of them
	Each     []int    `json:"each,omitempty"`     // multiclass: the fields that hold the probability of each class, by class
	Interval *[2]int  `json:"interval,omitempty"` // regression: the fields that hold the bounds of the predicted interval
	Floor    float64  `json:"floor,omitempty"`    // regression: what is too small to matter of an error, in the label's own unit

	Edges      []float64 `json:"edges"` // upper edges, right-closed, over the score
	Threshold  float64   `json:"threshold"`
	Own        bool      `json:"own"`        // the event's own decision field decides, not the threshold
	Labels     int64     `json:"labels"`     // joined outcomes in the reference
	Dispersion float64   `json:"dispersion"` // of outcomes given the score, >= 1

	Missing MissingOutcomes `json:"missing,omitempty"` // which predictions get no outcome
	Arrived *Arrived        `json:"arrived,omitempty"` // positives only: how many of them have come when a cohort is mature; nil: the reference doesn't tell

	Views []View `json:"views"` // the whole first, then the slices the contract asks for
}

// MissingOutcomes says which predictions get no outcome, as the contract states it.
type MissingOutcomes string

// What may be missing.
const (
	Unstated           MissingOutcomes = ""
	AtRandomGivenScore MissingOutcomes = "at_random_given_score"
	PositivesOnly      MissingOutcomes = "positives_only"
)

// Arrived is the delay law of positive outcomes at the one age that cohorts are judged at: of all that came within Keep, how many had come when
// their cohort was mature. It is counted over those predictions of the reference that nothing can reach any more.
type Arrived struct {
	OnTime int64 `json:"on_time"`
	All    int64 `json:"all"`
}

// Share is OnTime of All.
func (a *Arrived) Share() float64 { return float64(a.OnTime) / float64(a.All) }

// ScoreBands is how many stretches of scores selection is followed by.
const ScoreBands = 4

// Band is which of at most ScoreBands stretches of scores a bin lies in. Bins hold about as many predictions of the reference each, and so do bands.
func (s *Score) Band(bin int) int { return bin * s.Bands() / s.Bins() }

// Bands is how many there are.
func (s *Score) Bands() int { return min(ScoreBands, s.Bins()) }

// Bins is the number of score bins.
func (s *Score) Bins() int { return len(s.Edges) + 1 }

// FirstPositive is the first bin that the threshold decides positive; no bin holds both decisions.
func (s *Score) FirstPositive() int {
	at, _ := slices.BinarySearch(s.Edges, s.Threshold) // edges are the largest score of their bin: the first that reaches the threshold
	return at
}

// Binary reports whether there is a score, and it is a binary model's: only then it is counted by itself.
func (s *Score) Binary() bool { return s != nil && s.Task == TwoClasses }

// View is one way to look at the labelled counts: the whole, or one slice.
type View struct {
	Dims    []int               `json:"dims,omitempty"`  // into Slices
	Codes   []int               `json:"codes,omitempty"` // values of those dimensions, as sketch.SliceCode writes them
	Slice   map[string]string   `json:"slice,omitempty"` // the same for people
	Metrics map[string]Measured `json:"metrics"`         // by name, all but the expected cost
	Shares  *Shares             `json:"shares,omitempty"`
}

// Measured is what the reference showed of one metric.
type Measured struct {
	Value float64 `json:"value"` // over the whole reference
	Null  Null    `json:"null"`  // over its truth panes
}

// Shares is what the reference showed of how decisions turned out: the shares of true positives, false positives, false
// negatives and true negatives, in this order, over all of it and over its truth panes. Any expected cost is linear in them,
// so that other costs need no learning anew.
type Shares struct {
	Value [4]float64    `json:"value"`
	Panes int           `json:"panes"`
	Mean  [4]float64    `json:"mean"`
	Cov   [4][4]float64 `json:"cov"` // sample covariance, divided by Panes - 1
}

// Dimension is one slice dimension: a string column and the values it is counted by; what is beyond goes to "other".
type Dimension struct {
	Name   string   `json:"name"`
	Field  int      `json:"field"` // into Prediction.Fields
	Values []string `json:"values"`
}

// Rule is a CEL condition; events that break it are counted.
type Rule struct {
	Name  string  `json:"name"`
	Expr  string  `json:"expr"`
	Share float64 `json:"share"` // of reference events that broke it
}

// Policy holds what may change without restarting any learning.
type Policy struct {
	Digest   string            `json:"digest"`
	Owners   map[string]string `json:"owners"`
	Costs    *Costs            `json:"costs,omitempty"`
	Promises []Promise         `json:"promises,omitempty"`
	Pages    float64           `json:"pages_per_day"`
	Tickets  float64           `json:"tickets_per_day"`
	Asked    *Asked            `json:"asked,omitempty"` // what the contract asks for, if Pages or Tickets are less; builds before it refuse such a plan
	Runbooks map[string]string `json:"runbooks,omitempty"`
	Calendar []Span            `json:"calendar,omitempty"`
	Cheapest bool              `json:"cheapest,omitempty"` // the threshold is searched by cost over the reference
	Floor    float64           `json:"floor"`              // change of a rate that is too small to matter
	Windows  []time.Duration   `json:"windows,omitempty"`  // what dashboards show beside the latest pane; none: see Shown
	Notify   []Route           `json:"notify,omitempty"`
	Retrain  *Retrain          `json:"retrain,omitempty"`
}

// Shown are the windows that dashboards show: those of the contract, or a day and a week.
func (p *Policy) Shown() []time.Duration {
	if len(p.Windows) > 0 {
		return p.Windows
	}
	return []time.Duration{24 * time.Hour, 7 * 24 * time.Hour}
}

// Costs prices one decision.
type Costs struct {
	Currency      string  `json:"currency"`
	FalsePositive float64 `json:"false_positive"`
	FalseNegative float64 `json:"false_negative"`
	TruePositive  float64 `json:"true_positive"`
	TrueNegative  float64 `json:"true_negative"`
}

// Promise is an agreed limit on a metric over a window.
type Promise struct {
	Metric      string        `json:"metric"`
	Max         *float64      `json:"max,omitempty"`
	Min         *float64      `json:"min,omitempty"`
	MaxIncrease *float64      `json:"max_increase,omitempty"`
	Over        time.Duration `json:"over"`
	By          []int         `json:"by,omitempty"` // into Slices
	Of          string        `json:"of,omitempty"` // of reason codes: which decisions, as contract.Promise has it
	Then        []string      `json:"then"`
	Agreed      []string      `json:"agreed,omitempty"`
	Until       time.Time     `json:"until,omitzero"`
	Expr        string        `json:"expr,omitempty"` // CEL over the metrics of outcomes: then Metric is the contract's own name for it
}

// OddBetween reports whether a stretch of event time, microseconds, holds some of a declared odd period.
func (p *Policy) OddBetween(start, end int64) bool {
	for _, c := range p.Calendar {
		if start < Micros(c.To) && end > Micros(c.From) {
			return true
		}
	}
	return false
}

// wideOdd is which part of a wide window may lie in declared odd periods: what is left of it is to have the hours and days of the week that a whole
// one has, or it lies elsewhere for that alone.
const wideOdd = 28

// OddForWide reports whether a wide window, microseconds, holds too much of declared odd periods to be held against whole ones, or to teach.
func (p *Policy) OddForWide(start, end int64) bool {
	var odd int64
	for _, c := range p.Calendar {
		odd += max(0, min(end, Micros(c.To))-max(start, Micros(c.From)))
	}
	return odd > (end-start)/wideOdd
}

// Odd reports whether an event time lies in a declared odd period: nothing is learnt from it, and no evidence gathered.
func (p *Policy) Odd(us int64) bool {
	for _, c := range p.Calendar {
		if us >= Micros(c.From) && us < Micros(c.To) {
			return true
		}
	}
	return false
}
