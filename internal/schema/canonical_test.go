package schema

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/linkedin/goavro/v2"
)

// Fingerprints that the Avro project publishes for its implementations' tests.
func TestFingerprintPublished(t *testing.T) {
	for schema, want := range map[string]int64{
		`"null"`:            7195948357588979594,
		`"boolean"`:         -6970731678124411036,
		`{"type":"int"}`:    8247732601305521295,
		`"long"`:            -3434872931120570953,
		`"float"`:           5583340709985441680,
		`"double"`:          -8181574048448539266,
		`"bytes"`:           5746618253357095269,
		`"string"`:          -8142146995180207161,
		`[]`:                -1241056759729112623,
		`["int"]`:           -5232228896498058493,
		`["int","boolean"]`: 5392556393470105090,
		`{"fields":[],"type":"record","name":"foo","doc":"x","aliases":["bar"]}`:                                                                               -4824392279771201922,
		`{"fields":[],"type":"record","name":"foo","namespace":"x.y"}`:                                                                                         5916914534497305771,
		`{"fields":[],"type":"record","name":"a.b.foo","namespace":"x.y"}`:                                                                                     -4616218487480524110,
		`{"fields":[{"type":"boolean","aliases":[],"name":"f1","default":true},{"order":"descending","name":"f2","type":"int"}],"type":"record","name":"foo"}`: -4860222112080293046,
		`{"type":"enum","name":"foo","symbols":["A1"]}`:                                                                                                        -6342190197741309591,
		`{"namespace":"x.y.z","type":"enum","name":"foo","symbols":["A1","A2"]}`:                                                                               -4448647247586288245,
		`{"name":"foo","type":"fixed","size":15}`:                                                                                                              1756455273707447556,
		`{"namespace":"x.y.z","type":"fixed","name":"foo","size":32}`:                                                                                          -3064184465700546786,
		`{"items":{"type":"null"},"type":"array"}`:                                                                                                             -589620603366471059,
		`{"values":"string","type":"map"}`:                                                                                                                     -8732877298790414990,
		`{"name":"PigValue","type":"record","fields":[{"name":"value","type":["null","int","long","PigValue"]}]}`:                                              -1759257747318642341,
	} {
		got, err := Fingerprint(schema)
		if err != nil || int64(got) != want {
			t.Errorf("%s: got %d (%v), want %d", schema, int64(got), err, want)
		}
	}
}

func TestFingerprintIsGoavros(t *testing.T) {
	plain := 0
	for seed := range uint64(500) {
		serial := 0
		text := genRecord(rand.New(rand.NewPCG(seed, 2)).IntN, 3, &serial).text()
		codec, err := goavro.NewCodec(text)
		if err != nil {
			t.Fatal(err)
		}
		all, err := Fingerprints(text)
		if err != nil || !slices.Contains(all, codec.Rabin) {
			t.Fatalf("%s: goavro has %x, not among %x (%v); its form is %s", text, codec.Rabin, all, err, codec.CanonicalSchema())
		}
		if len(all) == 1 {
			plain++
		}
		if fp, err := Fingerprint(text); err != nil || fp != all[0] {
			t.Fatalf("%s: %x (%v), not %x", text, fp, err, all[0])
		}
	}
	if plain < 50 {
		t.Errorf("only %d schemas had no logical type", plain)
	}
}

func TestFingerprintsOfRecentLogicalTypes(t *testing.T) {
	for _, text := range []string{
		rec(`{"name":"t","type":{"type":"long","logicalType":"timestamp-nanos"}},{"name":"u","type":{"type":"string","logicalType":"uuid"}}`),
		rec(`{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},{"name":"e","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}`),
	} {
		codec, err := goavro.NewCodec(text)
		if err != nil {
			t.Fatal(err)
		}
		if all, err := Fingerprints(text); err != nil || !slices.Contains(all, codec.Rabin) {
			t.Errorf("%s: %x not among %x (%v); goavro's form is %s", text, codec.Rabin, all, err, codec.CanonicalSchema())
		}
	}
}
