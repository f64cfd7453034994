// Package sketch counts events: exact integers that tests are computed from, and beside them small summaries (quantiles,
// cardinalities) to look at. Everything merges, and everything that decides merges bit for bit in any order and grouping.
//
//  1. bin.go: a value to its bin, a row to its slice.
//  2. count.go, column.go: batches of events into cells of the finest slice, column by column.
//  3. set.go: all that is counted of one cell; merging and cloning.
//  4. curve.go: the reliability curve: predictions and outcomes by score bin.
//  5. codec.go: a set to bytes and back.
//
// Parts: fixed.go (sums in fixed point), tdigest.go and tdigest_codec.go (quantiles), distinct.go (cardinality), hash.go.
//
// Invariants:
//   - Integers, Fixed and Distinct commute and associate under Merge bit for bit, and so do their bytes. A TDigest is
//     deterministic given the order of operations, and only describes: no test may read it.
//   - Reading (quantiles, estimates, encoding) never changes a sketch, so a published one may have many readers.
//   - A decoder refuses whatever its encoder would not have written, whole, and allocates at most a constant times its input.
//   - A value that is NaN or infinite enters nothing but the Invalid counter; -0 counts as 0.
//
// The package imports internal/plan, internal/wire and axiomhq/hyperloglog; no client, no clock, no logger, no randomness.
package sketch
