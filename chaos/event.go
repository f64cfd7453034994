package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// The schemas of the two streams of a domain; the encoders below follow them field by field.
const (
	predictionSchema = `{"type":"record","name":"Prediction","namespace":"chaos","fields":[
{"name":"id","type":"string"},
{"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
{"name":"version","type":"string"},
{"name":"amount","type":"double"},
{"name":"age","type":["null","double"]},
{"name":"region","type":["null","string"]},
{"name":"score","type":["null","double"]}]}`
	outcomeSchema = `{"type":"record","name":"Outcome","namespace":"chaos","fields":[
{"name":"id","type":"string"},
{"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
{"name":"label","type":["null","string"]}]}`
)

// event is one event of one stream; outcomes use id, at and label only.
type event struct {
	id      string
	at      int64 // event time, microseconds since the Unix epoch
	version string
	amount  float64
	age     float64 // absent: NaN with ageless
	ageless bool
	region  string  // "": absent
	score   float64 // below 0: absent
	label   string  // "": absent
}

func (e *event) prediction(header []byte) []byte {
	b := append([]byte(nil), header...)
	b = avroText(b, e.id)
	b = binary.AppendVarint(b, e.at)
	b = avroText(b, e.version)
	b = avroDouble(b, e.amount)
	if e.ageless {
		b = binary.AppendVarint(b, 0)
	} else {
		b = avroDouble(binary.AppendVarint(b, 1), e.age)
	}
	b = avroOptional(b, e.region)
	if e.score < 0 {
		return binary.AppendVarint(b, 0)
	}
	return avroDouble(binary.AppendVarint(b, 1), e.score)
}

func (e *event) outcome(header []byte) []byte {
	b := append([]byte(nil), header...)
	b = avroText(b, e.id)
	b = binary.AppendVarint(b, e.at)
	return avroOptional(b, e.label)
}

func avroText(b []byte, s string) []byte {
	return append(binary.AppendVarint(b, int64(len(s))), s...)
}

func avroDouble(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

func avroOptional(b []byte, s string) []byte {
	if s == "" {
		return binary.AppendVarint(b, 0)
	}
	return avroText(binary.AppendVarint(b, 1), s)
}

// confluent is the header of an event: a zero byte and the schema's id.
func confluent(id int) []byte { return binary.BigEndian.AppendUint32([]byte{0}, uint32(id)) }

// broken is a value that nobody can read, made from a good one: one of six ways.
func broken(r *rand.Rand, good []byte) []byte {
	switch r.IntN(6) {
	case 0:
		return []byte(`{"id": "json, not avro"}`)
	case 1:
		return append(confluent(900_000+r.IntN(3)), good[5:]...) // a schema nobody registered
	case 2:
		return good[:len(good)-1-r.IntN(3)] // cut short
	case 3:
		return append(append([]byte(nil), good...), 0x2a) // more than one value
	case 4:
		return nil
	default:
		return good[:3] // not even a header
	}
}

// draw makes the content of a prediction. After learned (the end of the reference) a new region appears and ages move.
func draw(r *rand.Rand, id string, at, learned int64) *event {
	e := &event{id: id, at: at, version: "v1", amount: math.Exp(3.5 + r.NormFloat64()*0.9), age: 20 + 60*r.Float64()}
	if at > learned && (at/int64(time.Hour/time.Microsecond))%5 == 0 || r.IntN(20) == 0 {
		e.version = "v2"
	}
	switch r.IntN(100) {
	case 0:
		e.amount = -e.amount
	case 1:
		e.amount = 0
	case 2:
		e.amount *= 1e10 // its square is too large for the sums
	}
	switch r.IntN(50) {
	case 0:
		e.ageless = true
	case 1:
		e.age = math.NaN()
	case 2:
		e.age = math.Floor(e.age)
	}
	e.region = []string{"north", "south", "east", "west", "north"}[r.IntN(5)]
	if n := r.IntN(60); n == 0 {
		e.region = ""
	} else if at > learned && n < 3 {
		e.region = "mars"
	}
	e.score = math.Min(1, math.Abs(r.NormFloat64()*0.25+0.3))
	switch r.IntN(80) {
	case 0:
		e.score = -1
	case 1:
		e.score = 1.5
	}
	return e
}

// label is what turned out: as likely as the score says, most of the time.
func label(r *rand.Rand, e *event) string {
	if r.Float64() < e.score {
		return "1"
	}
	return "0"
}

func name(domain string, n int) string { return fmt.Sprintf("%s-%d", domain, n) }
