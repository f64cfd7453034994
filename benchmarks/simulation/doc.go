// Package simulation measures the engine's promise: how often it is wrong where nothing drifts, how long it takes where something
// does, and the same for the rules of other tools on the same traffic.
//
//  1. process.go, draw.go: how columns and traffic move without drift, as hourly counts.
//  2. engine.go: package sequential over that traffic, as a detector would call it.
//  3. peers.go: rules of other tools over it.
//  4. job.go: one model with one seed, and the grid of them.
//  5. run.go: jobs on several workers, with a log from which an interrupted run goes on.
//  6. report.go, picture.go, merge.go: rows with intervals, tables, a picture; rows of some parts in the list of all.
//  7. sliced.go, rates.go: models with slices, of numbers, and of categories and missing values.
//  8. others.go: what else there is beside columns of numbers: levels.go, windows held against the reference itself, by package engine; labels.go,
//     label rates, by package drift.
//  9. table.go, shuffle.go: rows of real tables in random order, with changes planted in one column.
//  10. meaning.go: outcomes by score, as a whole and by slice, and changes of what a score means.
//  11. gap.go, gap_report.go: groups of people whose rates of selection move, together, each by itself, or apart.
//  12. promise.go, promise_report.go: promises that pages are made of, and those on groups, by package engine.
//
// The same seed gives the same numbers, whatever the number of workers.
package simulation
