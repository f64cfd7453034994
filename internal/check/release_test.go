//go:build !race

// As with the other examples, the race detector has nothing to look for in here.

package check_test

import (
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/examples/census"
	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/file"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// Half of the producers get a version of a job that breaks a column. A version that the reference knows is named by the events themselves; of a new one they
// show that it lies in what is new; and a new one that breaks nothing is no incident. The price comes from outcomes, in the same incident.
func TestABrokenRelease(t *testing.T) {
	t.Parallel()
	text, err := census.FS.ReadFile(census.ContractFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Parse(census.ContractFile, text)
	if err != nil {
		t.Fatal(err)
	}
	from, until := time.Date(2026, 2, 5, 6, 0, 0, 0, time.UTC), time.Date(2026, 2, 9, 6, 0, 0, 0, time.UTC)
	for name, v := range map[string]struct {
		known  bool
		factor float64
		title  string
		unseen bool
	}{
		"one that is known":             {true, 100, "worked_share is 100 times larger since 2026-02-05 06:00, with etl.income@v42; score moved too; the model does worse", false},
		"a new one":                     {false, 100, "worked_share is 100 times larger since 2026-02-05 06:00, in events of a job or version never seen; score moved too; the model does worse", true},
		"a new one that breaks nothing": {false, 1, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			releases := func(id string, at time.Time) census.Release {
				on := !at.Before(from) && at.Before(until)
				switch {
				case !census.Half(id) || !on && !v.known:
					return census.Before
				case on:
					return census.Release{Version: "v42", Factor: v.factor}
				default:
					return census.Release{Version: "v42", Factor: 1}
				}
			}
			r, err := check.Run(c, check.Files{Predictions: "c.csv", Outcomes: "c.csv", Delay: time.Hour, Open: func(string) (file.Reader, error) {
				s, err := census.Stream(time.Time{}, releases)
				if err != nil {
					return nil, err
				}
				return file.New(s, file.CSV, "c.csv")
			}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if v.title == "" {
				if len(r.Incidents) != 0 {
					t.Errorf("%s", r.Incidents[0].Title)
				}
				return
			}
			if len(r.Incidents) != 1 {
				t.Fatalf("%d incidents: %+v", len(r.Incidents), r.Incidents)
			}
			inc := &r.Incidents[0]
			if inc.Title != v.title || inc.Severity != finding.Page || inc.Impact == nil || !(inc.Impact.PerDay > 0) || inc.Status != incident.Resolved {
				t.Errorf("a %s, %s: %s, price %+v", inc.Severity, inc.Status, inc.Title, inc.Impact)
			}
			if (inc.Lineage == nil) != v.unseen {
				t.Errorf("the lineage is %+v", inc.Lineage)
			}
			for i := range r.Findings {
				f := &r.Findings[i]
				if d := f.Diagnosis; d != nil && f.Alarming() && f.Subject == census.Column && (d.NewLineage != v.unseen || d.Kind != "unit_change" || d.Parameters["factor"] != "100") {
					t.Errorf("%+v", d)
				}
			}
		})
	}
}
