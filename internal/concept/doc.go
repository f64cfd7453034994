// Package concept follows what a score means: whether outcomes come as often at each score as the reference says they do. It judges
// the reliability curves of mature cohorts, a day at a time, by an e-process against all maps within a tolerance of the
// reference's own, and says of a change what kind it is.
//
//  1. null.go: the reference's curves -> its map of scores to outcomes, how outcomes scatter around it, what is tolerated.
//  2. bet.go: a day's curve -> the evidence of each bet, in nats.
//  3. stream.go: evidence -> alarms, which hold until the map is back; change points and what was counted since.
//  4. explain.go: what was counted since -> concept drift, prior shift, input drift, or too few to say.
//  5. detectable.go: the smallest lasting change that would be found: blind spots are said.
//  6. state.go: nulls and streams to bytes and back.
//
// The promise is that of package sequential: a bet's factor is at most 1 on average, given the past, for every map that is tolerated, and
// the weights of all bets sum to at most 1; then evidence less the hours paid for doesn't rise on average, and T hours hold at
// most T/threshold alarms on average. For shifts a factor is a product of monotone likelihood ratios against the tolerance's end,
// for slopes it is the likelihood over its supremum within the tolerance (universal inference: Wasserman, Ramdas & Balakrishnan
// 2020). Both take outcomes as independent given the score. They are not: evidence is divided by how much the reference's own
// days scattered (stat.OutcomeDispersion), and with that the promise is as good as the reference.
//
// Invariants: everything follows from the days and the null, bit for bit on one kind of processor; a restart doesn't show. The
// package imports internal/sketch, stat and wire; no client, no clock, no logger, no randomness.
package concept
