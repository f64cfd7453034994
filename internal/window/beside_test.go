package window_test

import (
	"math"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// A topic beside others holds them up until something is known of it, and while some of its partitions are at work; one that is wholly idle doesn't.
func TestLowBeside(t *testing.T) {
	c := window.NewClock()
	holds := func(step string, want int64, known bool) {
		t.Helper()
		if got, ok := c.LowBeside("a"); ok != known || known && got != want {
			t.Errorf("%s: %d, %t; want %d, %t", step, got, ok, want, known)
		}
	}
	mark := func(topic string, partition, joins int32, at int64, idle bool) {
		c.Mark(&record.Mark{Source: record.Source{Topic: topic, Partition: partition, Partitions: 2}, Joins: joins, Watermark: at, Idle: idle}, 2)
	}
	holds("nothing is known", 0, false)
	mark("p", 0, 0, 99, false)
	holds("of another topic", 0, false)
	mark("a", 0, 0, 5, false)
	holds("one partition is unheard of", 0, false)
	mark("a", 1, 0, 7, false)
	holds("one joins partition is behind", 0, false)
	mark("a", 0, 1, 4, false)
	mark("a", 1, 1, 7, false)
	holds("all are heard of", 4, true)
	mark("a", 0, 0, 5, true)
	mark("a", 0, 1, 5, true)
	holds("one partition is idle", 7, true)
	mark("a", 1, 0, 7, true)
	holds("it is idle through one joins partition only", 7, true)
	mark("a", 1, 1, 7, true)
	holds("all are idle", math.MaxInt64, true)
	mark("a", 1, 1, 8, false)
	holds("one is at work again", 8, true)
	empty := window.NewClock()
	empty.Mark(&record.Mark{Source: record.Source{Topic: "a"}, Watermark: record.NoTime, Idle: true}, 1)
	if got, ok := empty.LowBeside("a"); !ok || got != math.MaxInt64 {
		t.Errorf("an empty topic: %d, %t", got, ok)
	}
}
