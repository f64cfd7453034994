package incident

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// diagnosed is the signal whose diagnosis speaks for the incident: what broke, or changed the stream, before a world that moved, then the one with most evidence, then the one that
// explains most; nil where nothing has a name. What alarmed later may be its consequence.
func (e *entry) diagnosed() *part {
	if e.lane != data && e.lane != level {
		return nil
	}
	var best *part
	for _, p := range e.signals {
		if d := p.last.Diagnosis; d != nil && (best == nil || better(p, best)) {
			best = p
		}
	}
	return best
}

func better(p, q *part) bool {
	a, b := p.last.Diagnosis, q.last.Diagnosis
	order := cmp.Compare(rankOf(b), rankOf(a))
	if order == 0 && p.last.Evidence.Log10.Valid() && q.last.Evidence.Log10.Valid() {
		order = -cmp.Compare(p.last.Evidence.Log10, q.last.Evidence.Log10)
	}
	if order == 0 {
		order = -cmp.Compare(a.Confidence, b.Confidence)
	}
	return order < 0
}

// rankOf is 2 for broken data and what changes whole streams, 1 for a new category, which comes with either, 0 for a place that is known to have moved.
func rankOf(d *finding.Diagnosis) int {
	switch d.Kind {
	case "covariate_shift":
		return 0
	case "new_category":
		return 1
	default:
		return 2
	}
}

// diagnosis is the cause that a diagnosis names.
func diagnosis(d *finding.Diagnosis) Cause {
	c := Cause{Kind: d.Kind, Confidence: d.Confidence, Parameters: maps.Clone(d.Parameters), Fix: d.Fix, Against: slices.Clone(d.Against)}
	if c.Parameters == nil {
		c.Parameters = map[string]string{}
	}
	if c.Against == nil {
		c.Against = []string{}
	}
	return c
}

// diagnosisTitle says what broke, since when, and what else moved.
func (e *entry) diagnosisTitle(p *part, since string) string {
	d := p.last.Diagnosis
	title := fmt.Sprintf("%s since %s", d.Sentence, since)
	switch at := e.inc.Lineage; {
	case d.Lineage != "":
		title += ", with " + d.Lineage
	case d.NewLineage && at != nil: // a change names what the events show to be new
		title += ", with " + at.Job + "@" + at.Version
	case d.NewLineage:
		title += ", in events of a job or version never seen"
	}
	var rest []string
	worse := false
	for _, q := range e.parts() {
		switch {
		case laneOf(&q.last) == truth:
			worse = true
		case q.subject != p.subject && !slices.Contains(d.Subjects, q.subject) && !slices.Contains(rest, q.subject):
			rest = append(rest, q.subject)
		}
	}
	if len(rest) > 0 {
		title += "; " + list(rest) + " moved too"
	}
	if worse {
		title += "; the model does worse"
	}
	return title
}

// lineage is the step and version at which it shows, by the diagnosis that speaks.
func (e *entry) lineage() *Lineage {
	p := e.diagnosed()
	if p == nil || p.last.Diagnosis.Lineage == "" {
		return nil
	}
	job, version, _ := strings.Cut(p.last.Diagnosis.Lineage, "@")
	return &Lineage{Job: job, Version: version}
}
