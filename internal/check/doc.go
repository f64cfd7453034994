// Package check runs a contract over files instead of topics: the same plan, the same counters, the same join, the same
// tests, without Kafka.
//
//  1. source.go: files -> batches, derived columns computed, filters applied.
//  2. run.go: baseline, plan, then every row through the collector, the join and the engine.
//  3. report.go: what was read, what was found, in text for people; labelled.go: which predictions have an outcome; estimates.go: what
//     the latest are expected to come to.
//
// A file is one partition whose offsets are its line numbers. Its end is not the end of time: a pane that the last event
// hasn't left yet is not judged, as in the stream. The package imports no client, no clock and no logger.
package check
