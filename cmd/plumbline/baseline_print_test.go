package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// hourly is a plan that has learnt two weeks of hourly panes of so many events.
func hourly(t *testing.T, events int) *plan.Plan {
	t.Helper()
	from := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	p := &plan.Plan{
		Model: "m", Pane: time.Hour, TestPane: time.Hour, Reference: plan.Span{From: from, To: from.AddDate(0, 0, 14)},
		Columns: []plan.Column{
			{Name: "x", Layout: plan.Layout{Edges: []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, Hi: 10}, Ignore: plan.Ignore{Shift: 0.05, Spread: 0.05, Rate: 0.005}},
			{Name: "c", Layout: plan.Layout{Categorical: true, Categories: []string{"a", "b", "c"}}, Ignore: plan.Ignore{Shift: 0.05, Rate: 0.005}},
		},
		Policy: plan.Policy{Tickets: 4. / 30, Floor: 0.005},
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var panes []drift.Pane
	for i := range 14 * 24 {
		set := sketch.NewSet(p)
		set.Rows = int64(events)
		for c := range set.Columns {
			set.Columns[c].N = int64(events)
			for range events {
				set.Columns[c].Bins[rng.IntN(len(set.Columns[c].Bins))]++
			}
		}
		start := plan.Micros(from) + int64(i)*time.Hour.Microseconds()
		panes = append(panes, drift.Pane{Start: start, End: start + time.Hour.Microseconds(), Set: set})
	}
	var err error
	if p.Drift, err = drift.Learn(p, panes); err != nil || len(p.Drift) == 0 {
		t.Fatalf("%d bytes, %v", len(p.Drift), err)
	}
	return p
}

// What a day of panes can't hide is said, and it is less the more events there are.
func TestBaselineSaysWhatADayShows(t *testing.T) {
	least := func(events int) (x, c float64) {
		p := hourly(t, events)
		var text, object bytes.Buffer
		if err := printBaseline(&text, p, false); err != nil {
			t.Fatal(err)
		}
		if err := printBaseline(&object, p, true); err != nil {
			t.Fatal(err)
		}
		var shown struct {
			Columns []struct {
				Found map[string]*float64 `json:"found_in_a_day"`
			}
		}
		if err := json.Unmarshal(object.Bytes(), &shown); err != nil {
			t.Fatal(err)
		}
		of := shown.Columns[0].Found
		if of["location"] == nil || of["scale"] == nil || of["shape"] == nil || shown.Columns[1].Found["omnibus"] == nil || shown.Columns[1].Found["category"] == nil {
			t.Fatalf("%s", object.String())
		}
		x, c = *of["location"], *shown.Columns[1].Found["omnibus"]
		if !strings.Contains(text.String(), fmt.Sprintf(" %.2f sd\n", x)) || !strings.Contains(text.String(), fmt.Sprintf(" %.3f\n", c)) || !strings.Contains(text.String(), "\nIN A DAY: ") {
			t.Errorf("%g and %g are not in\n%s", x, c, text.String())
		}
		return x, c
	}
	fewX, fewC := least(300)
	manyX, manyC := least(3000)
	if !(0.05 <= manyX && manyX < fewX && fewX < 0.5 && 0 < manyC && manyC < fewC) {
		t.Errorf("300 events an hour: %g sd, %g; 3,000: %g sd, %g", fewX, fewC, manyX, manyC)
	}
}

// weekly is a plan that has learnt ten weeks of days, of so many events each, and how often their outcomes were positive.
func weekly(t *testing.T, events int) *plan.Plan {
	t.Helper()
	from := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	p := hourly(t, 300)
	p.Pane, p.TestPane, p.Wide, p.Reference = 24*time.Hour, 24*time.Hour, 7*24*time.Hour, plan.Span{From: from, To: from.AddDate(0, 0, 70)}
	rng := rand.New(rand.NewPCG(3, 4))
	var cohorts []drift.ShareCounts
	for i := range 70 {
		start := plan.Micros(from.AddDate(0, 0, i))
		c := drift.ShareCounts{Start: start, End: start + 24*time.Hour.Microseconds(), Of: []int64{int64(events)}, Hits: []int64{0}}
		for range events {
			c.Hits[0] += int64(rng.IntN(5) / 4)
		}
		cohorts = append(cohorts, c)
	}
	for i := range p.Columns {
		c := &p.Columns[i]
		c.Reference.Bins = make([]int64, c.Layout.Bins())
		for b := range c.Reference.Bins {
			c.Reference.Bins[b] = int64(70 * events / len(c.Reference.Bins))
		}
		c.Reference.Wide = &plan.Null{Panes: 10, Mean: 0.2, SD: 0.02, Deff: 1}
	}
	var err error
	if p.DriftLabels, err = drift.LabelRate.Learn(p, cohorts); err != nil || len(p.DriftLabels) == 0 {
		t.Fatalf("%d bytes, %v", len(p.DriftLabels), err)
	}
	return p
}

// What the end of a long window shows is said of every column, with the window's length; and it is less the more events there are.
func TestBaselineSaysWhatAWindowShows(t *testing.T) {
	least := func(events int) float64 {
		p := weekly(t, events)
		var text, object bytes.Buffer
		if err := printBaseline(&text, p, false); err != nil {
			t.Fatal(err)
		}
		if err := printBaseline(&object, p, true); err != nil {
			t.Fatal(err)
		}
		var shown struct {
			Columns []struct {
				PSI *float64 `json:"found_in_a_level_window_psi"`
			}
			Windows string `json:"level_windows"`
		}
		if err := json.Unmarshal(object.Bytes(), &shown); err != nil {
			t.Fatal(err)
		}
		if len(shown.Columns) != 2 || shown.Columns[0].PSI == nil || shown.Columns[1].PSI == nil || shown.Windows != "7 d" {
			t.Fatalf("%s", object.String())
		}
		for _, want := range []string{fmt.Sprintf(" %.4f\n", *shown.Columns[0].PSI), " IN 7 D\n", "\nIN 7 D: ", "; 2 in a row are told.\n"} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%q is not in\n%s", want, text.String())
			}
		}
		return *shown.Columns[0].PSI
	}
	if few, many := least(50), least(5000); !(0.01 <= many && many < few && few < 0.5) {
		t.Errorf("50 events a day: %g, 5,000: %g", few, many)
	}
}

// The label rate is among what else a day shows, as a change of the share itself; that of panes of a day no day shows.
func TestBaselineSaysWhatADayShowsOfTheLabelRate(t *testing.T) {
	shown := func(p *plan.Plan) (text string, of shownOther) {
		var words, object bytes.Buffer
		if err := printBaseline(&words, p, false); err != nil {
			t.Fatal(err)
		}
		if err := printBaseline(&object, p, true); err != nil {
			t.Fatal(err)
		}
		var b shownBaseline
		if err := json.Unmarshal(object.Bytes(), &b); err != nil {
			t.Fatal(err)
		}
		if n := len(b.Others); n != 2 || b.Others[0].Kind != "volume" || b.Others[0].Change.Valid() || b.Others[n-1].Kind != "outcomes" || b.Others[n-1].Name != "label_rate" {
			t.Fatalf("%s", object.String())
		}
		return words.String(), b.Others[1]
	}
	if text, of := shown(weekly(t, 300)); of.Change.Valid() || of.InADay["share"].Valid() || !strings.Contains(text, "label_rate a day shows no change\n") {
		t.Errorf("%+v in\n%s", of, text)
	}
	p := hourly(t, 300)
	var cohorts []drift.ShareCounts
	for i := range int64(14 * 24) {
		start := plan.Micros(p.Reference.From) + i*time.Hour.Microseconds()
		cohorts = append(cohorts, drift.ShareCounts{Start: start, End: start + time.Hour.Microseconds(), Of: []int64{1000}, Hits: []int64{200 + i%9}})
	}
	var err error
	if p.DriftLabels, err = drift.LabelRate.Learn(p, cohorts); err != nil {
		t.Fatal(err)
	}
	text, of := shown(p)
	if !(of.Change >= 0.005 && of.Change < 0.1) || !of.InADay["share"].Valid() || !strings.Contains(text, fmt.Sprintf("label_rate %.2f pp\n", 100*float64(of.Change))) {
		t.Errorf("%+v in\n%s", of, text)
	}
}

// Slices that are followed by themselves are named, a few of them.
func TestBaselineNamesItsSlices(t *testing.T) {
	var b shownBaseline
	for i := range 8 {
		b.Slices = append(b.Slices, shownSlice{Slice: map[string]string{"region": fmt.Sprint("r", i)}, Rows: int64(100 * i)})
	}
	if got, want := b.slicesInWords(), "region=r0 (0 events), region=r1 (100 events), region=r2 (200 events), region=r3 (300 events), region=r4 (400 events), region=r5 (500 events), 2 more"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
