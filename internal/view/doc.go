// Package view keeps in Redis what may vanish: the join index and what is on display. Both are copies of topics; losing them
// costs time, never a number.
//
// The join index holds one folded state per id of a joins partition, and a sentinel that says up to which offset of the
// partition the states reach. The joiner uses it so:
//
//  1. Assigned: Read the sentinel. Where it is missing or behind the committed offset, Reset and fold the partition again from
//     the topic, with Write after Write. Where it is ahead, the joiner itself is the one that is behind: it must stop.
//  2. Fold an epoch: Read the states of its ids, all as of one offset, which must be the epoch's first.
//  3. Commit the epoch to Kafka.
//  4. Write the new states and move the sentinel from the epoch's first offset to its end, if it still stands there.
//
// A crash between 3 and 4 leaves the sentinel behind: step 1 folds the partition again. A zombie between 3 and 4 either
// writes what the new owner would write, or is refused, because the sentinel has moved on.
//
// Invariants: states are readable only together with the offset they stand for; no reader ever sees some states of one offset
// and some of another; states from before a Reset are never seen again. Redis must not evict: a single id that vanishes
// behind a healthy sentinel would be a wrong number (RedisIndex.CheckPolicy).
//
// The display holds, per model, the latest pane, and per incident its latest state: small documents for the console, each
// with the place in its history that it stands for, so that an older one never replaces a newer one.
//
// The package imports no Kafka client, no logger and no metrics, and reads no clock.
package view
