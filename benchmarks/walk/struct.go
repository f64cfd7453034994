package walk

import "reflect"

// Struct is the event as twmb/avro fills it: all fields, as it demands; a pointer where the value may be null.
type Struct struct {
	ID      string   `avro:"id"`
	TS      int64    `avro:"ts"`
	Version string   `avro:"version"`
	N0      float64  `avro:"n0"`
	N1      float64  `avro:"n1"`
	N2      *float64 `avro:"n2"`
	N3      float64  `avro:"n3"`
	N4      float64  `avro:"n4"`
	N5      *float64 `avro:"n5"`
	N6      float64  `avro:"n6"`
	N7      float64  `avro:"n7"`
	N8      *float64 `avro:"n8"`
	N9      float64  `avro:"n9"`
	N10     float64  `avro:"n10"`
	N11     *float64 `avro:"n11"`
	N12     float64  `avro:"n12"`
	N13     float64  `avro:"n13"`
	N14     *float64 `avro:"n14"`
	N15     float64  `avro:"n15"`
	N16     float64  `avro:"n16"`
	N17     *float64 `avro:"n17"`
	N18     float64  `avro:"n18"`
	N19     float64  `avro:"n19"`
	N20     *float64 `avro:"n20"`
	N21     float64  `avro:"n21"`
	N22     float64  `avro:"n22"`
	N23     *float64 `avro:"n23"`
	N24     float64  `avro:"n24"`
	N25     float64  `avro:"n25"`
	N26     *float64 `avro:"n26"`
	N27     float64  `avro:"n27"`
	N28     float64  `avro:"n28"`
	N29     *float64 `avro:"n29"`
	C0      string   `avro:"c0"`
	C1      string   `avro:"c1"`
	C2      string   `avro:"c2"`
	C3      string   `avro:"c3"`
	C4      string   `avro:"c4"`
	C5      string   `avro:"c5"`
	C6      string   `avro:"c6"`
	C7      string   `avro:"c7"`
	C8      string   `avro:"c8"`
	C9      string   `avro:"c9"`
	I0      int32    `avro:"i0"`
	I1      int64    `avro:"i1"`
	I2      int32    `avro:"i2"`
	I3      int64    `avro:"i3"`
	Score   float64  `avro:"score"`
	Host    string   `avro:"host"`
	Trace   *string  `avro:"trace"`
}

// Values is s by the fields' names in the schema: numbers as float64, the time as int64, nil where there is none.
func (s *Struct) Values() map[string]any {
	out := map[string]any{}
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		name, field := v.Type().Field(i).Tag.Get("avro"), v.Field(i)
		if field.Kind() == reflect.Pointer {
			if field.IsNil() {
				out[name] = nil
				continue
			}
			field = field.Elem()
		}
		switch {
		case name != "ts" && field.CanInt():
			out[name] = float64(field.Int())
		default:
			out[name] = field.Interface()
		}
	}
	return out
}
