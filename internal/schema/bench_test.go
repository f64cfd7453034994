package schema

import (
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

const wideSchema = `{"type":"record","name":"Prediction","namespace":"demo","fields":[
	{"name":"event_id","type":"string"},
	{"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},
	{"name":"model_version","type":"string"},
	{"name":"score","type":"double"},
	{"name":"decision","type":"boolean"},
	{"name":"latency_ms","type":["null","float"]},
	{"name":"region","type":{"type":"enum","name":"Region","symbols":["NSW","VIC","QLD"]}},
	{"name":"period","type":["null","double"]},
	{"name":"nswprice","type":["null","double"]},
	{"name":"nswdemand","type":["null","double"]},
	{"name":"flows","type":{"type":"record","name":"Flows","fields":[{"name":"load","type":"double"},{"name":"transfer","type":["double","null"]}]}},
	{"name":"trace","type":{"type":"map","values":"string"}},
	{"name":"neighbours","type":{"type":"array","items":"float"}},
	{"name":"features","type":{"type":"map","values":"double"}}]}`

// wideEvent is a program of 12 fields and an event for it, behind a Confluent header.
func wideEvent(t testing.TB) (*Program, *plan.Projection, []byte) {
	t.Helper()
	p := projection(t, "event_id string id", "ts time time", "model_version string", "score number", "decision string", "latency_ms number",
		"region string", "period number", "nswprice number", "nswdemand number", "flows.transfer number", "features.humidity number")
	number := func(v float64) any { return goavro.Union("double", v) }
	body := encode(t, wideSchema, map[string]any{
		"event_id": "9f2c7a10-0000-4000-8000-00000000cafe", "ts": time.UnixMilli(1774400000123), "model_version": "v42", "score": 0.731, "decision": true,
		"latency_ms": goavro.Union("float", float32(12.5)), "region": "VIC", "period": number(0.25), "nswprice": number(0.0561), "nswdemand": nil,
		"flows": map[string]any{"load": 1.0, "transfer": number(0.41)}, "trace": map[string]any{"span": "00f067aa0ba902b7"},
		"neighbours": []any{float32(1), float32(2), float32(3)}, "features": map[string]any{"temperature": 21.5, "humidity": 0.4, "wind": 3.0},
	})
	return compile(t, wideSchema, p), p, append([]byte{0, 0, 0, 0, 7}, body...)
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	prog, p, value := wideEvent(t)
	b := plan.NewBatch(p, 100)
	if n := testing.AllocsPerRun(10, func() {
		b.Reset()
		for i := range 100 {
			if err := prog.Decode(value, 5, b, int64(i)); err != nil {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	prog, p, value := wideEvent(b)
	batch := plan.NewBatch(p, 1000)
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		if batch.N == 1000 {
			batch.Reset()
		}
		if err := prog.Decode(value, 5, batch, 0); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGrow is the part of BenchmarkDecode that appends an empty row.
func BenchmarkGrow(b *testing.B) {
	_, p, _ := wideEvent(b)
	batch := plan.NewBatch(p, 1000)
	for b.Loop() {
		if batch.N == 1000 {
			batch.Reset()
		}
		batch.Grow(0)
	}
}

func BenchmarkGoavro(b *testing.B) {
	_, _, value := wideEvent(b)
	codec, err := goavro.NewCodec(wideSchema)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := codec.NativeFromBinary(value[5:]); err != nil {
			b.Fatal(err)
		}
	}
}
