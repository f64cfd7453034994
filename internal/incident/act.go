package incident

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// KindAct is the value of an act's "kind".
const KindAct = "act"

// Verb is what a person does to an incident.
type Verb string

// The verbs.
const (
	Acknowledge Verb = "acknowledge"
	Mitigate    Verb = "mitigate"
	Resolve     Verb = "resolve"
	Reopen      Verb = "reopen"
	Assign      Verb = "assign"    // to Assignee; "" gives it back to its owner
	Remark      Verb = "comment"   // Comment
	Hush        Verb = "silence"   // until Until; of a whole model, if Model is named instead of an incident
	Unhush      Verb = "unsilence" // the alerter does it when a silence ends
	Merge       Verb = "merge"     // with Into, which goes on
	Split       Verb = "split"     // Subjects leave for an incident of their own
	Judge       Verb = "verdict"   // Verdict
)

// Verbs are all of them.
func Verbs() []Verb {
	return []Verb{Acknowledge, Mitigate, Resolve, Reopen, Assign, Remark, Hush, Unhush, Merge, Split, Judge}
}

// The changes that people make, beside Closed and Reopened.
const (
	Acked      Change = "acknowledged"
	Contained  Change = "mitigated"
	Assigned   Change = "assigned"
	Commented  Change = "commented"
	Silenced   Change = "silenced"
	Unsilenced Change = "unsilenced"
	Merged     Change = "merged" // another incident into it, or it into another
	Parted     Change = "split"  // signals left it, or made it
	Judged     Change = "judged"
)

// Explained is the change that a change event makes, which came before an incident's onset and was heard of only then.
const Explained Change = "explained"

// Act is what a person did, as the ledger keeps it. The same act again, by its id, changes nothing.
type Act struct {
	KindName string    `json:"kind"`
	ID       string    `json:"id"`                // given by who sends it
	At       time.Time `json:"at"`                // by the alerter's clock: when it was taken
	Happened time.Time `json:"happened,omitzero"` // by the clock of where it was done, which may be long before; none: as it was taken
	Actor    string    `json:"actor"`
	Verb     Verb      `json:"verb"`
	Incident string    `json:"incident,omitempty"`
	Model    string    `json:"model,omitempty"` // of silence and unsilence, instead of an incident
	Comment  string    `json:"comment,omitempty"`
	Assignee string    `json:"assignee,omitempty"`
	Until    time.Time `json:"until,omitzero"`
	Into     string    `json:"into,omitempty"`
	Subjects []string  `json:"subjects,omitempty"`
	Verdict  Alarm     `json:"verdict,omitempty"`
}

// What an act may be refused for.
var (
	ErrAct      = errors.New("the act is not complete")
	ErrUnknown  = errors.New("there is no such incident")
	ErrConflict = errors.New("the incident doesn't allow it")
)

const (
	mostComment = 4000                // bytes
	mostName    = 200                 // bytes, of ids and people
	mostSilence = 90 * 24 * time.Hour // what has to be silent for longer needs another contract
)

// Check says what is wrong with an act by itself: an ErrAct.
func (a *Act) Check() error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrAct}, args...)...)
	}
	model := a.Model != "" && (a.Verb == Hush || a.Verb == Unhush)
	switch {
	case !slices.Contains(Verbs(), a.Verb):
		return wrong("verb %q is none of %s", a.Verb, verbList())
	case !Named(a.ID) || !Named(a.Actor):
		return wrong("it needs an id and an actor, up to %d bytes of printable text each", mostName)
	case a.At.IsZero():
		return wrong("it has no time")
	case !a.Happened.IsZero() && (a.Happened.UTC().Year() < 1970 || a.Happened.UTC().Year() > 9999):
		return wrong("happened is a time between 1970 and 9999")
	case len(a.Comment) > mostComment || !utf8.ValidString(a.Comment) || strings.ContainsRune(a.Comment, 0):
		return wrong("a comment is text of up to %d bytes", mostComment)
	case a.Model != "" && !model:
		return wrong("%s is about an incident, not about a model", a.Verb)
	case (a.Incident == "") == (a.Model == ""):
		return wrong("it has to name an incident, or of a silence a model")
	case a.Verb == Remark && strings.TrimSpace(a.Comment) == "":
		return wrong("a comment says something")
	case a.Assignee != "" && (a.Verb != Assign || !Named(a.Assignee)):
		return wrong("assignee is who is assigned, up to %d bytes of printable text", mostName)
	case a.Verb == Hush && (!a.Until.After(a.At) || a.Until.Sub(a.At) > mostSilence):
		return wrong("a silence ends later than now and within %d days", int(mostSilence.Hours()/24))
	case (a.Into != "") != (a.Verb == Merge) || a.Into != "" && a.Into == a.Incident:
		return wrong("merge names the other incident by into")
	case (len(a.Subjects) > 0) != (a.Verb == Split):
		return wrong("split names by subjects what leaves")
	case (a.Verdict != "") != (a.Verb == Judge) || a.Verdict != "" && a.Verdict != TrueAlarm && a.Verdict != FalseAlarm:
		return wrong("verdict is %s or %s", TrueAlarm, FalseAlarm)
	}
	return nil
}

func verbList() string {
	var out []string
	for _, v := range Verbs() {
		out = append(out, string(v))
	}
	return strings.Join(out, ", ")
}

// Named reports whether s can stand for a person or an act on one line.
func Named(s string) bool {
	return s != "" && len(s) <= mostName && utf8.ValidString(s) && strings.TrimSpace(s) == s &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// when is the time that an act counts from: its own, if it was done before it was taken.
func (a *Act) when() time.Time {
	if !a.Happened.IsZero() && a.Happened.Before(a.At) {
		return a.Happened
	}
	return a.At
}

// same reports whether two acts say the same, whenever they came.
func (a *Act) same(b *Act) bool {
	return a.Verb == b.Verb && a.Actor == b.Actor && a.Incident == b.Incident && a.Model == b.Model && a.Comment == b.Comment && a.Assignee == b.Assignee &&
		a.Until.Equal(b.Until) && a.Happened.Equal(b.Happened) && a.Into == b.Into && slices.Equal(a.Subjects, b.Subjects) && a.Verdict == b.Verdict
}
