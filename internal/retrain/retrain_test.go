package retrain

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

const day = 24 * time.Hour

var (
	now   = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	event = time.Date(2026, 5, 31, 0, 0, 0, 0, time.UTC)
)

func signal(channel, subject, metric string) incident.Signal {
	return incident.Signal{Channel: channel, Subject: subject, Metric: metric}
}

func trouble(id, cause string, onset time.Duration, signals ...incident.Signal) Trouble {
	return Trouble{Signals: signals, Incident: incident.Incident{
		ID: id, Model: "credit", Status: incident.Open, Title: id + " broke", Onset: event.Add(-onset), Cause: incident.Cause{Kind: cause, Confidence: finding.None()},
		Numbers: []finding.Figure{{Name: "roc_auc", Before: 0.8, Now: finding.None()}}, Subjects: []incident.Subject{{Name: "income", Share: 1}}, Findings: []string{"f1"},
	}}
}

// base is a model whose scores mean something else since two days, and nothing is in the way.
func base() Situation {
	return Situation{
		Policy: &plan.Policy{
			Retrain:  &plan.Retrain{Topic: "t", On: []string{"calibration", "drift", "income-known"}, Cooldown: 7 * day, PerMonth: 2, Window: 28 * day},
			Promises: []plan.Promise{{Metric: "ece", Then: []string{"ticket", "retrain"}}, {Metric: "mcc", Then: []string{"page"}}},
		},
		This: trouble("a", "concept_drift", 2*day, signal("calibration", "outcome", "calibration")), Now: now, EventNow: event, Results: map[string]Result{},
	}
}

func resolved(t Trouble, ago time.Duration) Trouble {
	at := event.Add(-ago)
	t.Incident.Status, t.Incident.ResolvedAt = incident.Resolved, &at
	return t
}

func TestDecide(t *testing.T) {
	asked := func(ago time.Duration) Trigger { return Trigger{ID: "old", At: now.Add(-ago)} }
	income := trouble("income", "unit_change", day, signal("location", "income", "mean"))
	for name, c := range map[string]struct {
		change func(*Situation)
		want   string // the reason and name, or the start of why it is held; "" for nothing
	}{
		"scores mean something else": {nil, "calibration"},
		"nothing asked for":          {func(s *Situation) { s.Policy.Retrain = nil }, ""},
		"it is over":                 {func(s *Situation) { s.This = resolved(s.This, 0) }, ""},
		"somebody is at it":          {func(s *Situation) { s.This.Incident.Status = incident.Acknowledged }, "calibration"},
		"outcomes of broken data, where drift isn't wanted": {func(s *Situation) {
			s.Policy.Retrain.On = []string{"calibration"}
			s.This = trouble("a", "unit_change", day, signal("location", "income", "mean"), signal("calibration", "outcome", "calibration"))
			s.All = []Trouble{s.This}
		}, "held back because a broke"},
		"performance, not wanted": {func(s *Situation) { s.This = trouble("a", "performance", day) }, ""},
		"performance, wanted": {func(s *Situation) {
			s.This = trouble("a", "performance", day)
			s.Policy.Retrain.On = []string{"performance"}
		}, "performance"},
		"drift": {func(s *Situation) { s.This = trouble("a", "unknown", day, signal("location", "income", "mean")) }, "drift"},
		"drift, not wanted": {func(s *Situation) {
			s.This = trouble("a", "unknown", day)
			s.Policy.Retrain.On = []string{"calibration"}
		}, ""},
		"a disparity": {func(s *Situation) { s.This = trouble("a", "disparity", day) }, ""},
		"a rule":      {func(s *Situation) { s.This = trouble("a", "unknown", day, signal("rule", "income-known", "share")) }, "rule income-known"},
		"another rule": {func(s *Situation) {
			s.This = trouble("a", "unknown", day, signal("rule", "other", "share"))
			s.Policy.Retrain.On = []string{"x"}
		}, ""},
		"a promise that asks for it": {func(s *Situation) {
			s.This = trouble("a", "performance", day, signal("promise", "promise: ece", "ece"))
		}, "promise ece"},
		"a promise that doesn't": {func(s *Situation) {
			s.This = trouble("a", "performance", day, signal("promise", "promise: mcc", "mcc"))
		}, ""},
		"its own data are broken": {func(s *Situation) { s.This, s.All = income, []Trouble{income} }, "held back because income broke: broken data (unit change)"},
		"other data are broken":   {func(s *Situation) { s.All = []Trouble{s.This, income} }, "held back because income broke: broken data (unit change)"},
		"other data were broken":  {func(s *Situation) { s.All = []Trouble{s.This, resolved(income, time.Hour)} }, "calibration"},
		"half of it was broken": {func(s *Situation) {
			s.All = []Trouble{s.This, resolved(trouble("b", "stuck", 20*day), 13*day), resolved(trouble("c", "late", 15*day), 6*day)}
		}, "calibration"},
		"more was broken": {func(s *Situation) {
			s.All = []Trouble{s.This, resolved(trouble("b", "stuck", 20*day), 13*day), resolved(trouble("c", "late", 15*day), 6*day-time.Hour)}
		}, "held back until half of the training window of 672 h holds data that weren't broken"},
		"the cause of a drift may be broken data": {func(s *Situation) {
			s.This = trouble("a", "unknown", day, signal("location", "income", "mean"))
			s.This.Pending = true
			s.All = []Trouble{s.This}
		}, "held back: cause not yet known"},
		"that of another one may": {func(s *Situation) {
			other := trouble("b", "unknown", day, signal("location", "income", "mean"))
			other.Pending = true
			s.All = []Trouble{s.This, other}
		}, "held back: cause not yet known"},
		"that of one that is over": {func(s *Situation) {
			other := resolved(trouble("b", "unknown", day, signal("location", "income", "mean")), 0)
			other.Pending = true
			s.All = []Trouble{s.This, other}
		}, "calibration"},
		"events were lost": {func(s *Situation) {
			s.All = []Trouble{s.This, trouble("b", "unknown", day, signal("coverage", "topic", "offsets"))}
		}, "held back because b broke: broken data (events lost or counted twice)"},
		"lost events ask for nothing": {func(s *Situation) { s.This = trouble("b", "unknown", day, signal("coverage", "topic", "offsets")) }, ""},
		"held by people":              {func(s *Situation) { s.Policy.Retrain.Hold = &plan.Hold{By: "grid", Why: "audit"} }, "held back by grid: audit"},
		"until later":                 {func(s *Situation) { s.Policy.Retrain.Hold = &plan.Hold{By: "grid", Why: "audit", Until: now.Add(1)} }, "held back by grid until 2026-06-01 12:00: audit"},
		"until now":                   {func(s *Situation) { s.Policy.Retrain.Hold = &plan.Hold{By: "grid", Why: "audit", Until: now} }, "calibration"},
		"one goes on":                 {func(s *Situation) { s.Asked = []Trigger{asked(6 * day)} }, "held back while the retraining that was asked for at 2026-05-26 12:00 goes on"},
		"its own goes on": {func(s *Situation) {
			s.Asked = []Trigger{{ID: "old", Incident: "a", At: now.Add(-day)}}
		}, ""},
		"one is given up": {func(s *Situation) { s.Asked = []Trigger{asked(7 * day)} }, "calibration"},
		"one has begun": {func(s *Situation) {
			s.Asked, s.Results["old"] = []Trigger{asked(6*day + time.Hour)}, Result{Status: Started}
		}, "held back while the retraining that was asked for"},
		"cooldown": {func(s *Situation) {
			s.Asked, s.Results["old"] = []Trigger{asked(6 * day)}, Result{Status: Succeeded}
		}, "held back until 2026-06-02 12:00, the end of the cooldown: the last trigger was at 2026-05-26 12:00"},
		"cooldown over": {func(s *Situation) {
			s.Asked, s.Results["old"] = []Trigger{asked(7 * day)}, Result{Status: Failed}
		}, "calibration"},
		"the budget": {func(s *Situation) {
			s.Asked = []Trigger{asked(29 * day), asked(8 * day)}
		}, "held back by the budget: 2 triggers in the last 30 days, 2 are allowed"},
		"the budget of the month before": {func(s *Situation) { s.Asked = []Trigger{asked(30 * day), asked(8 * day)} }, "calibration"},
		"no budget": {func(s *Situation) {
			s.Policy.Retrain.PerMonth = 0
			s.Asked = []Trigger{asked(20 * day), asked(15 * day), asked(8 * day)}
		}, "calibration"},
	} {
		s := base()
		if c.change != nil {
			c.change(&s)
		}
		if s.All == nil {
			s.All = []Trouble{s.This}
		}
		d := Decide(s)
		got := d.Held
		if d.Trigger != nil {
			got = strings.TrimSpace(string(d.Trigger.Reason) + " " + d.Trigger.Name)
		}
		if got != c.want && (c.want == "" || d.Held == "" || !strings.HasPrefix(got, c.want)) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestWindow(t *testing.T) {
	broken := func(onset, over time.Duration) Trouble { return resolved(trouble("b", "stuck", onset), over) }
	for name, c := range map[string]struct {
		change  func(*Situation)
		from    time.Duration // before the event time that the model has come to
		exclude []time.Duration
	}{
		"a fresh change of meaning": {nil, 28 * day, nil},
		"one of two weeks":          {func(s *Situation) { s.This = trouble("a", "concept_drift", 14*day) }, 14 * day, nil},
		"one of long ago":           {func(s *Situation) { s.This = trouble("a", "concept_drift", 60*day) }, 60 * day, nil},
		"a drift of inputs":         {func(s *Situation) { s.This = trouble("a", "unknown", 60*day) }, 28 * day, nil},
		"broken in between":         {func(s *Situation) { s.All = []Trouble{s.This, broken(10*day, 9*day)} }, 28 * day, []time.Duration{10 * day, 9 * day}},
		"broken across the start":   {func(s *Situation) { s.All = []Trouble{s.This, broken(40*day, 27*day)} }, 28 * day, []time.Duration{28 * day, 27 * day}},
		"broken before":             {func(s *Situation) { s.All = []Trouble{s.This, broken(40*day, 29*day)} }, 28 * day, nil},
	} {
		s := base()
		if c.change != nil {
			c.change(&s)
		}
		w := Decide(s).Trigger.Window
		if got := event.Sub(w.From); got != c.from || !w.To.Equal(event) {
			t.Errorf("%s: from %s before, to %s", name, got, w.To)
		}
		if len(w.Exclude)*2 != len(c.exclude) || len(c.exclude) > 0 && (event.Sub(w.Exclude[0].From) != c.exclude[0] || event.Sub(w.Exclude[0].To) != c.exclude[1]) {
			t.Errorf("%s: without %+v", name, w.Exclude)
		}
	}
}

func schema(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("it", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("it")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is published fits the schema that is published, also at its emptiest, and a result that fits is read.
func TestSchemas(t *testing.T) {
	s := base()
	s.All = []Trouble{s.This, resolved(trouble("b", "stuck", 3*day), day)}
	full := Decide(s).Trigger
	s.This.Incident.Numbers, s.This.Incident.Findings, s.This.Incident.Subjects, s.All = nil, nil, nil, nil
	for _, one := range []*Trigger{full, Decide(s).Trigger} {
		b, err := json.Marshal(finding.Wrap(KindTrigger, one.ID, one.Model, one.At, one))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema(t, TriggerSchema).Validate(doc); err != nil {
			t.Errorf("%s: %v", b, err)
		}
	}
	r := Result{KindName: KindResult, Trigger: full.ID, Model: "credit", Status: Succeeded, Version: "v8", At: now.Add(time.Hour)}
	b, err := json.Marshal(finding.Wrap(KindResult, "r1", "credit", now, r))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema(t, ResultSchema).Validate(doc); err != nil {
		t.Error(err)
	}
	got, err := ReadResult(b)
	if err != nil || got != r || CycleTime(full, &got) != time.Hour {
		t.Errorf("read %+v, %v; cycle %s", got, err, CycleTime(full, &got))
	}
}

// What is no result is refused, whatever it is; what is read names a trigger, a model, a status and a time.
func FuzzReadResult(f *testing.F) {
	f.Add([]byte(`{"data":{"kind":"retrain_result","trigger":"a","model":"b","status":"started","at":"2026-01-01T00:00:00Z"}}`))
	f.Add([]byte(`{"data":{"kind":"retrain_trigger"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := ReadResult(b); err == nil && (r.Trigger == "" || r.Model == "" || r.Status == "" || r.At.IsZero()) {
			t.Errorf("read %+v", r)
		}
	})
}
