package schema

// Shape is a type of a writer's schema, for who writes events by it. Types with a name are shared: a record that holds itself
// is a cycle.
type Shape struct {
	Kind     string       // as Avro calls it: "null", "double", "record", "union", ...
	Logical  string       // "timestamp-millis", ...; "" also for those that don't change how a value is read
	Fields   []ShapeField // of a record, in their order
	Symbols  []string     // of an enum
	Branches []*Shape     // of a union
	Items    *Shape       // of an array
	words    string
}

// ShapeField is one field of a record.
type ShapeField struct {
	Name  string
	Shape *Shape
}

// String names the type for people.
func (s *Shape) String() string { return s.words }

// ParseShape reads the JSON text of a schema.
func ParseShape(text string) (*Shape, error) {
	t, err := parse(text)
	if err != nil {
		return nil, err
	}
	return newShape(t, map[*avroType]*Shape{}), nil
}

func newShape(t *avroType, known map[*avroType]*Shape) *Shape {
	if s := known[t]; s != nil {
		return s
	}
	s := &Shape{Kind: t.kind.String(), Logical: logicalNames[t.logical], Symbols: t.symbols, words: t.describe()}
	known[t] = s
	for _, f := range t.fields {
		s.Fields = append(s.Fields, ShapeField{Name: f.name, Shape: newShape(f.typ, known)})
	}
	for _, b := range t.branches {
		s.Branches = append(s.Branches, newShape(b, known))
	}
	if t.kind == kindArray {
		s.Items = newShape(t.elem, known)
	}
	return s
}
