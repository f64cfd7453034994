package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Fields may be in the record's key and headers, and schemas and encodings come into the plan as the contract has them.
func TestDraftKnowsWhereFieldsAre(t *testing.T) {
	c, err := contract.Load("../contract/testdata/good/encodings.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Draft(c)
	if err != nil {
		t.Fatal(err)
	}
	type place struct {
		from plan.Origin
		path string
	}
	for name, want := range map[string]place{
		"$key.id":               {plan.FromKey, "id"},
		"$header.model-version": {plan.FromHeader, "model-version"},
		"region":                {plan.FromKey, "region"},
		"ts":                    {plan.FromValue, "ts"},
	} {
		at := slices.IndexFunc(p.Prediction.Fields, func(f plan.Field) bool { return f.Name == name })
		if at < 0 {
			t.Errorf("there is no field %s", name)
			continue
		}
		if f := p.Prediction.Fields[at]; (place{f.From, strings.Join(f.Path, ".")}) != want {
			t.Errorf("%s is from %q at %q", name, f.From, f.Path)
		}
	}
	if p.Prediction.Encoding != plan.SingleObject || p.Prediction.Key == nil || p.Prediction.Key.Encoding != plan.Confluent || p.Prediction.Key.Subject != "p-key" {
		t.Errorf("predictions: %q, keys %+v", p.Prediction.Encoding, p.Prediction.Key)
	}
	if f := p.Outcome.Fields[p.Outcome.Roles.ID]; f.From != plan.FromKey || len(f.Path) != 0 || p.Outcome.Key.Encoding != plan.Raw {
		t.Errorf("the outcomes' id is %+v, keys %+v", f, p.Outcome.Key)
	}
	if _, err := plan.NewDeriver(&p.Prediction, nil); err != nil {
		t.Error(err)
	}
}
