// Package fairness compares the groups of a plan's protected attributes: who is selected, whose outcomes are met, and whether that differs by more
// than chance and by more than was agreed.
//
//  1. tally.go: cells of panes and cohorts -> what was counted of each finest slice; codec.go: to bytes and back.
//  2. group.go: a tally -> the groups of an attribute, or of the cross of several, and whom they are compared with.
//  3. metric.go: two groups -> a gap with its interval, and one of three states: violated, kept, or too few to say.
//  4. known.go: where the contract states which outcomes nobody knows, what the known ones stand for.
//  5. shrink.go: what is shown of small crosses leans on what they are crosses of.
//  6. simpson.go: where the aggregate points the other way than all its parts.
//  7. proxy.go: what inputs tell of an attribute.
//  8. report.go: all of it, for people.
//
// The reference's tally is part of the plan; the engine judges promises by the same metrics, the console's windows and `plumbline check` show the same
// report. docs/fairness.md has the formulas and their sources.
//
// Invariants: everything follows from integers that add up in any order. The package imports no client, no clock and no logger.
package fairness
