package truth

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

func plans() map[plan.Task]*plan.Plan {
	return map[plan.Task]*plan.Plan{
		plan.TwoClasses: {Score: &plan.Score{Edges: []float64{0.5}}},
		plan.Classes:    {Score: &plan.Score{Task: plan.Classes, Classes: []string{"a", "2", "c"}, Each: []int{3, 4, 5}, Edges: []float64{0.1, 0.5, 0.9}}},
		plan.Numbers:    {Score: &plan.Score{Task: plan.Numbers}},
	}
}

// drawn is an answer and a label that fit a task.
func drawn(t *rapid.T, task plan.Task) (a Answer, l Label) {
	switch task {
	case plan.Classes:
		a.Other = &Other{Class: &Class{Of: int32(rapid.IntRange(0, 3).Draw(t, "of"))}}
		for _, c := range rapid.Permutation([]int32{0, 1, 2}).Draw(t, "order") {
			a.Other.Class.Top = append(a.Other.Class.Top, Likely{c, int32(rapid.IntRange(0, ClassScale).Draw(t, "p"))})
		}
		l = Label{Kind: Name, Name: rapid.SampledFrom([]string{"a", "2", "2.0", "c", "new"}).Draw(t, "name")}
	case plan.Numbers:
		n := Number{Value: rapid.Float64Range(-1e12, 1e12).Draw(t, "value"), Interval: rapid.Bool().Draw(t, "interval")}
		if n.Interval {
			n.Low, n.High = n.Value-1, n.Value+1
		}
		a.Other, l = &Other{Number: &n}, Label{Kind: Value, Value: rapid.Float64Range(-1e12, 1e12).Draw(t, "actual")}
	default:
		a = Answer{Bin: rapid.IntRange(0, 1).Draw(t, "bin"), Score: rapid.Int64Range(0, sketch.ScoreScale).Draw(t, "score"), Positive: rapid.Bool().Draw(t, "decision")}
		l = Label{Positive: rapid.Bool().Draw(t, "positive")}
	}
	return a, l
}

// Counts of every task merge in any order, are read as they were written, and a label that is taken back leaves nothing behind.
func TestCountsAreExact(t *testing.T) {
	for task, p := range plans() {
		t.Run(string(task), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				whole, parts := New(p), []Counts{New(p), New(p)}
				for range rapid.IntRange(0, 8).Draw(t, "pairs") {
					a, l := drawn(t, task)
					if !Fits(p, &a, &l) {
						t.Fatalf("%+v, %+v don't fit", a, l)
					}
					if rapid.Bool().Draw(t, "taken back") { // before it is counted, or after
						first := int64(1 - 2*rapid.IntRange(0, 1).Draw(t, "sign"))
						Count(parts[0], &a, &l, first)
						Count(parts[1], &a, &l, -first)
						continue
					}
					Count(whole, &a, &l, 1)
					Count(parts[rapid.IntRange(0, 1).Draw(t, "part")], &a, &l, 1)
				}
				sum := parts[1].Clone()
				read, err := ReadAll(p, parts[0].AppendBinary(nil))
				if err == nil {
					err = sum.Merge(read)
				}
				if err != nil || !bytes.Equal(sum.AppendBinary(nil), whole.AppendBinary(nil)) || sum.Labels() != whole.Labels() {
					t.Fatalf("%v: %x, want %x", err, sum.AppendBinary(nil), whole.AppendBinary(nil))
				}
			})
		})
	}
}

func TestCountsOfOtherTasksAreRefused(t *testing.T) {
	all := plans()
	for a, p := range all {
		for b, q := range all {
			if err := New(p).Merge(New(q)); (err == nil) != (a == b) {
				t.Errorf("merge %q and %q: %v", a, b, err)
			}
		}
	}
	other := &plan.Plan{Score: &plan.Score{Task: plan.Classes, Classes: []string{"a", "b"}, Edges: []float64{0.1, 0.5, 0.9}}}
	if err := New(all[plan.Classes]).Merge(New(other)); err == nil || !strings.Contains(err.Error(), "4 classes in 4 bins, 4 of them with probabilities, and 3 in 4, 0") {
		t.Errorf("merge other classes: %v", err)
	}
	if _, err := ReadAll(&plan.Plan{}, nil); err == nil {
		t.Error("outcomes of a plan without a score were read")
	}
}

// What a batch says: classes by name or as numbers, probabilities in order, the most probable class where no decision is told.
func TestAnswered(t *testing.T) {
	p := &plan.Plan{
		Prediction: plan.Projection{Fields: []plan.Field{{Name: "d", Kind: plan.String}, {Name: "a", Kind: plan.Number}, {Name: "b", Kind: plan.Number}, {Name: "c", Kind: plan.Number}}, Roles: plan.NoRoles()},
		Score:      &plan.Score{Task: plan.Classes, Classes: []string{"a", "2", "c"}, Each: []int{1, 2, 3}},
	}
	for name, c := range map[string]struct {
		decision string
		chances  []float64
		want     string
	}{
		"decided":             {"c", []float64{0.5, 0.25, 0.25}, "2 [{0 8192} {2 4096} {1 4096}]"},
		"as a number":         {"2.0", []float64{0, 1, 0}, "1 [{1 16384} {2 0} {0 0}]"},
		"a class of its own":  {"other", []float64{0.1, 0.2, 0.7}, "3 [{2 11469} {1 3277} {0 1638}]"},
		"the likeliest":       {"", []float64{0.4, 0.4, 0.2}, "0 [{1 6554} {0 6554} {2 3277}]"},
		"a probability of 2":  {"a", []float64{0.4, 2, 0.2}, "0 []"},
		"one is missing":      {"a", []float64{0.4, 0.6}, "0 []"},
		"nothing says it":     {"", nil, "none"},
		"negative, undecided": {"", []float64{-0.1, 0.6, 0.5}, "none"},
	} {
		b := plan.NewBatch(&p.Prediction, 1)
		b.Grow(0)
		q := *p
		if c.decision != "" {
			q.Prediction.Roles.Decision = 0
			b.SetString(0, 0, c.decision)
		}
		for i, v := range c.chances {
			b.SetNumber(1+i, 0, v)
		}
		got := "none"
		if a, ok := Answered(&q, nil, b, 0); ok {
			got = fmt.Sprint(a.Other.Class.Of, " ", a.Other.Class.Top)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// What is carried of many classes: the most probable ones, those at rank 1 to 5 however improbable.
func TestLikeliestIsBounded(t *testing.T) {
	all := make([]float64, 40)
	all[7] = 1
	if top := likeliest(all); len(top) != Ranked || top[0] != (Likely{7, ClassScale}) || top[1].Class != 39 {
		t.Errorf("of one certain class: %v", top)
	}
	for i := range all {
		all[i] = 1. / 40
	}
	if top := likeliest(all); len(top) != Carried {
		t.Errorf("of 40 equal ones %d are carried", len(top))
	}
	said := Class{Of: 3, Top: []Likely{{3, 9011}, {0, 7200}, {1, 120}, {2, 53}, {4, 0}}}
	if n := len(said.AppendBinary(nil)); n != 14 {
		t.Errorf("five likely classes take %d bytes", n)
	}
	round := Number{Value: 12.5}
	if n := len(round.AppendBinary(nil)); n != 3 {
		t.Errorf("12.5 takes %d bytes", n)
	}
}

// FuzzRead: no panic, and what is read is written back as the same bytes. The first byte chooses the task.
func FuzzRead(f *testing.F) {
	all := plans()
	tasks := []plan.Task{plan.TwoClasses, plan.Classes, plan.Numbers}
	for i, task := range tasks {
		f.Add(New(all[task]).AppendBinary([]byte{byte(i)}))
	}
	c := New(all[plan.Classes])
	Count(c, &Answer{Other: &Other{Class: &Class{Of: 1, Top: []Likely{{1, 9000}, {0, 5000}, {2, 2384}}}}}, &Label{Kind: Name, Name: "a"}, 1)
	f.Add(c.AppendBinary([]byte{1}))
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) == 0 {
			return
		}
		got, err := ReadAll(all[tasks[int(in[0])%len(tasks)]], in[1:])
		if err != nil {
			return
		}
		if out := got.AppendBinary(nil); !bytes.Equal(out, in[1:]) {
			t.Fatalf("read % x, written back % x", in[1:], out)
		}
	})
}

// FuzzReadAnswer: the same of what rows say.
func FuzzReadAnswer(f *testing.F) {
	f.Add((&Class{Of: 2, Top: []Likely{{2, 100}}}).AppendBinary([]byte{0}))
	f.Add((&Number{Value: 1, Low: 0, High: 2, Interval: true}).AppendBinary([]byte{1}))
	f.Add((&Label{Kind: Name, Name: "x"}).AppendBinary([]byte{2}))
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) == 0 {
			return
		}
		r := wire.NewReader(in[1:])
		var out []byte
		switch in[0] % 4 {
		case 0:
			c := ReadClass(r)
			if len(c.Top) > Carried {
				t.Fatalf("%d likely classes", len(c.Top))
			}
			out = c.AppendBinary(nil)
		case 1:
			out = ReadNumber(r).AppendBinary(nil)
		default:
			l := ReadLabel(Kind(in[0]%4-1), r)
			out = l.AppendBinary(nil)
		}
		if r.Close() == nil && !slices.Equal(out, in[1:]) {
			t.Fatalf("read % x, written back % x", in[1:], out)
		}
	})
}
