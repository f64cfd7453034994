// Package incident folds findings into incidents: what broke, since when, for whom, what it costs, and who does what now.
//
//  1. fold.go: a finding opens an incident, joins one, updates one, or ends its part of one.
//     consequence.go: which incident of outcomes is a part of one of broken data.
//  2. show.go: what of it is shown: subjects, numbers, price, cause, owner; whole.go: of an incident and its parts together.
//  3. apply.go: an act of a person (act.go) acknowledges, resolves, silences, judges one; merge.go: makes one of two, or two of one.
//  4. words.go: the title, the numbers and the price in plain words; explain.go: the whole; retraining.go: how retraining stands.
//  5. rate.go: how many of the alarms that people judged were false.
//  6. match.go: what was changed before an onset, and which columns come from one step; part.go: what broke in ways that one cause doesn't; rank.go: how much an incident matters.
//  7. incident.go: the public object.
//
// Findings and acts are folded in the order of the ledger: the same entries give the same incidents, also after a restart.
//
// A model has lanes that don't mix, because their order of arrival is not fixed: what was seen on predictions, what
// outcomes showed, and where the books of offsets have a hole. An incident of outcomes may be a part of one of broken data: that hangs on event times alone, and
// changes neither's own life. Within a lane findings come in the order they were decided, so the same findings give the same incidents, however lanes interleave.
// The package imports no client, no clock and no logger: what signals do bears event time, what people do the time
// that the alerter's clock gave the act.
package incident
