package incident_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/change"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// broken says that data are.
func broken(f *finding.Finding) {
	f.Diagnosis = &finding.Diagnosis{Kind: "unit_change", Confidence: 1, Sentence: f.Subject + " is 100 times larger", Subjects: []string{f.Subject}, Corruption: true}
}

// priced is what outcomes say it costs.
func priced(f *finding.Finding) {
	page(f)
	f.Impact = &finding.Impact{Currency: "EUR", PerDay: 100, Band: [2]finding.Number{80, 120}, SoFar: 50, Basis: "measured"}
}

func outcomes(hours float64, v finding.Verdict, more ...func(*finding.Finding)) finding.Finding {
	return at(hours, "outcome", "calibration", v, more...)
}

// Whatever of both sides is heard of first, what outcomes show of broken data ends up as one incident, the same one: whether it is named before or after they
// alarm, and whichever of them recovers last.
func TestBrokenDataAndItsOutcomesAreOneIncident(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		named := rapid.Float64Range(10, 40).Draw(t, "named")
		data := []finding.Finding{at(10, "a", "location", finding.Drift, onset(8)), at(10, "score", "location", finding.Drift, onset(8))}
		data = append(data, at(max(named, 10.5), "a", "location", finding.Drift, onset(8), broken))
		mended := rapid.Float64Range(60, 90).Draw(t, "mended")
		data = append(data, at(mended, "score", "location", finding.Equivalent), at(mended+1, "a", "location", finding.Equivalent))
		alarm := rapid.Float64Range(11, 55).Draw(t, "alarm")
		truth := []finding.Finding{
			outcomes(alarm, finding.Drift, onset(8.5), priced), outcomes(rapid.Float64Range(56, 120).Draw(t, "back"), finding.Equivalent),
		}
		var want string
		for range 3 {
			// Any order that keeps that of each side.
			all, d, o := []finding.Finding{}, data, truth
			for len(d)+len(o) > 0 {
				if len(o) == 0 || len(d) > 0 && rapid.Bool().Draw(t, "inputs first") {
					all, d = append(all, d[0]), d[1:]
				} else {
					all, o = append(all, o[0]), o[1:]
				}
			}
			if len(all) > 0 && all[0].Subject == "outcome" {
				continue // never before its inputs have been judged
			}
			b := incident.NewBook()
			for _, f := range all {
				b.Fold(f)
			}
			got := b.Incidents()
			if len(got) != 1 {
				t.Fatalf("%d incidents", len(got))
			}
			inc := &got[0]
			if inc.Status != incident.Resolved || inc.Reopenings != 0 || inc.Severity != finding.Page || inc.Pages != 1 || inc.Impact == nil || inc.Cause.Kind != "unit_change" {
				t.Fatalf("%+v", inc)
			}
			// What is told in passing may differ, and so may whether it was one incident or two for a while.
			inc.Calls, inc.Change = false, incident.None
			text, err := json.MarshalIndent(inc, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			if want == "" {
				want = string(text)
			}
			if diff := cmp.Diff(want, string(text)); diff != "" {
				t.Fatalf("another order, another incident:\n%s", diff)
			}
		}
	})
}

// What is none of broken data's consequences stays an incident of its own.
func TestNoConsequences(t *testing.T) {
	inputs := func(more ...func(*finding.Finding)) []finding.Finding {
		return []finding.Finding{at(10, "a", "location", finding.Drift, append([]func(*finding.Finding){onset(8)}, more...)...)}
	}
	back := func(f []finding.Finding) []finding.Finding {
		return append(f, at(20, "a", "location", finding.Equivalent))
	}
	for name, found := range map[string][]finding.Finding{
		"a world that moves":                               append(inputs(), outcomes(12, finding.Drift)),
		"it began before":                                  append(inputs(broken), outcomes(12, finding.Drift, onset(2))),
		"it began when that was over":                      append(back(inputs(broken)), outcomes(40, finding.Drift, onset(30))),
		"it began while that was over, and that came back": append(back(inputs(broken)), outcomes(40, finding.Drift, onset(30)), at(50, "a", "location", finding.Drift, onset(48), broken)),
		"a promise":                                        append(inputs(broken), at(12, "promise ece", "promise", finding.Breach)),
		"a gap between groups":                             append(inputs(broken), at(12, "sex", "fairness_outcomes", finding.Drift)),
		"another share of positive labels":                 append(inputs(broken), at(12, "outcome", "label_rate", finding.Drift)),
		"another model":                                    append(inputs(broken), outcomes(12, finding.Drift, model("n"))),
	} {
		b := incident.NewBook()
		for _, f := range found {
			b.Fold(f)
		}
		if got := b.Incidents(); len(got) != 2 {
			t.Errorf("%s: %d incidents", name, len(got))
		}
	}
}

// What outcomes show of broken data that are back is theirs.
func TestConsequencesOfWhatIsBack(t *testing.T) {
	b := incident.NewBook()
	for _, f := range []finding.Finding{
		at(10, "a", "location", finding.Drift, onset(8), broken), at(20, "a", "location", finding.Equivalent), at(50, "a", "location", finding.Drift, onset(48), broken), outcomes(55, finding.Drift, onset(47.5)),
	} {
		b.Fold(f)
	}
	if all := b.Incidents(); len(all) != 1 || all[0].Reopenings != 1 {
		t.Errorf("%d incidents: %+v", len(all), all[0])
	}
}

// What becomes a part of another is told to be over, once; one that people have taken stays theirs.
func TestWhatIsAbsorbedIsTold(t *testing.T) {
	for _, taken := range []bool{false, true} {
		b := incident.NewBook()
		b.Fold(at(10, "a", "location", finding.Drift, onset(8)))
		_, own := b.Fold(outcomes(12, finding.Drift, onset(9), priced))
		if taken {
			if _, err := b.Act(incident.Act{KindName: incident.KindAct, ID: "1", At: own.OpenedAt, Actor: "ada", Verb: incident.Acknowledge, Incident: own.ID}); err != nil {
				t.Fatal(err)
			}
		}
		_, inc := b.Fold(at(13, "a", "location", finding.Drift, onset(8), broken))
		gone := b.Gone()
		if taken {
			if len(gone) != 0 || len(b.Incidents()) != 2 {
				t.Errorf("%d are gone, %d are there", len(gone), len(b.Incidents()))
			}
			continue
		}
		if len(gone) != 1 || gone[0].Change != incident.Merged || gone[0].Incident.ID != own.ID || gone[0].Incident.MergedInto != inc.ID || gone[0].Incident.Status != incident.Resolved {
			t.Fatalf("%+v", gone)
		}
		if len(b.Gone()) != 0 || len(b.Incidents()) != 1 || inc.Severity != finding.Page || inc.Impact == nil {
			t.Errorf("%d incidents, %+v", len(b.Incidents()), inc)
		}
		if want := "a is 100 times larger since 2026-03-25 08:00; the model does worse"; inc.Title != want {
			t.Errorf("it is called %q", inc.Title)
		}
		if slices.ContainsFunc(inc.Subjects, func(s incident.Subject) bool { return s.Name == "outcome" }) {
			t.Errorf("its subjects are %v", inc.Subjects)
		}
	}
}

// What outcomes show that began when broken data had been mended is none of theirs: it becomes a part of them only for as long as it isn't known that they were.
func TestWhatBeganAfterwardsIsAnotherIncident(t *testing.T) {
	b := incident.NewBook()
	b.Fold(at(10, "a", "location", finding.Drift, onset(8), broken))
	if c, inc := b.Fold(outcomes(40, finding.Drift, onset(30), priced)); c != incident.Raised || !inc.Calls || len(b.Incidents()) != 1 {
		t.Fatalf("%s, called: %v, %d incidents", c, inc.Calls, len(b.Incidents()))
	}
	c, inc := b.Fold(at(20, "a", "location", finding.Equivalent))
	if c != incident.Closed || inc.Severity != finding.Ticket || inc.Impact != nil || inc.ResolvedAt == nil || !inc.ResolvedAt.Equal(start.Add(20*time.Hour)) {
		t.Errorf("%s: %+v", c, inc)
	}
	gone := b.Gone()
	if len(gone) != 1 || gone[0].Change != incident.Opened || !gone[0].Incident.Status.Active() || !gone[0].Incident.Calls || gone[0].Incident.MergedInto != "" || gone[0].Incident.Severity != finding.Page {
		t.Fatalf("%+v", gone)
	}
	if own, ok := b.Find(gone[0].Incident.ID); !ok || own.Status != incident.Open || len(b.Incidents()) != 2 {
		t.Errorf("%+v of %d", own, len(b.Incidents()))
	}
	act(t, b, gone[0].Incident.ID, incident.Acknowledge)
}

// Who was told that broken data are over hears it, and is called, when outcomes show that they are not: by a signal of then, and by a worse one later.
func TestOutcomesBringBackWhatWasOver(t *testing.T) {
	for _, ticket := range []bool{false, true} {
		b := incident.NewBook()
		_, inc := b.Fold(at(10, "a", "location", finding.Drift, onset(8), broken, page))
		act(t, b, inc.ID, incident.Acknowledge)
		if c, inc := b.Fold(at(20, "a", "location", finding.Equivalent)); c != incident.Closed || inc.Pages != 1 {
			t.Fatalf("%s, %d pages", c, inc.Pages)
		}
		if ticket {
			c, inc := b.Fold(outcomes(21, finding.Drift, onset(9)))
			if c != incident.Reopened || inc.Calls {
				t.Errorf("a ticket: %s, called: %v", c, inc.Calls)
			}
		}
		c, inc := b.Fold(at(22, "outcome", "auc", finding.Drift, onset(9), priced))
		if c != incident.Reopened || inc.Change != c || !inc.Calls || inc.Pages != 2 || inc.Reopenings != 0 || inc.Status != incident.Acknowledged {
			t.Errorf("%s, told %s, called: %v, %d pages, %d times back, %s", c, inc.Change, inc.Calls, inc.Pages, inc.Reopenings, inc.Status)
		}
		if c, inc := b.Fold(at(23, "outcome", "log_loss", finding.Drift, onset(9), priced)); c != incident.Joined || inc.Calls {
			t.Errorf("one more: %s, called: %v", c, inc.Calls)
		}
	}
}

// What a person resolved with its outcomes is over with them; if outcomes get worse it is back, and recovers by itself then.
func TestAPersonResolvesBrokenDataAndItsOutcomes(t *testing.T) {
	for name, first := range map[string]func(l *life){
		"inputs are broken":     func(*life) {},
		"inputs have recovered": func(l *life) { l.found(at(14, "a", "location", finding.Equivalent)) },
	} {
		l := newLife(t)
		l.found(at(10, "a", "location", finding.Drift, onset(8), broken))
		l.found(outcomes(12, finding.Drift, onset(9)))
		first(l)
		inc := l.must(incident.Resolve, "#0")[0].Incident
		if inc.Status != incident.Resolved || inc.Reason != "person" || inc.ResolvedAt == nil || inc.ResolvedAt.Before(clock) {
			t.Errorf("%s: %+v", name, inc)
		}
		if inc = l.found(outcomes(15, finding.Drift, onset(9))); inc.Status != incident.Resolved || inc.Reason != "person" {
			t.Errorf("%s, and it goes on: %s", name, inc.Status)
		}
		if inc = l.found(outcomes(16, finding.Drift, onset(9), priced)); inc.Status != incident.OpenAgain || !inc.Calls || inc.ResolvedAt != nil || inc.Reason != "" {
			t.Errorf("%s, and it got worse: %+v", name, inc)
		}
		if inc = l.found(outcomes(30, finding.Equivalent)); inc.Status != incident.Resolved || inc.Reason != "" || !inc.ResolvedAt.Equal(start.Add(30*time.Hour)) {
			t.Errorf("%s, and it is over: %+v", name, inc)
		}
		if len(l.book.Incidents()) != 1 {
			t.Errorf("%s: %d incidents", name, len(l.book.Incidents()))
		}
	}
}

// A silence of the model that ends while an incident is over is none when it comes back, in whatever way, and one that begins meanwhile is.
func TestSilencesOfTheModelWhileAnIncidentIsOver(t *testing.T) {
	drift := at(10, "a", "location", finding.Drift, onset(8), broken, page)
	ways := map[string]func(l *life) incident.Incident{
		"the signal": func(l *life) incident.Incident { return l.found(at(400, "a", "location", finding.Drift, page)) },
		"outcomes":   func(l *life) incident.Incident { return l.found(outcomes(22, finding.Drift, onset(9), priced)) },
		"a person":   func(l *life) incident.Incident { return l.must(incident.Reopen, "#0")[0].Incident },
	}
	quiet := func(a *incident.Act) { a.Incident, a.Model = "", "m" }
	for name, back := range ways {
		for _, begins := range []bool{false, true} {
			l := newLife(t)
			l.found(drift)
			if !begins {
				l.must(incident.Hush, "#0", quiet, until(48*time.Hour))
			}
			over := at(20, "a", "location", finding.Equivalent)
			if name == "the signal" {
				over = at(300, "a", "location", finding.Equivalent)
			}
			l.found(over)
			if begins {
				l.must(incident.Hush, "#0", quiet, until(48*time.Hour))
			} else {
				l.must(incident.Unhush, "#0", quiet)
			}
			inc := back(l)
			if !inc.Status.Active() || (inc.Silence != nil) != begins || name != "a person" && inc.Calls == begins {
				t.Errorf("%s, in a silence: %v: %s, %v, called: %v", name, begins, inc.Status, inc.Silence, inc.Calls)
			}
		}
	}
}

// What outcomes show an incident to cost goes before what scores let one expect, however much that was, and whichever is heard of first.
func TestMeasuredBeforeEstimated(t *testing.T) {
	price := func(soFar, rate finding.Number, basis string) func(*finding.Finding) {
		return func(f *finding.Finding) {
			f.Impact = &finding.Impact{Currency: "EUR", SoFar: soFar, Basis: basis, Burn: &finding.Burn{Rate: rate, Of: "budget"}}
		}
	}
	found := []finding.Finding{
		at(10, "a", "location", finding.Drift, onset(8), broken, price(900, 30, "estimated")),
		at(10, "b", "location", finding.Drift, onset(8), price(950, 40, "estimated")),
		outcomes(12, finding.Drift, onset(9), price(50, 2, "measured")),
		at(12, "outcome", "auc", finding.Drift, onset(9), price(60, 3, "measured")),
		at(13, "outcome", "auc", finding.Drift, onset(9), north, price(70, 1.5, "measured")),
	}
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {2, 0, 3, 4, 1}, {3, 1, 2, 0, 4}} {
		b := incident.NewBook()
		for _, i := range order {
			b.Fold(found[i])
		}
		all := b.Incidents()
		if inc := &all[0]; len(all) != 1 || inc.Impact.Basis != "measured" || inc.Impact.SoFar != 60 || inc.Weight.Cost != 3 || inc.Weight.Basis != "measured" {
			t.Errorf("%v: %d incidents, %+v, %+v", order, len(all), inc.Impact, inc.Weight)
		}
	}
	b := incident.NewBook()
	b.Fold(found[0])
	if _, inc := b.Fold(found[4]); inc.Impact.Basis != "estimated" || inc.Weight.Cost != 30 {
		t.Errorf("of a slice alone: %+v, %+v", inc.Impact, inc.Weight)
	}
}

// Who was called for what outcomes showed, and hears that this is over because it is a part of another now, is called for that: the same call, and none if
// somebody has been called for it or the trouble is over.
func TestTheCallOfWhatIsAbsorbed(t *testing.T) {
	named := func(more ...func(*finding.Finding)) finding.Finding {
		return at(13, "a", "location", finding.Drift, append([]func(*finding.Finding){onset(8), broken}, more...)...)
	}
	before := at(10, "a", "location", finding.Drift, onset(8))
	for name, c := range map[string]struct {
		found []finding.Finding
		want  incident.Change
		calls bool
	}{
		"a ticket that becomes a page":       {[]finding.Finding{before, outcomes(12, finding.Drift, onset(9), priced), named()}, incident.Raised, true},
		"a page that nobody was called for":  {[]finding.Finding{outcomes(12, finding.Drift, onset(9), priced), named(page)}, incident.Opened, true},
		"a ticket that is new":               {[]finding.Finding{outcomes(12, finding.Drift, onset(9), priced), named()}, incident.Opened, true},
		"a page that somebody was called of": {[]finding.Finding{at(10, "a", "location", finding.Drift, onset(8), page), outcomes(12, finding.Drift, onset(9), priced), named(page)}, incident.Updated, false},
		"outcomes that are well again": {
			[]finding.Finding{before, outcomes(11, finding.Drift, onset(9), priced), outcomes(12, finding.Equivalent), named()}, incident.Updated, false,
		},
		"tickets": {[]finding.Finding{before, outcomes(12, finding.Drift, onset(9)), named()}, incident.Updated, false},
	} {
		b := incident.NewBook()
		var last incident.Change
		var inc incident.Incident
		for _, f := range c.found {
			last, inc = b.Fold(f)
		}
		pages := 1
		if inc.Severity != finding.Page {
			pages = 0
		}
		if last != c.want || inc.Change != c.want || inc.Calls != c.calls || inc.Pages != pages || len(b.Gone()) != 1 {
			t.Errorf("%s: %s, called: %v, %d pages", name, last, inc.Calls, inc.Pages)
		}
	}
}

// act does something to an incident.
func act(t *testing.T, b *incident.Book, id string, v incident.Verb) {
	t.Helper()
	if _, err := b.Act(incident.Act{KindName: incident.KindAct, ID: string(v), At: start, Actor: "ada", Verb: v, Incident: id}); err != nil {
		t.Fatal(err)
	}
}

// Where the events show that only a job or version lies elsewhere that the reference doesn't know, the change that names its columns names it.
func TestANewReleaseIsNamedByItsDeploy(t *testing.T) {
	found := at(11, "a", "location", finding.Drift, onset(10), broken, func(f *finding.Finding) {
		f.Diagnosis.NewLineage, f.Diagnosis.Slice = true, map[string]string{"etl": "other"}
	})
	b := incident.NewBook()
	_, inc := b.Fold(found)
	if want := "a is 100 times larger since 2026-03-25 10:00, in events of a job or version never seen"; inc.Title != want || inc.Lineage != nil {
		t.Errorf("it is called %q, with %v", inc.Title, inc.Lineage)
	}
	told, _ := b.Change(changed(9.9, change.ETL, "etl.a", ran("v2"), fields("a"), func(c *change.Event) { c.Run = false }))
	if len(told) != 1 {
		t.Fatalf("%d are told", len(told))
	}
	inc = told[0].Incident
	if want := "a is 100 times larger since 2026-03-25 10:00, with etl.a@v2"; inc.Title != want || inc.Lineage == nil || inc.Lineage.Version != "v2" {
		t.Errorf("it is called %q, with %v", inc.Title, inc.Lineage)
	}
}

// What people part says what it is about, whichever side leaves: what outcomes show is then of outcomes, and what comes is told where it belongs.
func TestSplitOfBrokenDataAndItsOutcomes(t *testing.T) {
	for name, c := range map[string]struct{ leaves, stays string }{
		"outcomes leave": {"outcome", "a"}, "inputs leave": {"a", "outcome"},
	} {
		l := newLife(t)
		l.found(at(10, "a", "location", finding.Drift, onset(8), broken))
		l.found(outcomes(12, finding.Drift, onset(9), priced))
		told := l.must(incident.Split, "#0", subjects(c.leaves))
		for i, want := range []string{c.stays, c.leaves} {
			inc := &told[i].Incident
			if len(inc.Subjects) != 1 || inc.Subjects[0].Name != want {
				t.Errorf("%s: the subjects of %q are %v", name, inc.Title, inc.Subjects)
			}
			if got := l.book.Signals(inc.ID); len(got) != 1 || got[0].Subject != want {
				t.Errorf("%s: the signals of %q are %v", name, inc.Title, got)
			}
			kind := "unit_change"
			if want == "outcome" {
				kind = "calibration"
			}
			if inc.Cause.Kind != kind {
				t.Errorf("%s: the cause of %q is %s", name, inc.Title, inc.Cause.Kind)
			}
		}
		if joined := l.found(at(13, "outcome", "auc", finding.Drift, onset(2))); joined.Cause.Kind != "calibration" || len(l.book.Incidents()) != 2 {
			t.Errorf("%s: what outcomes show then is told in %q", name, joined.Title)
		}
	}
}

// A cause may get its name until it has its events, or its panes; of outcomes, scores, slices, rules and hard faults none is looked for again, nor of what has one.
func TestPending(t *testing.T) {
	events := func(n int64) func(*finding.Finding) {
		return func(f *finding.Finding) { f.N.Current = n }
	}
	for name, c := range map[string]struct {
		found []finding.Finding
		until float64 // hours after start; 0: not pending
	}{
		"few events":      {[]finding.Finding{at(10, "a", "location", finding.Drift, onset(8), events(10))}, 33},
		"no number":       {[]finding.Finding{at(10, "a", "location", finding.Drift, onset(8))}, 33},
		"many events":     {[]finding.Finding{at(10, "a", "location", finding.Drift, onset(8), events(3000))}, 12},
		"the last of two": {[]finding.Finding{at(10, "a", "location", finding.Drift, onset(8), events(3000)), at(10, "b", "scale", finding.Drift, onset(9), events(4000))}, 12},
		"it has one":      {[]finding.Finding{at(10, "a", "location", finding.Drift, onset(8), broken)}, 0},
		"one has":         {[]finding.Finding{at(10, "a", "location", finding.Drift, onset(8), broken), at(10, "b", "scale", finding.Drift, onset(9), events(8000))}, 11},
		"it is back":      {[]finding.Finding{at(10, "a", "location", finding.Drift, onset(8)), at(11, "a", "location", finding.Equivalent)}, 0},
		"a score":         {[]finding.Finding{at(10, "score", "location", finding.Drift)}, 0},
		"a slice":         {[]finding.Finding{at(10, "a", "location", finding.Drift, north)}, 0},
		"a rule":          {[]finding.Finding{at(10, "a", "rule", finding.Drift)}, 0},
		"a fault":         {[]finding.Finding{at(10, "a", "constant", finding.Fault)}, 0},
		"outcomes":        {[]finding.Finding{outcomes(10, finding.Drift)}, 0},
	} {
		b := incident.NewBook()
		for _, f := range c.found {
			b.Fold(f)
		}
		until, takes := b.Pending(b.Incidents()[0].ID)
		if c.until == 0 && !until.IsZero() || c.until != 0 && (until.Sub(start).Hours() != c.until || takes <= 0) {
			t.Errorf("%s: until %s, which takes %s", name, until, takes)
		}
	}
}
