package sink

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// Slack's limits, in characters and entries.
const (
	slackText    = 4000 // of a message beside its blocks
	slackSection = 3000
	slackField   = 2000
	slackFields  = 10
	slackURL     = 3000
	slackBlocks  = 50
)

// The action_id of each button; its value is the incident's id.
const (
	buttonAcknowledge = "plumbline_acknowledge"
	buttonResolve     = "plumbline_resolve"
)

// plain is text that Slack takes as it is: its three control characters are escaped, so that no name in an event mentions a channel.
func plain(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// fallback is what shows where blocks don't: in notifications.
func fallback(m *message) string {
	if m.digest != nil {
		return headlineOf(m.digest)
	}
	return cut(headline(&m.incident), slackText)
}

// blocks are a message in Block Kit.
func blocks(m *message, links Links, buttons bool) []slack.Block {
	if m.digest != nil {
		return digestBlocks(m.digest, links)
	}
	inc := &m.incident
	out := []slack.Block{section(fmt.Sprintf("%s *%s*", mark(inc), plain(cut(inc.Title, 1000))))}
	var fields []*slack.TextBlockObject
	for _, f := range facts(inc) {
		if len(fields) < slackFields && f.name != "Runbook" {
			fields = append(fields, markdown(cut(fmt.Sprintf("*%s*\n%s", f.name, plain(cut(f.value, 1000))), slackField)))
		}
	}
	out = append(out, slack.NewSectionBlock(nil, fields, nil))
	if inc.Runbook != "" {
		out = append(out, section("*Runbook* "+reference(inc.Runbook, "open it")))
	}
	if elements := buttonsFor(inc, links, buttons); len(elements) > 0 {
		out = append(out, slack.NewActionBlock("plumbline_"+inc.ID, elements...))
	}
	return append(out, slack.NewContextBlock("", markdown(plain(fmt.Sprintf("%s | %s | incident %s", inc.Status, inc.Severity, inc.ID)))))
}

// buttonsFor are what can be done about an incident.
func buttonsFor(inc *incident.Incident, links Links, presses bool) []slack.BlockElement {
	var out []slack.BlockElement
	if presses && inc.Status == incident.Open {
		b := slack.NewButtonBlockElement(buttonAcknowledge, inc.ID, slack.NewTextBlockObject(slack.PlainTextType, "Acknowledge", false, false))
		b.Style = slack.StylePrimary
		out = append(out, b)
	}
	if presses && inc.Status != incident.Resolved {
		out = append(out, slack.NewButtonBlockElement(buttonResolve, inc.ID, slack.NewTextBlockObject(slack.PlainTextType, "Resolve", false, false)))
	}
	if at := links.incident(inc.ID); at != "" && len(at) <= slackURL {
		b := slack.NewButtonBlockElement("plumbline_open", inc.ID, slack.NewTextBlockObject(slack.PlainTextType, "Open", false, false))
		b.URL = at
		out = append(out, b)
	}
	return out
}

func digestBlocks(d *Digest, links Links) []slack.Block {
	out := []slack.Block{section("*" + plain(headlineOf(d)) + "*")}
	for i := range d.Incidents {
		if len(out) == slackBlocks-1 {
			out = append(out, section(fmt.Sprintf("and %d more", len(d.Incidents)-i)))
			break
		}
		inc := &d.Incidents[i]
		line := fmt.Sprintf("%s %s: %s", mark(inc), plain(inc.Model), plain(cut(inc.Title, 1000)))
		if at := links.incident(inc.ID); at != "" {
			line += " " + reference(at, "open")
		}
		out = append(out, section(line))
	}
	return out
}

// mark is a mark for the eye.
func mark(inc *incident.Incident) string {
	switch {
	case inc.Status == incident.Resolved:
		return ":white_check_mark:"
	case inc.Status == incident.Acknowledged || inc.Status == incident.Mitigated:
		return ":eyes:"
	case inc.Severity == finding.Page:
		return ":rotating_light:"
	default:
		return ":warning:"
	}
}

func section(text string) slack.Block {
	return slack.NewSectionBlock(markdown(cut(text, slackSection)), nil, nil)
}

func markdown(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, text, false, true)
}

// reference is a link if to is an address, and the text otherwise.
func reference(to, words string) string {
	if strings.HasPrefix(to, "https://") || strings.HasPrefix(to, "http://") {
		return "<" + strings.NewReplacer("|", "%7C", ">", "%3E", "<", "%3C", "&", "&amp;").Replace(to) + "|" + words + ">"
	}
	return plain(to)
}
