package outcome

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

const (
	keep   = 20 // seconds
	mature = 5
	pane   = 10
	second = int64(1_000_000)
)

func testPlans() func(string) *plan.Plan {
	p := &plan.Plan{
		Pane: pane * time.Second, Keep: keep * time.Second, MatureAfter: mature * time.Second,
		Score: &plan.Score{Edges: []float64{0.25, 0.5, 0.75}, Threshold: 0.5},
	}
	// Two more plans have groups: by sex and, the second in another order and without one of the values, by home, too.
	grouped := func(joined []plan.Joined, values ...string) *plan.Plan {
		q := *p
		q.Slices = []plan.Dimension{{Name: "region"}, {Name: "sex", Values: []string{"f", "m"}}, {Name: "home", Values: values}}
		q.Attributes = &plan.Attributes{Joined: joined}
		return &q
	}
	one := grouped([]plan.Joined{{Dim: 1}, {Dim: 2}}, "city", "land")
	two := grouped([]plan.Joined{{Dim: 2}, {Dim: 1}}, "land", "sea")
	return func(digest string) *plan.Plan {
		switch digest {
		case "gone":
			return nil
		case "one":
			return one
		case "two":
			return two
		}
		return p
	}
}

// groupOf is what the oracle calls the groups of a record in words, "" for none: its sex and its home, under the plan that read it.
func groupOf(g *Groups) (sex, home string) {
	codes := []string{g.Codes[:2], g.Codes[2:]}
	if g.Plan == "two" {
		codes[0], codes[1] = codes[1], codes[0]
	}
	sex = map[string]string{"\x00\x00": "f", "\x00\x01": "m", "\x00\x02": "other"}[codes[0]]
	homes := map[string]map[string]string{
		"one": {"\x00\x00": "city", "\x00\x01": "land", "\x00\x02": "other of one"}, "two": {"\x00\x00": "land", "\x00\x01": "sea", "\x00\x02": "other of two"},
	}
	return sex, homes[g.Plan][codes[1]]
}

// sliceOf is the slice of a prediction in the words of groupOf, in codes of its plan.
func sliceOf(p *Prediction, sex, home string) string {
	homes := map[string]map[string]string{
		"one": {"city": "\x00\x00", "land": "\x00\x01", "other of one": "\x00\x02"}, "two": {"land": "\x00\x00", "sea": "\x00\x01", "other of two": "\x00\x02"},
	}
	code := func(c string) string {
		if c == "" {
			return "\xff\xff"
		}
		return c
	}
	return p.Slice[:2] + code(map[string]string{"f": "\x00\x00", "m": "\x00\x01", "other": "\x00\x02"}[sex]) + code(homes[p.Plan][home])
}

// tally is what the oracle counts of one cell: per bin, and by decision and outcome.
type tally struct {
	labels, pos, score, scoreOfPos [4]int64
	decided                        [2][2]int64 // by decision, by outcome
}

// later is the order of the rows of one id in plain words: by time, then partition, then offset.
func later(a, b Place) bool {
	if a.Time != b.Time {
		return a.Time > b.Time
	}
	if a.Partition != b.Partition {
		return a.Partition > b.Partition
	}
	return a.Offset > b.Offset
}

// oracle counts from the set of rows, looking at each pair of a prediction and an outcome, without any state.
func oracle(rows []Row) map[Key]tally {
	out := map[Key]tally{}
	for i := range rows {
		p := rows[i].Prediction
		if p == nil || p.Plan == "gone" || p.Bin > 3 {
			continue
		}
		isFirst := !slices.ContainsFunc(rows, func(o Row) bool {
			return o.ID == rows[i].ID && o.Prediction != nil && later(p.Place, o.Prediction.Place)
		})
		if !isFirst {
			continue
		}
		for _, onTime := range []bool{false, true} {
			counts := func(r Row) bool {
				if r.ID != rows[i].ID || r.Outcome == nil && r.Groups == nil {
					return false
				}
				t := timeOf(r)
				if t-p.Place.Time > keep*second || p.Place.Time-t > keep*second {
					return false
				}
				return !onTime || t < p.Pane+(pane+mature)*second
			}
			for _, r := range rows {
				if r.Outcome == nil || !counts(r) || slices.ContainsFunc(rows, func(q Row) bool { return q.Outcome != nil && counts(q) && later(q.Outcome.Place, r.Outcome.Place) }) {
					continue
				}
				slice := p.Slice
				for _, g := range rows {
					last := g.Groups != nil && counts(g) && !slices.ContainsFunc(rows, func(q Row) bool { return q.Groups != nil && counts(q) && later(q.Groups.Place, g.Groups.Place) })
					if last && (p.Plan == "one" || p.Plan == "two") {
						sex, home := groupOf(g.Groups)
						slice = sliceOf(p, sex, home)
					}
				}
				k := Key{Model: r.Model, Plan: p.Plan, OnTime: onTime, Pane: p.Pane, Version: p.Version, Slice: slice}
				c := out[k]
				d, o := 0, 0
				if p.Positive {
					d = 1
				}
				c.labels[p.Bin]++
				c.score[p.Bin] += p.Score
				if r.Outcome.Positive {
					o = 1
					c.pos[p.Bin]++
					c.scoreOfPos[p.Bin] += p.Score
				}
				c.decided[d][o]++
				out[k] = c
			}
		}
	}
	return out
}

func timeOf(r Row) int64 {
	if r.Groups != nil {
		return r.Groups.Place.Time
	}
	return r.Outcome.Place.Time
}

// events draws rows of distinct events: no two share a source offset, many share a time.
func events(t *rapid.T, ids, most int) []Row {
	n := rapid.IntRange(1, most).Draw(t, "events")
	rows := make([]Row, n)
	for i := range rows {
		id := ID{byte(rapid.IntRange(0, ids-1).Draw(t, "id"))}
		at := Place{
			Time:      int64(rapid.IntRange(-8, 8).Draw(t, "time")) * 5 * second, // many at one time, many at a limit
			Partition: int32(rapid.IntRange(0, 1).Draw(t, "partition")), Offset: int64(i),
		}
		rows[i] = Row{ID: id, Model: "m"}
		kind := rapid.IntRange(0, 4).Draw(t, "kind")
		if kind == 4 {
			code := rapid.SampledFrom([]string{"\x00\x00", "\x00\x01", "\x00\x02", "\xff\xff"})
			rows[i].Groups = &Groups{Place: at, Plan: rapid.SampledFrom([]string{"one", "two"}).Draw(t, "read under"), Codes: code.Draw(t, "group") + code.Draw(t, "group")}
			continue
		}
		if kind > 1 {
			rows[i].Outcome = &Outcome{Place: at, Positive: rapid.Bool().Draw(t, "positive")}
			continue
		}
		start := at.Time - at.Time%(pane*second)
		if start > at.Time {
			start -= pane * second
		}
		rows[i].Prediction = &Prediction{
			Place: at, Plan: rapid.SampledFrom([]string{"one", "one", "two", "b", "gone"}).Draw(t, "plan"), Version: rapid.SampledFrom([]string{"", "v2"}).Draw(t, "version"),
			Pane: start, Slice: rapid.SampledFrom([]string{"\x00\x01\xff\xff\xff\xff", "\x00\x00\xff\xff\xff\xff"}).Draw(t, "slice"),
			Bin: rapid.IntRange(0, 4).Draw(t, "bin"), Score: rapid.Int64Range(0, sketch.ScoreScale).Draw(t, "score"), Positive: rapid.Bool().Draw(t, "decision"),
		}
	}
	return rows
}

// arrive draws one way for rows to come in: any order, some more than once.
func arrive(t *rapid.T, rows []Row) []Row {
	order := slices.Clone(rows)
	for range rapid.IntRange(0, len(rows)).Draw(t, "repeats") {
		order = append(order, rows[rapid.IntRange(0, len(rows)-1).Draw(t, "which")])
	}
	return rapid.Permutation(order).Draw(t, "order")
}

// fold folds rows in epochs, as a joiner does: between epochs only the states' bytes and the counts collected are kept.
func fold(t *rapid.T, rows []Row) (map[Key]tally, map[ID][]byte) {
	effects := NewEffects(testPlans())
	states, sums := map[ID][]byte{}, map[Key]truth.Counts{}
	take := func() {
		keys, counts := effects.Take()
		if !slices.IsSortedFunc(keys, Key.Compare) {
			t.Fatalf("cells out of order: %v", keys)
		}
		for i, k := range keys {
			if sums[k] == nil {
				sums[k] = truth.New(testPlans()(k.Plan))
			}
			if err := sums[k].Merge(counts[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range rows {
		r := &rows[i]
		s, err := ReadState(states[r.ID])
		if err != nil {
			t.Fatal(err)
		}
		changed := effects.Change(s, r)
		b := s.AppendBinary(nil)
		if same := states[r.ID] != nil && bytes.Equal(b, states[r.ID]); same == changed {
			t.Fatalf("row %d: Change says %t, the state is %q and was %q", i, changed, b, states[r.ID])
		}
		states[r.ID] = b
		if rapid.IntRange(0, 3).Draw(t, "epoch ends") == 0 {
			take()
		}
	}
	take()
	out := map[Key]tally{}
	for k, known := range sums {
		c := truth.CurveOf(known)
		v := tally{
			labels: [4]int64(c.Labels), pos: [4]int64(c.Pos), score: [4]int64(c.LS), scoreOfPos: [4]int64(c.PS),
			decided: [2][2]int64{{c.TN, c.FN}, {c.FP, c.TP}},
		}
		if v != (tally{}) {
			out[k] = v
		}
	}
	return out, states
}

// The package's invariant: whatever the order and repetition, the effects add up to what the set of rows says.
func TestEffectsDependOnlyOnWhichRowsThereAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := events(t, 3, 24)
		got, _ := fold(t, arrive(t, rows))
		if want := oracle(rows); !maps.Equal(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
	})
}

// Beyond the bound an id's early outcomes are forgotten, the same ones in every order: the effects are those of the outcomes
// that are kept.
func TestBoundOfOutcomesKeepsTheInvariant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := []Row{{Model: "m", Prediction: &Prediction{Plan: "a", Pane: 0, Bin: 1, Score: 7}}}
		n := rapid.IntRange(maxOutcomes-2, maxOutcomes+20).Draw(t, "outcomes")
		for i := range n {
			rows = append(rows, Row{Model: "m", Outcome: &Outcome{
				Place: Place{Time: int64(rapid.IntRange(-2, 30).Draw(t, "time")) * second, Offset: int64(i)}, Positive: rapid.Bool().Draw(t, "positive"),
			}})
		}
		got, states := fold(t, arrive(t, rows))
		kept := slices.Clone(rows[1:])
		slices.SortFunc(kept, func(a, b Row) int { return a.Outcome.Place.Compare(b.Outcome.Place) })
		kept = kept[max(0, n-maxOutcomes):]
		if want := oracle(append(kept, rows[0])); !maps.Equal(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
		s, err := ReadState(states[ID{}])
		if err != nil || len(s.Outcomes) != len(kept) {
			t.Fatalf("%d outcomes kept (%v), want %d", len(s.Outcomes), err, len(kept))
		}
		for i := range kept {
			if s.Outcomes[i] != *kept[i].Outcome {
				t.Fatalf("outcome %d kept is %v, want %v", i, s.Outcomes[i], *kept[i].Outcome)
			}
		}
	})
}

// Few cases said by hand, so that the oracle itself is held against something.
func TestLabel(t *testing.T) {
	terms := testPlans()("a").Terms()
	at := func(sec int64, positive bool) Outcome {
		return Outcome{Place: Place{Time: sec * second}, Positive: positive}
	}
	for name, c := range map[string]struct {
		outcomes   []Outcome
		all        string
		onTimeOnly string
	}{
		"none":                          {nil, "-", "-"},
		"on time":                       {[]Outcome{at(14, true)}, "true", "true"},
		"at the cut, late":              {[]Outcome{at(15, true)}, "true", "-"},
		"corrected late":                {[]Outcome{at(3, true), at(16, false)}, "false", "true"},
		"corrected early":               {[]Outcome{at(3, true), at(4, false)}, "false", "false"},
		"keep holds to itself":          {[]Outcome{at(22, true)}, "true", "-"},
		"beyond keep":                   {[]Outcome{at(23, true)}, "-", "-"},
		"beyond keep, an older counts":  {[]Outcome{at(5, true), at(23, false)}, "true", "true"},
		"before the prediction":         {[]Outcome{at(-18, true)}, "true", "true"},
		"too long before it":            {[]Outcome{at(-19, true)}, "-", "-"},
		"of one time, the later offset": {[]Outcome{{Place: Place{Time: 5 * second, Offset: 1}, Positive: true}, {Place: Place{Time: 5 * second, Offset: 2}}}, "false", "false"},
	} {
		s := State{Prediction: &Prediction{Place: Place{Time: 2 * second}, Pane: 0}, Outcomes: c.outcomes}
		for onTime, want := range map[bool]string{false: c.all, true: c.onTimeOnly} {
			got := "-"
			if label, ok := s.Label(terms, onTime); ok {
				got = fmt.Sprint(label.Positive)
			}
			if got != want {
				t.Errorf("%s, onTime %t: %s, want %s", name, onTime, got, want)
			}
		}
	}
	if _, ok := (&State{Outcomes: []Outcome{at(1, true)}}).Label(terms, false); ok {
		t.Error("an outcome without its prediction is a label")
	}
}

func TestKeysAreOrdered(t *testing.T) {
	low := Key{Model: "a", Plan: "a", Pane: 1, Version: "a", Slice: "a"}
	for name, high := range map[string]Key{
		"model": {"b", "a", false, 0, "a", "a"}, "plan": {"a", "b", false, 0, "a", "a"}, "on time": {"a", "a", true, 0, "a", "a"},
		"pane": {"a", "a", false, 2, "", ""}, "version": {"a", "a", false, 1, "b", ""}, "slice": {"a", "a", false, 1, "a", "b"},
	} {
		if low.Compare(high) >= 0 || high.Compare(low) <= 0 {
			t.Errorf("%s: %d and %d", name, low.Compare(high), high.Compare(low))
		}
	}
}
