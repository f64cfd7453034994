package sink

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// KindDigest is the kind of a message that sums up several incidents.
const KindDigest = "digest"

// Digest sums up what became of a channel's incidents.
type Digest struct {
	KindName  string              `json:"kind"`
	Since     time.Time           `json:"since"`
	Until     time.Time           `json:"until"`
	Incidents []incident.Incident `json:"incidents"`
}

// message is one that was read: an incident, or a digest.
type message struct {
	incident incident.Incident
	quiet    bool // it is back, and nobody is to be called for it
	digest   *Digest
}

// read reads the CloudEvent of a message.
func read(body []byte) (message, error) {
	var e finding.Envelope[json.RawMessage]
	if err := json.Unmarshal(body, &e); err != nil {
		return message{}, &RefusedError{fmt.Errorf("read message: %w", err)}
	}
	var kind struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(e.Data, &kind); err != nil {
		return message{}, &RefusedError{fmt.Errorf("read message: %w", err)}
	}
	var m message
	into := any(&m.incident)
	switch kind.Kind {
	case KindDigest:
		m.digest = new(Digest)
		into = m.digest
	case incident.Kind:
	default:
		return message{}, &RefusedError{fmt.Errorf("read message: its kind is %q, want %q or %q", kind.Kind, incident.Kind, KindDigest)}
	}
	if err := json.Unmarshal(e.Data, into); err != nil {
		return message{}, &RefusedError{fmt.Errorf("read message: %w", err)}
	}
	m.quiet = m.incident.Status == incident.OpenAgain && m.incident.Severity == finding.Page && !m.incident.Calls
	return m, nil
}

const stamp = "2006-01-02 15:04 UTC"

// Links make addresses for people out of what an incident carries.
type Links struct {
	Base string // where incidents are shown: the id is appended; empty: nowhere
}

// incident is the address of an incident, or "".
func (l Links) incident(id string) string {
	if l.Base == "" {
		return ""
	}
	return strings.TrimSuffix(l.Base, "/") + "/" + id
}

// runbook is the address of the runbook, or "": a path in somebody's repository is no address.
func runbook(inc *incident.Incident) string {
	if strings.HasPrefix(inc.Runbook, "https://") || strings.HasPrefix(inc.Runbook, "http://") {
		return inc.Runbook
	}
	return ""
}

// longest bounds one fact, in characters: contracts and data may name things at any length, and sinks take no more than so much.
const longest = 2000

// fact is one line about an incident.
type fact struct{ name, value string }

// facts are what people need to decide, most important first: what moved, since when, what it costs, who acts, what to do.
func facts(inc *incident.Incident) []fact {
	out := []fact{{"Model", inc.Model}, {"Since", inc.Onset.UTC().Format(stamp)}}
	add := func(name, value string) {
		if value != "" {
			out = append(out, fact{name, cut(value, longest)})
		}
	}
	var numbers []string
	for _, n := range inc.Numbers {
		numbers = append(numbers, incident.Figure(n))
	}
	add("Numbers", strings.Join(numbers, "; "))
	if inc.Impact != nil {
		add("Cost", incident.Price(inc))
	}
	if inc.Cause.Kind != "unknown" {
		add("Cause", strings.ReplaceAll(inc.Cause.Kind, "_", " "))
	}
	add("Fix", inc.Cause.Fix)
	var parts []string
	for _, s := range inc.Slices {
		parts = append(parts, finding.SliceKey(s))
	}
	add("Only in", few(parts, 5))
	if inc.Lineage != nil {
		add("First at", inc.Lineage.Job+"@"+inc.Lineage.Version)
	}
	add("Retraining", inc.Retraining.Words())
	if inc.Owner.Team != "" {
		add("Owner", fmt.Sprintf("%s (%s)", inc.Owner.Team, inc.Owner.Role))
	}
	add("Runbook", inc.Runbook)
	if inc.ResolvedAt != nil {
		add("Over since", inc.ResolvedAt.UTC().Format(stamp))
	}
	return out
}

// few joins the first n, and says how many more there are.
func few(of []string, n int) string {
	if len(of) <= n {
		return strings.Join(of, "; ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(of[:n], "; "), len(of)-n)
}

// headline is what happened, in one line.
func headline(inc *incident.Incident) string {
	return fmt.Sprintf("[%s] %s: %s", standing(inc), inc.Model, inc.Title)
}

// standing is how loud an open incident is, or where it stands otherwise.
func standing(inc *incident.Incident) string {
	if inc.Status == incident.Open {
		return string(inc.Severity)
	}
	return string(inc.Status)
}

// headlineOf is the headline of a digest.
func headlineOf(d *Digest) string {
	open := 0
	for i := range d.Incidents {
		if d.Incidents[i].Status != incident.Resolved {
			open++
		}
	}
	return fmt.Sprintf("%d incidents since %s, %d not over", len(d.Incidents), d.Since.UTC().Format(stamp), open)
}

// text is a message in plain text: what an e-mail holds.
func text(m *message, links Links) string {
	var b strings.Builder
	if d := m.digest; d != nil {
		b.WriteString(headlineOf(d) + "\n")
		for i := range d.Incidents {
			inc := &d.Incidents[i]
			fmt.Fprintf(&b, "\n%s\n", headline(inc))
			if at := links.incident(inc.ID); at != "" {
				b.WriteString(at + "\n")
			}
		}
		return b.String()
	}
	inc := &m.incident
	b.WriteString(inc.Title + "\n\n")
	for _, f := range facts(inc) {
		fmt.Fprintf(&b, "%-11s %s\n", f.name+":", f.value)
	}
	fmt.Fprintf(&b, "%-11s %s\n", "Incident:", inc.ID)
	if at := links.incident(inc.ID); at != "" {
		b.WriteString("\n" + at + "\n")
	}
	return b.String()
}

// cut is s with at most n characters; what is left out shows.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "\u2026"
}

// contentType is that of a CloudEvent in structured mode.
const contentType = "application/cloudevents+json"
