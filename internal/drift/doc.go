// Package drift says what of a plan the sequential engine watches, and hands it the plan's counts.
//
//  1. watch.go: a plan -> the streams that are watched, their share of the budget, what is too small to matter.
//  2. count.go: the counts of a pane -> the counts of those streams, in the same order.
//  3. learn.go: the panes of a reference -> an engine that has learnt them, as bytes for the plan.
//  4. slices.go: the same for the slices that are followed.
//  5. shares.go: the same for the share of positive outcomes, and for that of predictions with an outcome; calibration.go: for what scores mean, by package concept.
//
// baseline learns by it and engine judges by it, so that both mean the same streams. It imports no client, no clock and no logger.
package drift
