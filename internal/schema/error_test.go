package schema

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// damage is one bad event: the schema, what is projected, the bytes after a Confluent header, and the error.
var damage = []struct {
	name   string
	schema string
	fields []string
	body   string
	want   Error // Detail is a part of it
}{
	{
		"double cut short", rec(`{"name":"a","type":"int"},{"name":"flows","type":{"type":"record","name":"F","fields":[{"name":"transfer","type":"double"}]}}`),
		[]string{"flows.transfer number"},
		"\x02\x00\x00",
		Error{ReasonTruncated, "flows.transfer", 6, "8 bytes are needed, 2 are left"},
	},
	{
		"run of skipped fields cut short", rec(`{"name":"a","type":"double"},{"name":"b","type":"float"},{"name":"c","type":{"type":"record","name":"F","fields":[{"name":"x","type":"double"}]}},{"name":"z","type":"int"}`),
		[]string{"z number"},
		"12345678abcd1234567",
		Error{ReasonTruncated, "c.x", 17, "8 bytes are needed, 7 are left"},
	},
	{
		"a key named again and again", rec(`{"name":"m","type":{"type":"map","values":"double"}}`),
		[]string{"m.a string"},
		"\x90\x01" + strings.Repeat("\x02a12345678", 72) + "\x00",
		Error{ReasonTooLong, "m", 7 + 65*10, "64 times"},
	},
	{"varint cut short", rec(`{"name":"a","type":"int"}`), nil, "\x80", Error{ReasonTruncated, "a", 5, "cut short"}},
	{"text longer than the event", rec(`{"name":"a","type":"string"}`), nil, "\x08abc", Error{ReasonTruncated, "a", 5, "the length is 4, 3 bytes are left"}},
	{"more items than bytes", rec(`{"name":"a","type":{"type":"array","items":"double"}}`), nil, "\x04\x00\x00", Error{ReasonTruncated, "a", 5, "2 items"}},
	{"more items than can be", rec(`{"name":"a","type":{"type":"array","items":"double"}}`), nil, "\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", Error{ReasonTooLong, "a", 5, "count"}},
	{"fewest items there are", rec(`{"name":"a","type":{"type":"array","items":"double"}}`), nil, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", Error{ReasonTooLong, "a", 5, "count"}},
	{"union's index", rec(`{"name":"a","type":["null","double"]}`), []string{"a number"}, "\x04", Error{ReasonBadUnionBranch, "a", 5, "index is 2, its branches are 0 to 1"}},
	{"union's index below zero", rec(`{"name":"a","type":["null","double","int"]}`), []string{"a number"}, "\x01", Error{ReasonBadUnionBranch, "a", 5, "index is -1"}},
	{"skipped union's index", rec(`{"name":"a","type":["null","double"]}`), nil, "\x04", Error{ReasonBadUnionBranch, "a", 5, ""}},
	{"enum's index", rec(`{"name":"e","type":{"type":"enum","name":"C","symbols":["x","y"]}}`), []string{"e string"}, "\x04", Error{ReasonBadEnumIndex, "e", 5, "0 to 1"}},
	{"skipped enum's index", rec(`{"name":"e","type":{"type":"enum","name":"C","symbols":["x","y"]}}`), nil, "\x03", Error{ReasonBadEnumIndex, "e", 5, "index is -2"}},
	{"boolean of 2", rec(`{"name":"b","type":"boolean"}`), nil, "\x02", Error{ReasonBadEnumIndex, "b", 5, "2, not 0 or 1"}},
	{"negative length", rec(`{"name":"s","type":"string"}`), []string{"s string"}, "\x01", Error{ReasonNegativeLength, "s", 5, "-1"}},
	{"negative block size", rec(`{"name":"m","type":{"type":"map","values":"int"}}`), nil, "\x01\x01", Error{ReasonNegativeLength, "m", 6, "-1"}},
	{"length beyond 31 bits", rec(`{"name":"s","type":"bytes"}`), nil, "\x80\x80\x80\x80\x10", Error{ReasonTooLong, "s", 5, "2147483648"}},
	{"items of no bytes", rec(`{"name":"n","type":{"type":"array","items":"null"}}`), nil, "\x80\x40\x02\x00", Error{ReasonTooLong, "n", 7, "4097 items"}},
	{"block that lies about its size", rec(`{"name":"n","type":{"type":"array","items":"int"}}`), nil, "\x03\x02\x02\x02\x00", Error{ReasonTooLong, "n", 5, "takes 1 bytes, its items take 2"}},
	{"text in Latin-1", rec(`{"name":"s","type":"string"}`), []string{"s string"}, "\x14abcdefghi\xE9", Error{ReasonInvalidUTF8, "s", 15, "0xE9"}},
	{"skipped text in Latin-1", rec(`{"name":"s","type":"string"}`), nil, "\x08\xE9abc", Error{ReasonInvalidUTF8, "s", 6, "0xE9"}},
	{"map's key in Latin-1", rec(`{"name":"m","type":{"type":"map","values":"int"}}`), nil, "\x02\x02\xE9\x02\x00", Error{ReasonInvalidUTF8, "m", 7, ""}},
	{"value of an unasked key", rec(`{"name":"m","type":{"type":"map","values":{"type":"record","name":"V","fields":[{"name":"s","type":"string"}]}}}`), nil, "\x02\x04k1\x01", Error{ReasonNegativeLength, "m.k1.s", 9, ""}},
	{"item of an array", rec(`{"name":"a","type":{"type":"array","items":{"type":"array","items":"string"}}}`), nil, "\x04\x00\x04\x02x\x01", Error{ReasonNegativeLength, "a[1][1]", 10, ""}},
	{"record in a record of its kind", listSchema, nil, "\x02\x02\x04\x02\x80", Error{ReasonTruncated, "next.next.v", 9, ""}},
	{"bytes left over", rec(`{"name":"a","type":"int"}`), nil, "\x02\x02\x02", Error{ReasonTrailingBytes, "", 6, "2 bytes follow"}},
	{"id null", rec(`{"name":"id","type":["null","string"]}`), []string{"id string id"}, "\x00", Error{ReasonMissingField, "id", 6, "id is null"}},
	{"id of another type", rec(`{"name":"id","type":["string",{"type":"array","items":"int"}]}`), []string{"id string id"}, "\x02\x00", Error{ReasonMissingField, "id", 6, "array"}},
	{"time null", rec(`{"name":"x","type":{"type":"record","name":"X","fields":[{"name":"t","type":["long","null"]}]}}`), []string{"x.t time time"}, "\x02", Error{ReasonMissingField, "x.t", 6, "time is null"}},
	{"id not among the keys", rec(`{"name":"m","type":{"type":"map","values":"string"}}`), []string{"m.id string id"}, "\x00", Error{ReasonMissingField, "m.id", 6, ""}},
	{"long of eleven bytes", rec(`{"name":"a","type":"long"}`), nil, strings.Repeat("\xFF", 10) + "\x01", Error{ReasonBadVarint, "a", 5, "64 bits"}},
	{"long of 65 bits", rec(`{"name":"a","type":"long"}`), nil, strings.Repeat("\xFF", 9) + "\x02", Error{ReasonBadVarint, "a", 5, "64 bits"}},
	{"int of 33 bits", rec(`{"name":"a","type":"int"}`), nil, "\x80\x80\x80\x80\x10", Error{ReasonBadVarint, "a", 5, "32 bits"}},
	{"list of 70", listSchema, nil, strings.Repeat("\x02\x02", 70) + "\x02\x00", Error{ReasonDepth, "next" + strings.Repeat(".next", 63), 5 + 2*64, "deeper than 64"}},
	{"time in words", rec(`{"name":"t","type":"string"}`), []string{"t time time"}, "\x08noon", Error{ReasonBadTime, "t", 6, `"noon" is no RFC 3339 time`}},
	{"time beyond 9999", rec(`{"name":"t","type":"long"}`), []string{"t time time"}, "\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", Error{ReasonBadTime, "t", 5, "9999"}},
	{"time of another type", rec(`{"name":"t","type":["long","boolean"]}`), []string{"t time time"}, "\x02\x01", Error{ReasonBadTime, "t", 6, "boolean"}},
	{"no body", rec(`{"name":"a","type":"int"}`), nil, "", Error{ReasonTruncated, "a", 5, ""}},
}

func TestDecodeErrors(t *testing.T) {
	reached := map[Reason]bool{ReasonNotAvro: true, ReasonUnknownSchema: true, ReasonSchemaMismatch: true} // by TestFrame, TestUnknown and the ingestor
	for _, tt := range damage {
		t.Run(tt.name, func(t *testing.T) {
			p := projection(t, tt.fields...)
			prog := compile(t, tt.schema, p)
			b := plan.NewBatch(p, 2)
			b.Grow(7)
			before := held(b)
			err := prog.Decode([]byte("\x00\x00\x00\x00\x01"+tt.body), 5, b, 8)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			got := *e
			if !strings.Contains(got.Detail, tt.want.Detail) || got.Detail == "" {
				t.Errorf("the detail is %q, without %q", got.Detail, tt.want.Detail)
			}
			got.Detail = tt.want.Detail
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if after := held(b); after != before {
				t.Errorf("the batch changed:\n%s\n%s", before, after)
			}
			reached[got.Reason] = true
		})
	}
	for _, r := range Reasons() {
		if !reached[r] {
			t.Errorf("no case gives %s", r)
		}
	}
}

// What an event declares must cost nothing before it is there.
func TestHostileLengthsAllocateLittle(t *testing.T) {
	const big = "\xFE\xFF\xFF\xFF\x0F" // 2^31-1
	schema := rec(`{"name":"m","type":{"type":"map","values":{"type":"array","items":["null","bytes"]}}},{"name":"n","type":{"type":"array","items":"null"}}`)
	p := projection(t)
	prog := compile(t, schema, p)
	b := plan.NewBatch(p, 1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, body := range []string{
		big, "\x02" + big, "\x02\x00" + big, "\x02\x00\x02\x02" + big, "\x00" + big, "\x00" + strings.Repeat("\x80\x40", 2) + "\x00",
		strings.Repeat("\xFD\xFF\xFF\xFF\x0F"+big, 50),
	} {
		if err := prog.Decode([]byte(body), 0, b, 0); err == nil {
			t.Errorf("%x was accepted", body)
		}
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<10 {
		t.Errorf("%d bytes were allocated", used)
	}
}

func TestDecodeBodyBeyondTheValue(t *testing.T) {
	p := projection(t)
	prog := compile(t, rec(""), p)
	for _, start := range []int{-1, 3} {
		if err := prog.Decode([]byte{1, 2}, start, plan.NewBatch(p, 1), 0); err == nil {
			t.Errorf("body at %d of 2 bytes was accepted", start)
		}
	}
}

func TestErrorText(t *testing.T) {
	e := &Error{Reason: ReasonTruncated, Path: "flows.transfer", Offset: 17, Detail: "8 bytes are needed, 3 are left"}
	if got, want := e.Error(), "truncated at byte 17 in flows.transfer: 8 bytes are needed, 3 are left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReasons(t *testing.T) {
	all := Reasons()
	sorted := slices.Clone(all)
	slices.Sort(sorted)
	if len(slices.Compact(sorted)) != 14 {
		t.Errorf("%v", all)
	}
	all[0] = "changed"
	if Reasons()[0] != ReasonTruncated {
		t.Error("the list can be changed from outside")
	}
}

func TestUnknown(t *testing.T) {
	if e := Unknown(FrameConfluent, 12, 0); e.Reason != ReasonUnknownSchema || e.Offset != 1 || !strings.Contains(e.Detail, "id 12") {
		t.Error(e)
	}
	if e := Unknown(FrameSingleObject, 0, 0xAB); e.Reason != ReasonUnknownSchema || e.Offset != 2 || !strings.Contains(e.Detail, "00000000000000ab") {
		t.Error(e)
	}
}
