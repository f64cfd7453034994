package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/expr"
)

// checkPromises reads the limits by their metrics' units and holds each promise against what the task can have.
func (k *checker) checkPromises() {
	for i, v := range items(k.root.at("promises")) {
		if v.ok {
			k.checkPromise(v, &k.c.Promises[i])
			k.checkTwice(v, i)
		}
	}
}

// checkTwice refuses a promise that an earlier one makes already: its window would be judged twice, for two of the same name.
func (k *checker) checkTwice(v *value, at int) {
	p := &k.c.Promises[at]
	if p.Max == nil && p.Min == nil && p.MaxIncrease == nil {
		return // it could not be read
	}
	for i := range at {
		if p.same(&k.c.Promises[i]) {
			k.refuse(v, "promises[%d] promises the same; make one of both, with all of then and agreed", i)
			return
		}
	}
}

// same reports whether two promises have the same limit on the same metric of the same decisions over the same window, by the same slices.
func (p *Promise) same(q *Promise) bool {
	limit := func(a, b *float64) bool { return a == b || a != nil && b != nil && *a == *b }
	return p.Metric == q.Metric && p.Of == q.Of && p.Expr == q.Expr && p.Over == q.Over && limit(p.Max, q.Max) && limit(p.Min, q.Min) && limit(p.MaxIncrease, q.MaxIncrease) &&
		len(p.By) == len(q.By) && (len(p.By) == 0 || sameSet(p.By, q.By))
}

func (k *checker) checkPromise(v *value, p *Promise) {
	limits := 0
	for _, key := range []string{"max", "min", "max_increase"} {
		if v.at(key) != nil {
			limits++
		}
	}
	switch {
	case limits == 0:
		k.refuse(v, "nothing is promised; add max, min or max_increase")
	case limits > 1:
		k.refuse(v, "one promise has one of max, min and max_increase; make two promises of it")
	}
	k.multipleOfPane(v.at("over"), "a promise's window")
	m, _ := MetricOf(k.c.Task.Type, p.Metric)
	if by := v.at("by"); m.Needs.Groups {
		k.checkGroups(v, by, p)
	} else if by.readable() && len(p.By) > 0 && !slices.ContainsFunc(k.c.Slices, func(s []string) bool { return sameSet(s, p.By) }) {
		k.refuse(by, "there is no slice by [%s]; add it to slices", strings.Join(p.By, ", "))
	}
	then := items(v.at("then"))
	k.unique(then, "this stands here twice")
	for _, it := range then {
		if of[string](it) == "retrain" && k.root.at("retrain") == nil {
			k.refuse(it, "nothing says where retraining is asked for; add retrain: {topic: ..., on: [...]}")
		}
	}
	k.checkOf(v, p, m)
	if name := v.at("metric"); name.readable() && k.c.Task.Type != "" {
		k.checkMetric(v, name, p)
	}
}

// checkOf checks of which decisions a promise on reason codes is, and fills that in: those that say no, where there are decisions. It is
// they that people are owed reasons for (US: 12 CFR 1002.9(b)(2), "adverse action").
func (k *checker) checkOf(v *value, p *Promise, m Metric) {
	of := v.at("of")
	decided := k.c.Task.Type == Binary && k.decides()
	switch {
	case !m.Needs.Reasons:
		if of != nil {
			k.refuse(of, "only a promise on %s says of which decisions it is; remove it", ReasonCodeCoverage)
		}
	case of == nil && decided:
		p.Of = NegativeDecisions
	case of == nil:
		p.Of = AllDecisions
	case of.readable() && p.Of != AllDecisions && k.c.Task.Type != "" && k.c.Task.Type != Binary:
		k.refuse(of, "only a binary task has positive and negative decisions; write all, or remove it")
	case of.readable() && p.Of != AllDecisions && !decided:
		k.refuse(of, "nothing says what is decided; add decision: {threshold: 0.5}, or streams.prediction.fields.decision, or write all")
	}
}

// decides reports whether a binary model's decisions are said: by a threshold or in a field.
func (k *checker) decides() bool {
	fields := k.root.at("streams").at("prediction").at("fields")
	return k.c.Decision.Threshold != nil || k.c.Decision.Cheapest || fields == nil || fields.at("decision") != nil
}

// mostCrossed is how many protected attributes a promise may cross.
const mostCrossed = 3

// checkGroups checks a promise that compares groups: by names protected attributes, one or a few that are crossed. Without it, each is held to it.
func (k *checker) checkGroups(v, by *value, p *Promise) {
	if increase := v.at("max_increase"); increase != nil {
		k.refuse(increase, "a promise on groups has a limit of its own, not one relative to the reference; promise max, or min of a ratio")
	}
	for _, it := range items(by) {
		if name := of[string](it); it.ok && k.root.at("protected").at(name) == nil {
			k.refuse(it, "%s is no protected attribute; %s compares groups of one: add it to protected", name, p.Metric)
		}
	}
	k.unique(items(by), "this attribute stands here twice")
	k.checkJoinedGroups(v, by, p)
	if len(p.By) > mostCrossed {
		k.refuse(by, "the cross of more than %d attributes has groups too small to say anything of", mostCrossed)
	}
}

func (k *checker) checkMetric(v, name *value, p *Promise) {
	task := k.c.Task.Type
	m, known := MetricOf(task, p.Metric)
	e := v.at("expr")
	switch {
	case e != nil && known:
		k.refuse(name, "this is a metric already; give a metric of one's own another name, or remove expr")
		return
	case e != nil:
		if e.ok {
			k.checkKPI(e, p)
		}
		m = Metric{Name: p.Metric, Unit: own, Direction: Either}
	case !known:
		names := Metrics(task)
		if near := didYouMean(p.Metric, names); near != "" {
			k.refuse(name, "a %s task has no such metric%s", task, near)
		} else {
			k.refuse(name, "a %s task has no such metric (it has %s; or give an expr for one of your own)", task, strings.Join(names, ", "))
		}
		return
	default:
		k.needs(name, m)
	}
	switch {
	case m.Direction == Lower && v.at("min") != nil:
		k.refuse(v.at("min"), "%s is better when it is small; promise max or max_increase", m.Name)
		return
	case m.Direction == Higher && (v.at("max") != nil || v.at("max_increase") != nil):
		worse := v.at("max")
		if worse == nil {
			worse = v.at("max_increase")
		}
		k.refuse(worse, "%s is better when it is large; promise min", m.Name)
		return
	}
	p.Max = k.limit(v.at("max"), m)
	p.Min = k.limit(v.at("min"), m)
}

// own is the unit of a metric that a contract defines itself: nobody knows.
const own Unit = ""

// limit reads a limit in m's unit; nil if there is none or it can't be read.
func (k *checker) limit(v *value, m Metric) *float64 {
	if !v.readable() {
		return nil
	}
	l := of[limit](v)
	f, ok := l.number, l.isNumber
	want := "a number"
	switch m.Unit {
	case Seconds:
		d, err := ParseDuration(l.text)
		f, ok = d.Std().Seconds(), !l.isNumber && err == nil && d > 0
		want = "a duration, like 250ms or 2h"
	case own:
		if !ok {
			f, ok = percent(l.text)
		}
		want = "a number or a percentage"
	case Share, Ratio:
		if !ok {
			f, ok = percent(l.text)
		}
		want = "a share, like 0.1 or 10%"
	case Events:
		want = "a number of events"
		ok = ok && f >= 0
	case Currency:
		want = "a number, in the currency of costs"
	case Plain:
	}
	switch {
	case !ok:
		k.refuse(v, "a limit on %s is %s", m.Name, want)
		return nil
	case m.Bounded && (f < m.Least || f > m.Most):
		k.refuse(v, "%s lies between %g and %g; a limit on it is %s", m.Name, m.Least, m.Most, want)
		return nil
	case m.Unit == Ratio && f < 0:
		k.refuse(v, "%s is never negative; a limit on it is %s", m.Name, want)
		return nil
	}
	return &f
}

// needs reports what m asks for and the contract doesn't have.
func (k *checker) needs(v *value, m Metric) {
	if missing := k.lacking(m); missing != "" {
		k.refuse(v, "%s needs %s", m.Name, missing)
	}
}

// lacking says what of m's needs the contract doesn't have; "" if it has all.
func (k *checker) lacking(m Metric) string {
	streams := k.root.at("streams")
	fields := streams.at("prediction").at("fields")
	has := func(role string) bool { return fields == nil || fields.at(role) != nil } // no fields at all is reported by itself
	var missing []string
	if m.Needs.Outcome && streams.at("outcome") == nil {
		missing = append(missing, "labels: add streams.outcome")
	}
	if m.Needs.Score && !has("score") {
		missing = append(missing, "a score: add streams.prediction.fields.score")
	}
	if m.Needs.Decision {
		switch k.c.Task.Type {
		case Binary:
			if !k.decides() {
				missing = append(missing, "decisions: add decision: {threshold: 0.5}, or streams.prediction.fields.decision")
			}
		default:
			if !has("decision") && !(has("score") && (k.c.Task.Type != Multiclass || k.c.Task.Score != "")) {
				missing = append(missing, "decisions: add streams.prediction.fields.decision, or a score with a probability of each class")
			}
		}
	}
	if m.Needs.Each && k.c.Task.Score == "" {
		missing = append(missing, "a probability of each class: add task.score: vector or map")
	}
	if m.Needs.Interval && (!has("low") || !has("high")) {
		missing = append(missing, "an interval: add streams.prediction.fields.low and high")
	}
	if m.Needs.Latency && !has("latency") {
		missing = append(missing, "latencies: add streams.prediction.fields.latency")
	}
	if m.Needs.Reasons && !has("reasons") {
		missing = append(missing, "reason codes: add streams.prediction.fields.reasons")
	}
	if m.Needs.Costs && k.root.at("costs") == nil {
		missing = append(missing, "prices: add costs")
	}
	if m.Needs.Groups && (k.root.at("protected") == nil || len(k.root.at("protected").order) == 0) {
		missing = append(missing, "groups: add protected, like {sex: {privileged: male}}")
	}
	return strings.Join(missing, "; ")
}

// KPIVars are the variables that a promise's expr sees: the metrics of a task of type t but those of groups, all numbers.
func KPIVars(t TaskType) []expr.Var {
	var out []expr.Var
	for _, m := range MetricsOf(t) {
		if !m.Needs.Groups { // which group's it would be, nothing says
			out = append(out, expr.Var{Name: m.Name, Type: expr.Number})
		}
	}
	return out
}

func (k *checker) checkKPI(v *value, p *Promise) {
	vars := KPIVars(k.c.Task.Type)
	prog, err := expr.Compile(p.Expr, vars, expr.Number)
	if err != nil {
		k.badExpr(v, err)
		return
	}
	used := prog.Vars()
	if len(used) == 0 {
		k.refuse(v, "this uses no metric, so it never changes")
	}
	for _, i := range used {
		if m, ok := MetricOf(k.c.Task.Type, vars[i].Name); ok {
			if missing := k.lacking(m); missing != "" {
				k.refuse(v, "%s", fmt.Sprintf("%s needs %s", m.Name, missing))
			}
		}
	}
}
