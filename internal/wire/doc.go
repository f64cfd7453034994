// Package wire writes and reads the primitive values of Plumbline's own record formats: varints, fixed-width floats and
// length-prefixed bytes.
//
// Invariants: a Reader never panics and never allocates more than the input is long; it keeps its first error and returns
// zero values from then on, so decoders check once at the end. One value has one encoding: a varint that is longer than it
// needs to be is refused, so what was read is written back as the same bytes. The package imports no client, no clock and no
// logger.
package wire
