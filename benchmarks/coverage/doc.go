// Package coverage measures how often the intervals of package stat hold the truth: it draws windows of events from populations whose
// true metrics are known by counting the population itself, and counts. It is no part of the product.
//
//  1. population.go: finite populations, drawn from with replacement.
//  2. binary.go, classes.go, numbers.go, groups.go, money.go: what a window of each kind of model says of itself.
//  3. run.go: many windows of each, on all cores; the same seed gives the same rows.
//  4. table.go: the rows as a table.
package coverage
