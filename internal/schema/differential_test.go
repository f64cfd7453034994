package schema

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/avro"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Three readers of the same bytes: ours, goavro and twmb/avro. They must read the same values or all refuse, but for what stands
// in the two tables below, each line with what the Avro specification (1.12.0) says of it.

// difference is one kind of disagreement.
type difference struct {
	library string // goavro, twmb or both
	of      string // lax: how our reason and detail begin, and a part of the detail after the bar; strict: a part of the library's error
	why     string // by the specification
}

func (d difference) about(library, of string) bool {
	begin, part, _ := strings.Cut(d.of, "|")
	return (d.library == library || d.library == "both") && strings.Contains(of, begin) && strings.Contains(of, part)
}

// lax is what we refuse and a library reads.
var lax = []difference{
	{"both", "invalid_utf8", `A string is "a long followed by that many bytes of UTF-8 encoded character data": other bytes are no string. Neither library looks.`},
	{"goavro", "bad_varint|beyond", `An int has 32 bits and a long 64: what has more is neither. goavro cuts off what is beyond.`},
	{"twmb", "bad_enum_index|a boolean's byte", `A boolean is "a single byte whose value is either 0 (false) or 1 (true)". twmb/avro takes others for false.`},
	{"both", "too_long|a block says it takes", `A block may give its size in bytes, to be skipped by: items that take another number of bytes contradict it. The libraries don't compare.`},
	{"both", "too_long|the count of items", `A block of more than 2^31-1 items, which the libraries read where an item takes no bytes.`},
	{"both", "too_long|items of no bytes", `The number of items of no bytes isn't bounded by the specification: it is by us, at 4,096 for the whole array, as in twmb/avro; goavro's limit is for each block.`},
	{"both", "negative_length|a block's size", `A size in bytes isn't below zero. The libraries don't look at it.`},
	{"both", "too_long|a block's size", `The size is beyond what any event may have (2^31-1 bytes), and so beyond the end too. The libraries don't look at it.`},
	{"both", "truncated|a block's size", `The size says that the block goes beyond the end. The libraries don't look at it.`},
}

// strict is what we read and a library refuses.
var strict = []difference{
	{"goavro", "duplicate key", `The specification doesn't forbid that a map names a key twice; the last value counts, as in Java's implementation.`},
	{"twmb", "time-micros value|overflow", `A time-micros is a long of microseconds. Both libraries have a time.Duration for it, of 292 years at most; the other wraps around.`},
	{"goavro", "MaxBlockCount", `A limit of the library as these tests set it, for it allocates what a block declares; the specification has none.`},
}

// trio reads by one schema in three ways.
type trio struct {
	s     *shape
	p     *plan.Projection
	prog  *Program
	codec *goavro.Codec
	twmb  *avro.Schema
	b     *plan.Batch
	seen  map[string]int // disagreements met, by line of a table
}

func newTrio(t failer, s *shape, seen map[string]int) *trio {
	t.Helper()
	r := &trio{s: s, p: everything(s), seen: seen}
	var err error
	if r.codec, err = goavro.NewCodec(s.text()); err != nil {
		t.Fatalf("goavro refuses %s: %v", s.text(), err)
	}
	if r.twmb, err = avro.Parse(s.text()); err != nil {
		t.Fatalf("twmb/avro refuses %s: %v", s.text(), err)
	}
	if r.prog, err = Compile(s.text(), r.p); err != nil {
		t.Fatalf("compile %s: %v", s.text(), err)
	}
	r.b = plan.NewBatch(r.p, 4)
	return r
}

// decode is ours, held to the memory that an input may earn.
func (r *trio) decode(t failer, value []byte) *Error {
	t.Helper()
	var before, after runtime.MemStats
	r.b.Reset()
	runtime.ReadMemStats(&before)
	err := r.prog.Decode(value, 0, r.b, 0)
	runtime.ReadMemStats(&after)
	// Beside the input: an error with its path, and for each column a number or a decimal rendered as text.
	limit := 2*len(value) + 16<<10 + 4<<10*len(r.p.Fields)
	if used := after.TotalAlloc - before.TotalAlloc; used > uint64(limit) {
		t.Fatalf("%d bytes of %s take %d bytes of memory: %x", len(value), r.s.text(), used, value)
	}
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Offset < 0 || e.Offset > len(value) || r.b.N != 0 {
		t.Fatalf("%x by %s: %v, %d rows", value, r.s.text(), err, r.b.N)
	}
	return e
}

// compare reads value in all three ways.
func (r *trio) compare(t failer, value []byte) {
	t.Helper()
	ours := r.decode(t, value)
	for _, library := range []string{"goavro", "twmb"} {
		native, err := r.read(library, value)
		switch {
		case ours == nil && err == nil:
			r.same(t, library, native, value)
		case ours == nil:
			r.explained(t, strict, library, err.Error(), value, "we read it, it says: "+err.Error())
		case err == nil:
			r.explained(t, lax, library, string(ours.Reason)+": "+ours.Detail, value, "it reads it, we say: "+ours.Error())
		}
	}
}

func (r *trio) read(library string, value []byte) (native any, err error) {
	var rest []byte
	if library == "goavro" {
		native, rest, err = r.codec.NativeFromBinary(value)
	} else {
		rest, err = r.twmb.Decode(value, &native, avro.TaggedUnions(), avro.TagLogicalTypes())
	}
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes are left over", len(rest))
	}
	return native, err
}

func (r *trio) same(t failer, library string, native any, value []byte) {
	t.Helper()
	for col, f := range r.p.Fields {
		got, want := cellAt(r.b, col, 0), project(r.s, native, f.Path, f)
		if !same(got, want) && !wild(want) && !(library == "goavro" && r.wraps(got)) {
			t.Fatalf("%v as %s of %x by %s: we read %+v, %s %+v", f.Path, f.Kind, value, r.s.text(), got, library, want)
		}
	}
}

// wraps reports whether a value may be a time of day in microseconds that goavro can't hold: it has a time.Duration for it, whose 64 bits
// of nanoseconds end at 292 years. The specification lets the long be any; no day has so many.
func (r *trio) wraps(c cell) bool {
	const longest = math.MaxInt64 / 1e9
	us, err := strconv.ParseFloat(c.str, 64)
	return strings.Contains(r.s.text(), "time-micros") && (math.Abs(c.num) > longest || err == nil && math.Abs(us) > longest*1e6)
}

func (r *trio) explained(t failer, table []difference, library, of string, value []byte, detail string) {
	t.Helper()
	for _, d := range table {
		if d.about(library, of) {
			r.seen[library+": "+d.of]++
			return
		}
	}
	t.Fatalf("%x by %s: %s: %s", value, r.s.text(), library, detail)
}

// damaged is value after some of what happens to bytes: each three bytes of how change one thing.
func damaged(value, how []byte) []byte {
	out := append([]byte(nil), value...)
	for ; len(how) >= 3 && len(out) > 0; how = how[3:] {
		at := (int(how[1])<<8 | int(how[2])) % len(out)
		switch how[0] % 6 {
		case 0:
			out[at] = how[2]
		case 1:
			out[at] ^= 1 << (how[2] % 8)
		case 2:
			out = out[:at]
		case 3:
			out = append(out, how[2])
		case 4:
			out = append(out[:at], append([]byte{how[2]}, out[at:]...)...)
		default:
			out = append(out[:at], out[min(at+1, len(out)):]...)
		}
	}
	return out
}

// draws of a schema and a value from a seed.
func genCase(t failer, seed uint64, seen map[string]int) (*trio, []byte) {
	t.Helper()
	draw := rand.New(rand.NewPCG(seed, 11)).IntN
	serial := 0
	r := newTrio(t, genRecord(draw, 4, &serial), seen)
	value, err := r.codec.BinaryFromNative(nil, genValue(draw, r.s))
	if err != nil {
		t.Fatalf("goavro can't encode by %s: %v", r.s.text(), err)
	}
	return r, value
}

func TestDifferential(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(350) {
		r, value := genCase(t, seed, seen)
		r.compare(t, value)
		rng := rand.New(rand.NewPCG(seed, 12))
		for range 8 {
			how := make([]byte, 3*(1+rng.IntN(3)))
			for i := range how {
				how[i] = byte(rng.Uint32())
			}
			r.compare(t, damaged(value, how))
		}
	}
	for kind, n := range seen {
		t.Logf("%6d %s", n, kind)
	}
}

// FuzzDifferential: a random schema, a value of it, and damage.
func FuzzDifferential(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed, []byte{})
		f.Add(seed, []byte{1, byte(seed), byte(seed * 3)})
	}
	f.Fuzz(func(t *testing.T, seed uint64, how []byte) {
		if len(how) > 60 {
			return
		}
		r, value := genCase(t, seed, map[string]int{})
		r.compare(t, damaged(value, how))
	})
}
