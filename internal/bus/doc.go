// Package bus is the project's only door to Kafka and to the schema registry: clients, the internal topics, an embedded
// broker, and the runner that turns a fold into a service.
//
// The runner (Run) repeats one cycle; a file does each step:
//
//  1. assign.go: a partition is assigned: its start offset becomes a number and the role restores its state for it;
//     a partition is revoked or lost: its memory is dropped and the open epoch can only abort.
//  2. run.go: poll; block while nothing is there.
//  3. fold.go: fold every polled record, in order per partition, into the role's memory.
//  4. lost.go: source data that expired before it was read becomes an explicit lost range.
//  5. epoch.go: end the epoch in one Kafka transaction (outputs + input offsets), or abort and roll the role back.
//
// Beside it: topics.go (names, partition counts, retention), inspect.go and differ.go (how topics stand, and what would be right),
// client.go (connection settings), restore.go (read a state partition to its end), lag.go (has a group caught up), registry.go
// (schemas), embedded.go (broker and registry in process).
//
// Invariants:
//
//   - Committed outputs are exactly the fold of the committed input prefix of each partition: outputs and offsets are in
//     one transaction, and nothing polled is left unfolded when it commits.
//   - The ranges handed to Role.Flush tile every source partition: each starts where the last committed one ended.
//   - The role is used by one goroutine at a time, and never while an epoch is being ended by another.
//   - No lock is held across I/O. The gate that guards the role is a channel, so that a wait for it is visible to
//     testing/synctest as a durable block.
//   - A failed End, a record before the position, or a state that can't be restored ends Run with an error: the process
//     restarts and restores. Nothing is guessed.
//
// It must not import the services; of the pure core it knows the plan, which it hands on, and nothing else.
package bus
