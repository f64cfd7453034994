// Package ingest is the ingestor: a loop that turns events into counts.
//
//  1. service.go: one run under the plans in force.
//  2. fold.go: what was polled is dealt out to workers, and what they say is taken down in the order of the records.
//  3. worker.go, decode.go: a record's bytes become rows of every stream that reads its topic, or it is set aside; of full batches
//     the derived columns are computed and the unwanted rows dropped, and they are counted. program.go asks the registry for
//     schemas, and lets records wait while it is away.
//  4. early.go: an epoch ends before its time when a pane can be judged.
//  5. flush.go: at the end of an epoch the workers' counts are added up and become fragments, the rows joins, and both commit with
//     the offsets.
//  6. epoch.go: what the last committed epoch held, for scrapes.
//  7. quarantine.go: what was set aside keeps its bytes, with the reason, the field and the byte.
//
// # Workers
//
// Any worker may decode and count any records. What a worker counts into is its own, so there is no lock and no shared cache line;
// what workers share (plans) nobody changes. They run only while the poll's goroutine waits for them in Folded, which orders
// everything they do before what follows it: at the barrier of an epoch's end their counts are handed over by pointer and added up,
// exactly. That a thread may count for itself and be merged into the whole later is the construction of Rinberg et al. (Fast Concurrent
// Data Sketches, PPoPP 2020), with whole epochs in place of their relaxed buffers: readers of fragments see the counts of all records
// of an epoch or of none.
//
// Invariants: received = accepted + set aside, for every topic; nothing is kept over an epoch but clocks; how many workers there are
// shows in no byte of a fragment. It imports no other service.
package ingest
