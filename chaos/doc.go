// Command chaos is the long proof of "exactly once": real Kafka with three brokers, a registry and Redis, two ingestors, two
// detectors and an alerter as processes, a seeded stream of events, seeded failures, and a batch count of the same topics that
// shares no code with us (count.py). What Plumbline counted must equal it in every cell.
//
//  1. main.go: flags, one run per seed, the table.
//  2. stack.go: brokers, registry and Redis through tools/parts; what a run leaves behind is deleted before the next.
//  3. source.go, event.go: the stream: duplicates, corrections, late and early outcomes, aborted transactions, broken events.
//  4. process.go: the services as processes, started again whenever they end.
//  5. storm.go: kills, freezes, broker kills, flushes and rebalances at seeded moments.
//  6. run.go: one seed from empty topics to the verdict.
package main
