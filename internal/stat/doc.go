// Package stat turns exact counts into numbers one can act on: distances between two binned samples with the law they follow
// when nothing drifted, three-state verdicts against a floor of practical relevance, and a binary model's performance and
// calibration read off its reliability curve. Every function is a formula over counts; nothing is sampled and nothing is kept.
//
//  1. special.go, beta.go, ncx2.go: the distribution functions the rest stands on; solve.go inverts them.
//  2. distance.go: PSI, chi-square, KS, Jensen-Shannon, Hellinger, Wasserstein, L-infinity of two count vectors.
//  3. floor.go: what a shift of d standard deviations is in each of those distances.
//  4. judge.go: drift, equivalent or undecided, and how many events a decision would take.
//  5. limit.go: the limit the reference's own windows set, and their dispersion.
//  6. curve.go, rank.go, confusion.go: Brier score, log loss, ROC AUC, confusion metrics and expected cost.
//  7. calibration.go: expected calibration error, Spiegelhalter's z, the logistic map, dispersion of outcomes.
//  8. interval.go: Wilson, Newcombe and Katz intervals; band.go: an estimate with an interval, and what too few events are.
//  9. decision.go, precision.go: decisions at any bin edge, F-beta, average precision, what binning can hide.
//  10. binary.go, calibration_band.go: every metric of a binary model with its interval.
//  11. classes.go, classes_band.go: models of several classes; residuals.go, residuals_band.go: models of a number.
//  12. fairness.go, fairness_scores.go: groups against a reference, three-state verdicts; strata.go: the whole against its parts;
//     mutual.go: how much one column tells of another.
//  13. money.go: the cost of every threshold, the cheapest, and what more recall costs.
//
// Invariants: no function panics on any input; what has no value (no sample, one class only, vectors of different length) is NaN
// or ok == false, as documented, never a made-up number. The same counts give the same bits: sums run in index order, without
// maps, clocks or random numbers. The package imports the standard library only.
package stat
