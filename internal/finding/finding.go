package finding

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is the value of a finding's "kind".
const Kind = "finding"

// Verdict is what was concluded.
type Verdict string

// The verdicts.
const (
	Drift      Verdict = "drift"      // moved by more than what is too small to matter
	Equivalent Verdict = "equivalent" // back within, or shown to be within, the tolerance
	Undecided  Verdict = "undecided"  // too few events to say
	Learning   Verdict = "learning"   // the reference is too short to judge by
	Superseded Verdict = "superseded" // an alarm that is over because another plan took over: nothing can show any more that it recovers
	Breach     Verdict = "breach"     // a promise of the contract is broken
	Fault      Verdict = "fault"      // a hard data fault
)

// Severity is how loudly to say it.
type Severity string

// The severities.
const (
	Page   Severity = "page"
	Ticket Severity = "ticket"
	Info   Severity = "info"
)

// Finding is one verdict.
type Finding struct {
	KindName    string            `json:"kind"`
	ID          string            `json:"id"`
	Model       string            `json:"model"`
	Version     string            `json:"version"`
	At          time.Time         `json:"at"` // event time from which it could be known
	Window      Window            `json:"window"`
	Onset       time.Time         `json:"onset"` // first window of the run that led to it
	Slice       map[string]string `json:"slice"`
	Subject     string            `json:"subject"` // an input, "score", "volume", "outcome", a rule, a promise
	Channel     string            `json:"channel"` // location, scale, shape, distribution, level, missing, invalid, range, out_of_range, category, new_category, off_atom, rule, volume, label_rate, labelled_share, constant, calibration, performance, cost, promise, fairness, fairness_outcomes, coverage
	Metric      string            `json:"metric"`  // names its unit where it has one
	Value       Number            `json:"value"`
	Reference   Number            `json:"reference"`
	IgnoreBelow Number            `json:"ignore_below"`
	Threshold   Number            `json:"threshold"`
	N           Sizes             `json:"n"`
	Evidence    Evidence          `json:"evidence"`
	Verdict     Verdict           `json:"verdict"`
	Severity    Severity          `json:"severity"`
	Cause       string            `json:"cause,omitempty"`     // of a change of outcomes, as far as their counts tell: concept_drift, prior_shift, input_drift, concept_drift_or_prior_shift
	Numbers     []Figure          `json:"numbers,omitempty"`   // the few that convince a person
	Diagnosis   *Diagnosis        `json:"diagnosis,omitempty"` // what broke, where that has a name
	Impact      *Impact           `json:"impact,omitempty"`
	Baseline    string            `json:"baseline"`
	Contract    string            `json:"contract"`
	Offsets     Offsets           `json:"offsets,omitempty"`
}

// Window is a half-open interval of event time.
type Window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Sizes are the events on both sides of a comparison.
type Sizes struct {
	Reference int64 `json:"reference"`
	Current   int64 `json:"current"`
}

// Evidence is how far the value lies beyond what the reference did by itself, and what is asked for an alarm, as decimal logarithms: of outcomes and of
// inputs judged pane by pane the odds against it; of drift the hours of the false-alarm budget that the evidence is worth, of several streams together where
// they alarm together.
type Evidence struct {
	Log10  Number `json:"log10"`
	Needed Number `json:"needed"`
	Joint  bool   `json:"joint,omitempty"` // of several streams together, none of which has enough by itself
}

// Figure is one number a person is shown: name, then against now.
type Figure struct {
	Name   string `json:"name"`
	Before Number `json:"before"`
	Now    Number `json:"now"`
	Unit   string `json:"unit,omitempty"`
}

// Diagnosis is what is thought to have happened to the subject, from exact counts of the reference and since the onset.
type Diagnosis struct {
	Kind       string            `json:"kind"`       // as an incident's cause.kind
	Sentence   string            `json:"sentence"`   // "income is 100 times larger"; since when, the finding's onset says
	Confidence Number            `json:"confidence"` // the part of the change that it explains, from 0 to 1
	Parameters map[string]string `json:"parameters"` // factor, offset, value, share, with, hours, step, to ...
	Subjects   []string          `json:"subjects"`   // the columns that it happened to
	Slice      map[string]string `json:"slice,omitempty"`
	Lineage    string            `json:"lineage,omitempty"`     // the job and version it lies in, where events carry that and the contract slices by it
	NewLineage bool              `json:"new_lineage,omitempty"` // it lies in events of jobs and versions that the reference doesn't know
	Fix        string            `json:"fix"`
	Evidence   []string          `json:"evidence"`
	Against    []string          `json:"against"`
	Corruption bool              `json:"corruption"` // broken data, which no model must learn from
}

// The bases of prices.
const (
	Measured  = "measured"  // from outcomes
	Estimated = "estimated" // from scores, as if they meant what they did
)

// Impact is what it costs, in the contract's currency.
type Impact struct {
	Currency string    `json:"currency"`
	PerDay   Number    `json:"per_day"`
	Band     [2]Number `json:"band"` // 95 % band of PerDay
	SoFar    Number    `json:"so_far"`
	Basis    string    `json:"basis"` // Measured | Estimated
	Burn     *Burn     `json:"burn,omitempty"`
}

// Burn is what decisions cost against what is allowed for them.
type Burn struct {
	Rate Number `json:"rate"` // 1: what is allowed lasts exactly
	Low  Number `json:"low"`  // lower bound of the 95 % band
	Of   string `json:"of"`   // budget: what the promise on expected_cost allows beyond the reference; reference: a multiple of the reference's cost
}

// What a Burn is against.
const (
	OfBudget    = "budget"
	OfReference = "reference"
)

// Offsets are the smallest and largest source offset of the window's own events, by topic and partition. They say where the
// events lie and enter no id.
type Offsets map[string]map[string][2]int64

// Seal fills in kind and id.
func (f *Finding) Seal() error {
	f.KindName, f.ID = Kind, ""
	if f.Slice == nil {
		f.Slice = map[string]string{}
	}
	at := f.Offsets
	f.Offsets = nil
	b, err := json.Marshal(f)
	f.Offsets = at
	if err != nil {
		return fmt.Errorf("encode finding on %s: %w", f.Subject, err)
	}
	sum := sha256.Sum256(b)
	f.ID = hex.EncodeToString(sum[:8])
	return nil
}

// Signal names what the finding is about: the same signal keeps its name over time.
func (f *Finding) Signal() string {
	return f.Channel + "\x00" + f.Subject + "\x00" + f.Metric + "\x00" + SliceKey(f.Slice)
}

// Alarming reports whether the verdict asks for somebody's attention.
func (f *Finding) Alarming() bool {
	return f.Verdict == Drift || f.Verdict == Breach || f.Verdict == Fault
}

// Compare orders findings by time, then by what they are about: a total order that doesn't depend on how they arrived.
func Compare(a, b Finding) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Signal(), b.Signal()), cmp.Compare(a.ID, b.ID))
}

// SliceKey renders a slice in one canonical line; "" is the whole. Two slices have two keys: a name or value that could be
// taken for more than itself stands in quotes.
func SliceKey(s map[string]string) string {
	if len(s) == 0 {
		return ""
	}
	keys := make([]string, 0, len(s))
	for k := range s {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var out strings.Builder
	for i, k := range keys {
		if i > 0 {
			out.WriteString(", ")
		}
		out.WriteString(plain(k) + "=" + plain(s[k]))
	}
	return out.String()
}

func plain(s string) string {
	if strings.ContainsAny(s, "=,\"\x00") {
		return strconv.Quote(s)
	}
	return s
}
