package incident_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// lives draws what some signals do over weeks, as one lane tells it: in the order of event time, each signal alarms, goes on, may get a name or become a page,
// and recovers, again and again.
func lives(t *rapid.T, lane string, signals [][2]string, isNamed *rapid.Generator[bool]) []finding.Finding {
	var out []finding.Finding
	open := map[int]float64{} // onsets, by signal
	hours := 10.0
	for range rapid.IntRange(1, 10).Draw(t, lane) {
		hours += rapid.SampledFrom([]float64{0, 1, 3, 8, 30, 100, 190}).Draw(t, "later")
		i := rapid.IntRange(0, len(signals)-1).Draw(t, "signal")
		subject, channel := signals[i][0], signals[i][1]
		began, is := open[i]
		if is && rapid.Bool().Draw(t, "recovers") {
			out = append(out, at(hours, subject, channel, rapid.SampledFrom([]finding.Verdict{finding.Equivalent, finding.Superseded}).Draw(t, "how")))
			delete(open, i)
			continue
		}
		if !is {
			began = hours - rapid.SampledFrom([]float64{1, 2, 6, 20, 40}).Draw(t, "before")
			open[i] = began
		}
		verdict := map[string]finding.Verdict{"promise": finding.Breach, "constant": finding.Fault}[channel]
		if verdict == "" {
			verdict = finding.Drift
		}
		f := at(hours, subject, channel, verdict, onset(began))
		if rapid.IntRange(0, 2).Draw(t, "pages") == 0 {
			page(&f)
		}
		if isNamed.Draw(t, "named") {
			named(rapid.SampledFrom([]string{"unit_change", "stuck"}).Draw(t, "kind"))(&f)
		}
		if err := f.Seal(); err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

// interleaved is any order of two lanes that keeps the order of each.
func interleaved(t *rapid.T, a, b []finding.Finding) []finding.Finding {
	var out []finding.Finding
	for len(a)+len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && rapid.Bool().Draw(t, "first") {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return out
}

// settled is what a book has come to, without what it said in passing.
func settled(t *rapid.T, found []finding.Finding) string {
	b := incident.NewBook()
	for _, f := range found {
		b.Fold(f)
	}
	all := b.Incidents()
	for i := range all {
		all[i].Calls, all[i].Change = false, incident.None
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Which incident a signal belongs to, how often somebody was to be called and all else that an incident holds hang on event times, and not on which of
// inputs and outcomes was heard of first.
func TestIncidentsDontHangOnTheOrderOfLanes(t *testing.T) {
	inputs := [][2]string{{"a", "location"}, {"b", "location"}, {"score", "location"}, {"b", "level"}, {"c", "constant"}}
	truths := [][2]string{{"outcome", "calibration"}, {"outcome", "auc"}, {"promise ece", "promise"}, {"outcome", "label_rate"}, {"sex", "fairness_outcomes"}}
	rapid.Check(t, func(t *rapid.T) {
		data, truth := lives(t, "inputs", inputs, rapid.Bool()), lives(t, "outcomes", truths, rapid.Just(false))
		first, second := interleaved(t, data, truth), interleaved(t, data, truth)
		if diff := cmp.Diff(settled(t, first), settled(t, second)); diff != "" {
			t.Fatalf("%s\n%s\nanother order, other incidents:\n%s", script(first), script(second), diff)
		}
	})
}

// What is heard of in the order of event time, with its cause, calls somebody as often as the incident says: in its own name, or, before it was known what
// was behind it, in that of what became a part of it.
func TestCallsAreThePagesOfTheIncident(t *testing.T) {
	inputs := [][2]string{{"a", "location"}, {"b", "location"}}
	truths := [][2]string{{"outcome", "calibration"}, {"outcome", "auc"}}
	rapid.Check(t, func(t *rapid.T) {
		found := append(lives(t, "inputs", inputs, rapid.Just(true)), lives(t, "outcomes", truths, rapid.Just(false))...)
		slices.SortStableFunc(found, func(a, b finding.Finding) int { return a.At.Compare(b.At) })
		b := incident.NewBook()
		calls, within := map[string]int{}, map[string]string{}
		told := func(inc incident.Incident) {
			if inc.Calls {
				calls[inc.ID]++
			}
		}
		for _, f := range found {
			_, inc := b.Fold(f)
			told(inc)
			for _, g := range b.Gone() {
				if g.Change != incident.Merged {
					return // it turned out that another cause, or none, is behind what somebody was called for
				}
				told(g.Incident)
				within[g.Incident.ID] = g.Incident.MergedInto
			}
		}
		for _, inc := range b.Incidents() {
			parts := 0
			for id, into := range within {
				if into == inc.ID {
					parts += calls[id]
				}
			}
			if n := calls[inc.ID]; n > inc.Pages || n+parts < inc.Pages {
				t.Fatalf("%s\n%d and %d calls, %d pages: %s", script(found), n, parts, inc.Pages, inc.Title)
			}
		}
	})
}

// script is what findings say, a line each.
func script(found []finding.Finding) string {
	out := ""
	for _, f := range found {
		name := ""
		if f.Diagnosis != nil {
			name = " named"
		}
		out += fmt.Sprintf("%g h: %s %s %s %s since %g%s\n", f.At.Sub(start).Hours(), f.Subject, f.Channel, f.Verdict, f.Severity, f.Onset.Sub(start).Hours(), name)
	}
	return out
}
