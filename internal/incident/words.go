package incident

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// stamp is how people are shown an instant.
const stamp = "2006-01-02 15:04"

// title says in one line what broke and since when.
func (e *entry) title() string {
	lead := e.lead()
	onset := e.inc.Onset
	if lead.again {
		onset = lead.last.Onset
	}
	since := onset.UTC().Format(stamp)
	if lead.again {
		since += " (again)"
	}
	switch {
	case e.lane == books && e.delayed():
		return fmt.Sprintf("events of %s waited for the schema registry near %s: they were counted late, and all of them", list(e.names()), since)
	case e.lane == books:
		return fmt.Sprintf("events of %s were lost or counted twice near %s: counts from then on may be wrong", list(e.names()), since)
	case e.lane == truth && lead.last.Channel == "promise":
		return fmt.Sprintf("%s is broken since %s%s", lead.subject, since, inSlice(lead.slice))
	case e.lane == fair || e.lane == equal:
		return e.gapTitle(lead, since)
	case e.lane == truth || e.lane == prior:
		return e.truthTitle(lead, since)
	case e.lane == known:
		return fmt.Sprintf("outcomes are of another selection of predictions, and performance figures with them: %s, since %s", Figure(lead.last.Numbers[0]), since)
	case e.diagnosed() != nil:
		return e.diagnosisTitle(e.diagnosed(), since)
	case e.every("constant"):
		return fmt.Sprintf("%s %s constant, now %s, since %s", list(e.names()), were(e.names()), vary(e.names()), since)
	case e.every("missing") && !(lead.last.Value < 0): // fewer of them aren't that
		return fmt.Sprintf("%s %s missing since %s", list(e.names()), are(e.names()), since)
	case e.lane == level:
		return fmt.Sprintf("%s %s away from the reference since %s", list(e.names()), lie(e.names()), since)
	default:
		return fmt.Sprintf("%s moved away from the reference%s since %s", list(e.names()), inSlice(e.onlySlice()), since)
	}
}

func (e *entry) truthTitle(lead *part, since string) string {
	what := "the model no longer performs as in the reference"
	switch e.cause().Kind {
	case calibration:
		what = "scores no longer match outcomes"
	case conceptDrift:
		what = "concept drift, the same scores mean other outcomes"
	case priorShift:
		what = "prior shift, scores don't know that positives have another share"
	}
	if e.lane == prior {
		what = "outcomes are not as often positive as in the reference"
	}
	if len(lead.last.Numbers) > 0 {
		what += ": " + Figure(lead.last.Numbers[0])
	}
	return fmt.Sprintf("%s, since %s%s", what, since, inSlice(lead.slice))
}

// gapTitle names the attribute, the group and how far it lies from the one it is compared with.
func (e *entry) gapTitle(lead *part, since string) string {
	what := "the gap between groups by " + list(e.names()) + " grew"
	if lead.last.Verdict == finding.Breach {
		what = "a promise on groups by " + list(e.names()) + " is broken"
	}
	if len(lead.last.Numbers) > 0 {
		what += ": " + Figure(lead.last.Numbers[0])
	}
	more := ""
	if n := len(e.signals) - 1; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("%s%s, since %s", what, more, since)
}

// onlySlice is the slice that every signal of the incident is of, if there is one.
func (e *entry) onlySlice() map[string]string {
	for _, p := range e.signals {
		if finding.SliceKey(p.slice) != finding.SliceKey(e.signals[0].slice) {
			return nil
		}
	}
	return e.signals[0].slice
}

func (e *entry) names() []string {
	var out []string
	for _, p := range e.signals {
		if !slices.Contains(out, p.subject) {
			out = append(out, p.subject)
		}
	}
	return out
}

func inSlice(s map[string]string) string {
	if len(s) == 0 {
		return ""
	}
	return " in " + finding.SliceKey(s)
}

// list names a few things and counts the rest.
func list(names []string) string {
	switch n := len(names); {
	case n == 1:
		return names[0]
	case n <= 4:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	default:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), n-3)
	}
}

func were(n []string) string { return plural(n, "was", "were") }
func are(n []string) string  { return plural(n, "is", "are") }
func lie(n []string) string  { return plural(n, "lies", "lie") }
func vary(n []string) string { return plural(n, "varies", "vary") }

func plural(n []string, one, many string) string {
	if len(n) == 1 {
		return one
	}
	return many
}

func signalWords(f *finding.Finding) string {
	return fmt.Sprintf("%s %s%s", f.Subject, f.Metric, inSlice(f.Slice))
}

// Figure says one number: what it was and what it is.
func Figure(f finding.Figure) string {
	unit := ""
	if f.Unit != "" {
		unit = " " + f.Unit
	}
	if !f.Before.Valid() && !f.Now.Valid() { // a word, no number
		return f.Name
	}
	if !f.Before.Valid() {
		return fmt.Sprintf("%s %s%s", f.Name, Short(f.Now), unit)
	}
	return fmt.Sprintf("%s %s%s (was %s)", f.Name, Short(f.Now), unit, Short(f.Before))
}

// Short renders a number with three significant digits, or to the whole number from 1,000 on, without exponents where a
// person would write none; what is smaller than 0.0001 is told with two digits.
func Short(n finding.Number) string {
	v := float64(n)
	switch {
	case !n.Valid():
		return "unknown"
	case v == 0:
		return "0"
	case math.Abs(v) >= 999.5: // what rounds to 1,000
		return thousands(math.Round(v))
	case math.Abs(v) >= 1e-4:
		digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
		s := fmt.Sprintf("%.*f", max(0, digits), v)
		if strings.Contains(s, ".") {
			s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
		}
		return s
	default:
		return fmt.Sprintf("%.2g", v)
	}
}

func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", math.Abs(v))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if v < 0 {
		return "-" + s
	}
	return s
}

// Price says what an incident costs, in one line.
func Price(i *Incident) string {
	p := i.Impact
	if p == nil {
		return "not known: no outcome has priced it"
	}
	from := "outcomes"
	if p.Basis == finding.Estimated {
		from = "scores as if they meant what they did"
	}
	return fmt.Sprintf("%s %s a day (95 %% band %s to %s), %s so far, %s from %s",
		Short(p.PerDay), p.Currency, Short(p.Band[0]), Short(p.Band[1]), Short(p.SoFar), p.Basis, from)
}
