// Package truth holds labelled counts: what is counted of predictions whose outcomes are known. What that is depends on the task of
// the model, and nobody else asks which task it is: outcome counts, window adds up, engine measures, all through Counts.
//
//  1. Answer and Label: what a prediction said and what turned out, as rows of the join carry them, and their codecs.
//  2. Counts: what all labelled counts can do; New and Read make them for a plan.
//  3. Binary: the reliability curve and the four ways a decision turns out.
//  4. Classes: which class was predicted for which, how likely the model held each, and at which rank the true one was.
//  5. Numbers: errors of predicted numbers, in fixed point, and predicted intervals.
//  6. selection.go: how many predictions wait for an outcome, and what the known ones stand for, by what the contract states of the others.
//  7. statistics.go: the counts as package stat reads them.
//
// Invariant: counts are integers, or sums in fixed point of values that are rounded once. So they add in any order to the same bytes,
// and a label that is taken back leaves nothing behind. The package imports no client, no clock and no logger.
package truth
