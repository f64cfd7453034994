package plan_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// full is a plan with every part set, as a baseline would leave it.
func full() *plan.Plan {
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	limit := 0.5
	f := func(name string, k plan.Kind) plan.Field {
		return plan.Field{Name: name, Path: []string{name}, Kind: k}
	}
	return &plan.Plan{
		Format: plan.Format, Model: "credit", Contract: "sha256:cc", Baseline: "sha256:bb", Learns: "sha256:ll", From: day,
		Prediction: plan.Projection{
			Topic: "credit.predictions", Where: "!test", Schema: `{"type":"string"}`, Encoding: plan.Raw, Key: &plan.Key{Encoding: plan.Confluent, Subject: "keys"},
			Fields: []plan.Field{
				f("id", plan.String), f("ts", plan.Time), f("version", plan.String), f("score", plan.Number), f("decision", plan.Number),
				f("latency", plan.Number),
				{Name: "lineage", Path: []string{"job"}, Kind: plan.String, From: plan.FromHeader},
				f("income", plan.Number), f("region", plan.String),
				{Name: "test", Path: []string{"meta", "test"}, Kind: plan.Number, Boolean: true},
				{Name: "size", Kind: plan.String, Expr: "income < 100 ? 'small' : 'large'"},
			},
			Roles: plan.Roles{ID: 0, Time: 1, Version: 2, Score: 3, Decision: 4, Latency: 5, Lineage: 6, Label: -1},
		},
		Outcome: &plan.Projection{
			Topic: "credit.outcomes", Where: "late == null", Fields: []plan.Field{f("id", plan.String), f("ts", plan.Time), f("label", plan.String), f("late", plan.String)},
			Roles: plan.Roles{ID: 0, Time: 1, Label: 2, Version: -1, Score: -1, Decision: -1, Latency: -1, Lineage: -1},
		},
		Columns: []plan.Column{
			{Name: "income", Field: 7, Layout: plan.Layout{Edges: []float64{1, 2}, Lo: 0, Hi: 3}, Range: &[2]float64{0, 10}, Reference: plan.Reference{N: 6, Bins: []int64{1, 2, 3}}},
			{Name: "region", Field: 8, Layout: plan.Layout{Categorical: true, Categories: []string{"north"}}, Reference: plan.Reference{N: 3, Bins: []int64{1, 2}}},
			{Name: "size", Field: 10, Layout: plan.Layout{Categorical: true, Empty: true}},
			{Name: "score", Field: 3, Layout: plan.Layout{Empty: true}},
		},
		Score: &plan.Score{Edges: []float64{0.25, 0.5}, Threshold: 0.5, Own: true, Dispersion: 1, Missing: plan.PositivesOnly, Arrived: &plan.Arrived{OnTime: 40, All: 50}, Views: []plan.View{
			{Metrics: map[string]plan.Measured{"ece": {Value: 0.1}}, Shares: &plan.Shares{Value: [4]float64{.4, .1, .2, .3}, Panes: 8, Mean: [4]float64{.4, .1, .2, .3}}},
			{Dims: []int{0}, Codes: []int{1}, Slice: map[string]string{"region": "other"}, Metrics: map[string]plan.Measured{}},
		}},
		Slices: []plan.Dimension{{Name: "region", Field: 8, Values: []string{"north"}}, {Name: "size", Field: 10, Values: []string{"small"}}},
		Groups: [][]int{{0}, {0, 1}}, Rules: []plan.Rule{{Name: "paid", Expr: "income > 0 || size == 'small'", Share: 0.01}},
		Pane: time.Hour, TestPane: 24 * time.Hour, TruthPane: 7 * 24 * time.Hour, Lateness: 5 * time.Minute, Keep: 48 * time.Hour, MatureAfter: time.Hour,
		Reference: plan.Span{From: day.AddDate(0, -1, 0), To: day}, ReferenceRows: 100, Positive: "1",
		Policy: plan.Policy{
			Digest: "sha256:dd", Owners: map[string]string{"model": "risk"}, Costs: &plan.Costs{Currency: "EUR", FalsePositive: 1},
			Promises: []plan.Promise{{Metric: "ece", Max: &limit, Over: 7 * 24 * time.Hour, By: []int{1}, Then: []string{"page"}, Until: day}}, Pages: 0.03, Tickets: 0.1, Floor: 0.005,
		},
	}
}

func encoded(t *testing.T, p *plan.Plan) []byte {
	t.Helper()
	b, err := p.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReadGivesThePlanAndItsDigest(t *testing.T) {
	p := full()
	if p.Digest() != "" {
		t.Error("a plan has a digest before it is sealed")
	}
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	got, err := plan.Read(encoded(t, p))
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest() != p.Digest() || !reflect.DeepEqual(got, p) {
		t.Errorf("read as %+v\nwant %+v", got, p)
	}
	// The digest lies in every record that was counted by the plan: the same plan must keep it from build to build.
	if want := "503d02ab0eda11f9"; p.Digest() != want {
		t.Errorf("digest %s, want %s", p.Digest(), want)
	}
	// The policy has a digest of its own: another owner, price or promise must not begin the learning afresh.
	repriced := full()
	repriced.Contract, repriced.Policy.Owners, repriced.Policy.Pages = "sha256:other", map[string]string{"model": "others"}, 9
	if err := repriced.Seal(); err != nil || repriced.Digest() != p.Digest() {
		t.Errorf("a plan with another policy has digest %s, want %s (%v)", repriced.Digest(), p.Digest(), err)
	}
	other := full()
	other.Columns[0].Layout.Edges[1] = 2.5
	if err := other.Seal(); err != nil || other.Digest() == p.Digest() {
		t.Errorf("a plan with another edge has digest %s too (%v)", other.Digest(), err)
	}
}

func TestReadRefuses(t *testing.T) {
	for want, change := range map[string]func(p *plan.Plan){
		"unknown plan format 9, this build reads 3 to 8":                                         func(p *plan.Plan) { p.Format = 9 },
		"faults may be told of events that are 6m0s late, which is not within the lateness 5m0s": func(p *plan.Plan) { late := 6 * time.Minute; p.FaultLateness = &late },
		"the prediction stream is encoded as \"avro\", which this build can't read":              func(p *plan.Plan) { p.Prediction.Encoding = "avro" },
		"keys of the outcome stream are encoded as \"avro\", which this build can't read":        func(p *plan.Plan) { p.Outcome.Key = &plan.Key{Encoding: "avro"} },
		"the prediction stream is raw, and there is no schema for it":                            func(p *plan.Plan) { p.Prediction.Schema = "" },
		"field lineage of the prediction stream is from the \"body\"; there are key and":         func(p *plan.Plan) { p.Prediction.Fields[6].From = "body" },
		"field lineage of the prediction stream is from a header; its path has 2 steps":          func(p *plan.Plan) { p.Prediction.Fields[6].Path = []string{"a", "b"} },
		"field size of the prediction stream is computed, and from the key":                      func(p *plan.Plan) { p.Prediction.Fields[10].From = plan.FromKey },
		"the key of its ids is \"00ff\", no 32 hex digits":                                       func(p *plan.Plan) { p.IDs = "00ff" },
		"field income of the prediction stream is the \"component_64\" of what is read, as a number; there are length, given, norm, dimension and component_0 to component_63 as numbers": func(p *plan.Plan) {
			p.Prediction.Fields[7].Of = "component_64"
		},
		"field region of the prediction stream is the \"component_1\" of what is read, as a string;": func(p *plan.Plan) { p.Prediction.Fields[8].Of = plan.Component(1) },
		"field size of the prediction stream is the \"component_1\" of what is read":                 func(p *plan.Plan) { p.Prediction.Fields[10].Of = plan.Component(1) },
		"it names no model": func(p *plan.Plan) { p.Model = "" },
		"the test pane 24h0m0s is no multiple of the pane 5h0m0s":                                      func(p *plan.Plan) { p.Pane = 5 * time.Hour },
		"the test pane 24h0m0s is no multiple of the pane 1ms":                                         func(p *plan.Plan) { p.Pane = time.Millisecond },
		"the test pane 0s is no multiple of the pane 1h0m0s":                                           func(p *plan.Plan) { p.TestPane = 0 },
		"the truth pane 25h0m0s is no multiple of the test pane 24h0m0s":                               func(p *plan.Plan) { p.TruthPane = 25 * time.Hour },
		"the truth pane 0s is no multiple of the test pane 24h0m0s":                                    func(p *plan.Plan) { p.TruthPane = 0 },
		"the wide window 1ns is no multiple of the test pane 24h0m0s":                                  func(p *plan.Plan) { p.Wide = 1 },
		"the wide window -168h0m0s is no multiple of the test pane 24h0m0s":                            func(p *plan.Plan) { p.Wide = -7 * 24 * time.Hour },
		"a duration is negative: keep -1ns,":                                                           func(p *plan.Plan) { p.Keep = -1 },
		"the prediction stream has no id or no time":                                                   func(p *plan.Plan) { p.Prediction.Roles.ID = -1 },
		"the outcome stream has no id, time or label":                                                  func(p *plan.Plan) { p.Outcome.Roles.Label = -1 },
		`field region of the prediction stream is of kind "blob"; there are number, string and time`:   func(p *plan.Plan) { p.Prediction.Fields[8].Kind = "blob" },
		"field region of the prediction stream is true or false, and those are read as numbers":        func(p *plan.Plan) { p.Prediction.Fields[8].Boolean = true },
		"field region of the prediction stream needs either a path or an expression":                   func(p *plan.Plan) { p.Prediction.Fields[8].Path = nil },
		"field size of the prediction stream needs either a path or an expression":                     func(p *plan.Plan) { p.Prediction.Fields[10].Path = []string{"x"} },
		"field size of the prediction stream is a time, and an expression gives none":                  func(p *plan.Plan) { p.Prediction.Fields[10].Kind = plan.Time },
		`field label of the outcome stream is of kind ""`:                                              func(p *plan.Plan) { p.Outcome.Fields[2].Kind = "" },
		"the lineage of the prediction stream is field 11 of 11":                                       func(p *plan.Plan) { p.Prediction.Roles.Lineage = 11 },
		"the version of the prediction stream is field -2 of 11":                                       func(p *plan.Plan) { p.Prediction.Roles.Version = -2 },
		"the label of the outcome stream is field 4 of 4":                                              func(p *plan.Plan) { p.Outcome.Roles.Label = 4 },
		"the id of the prediction stream is field income of kind number; it must be a string":          func(p *plan.Plan) { p.Prediction.Roles.ID = 7 },
		"the time of the prediction stream is field income of kind number; it must be a time":          func(p *plan.Plan) { p.Prediction.Roles.Time = 7 },
		"the version of the prediction stream is field income of kind number; it must be a string":     func(p *plan.Plan) { p.Prediction.Roles.Version = 7 },
		"the score of the prediction stream is field region of kind string; it must be a number":       func(p *plan.Plan) { p.Prediction.Roles.Score = 8 },
		"the decision of the prediction stream is field region of kind string; it must be a number":    func(p *plan.Plan) { p.Prediction.Roles.Decision = 8 },
		"the latency of the prediction stream is field ts of kind time; it must be a number":           func(p *plan.Plan) { p.Prediction.Roles.Latency = 1 },
		"the lineage of the prediction stream is field income of kind number; it must be a string":     func(p *plan.Plan) { p.Prediction.Roles.Lineage = 7 },
		"the id of the outcome stream is field ts of kind time; it must be a string":                   func(p *plan.Plan) { p.Outcome.Roles.ID = 1 },
		"the label of the outcome stream is field ts of kind time; it must be a string":                func(p *plan.Plan) { p.Outcome.Roles.Label = 1 },
		"column income names field 11 of 11":                                                           func(p *plan.Plan) { p.Columns[0].Field = 11 },
		"column income names field -1 of 11":                                                           func(p *plan.Plan) { p.Columns[0].Field = -1 },
		"column income counts field ts, a time; it must be a number or a string":                       func(p *plan.Plan) { p.Columns[0].Field = 1 },
		"column income is numeric, but field region is a string; it must be a number":                  func(p *plan.Plan) { p.Columns[0].Field = 8 },
		"column region is categorical, but field income is a number; it must be a string":              func(p *plan.Plan) { p.Columns[1].Field = 7 },
		"column income has 2 reference bins for 3 bins":                                                func(p *plan.Plan) { p.Columns[0].Reference.Bins = []int64{1, 2} },
		"column income has an edge 1 that does not ascend: 1 after 1":                                  func(p *plan.Plan) { p.Columns[0].Layout.Edges[1] = 1 },
		"slice region names field 99 of 11":                                                            func(p *plan.Plan) { p.Slices[0].Field = 99 },
		"slice region is by field income, a number; it must be a string":                               func(p *plan.Plan) { p.Slices[0].Field = 7 },
		"a slice group names dimension 2 of 2":                                                         func(p *plan.Plan) { p.Groups[1][1] = 2 },
		"the promise on ece names dimension -1 of 2":                                                   func(p *plan.Plan) { p.Policy.Promises[0].By[0] = -1 },
		"it shows a window of 0s":                                                                      func(p *plan.Plan) { p.Policy.Windows = []time.Duration{time.Hour, 0} },
		"it counts scores, and the prediction stream has none":                                         func(p *plan.Plan) { p.Prediction.Roles.Score = -1 },
		"the event's own decision counts, and the prediction stream has none":                          func(p *plan.Plan) { p.Prediction.Roles.Decision = -1 },
		"the score has an edge 1 that does not ascend: 0.25 after 0.25":                                func(p *plan.Plan) { p.Score.Edges[1] = 0.25 },
		"view 1 of the score names dimension 5 of 2":                                                   func(p *plan.Plan) { p.Score.Views[1].Dims[0] = 5 },
		"view 1 of the score has 1 dimensions and 0 values":                                            func(p *plan.Plan) { p.Score.Views[1].Codes = nil },
		"derived column size: 1:1: there is no incom; did you mean income?":                            func(p *plan.Plan) { p.Prediction.Fields[10].Expr = "incom < 1" },
		"derived column size: 1:1: there is no size":                                                   func(p *plan.Plan) { p.Prediction.Fields[10].Expr = "size + 'x'" },
		"where of credit.predictions: 1:1: the expression gives a number, but true or false is needed": func(p *plan.Plan) { p.Prediction.Where = "income" },
		"where of credit.outcomes: 1:1: there is no income":                                            func(p *plan.Plan) { p.Outcome.Where = "income > 1" },
		"rule paid: 1:1: there is no nothing":                                                          func(p *plan.Plan) { p.Rules[0].Expr = "nothing > 1" },
	} {
		p := full()
		change(p)
		_, err := plan.Read(encoded(t, p))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %s", err, want)
			continue
		}
		if p.Model != "" && !strings.HasPrefix(err.Error(), "read plan of credit: ") {
			t.Errorf("%v doesn't say what was read", err)
		}
		if (p.Format == 9) != errors.Is(err, plan.ErrFormat) {
			t.Errorf("errors.Is(%v, ErrFormat) = %t", err, errors.Is(err, plan.ErrFormat))
		}
	}
}

func TestReadRefusesWhatItDoesNotKnow(t *testing.T) {
	good := string(encoded(t, full()))
	for in, want := range map[string]string{
		strings.Replace(good, `"format":8`, `"format":8,"frist":2`, 1): `read plan: json: unknown field "frist"`,
		strings.Replace(good, `"id":0`, `"id":0,"idd":0`, 1):           `read plan: json: unknown field "idd"`,
		good[:len(good)-1]: "read plan: unexpected EOF",
		"":                 "read plan: EOF",
		good + "{}":        "read plan: something follows it",
		"null":             "read plan of : unknown plan format 0, this build reads 3 to 8",
	} {
		if _, err := plan.Read([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := plan.Read([]byte(good + "\n")); err != nil {
		t.Errorf("a newline after it: %v", err)
	}
}

// FuzzRead: no panic; what is read is sealed, and is read from its own JSON as the same plan.
func FuzzRead(f *testing.F) {
	b, err := full().JSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format":5}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := plan.Read(in)
		if err != nil {
			return
		}
		again, err := plan.Read(encoded(t, p))
		if err != nil || again.Digest() != p.Digest() || p.Digest() == "" {
			t.Fatalf("digest %s, read again %v, %v", p.Digest(), again, err)
		}
	})
}

func micros(t *testing.T, s string) int64 {
	t.Helper()
	at, err := time.Parse(time.DateTime, s)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Micros(at)
}

func TestWindowsStart(t *testing.T) {
	p := full()
	week := 7 * 24 * time.Hour
	for _, c := range []struct {
		name string
		got  int64
		want string
	}{
		{"pane", p.PaneStart(micros(t, "2026-03-25 13:59:59")), "2026-03-25 13:00:00"},
		{"pane at its start", p.PaneStart(micros(t, "2026-03-25 13:00:00")), "2026-03-25 13:00:00"},
		{"pane before 1970", p.PaneStart(micros(t, "1969-12-31 23:59:59")), "1969-12-31 23:00:00"},
		{"pane before 1970, at its start", p.PaneStart(micros(t, "1969-12-31 23:00:00")), "1969-12-31 23:00:00"},
		{"test pane", p.TestStart(micros(t, "2026-03-25 13:59:59")), "2026-03-25 00:00:00"},
		{"truth pane, a Wednesday", p.TruthStart(micros(t, "2026-03-25 13:59:59")), "2026-03-23 00:00:00"},
		{"truth pane, Sunday night", p.TruthStart(micros(t, "2026-03-29 23:59:59")), "2026-03-23 00:00:00"},
		{"truth pane, Monday", p.TruthStart(micros(t, "2026-03-30 00:00:00")), "2026-03-30 00:00:00"},
		{"the epoch was a Thursday", p.TruthStart(0), "1969-12-29 00:00:00"},
		{"truth pane before 1970", p.TruthStart(micros(t, "1969-12-28 12:00:00")), "1969-12-22 00:00:00"},
		{"a day", plan.Align(micros(t, "2026-03-25 13:59:59"), 24*time.Hour), "2026-03-25 00:00:00"},
		{"three days, from the epoch", plan.Align(micros(t, "1970-01-05 00:00:00"), 72*time.Hour), "1970-01-04 00:00:00"},
		{"two weeks", plan.Align(micros(t, "1970-01-12 00:00:00"), 2*week), "1970-01-05 00:00:00"},
	} {
		if got := plan.FromMicros(c.got).Format(time.DateTime); got != c.want {
			t.Errorf("%s starts %s, want %s", c.name, got, c.want)
		}
	}
}

// A window holds the instant it was asked for, windows touch, and whole weeks begin on Mondays.
func TestAlignIsAPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.Int64Range(-62_135_596_800_000_000, 253_402_300_799_999_999).Draw(t, "us") // years 1 to 9999
		d := time.Duration(rapid.IntRange(1, 24*40).Draw(t, "hours")) * time.Hour
		start := plan.Align(us, d)
		if us < start || us >= start+d.Microseconds() {
			t.Fatalf("%d doesn't lie in [%d, +%s)", us, start, d)
		}
		if plan.Align(start, d) != start || plan.Align(start-1, d) != start-d.Microseconds() || plan.Align(start+d.Microseconds(), d) != start+d.Microseconds() {
			t.Fatalf("the windows round %d don't touch", start)
		}
		if at := plan.FromMicros(start); d%(7*24*time.Hour) == 0 && (at.Weekday() != time.Monday || at.Hour() != 0) {
			t.Fatalf("a week begins %s", at)
		}
	})
}

func TestTerms(t *testing.T) {
	got := full().Terms()
	if got.Keep != 48*3600e6 || got.MatureAfter != 3600e6 || got.PaneEnd(-7200e6) != -3600e6 {
		t.Errorf("%d %d %d", got.Keep, got.MatureAfter, got.PaneEnd(-7200e6))
	}
}

func TestIsPositive(t *testing.T) {
	for _, c := range []struct {
		positive, label string
		want            bool
	}{
		{"1", "1", true},
		{"1", "1.0", true},
		{"1", "1e0", true},
		{"1", "true", true},
		{"1", "0", false},
		{"1", "false", false},
		{"1", "", false},
		{"1", "yes", false},
		{"1", "01", true},
		{"true", "1", true},
		{"true", "true", true},
		{"false", "0", true},
		{"0", "false", true},
		{"yes", "yes", true},
		{"yes", "Yes", false},
		{"yes", "1", false},
		{"", "", true},
		{"", "0", false},
		{"-0.5", "-.5", true},
		{"NaN", "nan", false},
		{"9007199254740993", "9007199254740993", true},
	} {
		p := plan.Plan{Positive: c.positive}
		if got := p.IsPositive(c.label); got != c.want {
			t.Errorf("label %q where %q is positive: %t", c.label, c.positive, got)
		}
	}
}

func TestSlices(t *testing.T) {
	code := "\x00\x01\x00\x02\xff\xff"
	if plan.SliceAt(code, 0) != 1 || plan.SliceAt(code, 1) != 2 || plan.SliceAt(code, 2) != plan.NoValue || plan.SliceAt("\x01\x00", 0) != 256 {
		t.Errorf("%d %d %d", plan.SliceAt(code, 0), plan.SliceAt(code, 1), plan.SliceAt(code, 2))
	}
	for _, c := range []struct {
		dims, codes []int
		want        bool
	}{
		{nil, nil, true},
		{[]int{0}, []int{1}, true},
		{[]int{0}, []int{2}, false},
		{[]int{2, 0}, []int{plan.NoValue, 1}, true},
		{[]int{0, 1}, []int{1, 1}, false},
		{[]int{3}, []int{0}, false},
	} {
		if got := plan.InSlice(code, c.dims, c.codes); got != c.want {
			t.Errorf("dimensions %v, values %v: %t", c.dims, c.codes, got)
		}
	}
	d := plan.Dimension{Values: []string{"north", "south"}}
	for at, want := range map[int]string{0: "north", 1: "south", 2: "other", plan.NoValue: "missing", -1: "missing"} {
		if got := d.Label(at); got != want {
			t.Errorf("value %d is called %s, want %s", at, got, want)
		}
	}
}

func TestLayout(t *testing.T) {
	for name, c := range map[string]struct {
		l        plan.Layout
		bins     int
		constant bool
	}{
		"numeric":          {plan.Layout{Edges: []float64{1, 2}, Lo: 0, Hi: 3}, 3, false},
		"one value":        {plan.Layout{Lo: 7, Hi: 7}, 1, true},
		"empty":            {plan.Layout{Empty: true}, 0, false},
		"categories":       {plan.Layout{Categorical: true, Categories: []string{"a", "b"}}, 3, false},
		"one category":     {plan.Layout{Categorical: true, Categories: []string{"a"}}, 2, true},
		"and a rare one":   {plan.Layout{Categorical: true, Categories: []string{"a"}, Known: []string{"b"}}, 2, false},
		"empty categories": {plan.Layout{Categorical: true, Empty: true}, 0, false},
	} {
		if c.l.Bins() != c.bins || c.l.Constant() != c.constant {
			t.Errorf("%s: %d bins, constant %t", name, c.l.Bins(), c.l.Constant())
		}
	}
}
