package notify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02T15:04Z07:00", text)
	if err != nil {
		panic(err)
	}
	return t
}

func inc(change func(*incident.Incident)) *incident.Incident {
	i := &incident.Incident{
		ID: "i", Status: incident.Open, Severity: finding.Page, Owner: incident.Owner{Role: "data"}, Slices: []map[string]string{{"region": "north", "size": "big"}},
	}
	if change != nil {
		change(i)
	}
	return i
}

var everybody = plan.Route{Slack: "#all"}

func TestDue(t *testing.T) {
	weekdays := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	office := plan.Route{Hours: &[2]int{9 * 60, 17 * 60}, Days: weekdays, Zone: "Europe/Berlin", Slack: "#a"}
	night := plan.Route{Hours: &[2]int{22 * 60, 6 * 60}, Days: []time.Weekday{time.Friday}, Slack: "#a"}
	escalation := plan.Route{After: 15 * time.Minute, PagerDuty: "boss"}
	for name, c := range map[string]struct {
		route plan.Route
		inc   *incident.Incident
		since string
		now   string
		want  bool
	}{
		"everything":               {everybody, inc(nil), "", "2026-03-25T12:00Z", true},
		"its severity":             {plan.Route{Severity: "page", Slack: "#a"}, inc(nil), "", "2026-03-25T12:00Z", true},
		"another severity":         {plan.Route{Severity: "ticket", Slack: "#a"}, inc(nil), "", "2026-03-25T12:00Z", false},
		"its role":                 {plan.Route{Role: "data", Slack: "#a"}, inc(nil), "", "2026-03-25T12:00Z", true},
		"another role":             {plan.Route{Role: "model", Slack: "#a"}, inc(nil), "", "2026-03-25T12:00Z", false},
		"its slice":                {plan.Route{Slice: map[string]string{"region": "north"}, Slack: "#a"}, inc(nil), "", "2026-03-25T12:00Z", true},
		"another slice":            {plan.Route{Slice: map[string]string{"region": "south"}, Slack: "#a"}, inc(nil), "", "2026-03-25T12:00Z", false},
		"a narrower slice":         {plan.Route{Slice: map[string]string{"region": "north", "age": "old"}, Slack: "#a"}, inc(nil), "", "2026-03-25T12:00Z", false},
		"the whole is no slice":    {plan.Route{Slice: map[string]string{"region": "north"}, Slack: "#a"}, inc(func(i *incident.Incident) { i.Slices = nil }), "", "2026-03-25T12:00Z", false},
		"over":                     {everybody, inc(func(i *incident.Incident) { i.Status = incident.Resolved }), "", "2026-03-25T12:00Z", false},
		"back":                     {everybody, inc(func(i *incident.Incident) { i.Status = incident.OpenAgain }), "", "2026-03-25T12:00Z", true},
		"silenced":                 {everybody, inc(func(i *incident.Incident) { i.Silence = &incident.Silence{} }), "", "2026-03-25T12:00Z", false},
		"a digest":                 {plan.Route{Digest: plan.Daily, Slack: "#a"}, inc(nil), "", "2026-03-25T12:00Z", false},
		"nine in Berlin, winter":   {office, inc(nil), "", "2026-03-25T08:00Z", true},
		"just before":              {office, inc(nil), "", "2026-03-25T07:59Z", false},
		"nine in Berlin, summer":   {office, inc(nil), "", "2026-03-30T07:00Z", true},
		"five in the afternoon":    {office, inc(nil), "", "2026-03-25T16:00Z", false},
		"Sunday":                   {office, inc(nil), "", "2026-03-29T10:00Z", false},
		"Friday night":             {night, inc(nil), "", "2026-03-27T23:00Z", true},
		"after midnight, still":    {night, inc(nil), "", "2026-03-28T05:59Z", true},
		"Saturday morning":         {night, inc(nil), "", "2026-03-28T06:00Z", false},
		"Saturday night":           {night, inc(nil), "", "2026-03-28T23:00Z", false},
		"Friday, after midnight":   {night, inc(nil), "", "2026-03-27T03:00Z", false},
		"too early to escalate":    {escalation, inc(nil), "2026-03-25T12:00Z", "2026-03-25T12:14Z", false},
		"escalates":                {escalation, inc(nil), "2026-03-25T12:00Z", "2026-03-25T12:15Z", true},
		"somebody is at it":        {escalation, inc(func(i *incident.Incident) { i.Status = incident.Acknowledged }), "2026-03-25T12:00Z", "2026-03-25T13:00Z", false},
		"it does no harm any more": {escalation, inc(func(i *incident.Incident) { i.Status = incident.Mitigated }), "2026-03-25T12:00Z", "2026-03-25T13:00Z", false},
	} {
		since := at(c.now)
		if c.since != "" {
			since = at(c.since)
		}
		if got := len(Due([]plan.Route{c.route}, c.inc, since, at(c.now))) == 1; got != c.want {
			t.Errorf("%s: told %t, want %t", name, got, c.want)
		}
	}
}

func TestTargets(t *testing.T) {
	routes := []plan.Route{{PagerDuty: "ops", Slack: "#a"}, {Slack: "#a", Email: "a@b.example"}, {Webhook: "https://hooks.example.org/t0ken"}}
	var got []string
	for _, target := range Due(routes, inc(nil), at("2026-03-25T12:00Z"), at("2026-03-25T12:00Z")) {
		got = append(got, target.Name())
	}
	if len(got) != 4 || !slices.Equal(got[:3], []string{"pagerduty:ops", "slack:#a", "email:a@b.example"}) || !strings.HasPrefix(got[3], "webhook:hooks.example.org#") || strings.Contains(got[3], "t0ken") {
		t.Errorf("told %q", got)
	}
}

func TestLetters(t *testing.T) {
	ended := func(id, when string) incident.Incident {
		over := at(when)
		return *inc(func(i *incident.Incident) { i.ID, i.Status, i.ResolvedAt = id, incident.Resolved, &over })
	}
	models := []Model{
		{[]plan.Route{{Severity: "page", Digest: plan.Daily, At: 9 * 60, Zone: "Europe/Berlin", Slack: "#a"}, {Role: "data", Digest: plan.Daily, At: 9 * 60, Zone: "Europe/Berlin", Slack: "#a"}},
			[]incident.Incident{ended("yesterday", "2026-03-24T12:00Z"), *inc(nil), ended("long ago", "2026-03-20T12:00Z")}},
		{[]plan.Route{{Digest: plan.Weekly, At: 8 * 60, Email: "a@b.example"}}, []incident.Incident{ended("last week", "2026-03-20T12:00Z"), *inc(func(i *incident.Incident) { i.Silence = &incident.Silence{} })}},
		{[]plan.Route{{Severity: "info", Digest: plan.Daily, At: 9 * 60, Slack: "#nothing"}}, []incident.Incident{*inc(nil)}},
	}
	tell := func(last map[string]string, now string) []string {
		var out []string
		for _, l := range Letters(models, func(to Target, every string) time.Time {
			if text := last[to.Name()+" "+every]; text != "" {
				return at(text)
			}
			return time.Time{}
		}, at(now)) {
			line := l.To.Name() + " " + l.Every + " " + l.Since.Format("02T15:04") + " " + l.Due.Format("02T15:04") + ":"
			for i := range l.Incidents {
				line += " " + l.Incidents[i].ID
			}
			out = append(out, line)
		}
		return out
	}
	for name, c := range map[string]struct {
		last map[string]string
		now  string
		want []string
	}{
		"the first":       {nil, "2026-03-25T08:00Z", []string{"slack:#a daily 24T08:00 25T08:00: i yesterday", "email:a@b.example weekly 16T08:00 23T08:00: last week"}},
		"a minute before": {map[string]string{"slack:#a daily": "2026-03-24T08:00Z", "email:a@b.example weekly": "2026-03-23T08:00Z"}, "2026-03-25T07:59Z", nil},
		"late, after three days": {map[string]string{"slack:#a daily": "2026-03-20T08:00Z", "email:a@b.example weekly": "2026-03-23T08:00Z"}, "2026-03-25T23:00Z",
			[]string{"slack:#a daily 20T08:00 25T08:00: i long ago yesterday"}},
		"sent": {map[string]string{"slack:#a daily": "2026-03-25T08:00Z", "email:a@b.example weekly": "2026-03-23T08:00Z"}, "2026-03-25T23:00Z", nil},
	} {
		if got := tell(c.last, c.now); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}
