// Package diagnose says what broke: from what was counted of a model in its reference, and of the same model now, to a cause that an engineer can
// act on, with its parameters, what speaks for it and against it, and how to mend it.
//
//  1. side.go: what is known of either side, and what of it a plan keeps of its reference (learn.go).
//  2. numbers.go: a numeric column as a distribution that is known between bounds; distance.go: how far apart two are, under a conversion.
//  3. point.go: a single value that has taken others' place: stuck, sentinel, imputed, clipped. unit.go: units, scales and signs, of all rows or of some.
//     swap.go: columns that hold each other's values. precision.go: rounding. text.go: categories that are written otherwise. absence.go: what is missing.
//  4. traffic.go: volume, clocks, duplicates, what stopped sending. parts.go: which slice or version it lies in, and whether only the mix changed.
//  5. rank.go: all of it for one case; sentence.go: in words.
//
// A wrong name costs more than none: every cause has to explain what is seen as well as the reference explains itself, several times better than no
// change does, and better than the next one. What doesn't is unknown.
//
// The rules are those of the project's statistical design (two-sample Kolmogorov-Smirnov distances with asymptotic bounds: Smirnov 1948; first-order
// corrections for clustered rows: Rao & Scott 1981), between exact counts: a value's place within a bin of the histogram is not known, so that every
// distance is a lower bound and true conversions are never missed for the bins' sake.
//
// The package is pure: it imports no client, no clock and no logger, and decides nothing about alarms.
package diagnose
