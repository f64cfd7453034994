package walk_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/avro"

	"github.com/plumbline-ml/plumbline/benchmarks/walk"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

// rig is everything that reads the event.
type rig struct {
	prog   *schema.Program
	walked *plan.Batch
	run    *plan.Batch
	codec  *goavro.Codec
	twmb   *avro.Schema
}

func newRig(t *testing.T) *rig {
	t.Helper()
	p := walk.Projection()
	prog, err := schema.Compile(walk.Schema(), p)
	if err != nil {
		t.Fatal(err)
	}
	codec, err := goavro.NewCodec(walk.Schema())
	if err != nil {
		t.Fatal(err)
	}
	twmb, err := avro.Parse(walk.Schema())
	if err != nil {
		t.Fatal(err)
	}
	return &rig{prog: prog, walked: plan.NewBatch(p, 4), run: plan.NewBatch(p, 4), codec: codec, twmb: twmb}
}

// cells are a batch's rows as text.
func cells(b *plan.Batch) string {
	out := fmt.Sprintln(b.N, b.Offset[:b.N])
	for i, f := range b.Fields {
		c := &b.Cols[i]
		for row, s := range c.State {
			switch {
			case row >= b.N || s != plan.OK:
				out += fmt.Sprintln(f.Name, row, s)
			case f.Kind == plan.Number:
				out += fmt.Sprintln(f.Name, row, c.Num[row])
			case f.Kind == plan.String:
				out += fmt.Sprintln(f.Name, row, c.Str[row])
			default:
				out += fmt.Sprintln(f.Name, row, c.Int[row])
			}
		}
	}
	return out
}

// Walk, program, goavro and twmb/avro read the same of random events.
func TestAllAgree(t *testing.T) {
	r := newRig(t)
	rng := rand.New(rand.NewPCG(5, 6))
	for n := range 200 {
		event := walk.Event(rng)
		r.walked.Reset()
		r.run.Reset()
		if err := walk.Walk(event, 5, r.walked, int64(n)); err != nil {
			t.Fatal(err)
		}
		if err := r.prog.Decode(event, 5, r.run, int64(n)); err != nil {
			t.Fatal(err)
		}
		if w, p := cells(r.walked), cells(r.run); w != p {
			t.Fatalf("of %x the walk reads\n%s\nand the program\n%s", event, w, p)
		}
		native, rest, err := r.codec.NativeFromBinary(event[5:])
		if err != nil || len(rest) > 0 {
			t.Fatalf("goavro leaves %d bytes: %v", len(rest), err)
		}
		var s walk.Struct
		if rest, err := r.twmb.Decode(event[5:], &s); err != nil || len(rest) > 0 {
			t.Fatalf("twmb/avro leaves %d bytes: %v", len(rest), err)
		}
		compare(t, r.walked, native.(map[string]any), &s)
	}
}

// compare holds row 0 against what the libraries read.
func compare(t *testing.T, b *plan.Batch, native map[string]any, s *walk.Struct) {
	t.Helper()
	read := s.Values()
	for i, f := range b.Fields {
		c := &b.Cols[i]
		var got any
		switch {
		case c.State[0] == plan.Missing:
		case f.Kind == plan.Number:
			got = c.Num[0]
		case f.Kind == plan.String:
			got = c.Str[0]
		default:
			got = c.Int[0]
		}
		want := native[f.Name]
		if m, ok := want.(map[string]any); ok {
			want = m["double"]
		}
		switch v := want.(type) {
		case int32:
			want = float64(v)
		case int64:
			want = float64(v)
		case interface{ UnixMicro() int64 }:
			want = v.UnixMicro()
		}
		if got != want || got != read[f.Name] {
			t.Fatalf("%s: the walk reads %v, goavro %v, twmb/avro %v", f.Name, got, want, read[f.Name])
		}
	}
}

// Of damaged events walk and program refuse the same ones, and read the same of the others.
func TestDamageIsRefusedAlike(t *testing.T) {
	r := newRig(t)
	rng := rand.New(rand.NewPCG(7, 8))
	refused, read := 0, 0
	for n := range 4000 {
		event := walk.Event(rng)
		switch rng.IntN(4) {
		case 0:
			event = event[:5+rng.IntN(len(event)-5)]
		case 1:
			event = append(event, 0)
		case 2:
			event[5+rng.IntN(len(event)-5)] = byte(rng.IntN(256))
		default:
			at := 5 + rng.IntN(len(event)-15)
			for i := range 1 + rng.IntN(10) {
				event[at+i] |= 0x80
			}
		}
		r.walked.Reset()
		r.run.Reset()
		walked := walk.Walk(event, 5, r.walked, int64(n))
		ran := r.prog.Decode(event, 5, r.run, int64(n))
		if (walked == nil) != (ran == nil) {
			t.Fatalf("of %x the walk says %v, the program %v", event, walked, ran)
		}
		if w, p := cells(r.walked), cells(r.run); w != p {
			t.Fatalf("of %x the walk reads\n%s\nand the program\n%s", event, w, p)
		}
		if walked != nil {
			refused++
		} else {
			read++
		}
	}
	if refused < 1000 || read < 200 {
		t.Errorf("%d events refused, %d read: the damage is too heavy or too light", refused, read)
	}
}
