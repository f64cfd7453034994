// Package telemetry is what the people who run the services look at: logs, metrics, health and profiles.
//
//  1. log.go: a zap logger on a writer, whose messages are counted by level.
//  2. registry.go: a Prometheus registry with the collectors of the Go runtime and the process.
//  3. health.go: named checks, and whether all of them pass.
//  4. server.go: the HTTP server of all that, on which API and console are mounted too.
//
// Invariants: nothing is global, loggers and registries are made here and handed down; a counter exists, at 0, before the
// first thing it counts; the server stops within a bound, whatever its handlers do. The package is an edge: the pure
// packages must not import it, and it imports no other package of Plumbline.
package telemetry
