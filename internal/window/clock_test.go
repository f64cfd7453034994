package window

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

func cover(partition int32, from, to, watermark int64, change ...func(*record.Coverage)) *record.Coverage {
	c := &record.Coverage{
		Source: record.Source{Topic: "p", TopicID: [16]byte{1}, Partition: partition, Partitions: 2},
		From:   from, To: to, Watermark: watermark, Records: to - from,
	}
	for _, f := range change {
		f(c)
	}
	return c
}

func idle(c *record.Coverage)      { c.Idle = true }
func lost(c *record.Coverage)      { c.Lost = true }
func waited(c *record.Coverage)    { c.Waited = true }
func recreated(c *record.Coverage) { c.TopicID = [16]byte{2} }

func TestCoverTiles(t *testing.T) {
	for name, c := range map[string]struct {
		pieces []*record.Coverage
		want   []string // of the problems, in order
	}{
		"first piece begins anywhere": {[]*record.Coverage{cover(0, 500, 600, 1)}, nil},
		"pieces that tile":            {[]*record.Coverage{cover(0, 0, 10, 1), cover(0, 10, 20, 2), cover(0, 20, 20, 2, idle), cover(0, 20, 21, 2)}, nil},
		"partitions don't meet":       {[]*record.Coverage{cover(0, 0, 10, 1), cover(1, 70, 80, 2)}, nil},
		"gap": {
			[]*record.Coverage{cover(0, 0, 10, 1), cover(0, 15, 20, 2), cover(0, 20, 30, 3)},
			[]string{"gap of p/0: offsets [10, 15)"},
		},
		"overlap": {
			[]*record.Coverage{cover(0, 0, 10, 1), cover(0, 7, 20, 2), cover(0, 20, 30, 3)},
			[]string{"overlap of p/0: offsets [7, 10)"},
		},
		"an old piece again takes nothing back": {
			[]*record.Coverage{cover(0, 0, 10, 1), cover(0, 10, 100, 2), cover(0, 0, 10, 1), cover(0, 100, 110, 3)},
			[]string{"overlap of p/0: offsets [0, 10)"},
		},
		"lost": {
			[]*record.Coverage{cover(0, 0, 10, 1), cover(0, 10, 40, 1, lost), cover(0, 40, 50, 3)},
			[]string{"lost of p/0: offsets [10, 40)"},
		},
		"delayed": {
			[]*record.Coverage{cover(0, 0, 10, 1), cover(0, 10, 40, 2, waited), cover(0, 40, 50, 3)},
			[]string{"delayed of p/0: offsets [10, 40)"},
		},
		"delayed and counted twice": {
			[]*record.Coverage{cover(0, 0, 10, 1), cover(0, 7, 40, 2, waited)},
			[]string{"overlap of p/0: offsets [7, 10)"},
		},
		"lost behind a gap": {
			[]*record.Coverage{cover(0, 0, 10, 1), cover(0, 15, 40, 1, lost)},
			[]string{"gap of p/0: offsets [10, 15)"},
		},
		"recreated": {
			[]*record.Coverage{cover(0, 0, 10, 1), cover(0, 3, 5, 9, recreated), cover(0, 5, 8, 9, recreated)},
			[]string{"recreated of p/0: offsets [0, 3)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			clock := NewClock()
			var got []string
			for _, v := range c.pieces {
				if p := clock.Cover(v); p != nil {
					got = append(got, p.String())
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestLow(t *testing.T) {
	for name, c := range map[string]struct {
		pieces []*record.Coverage
		want   int64
		ok     bool
	}{
		"nothing":                       {nil, 0, false},
		"a partition not heard of":      {[]*record.Coverage{cover(0, 0, 10, 50)}, 0, false},
		"the slowest counts":            {[]*record.Coverage{cover(0, 0, 10, 50), cover(1, 0, 10, 40)}, 40, true},
		"a negative time is a time":     {[]*record.Coverage{cover(0, 0, 10, 50), cover(1, 0, 10, -40)}, -40, true},
		"a partition without any event": {[]*record.Coverage{cover(0, 0, 10, 50), cover(1, 0, 0, record.NoTime)}, 0, false},
		"that one idle":                 {[]*record.Coverage{cover(0, 0, 10, 50), cover(1, 0, 0, record.NoTime, idle)}, 50, true},
		"an idle one holds nothing":     {[]*record.Coverage{cover(0, 0, 10, 50), cover(1, 0, 10, 40), cover(1, 10, 10, 40, idle)}, 50, true},
		"back from idling":              {[]*record.Coverage{cover(0, 0, 10, 50), cover(1, 10, 10, 40, idle), cover(1, 10, 12, 45)}, 45, true},
		"all idle: the largest":         {[]*record.Coverage{cover(0, 0, 10, 50, idle), cover(1, 0, 10, 40, idle)}, 50, true},
		"all idle and empty":            {[]*record.Coverage{cover(0, 0, 0, record.NoTime, idle), cover(1, 0, 0, record.NoTime, idle)}, 0, false},
		"it never goes back":            {[]*record.Coverage{cover(0, 0, 10, 50), cover(1, 0, 10, 60), cover(0, 10, 20, 30)}, 50, true},
		"a topic that grew":             {[]*record.Coverage{cover(0, 0, 10, 50), cover(1, 0, 10, 60), cover(0, 10, 20, 55, func(c *record.Coverage) { c.Partitions = 3 })}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			clock := NewClock()
			for _, v := range c.pieces {
				clock.Cover(v)
			}
			if got, ok := clock.Low("p"); ok != c.ok || ok && got != c.want {
				t.Errorf("%d, %t, want %d, %t", got, ok, c.want, c.ok)
			}
			if got, ok := clock.Low("q"); ok {
				t.Errorf("a topic never heard of is at %d", got)
			}
		})
	}
}

func TestLowJoined(t *testing.T) {
	clock := NewClock()
	mark := func(topic string, partition, joins int32, us int64, idle bool) {
		clock.Mark(&record.Mark{Source: record.Source{Topic: topic, Partition: partition, Partitions: 2}, Joins: joins, Watermark: us, Idle: idle}, 3)
	}
	at := func(want int64, wantOK bool) {
		t.Helper()
		if got, ok := clock.LowJoined("p", "o"); ok != wantOK || ok && got != want {
			t.Errorf("%d, %t, want %d, %t", got, ok, want, wantOK)
		}
	}
	at(0, false)
	for joins := range int32(3) {
		for partition := range int32(2) {
			mark("p", partition, joins, 100+int64(joins), false)
			at(0, false) // no mark of o yet
		}
	}
	for joins := range int32(3) {
		for partition := range int32(2) {
			at(0, false) // some joins partition hasn't passed o on
			mark("o", partition, joins, 90+int64(joins)+10*int64(partition), false)
		}
	}
	at(90, true)
	mark("o", 0, 0, 200, false)
	at(91, true) // through joins partition 1
	mark("o", 0, 1, 200, false)
	mark("o", 0, 2, 200, false)
	at(100, true) // o/1 through 0 and p through 0
	mark("o", 1, 0, 100, true)
	mark("p", 0, 0, 300, false)
	at(100, true) // p/1 through 0
	if got, ok := clock.Low("p"); ok {
		t.Errorf("marks are no coverage, yet Low is %d", got)
	}
}

func TestClockComesBackFromItsBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, two := NewClock(), NewClock()
		topic := rapid.SampledFrom([]string{"p", "o"})
		times := rapid.Int64Range(-100, 100)
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			src := record.Source{Topic: topic.Draw(t, "topic"), Partition: rapid.Int32Range(0, 2).Draw(t, "partition"), Partitions: 3}
			src.TopicID[0] = byte(rapid.IntRange(0, 9).Draw(t, "id") / 9)
			if rapid.Bool().Draw(t, "mark") {
				m := &record.Mark{Source: src, Joins: rapid.Int32Range(0, 1).Draw(t, "joins"), Watermark: times.Draw(t, "us"), Idle: rapid.Bool().Draw(t, "idle")}
				one.Mark(m, 2)
				two.Mark(m, 2)
			} else {
				from := rapid.Int64Range(0, 20).Draw(t, "from")
				v := &record.Coverage{Source: src, From: from, To: from + rapid.Int64Range(0, 9).Draw(t, "n"), Watermark: times.Draw(t, "us"), Idle: rapid.Bool().Draw(t, "idle")}
				if d := cmp.Diff(one.Cover(v), two.Cover(v)); d != "" {
					t.Fatalf("problems differ: %s", d)
				}
			}
			b := two.AppendBinary(nil)
			r := wire.NewReader(b)
			var err error
			if two, err = ReadClock(r); err != nil {
				t.Fatal(err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(two.AppendBinary(nil), b) || !bytes.Equal(one.AppendBinary(nil), b) {
				t.Fatal("other bytes")
			}
			for _, tp := range []string{"p", "o"} {
				a, okA := one.Low(tp)
				b, okB := two.Low(tp)
				if a != b || okA != okB {
					t.Fatalf("%s: %d, %t and %d, %t", tp, a, okA, b, okB)
				}
			}
			a, okA := one.LowJoined("p", "o")
			c, okC := two.LowJoined("p", "o")
			if a != c || okA != okC {
				t.Fatalf("joined: %d, %t and %d, %t", a, okA, c, okC)
			}
		}
	})
}

func TestReadClockRefusesAnotherFormat(t *testing.T) {
	b := NewClock().AppendBinary(nil)
	b[0] = 9
	if _, err := ReadClock(wire.NewReader(b)); err == nil || !strings.Contains(err.Error(), "unknown state format 9, this build reads 1 to 4") {
		t.Error(err)
	}
}
