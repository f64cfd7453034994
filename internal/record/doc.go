// Package record defines the records on Plumbline's own topics that people don't read: fragments (mergeable counts and which
// source offsets they cover) and joins (what events bring to the join of predictions and outcomes). Each format is versioned;
// a build reads its own and the one before.
//
//  1. Fragment: coverage and cells of one epoch and one fragments partition.
//  2. Joins: rows and markers of one epoch and one joins partition.
//  3. Quarantine: the headers of a set-aside event.
//
// Invariants: a damaged record is refused whole, never half applied, and never makes the reader allocate more than a constant
// times its size. The package imports no client, no clock and no logger.
package record
