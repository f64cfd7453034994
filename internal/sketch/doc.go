// Package sketch counts events: exact integers that tests are computed from, and beside them small summaries (quantiles,
// cardinalities) to look at. Everything merges bit for bit in any order and grouping, but for the t-digest, which nothing stores.
//
//  1. bin.go: a value to its bin, a row to its slice, one at a time. grid.go and table.go: the same by tables.
//  2. count.go, place.go: batches of events into cells of the finest slice, row by row sorted into runs of one cell; numbers.go with
//     count_numbers.go, texts.go, scores.go: one column of all cells, run by run.
//  3. describe.go: the same batches into one summary per pane and model version, over all slices.
//  4. column.go, set.go: all that is counted of one cell; merging and cloning. summary.go: all that describes one pane and version.
//  5. curve.go: the reliability curve: predictions and outcomes by score bin.
//  6. written.go: the cells of a counter to the same bytes, without sets. codec.go: a set to bytes and back; codec_v1.go: sets of the format before.
//
// Parts: fixed.go (sums in fixed point), histogram.go (log-linear counts), tdigest.go with radix.go (quantiles),
// tdigest_codec.go and datasketches.go (their bytes, and those of Apache DataSketches), distinct.go (cardinality), frequent.go (the
// most frequent texts, never stored), hash.go, bitstream.go (bins in bits), confusion.go (which class for which), errors.go (of predicted
// numbers), products.go (pairs of columns), week.go (hours of the week), all with sparse.go,
// published.go (a finished state for readers that don't wait).
//
// Errors, Confusion and Products have no user in the services yet: outcomes are binary, and no pair of columns is judged.
//
// Invariants:
//   - Sets and summaries commute and associate under Merge bit for bit, and so do their bytes. A TDigest is made of a
//     histogram when somebody looks, and only describes, as all of a summary does: no test may read it.
//   - Reading (quantiles, estimates, encoding) never changes a sketch, so a published one may have many readers.
//   - A decoder refuses whatever its encoder would not have written, whole, and allocates at most a constant times its input. Of the
//     format before it refuses what it can't read.
//   - A value that is NaN or infinite enters nothing but the Invalid counter; -0 counts as 0.
//   - What a Counter hands out is its own until Reset: it is encoded before.
//
// The package imports internal/plan, internal/wire and axiomhq/hyperloglog; no client, no clock, no logger, no randomness.
package sketch
