package detect

import (
	"maps"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/change"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// A version that comes after another is told once, as a change of the model at the pane in which it was first counted, in the transaction of the state: after an
// epoch that failed it is told again, after one that was committed and a restart not. What the first events are of is how things are.
func TestANewVersionIsAChange(t *testing.T) {
	r := newRig(t, fixture.Build(t, fixture.Contract))
	of := func(at time.Time, versions ...string) (out []record.Cell) {
		for _, v := range versions {
			for _, c := range r.wrong(at) {
				c.Version = v
				out = append(out, c)
			}
		}
		return out
	}
	told := func() (out []change.Event) {
		t.Helper()
		for _, rec := range r.flush()[bus.TopicChanges] {
			e, err := change.Read(rec.Value)
			if err != nil || rec.Partition != 0 {
				t.Fatalf("%s: %v", rec.Value, err)
			}
			out = append(out, e)
		}
		return out
	}
	at := fixture.Start.Add(10 * time.Minute)
	r.fold(at, of(at, "v1", "", sketch.OtherVersion)...)
	if got := told(); len(got) > 0 {
		t.Errorf("of the first: %+v", got)
	}
	r.Committed()
	later := fixture.Start.Add(70 * time.Minute)
	before := maps.Clone(r.parts[0].committed)
	r.fold(later, of(later, "v1", "v2", "", sketch.OtherVersion)...)
	got := told()
	if len(got) != 1 || got[0].What != change.Model || got[0].Version != "v2" || got[0].From != "v1" || got[0].Models[0] != r.plan.Model || !got[0].At.Equal(fixture.Start.Add(time.Hour)) {
		t.Fatalf("%+v", got)
	}
	// The epoch failed: what was seen in it is not known, and is told when it is seen again.
	back, _, err := r.load(0, before)
	if err != nil {
		t.Fatal(err)
	}
	r.parts[0] = back
	r.fold(later, of(later, "v2")...)
	if again := told(); len(again) != 1 || again[0].ID != got[0].ID {
		t.Errorf("after a failure %+v", again)
	}
	r.Committed()
	if back, _, err = r.load(0, maps.Clone(r.parts[0].committed)); err != nil {
		t.Fatal(err)
	}
	r.parts[0] = back
	r.fold(later, of(later, "v1", "v2")...)
	if again := told(); len(again) > 0 {
		t.Errorf("after a restart %+v", again)
	}
	r.Committed()
	// Names that are no text stay apart, also in the state.
	r.fold(later, of(later, "v\xff")...)
	if got := told(); len(got) != 1 || got[0].Version != `"v\xff"` {
		t.Errorf("a name that is no text: %+v", got)
	}
	r.Committed()
	if back, _, err = r.load(0, maps.Clone(r.parts[0].committed)); err != nil {
		t.Fatal(err)
	}
	r.parts[0] = back
	r.fold(later, of(later, "v\xff", "v\xfe")...)
	if got := told(); len(got) != 1 || got[0].Version != `"v\xfe"` {
		t.Errorf("another one, after a restart: %+v", got)
	}
}
