// Package baseline learns from the reference data what a plan needs: bin edges, dictionaries, what the reference counted,
// and how it scattered by itself.
//
//  1. build.go: the steps, in order.
//  2. layout.go: values -> frozen edges and categories.
//  3. scatter.go: how panes of the reference scattered around the whole.
//  4. truth.go: joined outcomes of the reference -> metrics, dispersion, the length of a truth pane.
//  5. judge.go, season.go: what is wrong with the reference, in words.
//
// diff.go compares two baselines.
//
// It counts with the same counters, joins with the same fold and measures with the same functions as the stream. The package
// imports no client, no clock and no logger.
package baseline
