package engine_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// eventful is a stream in which most things go wrong once.
func eventful(tb testing.TB) *world {
	tb.Helper()
	spoil := func(s *sample, rng *rand.Rand) {
		if s.between(73, 80) {
			s.x += 1.5
		}
		if s.between(75, 77) && rng.IntN(20) == 0 {
			s.k = 4
		}
		if s.between(76, 84) {
			s.score *= 0.3
		}
		if s.between(82, 86) && rng.IntN(3) == 0 {
			s.r = 12
		}
	}
	return learn(tb, quietRef, generate(11, quietRef+22, quiet, spoil), costs+`
promises:
  - {metric: expected_cost, max: 20, over: 7d, then: page}
  - {metric: brier, max: 0.2, over: 3d, by: [seg], then: ticket}
`)
}

func lanes(findings []finding.Finding) (panes, truth []finding.Finding) {
	for _, f := range findings {
		if f.Subject == "outcome" || f.Channel == "promise" {
			truth = append(truth, f)
		} else {
			panes = append(panes, f)
		}
	}
	return panes, truth
}

// An engine that stops and goes on from its bytes, anywhere and any number of times, finds what one that runs on finds.
func TestRestartsDoNotShow(t *testing.T) {
	w := eventful(t)
	epochs := interleave(w.epochs(24))
	quietly := epochs[:2*(quietRef+2)] // nothing is found in the reference; it is played once
	before := w.start()
	for i := range quietly {
		if f := w.feed(before, &quietly[i], nil); len(f) > 0 {
			t.Fatalf("found in the reference: %v", lines(f))
		}
	}
	epochs = epochs[len(quietly):]
	play := func(restarts []int) (out []finding.Finding) {
		p := w.restarted(before)
		for i := range epochs {
			if out = w.feed(p, &epochs[i], out); slices.Contains(restarts, i) {
				p = w.restarted(p)
			}
		}
		return out
	}
	found := play(nil)
	if d := cmp.Diff(encode(t, w.judge(slices.Concat(quietly, epochs))), encode(t, found)); d != "" {
		t.Fatalf("the restart after the reference shows: %s", d)
	}
	want := encode(t, found)
	channels := map[string]bool{}
	for _, f := range found {
		channels[f.Channel] = true
	}
	for _, c := range []string{"location", "constant", "cost", "calibration", "performance", "promise", "range"} {
		if !channels[c] {
			t.Errorf("the stream holds no finding of %s: %v", c, channels)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.SliceOfNDistinct(rapid.IntRange(0, len(epochs)-1), 1, 6, rapid.ID).Draw(t, "restarts")
		got := encode(w.tb, play(at))
		if got != want {
			t.Fatalf("restarts after %v show:\n%s", at, cmp.Diff(want, got))
		}
	})
}

// How the stream is cut into epochs doesn't show, nor how its two lanes are interleaved: predictions first and all outcomes
// afterwards, as `plumbline check` reads files, gives the same findings in the same order lane by lane.
func TestCutsAndLanesDoNotShow(t *testing.T) {
	w := eventful(t)
	p, o := w.epochs(7)
	panes, truth := lanes(w.judge(interleave(p, o)))
	if len(panes) == 0 || len(truth) == 0 {
		t.Fatalf("%d findings of panes, %d of outcomes", len(panes), len(truth))
	}
	apart := w.judge(slices.Concat(p, o))
	if d := cmp.Diff(encode(t, slices.Concat(panes, truth)), encode(t, apart)); d != "" {
		t.Errorf("lanes: %s", d)
	}
	for _, hours := range []int{1, 24, 24 * 200} {
		p2, t2 := lanes(w.judge(interleave(w.epochs(hours))))
		if d := cmp.Diff(encode(t, panes), encode(t, p2)); d != "" {
			t.Errorf("epochs of %d h: %s", hours, d)
		}
		if d := cmp.Diff(encode(t, truth), encode(t, t2)); d != "" {
			t.Errorf("epochs of %d h: %s", hours, d)
		}
	}
}

// Ids depend on what was found and on nothing else: not on where the events lie.
func TestIDsAreStable(t *testing.T) {
	w := eventful(t)
	p, o := w.epochs(12)
	first := w.judge(interleave(p, o))
	for i := range p {
		for j := range p[i].cells {
			spans := slices.Clone(p[i].cells[j].Spans)
			for k := range spans {
				spans[k].Topic, spans[k].First, spans[k].Last = "elsewhere", spans[k].First+1e6, spans[k].Last+1e6
			}
			p[i].cells[j].Spans = spans
		}
	}
	second := w.judge(interleave(p, o))
	ids, moved := map[string]bool{}, false
	for i := range first {
		a, b := first[i], second[i]
		if a.ID != b.ID || a.ID == "" {
			t.Errorf("%s %s: id %s, then %s", a.Subject, a.Channel, a.ID, b.ID)
		}
		if ids[a.ID] {
			t.Errorf("id %s is there twice", a.ID)
		}
		ids[a.ID] = true
		moved = moved || !cmp.Equal(a.Offsets, b.Offsets)
		if a.Contract != w.plan.Contract || a.Baseline != w.plan.Baseline || a.Model != "m" || a.KindName != finding.Kind {
			t.Errorf("finding %+v", a)
		}
	}
	if !moved {
		t.Error("no offsets moved: the test proves nothing")
	}
}

func TestCoverageFinding(t *testing.T) {
	w := learn(t, quietRef, generate(1, quietRef+1, quiet, nil), "")
	e := engine.New(w.plan)
	f := e.CoverageFinding(window.Problem{Kind: window.Gap, Topic: "p", Partition: 3, From: 10, To: 15})
	if f.Subject != "p/3" || f.Metric != "offsets_gap" || f.Value != 5 || f.Verdict != finding.Fault || f.Severity != finding.Ticket {
		t.Errorf("%+v", f)
	}
	if d := cmp.Diff(finding.Offsets{"p": {"3": {10, 14}}}, f.Offsets); d != "" {
		t.Error(d)
	}
	if f := e.CoverageFinding(window.Problem{Kind: window.Recreated, Topic: "p"}); f.Offsets != nil || f.Value != 0 {
		t.Errorf("%+v", f)
	}
}

func TestSnapshot(t *testing.T) {
	w := learn(t, quietRef, generate(1, quietRef+5, quiet, nil), costs)
	e, clock := engine.New(w.plan), window.NewClock()
	s := e.Snapshot()
	if !s.Ended().IsZero() {
		t.Errorf("ended at %s before anything", s.Ended())
	}
	epochs := interleave(w.epochs(24))
	for i := range epochs {
		w.feed(pair{e, clock}, &epochs[i], nil)
	}
	s = e.Snapshot()
	if s.Model != "m" || s.Rows != quiet || !s.Ended().Equal(day(quietRef+4)) || len(s.Columns) != len(w.plan.Columns) {
		t.Fatalf("%+v", s)
	}
	var mean float64
	for _, x := range w.samples[(quietRef+3)*quiet : (quietRef+4)*quiet] {
		mean += x.x / quiet
	}
	c := s.Columns[0]
	if c.Name != "x" || float64(c.Mean)-mean > 1e-9 || mean-float64(c.Mean) > 1e-9 || c.Rows != quiet || c.Distinct != 0 || c.Missing != 0 {
		t.Errorf("%+v, mean %g", c, mean)
	}
	if s.Truth == nil || s.Truth.Labels != quiet || !s.Truth.Pane.End.Equal(day(quietRef+4)) || !s.Truth.Metrics["brier"].Valid() {
		t.Errorf("truth %+v", s.Truth)
	}
	if ended := e.TakeEnded(); len(ended) != quietRef+4 || len(e.TakeEnded()) != 0 {
		t.Errorf("%d panes ended", len(ended))
	}
}

func TestReadEngineRefuses(t *testing.T) {
	w := learn(t, quietRef, generate(1, quietRef+1, quiet, nil), "")
	good, err := engine.New(w.plan).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"empty":  {nil, "ends inside a value"},
		"format": {append([]byte{7}, good[1:]...), "unknown engine state format 7, this build reads 1"},
		"json":   {append(wire.Bytes([]byte{1}, []byte("{")), 0), "unexpected end of JSON input"},
		"short":  {good[:len(good)-1], "read panes of m"},
	} {
		if _, err := engine.ReadEngine(w.plan, wire.NewReader(c.b)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// A damaged engine state may be refused or read, but never break anything.
func FuzzReadEngine(f *testing.F) {
	w := learn(f, quietRef, generate(1, quietRef+6, quiet, nil), costs+"promises:\n  - {metric: brier, max: 0.2, over: 7d, by: [seg], then: ticket}\n")
	f.Add([]byte{})
	e, clock := engine.New(w.plan), window.NewClock()
	p, o := w.epochs(24)
	epochs := interleave(p[quietRef:], o[quietRef:])
	for i := range epochs[:2*5] {
		w.feed(pair{e, clock}, &epochs[i], nil)
	}
	b, err := e.AppendBinary(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := engine.ReadEngine(w.plan, wire.NewReader(b))
		if err != nil {
			return
		}
		again, err := e.AppendBinary(nil)
		if err != nil {
			return // numbers that JSON can't carry
		}
		d, err := engine.ReadEngine(w.plan, wire.NewReader(again))
		if err != nil {
			t.Fatal(err)
		}
		if third, err := d.AppendBinary(nil); err != nil || !bytes.Equal(third, again) {
			t.Fatalf("other bytes (%v)", err)
		}
	})
}
