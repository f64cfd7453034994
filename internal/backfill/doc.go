// Package backfill counts a model's past from files, as the services would have counted it from topics: by the plan in force at
// each event's time, with the same collector, join and panes. Nothing is judged.
//
//  1. run.go: rows -> cells -> panes and cohorts, handed out as they end.
//  2. read.go: one reading of a file per plan, of which each takes the rows of its eras.
//  3. report.go: what became of the rows.
//
// A file is one partition. What it counts knows no offsets: its events lie on no topic. Offsets aside, a pane has the bytes
// that the detector would have written. The end of a file is not the end of time: a pane that the last event hasn't left is
// not handed out. The package imports no client, no clock and no logger.
package backfill
