// Package retrainer is an example of a retraining pipeline: it waits for triggers, trains on the window they suggest, publishes the new
// version and reports. What it trains is small on purpose: a logistic regression on the score that the model in service gave and on the
// model's numeric inputs, which is right again where scores have come to mean something else. Everything around it is what a real
// pipeline needs, too.
//
//  1. run.go: a trigger comes; started, the new version, succeeded or failed are published; then the trigger counts as done.
//  2. read.go: the events of the window, from the topics and by the schemas that the contract names, without what is excluded.
//  3. fit.go: the regression.
//
// A trigger may come twice, and a pipeline may die in between: the version is named after the trigger, so that doing it again publishes
// the same. examples/retrainer/run is the program.
package retrainer
