// Package contract reads a model's quality contract: the YAML file that says what its events look like, what good means, what
// errors cost, who owns what and how often a false alarm is acceptable.
//
// The flow:
//
//  1. read.go walks the YAML nodes along the table in table.go, which names every key, what it holds and what it means;
//     format.go reads each kind of scalar;
//  2. build.go makes a Contract of what was read and fills in the defaults;
//  3. check.go, columns.go and promises.go hold the parts against one another;
//  4. digest.go names the result, and the part of it that restarts no learning when it changes;
//  5. schema.go writes the JSON Schema from the same table.
//
// Invariants: every problem is reported, not only the first, each with file, line, column, what was read and what would be
// right; a Contract that Parse returned is valid; the same meaning gives the same digest, whatever the formatting; a file has
// at most MaxSize bytes and nothing in it is expanded (no anchors, aliases, merge keys or tags), so reading it is bounded.
//
// The package imports no Kafka or Redis client, no clock, no logger and no metrics. Only Load touches the file system.
package contract
