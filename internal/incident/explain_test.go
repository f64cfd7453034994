package incident_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// What a manager reads, at three moments of an incident's life.
func TestExplain(t *testing.T) {
	l := newLife(t)
	l.book.SetPolicy("m", &plan.Policy{Owners: map[string]string{"data": "grid-data"}, Runbooks: map[string]string{"missing": "docs/missing.md"}})
	l.found(at(1, "income", "missing", finding.Drift, page, evidence(6), cost(12300, 4100), figure("missing values", 0.1, 31, "%")))
	l.found(at(2, "age", "missing", finding.Drift, evidence(2), north))
	var out strings.Builder
	say := func(title string) {
		inc := l.book.Incidents()[0]
		out.WriteString("# " + title + "\n" + incident.Explain(&inc, clock.Add(3*24*time.Hour)) + "\n")
	}
	say("new")
	l.must(incident.Acknowledge, "#0", comment("looking"))
	l.must(incident.Hush, "#0", until(time.Hour), comment("deploy"))
	say("taken and silenced")
	id := l.book.Incidents()[0].ID
	l.book.HoldRetraining(id, incident.Hold{Because: "broken_data", Why: "held back because income is missing: broken data (missing)", Since: clock})
	say("retraining is held")
	l.must(incident.Resolve, "#0")
	l.must(incident.Judge, "#0", says(incident.TrueAlarm))
	say("over")
	golden := filepath.Join("testdata", "explain.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
