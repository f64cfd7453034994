package file

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

// Events in JSON Lines give, row by row and bit by bit, what the same events give as Avro: norm, dimension and components of two
// vectors, of any length, and of none.
func TestVectorsOfAFileAreThoseOfAvro(t *testing.T) {
	p := &plan.Projection{Topic: "t", Roles: plan.NoRoles()}
	for _, path := range [][]string{{"v"}, {"in", "v"}} {
		measures := []plan.Measure{plan.Component(4), plan.OfNorm, plan.OfDimension}
		for i := range 4 {
			measures = append(measures, plan.Component(i))
		}
		for _, m := range measures {
			p.Fields = append(p.Fields, plan.Field{Name: strings.Join(path, ".") + "." + string(m), Path: path, Kind: plan.Number, Of: m})
		}
	}
	for _, items := range []string{"double", "float", "long", "int"} {
		t.Run(items, func(t *testing.T) {
			vector := `["null",{"type":"array","items":"` + items + `"}]`
			text := `{"type":"record","name":"E","fields":[{"name":"v","type":` + vector + `},{"name":"in","type":{"type":"record","name":"In","fields":[{"name":"v","type":` + vector + `}]}}]}`
			codec, err := goavro.NewCodec(text)
			if err != nil {
				t.Fatal(err)
			}
			prog, err := schema.Compile(text, p)
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(7, uint64(len(items))))
			avro, longest := plan.NewBatch(p, 1), 0
			var lines bytes.Buffer
			for row := range 300 {
				native, plain := map[string]any{}, map[string]any{}
				draw := func(into map[string]any) any {
					if rng.IntN(8) == 0 {
						into["v"] = nil
						return nil
					}
					numbers := make([]any, rng.IntN(9))
					longest = max(longest, len(numbers))
					for i := range numbers {
						numbers[i] = number(rng, items)
					}
					into["v"] = goavro.Union("array", numbers)
					return numbers
				}
				inner := map[string]any{}
				plain["v"] = draw(native)
				plain["in"] = map[string]any{"v": draw(inner)}
				native["in"] = inner
				body, err := codec.BinaryFromNative(nil, native)
				if err != nil {
					t.Fatal(err)
				}
				if err := prog.Decode(body, 0, avro, int64(row+1)); err != nil { // offsets are line numbers
					t.Fatal(err)
				}
				line, err := json.Marshal(plain)
				if err != nil {
					t.Fatal(err)
				}
				lines.Write(append(line, '\n'))
			}
			j, err := NewProjector(open(t, JSONL, lines.String()), p)
			if err != nil {
				t.Fatal(err)
			}
			got := fill(t, j, p, 70)
			if got.N != avro.N || longest < 6 {
				t.Fatalf("%d rows of the file, %d of Avro; the longest vector has %d numbers", got.N, avro.N, longest)
			}
			var ours, theirs bytes.Buffer
			dump(&ours, got)
			dump(&theirs, avro)
			if ours.String() != theirs.String() {
				a, b := strings.Split(ours.String(), "\n"), strings.Split(theirs.String(), "\n")
				for i := range a {
					if a[i] != b[i] {
						t.Fatalf("the file gives\n%s\nAvro gives\n%s", a[i], b[i])
					}
				}
			}
		})
	}
}

// number draws an item of a vector, one that its type and JSON both hold exactly.
func number(rng *rand.Rand, items string) any {
	switch items {
	case "int":
		return rng.Int32() - math.MaxInt32/2
	case "long":
		return rng.Int64N(1<<53) - 1<<52
	case "float":
		return float32(rng.IntN(1<<12)-1<<11) / 16
	default:
		return []float64{rng.NormFloat64(), rng.NormFloat64() * 1e200, math.Copysign(0, -1), rng.Float64() * 1e-300}[rng.IntN(4)]
	}
}
