package walk

import (
	"fmt"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// What the event holds besides id, ts, version and score.
const (
	Numbers  = 30 // n0 to n29; every third may be null
	Texts    = 10 // c0 to c9; c2, c5 and c8 are enums
	Integers = 4  // i0 to i3; the even ones are ints
)

// Symbols are those of the three enums.
var Symbols = []string{"north", "east", "south", "west", "centre"}

// Columns of the projection, in its order: the fields that Walk fills.
const (
	colID = iota
	colTime
	colVersion
	colNumber  // and the 29 that follow
	colText    = colNumber + Numbers
	colInteger = colText + Texts
	colScore   = colInteger + Integers
	columns    = colScore + 1
)

// Nullable reports whether number i may be null.
func Nullable(i int) bool { return i%3 == 2 }

// Enum reports whether text i is an enum.
func Enum(i int) bool { return i%3 == 2 }

// Int reports whether integer i has 32 bits.
func Int(i int) bool { return i%2 == 0 }

// Schema is the Avro schema of the event. Host and trace are in no projection: they are passed over, and checked.
func Schema() string {
	var fields []string
	add := func(name, of string) { fields = append(fields, fmt.Sprintf(`{"name":%q,"type":%s}`, name, of)) }
	numbers := func(from, to int) {
		for i := from; i < to; i++ {
			if Nullable(i) {
				add(fmt.Sprint("n", i), `["null","double"]`)
			} else {
				add(fmt.Sprint("n", i), `"double"`)
			}
		}
	}
	texts := func(from, to int) {
		for i := from; i < to; i++ {
			if Enum(i) {
				add(fmt.Sprint("c", i), fmt.Sprintf(`{"type":"enum","name":"C%d","symbols":["%s"]}`, i, strings.Join(Symbols, `","`)))
			} else {
				add(fmt.Sprint("c", i), `"string"`)
			}
		}
	}
	integers := func(from, to int) {
		for i := from; i < to; i++ {
			if Int(i) {
				add(fmt.Sprint("i", i), `"int"`)
			} else {
				add(fmt.Sprint("i", i), `"long"`)
			}
		}
	}
	add("id", `"string"`)
	add("ts", `{"type":"long","logicalType":"timestamp-micros"}`)
	add("version", `"string"`)
	numbers(0, 10)
	texts(0, 4)
	integers(0, 2)
	numbers(10, 20)
	texts(4, 7)
	add("host", `"string"`)
	numbers(20, 30)
	texts(7, 10)
	integers(2, 4)
	add("trace", `["null","string"]`)
	add("score", `"double"`)
	return `{"type":"record","name":"Event","fields":[` + strings.Join(fields, ",") + `]}`
}

// Projection is what Walk reads: all fields but host and trace.
func Projection() *plan.Projection {
	p := &plan.Projection{Topic: "events", Roles: plan.NoRoles()}
	add := func(k plan.Kind, name string) {
		p.Fields = append(p.Fields, plan.Field{Name: name, Path: []string{name}, Kind: k})
	}
	add(plan.String, "id")
	add(plan.Time, "ts")
	add(plan.String, "version")
	for i := range Numbers {
		add(plan.Number, fmt.Sprint("n", i))
	}
	for i := range Texts {
		add(plan.String, fmt.Sprint("c", i))
	}
	for i := range Integers {
		add(plan.Number, fmt.Sprint("i", i))
	}
	add(plan.Number, "score")
	p.Roles.ID, p.Roles.Time, p.Roles.Version, p.Roles.Score = colID, colTime, colVersion, colScore
	return p
}
