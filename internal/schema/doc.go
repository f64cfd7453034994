// Package schema reads Avro: it compiles a writer's schema and the fields a plan names into a flat program, and runs that
// program over the bytes of one event, straight into the columns of a batch. Decoding is validation: what the plan doesn't
// name is skipped, but checked on the way (lengths, union branches, enum indices, UTF-8), so that damage is found where it
// lies and told by field path and byte offset.
//
//  1. frame.go: which schema wrote the bytes: a Confluent id or GUID, a single-object fingerprint, the contract's own, or no Avro.
//     reader.go finds it, keeps the programs, and fills in what lies in the record's key and headers.
//  2. parse.go: schema text -> types; canonical.go: types -> Parsing Canonical Form -> CRC-64-AVRO fingerprint; references.go
//     puts the schemas that a schema refers to into it.
//  3. resolve.go: the plan's paths -> places in the schema, or an error that says what exists there; default.go: what the schema
//     that the contract names says of fields that an event's own schema lacks. docs/schema-evolution.md has every case.
//  4. compile.go, emit.go: types x places -> the ops of program.go.
//  5. decode.go, blocks.go, vector.go: ops x bytes -> one row. fast.go has the usual case of the usual ops, value.go every op with every check
//     and error; read.go and convert.go hold the values' own rules.
//
// # What a field may read
//
//   - A path walks records by field name (an alias also matches, of the writer's field or of the contract's schema), maps by key, and looks into every branch of a union.
//     Arrays can't be entered.
//   - Number: int, long, float, double, boolean (0 and 1), decimal, date and timestamps (seconds since the Unix epoch),
//     times of day (seconds), duration (seconds, a day being 24 hours; Invalid if it has months, which are no number of seconds).
//   - String: string, bytes and fixed (as they are: they need not be UTF-8), enum (its symbol), uuid (a fixed one in its
//     8-4-4-4-12 form), boolean (true, false), int and long as stored, whatever their logical type, float and double in
//     their shortest form (1.0 is 1).
//   - Time: timestamps (to microseconds, rounded down), date, a plain long (milliseconds), string (RFC 3339). Years 1 to 9999.
//   - Measures: length and charset of a string, norm and dimension of an array of int, long, float or double, and any of its
//     numbers (component); one beyond the array's end is Missing. Whether reason codes are given: a string, an enum, an int, a long, or an
//     array of these; blanks and nulls are none.
//   - Null, a key that a map doesn't hold and a field that a union's branch doesn't have are Missing. A branch that can't give
//     the kind, a number that isn't finite and a time that can't be read are Invalid.
//   - The roles ID and Time are required: where they are null or can't be read, the whole event is refused.
//
// # Invariants
//
//   - A Program is immutable and safe for concurrent use; a call's state lies on its stack.
//   - A refused event leaves the batch as it was. A decoded one allocates nothing, except where a value is rendered as text
//     (large numbers, uuids of type fixed) and for decimals beyond 2^53.
//   - Strings of the batch point into the event's bytes.
//   - No input makes it panic, recurse deeper than 64 containers, or use memory or time beyond what the input's length earns.
//   - Of a key that a map holds twice, the last value counts.
//
// The package imports no client, no clock and no logger.
package schema
