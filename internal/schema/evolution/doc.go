// Package evolution is the table of how schemas change: for every case of the Avro specification's "Schema Resolution" (1.12), and
// for those it refuses, what an event written with one schema reads as under a contract that names another. It holds the cases
// only. The decoder's tests run them against an independent implementation, the integration tests against a real registry, and
// docs/schema-evolution.md is written from them.
package evolution
