package plan_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

var update = flag.Bool("update", false, "write the golden files")

// The example contract, compiled: what is read of each event and what is counted.
func TestDraftOfTheExample(t *testing.T) {
	c, err := contract.Load(filepath.Join("..", "..", "examples", "electricity", "contract.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Draft(c)
	if err != nil {
		t.Fatal(err)
	}
	p.Contract, p.Policy = "", plan.Policy{Promises: p.Policy.Promises} // digests and teams change with every comment
	var got bytes.Buffer
	e := json.NewEncoder(&got)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(p); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "electricity-draft.json")
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got\n%s\nwant\n%s", got.Bytes(), want)
	}
}

const base = `
apiVersion: plumbline/v1
kind: QualityContract
metadata: {model: m}
owners: {model: team}
task: {type: binary, positive: 1}
watch: {reference: {from: 2026-01-01, to: 2026-02-01}}
`

func draft(t *testing.T, text string) (*plan.Plan, error) {
	t.Helper()
	c, err := contract.Parse("test.yaml", []byte(base+text))
	if err != nil {
		t.Fatal(err)
	}
	return plan.Draft(c)
}

// words renders fields as name:kind, with path where it isn't the name and the expression where there is one.
func words(fields []plan.Field) string {
	out := make([]string, len(fields))
	for i, f := range fields {
		kind := string(f.Kind)
		if f.Boolean {
			kind = "boolean " + kind
		}
		out[i] = f.Name + ":" + kind
		if path := strings.Join(f.Path, "."); path != f.Name && f.Expr == "" {
			out[i] += "<" + path
		}
		if f.Of != "" {
			out[i] += " of " + string(f.Of)
		}
		if f.Expr != "" {
			out[i] += "=" + f.Expr
		}
	}
	return strings.Join(out, ", ")
}

func TestDraftFields(t *testing.T) {
	const streams = `
streams:
  prediction: {topic: p, fields: {id: id, time: ts, version: meta.version, score: score}%s}
  outcome: {topic: o, fields: {id: id, time: ts, label: up}, keep: 2d, mature_after: 1h%s}
`
	for name, c := range map[string]struct {
		where, outcomeWhere string
		rest                string
		prediction          string
		outcome             string
	}{
		"nothing but roles": {
			prediction: "id:string, ts:time, meta.version:string, score:number", outcome: "id:string, ts:time, up:string",
		},
		"inputs of every kind": {
			rest:       "inputs: {x: {type: numeric, path: a.x}, b: {type: boolean}, c: {type: categorical}, t: {type: timestamp}, i: {type: identifier}, n: {type: text}, e: {type: vector, path: a.e}}",
			prediction: "x:number<a.x, b:boolean number, c:string, t:number, i:string, n:string, n.length:number<n of length, n.charset:string<n of charset, e.norm:number<a.e of norm, e.dimension:number<a.e of dimension, id:string, ts:time, meta.version:string, score:number",
		},
		"roles that inputs read": {
			rest:       "inputs: {score: {type: numeric}, ts: {type: timestamp}, v: {type: categorical, path: meta.version}}",
			prediction: "score:number, ts:number, v:string<meta.version, id:string, ts (time):time<ts, meta.version:string",
		},
		"derived": {
			rest:       "inputs: {b: {type: boolean}, x: {type: numeric}}\nderived: {size: \"x < 1 ? 'small' : 'large'\", odd: \"b && x > 2\", twice: x * 2, both: \"odd || size == 'small'\"}",
			prediction: "b:boolean number, x:number, id:string, ts:time, meta.version:string, score:number, size:string=x < 1 ? 'small' : 'large', odd:boolean number=b && x > 2, twice:number=x * 2, both:boolean number=odd || size == 'small'",
		},
		"a rule on a role's path": {
			rest:       "rules: [{name: r, expr: \"meta.version != 'v0'\"}]",
			prediction: "id:string, ts:time, meta.version:string, score:number",
		},
		"where names other fields": {
			where:      "model_id == 'price' && meta.shard < 3 && !test",
			prediction: "test:boolean number, model_id:string, meta.shard:number, id:string, ts:time, meta.version:string, score:number",
		},
		"where names inputs, derived columns and roles": {
			where:      "x > 0 && size == 'small' && meta.version != 'v0' && ts > 0 && score < 1",
			rest:       "inputs: {x: {type: numeric}}\nderived: {size: \"x < 1 ? 'small' : 'large'\"}",
			prediction: "x:number, meta.version:string, ts:time, score:number, id:string, size:string=x < 1 ? 'small' : 'large'",
		},
		"where tells kinds from one another": {
			where:      "a == b && b == 'x' && c == d && d > 1",
			prediction: "a:string, b:string, c:number, d:number, id:string, ts:time, meta.version:string, score:number",
		},
		"where tells no kind": {
			where:      "a != null",
			prediction: "a:string, id:string, ts:time, meta.version:string, score:number",
		},
		"outcomes": {
			outcomeWhere: "final && source in ['core', 'agency'] && up != null && id != ''",
			outcome:      "final:boolean number, source:string, up:string, id:string, ts:time",
		},
		"a label as a number": {
			outcomeWhere: "up >= 0",
			outcome:      "up:number, id:string, ts:time, up (string):string<up",
		},
	} {
		quoted := func(where string) string {
			if where == "" {
				return ""
			}
			return fmt.Sprintf(", where: %q", where)
		}
		p, err := draft(t, fmt.Sprintf(streams, quoted(c.where), quoted(c.outcomeWhere))+c.rest)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		names := func(p *plan.Projection) map[string]string {
			out := map[string]string{}
			for role, at := range map[string]int{"id": p.Roles.ID, "time": p.Roles.Time, "version": p.Roles.Version, "score": p.Roles.Score, "label": p.Roles.Label} {
				if at >= 0 {
					out[role] = string(p.Fields[at].Kind) + " " + strings.Join(p.Fields[at].Path, ".")
				}
			}
			return out
		}
		if got := words(p.Prediction.Fields); c.prediction != "" && sorted(got) != sorted(c.prediction) {
			t.Errorf("%s: predictions read\n%s, want\n%s", name, got, c.prediction)
		}
		if got := words(p.Outcome.Fields); c.outcome != "" && sorted(got) != sorted(c.outcome) {
			t.Errorf("%s: outcomes read\n%s, want\n%s", name, got, c.outcome)
		}
		if got, want := fmt.Sprint(names(&p.Prediction)), "map[id:string id score:number score time:time ts version:string meta.version]"; got != want {
			t.Errorf("%s: roles %s, want %s", name, got, want)
		}
		if got, want := fmt.Sprint(names(p.Outcome)), "map[id:string id label:string up time:time ts]"; got != want {
			t.Errorf("%s: outcome roles %s, want %s", name, got, want)
		}
		for _, col := range p.Columns {
			if f := p.Prediction.Fields[col.Field]; f.Name != col.Name || col.Layout.Categorical != (f.Kind == plan.String) {
				t.Errorf("%s: column %s counts field %s, categorical %t", name, col.Name, f.Name, col.Layout.Categorical)
			}
		}
		// A draft holds no layouts yet; what it says about streams and expressions must pass the checks of a plan.
		p.Columns, p.TestPane, p.TruthPane = nil, p.Pane, p.Pane
		if _, err := plan.Read(encoded(t, p)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// sorted is a list of fields in alphabetical order: which filter field is settled first doesn't matter here.
func sorted(s string) string {
	parts := strings.Split(s, ", ")
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

func TestDraftRefuses(t *testing.T) {
	const prediction = "streams:\n  prediction: {topic: p, fields: {id: id, time: ts, score: score, decision: d}%s}\n"
	for want, text := range map[string]string{
		"input e: e.norm is what its norm is counted as":                                  fmt.Sprintf(prediction, "") + "inputs: {e: {type: vector}, e.norm: {type: numeric}}",
		"where of p: as a is used, it can be neither a number nor text nor true or false": fmt.Sprintf(prediction, `, where: "a == 1 || a == 'x'"`),
		"rule r: 1:3: '==' compares a number with text":                                   fmt.Sprintf(prediction, "") + "rules: [{name: r, expr: \"d == 'approve'\"}]",
	} {
		if _, err := draft(t, text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestDraftSlicesByARole(t *testing.T) {
	p, err := draft(t, "streams:\n  prediction: {topic: p, fields: {id: id, time: ts, version: meta.model, score: s}}\n"+
		"inputs: {r: {type: categorical}}\nslices: [[r], [meta.model], [meta.model, r]]")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range p.Slices {
		got = append(got, d.Name+"="+p.Prediction.Fields[d.Field].Name)
	}
	if s := fmt.Sprint(got, p.Groups); s != "[r=r meta.model=meta.model] [[0] [1] [1 0]]" {
		t.Errorf("slices %s", s)
	}
}

func TestDraftPolicyAndThresholds(t *testing.T) {
	const streams = "streams:\n  prediction: {topic: p, fields: {id: id, time: ts, score: s, decision: d}}\n  outcome: {topic: o, fields: {id: id, time: ts, label: up}, keep: 2d, mature_after: 1h}\n"
	const inputs = "inputs: {x: {type: numeric}, y: {type: numeric, ignore_below: {shift: 0.2sd}}, c: {type: categorical, values: [a, b]}}\nslices: [[c]]\n"
	p, err := draft(t, streams+inputs+"promises: [{metric: ece, max: 0.2, over: 7d, by: [c], then: page}]\n")
	if err != nil {
		t.Fatal(err)
	}
	if p.Score == nil || !p.Score.Own || p.Score.Threshold != 0.5 || p.Score.Missing != plan.Unstated {
		t.Errorf("the event's own decision: %+v", p.Score)
	}
	for _, missing := range []plan.MissingOutcomes{plan.AtRandomGivenScore, plan.PositivesOnly} {
		stated, err := draft(t, strings.Replace(streams, "keep: 2d", "keep: 2d, labels: {missing: "+string(missing)+"}", 1)+inputs)
		if err != nil || stated.Score.Missing != missing {
			t.Errorf("%s: %+v, %v", missing, stated.Score, err)
		}
	}
	if got := fmt.Sprint(p.Policy.Promises[0].By, *p.Policy.Promises[0].Max, p.Policy.Floor); got != "[0] 0.2 0.005" {
		t.Errorf("promise and floor: %s", got)
	}
	if x, y := p.Columns[0].Ignore, p.Columns[1].Ignore; x != (plan.Ignore{Shift: 0.05, Spread: 0.05, Rate: 0.005}) || y != (plan.Ignore{Shift: 0.2, Spread: 0.05, Rate: 0.005}) {
		t.Errorf("too small to matter: %+v, %+v", x, y)
	}
	if got := p.Columns[2].Values; !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("promised values: %v", got)
	}
	p, err = draft(t, streams+inputs+"decision: {threshold: 0.7}\n")
	if err != nil || p.Score.Own || p.Score.Threshold != 0.7 {
		t.Errorf("a threshold: %+v, %v", p.Score, err)
	}
}
