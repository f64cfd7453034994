package demo

import (
	"fmt"
	"io"
	"time"

	"github.com/plumbline-ml/plumbline/examples/census"
	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Narrator tells an act as plain lines.
type Narrator struct{ Out io.Writer }

func (n *Narrator) say(at time.Time, format string, args ...any) {
	fmt.Fprintf(n.Out, "%s  "+format+"\n", append([]any{at.UTC().Format(minute)}, args...)...)
}

const (
	minute = "2006-01-02 15:04"
	indent = "                  "
)

// begin says what is going to happen.
func (n *Narrator) begin(c *contract.Contract, p *plan.Plan, a *act) {
	fmt.Fprintf(n.Out, "%s: %s\n", c.Metadata.Model, c.Metadata.Description)
	fmt.Fprintf(n.Out, "Kafka, schema registry, Redis and ledger run inside this process; nothing is kept after it.\n")
	fmt.Fprintf(n.Out, "Learnt from %s to %s (%d predictions). What came next flows now%s.\n",
		p.Reference.From.Format(time.DateOnly), p.Reference.To.Format(time.DateOnly), p.ReferenceRows, a.tempo())
	fmt.Fprintf(n.Out, "The model's inputs are made by %s. %s\n\n", census.Before.Name(), a.toCome())
}

func (a *act) tempo() string {
	if a.Pace == 0 {
		return ", as fast as it is judged"
	}
	return fmt.Sprintf(", %s of it a second", contract.Span(a.Pace))
}

// toCome says how the deploy comes about.
func (a *act) toCome() string {
	at := a.breakAt.Load()
	if at == never {
		return "Press Enter to deploy " + census.After.Version + " to half of the producers."
	}
	return fmt.Sprintf("%s goes to half of the producers on %s.", census.After.Version, plan.FromMicros(at).Format(minute))
}

// asked says when a deploy comes that was asked for.
func (n *Narrator) asked(at, deploy time.Time) {
	n.say(at, "%s is to go out: producers take releases at %s.", census.After.Name(), deploy.Format("15:04"))
}

func (n *Narrator) broke(at time.Time, asks bool) {
	n.say(at, "DEPLOY %s goes to half of the producers, and multiplies %s by %g.", census.After.Name(), census.Column, census.After.Factor)
	fmt.Fprintf(n.Out, "%sPlumbline is told of the deploy, as of any, and not of what it does.\n", indent)
	if asks {
		fmt.Fprintf(n.Out, "%sPress Enter again to take it back.\n", indent)
	}
}

func (n *Narrator) mended(at time.Time) {
	n.say(at, "ROLLBACK of %s: all inputs are made by %s again.", census.After.Name(), census.Before.Name())
	fmt.Fprintf(n.Out, "%sNobody closes the incident; it is over when inputs and outcomes are as they were.\n", indent)
}

func (n *Narrator) progress(at time.Time, p *Played, open int) {
	what := "nothing to tell"
	if open > 0 {
		what = fmt.Sprintf("open incidents: %d", open)
	}
	n.say(at, "%d events in, %d set aside; %s", p.Received, p.Aside, what)
}

// incident tells of one that is new, has got its name, has become a page or got its price, or is over.
func (n *Narrator) incident(at time.Time, was, is *incident.Incident) {
	switch named := is.Cause.Kind != "unknown"; {
	case was.ID == "", named && was.Cause.Kind == "unknown":
		n.say(at, "INCIDENT %s", is.ID)
		check.WriteIncident(&margin{to: n.Out}, is)
		if len(is.Changes) > 0 {
			c := &is.Changes[0]
			fmt.Fprintf(n.Out, "%schange nearest before it: %s %s -> %s at %s, by %s\n", indent+"       ", c.Name, c.From, c.Version, c.At.UTC().Format(minute), c.Actor)
		}
	case is.Severity == finding.Page && was.Severity != finding.Page, is.Impact != nil && was.Impact == nil, measured(is) && !measured(was):
		n.say(at, "INCIDENT %s %s:", is.ID, news(was, is))
		fmt.Fprintf(n.Out, "%s%s\n%scost: %s\n", indent, is.Title, indent, incident.Price(is))
	case is.Status == incident.Resolved && was.Status != incident.Resolved:
		n.say(at, "INCIDENT %s is over: the stream recovered.", is.ID)
		fmt.Fprintf(n.Out, "%scost: %s\n", indent, incident.Price(is))
	}
}

// news is what is new of an incident that has become a page, or got its price.
func news(was, is *incident.Incident) string {
	page, priced := is.Severity == finding.Page && was.Severity != finding.Page, measured(is) && !measured(was)
	switch {
	case page && priced:
		return "is a page now, for outcomes price it"
	case page:
		return "is a page now"
	case priced:
		return "is priced by outcomes now"
	default:
		return "has a price now"
	}
}

// measured reports whether outcomes price an incident.
func measured(i *incident.Incident) bool {
	return i.Impact != nil && i.Impact.Basis == finding.Measured
}

// merged tells of an incident that turned out to be part of another.
func (n *Narrator) merged(at time.Time, inc *incident.Incident) {
	n.say(at, "INCIDENT %s is part of %s: it comes of the same.", inc.ID, inc.MergedInto)
}

func (n *Narrator) held(at time.Time, why string) {
	n.say(at, "RETRAINING would be asked for, and is %s", why)
}

// unattended says when the deploy and its rollback come, where nobody will ask for them.
func (n *Narrator) unattended(deploy, rollback time.Time) {
	fmt.Fprintf(n.Out, "%sNobody is at the keys: the deploy comes on %s, and is taken back on %s.\n", indent, deploy.Format(minute), rollback.Format(minute))
}

func (n *Narrator) end(p *Played) {
	fmt.Fprintf(n.Out, "\n%d events published, %d received = %d accepted + %d set aside. Incidents: %d.\n", p.Published, p.Received, p.Accepted, p.Aside, len(p.Incidents))
	if p.Told > 0 {
		fmt.Fprintf(n.Out, "By the clock the incident was told %s after the deploy", p.Told.Round(100*time.Millisecond))
		if p.Closed > 0 {
			fmt.Fprintf(n.Out, ", and was over %s after the rollback", p.Closed.Round(100*time.Millisecond))
		}
		fmt.Fprintln(n.Out, ".")
	}
}

// margin indents lines.
type margin struct {
	to     io.Writer
	within bool // a line, and not before it
}

// Write implements io.Writer.
func (m *margin) Write(p []byte) (int, error) {
	var out []byte
	for _, b := range p {
		if !m.within {
			out = append(out, indent...)
		}
		m.within = b != '\n'
		out = append(out, b)
	}
	if _, err := m.to.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}
