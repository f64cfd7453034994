// Package corruption breaks real data in known ways and counts what the program says of it.
//
//  1. table.go: the real tables, as texts. streams.go: base streams made of them, with a contract each.
//  2. kinds.go, kinds_stream.go: ways to break a stream from a moment on, each with what would be right to say; and ways in which the world moves.
//  3. run.go: baseline, collector, engine and incidents over a stream, as `plumbline check` runs them, broken in each way from the same state on.
//  4. score.go: what was said against what would be right; report.go: tables.
//
// Nothing in it looks into the engine: what is scored is the incidents that people would see.
package corruption
