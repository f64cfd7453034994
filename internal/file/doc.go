// Package file reads rows from CSV and JSON Lines files, plain or gzipped, and puts them into the same columnar batches that
// the Avro decoder fills from Kafka. It is how `plumbline check` judges a file with the plan, counters and tests of the stream.
//
//  1. open.go: name or content -> format; gzip is recognised by its first bytes.
//  2. lines.go: bytes -> physical lines of at most MaxLine bytes, numbered from 1.
//  3. csv.go, jsonl.go: lines -> rows (reader.go says what a row is and why one is refused).
//  4. project.go: rows -> columns of a plan.Batch, by the fields of a plan.Projection; parse.go reads numbers and times,
//     measure.go what is measured of texts and vectors.
//
// Invariants:
//
//   - A bad row is never fatal: it is a *RowError with line, column and reason, and reading goes on with the line after the
//     one it began on. Every other error (the disk, a damaged gzip) is final.
//   - Rows read = rows accepted + rows rejected, the latter by a reason of a closed list.
//   - Memory is bounded: one row of MaxLine bytes, and for JSON Lines the rows looked at ahead to learn the columns.
//   - Strings put into a batch are copies: they outlive the row and hold no part of it.
//
// The package imports the standard library and internal/plan: no client, no clock, no logger.
package file
