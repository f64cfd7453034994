// Package collect turns decoded batches of one model into what an epoch adds: cells for the fragment and rows for the join.
// The ingestor, `plumbline check` and the demo all collect by this code.
//
//  1. Predictions: count every row into its cell, and make a join row of it.
//  2. Outcomes: make a join row of every labelled row.
//  3. Take: hand everything over and start afresh.
//
// What comes out depends only on the rows, not on how they were cut into batches. The package imports no client, no clock
// and no logger.
package collect
