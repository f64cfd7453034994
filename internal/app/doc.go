// Package app puts services together: from settings for real parts, or on embedded ones. It is the only package that knows all
// of them; they don't know each other.
//
//  1. parts.go: Kafka, registry, Redis and ledger, opened from settings or embedded; each with a named cleanup, closed in
//     reverse order.
//  2. run.go: one function per service, and Standalone for all of them in one process.
//  3. store.go: the latest view, between the services that write it and the API that reads it.
//
// What people do to plans: apply.go puts contracts in force, accept.go a new normal that is learnt from the panes on the broker.
package app
