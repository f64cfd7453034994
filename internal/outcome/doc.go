// Package outcome joins predictions with their outcomes. It is the pure part of the joiner: rows in, labelled counts out.
//
// Of duplicates the first prediction and the last outcome count, ordered by (event time, source partition, source offset),
// never by arrival; a corrected outcome takes the old label back and adds the new one. So the sum of all effects depends only
// on which rows there are, not on the order they came in: aborted attempts, zombies and duplicates can't change it.
//
//  1. Row: what an event brings to the join, and its codec.
//  2. State: what is known of one id, folded from its rows, and its codec.
//  3. Effect: the labelled counts a State stands for; folding rows changes them by after minus before.
//
// Invariant: for any order and any repetition of the same rows, the sum of the effects is the same (a test permutes them).
// The package imports no client, no clock and no logger.
package outcome
