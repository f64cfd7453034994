// Package baseline learns from the reference data what a plan needs: bin edges, dictionaries, what the reference counted,
// and how it scattered by itself. The data are rows, or panes that the services have counted already.
//
//  1. build.go, layout.go: rows -> frozen edges and categories -> counts by test pane.
//     rebuild.go: panes and cohorts of a range -> counts by test pane, in the layout that a plan has.
//  2. learn.go: the steps from counts on, the same for both.
//  3. scatter.go: how panes of the reference scattered around the whole.
//  4. truth.go: joined outcomes of the reference -> metrics, dispersion, the length of a truth pane; selection.go: which predictions they are of, and how late positives come.
//  5. judge.go, season.go: what is wrong with the reference, in words.
//
// diff.go compares two baselines; adopt.go gives a contract the baseline that it names.
//
// It counts with the same counters, joins with the same fold and measures with the same functions as the stream. The package
// imports no client, no clock and no logger.
package baseline
