//go:build synctests

package systest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

const attributeSchema = `{"type":"record","name":"Person","fields":[
	{"name":"id","type":"string"},{"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"sex","type":["null","string"]}]}`

var attributesText = strings.Replace(contractText, "inputs:", "  attributes: {topic: sys.attributes, fields: {id: id, time: ts}}\ninputs:", 1) +
	"protected: {sex: {from: attributes}}\n"

// known is the reference with a sex for every id.
type known struct{ history }

func (k known) Attributes(visit func(*plan.Batch) error) error {
	a := &k.p.Attributes.Projection
	b := plan.NewBatch(a, 0)
	k.each(func(at time.Time, id string, _, _ float64, _ int32) {
		row := b.Grow(int64(b.N))
		b.SetString(a.Roles.ID, row, id)
		b.SetTime(a.Roles.Time, row, plan.Micros(at))
		b.SetString(k.p.Attributes.Joined[0].Field, row, []string{"female", "male"}[row%2])
	})
	return visit(b)
}

// tally is what is known of the outcomes of a group.
type tally struct{ labels, positive int64 }

// Attributes come on a topic of their own: before their predictions, late, twice, corrected, withdrawn, or never, while Redis forgets everything and the joiner
// is stopped and started again. By the fragments, outcomes are counted in the groups that a count by hand puts them in, and decisions in none.
func TestAttributesOfTheirOwnTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystemOf(t, attributesText, func(draft *plan.Plan) baseline.Source { return known{history{draft}} })
		codec, err := goavro.NewCodec(attributeSchema)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(3, 1))
		want := map[string]tally{}
		say := func(id string, at time.Time, sex string) {
			native := map[string]any{"id": id, "ts": at, "sex": goavro.Union("string", sex)}
			if sex == "" {
				native["sex"] = nil
			}
			s.produce("sys.attributes", int32(rng.IntN(2)), s.framed("sys.attributes", codec, native))
		}
		var later []func()
		for n := range 3 * perDay {
			at := start.Add(time.Duration(n) * (day / perDay))
			x, score, label := s.world.event()
			id := fmt.Sprintf("live-%d", n)
			group := "none"
			switch sex := []string{"female", "male"}[rng.IntN(2)]; rng.IntN(6) {
			case 0: // never
			case 1: // before the prediction, twice
				say(id, at.Add(-time.Hour), sex)
				say(id, at.Add(-time.Hour), sex)
				group = sex
			case 2: // a wrong one, put right later; the wrong one comes again
				say(id, at, map[string]string{"male": "female", "female": "male"}[sex])
				later = append(later, func() {
					say(id, at.Add(40*time.Minute), sex)
					say(id, at.Add(-time.Minute), map[string]string{"male": "female", "female": "male"}[sex])
				})
				group = sex
			case 3: // withdrawn
				say(id, at, sex)
				later = append(later, func() { say(id, at.Add(time.Hour), "") })
			case 4: // too late: keep is two days
				later = append(later, func() { say(id, at.Add(2*day+time.Second), sex) })
			default: // late
				later = append(later, func() { say(id, at.Add(time.Minute), sex) })
				group = sex
			}
			s.produce("sys.predictions", int32(n%2), s.predictionBytes(id, at, x, score))
			s.produce("sys.outcomes", int32(n%2), s.framed("sys.outcomes", s.outcome, map[string]any{"id": id, "ts": at.Add(30 * time.Minute), "label": label}))
			w := want[group]
			w.labels++
			w.positive += int64(label)
			want[group] = w
			if n%40 == 39 {
				for _, do := range later {
					do()
				}
				later = nil
			}
			if n == perDay {
				if err := s.parts.ForgetView(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if n == 2*perDay {
				s.stop["joiner"]()
				s.run("joiner", s.parts.All()["joiner"])
			}
			time.Sleep(dayTakes / perDay)
		}
		for _, do := range later {
			do()
		}
		for range 600 {
			s.poll()
			if ok, err := s.parts.CaughtUp(t.Context(), s.plan); err != nil {
				t.Fatal(err)
			} else if ok {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		fragments := s.tail(bus.TopicFragments)
		got := map[string]tally{}
		var decided int64
		for empty := 0; empty < 20; {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			fetched := fragments.PollFetches(ctx)
			cancel()
			if fetched.NumRecords() == 0 {
				empty++
			}
			fetched.EachRecord(func(rec *kgo.Record) {
				f, err := record.ReadFragment(rec.Value)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range f.Cells {
					switch c.Kind {
					case record.Labelled:
						v, err := sketch.ReadCurve(s.plan.Score.Bins(), wire.NewReader(c.Body))
						if err != nil {
							t.Fatal(err)
						}
						group := s.plan.Slices[0].Label(plan.SliceAt(c.Slice, 0))
						if group == "missing" {
							group = "none"
						}
						sum := got[group]
						sum.labels += v.TP + v.FP + v.FN + v.TN
						sum.positive += v.TP + v.FN
						got[group] = sum
					case record.Counted:
						set, err := sketch.ReadSet(s.plan, wire.NewReader(c.Body))
						if err != nil {
							t.Fatal(err)
						}
						if decided += set.Decided; plan.SliceAt(c.Slice, 0) != plan.NoValue {
							t.Errorf("decisions are counted in %q", c.Slice)
						}
					}
				}
			})
		}
		fragments.Close()
		if d := cmp.Diff(want, got, cmp.AllowUnexported(tally{})); d != "" || decided != 3*perDay || len(want) != 3 {
			t.Errorf("%d decisions; %s", decided, d)
		}
		s.close()
	})
}
