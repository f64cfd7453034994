// Package window assembles panes from fragments: it keeps the clocks of the source partitions, adds cells up, and says in
// event time which panes have ended and which cohorts of outcomes are complete.
//
//  1. clock.go: coverage in, watermarks out; gaps, overlaps and losses are told, never passed over.
//  2. pane.go: what is counted of one stretch of event time, by model version and slice.
//  3. assemble.go: cells in; ended moments (moment.go), base panes, test panes and truth panes out, in the order of their ends.
//     expect.go: how many predictions wait for an outcome, from a test pane to its cohort.
//  4. state.go: all of it to bytes and back.
//  5. history.go: what has ended, as records that outlive the state.
//  6. sliding.go: any window over the latest panes, in O(log n) merges.
//
// Invariants: what comes out depends only on the cells and the watermarks, not on how epochs were cut, as long as no event
// is later within its partition than the allowed lateness. Later ones are counted and enter no test. The package imports no
// client, no clock and no logger: time is the events' own.
package window
