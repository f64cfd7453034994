// Package retrain decides whether a model's trouble asks for retraining now, and on which data.
//
//  1. trigger.go: the public objects: what is asked for, and what came of it (their JSON Schemas lie beside it).
//  2. decide.go: an incident, what else is wrong with the model, and what was asked for before -> a trigger, or why there is none.
//
// Nobody retrains on broken data: while an incident of the model names a cause that lies in the data, or events were lost, the trigger is
// held back, and says so; spans in which data were broken are left out of the window that is suggested. The package imports no client, no
// clock and no logger.
package retrain
