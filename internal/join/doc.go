// Package join is the joiner: a loop that folds join rows into labelled counts. It runs inside the detector's process.
//
//  1. service.go: one run under the plans in force.
//  2. fold.go: rows and markers of an epoch are gathered; nothing is decided before its end.
//  3. flush.go: the states of the epoch's ids are read from the index, rows are folded, effects become fragments.
//  4. commit.go: once the transaction holds, the new states are written, record by record, by compare and set on the offset.
//  5. rebuild.go: an index that is behind, or gone, is brought up to date from the topic.
//
// Invariants: the index is a copy of what a prefix of the joins topic folds to, and says how long that prefix is; it is
// written only after the commit, so an aborted attempt leaves no trace; losing it costs time, never a count. The package
// imports no other service.
package join
