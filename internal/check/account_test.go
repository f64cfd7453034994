//go:build !race

// The race detector has nothing to look for in here that the other tests lack, and would take minutes for it.

package check_test

import (
	"bytes"
	csvfile "encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
)

// account is where people read what became of every incident of the examples.
const account = "../../docs/incidents.md"

// judged is one line of testdata/incidents: an incident, and what was found when the raw data was looked at.
type judged struct{ opened, severity, title, verdict, why string }

func (j judged) key() string { return strings.Join([]string{j.opened, j.severity, j.title}, "\x00") }

var judgedHead = []string{"opened", "severity", "title", "verdict", "why"}

// verdicts are what may be said of an incident; unread is written by -update where nobody has looked yet, and fails.
var verdicts = []string{"true", "false", "unclear"}

const unread = "?"

// reports are the examples' reports, made once: the flights take seconds.
var reports = map[string]func() (*check.Report, error){
	"electricity": electricity,
	"flights":     sync.OnceValues(func() (*check.Report, error) { return loadExample("flights") }),
	"weather":     sync.OnceValues(func() (*check.Report, error) { return loadExample("weather") }),
}

func loadExample(name string) (*check.Report, error) {
	dir := filepath.Join("../../examples", name)
	c, err := contract.Load(filepath.Join(dir, "contract.yaml"))
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, name+".csv.gz")
	return check.Run(c, check.Files{Predictions: data, Outcomes: data}, nil)
}

// What the examples say must be what docs/incidents.md accounts for: no more, no less. After a change that moves an incident, -update writes the
// lists and the page anew, with ? where a verdict is owed; it fails until somebody has looked (docs/incidents.py shows where).
func TestIncidentsAreAccountedFor(t *testing.T) {
	page, err := os.ReadFile(account)
	if err != nil {
		t.Fatal(err)
	}
	was := string(page)
	now := was
	var sums []string
	var wg sync.WaitGroup
	for _, report := range reports { // what goes wrong is seen below
		wg.Go(func() { _, _ = report() })
	}
	wg.Wait()
	for _, name := range []string{"electricity", "flights", "weather"} {
		r, err := reports[name]()
		if err != nil {
			t.Fatal(err)
		}
		all := reconcile(t, name, r)
		now = between(t, now, name, table(all))
		sums = append(sums, sum(name, r, all))
	}
	now = between(t, now, "counts", "| stream | incidents | true | causes of these | false | unclear | months of 30 days | false per month | false or unclear per month | the contract bears per month |\n"+
		"|---|---|---|---|---|---|---|---|---|---|\n"+strings.Join(sums, ""))
	if *update {
		if err := os.WriteFile(account, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(was, now); d != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", account, d)
	}
}

// reconcile holds a report's incidents against the list of those that were looked at, and returns the list.
func reconcile(t *testing.T, name string, r *check.Report) []judged {
	t.Helper()
	path := filepath.Join("testdata", "incidents", name+".csv")
	known := map[string]judged{}
	b, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	rows, err := csvfile.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[min(1, len(rows)):] {
		j := judged{row[0], row[1], row[2], row[3], row[4]}
		known[j.key()] = j
	}
	var all []judged
	var out bytes.Buffer
	w := csvfile.NewWriter(&out)
	_ = w.Write(judgedHead) // a bytes.Buffer takes everything
	for i := range r.Incidents {
		n := &r.Incidents[i]
		j := judged{opened: n.OpenedAt.Format("2006-01-02"), severity: string(n.Severity), title: n.Title, verdict: unread, why: unread}
		if k, ok := known[j.key()]; ok {
			j.verdict, j.why = k.verdict, k.why
		}
		delete(known, j.key())
		if !slices.Contains(verdicts, j.verdict) {
			t.Errorf("%s: %s: nobody has said whether it is true: %s", path, j.opened, j.title)
		}
		all = append(all, j)
		_ = w.Write([]string{j.opened, j.severity, j.title, j.verdict, j.why})
	}
	w.Flush()
	for _, j := range known {
		t.Logf("%s: %s is no longer said: %s (%s: %s)", path, j.opened, j.title, j.verdict, j.why)
	}
	golden(t, filepath.Join("incidents", name+".csv"), out.Bytes())
	return all
}

// shorter leaves out what is in most titles.
var shorter = strings.NewReplacer(" moved away from the reference since", ", since", " moved away from the reference in", " in",
	"outcomes are not as often positive as in the reference: ", "")

// table groups what has one verdict for one reason.
func table(all []judged) string {
	var b strings.Builder
	b.WriteString("| opened | what was said | verdict | why |\n|---|---|---|---|\n")
	done := map[[2]string]bool{}
	for _, first := range all {
		group := [2]string{first.verdict, first.why}
		if done[group] {
			continue
		}
		done[group] = true
		var opened, said []string
		for _, j := range all {
			if [2]string{j.verdict, j.why} != group {
				continue
			}
			title := shorter.Replace(j.title)
			title = strings.TrimSuffix(title, " 00:00")
			if j.severity == "page" {
				title += " (page)"
			}
			opened, said = append(opened, j.opened), append(said, title)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", strings.Join(opened, "<br>"), strings.Join(said, "<br>"), group[0], group[1])
	}
	return b.String()
}

// sum is a stream's line of the counts. An incident whose cause another one has told is counted with it.
func sum(name string, r *check.Report, all []judged) string {
	n := map[string]int{}
	causes := map[string]bool{}
	for _, j := range all {
		n[j.verdict]++
		if j.verdict == "true" {
			causes[j.why] = true
		}
	}
	months := r.Judged.To.Sub(r.Judged.From).Hours() / 24 / 30
	return fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %.1f | %.3f | %.3f | 4 tickets, 1 page |\n", name, len(all), n["true"], len(causes), n["false"], n["unclear"],
		months, float64(n["false"])/months, float64(n["false"]+n["unclear"])/months)
}

// between replaces what stands between a page's marks of a name.
func between(t *testing.T, page, name, text string) string {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->\n"
	head, rest, ok := strings.Cut(page, begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no %q with %q after it", account, begin, end)
	}
	return head + begin + text + end + tail
}
