package outcome

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

func example() (Row, Row) {
	predicted := Prediction{
		Place: Place{-5, 3, 1 << 40}, Plan: "0123456789abcdef", Version: "v7", Pane: -3_600_000_000, Slice: "\x00\x01\xff\xff",
		Bin: 49, Score: 1 << 30, Positive: true,
	}
	came := Outcome{Place: Place{1_700_000_000_000_000, 0, 12}, Positive: true}
	id := HashID("m", "e1")
	return Row{ID: id, Model: "m", Prediction: &predicted}, Row{ID: id, Model: "m", Outcome: &came}
}

func TestRowRoundTrip(t *testing.T) {
	p, o := example()
	for _, row := range []Row{p, o} {
		b := AppendRow([]byte("x"), &row)
		r := wire.NewReader(b[1:])
		got := ReadRow(r)
		if err := r.Close(); err != nil || !reflect.DeepEqual(got, row) {
			t.Errorf("%+v came back as %+v, %v", row, got, err)
		}
	}
}

func TestRowRefused(t *testing.T) {
	p, _ := example()
	damaged := func(change func(r *Row)) []byte {
		row, pr := p, *p.Prediction
		row.Prediction = &pr
		change(&row)
		return AppendRow(nil, &row)
	}
	for name, c := range map[string]struct {
		in  []byte
		err string
	}{
		"unknown kind": {append([]byte{2}, AppendRow(nil, &p)[1:]...), "a join row has an unknown kind"},
		"negative bin": {damaged(func(r *Row) { r.Prediction.Bin = -1 }), "a score bin is beyond 2^31"},
		"cut":          {AppendRow(nil, &p)[:30], "record ends inside a value"},
	} {
		r := wire.NewReader(c.in)
		ReadRow(r)
		if r.Err() == nil || !strings.Contains(r.Err().Error(), c.err) {
			t.Errorf("%s: %v, want %s", name, r.Err(), c.err)
		}
	}
}

func TestHashIDTellsModelFromEvent(t *testing.T) {
	seen := map[ID]string{}
	for _, c := range [][2]string{{"a", "b"}, {"ab", ""}, {"", "ab"}, {"a", "bc"}, {"ab", "c"}} {
		id := HashID(c[0], c[1])
		if other, taken := seen[id]; taken {
			t.Errorf("%q and %q share an id", c, other)
		}
		seen[id] = c[0] + "|" + c[1]
	}
	if got, want := fmt.Sprintf("%x", HashID("a", "b")), "170404e05440f45062c423052d5adcfb"; got != want {
		t.Errorf("the id of an event is %s, was %s: ids lie on the joins topic", got, want)
	}
}

// The ids of a plan lie on the joins topic: they never change, and neither do those of a plan without a key.
func TestIDsOfAPlan(t *testing.T) {
	keyed := NewHasher(&plan.Plan{Model: "m", IDs: "000102030405060708090a0b0c0d0e0f"})
	// The last of the test vectors of SipHash-2-4-128 is that of the bytes 0..62 under this key, the first that of none.
	long := make([]byte, 63)
	for i := range long {
		long[i] = byte(i)
	}
	for event, want := range map[string]string{
		"": "a3817f04ba25a8e66df67214c7550293", string(long[:1]): "da87c1d86b99af44347659119b22fc45", string(long): "5150d1772f50834a503e069a973fbd7c",
	} {
		if got := fmt.Sprintf("%x", keyed.ID(event)); got != want {
			t.Errorf("the id of %q is %s, want %s", event, got, want)
		}
	}
	if got := NewHasher(&plan.Plan{Model: "m"}).ID("e1"); got != HashID("m", "e1") {
		t.Errorf("without a key the id is %x", got)
	}
	if a, b := NewHasher(&plan.Plan{IDs: "000102030405060708090a0b0c0d0e0e"}).ID("e1"), keyed.ID("e1"); a == b {
		t.Error("the key makes no difference")
	}
}

func BenchmarkID(b *testing.B) {
	for name, key := range map[string]string{"siphash": "000102030405060708090a0b0c0d0e0f", "sha256": ""} {
		h := NewHasher(&plan.Plan{Model: "wide", IDs: key})
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				h.ID("event-000000000012")
			}
		})
	}
}

func TestStateRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &State{}
		rows := events(t, 1, 80)
		for i := range rows {
			s.Fold(&rows[i])
		}
		b := s.AppendBinary(nil)
		got, err := ReadState(b)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Fatalf("%+v came back as %+v, %v", s, got, err)
		}
		cut := rapid.IntRange(0, len(b)-1).Draw(t, "cut")
		if _, err := ReadState(b[:cut:cut]); err == nil {
			t.Fatalf("a state cut to %d of %d bytes was read", cut, len(b))
		}
		if _, err := ReadState(append(b, 0)); err == nil {
			t.Fatal("a state with a byte left over was read")
		}
	})
	if s, err := ReadState(nil); err != nil || s.Prediction != nil || s.Outcomes != nil {
		t.Errorf("of an unknown id: %+v, %v", s, err)
	}
}

func TestStateRefused(t *testing.T) {
	state := func(times ...int64) []byte {
		s := State{}
		for _, us := range times {
			s.Outcomes = append(s.Outcomes, Outcome{Place: Place{Time: us}})
		}
		return s.AppendBinary(nil)
	}
	many := make([]int64, maxOutcomes+1)
	for i := range many {
		many[i] = int64(i)
	}
	if _, err := ReadState(state(many[1:]...)); err != nil {
		t.Errorf("a full state: %v", err)
	}
	for name, c := range map[string]struct {
		in  []byte
		err string
	}{
		"unknown format":      {[]byte{4, 0, 0}, "read join state: format 4, this build reads 1 to 3"},
		"groups without any":  {[]byte{3, 0, 0, 0}, "it holds nothing that an earlier format doesn't"},
		"groups out of order": {(&State{Groups: []Groups{{Place: Place{Time: 2}}, {Place: Place{Time: 1}}}}).AppendBinary(nil), "record 1 of groups of one id is not later than the one before"},
		"nothing":             {[]byte{}, "read join state: at byte 0: record ends inside a value"},
		"left over":           {[]byte{1, 0, 0, 0}, "read join state: at byte 3: 1 bytes left over"},
		"out of order":        {state(2, 1), "outcome 1 of one id is not later than the one before"},
		"one place twice":     {state(2, 2), "outcome 1 of one id is not later than the one before"},
		"too many":            {state(many...), "65 outcomes of one id, at most 64 are kept"},
		"a huge list":         {[]byte{1, 0, 0xff, 0x7f}, "a list of 16383 items can't fit in the 0 bytes left"},
		"half a prediction":   {[]byte{1, 1, 0}, "record ends inside a value"},
	} {
		if _, err := ReadState(c.in); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %s", name, err, c.err)
		}
	}
}

// FuzzReadState: no panic, no more outcomes than are kept, and what is read is written back as the same bytes.
func FuzzReadState(f *testing.F) {
	p, o := example()
	s := State{}
	f.Add(s.AppendBinary(nil))
	s.Fold(&p)
	s.Fold(&o)
	f.Add(s.AppendBinary(nil))
	f.Add([]byte{1, 0, 2, 2, 0, 0, 0, 4, 0, 0, 1})
	for _, l := range []truth.Label{{Kind: truth.Name, Name: "cat"}, {Kind: truth.Value, Value: -2.5}} {
		came := Of(Place{Time: 9}, l)
		f.Add((&State{Outcomes: []Outcome{came}}).AppendBinary(nil))
	}
	for _, said := range []truth.Other{{Class: &truth.Class{Of: 2, Top: []truth.Likely{{Class: 2, P: 9000}, {Class: 0, P: 4000}}}}, {Number: &truth.Number{Value: 12.5, Low: 1, High: 30, Interval: true}}} {
		f.Add((&State{Prediction: &Prediction{Other: &said}}).AppendBinary(nil))
	}
	f.Add((&State{Groups: []Groups{{Place: Place{Time: 9}, Plan: "0123456789abcdef", Codes: "\x00\x01"}, {Place: Place{Time: 10}, Codes: "\xff\xff"}}}).AppendBinary(nil))
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := ReadState(in)
		if err != nil || in == nil {
			return
		}
		if len(s.Outcomes) > maxOutcomes || len(s.Groups) > maxOutcomes {
			t.Fatalf("%d outcomes", len(s.Outcomes))
		}
		if out := s.AppendBinary(nil); !bytes.Equal(out, in) {
			t.Fatalf("read % x, written back % x", in, out)
		}
	})
}

// FuzzReadRow: no panic; a row that was read has one content and is written back as the same bytes.
func FuzzReadRow(f *testing.F) {
	p, o := example()
	f.Add(AppendRow(nil, &p))
	f.Add(AppendRow(nil, &o))
	f.Add([]byte{9})
	f.Fuzz(func(t *testing.T, in []byte) {
		r := wire.NewReader(in)
		row := ReadRow(r)
		if r.Close() != nil {
			return
		}
		if (row.Prediction == nil) == (row.Outcome == nil) {
			t.Fatalf("%+v has not exactly one content", row)
		}
		if out := AppendRow(nil, &row); !bytes.Equal(out, in) {
			t.Fatalf("read % x, written back % x", in, out)
		}
	})
}
