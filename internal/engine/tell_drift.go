package engine

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// driftFinding is what alarms and recoveries of a stream have in common, as its alarm was told.
func (e *Engine) driftFinding(of *followed, p *window.Pane, pane *sequential.Pane, stream string) finding.Finding {
	w := &e.watch
	said := of.said[stream]
	f := e.finding(pane.Start, pane.End, p.Version(), drift.Streams(e.plan)[w.streams[stream]].Subject(e.plan), said.Channel)
	f.Onset, f.Offsets, f.Metric = plan.FromMicros(said.Onset), of.offsets, said.Metric
	f.N = finding.Sizes{Reference: e.plan.ReferenceRows, Current: pane.N}
	if of.slice != nil {
		f.Slice, f.N.Reference = of.slice.Labels(e.plan), of.slice.Rows
	}
	return f
}

// driftWords say what a channel of the sequential engine is to people: the finding's channel and metric, which names its unit.
var driftWords = map[string]struct{ channel, metric string }{
	"location": {"location", "shift_in_reference_sd"},
	"scale":    {"scale", "sd_relative_change"},
	"shape":    {"shape", "chi2_divergence"},
	"omnibus":  {"distribution", "chi2_divergence"},
	"missing":  {"missing", "missing_share_change"},
	"below":    {"out_of_range", "below_reference_share_change"},
	"above":    {"out_of_range", "above_reference_share_change"},
	"new":      {"new_category", "new_category_share_change"},
	"nonatom":  {"off_atom", "share_other_than_usual_change"},
	"category": {"category", "category_share_change"},
	"volume":   {"volume", "events_per_hour_relative_change"},
	"share":    {"rule", "broken_share_change"}, // of rules, the only streams that are one share
}

// unreadable is what missing values are called that are there and no numbers: both leave a value out.
var unreadable = struct{ channel, metric string }{"invalid", "invalid_share_change"}

// unreadable reports whether the share of values that can't be read has moved more than that of missing ones.
func (e *Engine) unreadable(s drift.Stream, set *sketch.Set) bool {
	ref, n := &e.plan.Columns[s.At].Reference, &set.Columns[s.At]
	moved := func(now, before int64) float64 {
		return math.Abs(float64(now)/float64(max(1, n.N)) - float64(before)/float64(max(1, ref.N)))
	}
	return moved(n.Invalid, ref.Invalid) > moved(n.Missing, ref.Missing)
}

// drifted is the finding of an alarm.
func (e *Engine) drifted(of *followed, p *window.Pane, pane *sequential.Pane, a *sequential.Alarm) finding.Finding {
	at, set := e.watch.streams[a.Stream], of.set
	s := drift.Streams(e.plan)[at]
	w := driftWords[a.Channel]
	if a.Channel == "missing" && e.unreadable(s, set) {
		w = unreadable
	}
	of.said[a.Stream] = driftAlarm{Onset: a.Onset, Channel: w.channel, Metric: w.metric}
	f := e.driftFinding(of, p, pane, a.Stream)
	f.Verdict, f.Severity = finding.Drift, finding.Ticket
	f.Evidence = finding.Evidence{Log10: finding.Number(math.Log10(a.Evidence)), Needed: finding.Number(math.Log10(a.Needed)), Joint: a.Joint}
	floors := e.watch.floors[at]
	share := func(floor float64, name string) {
		f.Value, f.Reference, f.IgnoreBelow = finding.Number(a.Now-a.Before), 0, finding.Number(floor)
		f.Numbers = []finding.Figure{{Name: name, Before: finding.Number(100 * a.Before), Now: finding.Number(100 * a.Now), Unit: "%"}}
	}
	f.Reference = 0
	switch a.Channel {
	case "location":
		f.Value, f.IgnoreBelow = finding.Number(a.Effect), finding.Number(floors.Shift)
		f.Numbers = []finding.Figure{e.meanOf(of, s), {Name: "shift", Before: finding.None(), Now: f.Value, Unit: "reference sd"}}
	case "scale":
		f.Value, f.IgnoreBelow = finding.Number(math.Sqrt(a.Now/max(a.Before, leastVariance))-1), finding.Number(floors.Spread)
		f.Numbers = []finding.Figure{{Name: "change of the spread of " + f.Subject, Before: finding.None(), Now: 100 * f.Value, Unit: "%"}}
	case "shape", "omnibus":
		f.Value, f.IgnoreBelow = finding.Number(a.Effect), finding.Number(floors.Shape)
		f.Numbers = e.shapeNumbers(of, s, f.Value)
	case "volume":
		f.Value, f.IgnoreBelow = finding.Number(math.Expm1(a.Effect)), finding.Number(math.Expm1(floors.Volume))
		now := finding.Number(float64(pane.N) / pane.Hours())
		f.Numbers = []finding.Figure{{Name: "events per hour", Before: finding.Number(e.usualVolume()), Now: now}}
	case "new":
		share(floors.Rate/5, words[w.channel])
	case "below", "above":
		share(floors.Rate/5, words[w.channel])
		f.Numbers = append(f.Numbers, e.meanOf(of, s))
	case "category":
		share(floors.Rate, e.categoryWords(s, a.Bin))
	case "nonatom":
		share(floors.Rate, "other than the usual value")
	default:
		share(floors.Rate, words[w.channel])
	}
	if of.slice != nil {
		f.Numbers[0].Name += " in " + finding.SliceKey(f.Slice)
	}
	return f
}

// leastVariance is what a variance is not expected below, in that of the reference: by less nothing can be divided.
const leastVariance = 1e-3

func (e *Engine) meanOf(of *followed, s drift.Stream) finding.Figure {
	c := &e.plan.Columns[s.At]
	before := finding.Number(c.Reference.Mean)
	if of.slice != nil {
		before = finding.Number(of.slice.Means[s.At])
	}
	return finding.Figure{Name: "mean " + c.Name, Before: before, Now: mean(&of.set.Columns[s.At])}
}

// shapeNumbers show a change of shape by the mean, where there is one, and by how far apart the distributions are.
func (e *Engine) shapeNumbers(of *followed, s drift.Stream, divergence finding.Number) []finding.Figure {
	out := []finding.Figure{{Name: "divergence", Before: finding.None(), Now: divergence}}
	if s.Kind == drift.Column && !e.plan.Columns[s.At].Layout.Categorical {
		out = append(out, e.meanOf(of, s))
	}
	return out
}

// categoryWords names the category of a bin.
func (e *Engine) categoryWords(s drift.Stream, bin int) string {
	if c := e.plan.Columns[s.At].Layout.Categories; bin < len(c) {
		return fmt.Sprintf("share of %q", c[bin])
	}
	return "share of all other categories"
}

// usualVolume is the events per hour of the reference.
func (e *Engine) usualVolume() float64 {
	return float64(e.plan.ReferenceRows) / e.plan.Reference.To.Sub(e.plan.Reference.From).Hours()
}
