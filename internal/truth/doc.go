// Package truth holds labelled counts: what is counted of predictions whose outcomes are known. What that is depends on the task of
// the model, and nobody else asks which task it is: outcome counts, window adds up, engine measures, all through Counts.
//
//  1. Counts: what all labelled counts can do; New and Read make them for a plan.
//  2. Binary: the reliability curve and the four ways a decision turns out.
//
// Invariant: counts are integers, or sums in fixed point of values that are rounded once. So they add in any order to the same bytes,
// and a label that is taken back leaves nothing behind. The package imports no client, no clock and no logger.
package truth
