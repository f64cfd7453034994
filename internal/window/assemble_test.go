package window

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

func TestPanesEndInOrder(t *testing.T) {
	p := testPlan(t)
	a := NewAssembler(p)
	at := func(h float64) event { return event{monday + int64(h*float64(hour)), 0.5, "a", "v1"} }
	add(t, a, count(t, p, 0, 0, at(1.5), at(0.5), at(1.9), at(7))...)
	for _, c := range []struct {
		low  float64
		want []string
	}{
		{1.4, []string{}}, // half an hour of lateness
		{1.5, []string{"base 0..1: 1"}},
		{1.5, []string{}},
		{6.4, []string{"base 1..2: 2"}},
		{6.5, []string{"test 0..6: 3"}}, // hours without events are nobody's
		{9, []string{"base 7..8: 1"}},
		{1000, []string{"test 6..12: 1"}},
	} {
		if d := cmp.Diff(c.want, brief(advance(t, a, monday+int64(c.low*float64(hour))))); d != "" {
			t.Errorf("low %g h: %s", c.low, d)
		}
	}
	if us, ok := a.Closed(); !ok || (us-monday)/hour != 999 {
		t.Errorf("closed until hour %d, %t", (us-monday)/hour, ok)
	}
	if got := advance(t, a, record.NoTime); len(got) > 0 {
		t.Errorf("no time ends %v", got)
	}
}

// Event time may begin in 1970 and go on in 2024; an empty year costs no walk through its hours.
func TestEmptyYears(t *testing.T) {
	p := testPlan(t)
	p.Pane, p.TestPane = 1e9, 60e9 // seconds: a walk of 54 years would take minutes
	a := NewAssembler(p)
	add(t, a, count(t, p, 0, 0, event{at: 5e6}, event{at: monday})...)
	if got := advance(t, a, monday+day); len(got) != 4 {
		t.Errorf("%d ended, want two panes of each kind: %v", len(got), brief(got))
	}
	add(t, a, count(t, p, 0, 2, event{at: monday + 40_000*day})...)
	if got := advance(t, a, monday+50_000*day); len(got) != 2 || got[0].Start != monday+40_000*day {
		t.Errorf("after a hundred years: %v", brief(got))
	}
}

func TestLateEventsAreCountedAndEnterNothing(t *testing.T) {
	p := testPlan(t)
	a := NewAssembler(p)
	e := func(h int64) event { return event{monday + h*hour, 0.5, "a", "v1"} }
	add(t, a, count(t, p, 0, 0, e(0), e(3))...)
	advance(t, a, monday+3*hour)
	if a.Late() != 0 {
		t.Fatalf("%d late before any was", a.Late())
	}
	add(t, a, count(t, p, 0, 2, e(0), e(1), e(1), e(2))...)
	if a.Late() != 3 { // hour 2 is not closed: 3 h less half an hour
		t.Errorf("%d late, want 3", a.Late())
	}
	want := []string{"base 2..3: 1", "base 3..4: 1", "test 0..6: 3"}
	if d := cmp.Diff(want, brief(advance(t, a, monday+7*hour))); d != "" {
		t.Error(d)
	}
	// An outcome that comes after its cohort was handed out is late too; its correction is none.
	add(t, a, labels(p, record.OnTime, monday, 4))
	mature(t, a, monday+10*hour)
	add(t, a, labels(p, record.OnTime, monday+hour, 2), labels(p, record.OnTime, monday, -1), labels(p, record.Labelled, monday, 2))
	if a.Late() != 5 {
		t.Errorf("%d late, want 5", a.Late())
	}
	got := brief(mature(t, a, monday+9*day))
	if d := cmp.Diff([]string{"truth of 1", "cohort 0..6: 4"}, got); d != "" {
		t.Error(d)
	}
}

func TestCohortsMatureByTheWeek(t *testing.T) {
	p := testPlan(t)
	a := NewAssembler(p)
	// Sunday's last test pane, Monday's first, one on Wednesday without any outcome on time, one two weeks on.
	sunday, wednesday, next := monday-6*hour, monday+2*day, monday+15*day
	add(t, a, labels(p, record.OnTime, sunday+hour, 1), labels(p, record.OnTime, monday, 2), labels(p, record.OnTime, monday+hour, 3),
		labels(p, record.Labelled, monday, 9), labels(p, record.Labelled, wednesday, 9), labels(p, record.OnTime, next, 4))
	complete := p.MatureAfter.Microseconds() + p.Lateness.Microseconds()
	for _, c := range []struct {
		low  int64
		want []string
	}{
		{monday + complete - 1, []string{}},
		{monday + complete, []string{"truth of 1", "cohort -6..0: 1"}}, // the week before ends on Monday
		{monday + 6*hour + complete, []string{}},
		{monday + 7*day + complete - 1, []string{}},
		{monday + 7*day + complete, []string{"truth of 1", "cohort 0..6: 5"}},
		{monday + 40*day, []string{"truth of 1", "cohort 360..366: 4"}},
	} {
		if d := cmp.Diff(c.want, brief(mature(t, a, c.low))); d != "" {
			t.Errorf("low %d: %s", (c.low-monday)/hour, d)
		}
	}
}

// Corrections after maturity revise what is known and leave the evidence alone; in the end the cohort is forgotten.
func TestCorrectionsAfterMaturity(t *testing.T) {
	p := testPlan(t)
	a := NewAssembler(p)
	add(t, a, labels(p, record.OnTime, monday, 5), labels(p, record.Labelled, monday, 5))
	mature(t, a, monday+day) // mature, its truth pane still open
	add(t, a, labels(p, record.Labelled, monday, 2), labels(p, record.OnTime, monday, 2))
	var got []string
	err := a.Mature(monday+8*day, func(n Ended) error {
		for _, c := range n.Truth {
			on, err := c.View(p, nil, nil)
			if err != nil {
				return err
			}
			all, err := c.Revised(p, nil, nil)
			if err != nil {
				return err
			}
			got = append(got, fmt.Sprintf("%d of %d, %s", on.Labels(), all.Labels(), c.Version()))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"5 of 7, v1"}, got); d != "" {
		t.Error(d)
	}
	mature(t, a, monday+60*day)
	add(t, a, labels(p, record.Labelled, monday, 1))
	if len(a.cohorts) != 0 {
		t.Errorf("%d cohorts are kept for ever", len(a.cohorts))
	}
}

// An outcome of an earlier cohort may come later, through a slower partition: the first cohort heard of is not the first.
func TestASlowerPartitionsCohort(t *testing.T) {
	p := testPlan(t)
	a := NewAssembler(p)
	add(t, a, labels(p, record.OnTime, monday+day, 1))
	mature(t, a, monday)
	add(t, a, labels(p, record.OnTime, monday, 1))
	want := []string{"truth of 2", "cohort 0..6: 1", "cohort 24..30: 1"}
	if d := cmp.Diff(want, brief(mature(t, a, monday+8*day))); d != "" {
		t.Error(d)
	}
}

func TestPaneViews(t *testing.T) {
	p := testPlan(t)
	a := NewAssembler(p)
	add(t, a, count(t, p, 0, 10, event{monday, 0.1, "a", "v1"}, event{monday, 0.2, "a", "v2"}, event{monday, 0.9, "z", "v2"})...)
	add(t, a, count(t, p, 1, 70, event{monday + 1, 0.3, "b", "v1"}, event{monday + 2, 0.3, "b", "v2"})...)
	add(t, a, count(t, p, 0, 13, event{monday + hour - 1, 0.4, "", "v2"})...)
	var pane *Pane
	if err := a.Advance(monday+2*hour, func(n Ended) error { pane = n.Base; return nil }); err != nil {
		t.Fatal(err)
	}
	for code, want := range []int64{2, 2, 2} { // a, b, other
		s, err := pane.View(p, []int{0}, []int{code})
		if err != nil || s.Rows != want {
			t.Errorf("slice %d has %d rows, want %d (%v)", code, s.Rows, want, err)
		}
	}
	whole, err := pane.Whole(p)
	if err != nil || whole.Rows != 6 || pane.Rows() != 6 {
		t.Errorf("%d and %d rows (%v)", whole.Rows, pane.Rows(), err)
	}
	if d := cmp.Diff([]int64{2, 3, 0, 1}, whole.Columns[0].Bins); d != "" {
		t.Error(d)
	}
	if pane.Version() != "v2" {
		t.Errorf("version %q", pane.Version())
	}
	described, err := pane.Summary(p)
	if err != nil || described.Columns[0].Histogram.Count() != 6 || described.Columns[0].Distinct.Estimate() != 0 {
		t.Errorf("described are %+v (%v)", described.Columns[0], err)
	}
	want := []record.Span{{Topic: "p", Partition: 0, First: 10, Last: 13}, {Topic: "p", Partition: 1, First: 70, Last: 71}}
	if d := cmp.Diff(want, pane.Spans()); d != "" {
		t.Error(d)
	}
}

func TestAddRefuses(t *testing.T) {
	p := testPlan(t)
	cells := count(t, p, 0, 0, event{at: monday})
	summary, good := cells[0], cells[1]
	bare := testPlan(t)
	bare.Score = nil
	for name, c := range map[string]struct {
		change func(*record.Cell)
		want   string
	}{
		"slice":              {func(c *record.Cell) { c.Slice = "abcd" }, "slice code of 4 bytes for 1 dimensions"},
		"pane":               {func(c *record.Cell) { c.Pane++ }, "is no multiple of 1h0m0s"},
		"body":               {func(c *record.Cell) { c.Body = c.Body[:3] }, "ends inside"},
		"left":               {func(c *record.Cell) { c.Body = append(slices.Clone(c.Body), 0) }, "left over"},
		"outcomes":           {func(c *record.Cell) { c.Kind = record.OnTime }, "add outcomes of m"},
		"summary of a slice": {func(c *record.Cell) { *c = summary; c.Slice = "ab" }, "it has the slice code 6162"},
		"summary of no pane": {func(c *record.Cell) { *c = summary; c.Pane++ }, "is no multiple of 1h0m0s"},
		"half a summary":     {func(c *record.Cell) { *c = summary; c.Body = c.Body[:7] }, "add summary of m"},
		"summary and more":   {func(c *record.Cell) { *c = summary; c.Body = append(slices.Clone(c.Body), 0) }, "left over"},
	} {
		t.Run(name, func(t *testing.T) {
			cell := good
			c.change(&cell)
			a := NewAssembler(p)
			if err := a.Add(&cell); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if len(a.base)+len(a.cohorts) > 0 {
				t.Error("half of it was taken")
			}
		})
	}
	cell := labels(p, record.Labelled, monday, 1)
	if err := NewAssembler(bare).Add(&cell); err == nil || !strings.Contains(err.Error(), "plan without a score") {
		t.Error(err)
	}
}

func TestVisitorsErrorIsReturned(t *testing.T) {
	p := testPlan(t)
	stop := errors.New("stop")
	for name, low := range map[string]int64{"base": monday + 2*hour, "test": monday + 9*hour} {
		a := NewAssembler(p)
		add(t, a, count(t, p, 0, 0, event{at: monday})...)
		err := a.Advance(low, func(n Ended) error {
			if (n.Base != nil) == (name == "base") {
				return stop
			}
			return nil
		})
		if !errors.Is(err, stop) {
			t.Errorf("%s: %v", name, err)
		}
	}
	a := NewAssembler(p)
	add(t, a, labels(p, record.OnTime, monday, 1))
	if err := a.Mature(monday+9*day, func(Ended) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// outcome is one label: of a prediction at pane, known at.
type label struct{ pane, at int64 }

// stream is what one source partition holds: predictions and, in a topic of their own, outcomes, each in the order of event
// time up to the allowed lateness.
type stream struct {
	events []event
	labels []label
}

// drawStreams draws partitions whose times stand still, walk, and jump over days and years.
func drawStreams(t *rapid.T, late int64) []stream {
	jump := rapid.SampledFrom([]int64{0, 1, hour / 7, hour, 5 * hour, day, 3 * day, 30 * day, 900 * day})
	back := rapid.Int64Range(0, late)
	out := make([]stream, rapid.IntRange(1, 3).Draw(t, "partitions"))
	for i := range out {
		s := &out[i]
		top := monday + rapid.Int64Range(-day, day).Draw(t, "begin")
		for range rapid.IntRange(0, 12).Draw(t, "events") {
			top += jump.Draw(t, "jump")
			s.events = append(s.events, event{
				top - back.Draw(t, "back"), rapid.Float64Range(0, 1).Draw(t, "x"),
				rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "seg"), rapid.SampledFrom([]string{"v1", "v2"}).Draw(t, "version"),
			})
		}
		top = monday + rapid.Int64Range(-day, day).Draw(t, "begin")
		for range rapid.IntRange(0, 12).Draw(t, "labels") {
			top += jump.Draw(t, "jump")
			at := top - back.Draw(t, "back")
			pane := floorHour(at - rapid.Int64Range(0, 4*hour).Draw(t, "delay"))
			s.labels = append(s.labels, label{pane, at})
		}
	}
	return out
}

func floorHour(us int64) int64 { return us - (us%hour+hour)%hour }

// play feeds the streams in the given epochs (partition, how many events and labels) and returns what ended, lane by lane.
func play(t *rapid.T, p *plan.Plan, streams []stream, epochs [][3]int, restart func() bool) (panes, truth []ended) {
	a, clock := NewAssembler(p), NewClock()
	doneEvents, doneLabels := make([]int, len(streams)), make([]int, len(streams))
	high := make([][2]int64, len(streams))
	for i := range high {
		high[i] = [2]int64{record.NoTime, record.NoTime}
	}
	visit := func(to *[]ended) func(Ended) error {
		return func(n Ended) error { *to = append(*to, flat(n)...); return nil }
	}
	step := func(partition, events, outcomes int, end bool) {
		s := &streams[partition]
		from := doneEvents[partition]
		events = min(events, len(s.events)-from)
		add(t, a, count(t, p, int32(partition), int64(from), s.events[from:from+events]...)...)
		doneEvents[partition] += events
		for _, e := range s.events[from : from+events] {
			high[partition][0] = max(high[partition][0], e.at)
		}
		for ; outcomes > 0 && doneLabels[partition] < len(s.labels); outcomes-- {
			l := s.labels[doneLabels[partition]]
			doneLabels[partition]++
			high[partition][1] = max(high[partition][1], l.at)
			add(t, a, labels(p, record.Labelled, l.pane, 1))
			if l.at < l.pane+hour+p.MatureAfter.Microseconds() {
				add(t, a, labels(p, record.OnTime, l.pane, 1))
			}
		}
		if end {
			high[partition] = [2]int64{monday + 1e5*day, monday + 1e5*day}
		}
		src := record.Source{Topic: "p", Partition: int32(partition), Partitions: int32(len(streams))}
		if problem := clock.Cover(&record.Coverage{Source: src, From: int64(from), To: int64(from + events), Watermark: high[partition][0]}); problem != nil {
			t.Fatalf("problem: %v", problem)
		}
		clock.Mark(&record.Mark{Source: src, Watermark: monday + 1e5*day}, 1)
		src.Topic = "o"
		clock.Mark(&record.Mark{Source: src, Watermark: high[partition][1]}, 1)
		if low, ok := clock.Low("p"); ok {
			if err := a.Advance(low, visit(&panes)); err != nil {
				t.Fatal(err)
			}
		}
		if low, ok := clock.LowJoined("p", "o"); ok {
			if err := a.Mature(low, visit(&truth)); err != nil {
				t.Fatal(err)
			}
		}
		if restart() {
			r := wire.NewReader(clock.AppendBinary(a.AppendBinary(nil)))
			var err error
			if a, err = ReadAssembler(p, r); err != nil {
				t.Fatal(err)
			}
			if clock, err = ReadClock(r); err != nil {
				t.Fatal(err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, e := range epochs {
		step(e[0], e[1], e[2], false)
	}
	for i := range streams {
		step(i, len(streams[i].events), len(streams[i].labels), false)
	}
	for i := range streams {
		step(i, 0, 0, true)
	}
	if a.Late() != 0 {
		t.Fatalf("%d events are late, none is by more than is allowed", a.Late())
	}
	return panes, truth
}

// The package's invariant: cutting the same streams into other epochs, interleaving them otherwise and stopping in between
// changes nothing of what ends, in which order and with what content. What ends also agrees with counting by hand.
func TestCutsDoNotShow(t *testing.T) {
	never := func() bool { return false }
	rapid.Check(t, func(t *rapid.T) {
		p := momentPlan(t)
		streams := drawStreams(t, p.Lateness.Microseconds())
		epoch := rapid.Custom(func(t *rapid.T) [3]int {
			return [3]int{rapid.IntRange(0, len(streams)-1).Draw(t, "partition"), rapid.IntRange(0, 5).Draw(t, "events"), rapid.IntRange(0, 5).Draw(t, "labels")}
		})
		cuts := rapid.SliceOfN(epoch, 0, 20)
		panes, truth := play(t, p, streams, nil, never)
		for _, restart := range []func() bool{never, func() bool { return rapid.Bool().Draw(t, "restart") }} {
			panes2, truth2 := play(t, p, streams, cuts.Draw(t, "epochs"), restart)
			if d := cmp.Diff(panes, panes2); d != "" {
				t.Fatalf("panes: %v and %v", brief(panes), brief(panes2))
			}
			if d := cmp.Diff(truth, truth2); d != "" {
				t.Fatalf("truth: %v and %v", brief(truth), brief(truth2))
			}
		}
		if d := cmp.Diff(byHand(streams), brief(panes)); d != "" {
			t.Fatalf("panes by hand: %s", d)
		}
		if d := cmp.Diff(truthByHand(streams), brief(truth)); d != "" {
			t.Fatalf("truth by hand: %s", d)
		}
	})
}

// byHand counts events by hour and by six hours.
func byHand(streams []stream) []string {
	const sixth = hour / 6
	moments, base, test := map[int64]int64{}, map[int64]int64{}, map[int64]int64{}
	for _, s := range streams {
		for _, e := range s.events {
			start := floorHour(e.at)
			moments[start+(e.at-start)/sixth*sixth]++
			base[start]++
			test[start-((start-monday)%(6*hour)+6*hour)%(6*hour)]++
		}
	}
	var all []ended
	for start, n := range moments {
		all = append(all, ended{What: "a moment", Start: start, End: start + sixth, Rows: n})
	}
	for start, n := range base {
		all = append(all, ended{What: "base", Start: start, End: start + hour, Rows: n})
	}
	for start, n := range test {
		all = append(all, ended{What: "test", Start: start, End: start + 6*hour, Rows: n})
	}
	slices.SortFunc(all, func(a, b ended) int {
		if a.End != b.End {
			return int(max(-1, min(1, a.End-b.End)))
		}
		return strings.Compare(a.What, b.What)
	})
	return brief(all)
}

// truthByHand groups the outcomes on time by six hours, and those by the weeks that begin on Mondays.
func truthByHand(streams []stream) []string {
	cohorts := map[int64]int64{}
	for _, s := range streams {
		for _, l := range s.labels {
			if l.at < l.pane+hour+2*hour {
				cohorts[l.pane-((l.pane-monday)%(6*hour)+6*hour)%(6*hour)]++
			}
		}
	}
	starts := make([]int64, 0, len(cohorts))
	for s := range cohorts {
		starts = append(starts, s)
	}
	slices.Sort(starts)
	week := func(us int64) int64 { return us - ((us-monday)%(7*day)+7*day)%(7*day) }
	out := []string{}
	for i := 0; i < len(starts); {
		j := i
		var cohort []ended
		for ; j < len(starts) && week(starts[j]) == week(starts[i]); j++ {
			cohort = append(cohort, ended{What: "cohort", Start: starts[j], End: starts[j] + 6*hour, Rows: cohorts[starts[j]]})
		}
		out = append(append(out, fmt.Sprintf("truth of %d", j-i)), brief(cohort)...)
		i = j
	}
	return out
}
