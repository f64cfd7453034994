// Package detect is the detector: a loop that folds fragments into panes and panes into findings.
//
//  1. service.go: one run under the plans in force.
//  2. restore.go, past.go: the state of a fragments partition as of its committed offset, from the panes topic; what plans of before
//     have judged.
//  3. fold.go: cells to the engines, coverage to the clock; then everything that has ended is judged.
//  4. flush.go: findings, ended panes and the state go out with the offsets, in one transaction.
//  5. history.go: what has ended, test panes and mature cohorts, as records on the panes topic, and back.
//  6. windows.go: what has ended and was committed, added up over the contract's windows, for people.
//  7. serve.go: the latest panes for people, after the commit; losing them loses nothing.
//
// Invariants: the state record names the input offset it stands for, and a restore that can't match it fails; nothing here
// decides: internal/engine does. The package imports no other service.
package detect
