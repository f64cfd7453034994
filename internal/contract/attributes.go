package contract

import "strings"

// joined reports whether a protected attribute comes from a stream of its own.
func (c *Contract) joined(attribute string) bool {
	for _, a := range c.Protected {
		if a.Attribute == attribute {
			return a.From == FromAttributes
		}
	}
	return false
}

// checkAttributes checks that what the attributes' stream brings is asked for.
func (k *checker) checkAttributes() {
	v := k.root.at("streams").at("attributes")
	if v == nil {
		return
	}
	for _, a := range k.c.Protected {
		if a.From == FromAttributes {
			return
		}
	}
	k.refuse(v, "no protected attribute comes from it; write protected: {sex: {from: attributes}}, or remove it")
}

// checkJoined checks a protected attribute that comes from the attributes' stream.
func (k *checker) checkJoined(name string, v, from *value) {
	k.checkPath(v.at("path"))
	streams := k.root.at("streams")
	switch col, known := k.columns[name]; {
	case streams.at("attributes") == nil:
		k.refuse(from, "there is no such stream; add streams.attributes: {topic: ..., fields: {id: ..., time: ...}}")
	case known:
		k.refuse(from, "there is %s called %s already; remove from, or give the attribute another name", col.what, name)
	case streams.at("outcome") == nil:
		k.refuse(from, "what comes from there is for metrics of outcomes only, and there are none; add streams.outcome, or let the prediction's events carry it and say where: %s: {path: %s}", name, name)
	}
}

// checkJoinedGroups refuses promises on decisions by attributes that are joined with outcomes only.
func (k *checker) checkJoinedGroups(v, by *value, p *Promise) {
	m, ok := MetricOf(k.c.Task.Type, p.Metric)
	if !ok || m.Needs.Outcome {
		return
	}
	var onOutcomes []string
	for _, f := range fairnessMetrics {
		if f.Needs.Outcome {
			onOutcomes = append(onOutcomes, f.Name)
		}
	}
	const advice = "comes from streams.attributes, by which outcomes are compared and decisions aren't; promise one of %s, or let the prediction's events carry it and say where by path"
	for _, it := range items(by) {
		if it.ok && k.c.joined(of[string](it)) {
			k.refuse(it, "%s "+advice, of[string](it), strings.Join(onOutcomes, ", "))
		}
	}
	if by != nil || len(k.c.Protected) == 0 {
		return
	}
	for _, a := range k.c.Protected {
		if a.From == "" {
			return // it is held to the promise
		}
	}
	k.refuse(v.at("metric"), "every protected attribute "+advice, strings.Join(onOutcomes, ", "))
}
