package demo

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// What made a page of an incident is said only where it did.
func TestWhatIsNew(t *testing.T) {
	of := func(s finding.Severity, basis string) *incident.Incident {
		i := &incident.Incident{ID: "x", Severity: s}
		if i.Cause.Kind = "unit_change"; basis != "" {
			i.Impact = &finding.Impact{Basis: basis}
		}
		return i
	}
	for name, c := range map[string]struct {
		was, is *incident.Incident
		want    string
	}{
		"outcomes":             {of(finding.Ticket, "estimated"), of(finding.Page, "measured"), "is a page now, for outcomes price it:"},
		"a fault":              {of(finding.Ticket, ""), of(finding.Page, ""), "is a page now:"},
		"a fault, with scores": {of(finding.Ticket, ""), of(finding.Page, "estimated"), "is a page now:"},
		"a fault, after both":  {of(finding.Ticket, "measured"), of(finding.Page, "measured"), "is a page now:"},
		"a small price":        {of(finding.Ticket, "estimated"), of(finding.Ticket, "measured"), "is priced by outcomes now:"},
		"scores":               {of(finding.Ticket, ""), of(finding.Ticket, "estimated"), "has a price now:"},
		"nothing":              {of(finding.Ticket, "estimated"), of(finding.Ticket, "estimated"), ""},
	} {
		var screen bytes.Buffer
		(&Narrator{Out: &screen}).incident(time.Time{}, c.was, c.is)
		line, _, _ := strings.Cut(screen.String(), "\n")
		if _, got, _ := strings.Cut(line, "INCIDENT x "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// An incident that became part of another after retraining was held back for it is waited for no more.
func TestAllHeld(t *testing.T) {
	r := act{latest: map[string]incident.Incident{"a": {}}, out: Played{Held: map[string]string{"merged": "broken"}}}
	if r.allHeld() {
		t.Error("nothing was told of a")
	}
	if r.out.Held["a"] = "broken"; !r.allHeld() {
		t.Error("all was told")
	}
}
