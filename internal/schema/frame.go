package schema

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// FrameKind says how an event names the schema that wrote it.
type FrameKind uint8

// The frame kinds. FrameNone goes with an error only.
const (
	FrameNone         FrameKind = iota
	FrameConfluent              // 0x00, then the registry's id in four bytes, big-endian
	FrameSingleObject           // 0xC3 0x01, then the CRC-64-AVRO fingerprint in eight bytes, little-endian
)

// String names the kind.
func (k FrameKind) String() string {
	switch k {
	case FrameConfluent:
		return "confluent"
	case FrameSingleObject:
		return "single_object"
	default:
		return "none"
	}
}

const (
	confluentHeader    = 5
	singleObjectHeader = 10
	sniffed            = 64 // bytes looked at to say what a value is that isn't Avro
)

// Frame reads the header of a record's value: the schema's id (Confluent) or fingerprint (single-object), and the offset of
// the body. The error is an *Error: truncated where a header is cut short, else not_avro, with a guess at what the bytes
// are. Avro without a header can't be told from anything else; who expects it decodes from byte 0 without asking Frame.
func Frame(value []byte) (kind FrameKind, id int32, fingerprint uint64, body int, err error) {
	switch {
	case len(value) == 0:
		return FrameNone, 0, 0, 0, &Error{Reason: ReasonNotAvro, Detail: "the value is empty"}
	case value[0] == 0:
		if len(value) < confluentHeader {
			return FrameNone, 0, 0, 0, cutHeader("Confluent", len(value), confluentHeader)
		}
		return FrameConfluent, int32(binary.BigEndian.Uint32(value[1:])), 0, confluentHeader, nil
	case value[0] == 0xC3 && (len(value) == 1 || value[1] == 1):
		if len(value) < singleObjectHeader {
			return FrameNone, 0, 0, 0, cutHeader("single-object", len(value), singleObjectHeader)
		}
		return FrameSingleObject, 0, binary.LittleEndian.Uint64(value[2:]), singleObjectHeader, nil
	}
	return FrameNone, 0, 0, 0, &Error{Reason: ReasonNotAvro, Detail: looksLike(value)}
}

func cutHeader(name string, have, want int) *Error {
	return &Error{
		Reason: ReasonTruncated, Offset: have,
		Detail: fmt.Sprintf("a %s header takes %d bytes, the value has %d", name, want, have),
	}
}

// looksLike guesses what a value is that carries no Avro header.
func looksLike(value []byte) string {
	head := value[:min(len(value), sniffed)]
	if trimmed := bytes.TrimLeft(head, " \t\r\n"); len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') {
		return "the value looks like JSON; expected 0x00 and a schema id, or 0xC3 0x01 and a fingerprint"
	}
	if isText(head) {
		return "the value looks like text; expected 0x00 and a schema id, or 0xC3 0x01 and a fingerprint"
	}
	return fmt.Sprintf("the value starts with 0x%02X; expected 0x00 and a schema id, or 0xC3 0x01 and a fingerprint", value[0])
}

// isText reports whether b is UTF-8 without control characters; a character cut off at the end is forgiven.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return !utf8.FullRune(b)
		}
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7F {
			return false
		}
		b = b[n:]
	}
	return true
}
