package evolution

// Row is one case. Writer is the older schema, which wrote Value; Reader is the newer one, which the contract names.
type Row struct {
	Name   string // what changed
	Rule   string // of the specification, in short
	Writer string
	Reader string
	Value  any    // of Writer, in the generic form of github.com/twmb/avro
	Field  string // what the contract names, a path
	Kind   string // as what it is read: number, string, time
	Want   string // what is read, as text; Missing, or Refused
	Avro   string // what the specification reads, where it is another; Refused if it reads nothing
	// Registry says that a registry's answer on BACKWARD compatibility isn't the one that follows from the specification, and
	// which one it is.
	Registry string
	Note     string // why Want differs from what the specification reads
}

// What a row may read instead of a value.
const (
	Missing = "missing" // counted as missing
	Refused = "refused" // the event is set aside
)

// What a registry may answer.
const (
	Accepts = "accepts"
	Refuses = "refuses"
)

// Resolves reports whether the specification lets Reader read what Writer wrote.
func (r *Row) Resolves() bool {
	if r.Avro != "" {
		return r.Avro != Refused
	}
	return r.Want != Refused
}

// Specified is what the specification reads.
func (r *Row) Specified() string {
	if r.Avro != "" {
		return r.Avro
	}
	return r.Want
}

// Accepted reports whether a registry takes Reader as the next version after Writer under BACKWARD compatibility.
func (r *Row) Accepted() bool {
	if r.Registry != "" {
		return r.Registry == Accepts
	}
	return r.Resolves()
}

// event is a record schema with the given fields.
func event(fields string) string { return `{"type":"record","name":"Event","fields":[` + fields + `]}` }

// one is an event with a field x of a type, given as JSON.
func one(typ string) string { return event(`{"name":"x","type":` + typ + `}`) }

// x is an event whose field x holds v.
func x(v any) map[string]any { return map[string]any{"x": v} }

// old is a schema without the field x, and its event.
var (
	old   = event(`{"name":"id","type":"string"}`)
	oldID = map[string]any{"id": "e1"}
)

// added is old with a field x of a type and a default, both JSON.
func added(typ, def string) string {
	return event(`{"name":"id","type":"string"},{"name":"x","type":` + typ + `,"default":` + def + `}`)
}

const (
	beyond  = "The contract asks for a number, not for the reader's type."
	written = "What was written is what the model saw: a contract reads it as it is."
)

// Rows lists the cases.
func Rows() []Row {
	var all []Row
	for _, part := range [][]Row{promotions(), demotions(), fields(), defaults(), names(), enums(), unions(), containers(), logical()} {
		all = append(all, part...)
	}
	return all
}

func promotions() []Row {
	const rule = "int, long and float are promoted to the wider type"
	const text = "string and bytes are promoted to each other"
	return []Row{
		{Name: "int becomes long", Rule: rule, Writer: one(`"int"`), Reader: one(`"long"`), Value: x(int32(7)), Field: "x", Kind: "number", Want: "7"},
		{Name: "int becomes float", Rule: rule, Writer: one(`"int"`), Reader: one(`"float"`), Value: x(int32(7)), Field: "x", Kind: "number", Want: "7"},
		{Name: "int becomes double", Rule: rule, Writer: one(`"int"`), Reader: one(`"double"`), Value: x(int32(-7)), Field: "x", Kind: "number", Want: "-7"},
		{Name: "long becomes float", Rule: rule, Writer: one(`"long"`), Reader: one(`"float"`), Value: x(int64(1 << 20)), Field: "x", Kind: "number", Want: "1048576"},
		{
			Name: "long becomes float, beyond 24 bits", Rule: rule, Writer: one(`"long"`), Reader: one(`"float"`), Value: x(int64(1<<24 + 1)), Field: "x", Kind: "number",
			Want: "16777217", Avro: "16777216", Note: "A float would round; numbers are read as double.",
		},
		{Name: "long becomes double", Rule: rule, Writer: one(`"long"`), Reader: one(`"double"`), Value: x(int64(1 << 40)), Field: "x", Kind: "number", Want: "1099511627776"},
		{Name: "float becomes double", Rule: rule, Writer: one(`"float"`), Reader: one(`"double"`), Value: x(float32(0.5)), Field: "x", Kind: "number", Want: "0.5"},
		{Name: "string becomes bytes", Rule: text, Writer: one(`"string"`), Reader: one(`"bytes"`), Value: x("gold"), Field: "x", Kind: "string", Want: "gold"},
		{Name: "bytes becomes string", Rule: text, Writer: one(`"bytes"`), Reader: one(`"string"`), Value: x([]byte("gold")), Field: "x", Kind: "string", Want: "gold"},
		{Name: "nothing changes", Rule: "equal types match", Writer: one(`"double"`), Reader: one(`"double"`), Value: x(1.5), Field: "x", Kind: "number", Want: "1.5"},
	}
}

func demotions() []Row {
	const rule = "no rule: an error"
	return []Row{
		{Name: "long becomes int", Rule: rule, Writer: one(`"long"`), Reader: one(`"int"`), Value: x(int64(7)), Field: "x", Kind: "number", Want: "7", Avro: Refused, Note: beyond},
		{Name: "double becomes float", Rule: rule, Writer: one(`"double"`), Reader: one(`"float"`), Value: x(0.25), Field: "x", Kind: "number", Want: "0.25", Avro: Refused, Note: beyond},
		{Name: "double becomes long", Rule: rule, Writer: one(`"double"`), Reader: one(`"long"`), Value: x(7.5), Field: "x", Kind: "number", Want: "7.5", Avro: Refused, Note: beyond},
		{Name: "boolean becomes int", Rule: rule, Writer: one(`"boolean"`), Reader: one(`"int"`), Value: x(true), Field: "x", Kind: "number", Want: "1", Avro: Refused, Note: beyond},
		{Name: "string becomes double", Rule: rule, Writer: one(`"string"`), Reader: one(`"double"`), Value: x("7"), Field: "x", Kind: "number", Want: Refused},
		{Name: "int becomes string", Rule: rule, Writer: one(`"int"`), Reader: one(`"string"`), Value: x(int32(7)), Field: "x", Kind: "string", Want: "7", Avro: Refused, Note: "The contract asks for text, which a whole number can be read as."},
		{Name: "a number becomes an array", Rule: rule, Writer: one(`"double"`), Reader: one(`{"type":"array","items":"double"}`), Value: x(1.5), Field: "x", Kind: "number", Want: "1.5", Avro: Refused, Note: written},
	}
}

func fields() []Row {
	const (
		missing = "a field that the writer lacks gets the reader's default, else it is an error"
		ignored = "a field that the reader lacks is ignored"
		order   = "fields match by name, in any order"
		alias   = "a field that the writer lacks is looked for under the reader's aliases"
	)
	two := func(a, b string) string { return event(a + "," + b) }
	id, num := `{"name":"id","type":"string"}`, `{"name":"x","type":"double"}`
	both := map[string]any{"id": "e1", "x": 1.5}
	return []Row{
		{Name: "a field is added, with a default", Rule: missing, Writer: old, Reader: added(`"double"`, `2.5`), Value: oldID, Field: "x", Kind: "number", Want: "2.5"},
		{Name: "a field is added, without a default", Rule: missing, Writer: old, Reader: two(id, num), Value: oldID, Field: "x", Kind: "number", Want: Refused},
		{Name: "a field that may be null is added", Rule: missing, Writer: old, Reader: added(`["null","double"]`, `null`), Value: oldID, Field: "x", Kind: "number", Want: Missing},
		{
			Name: "a field is added that the contract doesn't name", Rule: missing, Writer: event(num), Reader: event(num + `,{"name":"y","type":"int"}`), Value: x(1.5), Field: "x", Kind: "number",
			Want: "1.5", Avro: Refused, Note: "What the contract doesn't name can't be missed.",
		},
		{Name: "a field is removed", Rule: ignored, Writer: two(id, num), Reader: event(num), Value: both, Field: "x", Kind: "number", Want: "1.5"},
		{
			Name: "the field that the contract names is removed", Rule: ignored, Writer: two(id, num), Reader: event(id), Value: both, Field: "x", Kind: "number",
			Want: "1.5", Avro: Missing, Note: "The event still holds it.",
		},
		{Name: "fields change places", Rule: order, Writer: two(id, num), Reader: two(num, id), Value: both, Field: "x", Kind: "number", Want: "1.5"},
		{Name: "a field is renamed, with an alias", Rule: alias, Writer: one(`"double"`), Reader: event(`{"name":"y","aliases":["x"],"type":"double"}`), Value: x(1.5), Field: "y", Kind: "number", Want: "1.5"},
		{
			Name: "a field is renamed, and the contract keeps the former name", Rule: alias, Writer: one(`"double"`), Reader: event(`{"name":"y","aliases":["x"],"type":"double"}`), Value: x(1.5), Field: "x", Kind: "number",
			Want: "1.5", Avro: Missing, Note: "The event holds it under that name.",
		},
		{Name: "a field is renamed twice", Rule: alias, Writer: one(`"double"`), Reader: event(`{"name":"z","aliases":["y","x"],"type":"double"}`), Value: x(1.5), Field: "z", Kind: "number", Want: "1.5"},
		{Name: "a field is renamed, with an alias and a wider type", Rule: alias, Writer: one(`"int"`), Reader: event(`{"name":"y","aliases":["x"],"type":"double"}`), Value: x(int32(3)), Field: "y", Kind: "number", Want: "3"},
		{Name: "a field is renamed, without an alias", Rule: missing, Writer: one(`"double"`), Reader: event(`{"name":"y","type":"double"}`), Value: x(1.5), Field: "y", Kind: "number", Want: Refused},
		{Name: "a field is renamed, with a default only", Rule: missing, Writer: one(`"double"`), Reader: event(`{"name":"y","type":"double","default":9}`), Value: x(1.5), Field: "y", Kind: "number", Want: "9"},
		{
			Name: "the writer has the alias", Rule: alias, Writer: event(`{"name":"y","aliases":["x"],"type":"double"}`), Reader: one(`"double"`), Value: map[string]any{"y": 1.5}, Field: "x", Kind: "number",
			Want: "1.5", Avro: Refused, Note: "Avro looks at the reader's aliases only; a writer that says what a field was called is believed.",
		},
		{
			Name: "the new name was in use before", Rule: alias, Writer: two(num, `{"name":"y","type":"double"}`), Reader: event(`{"name":"y","aliases":["x"],"type":"double"}`),
			Value: map[string]any{"x": 1.5, "y": 2.5}, Field: "y", Kind: "number",
			Want: "2.5", Avro: Refused, Note: "The event holds a field of that very name.",
		},
		{Name: "documentation and order change", Rule: "doc and order don't take part", Writer: one(`"double"`), Reader: event(`{"name":"x","type":"double","doc":"scaled","order":"ignore"}`), Value: x(1.5), Field: "x", Kind: "number", Want: "1.5"},
		{Name: "a default changes", Rule: "a default counts only where the writer lacks the field", Writer: added(`"double"`, `1`), Reader: added(`"double"`, `2`), Value: map[string]any{"id": "e1", "x": 1.5}, Field: "x", Kind: "number", Want: "1.5"},
	}
}

func defaults() []Row {
	const rule = "the default as its type's JSON"
	row := func(name, typ, def, field, kind, want string) Row {
		return Row{Name: "a default: " + name, Rule: rule, Writer: old, Reader: added(typ, def), Value: oldID, Field: field, Kind: kind, Want: want}
	}
	return []Row{
		row("int", `"int"`, `-3`, "x", "number", "-3"),
		row("long", `"long"`, `1099511627776`, "x", "number", "1099511627776"),
		row("float", `"float"`, `0.25`, "x", "number", "0.25"),
		row("boolean", `"boolean"`, `true`, "x", "number", "1"),
		row("string", `"string"`, `"north"`, "x", "string", "north"),
		row("bytes, a code point a byte", `"bytes"`, `"\u0041\u00ff"`, "x", "string", "A\xff"),
		row("fixed", `{"type":"fixed","name":"F","size":2}`, `"AB"`, "x", "string", "AB"),
		row("enum", `{"type":"enum","name":"C","symbols":["red","blue"]}`, `"blue"`, "x", "string", "blue"),
		row("the first branch of a union", `["double","null"]`, `4.5`, "x", "number", "4.5"),
		row("another branch of a union (1.12)", `["null","double"]`, `4.5`, "x", "number", "4.5"),
		row("a map", `{"type":"map","values":"double"}`, `{"a":1,"b":2}`, "x.b", "number", "2"),
		row("a map without the key", `{"type":"map","values":"double"}`, `{}`, "x.b", "number", Missing),
		row("a record", `{"type":"record","name":"R","fields":[{"name":"b","type":"long"}]}`, `{"b":5}`, "x.b", "number", "5"),
		row("a record whose field has its own default", `{"type":"record","name":"R","fields":[{"name":"b","type":"long","default":6}]}`, `{}`, "x.b", "number", "6"),
		row("null in place of a record", `["null",{"type":"record","name":"R","fields":[{"name":"b","type":"long"}]}]`, `null`, "x.b", "number", Missing),
		row("a timestamp", `{"type":"long","logicalType":"timestamp-millis"}`, `1000`, "x", "time", "1000000"),
		row("a decimal", `{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}`, `"\u0001\u0000"`, "x", "number", "2.56"),
	}
}

func names() []Row {
	const (
		records = "records match by unqualified name, or by the reader's aliases"
		others  = "enums and fixed match by unqualified name, or by the reader's aliases"
	)
	named := func(name, more, fields string) string {
		return `{"type":"record","name":"` + name + `",` + more + `"fields":[` + fields + `]}`
	}
	num := `{"name":"x","type":"double"}`
	enum := func(name, more string) string {
		return one(`{"type":"enum","name":"` + name + `",` + more + `"symbols":["red","blue"]}`)
	}
	fixed := func(name, more string, size string) string {
		return one(`{"type":"fixed","name":"` + name + `",` + more + `"size":` + size + `}`)
	}
	return []Row{
		{Name: "the record is renamed, with an alias", Rule: records, Writer: named("Old", "", num), Reader: named("New", `"aliases":["Old"],`, num), Value: x(1.5), Field: "x", Kind: "number", Want: "1.5"},
		{
			Name: "the record is renamed, without an alias", Rule: records, Writer: named("Old", "", num), Reader: named("New", "", num), Value: x(1.5), Field: "x", Kind: "number",
			Want: "1.5", Avro: Refused, Note: "A contract names fields, never types.",
		},
		{Name: "the record's namespace changes", Rule: records, Writer: named("Event", `"namespace":"a",`, num), Reader: named("Event", `"namespace":"b",`, num), Value: x(1.5), Field: "x", Kind: "number", Want: "1.5"},
		{Name: "an enum is renamed, with an alias", Rule: others, Writer: enum("Old", ""), Reader: enum("New", `"aliases":["Old"],`), Value: x("blue"), Field: "x", Kind: "string", Want: "blue"},
		{Name: "an enum is renamed, without an alias", Rule: others, Writer: enum("Old", ""), Reader: enum("New", ""), Value: x("blue"), Field: "x", Kind: "string", Want: "blue", Avro: Refused, Note: "A contract names fields, never types."},
		{Name: "an enum's namespace changes", Rule: others, Writer: enum("C", `"namespace":"a",`), Reader: enum("C", `"namespace":"b",`), Value: x("blue"), Field: "x", Kind: "string", Want: "blue"},
		{Name: "a fixed is renamed, with an alias", Rule: others, Writer: fixed("Old", "", "2"), Reader: fixed("New", `"aliases":["Old"],`, "2"), Value: x([]byte("AB")), Field: "x", Kind: "string", Want: "AB"},
		{Name: "a fixed grows", Rule: "fixed match if their sizes do", Writer: fixed("F", "", "2"), Reader: fixed("F", "", "3"), Value: x([]byte("AB")), Field: "x", Kind: "string", Want: "AB", Avro: Refused, Note: written},
	}
}

func enums() []Row {
	const rule = "a symbol that the reader lacks becomes the reader's default, else it is an error"
	enum := func(symbols, more string) string {
		return one(`{"type":"enum","name":"C","symbols":[` + symbols + `]` + more + `}`)
	}
	return []Row{
		{Name: "a symbol is added", Rule: rule, Writer: enum(`"red"`, ""), Reader: enum(`"red","blue"`, ""), Value: x("red"), Field: "x", Kind: "string", Want: "red"},
		{Name: "symbols change places", Rule: "symbols match by name", Writer: enum(`"red","blue"`, ""), Reader: enum(`"blue","red"`, ""), Value: x("red"), Field: "x", Kind: "string", Want: "red"},
		{
			Name: "a symbol is removed", Rule: rule, Writer: enum(`"red","blue"`, ""), Reader: enum(`"red"`, ""), Value: x("blue"), Field: "x", Kind: "string",
			Want: "blue", Avro: Refused, Note: "The contract asks for text; what isn't in its list of values is counted as new.",
		},
		{
			Name: "a symbol is removed, and there is a default", Rule: rule, Writer: enum(`"red","blue"`, ""), Reader: enum(`"red"`, `,"default":"red"`), Value: x("blue"), Field: "x", Kind: "string",
			Want: "blue", Avro: "red", Note: "The default would hide that the model saw another value.",
		},
		{Name: "a symbol that stays", Rule: rule, Writer: enum(`"red","blue"`, ""), Reader: enum(`"red"`, `,"default":"red"`), Value: x("red"), Field: "x", Kind: "string", Want: "red"},
		{Name: "an enum becomes a string", Rule: "no rule: an error", Writer: enum(`"red"`, ""), Reader: one(`"string"`), Value: x("red"), Field: "x", Kind: "string", Want: "red", Avro: Refused, Note: "Both are text."},
		{Name: "a string becomes an enum", Rule: "no rule: an error", Writer: one(`"string"`), Reader: enum(`"red"`, ""), Value: x("red"), Field: "x", Kind: "string", Want: "red", Avro: Refused, Note: "Both are text."},
	}
}

func unions() []Row {
	const (
		reader = "a reader's union: its first branch that matches"
		writer = "a writer's union: the branch that was written must match"
		both   = "both are unions: the first branch that matches the one that was written"
	)
	return []Row{
		{Name: "a field may be null from now on", Rule: reader, Writer: one(`"double"`), Reader: one(`["null","double"]`), Value: x(1.5), Field: "x", Kind: "number", Want: "1.5"},
		{Name: "a field may be null, and is widened", Rule: reader, Writer: one(`"int"`), Reader: one(`["null","double"]`), Value: x(int32(2)), Field: "x", Kind: "number", Want: "2"},
		{Name: "a field may no longer be null, and isn't", Rule: writer, Writer: one(`["null","double"]`), Reader: one(`"double"`), Value: x(1.5), Field: "x", Kind: "number", Want: "1.5", Registry: Refuses},
		{
			Name: "a field may no longer be null, and is", Rule: writer, Writer: one(`["null","double"]`), Reader: one(`"double"`), Value: x(nil), Field: "x", Kind: "number",
			Want: Missing, Avro: Refused, Note: written,
		},
		{Name: "branches change places", Rule: both, Writer: one(`["null","double"]`), Reader: one(`["double","null"]`), Value: x(1.5), Field: "x", Kind: "number", Want: "1.5"},
		{Name: "branches change places, the value is null", Rule: both, Writer: one(`["null","double"]`), Reader: one(`["double","null"]`), Value: x(nil), Field: "x", Kind: "number", Want: Missing},
		{Name: "a branch is added", Rule: both, Writer: one(`["null","long"]`), Reader: one(`["null","long","string"]`), Value: x(int64(4)), Field: "x", Kind: "number", Want: "4"},
		{Name: "a branch is removed that wasn't written", Rule: both, Writer: one(`["null","long","string"]`), Reader: one(`["null","long"]`), Value: x(int64(4)), Field: "x", Kind: "number", Want: "4", Registry: Refuses},
		{Name: "a branch is widened", Rule: both, Writer: one(`["null","int"]`), Reader: one(`["null","long"]`), Value: x(int32(4)), Field: "x", Kind: "number", Want: "4"},
		{Name: "a union of one becomes its branch", Rule: writer, Writer: one(`["double"]`), Reader: one(`"double"`), Value: x(1.5), Field: "x", Kind: "number", Want: "1.5"},
	}
}

func containers() []Row {
	const (
		nested = "records are resolved field by field, at any depth"
		array  = "arrays resolve their items, maps their values"
		none   = "no rule: an error"
	)
	inner := func(fields string) string { return `{"type":"record","name":"R","fields":[` + fields + `]}` }
	a, b := `{"name":"a","type":"double"}`, `{"name":"b","type":"double","default":8}`
	in := x(map[string]any{"a": 1.5})
	list := func(items string) string {
		return event(`{"name":"list","type":{"type":"array","items":` + items + `}},{"name":"x","type":"double"}`)
	}
	tree := func(more string) string {
		return `{"type":"record","name":"Node","fields":[{"name":"v","type":"double"},{"name":"next","type":["null","Node"]}` + more + `]}`
	}
	return []Row{
		{Name: "a nested field is added", Rule: nested, Writer: one(inner(a)), Reader: one(inner(a + "," + b)), Value: in, Field: "x.b", Kind: "number", Want: "8"},
		{Name: "a nested field is removed", Rule: nested, Writer: one(inner(a + "," + b)), Reader: one(inner(a)), Value: x(map[string]any{"a": 1.5, "b": 2.5}), Field: "x.a", Kind: "number", Want: "1.5"},
		{Name: "a nested field is renamed, with an alias", Rule: nested, Writer: one(inner(a)), Reader: one(inner(`{"name":"c","aliases":["a"],"type":"double"}`)), Value: in, Field: "x.c", Kind: "number", Want: "1.5"},
		{Name: "a nested field is added, without a default", Rule: nested, Writer: one(inner(a)), Reader: one(inner(a + `,{"name":"c","type":"int"}`)), Value: in, Field: "x.c", Kind: "number", Want: Refused},
		{Name: "a nested record may be null from now on", Rule: nested, Writer: one(inner(a)), Reader: one(`["null",` + inner(a) + `]`), Value: in, Field: "x.a", Kind: "number", Want: "1.5"},
		{Name: "a record holds itself, and gets a field", Rule: nested, Writer: tree(""), Reader: tree(`,{"name":"w","type":"int","default":3}`), Value: map[string]any{"v": 1.5, "next": map[string]any{"v": 2.5, "next": nil}}, Field: "next.w", Kind: "number", Want: "3"},
		{Name: "an array's items are widened", Rule: array, Writer: list(`"int"`), Reader: list(`"double"`), Value: map[string]any{"list": []any{int32(1), int32(2)}, "x": 1.5}, Field: "x", Kind: "number", Want: "1.5"},
		{Name: "a map's values are widened", Rule: array, Writer: one(`{"type":"map","values":"int"}`), Reader: one(`{"type":"map","values":"double"}`), Value: x(map[string]any{"a": int32(3)}), Field: "x.a", Kind: "number", Want: "3"},
		{Name: "a map's values may be null from now on", Rule: array, Writer: one(`{"type":"map","values":"double"}`), Reader: one(`{"type":"map","values":["null","double"]}`), Value: x(map[string]any{"a": 1.5}), Field: "x.a", Kind: "number", Want: "1.5"},
		{Name: "records in a map get a field", Rule: array, Writer: one(`{"type":"map","values":` + inner(a) + `}`), Reader: one(`{"type":"map","values":` + inner(a+","+b) + `}`), Value: x(map[string]any{"k": map[string]any{"a": 1.5}}), Field: "x.k.b", Kind: "number", Want: "8"},
		{Name: "a record becomes a map", Rule: none, Writer: one(inner(a)), Reader: one(`{"type":"map","values":"double"}`), Value: in, Field: "x.a", Kind: "number", Want: "1.5", Avro: Refused, Note: "A path walks both."},
		{Name: "a map becomes a record", Rule: none, Writer: one(`{"type":"map","values":"double"}`), Reader: one(inner(a)), Value: in, Field: "x.a", Kind: "number", Want: "1.5", Avro: Refused, Note: "A path walks both."},
	}
}

func logical() []Row {
	const (
		ignored = "logical types don't take part; the types under them do"
		decimal = "decimals match if precision and scale do"
	)
	return []Row{
		{Name: "a long becomes a timestamp", Rule: ignored, Writer: one(`"long"`), Reader: one(`{"type":"long","logicalType":"timestamp-millis"}`), Value: x(int64(1000)), Field: "x", Kind: "time", Want: "1000000"},
		{Name: "a string becomes a uuid", Rule: ignored, Writer: one(`"string"`), Reader: one(`{"type":"string","logicalType":"uuid"}`), Value: x("1b4e28ba-2fa1-11d2-883f-0016d3cca427"), Field: "x", Kind: "string", Want: "1b4e28ba-2fa1-11d2-883f-0016d3cca427"},
		{Name: "a date is annotated", Rule: ignored, Writer: one(`{"type":"int","logicalType":"date"}`), Reader: one(`"int"`), Value: x(int32(2)), Field: "x", Kind: "time", Want: "172800000000", Avro: "2", Note: "What the writer says of its own numbers counts."},
		{
			Name: "milliseconds become microseconds", Rule: ignored, Writer: one(`{"type":"long","logicalType":"timestamp-millis"}`), Reader: one(`{"type":"long","logicalType":"timestamp-micros"}`), Value: x(int64(1000)), Field: "x", Kind: "time",
			Want: "1000000", Avro: "1000", Note: "The unit is the one that the event was written in.",
		},
		{
			Name: "a decimal's scale changes", Rule: decimal, Writer: one(`{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}`), Reader: one(`{"type":"bytes","logicalType":"decimal","precision":6,"scale":3}`), Value: x([]byte{1, 0}), Field: "x", Kind: "number",
			Want: "2.56", Avro: Refused, Registry: Accepts, Note: "The scale is the one that the event was written with.",
		},
	}
}
