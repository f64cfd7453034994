package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// watch follows a plan's streams by what it has learnt of drift.
type watch struct {
	engine  *sequential.Engine // nil: nothing came yet
	by      *plan.Plan         // under whose policy the engine is
	streams map[string]int     // by what the engine calls them: which of drift.Streams
	floors  []sequential.Floors
	gather  *sequential.Gather
	set     *sketch.Set           // of the pane that is being gathered; nil before its first test pane
	offsets finding.Offsets       // the same
	said    map[string]driftAlarm // by stream, while it is open
	end     int64                 // of the last test pane, 0 before the first
	moved   bool                  // since its bytes were asked for
}

// driftAlarm is how a stream's drift was told: its recovery is told alike.
type driftAlarm struct {
	Onset   int64  `json:"onset"`
	Channel string `json:"channel"`
	Metric  string `json:"metric"`
}

// ready makes the engine of the plan, once, and puts it under the policy in force.
func (w *watch) ready(p *plan.Plan) error {
	if w.engine == nil {
		e, err := drift.Open(p)
		if err != nil {
			return err
		}
		*w = watch{engine: e, gather: &sequential.Gather{}, said: map[string]driftAlarm{}}
	}
	if w.by == p {
		return nil
	}
	spec := drift.Watch(p)
	if err := w.engine.Govern(spec); err != nil {
		return fmt.Errorf("judge drift of %s: %w", p.Model, err)
	}
	w.by, w.streams, w.floors = p, map[string]int{}, nil
	for i := range spec.Streams {
		w.streams[spec.Streams[i].Name] = i
		w.floors = append(w.floors, spec.Streams[i].Floors)
	}
	return nil
}

// judgeDrift takes a test pane after the reference. Quiet models' test panes are gathered until there is enough to judge; declared odd ones, and
// what was gathered before them, are left out.
func (e *Engine) judgeDrift(p *window.Pane, set *sketch.Set, emit func(finding.Finding) error) error {
	w := &e.watch
	if w.begins(p.Start, e.givesWay) {
		*w = watch{}
	}
	if err := w.ready(e.plan); err != nil {
		return err
	}
	w.end, w.moved = p.End, true
	if e.plan.Policy.OddBetween(p.Start, p.End) {
		w.gather.Skip(p.End)
		w.set, w.offsets = nil, nil
		odd := sequential.Pane{Start: p.Start, End: p.End, N: set.Rows, Counts: drift.Count(e.plan, set)}
		if _, err := w.engine.Advance(&odd); err != nil { // time passes for it
			return fmt.Errorf("judge drift of %s: %w", e.plan.Model, err)
		}
		return nil
	}
	pane, enough, err := w.gather.Add(p.Start, p.End, set.Rows, drift.Count(e.plan, set))
	if err == nil {
		err = w.cover(set, offsets(p))
	}
	if err != nil {
		return fmt.Errorf("judge drift of %s: %w", e.plan.Model, err)
	}
	if !enough {
		return nil
	}
	step, err := w.engine.Advance(&pane)
	if err != nil {
		return fmt.Errorf("judge drift of %s: %w", e.plan.Model, err)
	}
	for i := range step.Alarms {
		if err := emit(e.drifted(p, &pane, &step.Alarms[i])); err != nil {
			return err
		}
	}
	for _, r := range step.Recovered {
		f := e.driftFinding(p, &pane, r.Stream)
		delete(w.said, r.Stream)
		f.Verdict, f.Severity = finding.Equivalent, finding.Info
		if err := emit(f); err != nil {
			return err
		}
	}
	w.set, w.offsets = nil, nil
	return nil
}

// cover adds a test pane to what is being gathered.
func (w *watch) cover(set *sketch.Set, more finding.Offsets) error {
	if w.set == nil {
		w.set, w.offsets = set.Clone(), more
		return nil
	}
	w.offsets = together(w.offsets, more)
	return w.set.Merge(set)
}

// together are the smallest stretches that hold both.
func together(a, b finding.Offsets) finding.Offsets {
	for topic, parts := range b {
		if a[topic] == nil {
			a[topic] = parts
			continue
		}
		for part, span := range parts {
			if had, ok := a[topic][part]; ok {
				span = [2]int64{min(had[0], span[0]), max(had[1], span[1])}
			}
			a[topic][part] = span
		}
	}
	return a
}

// driftFinding is what alarms and recoveries of a stream have in common, as its alarm was told.
func (e *Engine) driftFinding(p *window.Pane, pane *sequential.Pane, stream string) finding.Finding {
	w := &e.watch
	said := w.said[stream]
	f := e.finding(pane.Start, pane.End, p.Version(), drift.Streams(e.plan)[w.streams[stream]].Subject(e.plan), said.Channel)
	f.Onset, f.Offsets, f.Metric = plan.FromMicros(said.Onset), w.offsets, said.Metric
	f.N = finding.Sizes{Reference: e.plan.ReferenceRows, Current: pane.N}
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
func (e *Engine) drifted(p *window.Pane, pane *sequential.Pane, a *sequential.Alarm) finding.Finding {
	at, set := e.watch.streams[a.Stream], e.watch.set
	s := drift.Streams(e.plan)[at]
	w := driftWords[a.Channel]
	if a.Channel == "missing" && e.unreadable(s, set) {
		w = unreadable
	}
	e.watch.said[a.Stream] = driftAlarm{Onset: a.Onset, Channel: w.channel, Metric: w.metric}
	f := e.driftFinding(p, pane, a.Stream)
	f.Verdict, f.Severity = finding.Drift, finding.Ticket
	f.Evidence = finding.Evidence{Log10: finding.Number(math.Log10(a.Evidence)), Needed: finding.Number(math.Log10(a.Needed))}
	floors := e.watch.floors[at]
	share := func(floor float64, name string) {
		f.Value, f.Reference, f.IgnoreBelow = finding.Number(a.Now-a.Before), 0, finding.Number(floor)
		f.Numbers = []finding.Figure{{Name: name, Before: finding.Number(100 * a.Before), Now: finding.Number(100 * a.Now), Unit: "%"}}
	}
	f.Reference = 0
	switch a.Channel {
	case "location":
		f.Value, f.IgnoreBelow = finding.Number(a.Effect), finding.Number(floors.Shift)
		f.Numbers = []finding.Figure{e.meanOf(s, set), {Name: "shift", Before: finding.None(), Now: f.Value, Unit: "reference sd"}}
	case "scale":
		// The effect is the relative change of the variance over the square root of 2.
		f.Value, f.IgnoreBelow = finding.Number(math.Sqrt(max(0, 1+math.Sqrt2*a.Effect))-1), finding.Number(floors.Spread)
		f.Numbers = []finding.Figure{{Name: "change of the spread of " + f.Subject, Before: finding.None(), Now: 100 * f.Value, Unit: "%"}}
	case "shape", "omnibus":
		f.Value, f.IgnoreBelow = finding.Number(a.Effect), finding.Number(floors.Shape)
		f.Numbers = e.shapeNumbers(s, set, f.Value)
	case "volume":
		f.Value, f.IgnoreBelow = finding.Number(math.Expm1(a.Effect)), finding.Number(math.Expm1(floors.Volume))
		now := finding.Number(float64(pane.N) / pane.Hours())
		f.Numbers = []finding.Figure{{Name: "events per hour", Before: finding.Number(e.usualVolume()), Now: now}}
	case "new":
		share(floors.Rate/5, words[w.channel])
	case "below", "above":
		share(floors.Rate/5, words[w.channel])
		f.Numbers = append(f.Numbers, e.meanOf(s, set))
	case "category":
		share(floors.Rate, e.categoryWords(s, a.Bin))
	case "nonatom":
		share(floors.Rate, "other than the usual value")
	default:
		share(floors.Rate, words[w.channel])
	}
	return f
}

func (e *Engine) meanOf(s drift.Stream, set *sketch.Set) finding.Figure {
	c := &e.plan.Columns[s.At]
	return finding.Figure{Name: "mean " + c.Name, Before: finding.Number(c.Reference.Mean), Now: mean(&set.Columns[s.At])}
}

// shapeNumbers show a change of shape by the mean, where there is one, and by how far apart the distributions are.
func (e *Engine) shapeNumbers(s drift.Stream, set *sketch.Set, divergence finding.Number) []finding.Figure {
	out := []finding.Figure{{Name: "divergence", Before: finding.None(), Now: divergence}}
	if s.Kind == drift.Column && !e.plan.Columns[s.At].Layout.Categorical {
		out = append(out, e.meanOf(s, set))
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

// begins reports whether a test pane begins another era of the plan than the last one was of: what was open then has been superseded.
func (w *watch) begins(start int64, givesWay []int64) bool {
	return w.end != 0 && slices.ContainsFunc(givesWay, func(at int64) bool { return w.end <= at && at <= start })
}

const driftFormat = 1

var errDrift = errors.New("unknown drift state format")

// DriftMoved reports whether AppendDrift would write something else than the last time.
func (e *Engine) DriftMoved() bool { return e.watch.moved }

// told is the part of AppendDrift's record that is for people.
type told struct {
	Said    map[string]driftAlarm `json:"said"`
	Offsets finding.Offsets       `json:"offsets"`
}

// AppendDrift writes what the engine holds of the plan's streams: a record of its own, because it is large and moves only where a pane ends.
func (e *Engine) AppendDrift(b []byte) ([]byte, error) {
	w := &e.watch
	w.moved = false
	b = wire.Uint(b, driftFormat)
	b = wire.Bool(b, w.engine != nil)
	if w.engine == nil {
		return b, nil
	}
	j, err := json.Marshal(told{w.said, w.offsets})
	if err != nil {
		return nil, fmt.Errorf("write drift state of %s: %w", e.plan.Model, err)
	}
	b = wire.Bytes(wire.Int(b, w.end), j)
	var set []byte
	if w.set != nil {
		set = w.set.AppendBinary(nil)
	}
	b = wire.Bytes(wire.Bytes(b, set), w.gather.AppendBinary(nil))
	return wire.Bytes(b, w.engine.AppendBinary(nil)), nil
}

// ReadDrift reads what AppendDrift wrote of an engine's plan. Nothing is half read.
func (e *Engine) ReadDrift(r *wire.Reader) error {
	w, err := readWatch(e.plan, r)
	if err != nil {
		return fmt.Errorf("read drift state of %s: %w", e.plan.Model, err)
	}
	e.watch = w
	return nil
}

func readWatch(p *plan.Plan, r *wire.Reader) (w watch, err error) {
	if v := r.Uint(); r.Err() == nil && v != driftFormat {
		return watch{}, fmt.Errorf("%w %d, this build reads %d", errDrift, v, driftFormat)
	}
	if !r.Bool() || r.Err() != nil {
		return watch{}, r.Err()
	}
	w.end = r.Int()
	j, set, gathered, learnt := r.Bytes(), r.Bytes(), wire.NewReader(r.Bytes()), wire.NewReader(r.Bytes())
	if err := r.Err(); err != nil {
		return watch{}, err
	}
	var d told
	if err := json.Unmarshal(j, &d); err != nil {
		return watch{}, err
	}
	if w.said, w.offsets = d.Said, d.Offsets; w.said == nil {
		w.said = map[string]driftAlarm{}
	}
	var n int64
	var counts []sequential.Counts
	if len(set) > 0 {
		in := wire.NewReader(set)
		if w.set, err = sketch.ReadSet(p, in); err != nil {
			return watch{}, err
		}
		if err := in.Close(); err != nil {
			return watch{}, err
		}
		n, counts = w.set.Rows, drift.Count(p, w.set)
	}
	if w.gather, err = sequential.ReadGather(gathered, n, counts); err != nil {
		return watch{}, err
	}
	if err := gathered.Close(); err != nil {
		return watch{}, err
	}
	if w.engine, err = sequential.Read(drift.Watch(p), learnt); err != nil {
		return watch{}, err
	}
	return w, learnt.Close()
}
