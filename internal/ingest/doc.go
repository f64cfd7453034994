// Package ingest is the ingestor: a loop that turns events into counts.
//
//  1. service.go: one run under the plans in force.
//  2. decode.go: a record's bytes become rows of every stream that reads its topic, or it is set aside.
//  3. early.go: an epoch ends before its time when a pane can be judged.
//  4. flush.go: at the end of an epoch the counts become fragments, the rows joins, and both commit with the offsets.
//  5. quarantine.go: what was set aside keeps its bytes, with the reason, the field and the byte.
//
// Invariants: received = accepted + set aside, for every topic; nothing is kept over an epoch but clocks. It imports no other
// service.
package ingest
