package inspect

import (
	"container/heap"
	"slices"
)

// Kept are the first events by their places, at most so many as the limit says. It belongs to one goroutine.
type Kept struct {
	limit  int // 0: all
	events latestFirst
}

// NewKept keeps at most limit events; 0 keeps all of them, in memory.
func NewKept(limit int) *Kept { return &Kept{limit: limit} }

// Room reports whether an event at a place would be kept: one that wouldn't needn't be made.
func (k *Kept) Room(at Place) bool {
	return k.limit == 0 || len(k.events) < k.limit || at.Compare(k.events[0].Place()) < 0
}

// Add keeps an event, and forgets the last one where there are too many.
func (k *Kept) Add(e *Event) {
	if !k.Room(e.Place()) {
		return
	}
	if k.limit == 0 { // nothing is ever dropped
		k.events = append(k.events, e)
		return
	}
	heap.Push(&k.events, e)
	if len(k.events) > k.limit {
		heap.Pop(&k.events)
	}
}

// Events are the events kept, in order.
func (k *Kept) Events() []*Event {
	return slices.SortedFunc(slices.Values(k.events), func(a, b *Event) int { return a.Place().Compare(b.Place()) })
}

// latestFirst is a heap with the event on top that is the first to go.
type latestFirst []*Event

func (h latestFirst) Len() int           { return len(h) }
func (h latestFirst) Less(i, j int) bool { return h[i].Place().Compare(h[j].Place()) > 0 }
func (h latestFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *latestFirst) Push(x any) { *h = append(*h, x.(*Event)) }

// Pop implements heap.Interface.
func (h *latestFirst) Pop() any {
	last := (*h)[len(*h)-1]
	(*h)[len(*h)-1] = nil
	*h = (*h)[:len(*h)-1]
	return last
}
