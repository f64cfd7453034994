package engine

import (
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
	engine  *sequential.Engine // nil: the plan has learnt nothing, or nothing came yet
	gather  *sequential.Gather
	policy  string                // the engine is under
	offsets finding.Offsets       // of the pane that is being gathered
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
		*w = watch{engine: e, gather: &sequential.Gather{}, policy: p.Policy.Digest, said: map[string]driftAlarm{}}
	}
	if w.engine != nil && w.policy != p.Policy.Digest {
		if err := w.engine.Govern(drift.Watch(p)); err != nil {
			return fmt.Errorf("judge drift of %s: %w", p.Model, err)
		}
		w.policy = p.Policy.Digest
	}
	return nil
}

// judgeDrift takes a test pane after the reference. Quiet models' test panes are gathered until there is enough to judge.
func (e *Engine) judgeDrift(p *window.Pane, set *sketch.Set, emit func(finding.Finding) error) error {
	w := &e.watch
	if w.begins(p.Start, e.givesWay) {
		*w = watch{}
	}
	if err := w.ready(e.plan); err != nil {
		return err
	}
	w.cover(offsets(p))
	w.end, w.moved = p.End, true
	pane, enough, err := w.gather.Add(p.Start, p.End, set.Rows, drift.Count(e.plan, set))
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
	streams := map[string]int{}
	for i, s := range drift.Watch(e.plan).Streams {
		streams[s.Name] = i
	}
	for i := range step.Alarms {
		a := &step.Alarms[i]
		if err := emit(e.drifted(p, set, &pane, streams[a.Stream], a)); err != nil {
			return err
		}
	}
	for _, r := range step.Recovered {
		said := w.said[r.Stream]
		delete(w.said, r.Stream)
		f := e.driftFinding(p, &pane, streams[r.Stream], said)
		f.Verdict, f.Severity = finding.Equivalent, finding.Info
		if err := emit(f); err != nil {
			return err
		}
	}
	w.offsets = nil
	return nil
}

func (w *watch) cover(more finding.Offsets) {
	if w.offsets == nil {
		w.offsets = more
		return
	}
	for topic, parts := range more {
		if w.offsets[topic] == nil {
			w.offsets[topic] = parts
			continue
		}
		for part, span := range parts {
			if had, ok := w.offsets[topic][part]; ok {
				span = [2]int64{min(had[0], span[0]), max(had[1], span[1])}
			}
			w.offsets[topic][part] = span
		}
	}
}

func (e *Engine) driftFinding(p *window.Pane, pane *sequential.Pane, at int, said driftAlarm) finding.Finding {
	s := drift.Streams(e.plan)[at]
	f := e.finding(pane.Start, pane.End, p.Version(), s.Subject(e.plan), said.Channel)
	f.Onset, f.Offsets, f.Metric = plan.FromMicros(said.Onset), e.watch.offsets, said.Metric
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

// unreadable reports whether values that can't be read have grown more than missing ones.
func (e *Engine) unreadable(s drift.Stream, set *sketch.Set) bool {
	ref, n := &e.plan.Columns[s.At].Reference, &set.Columns[s.At]
	grown := func(now, before int64) float64 {
		return float64(now)/float64(max(1, n.N)) - float64(before)/float64(max(1, ref.N))
	}
	return grown(n.Invalid, ref.Invalid) > grown(n.Missing, ref.Missing)
}

// drifted is the finding of an alarm.
func (e *Engine) drifted(p *window.Pane, set *sketch.Set, pane *sequential.Pane, at int, a *sequential.Alarm) finding.Finding {
	s := drift.Streams(e.plan)[at]
	w := driftWords[a.Channel]
	if a.Channel == "missing" && e.unreadable(s, set) {
		w = unreadable
	}
	said := driftAlarm{Onset: a.Onset, Channel: w.channel, Metric: w.metric}
	e.watch.said[a.Stream] = said
	f := e.driftFinding(p, pane, at, said)
	f.Verdict, f.Severity = finding.Drift, finding.Ticket
	f.Evidence = finding.Evidence{Log10: finding.Number(math.Log10(a.Evidence)), Needed: finding.Number(math.Log10(a.Needed))}
	floors := drift.Watch(e.plan).Streams[at].Floors
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
		f.Value, f.IgnoreBelow = finding.Number(a.Effect/math.Sqrt2), finding.Number(floors.Spread)
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

// AppendDrift writes what the engine holds of the plan's streams: a record of its own, because it is large and moves only where a pane ends.
func (e *Engine) AppendDrift(b []byte) []byte {
	w := &e.watch
	w.moved = false
	b = wire.Uint(b, driftFormat)
	b = wire.Bool(b, w.engine != nil)
	if w.engine == nil {
		return b
	}
	b = wire.String(b, w.policy)
	b = wire.Int(b, w.end)
	b = wire.Bytes(b, w.gather.AppendBinary(nil))
	return wire.Bytes(b, w.engine.AppendBinary(nil))
}

// ReadDrift reads what AppendDrift wrote of an engine's plan.
func (e *Engine) ReadDrift(r *wire.Reader) error {
	if v := r.Uint(); r.Err() == nil && v != driftFormat {
		return fmt.Errorf("read drift state of %s: %w %d, this build reads %d", e.plan.Model, errDrift, v, driftFormat)
	}
	if !r.Bool() || r.Err() != nil {
		return r.Err()
	}
	w := watch{policy: r.String(), end: r.Int(), said: e.watch.said, offsets: e.watch.offsets}
	if w.said == nil {
		w.said = map[string]driftAlarm{}
	}
	gathered, learnt := wire.NewReader(r.Bytes()), wire.NewReader(r.Bytes())
	if err := r.Err(); err != nil {
		return fmt.Errorf("read drift state of %s: %w", e.plan.Model, err)
	}
	var err error
	if w.gather, err = sequential.ReadGather(gathered); err == nil {
		err = gathered.Close()
	}
	if err == nil {
		if w.engine, err = sequential.Read(drift.Watch(e.plan), learnt); err == nil {
			err = learnt.Close()
		}
	}
	if err != nil {
		return fmt.Errorf("read drift state of %s: %w", e.plan.Model, err)
	}
	e.watch = w
	return nil
}
