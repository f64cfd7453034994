package produce

import (
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

// Whatever the contract says of encodings and keys, what is published is read under the same contract.
func TestPublishedAsTheContractSays(t *testing.T) {
	const topic = "{topic: churn.predictions, "
	for name, c := range map[string]struct {
		contract string // in place of the topic
		id       string // column
		first    byte   // of a value
	}{
		"as found":      {topic, "id", 0},
		"confluent":     {topic + "schema: {encoding: confluent}, ", "id", 0},
		"single object": {topic + "schema: {subject: churn.predictions-value, encoding: single_object}, ", "id", 0xC3},
		"raw":           {topic + "schema: {subject: churn.predictions-value, encoding: raw}, ", "id", 2}, // the branch of a union
		"id as key":     {topic, "$key", 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			text := strings.Replace(churn, topic, c.contract, 1)
			if c.id == "$key" {
				text = strings.Replace(text, "fields: {id: id", "fields: {id: $key", 1)
			}
			row := "a,2026-01-02T00:00:00Z,0.5,v1,10,pro,true,2020-01-01,1,x\n"
			o := options(t, strings.Replace(head, "id,", c.id+",", 1)+row+strings.Replace(row, "a,", "b,", 1))
			o.Contract, o.Files.Outcomes = load(t, text), ""
			if _, err := h.run(t.Context(), t, o); err != nil {
				t.Fatal(err)
			}
			draft, err := plan.Draft(o.Contract)
			if err != nil {
				t.Fatal(err)
			}
			p := &draft.Prediction
			if p.Encoding == plan.Raw {
				latest, err := h.registry.Latest(t.Context(), p.Subject)
				if err != nil {
					t.Fatal(err)
				}
				p.Schema = latest.Schema
			}
			reader, b := schema.NewReader(p, "churn", h.registry), plan.NewBatch(p, 2)
			for _, recs := range h.read(t, "churn.predictions") {
				for _, rec := range recs {
					if rec.Value[0] != c.first {
						t.Errorf("a value begins with %#x, want %#x", rec.Value[0], c.first)
					}
					if err := reader.Read(t.Context(), bus.SchemaRecord(rec), b); err != nil {
						t.Fatal(err)
					}
				}
			}
			ids := slices.Sorted(slices.Values(b.Cols[p.Roles.ID].Str))
			if !slices.Equal(ids, []string{"a", "b"}) {
				t.Errorf("the ids are %q", ids)
			}
		})
	}
}

// What can't be written says so before anything is sent.
func TestKeysAndHeadersAreRefused(t *testing.T) {
	h := newHouse(t)
	text := strings.Replace(churn, "version: version", "version: $header.version", 1)
	o := options(t, head+"a,2026-01-02T00:00:00Z,0.5,v1,10,pro,true,2020-01-01,1,x\n")
	o.Contract = load(t, text)
	if _, err := Open(t.Context(), o, h.registry); err == nil || !strings.Contains(err.Error(), "field $header.version can't be written: it is read from the record's header") {
		t.Errorf("%v", err)
	}
}
