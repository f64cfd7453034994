package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

const stateFormat = 1

var errState = errors.New("unknown engine state format")

// decided is the part of the state that is small and changes shape often: JSON.
type decided struct {
	Signals  map[string]*signal  `json:"signals"`
	Alarms   map[string]alarm    `json:"alarms,omitempty"` // not in the states of earlier builds: their alarms don't end with the plan
	Losses   []loss              `json:"losses"`
	Snapshot Snapshot            `json:"snapshot"`
	Absent   map[string]*absence `json:"absent,omitempty"`
	Glimpsed map[string]*absence `json:"glimpsed,omitempty"`
	Scored   map[string]scored   `json:"scored,omitempty"` // not in the states of earlier builds, which estimated nothing

	ScoredSlices map[string]map[string]scored `json:"scored_slices,omitempty"` // by finding.SliceKey; not in the states of earlier builds

	Hours *hours `json:"hours,omitempty"` // not in the states of earlier builds, which named no causes

	// Not in the states of earlier builds: they judged no such promises.
	Services map[string]*serviceKept `json:"services,omitempty"`
	Covers   *coverage               `json:"covers,omitempty"`
	Burns    map[string]*burnKept    `json:"burns,omitempty"`

	// Versions are the outcomes of promises' windows by promise, view and model version; not in the states of earlier builds, whose windows say nothing by version.
	Versions map[string]map[int]map[string][]byte `json:"versions,omitempty"`
}

// AppendBinary writes everything the engine knows but for AppendDrift's, so that ReadEngine goes on where it stopped.
func (e *Engine) AppendBinary(b []byte) ([]byte, error) {
	signals := maps.Clone(e.signals)
	maps.DeleteFunc(signals, func(_ string, s *signal) bool { return *s == signal{} })
	d := decided{
		Signals: signals, Alarms: e.alarms, Losses: e.losses, Snapshot: e.snapshot, Absent: e.absent, Glimpsed: e.glimpsed, Scored: e.scored[""], Services: e.services,
		Burns: e.burns, Versions: versionsBytes(e.kept),
	}
	d.ScoredSlices = maps.Clone(e.scored)
	delete(d.ScoredSlices, "")
	if e.covers.Predicted != nil || e.covers.Labelled != nil {
		d.Covers = &e.covers
	}
	if len(e.recent.hours.N) > 0 {
		d.Hours = &e.recent.hours
	}
	j, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("write engine state of %s: %w", e.plan.Model, err)
	}
	b = wire.Uint(b, stateFormat)
	b = wire.Bytes(b, j)
	b = wire.Uint(b, uint64(len(e.kept)))
	for _, key := range slices.Sorted(maps.Keys(e.kept)) {
		k := e.kept[key]
		b = wire.String(b, key)
		b = wire.Int(b, k.start)
		b = wire.Uint(b, uint64(len(k.parts)))
		for _, at := range slices.Sorted(maps.Keys(k.parts)) {
			b = wire.Uint(b, uint64(at))
			b = wire.Uint(b, uint64(len(k.parts[at])))
			for _, c := range k.parts[at] {
				b = wire.Bytes(b, c.AppendBinary(nil))
			}
		}
	}
	return e.panes.AppendBinary(b), nil
}

// ReadEngine reads what AppendBinary wrote, for the same plan.
func ReadEngine(p *plan.Plan, r *wire.Reader) (*Engine, error) {
	if v := r.Uint(); r.Err() == nil && v != stateFormat {
		return nil, fmt.Errorf("read engine state of %s: %w %d, this build reads %d", p.Model, errState, v, stateFormat)
	}
	e := New(p)
	var d decided
	if j := r.Bytes(); r.Err() == nil {
		if err := json.Unmarshal(j, &d); err != nil {
			return nil, fmt.Errorf("read engine state of %s: %w", p.Model, err)
		}
	}
	if d.Signals != nil {
		e.signals = d.Signals
	}
	if d.Alarms != nil {
		e.alarms = d.Alarms
	}
	if len(d.Losses) == len(e.losses) {
		e.losses = d.Losses
	}
	e.snapshot, e.scored = d.Snapshot, d.ScoredSlices
	if len(d.Scored) > 0 {
		if e.scored == nil {
			e.scored = map[string]map[string]scored{}
		}
		e.scored[""] = d.Scored
	}
	if d.Absent != nil {
		e.absent = d.Absent
	}
	if d.Glimpsed != nil {
		e.glimpsed = d.Glimpsed
	}
	if d.Hours != nil && len(d.Hours.N) <= recentHours {
		e.recent.hours = *d.Hours
	}
	e.keepServices(&d)
	for range r.Count(3) {
		key := r.String()
		k := newWindowKept(r.Int())
		for range r.Count(2) {
			at := int(r.Uint())
			for range r.Count(1) {
				body := r.Bytes()
				if r.Err() != nil || p.Score == nil {
					break
				}
				c, err := truth.Read(p, wire.NewReader(body))
				if err != nil {
					return nil, fmt.Errorf("read engine state of %s: %w", p.Model, err)
				}
				k.parts[at] = append(k.parts[at], c)
			}
		}
		e.kept[key] = k // of a promise that was taken back, too, until the next truth pane
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read engine state of %s: %w", p.Model, err)
	}
	if err := e.keepVersions(d.Versions); err != nil {
		return nil, fmt.Errorf("read engine state of %s: %w", p.Model, err)
	}
	panes, err := window.ReadAssembler(p, r)
	if err != nil {
		return nil, err
	}
	e.panes = panes
	return e, nil
}

// keepServices takes over what promises on the service and their budgets hold. What is damaged is left out: a window begins anew.
func (e *Engine) keepServices(d *decided) {
	for key, k := range d.Services {
		if k == nil {
			continue
		}
		if k.Counts == nil {
			k.Counts = map[string]*serviceCounts{}
		}
		maps.DeleteFunc(k.Counts, func(_ string, c *serviceCounts) bool { return c == nil })
		e.services[key] = k
	}
	if d.Covers != nil {
		e.covers = *d.Covers
	}
	for key, k := range d.Burns {
		if k != nil {
			e.burns[key] = k
		}
	}
}
