package outcome

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// The batch oracle of all tasks: outcomes that are late by hours to weeks, duplicated, corrected, before their prediction, missing, of another task.
// What folding them comes to is held against counting the set of rows, prediction by prediction, in plain loops.

const (
	hour = 3600 * second
	day  = 24 * hour
)

// taskPlans are one plan of each task, by digest; "gone" is known to nobody.
func taskPlans() map[string]*plan.Plan {
	terms := plan.Plan{Pane: time.Hour, Keep: 14 * 24 * time.Hour, MatureAfter: 2 * 24 * time.Hour}
	of := func(s plan.Score) *plan.Plan {
		p := terms
		p.Score = &s
		return &p
	}
	return map[string]*plan.Plan{
		"binary":  of(plan.Score{Edges: []float64{0.25, 0.5, 0.75}}),
		"classes": of(plan.Score{Task: plan.Classes, Classes: []string{"a", "b", "c"}, Each: []int{1, 2, 3}, Edges: []float64{0.25, 0.5, 0.75}}),
		"recast":  of(plan.Score{Task: plan.Classes, Classes: []string{"c", "d", "a"}, Edges: []float64{0.5}}),
		"numbers": of(plan.Score{Task: plan.Numbers}),
	}
}

func drawTaskRows(t *rapid.T) []Row {
	n := rapid.IntRange(1, 24).Draw(t, "events")
	rows := make([]Row, n)
	for i := range rows {
		at := Place{
			Time:      int64(rapid.IntRange(-18, 18).Draw(t, "days"))*day + int64(rapid.IntRange(-2, 2).Draw(t, "hours"))*hour,
			Partition: int32(rapid.IntRange(0, 1).Draw(t, "partition")), Offset: int64(i),
		}
		rows[i] = Row{ID: ID{byte(rapid.IntRange(0, 2).Draw(t, "id"))}, Model: "m"}
		quarter := func(name string) float64 { return float64(rapid.IntRange(-40, 40).Draw(t, name)) / 4 }
		if rapid.IntRange(0, 2).Draw(t, "kind") > 0 {
			l := truth.Label{Kind: truth.Kind(rapid.IntRange(0, 2).Draw(t, "task"))}
			switch l.Kind {
			case truth.Sign:
				l.Positive = rapid.Bool().Draw(t, "positive")
			case truth.Name:
				l.Name = rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "name")
			case truth.Value:
				l.Value = quarter("value")
			}
			o := Of(at, l)
			rows[i].Outcome = &o
			continue
		}
		p := &Prediction{Place: at, Version: rapid.SampledFrom([]string{"", "v2"}).Draw(t, "version"), Pane: at.Time - ((at.Time%hour)+hour)%hour}
		p.Plan = rapid.SampledFrom([]string{"binary", "classes", "recast", "numbers", "gone"}).Draw(t, "plan")
		switch p.Plan {
		case "classes":
			p.Other = &truth.Other{Class: &truth.Class{Of: int32(rapid.IntRange(0, 4).Draw(t, "said"))}} // 4: of a damaged row
			order := rapid.Permutation([]int32{0, 1, 2}).Draw(t, "order")
			for i, q := range []int{rapid.IntRange(6000, 12000).Draw(t, "p"), 4000, 384} {
				p.Other.Class.Top = append(p.Other.Class.Top, truth.Likely{Class: order[i], P: int32(q)})
			}
			p.Other.Class.Top = p.Other.Class.Top[:rapid.SampledFrom([]int{0, 3}).Draw(t, "scored")]
		case "recast":
			p.Other = &truth.Other{Class: &truth.Class{Of: int32(rapid.IntRange(0, 3).Draw(t, "said"))}}
		case "numbers":
			p.Other = &truth.Other{Number: &truth.Number{Value: quarter("said"), Interval: rapid.Bool().Draw(t, "interval")}}
			if p.Other.Number.Interval {
				p.Other.Number.Low, p.Other.Number.High = p.Other.Number.Value-2, p.Other.Number.Value+2
			}
		default:
			p.Bin, p.Score, p.Positive = rapid.IntRange(0, 4).Draw(t, "bin"), rapid.Int64Range(0, 1<<30).Draw(t, "score"), rapid.Bool().Draw(t, "decision")
		}
		rows[i].Prediction = p
	}
	return rows
}

// joined are a prediction and the outcome that stands for it, as a batch would join them.
type joined struct {
	key Key
	p   *Prediction
	o   *Outcome
}

// batchJoin looks at every prediction that is the first of its id, and at all outcomes of it.
func batchJoin(rows []Row, plans map[string]*plan.Plan) (out []joined) {
	for _, r := range rows {
		p := r.Prediction
		if p == nil || plans[p.Plan] == nil {
			continue
		}
		earlier := func(o Row) bool { return o.ID == r.ID && o.Prediction != nil && later(p.Place, o.Prediction.Place) }
		if slices.ContainsFunc(rows, earlier) {
			continue
		}
		for _, onTime := range []bool{false, true} {
			var last *Outcome
			for _, o := range rows {
				if o.ID != r.ID || o.Outcome == nil {
					continue
				}
				apart := math.Abs(float64(o.Outcome.Place.Time - p.Place.Time))
				if apart > 14*float64(day) || onTime && o.Outcome.Place.Time >= p.Pane+hour+2*day {
					continue
				}
				if last == nil || later(o.Outcome.Place, last.Place) {
					last = o.Outcome
				}
			}
			if last != nil {
				out = append(out, joined{Key{Model: "m", Plan: p.Plan, OnTime: onTime, Pane: p.Pane, Version: p.Version}, p, last})
			}
		}
	}
	return out
}

// tallies counts joined pairs by names that say what they count.
type tallies map[string]int64

func (n tallies) add(key Key, by int64, format string, args ...any) {
	name := fmt.Sprint(key) + " " + fmt.Sprintf(format, args...)
	if n[name] += by; n[name] == 0 {
		delete(n, name)
	}
}

func countBatch(pairs []joined, plans map[string]*plan.Plan) tallies {
	n := tallies{}
	for _, j := range pairs {
		s := plans[j.p.Plan].Score
		switch {
		case s.Task == plan.TwoClasses && j.o.Label().Kind == truth.Sign && j.p.Bin < 4:
			n.add(j.key, 1, "bin %d decided %t turned %t", j.p.Bin, j.p.Positive, j.o.Positive)
		case s.Task == plan.Classes && j.o.Label().Kind == truth.Name && int(j.p.Other.Class.Of) <= len(s.Classes):
			turned := int32(slices.Index(s.Classes, j.o.Label().Name))
			if turned < 0 {
				turned = int32(len(s.Classes))
			}
			n.add(j.key, 1, "said %d turned %d", j.p.Other.Class.Of, turned)
			for _, t := range j.p.Other.Class.Top {
				if t.Class == j.p.Other.Class.Of {
					n.add(j.key, int64(t.P), "sure")
				}
			}
			if len(s.Each) == 0 || len(j.p.Other.Class.Top) == 0 {
				continue
			}
			rank := int64(truth.Ranked)
			for i, t := range j.p.Other.Class.Top {
				n.add(j.key, int64(t.P), "held %d likely", t.Class)
				if t.Class == turned {
					rank = int64(i)
					n.add(j.key, int64(t.P), "held %d likely rightly", t.Class)
				}
			}
			n.add(j.key, 1, "rank %d", rank)
		case s.Task == plan.Numbers && j.o.Label().Kind == truth.Value:
			off := j.p.Other.Number.Value - j.o.Label().Value
			n.add(j.key, 1, "pairs")
			n.add(j.key, int64(16*off), "error")
			n.add(j.key, int64(16*math.Abs(off)), "size")
			n.add(j.key, int64(16*off*off), "square")
			n.add(j.key, int64(16*j.o.Label().Value), "actual")
			if j.p.Other.Number.Interval {
				n.add(j.key, 1, "intervals")
				if j.o.Label().Value >= j.p.Other.Number.Low && j.o.Label().Value <= j.p.Other.Number.High {
					n.add(j.key, 1, "covered")
				}
			}
		}
	}
	return n
}

func countFolded(sums map[Key]truth.Counts) tallies {
	n := tallies{}
	for key, known := range sums {
		switch c := known.(type) {
		case truth.Binary:
			for bin := range c.Curve.Labels {
				c := c.Curve
				n.add(key, c.Labels[bin], "bin %d", bin)
				n.add(key, c.Pos[bin], "bin %d turned true", bin)
			}
			n.add(key, c.TP, "decided true turned true")
			n.add(key, c.FP, "decided true turned false")
			n.add(key, c.FN, "decided false turned true")
			n.add(key, c.TN, "decided false turned false")
		case *truth.Classes:
			for pair, of := range c.All() {
				n.add(key, of, "said %d turned %d", pair[1], pair[0])
			}
			const unit = 1 << 16 // of a curve's scores in those of a row
			for bin := range c.Top.LS {
				n.add(key, c.Top.LS[bin]/unit, "sure")
			}
			for class, of := range c.Each {
				for bin := range of.LS {
					n.add(key, of.LS[bin]/unit, "held %d likely", class)
					n.add(key, of.PS[bin]/unit, "held %d likely rightly", class)
				}
			}
			for rank, of := range c.Ranks {
				n.add(key, of, "rank %d", rank)
			}
		case truth.Numbers:
			n.add(key, c.N, "pairs")
			n.add(key, int64(16*c.Sum.Float()), "error")
			n.add(key, int64(16*c.Abs.Float()), "size")
			n.add(key, int64(16*c.Square.Float()), "square")
			n.add(key, int64(16*c.Actual.Float()), "actual")
			n.add(key, c.Intervals, "intervals")
			n.add(key, c.Covered, "covered")
		}
	}
	return n
}

// byMargins is what of a binary model's pairs its counts keep.
func byMargins(n tallies) tallies {
	out := tallies{}
	for name, by := range n {
		at := strings.Index(name, " bin ")
		if at < 0 {
			out[name] += by
			continue
		}
		key, rest := name[:at], name[at+1:]
		var bin int
		var decided, turned bool
		if _, err := fmt.Sscanf(rest, "bin %d decided %t turned %t", &bin, &decided, &turned); err != nil {
			panic(err)
		}
		out[fmt.Sprintf("%s bin %d", key, bin)] += by
		if turned {
			out[fmt.Sprintf("%s bin %d turned true", key, bin)] += by
		}
		out[fmt.Sprintf("%s decided %t turned %t", key, decided, turned)] += by
	}
	return out
}

func TestCountsOfAllTasksEqualTheBatch(t *testing.T) {
	plans := taskPlans()
	rapid.Check(t, func(t *rapid.T) {
		rows := drawTaskRows(t)
		effects := NewEffects(func(digest string) *plan.Plan { return plans[digest] })
		states, sums := map[ID][]byte{}, map[Key]truth.Counts{}
		take := func() {
			keys, counts := effects.Take()
			for i, k := range keys { // as fragments carry them
				got, err := truth.ReadAll(plans[k.Plan], counts[i].AppendBinary(nil))
				if err != nil {
					t.Fatal(err)
				}
				if sums[k] == nil {
					sums[k] = truth.New(plans[k.Plan])
				}
				if err := sums[k].Merge(got); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, r := range arrive(t, rows) {
			s, err := ReadState(states[r.ID])
			if err != nil {
				t.Fatal(err)
			}
			effects.Change(s, &r)
			states[r.ID] = s.AppendBinary(nil)
			if rapid.IntRange(0, 3).Draw(t, "epoch ends") == 0 {
				take()
			}
		}
		take()
		got, want := countFolded(sums), byMargins(countBatch(batchJoin(rows, plans), plans))
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
		for k, c := range sums { // what was taken back left nothing behind
			fresh := truth.New(plans[k.Plan])
			for _, j := range batchJoin(rows, plans) {
				answer, label := j.p.Answer(), j.o.Label()
				if j.key == k && truth.Fits(plans[k.Plan], &answer, &label) {
					truth.Count(fresh, &answer, &label, 1)
				}
			}
			if !bytes.Equal(fresh.AppendBinary(nil), c.AppendBinary(nil)) {
				t.Fatalf("%v: the bytes of what was folded are not those of what was counted once", k)
			}
		}
	})
}

func TestStateOfAllTasksRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &State{}
		for _, r := range drawTaskRows(t) {
			s.Fold(&r)
		}
		b := s.AppendBinary(nil)
		got, err := ReadState(b)
		if err != nil {
			t.Fatal(err)
		}
		if out := got.AppendBinary(nil); !bytes.Equal(out, b) || len(got.Outcomes) != len(s.Outcomes) {
			t.Fatalf("%x came back as %x", b, out)
		}
		if s.Prediction != nil && !slices.Equal(answerBytes(s.Prediction), answerBytes(got.Prediction)) {
			t.Fatalf("%+v came back as %+v", s.Prediction, got.Prediction)
		}
		for i := range s.Outcomes {
			if s.Outcomes[i].Place != got.Outcomes[i].Place || s.Outcomes[i].Label() != got.Outcomes[i].Label() {
				t.Fatalf("%+v came back as %+v", s.Outcomes[i], got.Outcomes[i])
			}
		}
		cut := rapid.IntRange(0, len(b)-1).Draw(t, "cut")
		if _, err := ReadState(b[:cut:cut]); err == nil {
			t.Fatalf("a state cut to %d of %d bytes was read", cut, len(b))
		}
	})
}

func answerBytes(p *Prediction) []byte { return appendAnswer(nil, p) }

// An outcome row that an earlier build wrote says a sign; under a plan of another task it counts for nothing.
func TestFormat1StaysReadable(t *testing.T) {
	b := []byte{1, 0, 1}
	b = wire.Bool(appendPlace(b, Place{Time: 5, Offset: 3}), true)
	s, err := ReadState(b)
	if err != nil || len(s.Outcomes) != 1 || s.Outcomes[0] != (Outcome{Place: Place{Time: 5, Offset: 3}, Positive: true}) {
		t.Fatalf("%+v, %v", s, err)
	}
	if again := s.AppendBinary(nil); !bytes.Equal(again, b) {
		t.Errorf("written back as %x, was %x", again, b)
	}
	if _, err := ReadState([]byte{2, 0, 0}); err == nil || !strings.Contains(err.Error(), "it holds nothing that an earlier format doesn't") {
		t.Errorf("a state of format 2 that needs none: %v", err)
	}
}
