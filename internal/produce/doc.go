// Package produce publishes the rows of files as a model's own producers would: Avro events with schema ids, keys and event
// times, on the topics that the contract names. `plumbline produce` and the demo send with it.
//
//  1. derive.go: what the contract reads and the file holds -> an Avro schema, where nobody gave one.
//  2. encode.go: schema x columns of the file -> an encoder; a row of a batch -> the bytes of one event.
//  3. feed.go: the events of one file; those of two files in the order of event time.
//  4. open.go: files, schemas and ids for both streams; what would not fit is refused before anything is sent.
//  5. pace.go: a rate, or the recorded pace many times over.
//  6. publish.go: topics, the sending loop, the summary.
//
// Invariants:
//
//   - Cells are read by internal/file, as `plumbline check` reads them, and written so that the ingestor reads back what check
//     would have seen: a number that can't be read is published as NaN, which is invalid to both.
//   - Rows keep the order of their file, also where their times don't. Of two files the event with the earlier time is sent
//     first; an outcome goes before a prediction of the same instant, but never before its own.
//   - Rows read = events acknowledged + rows refused (by reason) + what an interruption or a failure left out.
//   - The key is the event's id, and equal ids meet: partitions are chosen as Kafka's own clients do (murmur2).
//
// It imports no service. The pace is the only thing here that looks at the clock, next to the summary's seconds.
package produce
