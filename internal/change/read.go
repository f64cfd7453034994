package change

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kind is the value of an event's "kind".
const Kind = "change"

// What is the sort of thing that was changed.
type What string

// The sorts.
const (
	Deploy What = "deploy"
	Schema What = "schema"
	Model  What = "model"
	Flag   What = "flag"
	ETL    What = "etl"
	Policy What = "policy"
	Other  What = "other"
)

// Whats are all of them.
func Whats() []What { return []What{Deploy, Schema, Model, Flag, ETL, Policy, Other} }

// Event is one change. Models, Topics and Fields say whom it concerns; where all three are empty it may concern anybody.
type Event struct {
	KindName string    `json:"kind"`
	ID       string    `json:"id"` // the same id again is the same change
	At       time.Time `json:"at"` // when it took effect
	What     What      `json:"what"`
	Name     string    `json:"name"` // of what was changed: a service, job, schema subject, model, flag
	Version  string    `json:"version,omitempty"`
	From     string    `json:"from,omitempty"` // the version before
	Models   []string  `json:"models,omitempty"`
	Topics   []string  `json:"topics,omitempty"` // topics and data sets that it writes
	Fields   []string  `json:"fields,omitempty"` // columns that it writes or changes
	Actor    string    `json:"actor,omitempty"`
	URL      string    `json:"url,omitempty"`
	Comment  string    `json:"comment,omitempty"`

	// Run says that the event is a run of a job, as OpenLineage tells of each: a change only if the version is another than that of the run before.
	Run bool `json:"run,omitempty"`
}

// ErrEvent is what every event that can't be read is.
var ErrEvent = errors.New("this is no change event")

// The bounds of an event, so that nobody makes the alerter remember a book.
const (
	MostBytes  = 256 << 10
	mostNames  = 2000 // models, topics, fields
	mostText   = 300  // bytes of a name
	mostLength = 4000 // bytes of a comment or an address
)

// Read reads a change: the object itself, a CloudEvent (JSON, structured) around it, or a RunEvent of OpenLineage. Unknown keys of the object are
// refused, those of the others are passed over.
func Read(body []byte) (Event, error) {
	if len(body) > MostBytes {
		return Event{}, fmt.Errorf("%w: it has %d bytes; %d are the most", ErrEvent, len(body), MostBytes)
	}
	var look struct {
		SpecVersion *string         `json:"specversion"`
		ID          string          `json:"id"`
		Time        time.Time       `json:"time"`
		Data        json.RawMessage `json:"data"`
		Run         json.RawMessage `json:"run"`
		Job         json.RawMessage `json:"job"`
	}
	if err := json.Unmarshal(body, &look); err != nil {
		// The time of one that isn't a CloudEvent may be anything.
		var kind struct {
			Job json.RawMessage `json:"job"`
		}
		if json.Unmarshal(body, &kind) != nil || kind.Job == nil {
			return Event{}, fmt.Errorf("%w: %w", ErrEvent, err)
		}
		return readRun(body)
	}
	switch {
	case look.Job != nil:
		return readRun(body)
	case look.SpecVersion != nil && look.Data != nil:
		e, err := readObject(look.Data)
		if err != nil {
			return Event{}, err
		}
		if e.ID == "" {
			e.ID = look.ID
		}
		if e.At.IsZero() {
			e.At = look.Time
		}
		return e, e.check()
	default:
		e, err := readObject(body)
		if err != nil {
			return Event{}, err
		}
		return e, e.check()
	}
}

func readObject(body []byte) (Event, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	var e Event
	if err := dec.Decode(&e); err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	if e.KindName != "" && e.KindName != Kind {
		return Event{}, fmt.Errorf("%w: kind is %q, want %q", ErrEvent, e.KindName, Kind)
	}
	e.KindName = Kind
	return e, nil
}

// check says what is missing or too much.
func (e *Event) check() error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrEvent}, args...)...)
	}
	switch y := e.At.UTC().Year(); {
	case e.ID == "":
		return wrong("it has no id")
	case e.Name == "":
		return wrong("it has no name: what was changed?")
	case e.At.IsZero() || y < 1970 || y > 9999:
		return wrong("at is when it took effect, a time between 1970 and 9999")
	case !slices.Contains(Whats(), e.What):
		return wrong("what is %q; want %s", e.What, whatList())
	case len(e.Models)+len(e.Topics)+len(e.Fields) > mostNames:
		return wrong("more than %d models, topics and fields", mostNames)
	case len(e.Comment) > mostLength || len(e.URL) > mostLength || !text(e.Comment) || !text(e.URL):
		return wrong("comment and url are text of up to %d bytes", mostLength)
	}
	for _, s := range slices.Concat([]string{e.ID, e.Name, e.Version, e.From, e.Actor}, e.Models, e.Topics, e.Fields) {
		if len(s) > mostText || !text(s) || strings.ContainsFunc(s, unicode.IsControl) {
			return wrong("names, versions and ids are one line of up to %d bytes", mostText)
		}
	}
	return nil
}

func text(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func whatList() string {
	var out []string
	for _, w := range Whats() {
		out = append(out, string(w))
	}
	return strings.Join(out, ", ")
}
