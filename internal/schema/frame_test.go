package schema

import (
	"errors"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"
)

func TestFrame(t *testing.T) {
	for _, tt := range []struct {
		value  string
		kind   FrameKind
		id     int32
		body   int
		reason Reason
		offset int
		detail string
	}{
		{value: "\x00\x00\x00\x01\x02abc", kind: FrameConfluent, id: 258, body: 5},
		{value: "\x00\x00\x00\x01\x02", kind: FrameConfluent, id: 258, body: 5},
		{value: "\xC3\x01\x01\x00\x00\x00\x00\x00\x00\x80", kind: FrameSingleObject, body: 10},
		{value: "", reason: ReasonNotAvro, detail: "empty"},
		{value: "\x00\x00\x00\x01", reason: ReasonTruncated, offset: 4, detail: "Confluent"},
		{value: "\xC3", reason: ReasonTruncated, offset: 1, detail: "single-object"},
		{value: "\xC3\x01\x00", reason: ReasonTruncated, offset: 3, detail: "single-object"},
		{value: "\xC3\x02\x00", reason: ReasonNotAvro, detail: "0xC3"},
		{value: ` {"a":1}`, reason: ReasonNotAvro, detail: "JSON"},
		{value: `[1]`, reason: ReasonNotAvro, detail: "JSON"},
		{value: "caf\u00e9, 12\n", reason: ReasonNotAvro, detail: "text"},
		{value: strings.Repeat("x", 63) + "\u00e9", reason: ReasonNotAvro, detail: "text"},
		{value: "abc\x01", reason: ReasonNotAvro, detail: "0x61"},
		{value: "\x08\xFF", reason: ReasonNotAvro, detail: "0x08"},
	} {
		kind, id, fp, body, err := Frame([]byte(tt.value))
		if kind != tt.kind || id != tt.id || body != tt.body {
			t.Errorf("%q: %v, id %d, body at %d", tt.value, kind, id, body)
		}
		if tt.kind == FrameSingleObject && fp != 0x8000000000000001 {
			t.Errorf("%q: fingerprint %x", tt.value, fp)
		}
		if tt.reason == "" {
			if err != nil {
				t.Errorf("%q: %v", tt.value, err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Reason != tt.reason || e.Offset != tt.offset || !strings.Contains(e.Detail, tt.detail) {
			t.Errorf("%q: %v", tt.value, err)
		}
	}
}

func TestFrameKindString(t *testing.T) {
	if got := FrameNone.String() + FrameConfluent.String() + FrameSingleObject.String(); got != "noneconfluentsingle_object" {
		t.Error(got)
	}
}

// What goavro frames, Frame reads, and one of the schema's fingerprints is it.
func TestFrameSingleObject(t *testing.T) {
	schema := rec(`{"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}}`)
	codec, err := goavro.NewCodec(schema)
	if err != nil {
		t.Fatal(err)
	}
	value, err := codec.SingleFromNative(nil, map[string]any{"t": 5})
	if err != nil {
		t.Fatal(err)
	}
	_, _, fp, body, err := Frame(value)
	if err != nil || string(value[body:]) != "\x0A" {
		t.Fatalf("body %x, %v", value[body:], err)
	}
	all, err := Fingerprints(schema)
	if err != nil || len(all) != 2 || all[1] != fp {
		t.Errorf("%x is not the second of %x (%v)", fp, all, err)
	}
}
