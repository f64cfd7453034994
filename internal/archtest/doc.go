// Package archtest holds the shape of the house: which package may import which, and what no file may do. It has tests only.
//
//  1. tree_test.go: every Go file of the module, parsed, with its imports.
//  2. rules_test.go: the rules, each from packages to violations.
//  3. arch_test.go: the rules hold for this module, and each of them finds what it is there to find.
//
// Dependencies point one way: cmd -> roles (ingest, join, detect, alert) -> adapters (bus, view, ledger, ...) -> pure. What
// is in none of the lists (the wiring of a process, a demo, a check on files) may import any of them and is held only by the
// rules for all. The files are read in this process, not listed by the go command, so that the test cache notices a change.
package archtest
