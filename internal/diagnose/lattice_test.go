package diagnose_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/diagnose"
)

// Whole numbers that were converted are told from few of them, however people write the factor; by exact sums alone in a slice, of which nothing else is known.
func TestTheLatticeProvesConversions(t *testing.T) {
	p, ref := world(t)
	for _, c := range []struct{ factor, offset, told float64 }{
		{0.45359237, 0, 0.45359237},
		{2.2046226, 0, 2.2046226},
		{2.205, 0, 2.2046226},
		{0.4536, 0, 0.45359237},
		{1.609344, 0, 1.609344},
		{1.609, 0, 1.609344},
		{1 / 1.609344, 0, 0.621371},
		{0.6214, 0, 0.621371},
		{2.54, 0, 2.54},
		{1 / 2.54, 0, 1 / 2.54},
		{3.2808399, 0, 3.2808399},
		{0.3048, 0, 0.3048},
		{1024, 0, 1024},
		{1000, 0, 1000},
		{1. / 1024, 0, 1. / 1024},
		{0.001, 0, 0.001},
		{1.8, 32, 1.8},
		{1 / 1.8, -32 / 1.8, 1 / 1.8},
		{1, 273.15, 1},
	} {
		for _, part := range []bool{false, true} {
			t.Run(fmt.Sprint(c.factor, c.offset, part), func(t *testing.T) {
				rows := draw(rand.New(rand.NewPCG(7, 7)), 1500)
				if !part {
					rows = rows[:300]
				}
				for i := range rows {
					if !part || rows[i].region == "north" {
						rows[i].age = c.factor*rows[i].age + c.offset
					}
				}
				cause := find(diagnose.Diagnose(&diagnose.Case{Plan: p, Reference: ref, Current: now(t, p, rows)}), "age")
				if part && c.factor == 1 { // a shift leaves whole hundredths, which say little by sums alone
					return
				}
				if cause == nil || cause.Kind != diagnose.UnitChange {
					t.Fatalf("%+v", cause)
				}
				if f, err := strconv.ParseFloat(cause.Parameters["factor"], 64); err != nil || math.Abs(f/c.told-1) > 1e-5 {
					t.Errorf("told %s, want %g", cause.Parameters["factor"], c.told)
				}
				if part != (cause.Slice["region"] == "north") {
					t.Errorf("in %v", cause.Slice)
				}
			})
		}
	}
}

// A world that moves by a factor that isn't within 1 % of a conversion's is never called one: of whole numbers. Of
// numbers with all their digits none is within 2.5 %: the mean excludes what lies 3 % away from a conversion, and is off by some itself.
func TestOtherFactorsAreNoConversions(t *testing.T) {
	p, ref := world(t)
	known := []float64{2.2046226, 1.609344, 2.54, 3.2808399, 3.7854118, 1.943844}
	for factor := 1.1; factor < 7; factor *= 1.033 {
		away := 1.
		for _, k := range known {
			away = min(away, math.Abs(math.Log(factor/k)))
		}
		if away < 0.01 {
			continue
		}
		for seed, n := range []int{300, 1000, 3000, 8000} {
			for _, f := range []float64{factor, 1 / factor} {
				rows := draw(rand.New(rand.NewPCG(uint64(seed), 9)), n)
				for i := range rows {
					rows[i].age *= f
					rows[i].amount *= f
				}
				for _, c := range diagnose.Diagnose(&diagnose.Case{Plan: p, Reference: ref, Current: now(t, p, rows)}) {
					if c.Kind.Corruption() && (c.Columns[0] == "age" || away > 0.025) {
						t.Errorf("times %.4g, %d rows: %s, %v", f, n, c.Sentence(), c.Evidence)
					}
				}
			}
		}
	}
}

// A category that has become twice as frequent has not changed places with another; two that have are told.
func TestGrowthIsNoExchange(t *testing.T) {
	p, ref := world(t)
	told := 0
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		var grown, exchanged []row
		for _, w := range draw(r, 6000) {
			if w.colour == "Sky Blue" || r.Float64() < 0.5 {
				grown = append(grown, w)
			}
			switch w.colour {
			case "Green":
				w.colour = "Yellow"
			case "Yellow":
				w.colour = "Green"
			}
			exchanged = append(exchanged, w)
		}
		if c := find(diagnose.Diagnose(&diagnose.Case{Plan: p, Reference: ref, Current: now(t, p, grown)}), "colour"); c != nil && c.Kind == diagnose.Recoded {
			t.Errorf("%s", c.Sentence())
		}
		if c := find(diagnose.Diagnose(&diagnose.Case{Plan: p, Reference: ref, Current: now(t, p, exchanged)}), "colour"); c != nil && c.Kind == diagnose.Recoded {
			told++
		}
	}
	if told < 19 {
		t.Errorf("of 20 exchanges %d were told", told)
	}
}

// Events that are missing, and as many that came too late or wait ahead: their clocks are off. Where other numbers came, or none, volume is all that is known.
func TestEventsOfAnotherTime(t *testing.T) {
	p, ref := world(t)
	for _, c := range []struct {
		late, ahead int64
		kind        diagnose.Kind
		dated       string
	}{
		{500, 0, diagnose.ClockShift, "back"}, {0, 480, diagnose.ClockShift, "ahead"}, {0, 0, diagnose.Volume, ""}, {60, 0, diagnose.Volume, ""}, {0, 3000, diagnose.Volume, ""},
	} {
		cur := now(t, p, draw(rand.New(rand.NewPCG(5, 5)), 2000))
		cur.Hours, cur.Late, cur.Ahead = 2500*ref.Hours/20_000, c.late, c.ahead
		var got *diagnose.Cause
		for _, cause := range diagnose.Diagnose(&diagnose.Case{Plan: p, Reference: ref, Current: cur}) {
			if cause.Kind == diagnose.ClockShift || cause.Kind == diagnose.Volume {
				got = &cause
			}
		}
		if got == nil || got.Kind != c.kind || got.Parameters["dated"] != c.dated {
			t.Errorf("%d late, %d ahead: %+v", c.late, c.ahead, got)
		}
	}
}

// What moves through zero has got no other sign: neither by a shift, nor by noise.
func TestMovingThroughZeroIsNoSignFlip(t *testing.T) {
	p, ref := world(t)
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 13))
		for name, change := range map[string]func(*row){
			"shift":         func(w *row) { w.amount -= 22 + float64(seed) },
			"shift of ages": func(w *row) { w.age -= 38 + float64(seed)/3 },
			"noise":         func(w *row) { w.amount += 25 * r.NormFloat64() },
		} {
			rows := draw(r, 600+400*int(seed))
			for i := range rows {
				change(&rows[i])
			}
			for _, c := range diagnose.Diagnose(&diagnose.Case{Plan: p, Reference: ref, Current: now(t, p, rows)}) {
				if c.Kind.Corruption() {
					t.Errorf("%s, seed %d: %s %v", name, seed, c.Sentence(), c.Evidence)
				}
			}
		}
	}
}
