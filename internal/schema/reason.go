package schema

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Reason says why an event could not be decoded. The list is closed: it labels metrics and quarantined events.
type Reason string

// The reasons.
const (
	// ReasonTruncated: the bytes end before the value does.
	ReasonTruncated Reason = "truncated"
	// ReasonBadUnionBranch: a union's index names no branch.
	ReasonBadUnionBranch Reason = "bad_union_branch"
	// ReasonBadEnumIndex: an enum's index names no symbol, or a boolean's byte is neither 0 nor 1.
	ReasonBadEnumIndex Reason = "bad_enum_index"
	// ReasonNegativeLength: the length of a string or the size of a block is below zero.
	ReasonNegativeLength Reason = "negative_length"
	// ReasonTooLong: a length or count beyond 2^31-1, more than 4,096 items of no bytes each, a block whose items don't take
	// the size it declares, or a map that names the keys asked for again and again.
	ReasonTooLong Reason = "too_long"
	// ReasonInvalidUTF8: a string or a map's key is no UTF-8.
	ReasonInvalidUTF8 Reason = "invalid_utf8"
	// ReasonTrailingBytes: bytes are left over after the value.
	ReasonTrailingBytes Reason = "trailing_bytes"
	// ReasonNotAvro: the bytes carry no header that names a schema.
	ReasonNotAvro Reason = "not_avro"
	// ReasonUnknownSchema: the header names a schema that nobody knows.
	ReasonUnknownSchema Reason = "unknown_schema"
	// ReasonSchemaMismatch: the schema is known and lacks what the contract names, or has it in another type.
	ReasonSchemaMismatch Reason = "schema_mismatch"
	// ReasonMissingField: a required role (the event's id or time) is null, absent, or of a type that can't be read.
	ReasonMissingField Reason = "missing_field"
	// ReasonBadVarint: a number runs beyond 64 bits, or an int beyond 32.
	ReasonBadVarint Reason = "bad_varint"
	// ReasonDepth: containers are nested deeper than 64.
	ReasonDepth Reason = "depth"
	// ReasonBadTime: the event's time can't be read, or lies outside the years 1 to 9999.
	ReasonBadTime Reason = "bad_time"
)

var reasons = []Reason{
	ReasonTruncated, ReasonBadUnionBranch, ReasonBadEnumIndex, ReasonNegativeLength, ReasonTooLong, ReasonInvalidUTF8,
	ReasonTrailingBytes, ReasonNotAvro, ReasonUnknownSchema, ReasonSchemaMismatch, ReasonMissingField, ReasonBadVarint, ReasonDepth, ReasonBadTime,
}

// Reasons lists every reason.
func Reasons() []Reason { return slices.Clone(reasons) }

// Error says why and where decoding stopped.
type Error struct {
	Reason Reason
	Path   string // of the field, such as flows.transfer, tags[3] or features.age; "" for the event as a whole
	Offset int    // in the record's value, 0 to its length: the first byte of what could not be read
	Detail string // what was read, and what would be right
}

// Error is one line: reason, byte, field, detail.
func (e *Error) Error() string {
	s := string(e.Reason) + " at byte " + strconv.Itoa(e.Offset)
	if e.Path != "" {
		s += " in " + e.Path
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

var (
	// ErrNotRegistered says that a registry answered and knows no such schema.
	ErrNotRegistered = errors.New("unknown schema")
	// ErrUnsupported says that a registry knows the schema, and that it is none that we read. It will not change.
	ErrUnsupported = errors.New("unsupported schema")
)

// Unknown is the error for an event whose header, as Frame read it, names a schema that its caller can't find.
func Unknown(kind FrameKind, id int32, fingerprint uint64) *Error {
	e := &Error{Reason: ReasonUnknownSchema, Offset: 1, Detail: fmt.Sprintf("no schema has the id %d", id)}
	if kind == FrameSingleObject {
		e.Offset, e.Detail = 2, fmt.Sprintf("no schema has the fingerprint %016x", fingerprint)
	}
	return e
}
