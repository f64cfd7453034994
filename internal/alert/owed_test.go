package alert

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/ledger"
)

// older appends findings as another build entered them: under incidents of its own.
func older(t *testing.T, l *ledger.Ledger, subjects []string, found ...finding.Finding) {
	t.Helper()
	var all []ledger.Entry
	for i := range found {
		body, err := json.Marshal(found[i])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, ledger.Entry{At: found[i].At, Kind: entryFinding, Subject: subjects[i], Actor: "detector", Body: body})
	}
	if err := l.Append(t.Context(), all, nil, nil); err != nil {
		t.Fatal(err)
	}
}

// What another build told of as incidents of their own, and is a part of another by the rules of this one, is told to be that: once, also where it isn't an incident
// any more; and what nobody was told of is told.
func TestWhatComesToSomethingElseIsTold(t *testing.T) {
	broken := fault(t, "income", 1, finding.Fault)
	broken.Diagnosis = &finding.Diagnosis{Kind: "unit_change", Confidence: 1, Sentence: "income is 100 times larger", Subjects: []string{"income"}, Corruption: true}
	if err := broken.Seal(); err != nil {
		t.Fatal(err)
	}
	outcomes := meaning(t, 2, finding.Fault)
	_, data := incident.NewBook().Fold(broken)
	_, own := incident.NewBook().Fold(outcomes)
	other := fault(t, "age", 5, finding.Fault)
	other.Onset = other.At
	if err := other.Seal(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		found    []finding.Finding
		subjects []string
		want     []string
	}{
		"a part now":            {[]finding.Finding{broken, outcomes}, []string{data.ID, own.ID}, []string{own.ID + " resolved into " + data.ID}},
		"no incident any more":  {[]finding.Finding{broken, outcomes}, []string{data.ID, "0123456789abcdef"}, []string{"0123456789abcdef resolved into " + data.ID}},
		"a second one":          {[]finding.Finding{broken, other}, []string{data.ID, data.ID}, []string{"? open into "}},
		"the same":              {[]finding.Finding{broken, outcomes}, []string{data.ID, data.ID}, nil},
		"a recovery of nothing": {[]finding.Finding{broken, fault(t, "age", 3, finding.Equivalent)}, []string{data.ID, ""}, nil},
	} {
		l := open(t)
		older(t, l, c.subjects, c.found...)
		for _, want := range [][]string{c.want, nil} { // and nothing at the next start
			rec := &recorder{name: "rec"}
			f := newFixture(t, l, rec)
			if _, err := f.restore(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := f.tellOwed(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.mustDeliver(t)
			var got []string
			for _, inc := range rec.got {
				id := inc.ID
				if id != data.ID && inc.MergedInto == "" {
					id = "?"
				}
				got = append(got, id+" "+string(inc.Status)+" into "+inc.MergedInto)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: told %q, want %q", name, got, want)
			}
		}
	}
}
