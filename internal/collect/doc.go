// Package collect turns decoded batches of one model into what an epoch adds: cells for the fragment and rows for the join.
// The ingestor, `plumbline check` and the demo all collect by this code.
//
//  1. Predictions: count every row into its cell, describe it, and hand on a join row that names the cell.
//  2. Outcomes: hand on a join row of every labelled row.
//  3. Take: hand over the cells, encoded, and start afresh; the memory of the counts is used again.
//  4. join.go: joins the rows in memory, for who has no topic between collecting and joining.
//
// What comes out depends only on the rows, not on how they were cut into batches; only which versions are one too many
// (sketch.MaxVersions) depends on where epochs end. The package imports no client, no clock and no logger.
package collect
