package produce

import (
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/check"
)

// sent gives the ids of a run in the order in which they would go out: p: and o: say the stream.
func sent(t *testing.T, h *house, predictions, outcomes string) string {
	t.Helper()
	const header = "id,at,score,version,amount,plan,active,since\n"
	o := Options{Contract: load(t, churn), Files: check.Files{Predictions: write(t, "p.csv", header+predictions), Outcomes: write(t, "o.csv", "id,at,churned\n"+outcomes)}}
	return sequence(t, h, o)
}

func sequence(t *testing.T, h *house, o Options) string {
	t.Helper()
	r, err := Open(t.Context(), o, h.registry)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	var out []string
	for {
		f, err := next(r.feeds)
		if err != nil {
			t.Fatal(err)
		}
		if f == nil {
			return strings.Join(out, " ")
		}
		out = append(out, f.name[:1]+":"+f.key())
		f.at++
	}
}

func TestOrderOfTwoStreams(t *testing.T) {
	h := newHouse(t)
	p := func(id, at string) string { return id + "," + at + ",0.5,v,1,pro,true,1\n" }
	o := func(id, at string) string { return id + "," + at + ",1\n" }
	for name, c := range map[string]struct{ predictions, outcomes, want string }{
		"by time":              {p("a", "1") + p("b", "3"), o("a", "2") + o("b", "4"), "p:a o:a p:b o:b"},
		"same instant":         {p("a", "1") + p("b", "2"), o("a", "2") + o("b", "3"), "p:a o:a p:b o:b"},
		"never before its own": {p("a", "1") + p("b", "1"), o("a", "1") + o("b", "1"), "p:a o:a p:b o:b"},
		"out of order":         {p("a", "5") + p("b", "1"), o("a", "3"), "o:a p:a p:b"},
		"outcomes end":         {p("a", "1") + p("b", "9"), o("a", "2"), "p:a o:a p:b"},
		"none before":          {p("a", "9"), o("x", "1") + o("a", "10"), "o:x p:a o:a"},
	} {
		if got := sent(t, h, c.predictions, c.outcomes); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Of three streams, too, a prediction goes before what is of its id, whatever the others' heads are of.
func TestOrderOfThreeStreams(t *testing.T) {
	h := newHouse(t)
	for name, c := range map[string]struct{ outcomes, attributes, want string }{
		"all of one id":              {"a,1,1\n", "a,1,f\n", "p:a o:a a:a"},
		"an outcome of another":      {"b,1,1\n", "a,1,f\n", "o:b p:a a:a"},
		"attributes of another":      {"a,1,1\n", "b,1,f\n", "a:b p:a o:a"},
		"both of another":            {"b,1,1\n", "b,1,f\n", "a:b o:b p:a"},
		"an outcome of before":       {"a,0,1\n", "a,1,f\n", "o:a p:a a:a"},
		"attributes, and no outcome": {"", "a,1,f\n", "p:a a:a"},
	} {
		got := sequence(t, h, Options{
			Contract: load(t, strings.Replace(churn, "inputs:", churnAttributes, 1)+"protected: {sex: {from: attributes}}\n"),
			Files: check.Files{
				Predictions: write(t, "p.csv", "id,at,score,version,amount,plan,active,since\na,1,0.5,v,1,pro,true,1\n"),
				Outcomes:    write(t, "o.csv", "id,at,churned\n"+c.outcomes), Attributes: write(t, "who.csv", "id,said,sex\n"+c.attributes),
			},
		})
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
