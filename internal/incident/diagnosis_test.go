package incident_test

import (
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// What broke gives the incident its title, cause, onset, place, lineage and runbook; what moved with it is named after it.
func TestDiagnosisSpeaks(t *testing.T) {
	at := time.Date(2026, 3, 25, 12, 0, 0, 0, time.UTC)
	f := func(subject string, hours int, log10 float64, d *finding.Diagnosis) finding.Finding {
		onset := at.Add(time.Duration(hours) * time.Hour)
		out := finding.Finding{
			Model: "m", Subject: subject, Channel: "location", Metric: "shift_in_reference_sd", Verdict: finding.Drift, Severity: finding.Ticket,
			At: at, Onset: onset, Window: finding.Window{Start: at.Add(-time.Hour), End: at}, Evidence: finding.Evidence{Log10: finding.Number(log10)}, Diagnosis: d,
		}
		if err := out.Seal(); err != nil {
			t.Fatal(err)
		}
		return out
	}
	unit := &finding.Diagnosis{
		Kind: "unit_change", Sentence: "income is 100 times larger", Confidence: 0.98, Parameters: map[string]string{"factor": "100"}, Subjects: []string{"income"},
		Slice: map[string]string{"job": "etl.income@v42"}, Lineage: "etl.income@v42", Fix: "divide by 100", Corruption: true,
	}
	moved := &finding.Diagnosis{Kind: "covariate_shift", Sentence: "score lies elsewhere, and is shaped as before", Subjects: []string{"score"}}
	b := incident.NewBook()
	b.SetPolicy("m", &plan.Policy{Runbooks: map[string]string{"unit_change": "units.md"}})
	b.Fold(f("score", -3, 9, moved))
	b.Fold(f("income", -2, 4, nil))
	_, inc := b.Fold(f("income", -1, 4, unit)) // told again, with a name
	if want := "income is 100 times larger since 2026-03-25 11:00, with etl.income@v42; score moved too"; inc.Title != want {
		t.Errorf("it is called %q, want %q", inc.Title, want)
	}
	if inc.Cause.Kind != "unit_change" || inc.Cause.Confidence != 0.98 || inc.Cause.Parameters["factor"] != "100" || inc.Cause.Fix != "divide by 100" || inc.Cause.Against == nil {
		t.Errorf("its cause is %+v", inc.Cause)
	}
	if inc.Lineage == nil || *inc.Lineage != (incident.Lineage{Job: "etl.income", Version: "v42"}) || inc.Runbook != "units.md" {
		t.Errorf("lineage %v, runbook %q", inc.Lineage, inc.Runbook)
	}
	if len(inc.Slices) != 1 || inc.Slices[0]["job"] != "etl.income@v42" || !inc.Onset.Equal(at.Add(-time.Hour)) {
		t.Errorf("in %v since %s", inc.Slices, inc.Onset)
	}
}

// Fewer missing values than before are no missing values.
func TestFewerAreMissing(t *testing.T) {
	at := time.Date(2026, 3, 25, 12, 0, 0, 0, time.UTC)
	f := finding.Finding{Model: "m", Subject: "a", Channel: "missing", Metric: "missing_share_change", Value: -0.1, Verdict: finding.Drift, At: at, Onset: at}
	if err := f.Seal(); err != nil {
		t.Fatal(err)
	}
	_, inc := incident.NewBook().Fold(f)
	if inc.Cause.Kind != "unknown" || inc.Title != "a moved away from the reference since 2026-03-25 12:00" {
		t.Errorf("it is called %q, and its cause %s", inc.Title, inc.Cause.Kind)
	}
}
