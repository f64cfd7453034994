package incident_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/change"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// changed is a change so many hours after start.
func changed(hours float64, what change.What, name string, more ...func(*change.Event)) change.Event {
	c := change.Event{KindName: change.Kind, ID: fmt.Sprintf("%s %s %g", what, name, hours), At: start.Add(time.Duration(hours * float64(time.Hour))), What: what, Name: name, Version: "v2"}
	for _, m := range more {
		m(&c)
	}
	return c
}

func fields(f ...string) func(*change.Event) { return func(c *change.Event) { c.Fields = f } }
func models(m ...string) func(*change.Event) { return func(c *change.Event) { c.Models = m } }
func topics(t ...string) func(*change.Event) { return func(c *change.Event) { c.Topics = t } }

func ran(version string) func(*change.Event) {
	return func(c *change.Event) { c.Run, c.Version, c.ID = true, version, c.ID+version }
}

func cited(i incident.Incident) string {
	var out []string
	for _, c := range i.Changes {
		out = append(out, fmt.Sprintf("%s %s %g", c.Name, c.Names, c.Before/3600))
	}
	return strings.Join(out, "; ")
}

// The changes that an incident names: those that came before it, first what names its columns, then what names its model, then the nearest.
func TestChangesBeforeAnOnset(t *testing.T) {
	for name, c := range map[string]struct {
		changes []change.Event
		want    string
	}{
		"the nearest before":              {[]change.Event{changed(1, change.Deploy, "far"), changed(8, change.Deploy, "near")}, "near nothing 2; far nothing 9"},
		"within the pane of the onset":    {[]change.Event{changed(10.5, change.Deploy, "x")}, "x nothing -0.5"},
		"none after it":                   {[]change.Event{changed(11, change.Deploy, "x")}, ""},
		"none of more than a week before": {[]change.Event{changed(-159, change.Deploy, "x")}, ""},
		"what names the column first":     {[]change.Event{changed(9, change.Deploy, "near"), changed(2, change.ETL, "etl", fields("a", "z"))}, "etl subject 8; near nothing 1"},
		"then what names the model":       {[]change.Event{changed(9, change.Deploy, "near"), changed(2, change.Model, "m", models("m"))}, "m model 8; near nothing 1"},
		"by its topic, too":               {[]change.Event{changed(2, change.Schema, "s", topics("m.predictions"))}, "s model 8"},
		"not what names another model":    {[]change.Event{changed(9, change.Model, "n", models("n"), fields("a"))}, ""},
		"nor other columns":               {[]change.Event{changed(9, change.ETL, "etl", fields("z"))}, ""},
		"three at most":                   {[]change.Event{changed(5, change.Flag, "5"), changed(6, change.Flag, "6"), changed(7, change.Flag, "7"), changed(8, change.Flag, "8")}, "8 nothing 2; 7 nothing 3; 6 nothing 4"},
		"a known one counts once":         {[]change.Event{changed(9, change.Flag, "f"), changed(9, change.Flag, "f")}, "f nothing 1"},
		"the first run of a job is none":  {[]change.Event{changed(9, change.ETL, "etl", ran("v1"), fields("a"))}, ""},
		"nor is one like that before":     {[]change.Event{changed(8, change.ETL, "etl", ran("v1"), fields("a")), changed(9, change.ETL, "etl", ran("v1"), fields("a"))}, ""},
		"one far ahead forgets none":      {[]change.Event{changed(8, change.Deploy, "near"), changed(9000, change.Policy, "plan", models("m"))}, "near nothing 2"},
		"one of another version is":       {[]change.Event{changed(8, change.ETL, "etl", ran("v1"), fields("a")), changed(9, change.ETL, "etl", ran("v2"), fields("a"))}, "etl subject 1"},
	} {
		early, late := incident.NewBook(), incident.NewBook()
		for _, b := range []*incident.Book{early, late} {
			b.SetTopics("m", "m.predictions", "m.outcomes")
		}
		for _, x := range c.changes {
			early.Change(x)
		}
		early.Fold(at(11, "a", "location", finding.Drift))
		late.Fold(at(11, "a", "location", finding.Drift))
		for _, x := range c.changes {
			late.Change(x)
		}
		for when, b := range map[string]*incident.Book{"before the finding": early, "after it": late} {
			if got := cited(b.Incidents()[0]); got != c.want {
				t.Errorf("%s, heard of %s: %q, want %q", name, when, got, c.want)
			}
		}
	}
	b := incident.NewBook()
	b.Change(changed(1, change.ETL, "etl", ran("v1"), fields("a")))
	b.Change(changed(9, change.ETL, "etl", ran("v2"), fields("a")))
	_, inc := b.Fold(at(11, "a", "location", finding.Drift))
	if inc.Lineage == nil || inc.Lineage.Job != "etl" || inc.Lineage.Version != "v2" || inc.Changes[0].From != "v1" {
		t.Errorf("lineage %+v, changes %+v", inc.Lineage, inc.Changes)
	}
	if !strings.Contains(incident.Explain(&inc, inc.OpenedAt), "etl went from v1 to v2 1 hour before (2026-03-25 09:00 UTC)") {
		t.Error(incident.Explain(&inc, inc.OpenedAt))
	}
}

// What explains no onset of any model any more is forgotten: measured from the model that has come least far, not from one whose clock runs ahead.
func TestForgetsByTheModelThatHasComeLeastFar(t *testing.T) {
	for name, c := range map[string]struct {
		ahead float64 // hours at which another model's finding lies; 0: none
		here  float64 // and one of the model
		want  string
	}{
		"neither":        {0, 11, "near nothing 2"},
		"another one is": {9000, 11, "near nothing 2"},
		"both are":       {9000, 8000, ""},
	} {
		b := incident.NewBook()
		if c.ahead > 0 {
			b.Fold(at(c.ahead, "x", "location", finding.Drift, model("n")))
		}
		b.Fold(at(c.here, "z", "constant", finding.Fault))
		b.Change(changed(8, change.Deploy, "near"))
		b.Change(changed(c.here, change.Flag, "of then", fields("q")))
		_, inc := b.Fold(at(11, "a", "location", finding.Drift))
		if got := cited(inc); got != c.want {
			t.Errorf("%s ahead: %q, want %q", name, got, c.want)
		}
	}
}

// pages folds findings and returns how many incidents there are, and how often somebody is called.
func pages(b *incident.Book, found ...finding.Finding) (incidents, calls int) {
	for _, f := range found {
		if _, inc := b.Fold(f); inc.Calls {
			calls++
		}
	}
	return len(b.Incidents()), calls
}

// One upstream change that moves forty inputs is one incident and one page: whenever each of them is noticed, and as exactly as each one's
// onset is estimated.
func TestFortyInputsAreOneIncident(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var found []finding.Finding
		noticed := 30.0
		for i := range 40 {
			noticed += rapid.Float64Range(0, 3).Draw(t, "later")
			f := at(noticed, fmt.Sprintf("input%d", i), rapid.SampledFrom([]string{"location", "scale", "missing"}).Draw(t, "channel"), finding.Drift, onset(rapid.Float64Range(10, 22).Draw(t, "onset")))
			if rapid.Bool().Draw(t, "page") {
				page(&f)
			}
			found = append(found, f)
		}
		paged := false
		for i := range found {
			paged = paged || found[i].Severity == finding.Page
		}
		incidents, calls := pages(incident.NewBook(), found...)
		if incidents != 1 || calls > 1 || paged != (calls == 1) {
			t.Fatalf("%d incidents, %d calls", incidents, calls)
		}
	})
	// With the release behind it known, also where onsets are told days apart by a weak signal.
	b := incident.NewBook()
	b.Change(changed(9, change.ETL, "etl", fields("a", "b")))
	b.Change(changed(30, change.Deploy, "another"))
	if incidents, _ := pages(b, at(11, "a", "location", finding.Drift), at(60, "b", "location", finding.Drift, onset(33))); incidents != 1 {
		t.Errorf("%d incidents of one release", incidents)
	}
}

// step says that the events show a signal first at a step.
func step(name string) func(*finding.Finding) {
	return func(f *finding.Finding) {
		f.Diagnosis = &finding.Diagnosis{Kind: "unit_change", Confidence: 1, Sentence: f.Subject + " changed", Corruption: true, Lineage: name}
	}
}

// Two unrelated causes in one hour are two incidents: where the columns come from two jobs, where two changes name them, where one is a
// hard fault, and in two models. Without any of that nothing tells them apart.
func TestTwoCausesInOneHourAreTwoIncidents(t *testing.T) {
	a, b := at(11, "a", "location", finding.Drift, page), at(11, "b", "location", finding.Drift, page, onset(10.4))
	score := at(11, "score", "location", finding.Drift)
	for name, c := range map[string]struct {
		changes []change.Event
		found   []finding.Finding
		want    int
	}{
		"two jobs":            {[]change.Event{changed(1, change.ETL, "x", ran("v1"), fields("a", "c")), changed(1, change.ETL, "y", ran("v1"), fields("b"))}, []finding.Finding{a, b}, 2},
		"two changes":         {[]change.Event{changed(9, change.Schema, "x", fields("a", "c")), changed(9.5, change.ETL, "y", fields("b"))}, []finding.Finding{a, b}, 2},
		"a fault and a drift": {nil, []finding.Finding{a, at(11, "b", "constant", finding.Fault, page)}, 2},
		"two steps, by their events": {nil, []finding.Finding{
			at(11, "a", "location", finding.Drift, page, step("etl.a@v2")), at(11, "b", "location", finding.Drift, page, step("etl.b@v7")),
		}, 2},
		"one step, by its events": {nil, []finding.Finding{
			at(11, "a", "location", finding.Drift, page, step("etl.a@v2")), at(60, "b", "location", finding.Drift, page, onset(50), step("etl.a@v2")),
		}, 1},
		"two models":           {nil, []finding.Finding{a, at(11, "b", "location", finding.Drift, page, model("n"))}, 2},
		"one job":              {[]change.Event{changed(1, change.ETL, "x", ran("v1"), fields("a", "b"))}, []finding.Finding{a, b}, 1},
		"one job and another":  {[]change.Event{changed(1, change.ETL, "x", ran("v1"), fields("a", "b")), changed(1, change.ETL, "y", ran("v1"), fields("b"))}, []finding.Finding{a, b}, 1},
		"what follows of both": {[]change.Event{changed(1, change.ETL, "x", ran("v1"), fields("a")), changed(1, change.ETL, "y", ran("v1"), fields("b"))}, []finding.Finding{a, b, score}, 2},
		"nothing is known":     {nil, []finding.Finding{a, b}, 1},
	} {
		book := incident.NewBook()
		for _, x := range c.changes {
			book.Change(x)
		}
		if incidents, calls := pages(book, c.found...); incidents != c.want || calls != c.want {
			t.Errorf("%s: %d incidents, %d calls, want %d", name, incidents, calls, c.want)
		}
	}
}

// named says what broke of a column.
func named(kind string, more ...func(*finding.Diagnosis)) func(*finding.Finding) {
	return func(f *finding.Finding) {
		f.Diagnosis = &finding.Diagnosis{Kind: kind, Confidence: 1, Sentence: f.Subject + ": " + kind, Subjects: []string{f.Subject}, Corruption: true}
		for _, m := range more {
			m(f.Diagnosis)
		}
	}
}

// Without anything known of where columns come from, what broke tells two causes of one hour apart where one cause doesn't do both: values that are written in
// another way, and values that are not there. It does so also where the second gets its name later, and then each calls by itself. Forty columns of one
// release are one incident, whether they are all written in another way or all missing in one way or another.
func TestTwoNamedCausesInOneHour(t *testing.T) {
	found := func(hours float64, subject string, more ...func(*finding.Finding)) finding.Finding {
		return at(hours, subject, "location", finding.Drift, append([]func(*finding.Finding){page, onset(10)}, more...)...)
	}
	with := func(subjects ...string) func(*finding.Diagnosis) {
		return func(d *finding.Diagnosis) { d.Subjects = subjects }
	}
	in := func(d *finding.Diagnosis) { d.Slice = map[string]string{"etl": "v2"} }
	forty := func(kinds ...string) (out []finding.Finding) {
		for i := range 40 {
			out = append(out, found(11, fmt.Sprintf("input%d", i), named(kinds[i%len(kinds)])))
		}
		return out
	}
	deploy := []change.Event{changed(9.5, change.Deploy, "x", fields("a", "b"))}
	for name, c := range map[string]struct {
		changes []change.Event
		found   []finding.Finding
		want    int
	}{
		"larger, and stuck":                {nil, []finding.Finding{found(11, "a", named("unit_change")), found(11, "b", named("stuck"))}, 2},
		"named later":                      {nil, []finding.Finding{found(11, "a", named("unit_change")), found(11, "b"), found(12, "b", named("stuck"))}, 2},
		"both named later":                 {nil, []finding.Finding{found(11, "a"), found(11, "b"), found(12, "a", named("unit_change")), found(12, "b", named("stuck"))}, 2},
		"of one deploy":                    {deploy, []finding.Finding{found(11, "a", named("unit_change")), found(11, "b"), found(12, "b", named("stuck"))}, 1},
		"in one slice only":                {nil, []finding.Finding{found(11, "a", named("unit_change", in)), found(11, "b", named("stuck", in))}, 1},
		"of the same columns":              {nil, []finding.Finding{found(11, "a", named("swapped", with("a", "b"))), found(11, "b", named("stuck"))}, 1},
		"two ways to write":                {nil, []finding.Finding{found(11, "a", named("unit_change")), found(11, "b", named("sign_flip"))}, 1},
		"two ways to be missing":           {nil, []finding.Finding{found(11, "a", named("missing")), found(11, "b", named("sentinel"))}, 1},
		"one has no name":                  {nil, []finding.Finding{found(11, "a", named("unit_change")), found(11, "b")}, 1},
		"another category comes with both": {nil, []finding.Finding{found(11, "a", named("unit_change")), found(11, "b", named("new_category"))}, 1},
		"a clock":                          {nil, []finding.Finding{found(11, "a", named("unit_change")), found(11, "b", named("clock_shift"))}, 1},
		"forty, written otherwise":         {nil, forty("unit_change", "recoded", "precision_loss"), 1},
		"forty, not there":                 {nil, forty("missing", "fallback", "stuck"), 1},
		"forty of both":                    {nil, forty("missing", "unit_change"), 2},
	} {
		b := incident.NewBook()
		for _, x := range c.changes {
			b.Change(x)
		}
		if incidents, calls := pages(b, c.found...); incidents != c.want || calls != c.want {
			t.Errorf("%s: %d incidents, %d calls, want %d", name, incidents, calls, c.want)
		}
	}
	// What leaves takes its onset along, and what stays is over by itself.
	b := incident.NewBook()
	pages(b, found(11, "a"), found(11, "b", onset(8)), found(12, "a", named("unit_change")), found(12, "b", named("stuck"), onset(8)), at(20, "a", "location", finding.Equivalent))
	all := b.Incidents()
	if len(all) != 2 || all[0].Status != incident.Resolved || all[0].Onset.Sub(start).Hours() != 10 || all[1].Status != incident.Open || all[1].Onset.Sub(start).Hours() != 8 {
		t.Errorf("%+v", all)
	}
}

// A signal that comes and goes for a week is one incident and one page, however fast it flaps.
func TestFlappingIsOnePage(t *testing.T) {
	for _, hours := range []float64{1, 5, 13, 26, 60} {
		b := incident.NewBook()
		var found []finding.Finding
		for h := 1.0; h < 7*24; h += hours {
			found = append(found, at(h, "a", "location", finding.Drift, page), at(h+hours/2, "a", "location", finding.Equivalent))
		}
		incidents, calls := pages(b, found...)
		if inc := b.Incidents()[0]; incidents != 1 || calls != 1 || inc.Pages != 1 || inc.Reopenings != len(found)/2-1 {
			t.Errorf("every %g hours: %d incidents, %d calls, %d pages, %d reopenings", hours, incidents, calls, inc.Pages, inc.Reopenings)
		}
	}
	// What is back after more than a week is another incident, and another page.
	if incidents, calls := pages(incident.NewBook(), at(1, "a", "location", finding.Drift, page), at(2, "a", "location", finding.Equivalent), at(200, "a", "location", finding.Drift, page)); incidents != 2 || calls != 2 {
		t.Errorf("after eight days: %d incidents, %d calls", incidents, calls)
	}
}
