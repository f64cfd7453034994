package check_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/finding"
)

// people are events whose sex is known; from the 24th day on women who turn out positive are decided against more and more often.
func people(perDay int) (events []map[string]any, attributes string) {
	rng := rand.New(rand.NewPCG(8, 9))
	var b strings.Builder
	b.WriteString("who,said,sex\n")
	for i := range 34 * perDay {
		at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * (24 * time.Hour / time.Duration(perDay)))
		sex := []string{"female", "male"}[rng.IntN(2)]
		y, score := rng.IntN(2), 0.0
		if y == 1 {
			score = 0.3
		}
		score += 0.7 * rng.Float64()
		if sex == "female" && y == 1 && i/perDay >= 24 && rng.IntN(3) == 0 {
			score *= 0.4
		}
		id := fmt.Sprint("customer-", i)
		events = append(events, map[string]any{"id": id, "ts": at.Format(time.RFC3339), "x": rng.NormFloat64(), "cat": "a", "score": score, "y": y, "sex": sex})
		if i%4 == 0 { // a wrong one first
			fmt.Fprintf(&b, "%s,%s,%s\n", id, at.Add(-time.Minute).Format(time.RFC3339), map[string]string{"male": "female", "female": "male"}[sex])
		}
		fmt.Fprintf(&b, "%s,%s,%s\n", id, at.Format(time.RFC3339), sex)
	}
	return events, b.String()
}

func lined(t *testing.T, events []map[string]any, without string) string {
	t.Helper()
	var b strings.Builder
	for _, e := range events {
		if without != "" {
			e = map[string]any{"id": e["id"], "ts": e["ts"], "x": e["x"], "cat": e["cat"], "score": e["score"], "y": e["y"]}
		}
		v, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(v, '\n'))
	}
	return b.String()
}

const (
	groupPromise = "decision: {threshold: 0.5}\npromises: [{metric: equal_opportunity_difference, max: 0.1, over: 2d, by: [sex], then: page}]\n"
	joinedStream = "  attributes: {topic: a, fields: {id: who, time: said}}\ninputs:"
)

// An attribute that comes from a file of its own says of outcomes what it says where the events carry it: the same windows, numbers and verdicts.
// Of decisions it says nothing.
func TestAttributesOfTheirOwnFile(t *testing.T) {
	events, attributes := people(400)
	texts := map[string]string{"with.jsonl": lined(t, events, ""), "without.jsonl": lined(t, events, "sex"), "who.csv": attributes}
	carried := run(t, parse(t, head+"protected: {sex: {path: sex, privileged: male}}\n"+groupPromise), in(texts, "with.jsonl", "with.jsonl"))
	f := in(texts, "without.jsonl", "without.jsonl")
	f.Attributes = "who.csv"
	joined := run(t, parse(t, strings.Replace(head, "inputs:", joinedStream, 1)+"protected: {sex: {from: attributes, privileged: male}}\n"+groupPromise), f)
	said := func(r *check.Report) (out []string) {
		for _, f := range r.Findings {
			if f.Channel == "fairness_outcomes" {
				out = append(out, fmt.Sprintf("%s %s %v %s %s %v of %d and %d, %v", f.Window.Start.Format(time.DateOnly), f.Metric, f.Slice, f.Verdict, f.Severity, f.Value, f.N.Current, f.N.Reference, f.Numbers))
			}
		}
		return out
	}
	if d := cmp.Diff(said(carried), said(joined)); d != "" || len(said(joined)) == 0 {
		t.Errorf("(-carried +joined):\n%s\n%v", d, joined.Notes)
	}
	for _, f := range joined.Findings {
		if f.Channel == "fairness" {
			t.Errorf("decisions are judged by it: %+v", f)
		}
	}
	gaps := func(r *check.Report) map[string]finding.Number {
		out := map[string]finding.Number{}
		for _, v := range r.Fairness.Views {
			for _, g := range v.Groups {
				for _, gap := range g.Gaps {
					if m, _ := fairness.Find(gap.Metric); m.Outcomes {
						out[finding.SliceKey(g.Group)+" "+gap.Metric] = gap.Value
					}
				}
			}
		}
		return out
	}
	if d := cmp.Diff(gaps(carried), gaps(joined)); d != "" || len(gaps(joined)) == 0 {
		t.Errorf("report (-carried +joined):\n%s", d)
	}
	if s := joined.Streams[1]; s.File != "who.csv" || s.Accepted != 34*400*5/4 {
		t.Errorf("%+v", s)
	}
}

// What stands in a file of attributes is quoted nowhere, nor is anything told of it where none is named.
func TestAttributesAreNotShown(t *testing.T) {
	events, attributes := people(48)
	lines := strings.SplitN(attributes, "\n", 3)
	attributes = lines[0] + "\ncustomer-1,secret-time,secret-sex\n" + lines[1] + "\n" + lines[2]
	texts := map[string]string{"p.jsonl": lined(t, events, "sex"), "who.csv": attributes, "bad.csv": "who,said,sex\ncustomer-1,secret-time,secret-sex\n"}
	c := parse(t, strings.Replace(head, "inputs:", joinedStream, 1)+"protected: {sex: {from: attributes}}\n"+groupPromise)
	f := in(texts, "p.jsonl", "p.jsonl")
	f.Attributes = "who.csv"
	r := run(t, c, f)
	var out bytes.Buffer
	check.Write(&out, r)
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "1 set aside (time)") || !strings.Contains(out.String(), "line 2") {
		t.Errorf("%s", out.String())
	}
	f.Attributes = "bad.csv"
	_, err = check.Run(c, f, nil)
	if err == nil {
		t.Fatal("a file without a usable row is read")
	}
	for _, secret := range []string{"secret", "customer-"} {
		if strings.Contains(out.String(), secret) || bytes.Contains(b, []byte(secret)) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q is shown: %s\n%v", secret, out.String(), err)
		}
	}
	f.Attributes = ""
	if r := run(t, c, f); !strings.Contains(fmt.Sprint(r.Notes), "no file of attributes was named") {
		t.Errorf("notes %q", r.Notes)
	}
}
