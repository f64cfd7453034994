package diagnose_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/diagnose"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// The world of these tests: columns of known distributions, drawn anew for every side.
const worldContract = `
apiVersion: plumbline/v1
kind: QualityContract
metadata: {model: world}
owners: {model: us}
task: {type: binary}
streams:
  prediction: {topic: p, schema: {subject: p-value}, fields: {id: id, time: ts, score: score}}
inputs:
  amount: {type: numeric}
  temp: {type: numeric}
  age: {type: numeric}
  gains: {type: numeric}
  colour: {type: categorical}
  region: {type: categorical}
slices: [[region]]
watch:
  reference: {from: 2026-01-05, to: 2026-02-02}
`

type row struct {
	amount, temp, age, gains float64 // NaN: missing
	colour, region           string
}

var colours = []string{"Dark Red", "Green", "Sky Blue", "Yellow", "Black"}

func draw(r *rand.Rand, n int) []row {
	rows := make([]row, n)
	for i := range rows {
		w := &rows[i]
		w.amount, w.temp, w.age = math.Exp(3+0.5*r.NormFloat64()), 20+8*r.NormFloat64(), math.Round(max(0, 40+15*r.NormFloat64()))
		if r.Float64() < 0.1 {
			w.gains = math.Round(1000 * r.ExpFloat64())
		}
		if r.Float64() < 0.1 {
			w.temp = math.NaN()
		}
		w.colour = colours[min(4, int(r.ExpFloat64()*1.5))]
		w.region = []string{"north", "south", "west"}[r.IntN(3)]
	}
	return rows
}

type source struct {
	p    *plan.Plan
	rows []row
	from time.Time
}

func (s *source) Outcomes(func(*plan.Batch) error) error { return nil }

func (s *source) Predictions(visit func(*plan.Batch) error) error {
	b := plan.NewBatch(&s.p.Prediction, len(s.rows))
	step := 28 * 24 * time.Hour / time.Duration(len(s.rows))
	for i := range s.rows {
		w := &s.rows[i]
		put := func(name string, v float64, text string) {
			for f := range s.p.Prediction.Fields {
				if s.p.Prediction.Fields[f].Name != name {
					continue
				}
				c := &b.Cols[f]
				if math.IsNaN(v) {
					c.State[i] = plan.Missing
					continue
				}
				c.State[i] = plan.OK
				switch s.p.Prediction.Fields[f].Kind {
				case plan.Number:
					c.Num[i] = v
				case plan.Time:
					c.Int[i] = plan.Micros(s.from.Add(time.Duration(i) * step))
				default:
					c.Str[i] = text
				}
			}
		}
		put("amount", w.amount, "")
		put("temp", w.temp, "")
		put("age", w.age, "")
		put("gains", w.gains, "")
		put("colour", 0, w.colour)
		put("region", 0, w.region)
		put("score", 0.5, "")
		put("id", 0, fmt.Sprint("e", i))
		put("ts", 0, "")
	}
	b.N = len(s.rows)
	return visit(b)
}

// world is a plan that has learnt a reference of 20,000 rows.
func world(t testing.TB) (*plan.Plan, *diagnose.Side) {
	t.Helper()
	c, err := contract.Parse("world.yaml", []byte(worldContract))
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Draft(c)
	if err != nil {
		t.Fatal(err)
	}
	src := &source{p, draw(rand.New(rand.NewPCG(1, 1)), 20_000), time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)}
	if p, err = baseline.Build(p, src); err != nil {
		t.Fatal(err)
	}
	side, err := diagnose.Open(p)
	if err != nil || side == nil {
		t.Fatalf("the plan keeps nothing of its reference: %v", err)
	}
	return p, side
}

// now is what is counted of rows.
func now(t testing.TB, p *plan.Plan, rows []row) *diagnose.Side {
	t.Helper()
	counter := sketch.NewCounter(p)
	counter.Describe()
	src := &source{p, rows, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}
	if err := src.Predictions(func(b *plan.Batch) error { counter.Count(0, b, nil); return nil }); err != nil {
		t.Fatal(err)
	}
	g := diagnose.NewGatherer(p)
	for _, c := range counter.Cells() {
		if err := g.Cell(c.Key.Version, c.Key.Slice, c.Set); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range counter.Frames() {
		if err := g.Described(f.Summary, f.Spans[0].Rows); err != nil {
			t.Fatal(err)
		}
	}
	side := g.Side()
	side.Hours, side.Panes = 28*24, 28
	return side
}

func find(causes []diagnose.Cause, column string) *diagnose.Cause {
	for i := range causes {
		if slices.Contains(causes[i].Columns, column) {
			return &causes[i]
		}
	}
	return nil
}

// Every way to break a column gets its name and its parameters, and no other column gets any; from seeds that the rules were not made on.
func TestNames(t *testing.T) {
	p, reference := world(t)
	each := func(change func(*row)) func([]row) {
		return func(rows []row) {
			for i := range rows {
				change(&rows[i])
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func([]row)
		column string
		kind   diagnose.Kind
		want   string // of the parameters
		slice  string
	}{
		{"x 100", each(func(w *row) { w.amount *= 100 }), "amount", diagnose.UnitChange, "factor=100", ""},
		{"/ 1000", each(func(w *row) { w.amount /= 1000 }), "amount", diagnose.UnitChange, "factor=0.001", ""},
		{"x 1024", each(func(w *row) { w.amount *= 1024 }), "amount", diagnose.UnitChange, "factor=1024", ""},
		{"to Fahrenheit", each(func(w *row) { w.temp = 1.8*w.temp + 32 }), "temp", diagnose.UnitChange, "factor=1.8 offset=32", ""},
		{"to kelvin", each(func(w *row) { w.temp += 273.15 }), "temp", diagnose.UnitChange, "factor=1 offset=273.15", ""},
		{"to kilograms", each(func(w *row) { w.amount *= 0.4536 }), "amount", diagnose.UnitChange, "factor=0.453592", ""},
		{"sign", each(func(w *row) { w.amount = -w.amount }), "amount", diagnose.SignFlip, "factor=-1", ""},
		{"zeros beside", each(func(w *row) { w.gains *= 60 }), "gains", diagnose.UnitChange, "factor=60", ""},
		{"stuck", each(func(w *row) { w.amount = 42 }), "amount", diagnose.Stuck, "value=42", ""},
		{"sentinel", each(func(w *row) {
			if math.IsNaN(w.temp) {
				w.temp = -999
			}
		}), "temp", diagnose.Sentinel, "value=-999", ""},
		{"clipped", each(func(w *row) { w.amount = min(w.amount, 30) }), "amount", diagnose.Clipped, "value=30", ""},
		{"rounded", each(func(w *row) { w.temp = math.Round(w.temp) }), "temp", diagnose.PrecisionLoss, "step=1", ""},
		{"swapped", each(func(w *row) { w.amount, w.age = w.age, w.amount }), "age", diagnose.Swapped, "with=age", ""},
		{"upper case", each(func(w *row) { w.colour = strings.ToUpper(w.colour) }), "colour", diagnose.Recoded, "to=in upper case", ""},
		{"missing", func(rows []row) {
			for i := range rows {
				if i%3 == 0 {
					rows[i].amount = math.NaN()
				}
			}
		}, "amount", diagnose.Missing, "", ""},
		{"x 100 in one slice", each(func(w *row) {
			if w.region == "north" {
				w.amount *= 100
			}
		}), "amount", diagnose.UnitChange, "factor=100", "north"},
		{"three of ten x 100", func(rows []row) {
			for i := range rows {
				if i%10 < 3 {
					rows[i].amount *= 100
				}
			}
		}, "amount", diagnose.UnitChange, "factor=100", ""},
		{"blanks as %20", each(func(w *row) { w.colour = strings.ReplaceAll(w.colour, " ", "%20") }), "colour", diagnose.Recoded, "to=with %20 for blanks", ""},
		{"stuck in one slice", inNorth(func(w *row) { w.amount = 42 }), "amount", diagnose.Stuck, "value=42", "north"},
		{"sign in one slice", inNorth(func(w *row) { w.amount = -w.amount }), "amount", diagnose.SignFlip, "factor=-1", "north"},
		{"to kelvin in one slice", inNorth(func(w *row) { w.temp += 273.15 }), "temp", diagnose.UnitChange, "factor=1 offset=273.15", "north"},
		{"three of ten to kelvin", func(rows []row) {
			for i := range rows {
				if i%10 < 3 {
					rows[i].temp += 273.15
				}
			}
		}, "temp", diagnose.UnitChange, "factor=1 offset=273.15", ""},
		{"signs of a world that moved", func(rows []row) {
			for i := range rows {
				rows[i].amount *= 1.6
				if i%10 < 4 {
					rows[i].amount = -rows[i].amount
				}
			}
		}, "amount", diagnose.SignFlip, "factor=-1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows := draw(rand.New(rand.NewPCG(99, 7)), 6000)
			c.change(rows)
			causes := diagnose.Diagnose(&diagnose.Case{Plan: p, Reference: reference, Current: now(t, p, rows)})
			got := find(causes, c.column)
			if got == nil || got.Kind != c.kind {
				t.Fatalf("%s is %+v, want %s", c.column, got, c.kind)
			}
			for pair := range strings.FieldsSeq(c.want) {
				name, value, _ := strings.Cut(pair, "=")
				if c.kind == diagnose.Recoded {
					name, value, _ = strings.Cut(c.want, "=")
				}
				if got.Parameters[name] != value {
					t.Errorf("%s is %q in %v, want %q", name, got.Parameters[name], got.Parameters, value)
				}
			}
			if got.Slice["region"] != c.slice {
				t.Errorf("it lies in %v, want %q", got.Slice, c.slice)
			}
			if got.Fix == "" || got.Sentence() == "" || len(got.Evidence) == 0 || got.Confidence <= 0 || got.Confidence > 1 {
				t.Errorf("nobody can act on %+v", got)
			}
			for i := range causes {
				if k := causes[i].Kind; k.Corruption() && find(causes[i:i+1], c.column) == nil {
					t.Errorf("%v, too, is said to be broken: %s", causes[i].Columns, k)
				}
			}
		})
	}
}

func inNorth(change func(*row)) func([]row) {
	return func(rows []row) {
		for i := range rows {
			if rows[i].region == "north" {
				change(&rows[i])
			}
		}
	}
}

// A stream that has drifted away from its reference, and then breaks, is held against the panes before the break; without them it has no name.
func TestABreakAfterADriftIsToldByThePanesBefore(t *testing.T) {
	p, reference := world(t)
	drifted := func(seed uint64, n int, factor float64) *diagnose.Side {
		rows := draw(rand.New(rand.NewPCG(seed, 7)), n)
		for i := range rows {
			rows[i].amount *= 0.55 * factor
		}
		return now(t, p, rows)
	}
	c := &diagnose.Case{Plan: p, Reference: reference, Current: drifted(5, 600, 1000)}
	if got := find(diagnose.Diagnose(c), "amount"); got != nil && got.Kind.Corruption() {
		t.Errorf("without the panes before: %s", got.Sentence())
	}
	c.Before = drifted(6, 1500, 1)
	got := find(diagnose.Diagnose(c), "amount")
	if got == nil || got.Kind != diagnose.UnitChange || got.Parameters["factor"] != "1000" {
		t.Errorf("with them: %+v", got)
	}
	c.Current = drifted(8, 600, 1)
	if got := find(diagnose.Diagnose(c), "amount"); got != nil && got.Kind.Corruption() {
		t.Errorf("a drift that has come to rest: %s", got.Sentence())
	}
}

// Twice or three times as much is what worlds do, and near to units: it has no name, whatever number of events tells.
func TestEverydayFactorsAreNoUnits(t *testing.T) {
	p, reference := world(t)
	for _, n := range []int{300, 1000, 3000, 10_000} {
		for _, factor := range []float64{1.25, 1.5, 1.8, 2, 3, 4, 5} {
			for _, f := range []float64{factor, 1 / factor} {
				rows := draw(rand.New(rand.NewPCG(uint64(n), 11)), n)
				for i := range rows {
					rows[i].amount *= f
				}
				if got := find(diagnose.Diagnose(&diagnose.Case{Plan: p, Reference: reference, Current: now(t, p, rows)}), "amount"); got != nil && got.Kind.Corruption() {
					t.Errorf("%d values times %g: %s", n, f, got.Sentence())
				}
			}
		}
	}
}

// A column of which one value is left is stuck if that one has taken the others' place, and isn't if the events that had others stay away.
func TestWhatIsLeftIsNotStuck(t *testing.T) {
	p, reference := world(t)
	rows := draw(rand.New(rand.NewPCG(4, 4)), 20_000)
	left := slices.DeleteFunc(slices.Clone(rows), func(w row) bool { return w.region != "south" })
	for i := range rows {
		rows[i].region = "south"
	}
	for _, c := range []struct {
		rows  []row
		stuck bool
	}{{rows, true}, {left, false}} {
		got := find(diagnose.Diagnose(&diagnose.Case{Plan: p, Reference: reference, Current: now(t, p, c.rows)}), "region")
		if (got != nil && got.Kind == diagnose.Stuck) != c.stuck {
			t.Errorf("%d rows: %+v", len(c.rows), got)
		}
	}
}

// A world that moves, by however much, is never said to be broken.
func TestMovingWorldsAreNotBroken(t *testing.T) {
	p, reference := world(t)
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 3))
		for name, change := range map[string]func(*row){
			"nothing":   func(*row) {},
			"inflation": func(w *row) { w.amount, w.temp, w.age = w.amount*1.1, w.temp*1.1, math.Round(w.age*1.1) },
			"shift":     func(w *row) { w.temp += 4; w.amount += 5 },
			"mixture": func(w *row) {
				if r.Float64() < 0.3 {
					w.amount *= 1.8
				}
			},
			"by any factor": func(w *row) { w.amount *= math.Exp(float64(seed)/6 - 1) },
		} {
			rows := draw(r, 500+500*int(seed))
			for i := range rows {
				change(&rows[i])
			}
			for _, c := range diagnose.Diagnose(&diagnose.Case{Plan: p, Reference: reference, Current: now(t, p, rows)}) {
				known := name == "by any factor" && c.Kind == diagnose.UnitChange // some factors are those of units
				if c.Kind.Corruption() && !known {
					t.Errorf("%s, seed %d: %s %v", name, seed, c.Sentence(), c.Parameters)
				}
			}
		}
	}
}

// What a plan keeps of its reference is read back to the same bytes; anything else is refused without a panic.
func FuzzRead(f *testing.F) {
	p, _ := world(f)
	f.Add(p.Diagnosis)
	f.Add([]byte{1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := diagnose.Read(p, wire.NewReader(b))
		if err != nil {
			return
		}
		again, err := diagnose.Read(p, wire.NewReader(diagnose.Append(nil, s)))
		if err != nil {
			t.Fatalf("what was written isn't read: %v", err)
		}
		diagnose.Diagnose(&diagnose.Case{Plan: p, Reference: s, Current: again})
	})
}

func BenchmarkDiagnose300(b *testing.B) {
	var y strings.Builder
	head, _, _ := strings.Cut(worldContract, "inputs:")
	y.WriteString(head + "inputs:\n")
	for i := range 300 {
		fmt.Fprintf(&y, "  c%d: {type: numeric, path: %s}\n", i, []string{"amount", "temp", "age", "gains"}[i%4])
	}
	y.WriteString("watch:\n  reference: {from: 2026-01-05, to: 2026-02-02}\n")
	c, err := contract.Parse("wide.yaml", []byte(y.String()))
	if err != nil {
		b.Fatal(err)
	}
	p, err := plan.Draft(c)
	if err != nil {
		b.Fatal(err)
	}
	wide := func(rows []row) *wideSource {
		return &wideSource{source{p, rows, time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)}}
	}
	if p, err = baseline.Build(p, wide(draw(rand.New(rand.NewPCG(1, 1)), 4000))); err != nil {
		b.Fatal(err)
	}
	reference, err := diagnose.Open(p)
	if err != nil {
		b.Fatal(err)
	}
	rows := draw(rand.New(rand.NewPCG(2, 1)), 6000)
	for i := range rows { // every column has moved, and most by what has no name
		rows[i].amount *= 1 + 0.3*rows[i].amount/20
		rows[i].temp *= 100
		rows[i].age += 7
	}
	counter := sketch.NewCounter(p)
	counter.Describe()
	if err := wide(rows).Predictions(func(batch *plan.Batch) error { counter.Count(0, batch, nil); return nil }); err != nil {
		b.Fatal(err)
	}
	g := diagnose.NewGatherer(p)
	for _, c := range counter.Cells() {
		if err := g.Cell(c.Key.Version, c.Key.Slice, c.Set); err != nil {
			b.Fatal(err)
		}
	}
	for _, f := range counter.Frames() {
		if err := g.Described(f.Summary, f.Spans[0].Rows); err != nil {
			b.Fatal(err)
		}
	}
	side := g.Side()
	for b.Loop() {
		diagnose.Diagnose(&diagnose.Case{Plan: p, Reference: reference, Current: side})
	}
}

// wideSource fills fields by their paths.
type wideSource struct{ source }

func (s *wideSource) Predictions(visit func(*plan.Batch) error) error {
	p := *s.p
	fields := append([]plan.Field{}, p.Prediction.Fields...)
	for i := range fields {
		if len(fields[i].Path) > 0 {
			fields[i].Name = fields[i].Path[0]
		}
	}
	p.Prediction.Fields = fields
	return (&source{&p, s.rows, s.from}).Predictions(visit)
}
