package sketch

import "sync/atomic"

// Published is the latest whole state that a writer shows to any number of readers, which never wait for it nor it for them. The zero
// value shows the zero T. It must not be copied after its first use. Of several writers the last one counts.
//
// The writer makes a value that nobody else knows, puts all of a batch into it (an epoch, a poll), publishes it and never changes it
// again, nor what it leads to. A reader takes whatever was published last. Why that is enough:
//
//   - Whole batches. What a reader sees hangs on one pointer. Go's atomics behave as if all of them came one after another, and a
//     Load that sees a Store comes after all that its goroutine did before it (the Go memory model, "Atomic Values"). So whoever
//     gets the pointer sees the value as it was finished, and as it is not changed afterwards there is no other state of it to see.
//     A lock around several fields would do as much only if every reader took it once for all of them.
//   - One history. Each Publish takes effect at its Store and each Latest at its Load: a register, linearizable. No reader goes
//     back: once it has seen a batch it never again sees a state without it.
//   - Nobody waits. Both are a single instruction; a reader that is stopped in the middle holds up neither the writer nor the memory of
//     any value but its own, which the garbage collector keeps as long as it looks at it. That is what other languages need hazard
//     pointers or epochs for.
//
// What a reader misses is what the writer holds and hasn't published, at most a batch. Rinberg et al. ("Fast concurrent data
// sketches", PPoPP 2020; arXiv:1902.10995) have the same picture: threads gather into local buffers, whole buffers are handed over,
// and queries go to the shared sketch meanwhile; they prove it strongly linearizable with regard to a relaxed sketch whose queries
// may miss a bounded number of the latest updates. Quancurrent (Elias-Zada, Rinberg & Keidar, SPAA 2023; arXiv:2208.09265) lets
// threads share the levels of one sketch, too, so that queries are fresher, and has to collect a consistent snapshot of them. Here an
// epoch's end is the one moment at which counts mean anything: they commit with the offsets they cover. So that moment publishes,
// nothing is shared before it, and the bound is one epoch.
type Published[T any] struct{ latest atomic.Pointer[T] }

// Publish shows v from now on. The writer must not change it, or what it leads to, any more.
func (p *Published[T]) Publish(v T) { p.latest.Store(&v) }

// Latest is what was published last, the zero T before the first. It is not to be changed.
func (p *Published[T]) Latest() T {
	if v := p.latest.Load(); v != nil {
		return *v
	}
	var zero T
	return zero
}
