package incident_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

var update = flag.Bool("update", false, "write the golden files")

var start = time.Date(2026, 3, 25, 0, 0, 0, 0, time.UTC)

// at makes a finding of model m, known so many hours after start, of a pane of an hour, with its onset there.
func at(hours float64, subject, channel string, v finding.Verdict, change ...func(f *finding.Finding)) finding.Finding {
	end := start.Add(time.Duration(hours * float64(time.Hour)))
	f := finding.Finding{
		Model: "m", At: end, Window: finding.Window{Start: end.Add(-time.Hour), End: end}, Onset: end.Add(-time.Hour), Subject: subject, Channel: channel,
		Metric: channel, Verdict: v, Severity: finding.Ticket, Evidence: finding.Evidence{Log10: finding.None(), Needed: finding.None()},
	}
	for _, c := range change {
		c(&f)
	}
	if err := f.Seal(); err != nil {
		panic(err)
	}
	return f
}

func joint(f *finding.Finding)                 { f.Evidence.Joint = true }
func page(f *finding.Finding)                  { f.Severity = finding.Page }
func north(f *finding.Finding)                 { f.Slice = map[string]string{"region": "north"} }
func model(name string) func(*finding.Finding) { return func(f *finding.Finding) { f.Model = name } }

func onset(hours float64) func(*finding.Finding) {
	return func(f *finding.Finding) { f.Onset = start.Add(time.Duration(hours * float64(time.Hour))) }
}

func window(d time.Duration) func(*finding.Finding) {
	return func(f *finding.Finding) { f.Window.Start = f.Window.End.Add(-d) }
}

func evidence(v float64) func(*finding.Finding) {
	return func(f *finding.Finding) { f.Evidence.Log10 = finding.Number(v) }
}

func figure(name string, before, now finding.Number, unit string) func(*finding.Finding) {
	return func(f *finding.Finding) {
		f.Numbers = append(f.Numbers, finding.Figure{Name: name, Before: before, Now: now, Unit: unit})
	}
}

func cost(perDay, soFar finding.Number) func(*finding.Finding) {
	return func(f *finding.Finding) {
		f.Impact = &finding.Impact{Currency: "EUR", PerDay: perDay, Band: [2]finding.Number{perDay - 10, perDay + 10}, SoFar: soFar, Basis: "measured"}
	}
}

// line renders an incident for tables.
func line(i incident.Incident) string {
	var names []string
	for _, s := range i.Subjects {
		names = append(names, s.Name)
	}
	return fmt.Sprintf("%s %s %s %s+%d", i.Status, i.Severity, strings.Join(names, ","), i.Onset.Sub(start), len(i.Findings))
}

func TestFold(t *testing.T) {
	const (
		drift, fault, breach   = finding.Drift, finding.Fault, finding.Breach
		fine, undecided, learn = finding.Equivalent, finding.Undecided, finding.Learning
	)
	day := 24.0
	for name, c := range map[string]struct {
		findings []finding.Finding
		changes  string
		want     []string
	}{
		"three faults of one pane are one incident": {
			[]finding.Finding{at(1, "a", "constant", fault), at(1, "b", "constant", fault), at(1, "c", "constant", fault)},
			"opened joined joined",
			[]string{"open ticket a,b,c 0s+3"},
		},
		"a fault of the next pane is another": {
			[]finding.Finding{at(1, "a", "constant", fault), at(2, "b", "constant", fault)},
			"opened opened",
			[]string{"open ticket a 0s+1", "open ticket b 1h0m0s+1"},
		},
		"a fault doesn't join a drift": {
			[]finding.Finding{at(1, "a", "location", drift), at(1, "b", "constant", fault)},
			"opened opened",
			[]string{"open ticket a 0s+1", "open ticket b 0s+1"},
		},
		"a drift joins a fault within a day, and leaves its onset": {
			[]finding.Finding{at(1, "a", "constant", fault), at(3, "b", "location", drift, onset(-2))},
			"opened joined",
			[]string{"open ticket a,b 0s+2"},
		},
		"a drift joins what began 24 hours before": {
			[]finding.Finding{at(1, "a", "location", drift), at(day+1, "b", "location", drift)},
			"opened joined",
			[]string{"open ticket a,b 0s+2"},
		},
		"a later drift doesn't": {
			[]finding.Finding{at(1, "a", "location", drift), at(day+1.01, "b", "location", drift)},
			"opened opened",
			[]string{"open ticket a 0s+1", "open ticket b 24h0m36s+1"},
		},
		"a longer window reaches further": {
			[]finding.Finding{at(1, "a", "location", drift), at(3*day, "b", "location", drift, onset(2*day), window(48*time.Hour))},
			"opened joined",
			[]string{"open ticket a,b 0s+2"},
		},
		"an earlier onset moves the incident's": {
			[]finding.Finding{at(10, "a", "location", drift), at(12, "b", "location", drift, onset(2))},
			"opened joined",
			[]string{"open ticket a,b 2h0m0s+2"},
		},
		"a drift doesn't join what is over": {
			[]finding.Finding{at(1, "a", "location", drift), at(2, "a", "location", fine), at(3, "b", "location", drift)},
			"opened resolved opened",
			[]string{"resolved ticket a 0s+2", "open ticket b 2h0m0s+1"},
		},
		"the same signal updates": {
			[]finding.Finding{at(1, "a", "location", drift), at(2, "a", "location", drift)},
			"opened updated",
			[]string{"open ticket a 0s+2"},
		},
		"another slice of it joins": {
			[]finding.Finding{at(1, "a", "location", drift), at(2, "a", "location", drift, north)},
			"opened joined",
			[]string{"open ticket a 0s+2"},
		},
		"one eases, the last resolves": {
			[]finding.Finding{at(1, "a", "location", drift), at(1, "b", "location", drift), at(2, "a", "location", fine), at(3, "b", "location", fine)},
			"opened joined eased resolved",
			[]string{"resolved ticket a,b 0s+4"},
		},
		"what eased can come back": {
			[]finding.Finding{at(1, "a", "location", drift), at(1, "b", "location", drift), at(2, "a", "location", fine), at(3, "a", "location", drift), at(4, "b", "location", fine)},
			"opened joined eased updated eased",
			[]string{"open ticket a,b 0s+5"},
		},
		"what eased long ago and comes back while another signal is open is another incident": {
			[]finding.Finding{at(1, "a", "location", drift), at(1, "b", "location", drift), at(2, "a", "location", fine), at(30*day, "a", "location", drift)},
			"opened joined eased opened",
			[]string{"open ticket a,b 0s+3", "open ticket a 719h0m0s+1"},
		},
		"of outcomes it is the same trouble, and ends with it": {
			[]finding.Finding{
				at(1, "outcome", "calibration", drift), at(1, "outcome", "performance", drift), at(2, "outcome", "performance", fine),
				at(30*day, "outcome", "performance", drift), at(31*day, "outcome", "performance", fine), at(32*day, "outcome", "calibration", fine),
			},
			"opened joined eased updated eased resolved",
			[]string{"resolved ticket outcome 0s+6"},
		},
		"what alarms together is one incident, whenever it began": {
			[]finding.Finding{at(10*day, "a", "location", drift, joint), at(10*day, "b", "scale", drift, joint, onset(0)), at(11*day, "c", "scale", drift, onset(-20*day))},
			"opened joined opened",
			[]string{"open ticket a,b 0s+2", "open ticket c -480h0m0s+1"},
		},
		"days and weeks beside the reference are an incident of their own, and so is how often outcomes are positive": {
			[]finding.Finding{at(1, "a", "location", drift), at(2, "a", "level", drift), at(3, "outcome", "label_rate", drift), at(4, "outcome", "performance", drift)},
			"opened opened opened opened",
			[]string{"open ticket a 0s+1", "open ticket a 1h0m0s+1", "open ticket outcome 2h0m0s+1", "open ticket outcome 3h0m0s+1"},
		},
		"what a column does that is told to lie elsewhere is that trouble, but for a fault, and ends with it": {
			[]finding.Finding{
				at(1, "a", "level", drift), at(10*day, "a", "location", drift), at(10*day, "a", "missing", fault),
				at(11*day, "a", "level", fine), at(12*day, "a", "location", fine),
			},
			"opened joined opened eased resolved",
			[]string{"resolved ticket a 0s+4", "open ticket a 239h0m0s+1"},
		},
		"and of no younger incident, whatever began with it": {
			[]finding.Finding{
				at(1, "a", "level", drift), at(10*day, "b", "location", drift), at(10*day+1, "a", "scale", drift), at(10*day+1, "c", "scale", drift),
			},
			"opened opened joined joined",
			[]string{"open ticket a 0s+2", "open ticket b,c 239h0m0s+2"},
		},
		"back within seven days reopens": {
			[]finding.Finding{at(1, "a", "location", drift), at(2, "a", "location", fine), at(2+7*day, "a", "location", drift)},
			"opened resolved reopened",
			[]string{"reopened ticket a 0s+3"},
		},
		"later it is another incident": {
			[]finding.Finding{at(1, "a", "location", drift), at(2, "a", "location", fine), at(2.01+7*day, "a", "location", drift)},
			"opened resolved opened",
			[]string{"resolved ticket a 0s+2", "open ticket a 169h0m36s+1"},
		},
		"a page raises the severity, a ticket doesn't lower it": {
			[]finding.Finding{at(1, "a", "location", drift), at(2, "a", "location", drift, page), at(3, "a", "location", drift)},
			"opened page updated",
			[]string{"open page a 0s+3"},
		},
		"a joining page raises it too": {
			[]finding.Finding{at(1, "a", "location", drift), at(2, "b", "location", drift, page)},
			"opened page",
			[]string{"open page a,b 0s+2"},
		},
		"what outcomes show is one trouble, however late": {
			[]finding.Finding{at(1, "outcome", "calibration", drift), at(30*day, "outcome", "performance", drift), at(31*day, "ece", "promise", breach)},
			"opened joined joined",
			[]string{"open ticket outcome,ece 0s+3"},
		},
		"outcomes don't join inputs": {
			[]finding.Finding{at(1, "a", "location", drift), at(1, "outcome", "calibration", drift), at(1, "b", "location", drift), at(2, "ece", "promise", breach)},
			"opened opened joined joined",
			[]string{"open ticket a,b 0s+2", "open ticket outcome,ece 0s+2"},
		},
		"models are apart": {
			[]finding.Finding{at(1, "a", "location", drift), at(1, "a", "location", drift, model("n")), at(2, "a", "location", fine, model("n"))},
			"opened opened resolved",
			[]string{"open ticket a 0s+1", "resolved ticket a 0s+2"},
		},
		"what doesn't alarm opens nothing": {
			[]finding.Finding{at(1, "a", "location", fine), at(1, "a", "location", undecided), at(1, "a", "location", learn)},
			"- - -", nil,
		},
		"an open signal goes on": {
			[]finding.Finding{at(1, "a", "location", drift), at(2, "a", "location", undecided), at(3, "b", "location", undecided)},
			"opened updated -",
			[]string{"open ticket a 0s+2"},
		},
		"an eased signal eases once": {
			[]finding.Finding{at(1, "a", "location", drift), at(1, "b", "location", drift), at(2, "a", "location", fine), at(3, "a", "location", fine)},
			"opened joined eased -",
			[]string{"open ticket a,b 0s+3"},
		},
	} {
		b := incident.NewBook()
		var changes, got []string
		for _, f := range c.findings {
			change, inc := b.Fold(f)
			if change == incident.None {
				change = "-"
			} else if inc.Model != f.Model || inc.Findings[len(inc.Findings)-1] != f.ID {
				t.Errorf("%s: finding %s changed incident %+v", name, f.ID, inc)
			}
			changes = append(changes, string(change))
		}
		for _, i := range b.Incidents() {
			got = append(got, line(i))
			if (i.Status == incident.Resolved) != (i.ResolvedAt != nil) {
				t.Errorf("%s: %s, resolved at %v", name, i.Status, i.ResolvedAt)
			}
		}
		if s := strings.Join(changes, " "); s != c.changes {
			t.Errorf("%s: %s, want %s", name, s, c.changes)
		}
		if strings.Join(got, "; ") != strings.Join(c.want, "; ") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestTimeline(t *testing.T) {
	b := incident.NewBook()
	for _, f := range []finding.Finding{
		at(1, "a", "location", finding.Drift), at(2, "a", "location", finding.Drift), at(3, "b", "location", finding.Drift, north), at(4, "a", "location", finding.Drift, page),
		at(5, "a", "location", finding.Drift, page), at(6, "a", "location", finding.Equivalent), at(7, "b", "location", finding.Equivalent, north), at(8, "a", "location", finding.Drift),
	} {
		b.Fold(f)
	}
	inc := b.Incidents()[0]
	var got []string
	for _, e := range inc.Timeline {
		got = append(got, fmt.Sprintf("%s %s %s", e.At.Sub(start), e.What, e.Who))
	}
	want := "1h0m0s opened a location; 3h0m0s joined b location in region=north; 4h0m0s page a location; 7h0m0s resolved b location in region=north; 8h0m0s reopened a location"
	if s := strings.Join(got, "; "); s != want {
		t.Errorf("timeline %s, want %s", s, want)
	}
	for i := range 500 {
		b.Fold(at(9+float64(i), "a", "location", finding.Equivalent))
		b.Fold(at(9+float64(i), "a", "location", finding.Drift))
	}
	if n := len(b.Incidents()[0].Timeline); n != 200 {
		t.Errorf("a timeline of %d lines", n)
	}
}

// What Fold returned is the incident as it was then: later findings don't reach into it.
func TestFoldReturnsASnapshot(t *testing.T) {
	b := incident.NewBook()
	_, first := b.Fold(at(1, "a", "location", finding.Drift, cost(100, 1), figure("mean", 1, 2, "")))
	before, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	b.Fold(at(2, "b", "location", finding.Drift, north, page, onset(-3)))
	b.Fold(at(3, "a", "location", finding.Undecided, cost(5, 70)))
	b.Fold(at(4, "a", "location", finding.Equivalent))
	if after, err := json.Marshal(first); err != nil || !bytes.Equal(before, after) {
		t.Errorf("became\n%s, was\n%s (%v)", after, before, err)
	}
}

func TestImpactSlicesSubjectsAndNumbers(t *testing.T) {
	b := incident.NewBook()
	show := func() string {
		i := b.Incidents()[0]
		out := ""
		for _, s := range i.Subjects {
			out += fmt.Sprintf("%s %v ", s.Name, s.Share)
		}
		for _, n := range i.Numbers {
			out += "[" + n.Name + "] "
		}
		for _, s := range i.Slices {
			out += finding.SliceKey(s) + " "
		}
		if i.Impact == nil {
			return out + "-"
		}
		return out + fmt.Sprintf("%v %v", i.Impact.PerDay, i.Impact.SoFar)
	}
	south := func(f *finding.Finding) { f.Slice = map[string]string{"region": "south"} }
	for _, c := range []struct {
		f    finding.Finding
		want string
	}{
		{at(1, "a", "location", finding.Drift, evidence(1), north, cost(9, 900), figure("x", 1, 2, ""), figure("y", 1, 2, "")), "a 1 [x] [y] region=north -"}, // a slice doesn't price the whole
		{at(2, "b", "location", finding.Drift, evidence(3), cost(100, 10), figure("z", 1, 2, "")), "b 0.75 a 0.25 [x] [z] region=north 100 10"},
		{at(3, "b", "location", finding.Undecided, cost(7, 50)), "b 0.75 a 0.25 [x] [z] region=north 100 50"}, // the alarm's price stands, its sum grows
		{at(3, "a", "location", finding.Drift, evidence(4), south), "a 0.57 b 0.43 [x] [z] region=north region=south 100 50"},
		{at(4, "b", "location", finding.Drift, evidence(4), cost(200, 60)), "a 0.5 b 0.5 [x] region=north region=south 200 60"},
		{at(4, "c", "location", finding.Drift, cost(1, 61)), "a 0.44 b 0.44 c 0.11 [x] region=north region=south 1 61"}, // of two prices the dearer
		{at(5, "c", "missing", finding.Drift, figure("u", 1, 2, "")), "a 0.44 b 0.44 c 0.11 [x] [u] region=north region=south 1 61"},
		{at(5, "d", "missing", finding.Drift, evidence(0), figure("v", 1, 2, "")), "a 0.44 b 0.44 c 0.11 d 0 [x] [u] [v] region=north region=south 1 61"},
		{at(5, "e", "missing", finding.Drift, evidence(0), figure("w", 1, 2, "")), "a 0.44 b 0.44 c 0.11 d 0 e 0 [x] [u] [v] region=north region=south 1 61"},
	} {
		b.Fold(c.f)
		if got := show(); got != c.want {
			t.Errorf("after %s %s: %s, want %s", c.f.Subject, c.f.Channel, got, c.want)
		}
	}
}

func TestOwnerCauseAndRunbook(t *testing.T) {
	everyone := map[string]string{"data": "grid", "model": "forecasting", "platform": "mlops", "business": "trading"}
	runbooks := map[string]string{"calibration": "decay.md", "released": "released.md", "missing": "missing.md"}
	for name, c := range map[string]struct {
		owners   map[string]string
		findings []finding.Finding
		want     string
	}{
		"data":             {everyone, []finding.Finding{at(1, "a", "location", finding.Drift)}, "unknown  data/grid"},
		"data without one": {map[string]string{"model": "m", "platform": "p"}, []finding.Finding{at(1, "a", "location", finding.Drift)}, "unknown  model/m"},
		"platform only":    {map[string]string{"platform": "p"}, []finding.Finding{at(1, "a", "location", finding.Drift)}, "unknown  platform/p"},
		"nobody":           {map[string]string{"legal": "l"}, []finding.Finding{at(1, "a", "location", finding.Drift)}, "unknown  /"},
		"released":         {everyone, []finding.Finding{at(1, "a", "constant", finding.Fault), at(1, "b", "constant", finding.Fault)}, "released released.md data/grid"},
		"not all released": {everyone, []finding.Finding{at(1, "a", "constant", finding.Fault), at(1, "b", "missing", finding.Fault)}, "unknown  data/grid"},
		"missing":          {everyone, []finding.Finding{at(1, "a", "missing", finding.Fault)}, "missing missing.md data/grid"},
		"new category":     {everyone, []finding.Finding{at(1, "a", "new_category", finding.Drift)}, "new_category  data/grid"},
		"calibration":      {everyone, []finding.Finding{at(1, "outcome", "performance", finding.Drift), at(2, "outcome", "calibration", finding.Drift)}, "calibration decay.md model/forecasting"},
		"performance":      {everyone, []finding.Finding{at(1, "outcome", "performance", finding.Drift)}, "performance  model/forecasting"},
		"promise":          {everyone, []finding.Finding{at(1, "ece", "promise", finding.Breach)}, "performance  model/forecasting"},
	} {
		b := incident.NewBook()
		b.SetPolicy("m", &plan.Policy{Owners: c.owners, Runbooks: runbooks})
		for _, f := range c.findings {
			b.Fold(f)
		}
		i := b.Incidents()[0]
		if got := fmt.Sprintf("%s %s %s/%s", i.Cause.Kind, i.Runbook, i.Owner.Role, i.Owner.Team); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// drawLane draws findings of one lane of two models, in the order they are decided.
func drawLane(t *rapid.T, name string, subjects, channels []string) []finding.Finding {
	hours := 0.0
	out := make([]finding.Finding, rapid.IntRange(0, 12).Draw(t, name))
	for i := range out {
		hours += rapid.SampledFrom([]float64{0, 1, 13, 50, 200}).Draw(t, "hours")
		v := rapid.SampledFrom([]finding.Verdict{finding.Drift, finding.Drift, finding.Fault, finding.Equivalent, finding.Undecided}).Draw(t, "verdict")
		var change []func(*finding.Finding)
		for _, o := range []struct {
			label string
			do    func(*finding.Finding)
		}{{"page", page}, {"north", north}, {"n", model("n")}, {"cost", cost(100, finding.Number(i))}, {"evidence", evidence(float64(i))}} {
			if rapid.Bool().Draw(t, o.label) {
				change = append(change, o.do)
			}
		}
		out[i] = at(hours, rapid.SampledFrom(subjects).Draw(t, "subject"), rapid.SampledFrom(channels).Draw(t, "channel"), v, change...)
	}
	return out
}

// The order in which findings of the two lanes arrive is not fixed: however they interleave, the incidents are those that
// each lane gives alone.
func TestLanesNeverMix(t *testing.T) {
	policies := func(b *incident.Book) *incident.Book {
		b.SetPolicy("m", &plan.Policy{Owners: map[string]string{"data": "d", "model": "s"}, Runbooks: map[string]string{"performance": "p.md"}})
		return b
	}
	fold := func(findings ...finding.Finding) *incident.Book {
		b := policies(incident.NewBook())
		for _, f := range findings {
			b.Fold(f)
		}
		return b
	}
	text := func(t *rapid.T, list []incident.Incident) string {
		b, err := json.MarshalIndent(list, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	rapid.Check(t, func(t *rapid.T) {
		data := drawLane(t, "data", []string{"a", "b", "score"}, []string{"location", "constant", "missing"})
		truth := drawLane(t, "truth", []string{"outcome"}, []string{"calibration", "performance", "promise"})
		var mixed []finding.Finding
		for i, j := 0, 0; i < len(data) || j < len(truth); {
			if j == len(truth) || i < len(data) && rapid.Bool().Draw(t, "next is data") {
				mixed = append(mixed, data[i])
				i++
			} else {
				mixed = append(mixed, truth[j])
				j++
			}
		}
		got, want := text(t, fold(mixed...).Incidents()), text(t, fold(append(data, truth...)...).Incidents())
		if got != want {
			t.Fatalf("interleaved\n%s\nlane after lane\n%s", got, want)
		}
		alone := len(fold(data...).Incidents()) + len(fold(truth...).Incidents())
		if n := len(fold(mixed...).Incidents()); n != alone {
			t.Fatalf("%d incidents, the lanes alone have %d", n, alone)
		}
	})
}

func golden(t *testing.T, name string, v any) {
	t.Helper()
	var got bytes.Buffer
	e := json.NewEncoder(&got)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got.Bytes(), want)
	}
}

// The names, their order and what is null, "" or empty are public: others parse them.
func TestGolden(t *testing.T) {
	b := incident.NewBook()
	b.SetPolicy("m", &plan.Policy{Owners: map[string]string{"data": "grid-data", "model": "forecasting"}, Runbooks: map[string]string{"calibration": "decay.md"}})
	for _, f := range []finding.Finding{
		at(1, "a", "constant", finding.Fault),
		at(1, "outcome", "calibration", finding.Drift, page, evidence(5), cost(12300, 4100), figure("ECE", 0.02, 0.31, ""), figure("cost", 10, 22.456, "EUR a decision")),
		at(2, "outcome", "calibration", finding.Drift, north),
		at(3, "a", "constant", finding.Equivalent),
	} {
		b.Fold(f)
	}
	golden(t, "incidents.json", b.Incidents())
}
