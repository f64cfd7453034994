// Package incident folds findings into incidents: what broke, since when, for whom, what it costs, and who does what now.
//
//  1. fold.go: a finding opens an incident, joins one, updates one, or ends its part of one.
//  2. words.go: the title, the numbers and the price in plain words.
//  3. incident.go: the public object.
//
// A model has lanes that never mix, because their order of arrival is not fixed: what was seen on predictions, what
// outcomes showed, and where the books of offsets have a hole. Within a lane findings come in the order they were decided, so the same findings give the same incidents.
// The package imports no client, no clock and no logger: every time in an incident is event time.
package incident
