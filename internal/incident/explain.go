package incident

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// Explain tells an incident to somebody who runs no models: what, since when, for whom, what it costs, what was done, and what comes next.
// Lines are whole sentences; now is the time of reading. It says what isn't known.
func Explain(i *Incident, now time.Time) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("Incident %s of model %s: %s.", i.ID, i.Model, i.Title)
	line("")
	line("State     %s", state(i, now))
	line("Weight    %s", weight(i))
	line("Since     %s, noticed %s.", day(i.Onset), noticed(i))
	line("For whom  %s", forWhom(i))
	line("What      %s", what(i))
	line("Cost      %s", costs(i, now))
	line("Cause     %s", why(&i.Cause))
	line("Changes   %s", strings.Join(before(i), "\n          "))
	if r := i.Retraining.Words(); r != "" {
		if strings.HasPrefix(r, "held back") && !i.Status.Active() {
			r = "was " + r
		}
		line("Retrain   %s.", r)
	}
	line("Who       %s", who(i))
	line("Done      %s", strings.Join(done(i), "\n          "))
	line("Next      %s", next(i))
	return b.String()
}

func day(t time.Time) string { return t.UTC().Format(stamp) + " UTC" }

// span is a length of time as people say it: in days from two days on, else in hours or minutes.
func span(d time.Duration) string {
	unit, n := "minute", int(math.Round(d.Minutes()))
	switch {
	case d >= 48*time.Hour:
		unit, n = "day", int(math.Round(d.Hours()/24))
	case d >= 2*time.Hour, n == 60:
		unit, n = "hour", int(math.Round(d.Hours()))
	}
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

func state(i *Incident, now time.Time) string {
	var out string
	switch i.Status {
	case Open:
		out = "open: nobody has taken it yet."
	case OpenAgain:
		out = "it was resolved and came back: nobody has taken it yet."
	case Acknowledged:
		out = "somebody is at it."
	case Mitigated:
		out = "it no longer does harm, and is not over."
	case Resolved:
		out = "over" + ended(i)
	}
	if i.Severity == finding.Page && i.Status.Active() {
		out = "urgent; " + out
	}
	if i.Silence != nil && i.Status.Active() {
		out += fmt.Sprintf(" Messages are held back until %s by %s", day(i.Silence.Until), i.Silence.By)
		if now.After(i.Silence.Until) {
			out += ", which is past"
		}
		out += "."
	}
	if i.Reopenings > 1 {
		out += fmt.Sprintf(" It comes and goes: back %d times.", i.Reopenings)
	}
	return out
}

// weight is how much it matters beside others, and why.
func weight(i *Incident) string {
	w := &i.Weight
	var why []string
	if i.Severity == finding.Page {
		why = append(why, "it pages")
	}
	say := func(n finding.Number, format string) {
		if n > 1 {
			why = append(why, fmt.Sprintf(format, Short(n)))
		}
	}
	say(w.Evidence, "the evidence is %s times what an alarm needs")
	say(w.Effect, "the move is %s times what is too small to matter")
	basis := ""
	if w.Basis == finding.Estimated {
		basis = " (estimated, as if scores meant what they did)"
	}
	say(w.Cost, map[string]string{
		limit: "a promise's limit is reached %s times", promise: "a broken promise burns what it allows %s times as fast as it lasts", finding.OfBudget: "decisions burn what the promise on their cost allows %s times as fast as it lasts" + basis,
		finding.OfReference: "decisions cost %s times what they did in the reference" + basis,
	}[w.Of])
	switch {
	case w.Of == "":
		why = append(why, "what it costs isn't known and counts 1")
	case !(w.Cost > 1):
		why = append(why, "it costs no more than is allowed"+basis)
	}
	return fmt.Sprintf("%s (score %s), because %s.", i.Level(), Short(i.Score), strings.Join(why, "; "))
}

func ended(i *Incident) string {
	at := ""
	if i.ResolvedAt != nil {
		at = " since " + day(*i.ResolvedAt)
	}
	switch i.Reason {
	case byPerson:
		return at + ": a person says so."
	case byMerge:
		return at + ": it goes on as part of incident " + i.MergedInto + "."
	case string(finding.Superseded):
		return at + ": a new contract or baseline took over."
	default:
		return at + ": the stream recovered."
	}
}

func noticed(i *Incident) string {
	late := i.OpenedAt.Sub(i.Onset)
	if late < time.Minute {
		return "at once"
	}
	return span(late) + " later"
}

func forWhom(i *Incident) string {
	if len(i.Slices) == 0 {
		return "everybody the model decides about."
	}
	names := make([]string, len(i.Slices))
	for n, s := range i.Slices {
		names[n] = finding.SliceKey(s)
	}
	return "decisions in " + list(names) + ", at least."
}

func what(i *Incident) string {
	var parts []string
	for _, s := range i.Subjects {
		if len(parts) == 3 {
			parts = append(parts, fmt.Sprintf("and %d more", len(i.Subjects)-3))
			break
		}
		share := ""
		if len(i.Subjects) > 1 && s.Share.Valid() {
			share = fmt.Sprintf(" (%.0f %% of the evidence)", 100*float64(s.Share))
		}
		parts = append(parts, s.Name+share)
	}
	lines := []string{strings.Join(parts, ", ") + "."}
	for _, n := range i.Numbers {
		lines = append(lines, Figure(n))
	}
	return strings.Join(lines, "\n          ")
}

func costs(i *Incident, now time.Time) string {
	p := i.Impact
	if p == nil {
		return "not known: no outcome has priced it, or the contract has no costs."
	}
	basis := "from outcomes"
	if p.Basis == finding.Estimated {
		basis = "estimated, as if scores meant what they did"
	}
	until := now
	if i.ResolvedAt != nil {
		until = *i.ResolvedAt
	}
	out := fmt.Sprintf("%s %s so far, %s a day (likely %s to %s), %s.", Short(p.SoFar), p.Currency, Short(p.PerDay), Short(p.Band[0]), Short(p.Band[1]), basis)
	if i.Status.Active() && until.After(i.Onset) {
		out += " It goes on."
	}
	return out
}

func why(c *Cause) string {
	if c.Kind == "" || c.Kind == "unknown" {
		return "not known."
	}
	out := strings.ReplaceAll(c.Kind, "_", " ")
	if c.Confidence.Valid() && c.Confidence < 1 {
		out += fmt.Sprintf(" (confidence %.0f %%)", 100*float64(c.Confidence))
	}
	return out + "."
}

// before are the changes before it, and what of it they name.
func before(i *Incident) []string {
	if len(i.Changes) == 0 {
		return []string{"none is known of the week before."}
	}
	var out []string
	for n := range i.Changes {
		c := &i.Changes[n]
		went := c.Name
		switch {
		case c.From != "" && c.Version != "":
			went += " went from " + c.From + " to " + c.Version
		case c.Version != "":
			went += " became " + c.Version
		default:
			went += " changed (" + string(c.What) + ")"
		}
		when := span(time.Duration(c.Before*float64(time.Second))) + " before"
		if c.Before < 60 {
			when = "as it began"
		}
		names := map[string]string{namesSubject: "; it names what moved", namesModel: "; it names the model"}[c.Names]
		by := ""
		if c.Actor != "" {
			by = ", by " + c.Actor
		}
		out = append(out, fmt.Sprintf("%s %s (%s)%s%s.", went, when, day(c.At), by, names))
	}
	return out
}

func who(i *Incident) string {
	owner := "nobody: the contract names no owner"
	if i.Owner.Team != "" {
		owner = fmt.Sprintf("team %s owns it (%s)", i.Owner.Team, i.Owner.Role)
	}
	if i.Assignee != "" {
		return fmt.Sprintf("%s has it; %s.", i.Assignee, owner)
	}
	return owner + "."
}

// done are the acts of people, the latest last.
func done(i *Incident) []string {
	const most = 8
	var out []string
	for _, e := range i.Timeline {
		if e.By != Person {
			continue
		}
		text := ""
		if e.Text != "" {
			text = " " + e.Text
		}
		out = append(out, fmt.Sprintf("%s %s %s%s", day(e.At), e.Who, e.What, text))
	}
	if len(out) == 0 {
		return []string{"nothing yet."}
	}
	if n := len(out) - most; n > 0 {
		out = append([]string{fmt.Sprintf("(%d earlier)", n)}, out[n:]...)
	}
	return out
}

// next is the one thing to do.
func next(i *Incident) string {
	book := ""
	if i.Runbook != "" {
		book = " The runbook is " + i.Runbook + "."
	}
	switch {
	case i.MergedInto != "":
		return "look at incident " + i.MergedInto + "."
	case i.Status == Resolved && i.Verdict == nil:
		return "say whether it was a true alarm: plumbline incidents verdict " + i.ID + " true|false."
	case i.Status == Resolved:
		return "nothing."
	case i.Cause.Fix != "":
		return i.Cause.Fix + "." + book
	case i.Status == Open || i.Status == OpenAgain:
		return "take it: plumbline incidents ack " + i.ID + "." + book
	case i.Status == Mitigated:
		return "remove the cause; it closes itself when the stream has recovered." + book
	default:
		return "find the cause: plumbline inspect " + i.ID + " shows the very events." + book
	}
}
