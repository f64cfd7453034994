// Package budget shares the rates of false alarms that a team or the whole fleet can bear among its models. A contract asks for rates
// of its own; a thousand models at a page in 30 days are 33 false pages a day.
//
//  1. share.go: what every model gets of what it asks for, under the caps of teams and of the fleet.
//  2. spend.go: what is in force, or asked for, against each cap.
//  3. team.go: which team a model is of.
//
// Invariants: nobody gets more than it asks for; no sum is above a cap (but for rounding, one part in 10^9); where somebody gets
// less than it asks for, a cap that concerns it is exhausted. The result depends on neither the order of the models nor anything
// but the arguments: what the detector goes by is recorded in the plan's policy, so that a replay does not ask this package again.
//
// The package imports the standard library only: no client, no clock, no logger.
package budget
