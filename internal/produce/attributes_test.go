package produce

import (
	"slices"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"

	"github.com/plumbline-ml/plumbline/internal/check"
)

const churnAttributes = "  attributes: {topic: churn.attributes, fields: {id: id, time: said}}\ninputs:"

// Attributes go out on their topic, each by its id, and with nothing else of the row; predictions go without them, although the file has the column. Rows that
// can't be read are counted by reason, and nothing of them is shown.
func TestAttributesGoByThemselves(t *testing.T) {
	h := newHouse(t)
	o := Options{
		Contract: load(t, strings.Replace(churn, "inputs:", churnAttributes, 1)+"protected: {sex: {from: attributes}}\n"),
		Files: check.Files{
			Predictions: write(t, "p.csv", "id,at,score,version,amount,plan,active,account.since,sex,town\na,2026-01-01T00:00:00Z,0.5,v1,1,x,true,2020-01-01T00:00:00Z,wrong,Ulm\nb,2026-01-01T02:00:00Z,0.5,v1,1,x,true,2020-01-01T00:00:00Z,wrong,Ulm\n"),
			Attributes:  write(t, "who.csv", "id,said,sex,diagnosis\nb,2026-01-01T01:00:00Z,female,x\nsecret-id,secret-time,secret-sex,x\na,2026-01-01T03:00:00Z,male,x\n"),
		},
	}
	sum, err := h.run(t.Context(), t, o)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Events != 4 || len(sum.Streams) != 2 || sum.Streams[1].Rows["time"] != 1 || strings.Contains(sum.Text(), "secret") {
		t.Errorf("%d events; %s", sum.Events, sum.Text())
	}
	read := func(topic string) (out []map[string]any) {
		latest, err := h.registry.Latest(t.Context(), topic+"-value")
		if err != nil {
			t.Fatal(err)
		}
		codec, err := goavro.NewCodec(latest.Schema)
		if err != nil {
			t.Fatal(err)
		}
		for _, records := range h.read(t, topic) {
			for _, r := range records {
				native, _, err := codec.NativeFromBinary(r.Value[5:])
				if err != nil {
					t.Fatal(err)
				}
				event := native.(map[string]any)
				if text := goavro.Union("string", string(r.Key)); event["id"] != string(r.Key) && event["id"].(map[string]any)["string"] != text.(map[string]any)["string"] {
					t.Errorf("key %s of %v", r.Key, event)
				}
				out = append(out, event)
			}
		}
		return out
	}
	predictions, attributes := read("churn.predictions"), read("churn.attributes")
	if len(predictions) != 2 || len(attributes) != 2 {
		t.Fatalf("%v\n%v", predictions, attributes)
	}
	for _, e := range predictions {
		if _, ok := e["sex"]; ok || e["town"] == nil {
			t.Errorf("a prediction holds %v", e)
		}
	}
	var said []string
	for _, e := range attributes {
		if len(e) != 3 {
			t.Errorf("attributes hold %v", e)
		}
		said = append(said, e["sex"].(map[string]any)["string"].(string))
	}
	slices.Sort(said)
	if !slices.Equal(said, []string{"female", "male"}) {
		t.Errorf("%v", said)
	}
}

// From the predictions' own file attributes go out alone, and predictions without them.
func TestAttributesOfTheSameFile(t *testing.T) {
	h := newHouse(t)
	path := write(t, "p.csv", "id,at,score,version,amount,plan,active,account.since,said,sex,town\na,2026-01-01T00:00:00Z,0.5,v1,1,x,true,2020-01-01T00:00:00Z,2026-01-01T00:00:00Z,female,Ulm\n")
	o := Options{
		Contract: load(t, strings.Replace(churn, "inputs:", churnAttributes, 1)+"protected: {sex: {from: attributes}}\n"),
		Files:    check.Files{Predictions: path, Attributes: path},
	}
	if _, err := h.run(t.Context(), t, o); err != nil {
		t.Fatal(err)
	}
	for topic, want := range map[string][]string{"churn.predictions": {"town"}, "churn.attributes": {"sex"}} {
		latest, err := h.registry.Latest(t.Context(), topic+"-value")
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{"sex", "town"} {
			if has := strings.Contains(latest.Schema, `"`+field+`"`); has != slices.Contains(want, field) {
				t.Errorf("%s: %s is there: %t; %s", topic, field, has, latest.Schema)
			}
		}
	}
}

// Nor do outcomes hold them, whose own file has the column.
func TestOutcomesGoWithoutAttributes(t *testing.T) {
	h := newHouse(t)
	o := Options{
		Contract: load(t, strings.Replace(churn, "inputs:", churnAttributes, 1)+"protected: {sex: {from: attributes}}\n"),
		Files: check.Files{
			Predictions: write(t, "p.csv", "id,at,score,version,amount,plan,active,account.since\na,2026-01-01T00:00:00Z,0.5,v1,1,x,true,2020-01-01T00:00:00Z\n"),
			Outcomes:    write(t, "o.csv", "id,at,churned,said,sex,town\na,2026-01-02T00:00:00Z,1,2026-01-01T00:00:00Z,female,Ulm\n"),
		},
	}
	if _, err := h.run(t.Context(), t, o); err != nil {
		t.Fatal(err)
	}
	latest, err := h.registry.Latest(t.Context(), "churn.outcomes-value")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(latest.Schema, `"sex"`) || !strings.Contains(latest.Schema, `"town"`) {
		t.Errorf("the outcomes' schema: %s", latest.Schema)
	}
}

const givenChurn = `{"type":"record","name":"P","fields":[{"name":"id","type":"string"},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
	{"name":"score","type":"double"},{"name":"version","type":"string"},{"name":"amount","type":"double"},{"name":"plan","type":"string"},{"name":"active","type":"boolean"},
	{"name":"account","type":{"type":"record","name":"A","fields":[{"name":"since","type":{"type":"long","logicalType":"timestamp-millis"}}]}},FIELD]}`

// A schema that somebody gave has a field for a protected attribute, and the file the column: it isn't published all the same. Where the field can't be null nothing is,
// and the error says what would be right.
func TestAttributesGoIntoNoGivenSchema(t *testing.T) {
	path := write(t, "p.csv", "id,at,score,version,amount,plan,active,account.since,sex\na,2026-01-01T00:00:00Z,0.5,v1,1,x,true,2020-01-01T00:00:00Z,secret-sex\n")
	options := func(field string) Options {
		return Options{
			Contract: load(t, strings.Replace(churn, "inputs:", churnAttributes, 1)+"protected: {sex: {from: attributes}}\n"),
			Files:    check.Files{Predictions: path, Attributes: write(t, "who.csv", "id,said,sex\na,2026-01-01T01:00:00Z,female\n")},
			Schemas:  map[string]string{Prediction: strings.Replace(givenChurn, "FIELD", field, 1)},
		}
	}
	h := newHouse(t)
	sum, err := h.run(t.Context(), t, options(`{"name": "sex", "type": ["null", "string"], "default": null}`))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(sum.Text(), "not published on churn.predictions, because the contract takes them from streams.attributes: sex") {
		t.Errorf("not told: %s", sum.Text())
	}
	for topic, holds := range map[string]bool{"churn.predictions": false, "churn.attributes": true} {
		n := 0
		for _, records := range h.read(t, topic) {
			for _, r := range records {
				n++
				if strings.Contains(string(r.Value), "secret-sex") || strings.Contains(string(r.Value), "female") != holds {
					t.Errorf("%s: %q", topic, r.Value)
				}
			}
		}
		if n != 1 {
			t.Errorf("%s: %d records", topic, n)
		}
	}
	if _, err := Open(t.Context(), options(`{"name": "sex", "type": "string"}`), h.registry); err == nil || !strings.Contains(err.Error(), "take it out of the schema, or make it nullable") {
		t.Errorf("a field that can't be null: %v", err)
	}
}
