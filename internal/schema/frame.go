package schema

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// FrameKind says how an event names the schema that wrote it.
type FrameKind uint8

// The frame kinds. FrameNone goes with an error only.
const (
	FrameNone         FrameKind = iota
	FrameConfluent              // 0x00, then the registry's id in four bytes, big-endian: in front of the value, or in a header
	FrameSingleObject           // 0xC3 0x01, then the CRC-64-AVRO fingerprint in eight bytes, little-endian
	FrameGUID                   // in a header: 0x01, then the registry's GUID in sixteen bytes
	FrameRaw                    // nothing: the contract says which schema wrote it
)

// String names the kind.
func (k FrameKind) String() string {
	switch k {
	case FrameConfluent:
		return "confluent"
	case FrameSingleObject:
		return "single_object"
	case FrameGUID:
		return "guid"
	case FrameRaw:
		return "raw"
	default:
		return "none"
	}
}

const (
	confluentHeader    = 5
	singleObjectHeader = 10
	guidHeader         = 17
	sniffed            = 64 // bytes looked at to say what a value is that isn't Avro
)

// Writer names the schema that wrote a value.
type Writer struct {
	Kind        FrameKind
	ID          int32    // FrameConfluent
	Fingerprint uint64   // FrameSingleObject
	GUID        [16]byte // FrameGUID
}

// String is the schema's name for people.
func (w Writer) String() string {
	switch w.Kind {
	case FrameConfluent:
		return fmt.Sprintf("schema id %d", w.ID)
	case FrameSingleObject:
		return fmt.Sprintf("the schema with the fingerprint %016x", w.Fingerprint)
	case FrameGUID:
		return "schema GUID " + uuidText(w.GUID[:])
	default:
		return "the schema that the contract names"
	}
}

// at is the byte of the value where the schema's name begins.
func (w Writer) at() int {
	switch w.Kind {
	case FrameConfluent:
		return 1
	case FrameSingleObject:
		return 2
	default:
		return 0
	}
}

func (w Writer) unknown() *Error {
	if w.Kind == FrameGUID {
		return &Error{Reason: ReasonUnknownSchema, Detail: "no schema has the GUID " + uuidText(w.GUID[:])}
	}
	return Unknown(w.Kind, w.ID, w.Fingerprint)
}

// FrameAs finds out which schema wrote a value that is encoded as e. Header is the record header in which Confluent's
// serializers name the schema, nil if the record has none: the value then has no header of its own. Errors are those of Frame,
// and not_avro where the value is encoded otherwise than e says.
func FrameAs(e plan.Encoding, header, value []byte) (w Writer, body int, err error) {
	switch {
	case e == plan.Raw:
		return Writer{Kind: FrameRaw}, 0, nil
	case header != nil && e != plan.SingleObject:
		w, err = inHeader(header)
		return w, 0, err
	}
	w.Kind, w.ID, w.Fingerprint, body, err = Frame(value)
	if err != nil {
		return Writer{}, 0, err
	}
	if e == plan.Confluent && w.Kind != FrameConfluent || e == plan.SingleObject && w.Kind != FrameSingleObject {
		return Writer{}, 0, &Error{
			Reason: ReasonNotAvro,
			Detail: fmt.Sprintf("the value begins as %s does, but the contract says that events are encoded as %s", w.Kind, e),
		}
	}
	return w, body, nil
}

// inHeader reads the record header of Confluent's serializers: 0x00 and an id as in front of a value, or 0x01 and a GUID.
func inHeader(header []byte) (Writer, error) {
	switch {
	case len(header) == confluentHeader && header[0] == 0:
		return Writer{Kind: FrameConfluent, ID: int32(binary.BigEndian.Uint32(header[1:]))}, nil
	case len(header) == guidHeader && header[0] == 1:
		return Writer{Kind: FrameGUID, GUID: [16]byte(header[1:])}, nil
	}
	return Writer{}, &Error{
		Reason: ReasonNotAvro,
		Detail: fmt.Sprintf("the record header with the schema's id holds % X; expected 0x00 and an id of 4 bytes, or 0x01 and a GUID of 16", header[:min(len(header), guidHeader)]),
	}
}

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
