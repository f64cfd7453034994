// Package plan compiles a contract and what a baseline learnt into a Plan: columns, bin layouts, dictionaries, what the
// reference showed, and the policy. A plan is all that the services need: they never read the contract. Its digest names it
// in every record that was counted by it; the policy (costs, promises, owners, budget) has a digest of its own, because it
// may change without restarting any learning.
//
//  1. draft.go: contract -> projections, columns, dimensions; enough to decode by. filter.go adds what filters name;
//     measure.go says what a column holds of a value that is not kept itself.
//  2. internal/baseline fills in layouts and references from the reference data.
//  3. seal.go: digest and JSON; check.go: the checks that a plan read from a topic must pass.
//     cap.go: the rates of false alarms in force, where they are less than the contract asks for.
//  4. batch.go: the columns a decoder fills; derive.go computes the derived ones and drops what the filter
//     doesn't want, for many rows at a time.
//
// The package imports no client, no clock and no logger.
package plan
