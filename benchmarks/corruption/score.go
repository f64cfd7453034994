package corruption

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/diagnose"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Score is what was said of one stream broken in one way.
type Score struct {
	Stream   string  `json:"stream"`
	Kind     string  `json:"kind"`
	Seed     uint64  `json:"seed"`
	Partial  bool    `json:"partial,omitempty"`
	Drift    bool    `json:"drift,omitempty"` // a world that moves
	HeldOut  bool    `json:"held_out,omitempty"`
	Rows     int     `json:"-"`
	Detected bool    `json:"detected"`
	Named    bool    `json:"named"`   // right: kind, column and slice
	Wrong    string  `json:"wrong"`   // a kind of corruption that was named and is none
	Exact    bool    `json:"exact"`   // every parameter within 1 %
	Asked    bool    `json:"asked"`   // there are parameters to be met
	OnTime   bool    `json:"on_time"` // onset within a test pane
	Hours    float64 `json:"hours"`   // from the onset to the first incident
	Title    string  `json:"title"`
}

func compare(a, b Score) int {
	return cmp.Or(strings.Compare(a.Stream, b.Stream), cmp.Compare(a.Seed, b.Seed), strings.Compare(a.Kind, b.Kind))
}

// score holds what was said against what would be right. Incidents that opened before the onset are none of its: the state goes on with an empty book.
func score(k *kind, w *want, s *stream, p *plan.Plan, what *said, _ *Options) Score {
	out := Score{Stream: s.name, Kind: k.name, Partial: k.partial, Drift: k.drift, Asked: len(w.numbers)+len(w.texts) > 0}
	var right *incident.Incident
	for i := range what.incidents {
		inc := &what.incidents[i]
		if inc.OpenedAt.Before(s.onset) {
			continue
		}
		if !out.Detected {
			out.Detected, out.Hours, out.Title = true, math.Round(10*inc.OpenedAt.Sub(s.onset).Hours())/10, inc.Title
		}
		ok := !k.drift && slices.Contains(w.kinds, inc.Cause.Kind) && w.names(inc, what.findings) && w.places(inc)
		switch {
		case ok && right == nil:
			right = inc
		case !ok && diagnose.Kind(inc.Cause.Kind).Corruption() && corrupt(inc.Cause.Kind) && !slices.Contains(w.kinds, inc.Cause.Kind):
			out.Wrong = inc.Cause.Kind
		}
	}
	if right == nil {
		return out
	}
	out.Named, out.Title = true, right.Title
	out.Exact = w.exact(right.Cause.Parameters)
	out.OnTime = math.Abs(float64(right.Onset.Sub(s.onset))) <= float64(p.TestPane)
	return out
}

// corrupt reports whether a kind is of the diagnosis's kinds of broken data, and not one that outcomes or gaps have.
func corrupt(kind string) bool {
	return !slices.Contains([]string{"concept_drift", "prior_shift", "input_drift", "calibration", "performance", "disparity"}, kind)
}

// names reports whether the incident's cause is of a right column.
func (w *want) names(inc *incident.Incident, findings []finding.Finding) bool {
	if len(w.columns) == 0 {
		return true
	}
	for i := range findings {
		f := &findings[i]
		if !slices.Contains(inc.Findings, f.ID) {
			continue
		}
		if f.Diagnosis != nil && f.Diagnosis.Kind == inc.Cause.Kind && maps.Equal(f.Diagnosis.Parameters, inc.Cause.Parameters) {
			return slices.ContainsFunc(f.Diagnosis.Subjects, func(c string) bool { return slices.Contains(w.columns, c) })
		}
		if f.Diagnosis == nil && f.Verdict == finding.Fault && slices.Contains(w.columns, f.Subject) {
			return true
		}
	}
	return false
}

func (w *want) places(inc *incident.Incident) bool {
	if w.slice == nil {
		return true
	}
	return slices.ContainsFunc(inc.Slices, func(s map[string]string) bool { return maps.Equal(s, w.slice) })
}

func (w *want) exact(parameters map[string]string) bool {
	for name, v := range w.numbers {
		x, err := strconv.ParseFloat(parameters[name], 64)
		if err != nil || math.Abs(x-v) > 0.01*math.Abs(v) {
			return false
		}
	}
	for name, v := range w.texts {
		if parameters[name] != v {
			return false
		}
	}
	return true
}

// explain tells what was missed.
func explain(s *Score, w *want, what *said, tell func(string)) {
	if s.Drift && s.Wrong == "" || !s.Drift && s.Named && s.Wrong == "" && s.OnTime && (s.Exact || !s.Asked) {
		return
	}
	tell(fmt.Sprintf("%s %d %q: detected %t, named %t, exact %t, on time %t, wrong %q; wanted %v of %v in %v with %v %v", s.Stream, s.Seed, s.Kind, s.Detected, s.Named, s.Exact, s.OnTime, s.Wrong, w.kinds, w.columns, w.slice, w.numbers, w.texts))
	for i := range what.incidents {
		inc := &what.incidents[i]
		tell(fmt.Sprintf("    %s %s: %s %v %v", inc.OpenedAt.Format(time.DateTime), inc.Title, inc.Cause.Kind, inc.Cause.Parameters, inc.Slices))
	}
}
