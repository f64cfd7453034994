// Package notify decides whom to tell of an incident, from the routes of its model's contract: now, once it has gone unacknowledged for
// a while, or in a summary.
//
//  1. due.go: the targets an incident is told to now.
//  2. digest.go: when a summary was due last, and what it holds.
//
// The decision is made anew whenever something happened and as time goes by: what it says is whom the incident should have been told to
// by now, and who was told already is the caller's to know. So hours that begin, a ticket that becomes a page, an escalation and a restart
// are one case. The package imports no client, no clock and no logger.
package notify
