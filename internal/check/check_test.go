package check_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/file"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

var update = flag.Bool("update", false, "write the golden files anew")

const example = "../../examples/electricity/"

// electricity is the example's report; it takes a while, so it is made once.
var electricity = sync.OnceValues(func() (*check.Report, error) {
	c, err := contract.Load(example + "contract.yaml")
	if err != nil {
		return nil, err
	}
	data := example + "electricity.csv.gz"
	return check.Run(c, check.Files{Predictions: data, Outcomes: data, Delay: 30 * time.Minute, Version: "gbm-1"}, nil)
})

func electric(t *testing.T) *check.Report {
	t.Helper()
	r, err := electricity()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", path, d)
	}
}

func TestElectricityText(t *testing.T) {
	var out bytes.Buffer
	check.Write(&out, electric(t))
	golden(t, "electricity.txt", out.Bytes())
}

// The incidents as they are published; of the lists of findings only the length and the first.
func TestElectricityIncidents(t *testing.T) {
	incidents := slices.Clone(electric(t).Incidents)
	for i := range incidents {
		f := incidents[i].Findings
		incidents[i].Findings = []string{f[0], fmt.Sprintf("%d in all", len(f))}
	}
	b, err := json.MarshalIndent(incidents, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "electricity.json", append(b, '\n'))
}

// What the example is known to hold must be found, in time, with its price, and nothing may page before it happens.
func TestElectricityHoldsWhatHappened(t *testing.T) {
	r := electric(t)
	date := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	var broken, released []incident.Incident
	for _, i := range r.Incidents {
		if i.Severity == finding.Page && i.OpenedAt.Before(date("1997-03-08")) {
			t.Errorf("a page at %s, before anything happened: %s", i.OpenedAt, i.Title)
		}
		if i.Onset.Equal(date("1997-03-10")) && (i.Cause.Kind == "concept_drift" || i.Cause.Kind == "performance") {
			broken = append(broken, i)
		}
		if i.Onset.Equal(date("1997-05-05")) {
			released = append(released, i)
		}
	}
	if len(broken) != 1 {
		t.Fatalf("%d incidents of the break of 10 March", len(broken))
	}
	if b := broken[0]; b.Impact == nil || !(b.Impact.PerDay > 0) || !b.OpenedAt.Before(date("1997-04-01")) || b.Severity != finding.Page {
		t.Errorf("%s: impact %+v, opened %s, %s", b.Title, b.Impact, b.OpenedAt, b.Severity)
	}
	if len(released) != 1 {
		t.Fatalf("%d incidents of the release of 5 May", len(released))
	}
	var subjects []string
	for _, s := range released[0].Subjects {
		subjects = append(subjects, s.Name)
	}
	slices.Sort(subjects)
	if d := cmp.Diff([]string{"transfer", "vicdemand", "vicprice"}, subjects); d != "" {
		t.Error(d)
	}
}

const head = `
apiVersion: plumbline/v1
kind: QualityContract
metadata: {model: m}
owners: {data: d, model: e}
task: {type: binary, positive: 1}
streams:
  prediction: {topic: p, schema: {subject: p-value}, fields: {id: id, time: ts, score: score}}
  outcome: {topic: o, schema: {subject: o-value}, fields: {id: id, time: ts, label: y}, keep: 2d, mature_after: 1h}
inputs:
  x: {type: numeric}
  cat: {type: categorical}
watch:
  reference: {from: 2024-01-01, to: 2024-01-21}
`

func parse(t *testing.T, src string) *contract.Contract {
	t.Helper()
	c, err := contract.Parse("test.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// line is one event with its outcome.
type line struct {
	id, cat, y string
	at         time.Time
	x, score   float64
}

const perDay = 48

// lines are days of events; x moves by three standard deviations after 25 days.
func lines(days int) []line {
	rng := rand.New(rand.NewPCG(3, 4))
	out := make([]line, days*perDay)
	for i := range out {
		l := &out[i]
		l.id, l.at = fmt.Sprint("e", i), time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i)*30*time.Minute)
		l.x, l.cat, l.y = rng.NormFloat64(), []string{"a", "b"}[rng.IntN(2)], "0"
		l.score = 1 / (1 + math.Exp(-l.x))
		if rng.Float64() < l.score {
			l.y = "1"
		}
		if i >= 25*perDay {
			l.x += 3
		}
	}
	return out
}

func csv(all []line) string {
	var b strings.Builder
	b.WriteString("id,ts,x,cat,score,y\n")
	for _, l := range all {
		fmt.Fprintf(&b, "%s,%s,%v,%s,%v,%s\n", l.id, l.at.Format(time.RFC3339), l.x, l.cat, l.score, l.y)
	}
	return b.String()
}

func jsonl(t *testing.T, all []line) string {
	t.Helper()
	var b strings.Builder
	for _, l := range all {
		v, err := json.Marshal(map[string]any{"id": l.id, "ts": l.at.Format(time.RFC3339), "x": l.x, "cat": l.cat, "score": l.score, "y": json.Number(l.y)})
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(v, '\n'))
	}
	return b.String()
}

// in makes Files that open the given texts by name.
func in(texts map[string]string, predictions, outcomes string) check.Files {
	return check.Files{
		Predictions: predictions, Outcomes: outcomes, Delay: 10 * time.Minute,
		Open: func(name string) (file.Reader, error) {
			text, ok := texts[name]
			if !ok {
				return nil, os.ErrNotExist
			}
			return file.New(strings.NewReader(text), file.Auto, name)
		},
	}
}

func run(t *testing.T, c *contract.Contract, f check.Files) *check.Report {
	t.Helper()
	r, err := check.Run(c, f, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Streams {
		var rejected int64
		for _, n := range s.Rejected {
			rejected += n
		}
		if s.Read != s.Accepted+s.Filtered+rejected {
			t.Errorf("%s: read %d, accepted %d, filtered %d, rejected %d", s.File, s.Read, s.Accepted, s.Filtered, rejected)
		}
	}
	return r
}

// findings are a report's findings without where their events lie.
func findings(t *testing.T, r *check.Report) string {
	t.Helper()
	all := slices.Clone(r.Findings)
	for i := range all {
		all[i].Offsets = nil
	}
	b, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestOneFile(t *testing.T) {
	r := run(t, parse(t, head), in(map[string]string{"a.csv": csv(lines(32))}, "a.csv", "a.csv"))
	if len(r.Incidents) != 1 || r.Incidents[0].Subjects[0].Name != "x" || !r.Incidents[0].Onset.Equal(time.Date(2024, 1, 26, 0, 0, 0, 0, time.UTC)) {
		t.Fatalf("incidents %+v", r.Incidents)
	}
	if r.Alarming() != 1 || r.Rows != 20*perDay || len(r.Streams) != 2 || r.Late != 0 {
		t.Errorf("alarming %d, %d rows, %d streams, %d late", r.Alarming(), r.Rows, len(r.Streams), r.Late)
	}
	if r.Judged == nil || !r.Judged.To.Equal(time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("judged %+v", r.Judged)
	}
	if d := cmp.Diff([]string{"the pane from 2024-02-01T00:00:00Z on is not over yet and not judged"}, r.Notes); d != "" {
		t.Error(d)
	}
	for name, n := range r.Findings[0].Offsets { // the file's lines: the header is the first
		if name != "a.csv" || n["0"] != [2]int64{26*perDay + 2, 27*perDay + 1} {
			t.Errorf("offsets %s %v", name, n)
		}
	}
}

func TestJSONLinesAreAsGoodAsCSV(t *testing.T) {
	all := lines(32)
	texts := map[string]string{"a.csv": csv(all), "a.jsonl": jsonl(t, all)}
	a := run(t, parse(t, head), in(texts, "a.csv", "a.csv"))
	b := run(t, parse(t, head), in(texts, "a.jsonl", "a.jsonl"))
	if len(a.Findings) == 0 {
		t.Fatal("nothing found: the test proves nothing")
	}
	if d := cmp.Diff(findings(t, a), findings(t, b)); d != "" {
		t.Error(d)
	}
}

// Predictions and outcomes in two files give what one file gives, whatever the order of the outcomes that are known in time.
func TestTwoFiles(t *testing.T) {
	all := lines(32)
	var p, o strings.Builder
	p.WriteString("score,cat,x,ts,id\n")
	o.WriteString("y,id,ts\n")
	for _, l := range all {
		fmt.Fprintf(&p, "%v,%s,%v,%s,%s\n", l.score, l.cat, l.x, l.at.Format(time.RFC3339), l.id)
		fmt.Fprintf(&o, "%s,%s,%d\n", l.y, l.id, l.at.Add(10*time.Minute).UnixMilli())
	}
	texts := map[string]string{"a.csv": csv(all), "p.csv": p.String(), "o.csv": o.String()}
	one := run(t, parse(t, head), in(texts, "a.csv", "a.csv"))
	two := run(t, parse(t, head), in(texts, "p.csv", "o.csv"))
	if d := cmp.Diff(findings(t, one), findings(t, two)); d != "" {
		t.Error(d)
	}
	if len(two.Streams) != 2 || two.Streams[0].File != "p.csv" || two.Streams[1].File != "o.csv" {
		t.Errorf("streams %+v", two.Streams)
	}
	// Without an id column nothing in one file can name a row of another.
	texts["q.csv"] = strings.Replace(texts["p.csv"], "ts,id\n", "ts,key\n", 1)
	if _, err := check.Run(parse(t, head), in(texts, "q.csv", "o.csv"), nil); err == nil || !strings.Contains(err.Error(), "q.csv: the file has no id column, so its rows can't be joined") {
		t.Error(err)
	}
	if _, err := check.Run(parse(t, head), in(texts, "nowhere.csv", "o.csv"), nil); err == nil {
		t.Error("a file that isn't there is read")
	}
}

// Rows that can't be used are counted by reason and shown, and the others are judged as if they weren't there.
func TestMessyFile(t *testing.T) {
	all := lines(32)
	clean := csv(all)
	rows := strings.SplitAfter(clean, "\n")
	messy := slices.Clone(rows[:1])
	bad := int64(0)
	for i, r := range rows[1:] {
		messy = append(messy, r)
		switch {
		case r == "":
		case i%200 == 17:
			messy = append(messy, "z,not a time,1,a,0.5,1\n")
			bad++
		case i%200 == 18:
			messy = append(messy, "z,2024-01-05T00:00:00Z,1,a\n")
			bad++
		case i%200 == 19:
			messy = append(messy, ",2024-01-05T00:00:00Z,1,a,0.5,1\n")
			bad++
		}
	}
	texts := map[string]string{"clean.csv": clean, "messy.csv": strings.Join(messy, "")}
	a := run(t, parse(t, head), in(texts, "clean.csv", "clean.csv"))
	b := run(t, parse(t, head), in(texts, "messy.csv", "messy.csv"))
	if d := cmp.Diff(findings(t, a), findings(t, b)); d != "" || len(a.Findings) == 0 {
		t.Errorf("%d findings; %s", len(a.Findings), d)
	}
	s := b.Streams[0]
	if s.Read != int64(len(all))+bad || s.Accepted != int64(len(all)) || len(s.Rejected) < 2 {
		t.Errorf("%+v, want %d bad rows", s, bad)
	}
	if len(s.Examples) != 5 || !strings.Contains(s.Examples[0], "19") {
		t.Errorf("examples %q", s.Examples)
	}
	var out bytes.Buffer
	check.Write(&out, b)
	for _, want := range append(s.Examples, fmt.Sprintf("read %d rows of messy.csv: %d accepted", s.Read, s.Accepted), "set aside (") {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report doesn't say %q", want)
		}
	}
}

func TestMissingLabelColumn(t *testing.T) {
	all := lines(32)
	bare := strings.ReplaceAll(csv(all), ",y\n", ",z\n")
	texts := map[string]string{"a.csv": csv(all), "bare.csv": bare}
	c := parse(t, head+"promises:\n  - {metric: brier, max: 0.3, over: 7d}\n")
	for name, want := range map[string]bool{"a.csv": true, "bare.csv": false} {
		f := in(texts, name, "")
		if got, err := f.HoldsOutcomes(c); err != nil || got != want {
			t.Errorf("%s holds outcomes: %t, %v", name, got, err)
		}
	}
	_, err := check.Run(c, in(texts, "bare.csv", "bare.csv"), nil)
	if err == nil || !strings.Contains(err.Error(), "no column for y") || !strings.Contains(err.Error(), "the file has") {
		t.Errorf("%v", err)
	}
	r := run(t, c, in(texts, "bare.csv", "")) // the predictions alone can be judged
	if len(r.Streams) != 1 || len(r.Incidents) != 1 {
		t.Errorf("%d streams, %d incidents", len(r.Streams), len(r.Incidents))
	}
	if !slices.Contains(r.Notes, "the promise on brier needs a score and outcomes") {
		t.Errorf("notes %q", r.Notes)
	}
}

// A regression model may tell no number: its inputs are judged, its outcomes are not, and nothing breaks.
func TestNumbersWithoutAScore(t *testing.T) {
	all := lines(32)
	text := strings.Replace(strings.Replace(head, "type: binary, positive: 1", "type: regression", 1), ", score: score", "", 1)
	if !strings.Contains(text, "regression") || strings.Contains(text, "score: score") {
		t.Fatal(text)
	}
	r := run(t, parse(t, text), in(map[string]string{"a.csv": csv(all)}, "a.csv", "a.csv"))
	if len(r.Streams) == 0 || r.Judged == nil || r.Outcomes != nil {
		t.Errorf("%d streams, judged %v, outcomes %v", len(r.Streams), r.Judged, r.Outcomes)
	}
}

// A file out of order is judged as far as it goes, and says so.
func TestUnsortedFile(t *testing.T) {
	all := lines(75) // files are read a thousand rows at a time: what is late within one such block is not
	tail := slices.Clone(all[22*perDay : 24*perDay])
	mixed := slices.Concat(all[:22*perDay], all[24*perDay:], tail)
	texts := map[string]string{"a.csv": csv(mixed)}
	r := run(t, parse(t, head), in(texts, "a.csv", "a.csv"))
	if want := int64(2 * len(tail)); r.Late != want { // predictions and outcomes
		t.Errorf("%d late, want %d", r.Late, want)
	}
	want := fmt.Sprintf("%d events were out of order by more than", r.Late)
	if !slices.ContainsFunc(r.Notes, func(n string) bool {
		return strings.HasPrefix(n, want) && strings.Contains(n, "sort the file by time, or allow more in watch.lateness")
	}) {
		t.Errorf("notes %q", r.Notes)
	}
}

func TestTooShortReference(t *testing.T) {
	short := strings.Replace(head, "to: 2024-01-21", "to: 2024-01-06", 1)
	r := run(t, parse(t, short), in(map[string]string{"a.csv": csv(lines(32))}, "a.csv", "a.csv"))
	for _, want := range []string{"distributions are not judged: the reference holds 5 panes of 1 d", "outcomes are not judged: the reference holds 5 panes of 1 d"} {
		if !slices.ContainsFunc(r.Notes, func(n string) bool {
			return strings.HasPrefix(n, want) && strings.HasSuffix(n, "at least 8 are needed")
		}) {
			t.Errorf("notes %q, want %q", r.Notes, want)
		}
	}
	for _, f := range r.Findings {
		if f.Channel == "distribution" || f.Subject == "outcome" {
			t.Errorf("judged all the same: %s %s", f.Subject, f.Metric)
		}
	}
}

func TestNothingAfterTheReference(t *testing.T) {
	r := run(t, parse(t, head), in(map[string]string{"a.csv": csv(lines(20))}, "a.csv", "a.csv"))
	var out bytes.Buffer
	check.Write(&out, r)
	if len(r.Findings) != 0 || !strings.Contains(out.String(), "no incidents") || !strings.Contains(out.String(), "nothing was judged: no pane after the reference has ended") {
		t.Errorf("judged %+v:\n%s", r.Judged, out.String())
	}
}

// Rows that the contract doesn't want are counted and enter nothing.
func TestWhere(t *testing.T) {
	all := lines(32)
	where := strings.Replace(head, "{topic: p, ", "{topic: p, where: \"cat != 'test'\", ", 1)
	var mixed []line
	for i, l := range all {
		mixed = append(mixed, l)
		if i%10 == 0 {
			l.id, l.cat, l.x = l.id+"-test", "test", 1e6
			mixed = append(mixed, l)
		}
	}
	texts := map[string]string{"a.csv": csv(all), "mixed.csv": csv(mixed)}
	a := run(t, parse(t, where), in(texts, "a.csv", "a.csv"))
	b := run(t, parse(t, where), in(texts, "mixed.csv", "mixed.csv"))
	if d := cmp.Diff(findings(t, a), findings(t, b)); d != "" || len(a.Findings) == 0 {
		t.Errorf("%d findings; %s", len(a.Findings), d)
	}
	if s := b.Streams[0]; s.Filtered != int64(len(mixed)-len(all)) || s.Accepted != int64(len(all)) {
		t.Errorf("%+v", s)
	}
	var out bytes.Buffer
	check.Write(&out, b)
	if want := fmt.Sprintf(", %d not wanted by the contract", len(mixed)-len(all)); !strings.Contains(out.String(), want) {
		t.Errorf("the report doesn't say %q", want)
	}
}

func TestProgress(t *testing.T) {
	stages := map[string]int64{}
	c := parse(t, head)
	_, err := check.Run(c, in(map[string]string{"a.csv": csv(lines(32))}, "a.csv", "a.csv"), func(stage string, rows int64) {
		if rows < stages[stage] {
			t.Errorf("%s goes back from %d to %d", stage, stages[stage], rows)
		}
		stages[stage] = rows
	})
	want := map[string]int64{"learning the reference": 0, "checking predictions": 32 * perDay, "joining outcomes": 32 * perDay}
	if d := cmp.Diff(want, stages); d != "" || err != nil {
		t.Errorf("%v; %s", err, d)
	}
}

func TestWriteIncident(t *testing.T) {
	at := time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	check.WriteIncident(&out, &incident.Incident{
		Title: "x broke", Severity: finding.Page, Status: incident.Resolved, ResolvedAt: &at, Onset: at.AddDate(0, 0, -3), OpenedAt: at.AddDate(0, 0, -2),
		Numbers: []finding.Figure{{Name: "a", Before: 1, Now: 2, Unit: "%"}, {Name: "b", Before: finding.None(), Now: 3}, {Name: "c", Now: 1}, {Name: "d"}},
		Impact:  &finding.Impact{Currency: "EUR", PerDay: 10, Band: [2]finding.Number{5, 15}, SoFar: 1234, Basis: "measured"},
		Owner:   incident.Owner{Role: "data", Team: "grid"}, Runbook: "read.md",
	})
	want := `PAGE   x broke
       onset 2024-01-29 00:00, opened 2024-01-30 00:00, resolved 2024-02-01
       a 2 % (was 1); b 3; c 1 (was 0)
       cost: 10 EUR a day (95 % band 5 to 15), 1,234 so far, measured from outcomes
       owner: grid (data); runbook: read.md
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Error(d)
	}
	check.WriteIncident(io.Discard, &incident.Incident{})
}
