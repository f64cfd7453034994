package incident

import (
	"cmp"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// show brings the public object up to date and returns it as it is now, with what happened to it.
func (b *Book) show(e *entry, c Change) Incident {
	inc := &e.inc
	inc.Weight = e.weigh()
	inc.Score = inc.Weight.score()
	inc.Subjects = e.subjects()
	inc.Slices = e.slices()
	inc.Numbers = e.numbers()
	inc.Impact = e.impact()
	inc.Changes = b.cited(e)
	inc.Cause = e.cause()
	if inc.Lineage = e.lineage(); inc.Lineage == nil { // what the events themselves say goes before what was told of them
		inc.Lineage = lineage(inc.Changes)
	}
	inc.Title = e.title()
	if p := b.policies[inc.Model]; p != nil {
		inc.Runbook = runbook(inc.Cause.Kind, p)
		inc.Owner = owner(e.lane, p)
	}
	e.shown = e.whole()
	return b.shown(e, c)
}

// shown is the public object as it stands, with what happened to it.
func (b *Book) shown(e *entry, c Change) Incident {
	out := e.shown.clone()
	out.Change, out.Calls = c, e.calls
	return out
}

// subjects ranks what moved by its share of the evidence; without a measure of evidence all count alike.
func (e *entry) subjects() []Subject {
	weight := map[string]float64{}
	var order []string
	var total float64
	for _, p := range e.parts() {
		if e.broken && e.across(laneOf(&p.last)) { // its evidence is of another kind, and comes of what broke
			continue
		}
		w := 1.0
		if p.last.Evidence.Log10.Valid() {
			w = max(0.01, float64(p.last.Evidence.Log10))
		}
		if _, seen := weight[p.subject]; !seen {
			order = append(order, p.subject)
		}
		if w > weight[p.subject] {
			total += w - weight[p.subject]
			weight[p.subject] = w
		}
	}
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(weight[b], weight[a]) })
	out := make([]Subject, len(order))
	for i, s := range order {
		out[i] = Subject{Name: s, Share: finding.Number(math.Round(weight[s]/total*100) / 100)}
	}
	return out
}

func (e *entry) slices() []map[string]string {
	out := []map[string]string{}
	seen := map[string]bool{"": true}
	for _, p := range e.parts() {
		if k := finding.SliceKey(p.slice); !seen[k] {
			seen[k] = true
			out = append(out, p.slice)
		}
	}
	if p := e.diagnosed(); p != nil {
		if d := p.last.Diagnosis; !seen[finding.SliceKey(d.Slice)] {
			out = append(out, d.Slice)
		}
	}
	return out
}

// lead is the signal that speaks for the incident: the whole before a slice, then the one that pages, then the first.
func (e *entry) lead() *part {
	all := e.parts()
	best := all[0]
	rank := func(p *part) int {
		r := 0
		if len(p.slice) > 0 {
			r += 2
		}
		if p.last.Severity != finding.Page {
			r++
		}
		if p.last.Channel == "promise" {
			r += 4
		}
		return r
	}
	for _, p := range all[1:] {
		if rank(p) < rank(best) {
			best = p
		}
	}
	return best
}

func (e *entry) numbers() []finding.Figure {
	out := []finding.Figure{} // never null in JSON
	if e.lane == truth || len(e.parts()) == 1 {
		return append(out, e.lead().last.Numbers...)
	}
	for _, p := range e.parts() {
		if n := p.last.Numbers; len(n) > 0 && len(out) < 3 {
			out = append(out, n[0])
		}
	}
	return out
}

// impact is the price of the whole, where some signal of the whole knows it: one that outcomes show before one that scores let one expect.
func (e *entry) impact() *finding.Impact {
	var out *finding.Impact
	for _, p := range e.parts() {
		i := p.last.Impact
		if i == nil || len(p.slice) > 0 {
			continue
		}
		if out == nil || i.Basis == out.Basis && i.SoFar > out.SoFar || i.Basis != finding.Estimated && out.Basis == finding.Estimated {
			out = i
		}
	}
	return out
}

// cause names what the findings themselves establish, and nothing more.
func (e *entry) cause() Cause {
	c := Cause{Kind: "unknown", Confidence: finding.None(), Parameters: map[string]string{}, Against: []string{}}
	switch {
	case e.lane == truth && slices.ContainsFunc(e.signals, func(p *part) bool { return p.last.Channel == "calibration" }):
		c.Kind = e.meaning()
	case e.lane == fair || e.lane == equal:
		c.Kind = "disparity"
	case e.every("label_rate"):
		c.Kind = priorShift
		if why := e.lead().last.Cause; why == inputDrift || why == conceptDrift {
			c.Kind = why
		}
	case e.lane == truth:
		c.Kind = "performance"
	case e.diagnosed() != nil:
		return diagnosis(e.diagnosed().last.Diagnosis)
	case e.every("constant"):
		c.Kind, c.Confidence = "released", 1
	case e.every("missing") && !(e.lead().last.Value < 0):
		c.Kind, c.Confidence = "missing", 1
	case e.every("new_category"):
		c.Kind, c.Confidence = "new_category", 1
	}
	return c
}

// The causes that findings on outcomes name, beside what the incident's own signals establish.
const (
	conceptDrift = "concept_drift"
	priorShift   = "prior_shift"
	inputDrift   = "input_drift"
	calibration  = "calibration" // scores no longer match outcomes, and nothing says why
)

// meaning is why scores no longer match outcomes. Where the whole and slices say different things, what is worse is so somewhere.
func (e *entry) meaning() string {
	for _, kind := range []string{conceptDrift, priorShift} {
		if slices.ContainsFunc(e.signals, func(p *part) bool { return p.last.Channel == "calibration" && p.last.Cause == kind }) {
			return kind
		}
	}
	return calibration
}

func (e *entry) every(channel string) bool {
	return !slices.ContainsFunc(e.signals, func(p *part) bool { return p.last.Channel != channel })
}

// delayed reports whether all that is wrong with the books is that events were counted later than they came.
func (e *entry) delayed() bool {
	return !slices.ContainsFunc(e.signals, func(p *part) bool { return p.last.Metric != metricDelayed })
}

// metricDelayed is the metric of the findings that say so, see engine.CoverageFinding.
const metricDelayed = "offsets_delayed"
