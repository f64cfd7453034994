package engine

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// alarm is what was found last of a signal that is open: enough to say that it is over because its plan is.
type alarm struct {
	Start    time.Time         `json:"start"` // of the window that was found last
	Onset    time.Time         `json:"onset"`
	Version  string            `json:"version,omitempty"`
	Slice    map[string]string `json:"slice,omitempty"`
	Subject  string            `json:"subject"`
	Channel  string            `json:"channel"`
	Metric   string            `json:"metric"`
	Outcomes bool              `json:"outcomes,omitempty"` // it is seen on outcomes, not on predictions
}

// note keeps the alarms that are open.
func (e *Engine) note(f *finding.Finding) {
	switch {
	case f.Alarming():
		e.alarms[f.Signal()] = alarm{
			Start: f.Window.Start, Onset: f.Onset, Version: f.Version, Slice: f.Slice, Subject: f.Subject, Channel: f.Channel, Metric: f.Metric,
			Outcomes: f.Subject == "outcome" || f.Channel == "promise" && !onPanes(f.Metric) || f.Channel == ofOutcomes,
		}
	case f.Verdict == finding.Equivalent:
		delete(e.alarms, f.Signal())
	}
}

// lane is one of the three that are judged each in the order of event time, and independently of the others.
type lane int

const (
	laneOfPanes    lane = iota
	laneOfOutcomes      // by truth panes
	laneOfCoverage      // by windows that the other two have passed
)

func (a *alarm) lane() lane {
	switch {
	case a.Channel == "promise" && a.Metric == labelCoverage:
		return laneOfCoverage
	case a.Outcomes:
		return laneOfOutcomes
	default:
		return laneOfPanes
	}
}

// laneOf is the lane of a signal, by its name.
func laneOf(signal string) lane {
	switch {
	case strings.HasPrefix(signal, "promise "+labelCoverage+" "):
		return laneOfCoverage
	case strings.HasPrefix(signal, "truth ") || strings.HasPrefix(signal, "promise "):
		return laneOfOutcomes
	default:
		return laneOfPanes
	}
}

// laneEnd is the event time up to which a lane belongs to an era that ended at to.
func (e *Engine) laneEnd(l lane, to int64) int64 {
	if l == laneOfOutcomes {
		return e.truthEnd(to)
	}
	return to
}

// supersedeReached ends what is open of eras of the plan of which everything has been judged: nothing will come any more that could recover.
// Each alarm is said to be superseded, and runs of deviating panes begin anew if the plan comes back. It does nothing the second time.
func (e *Engine) supersedeReached(emit func(finding.Finding) error) error {
	closed, mature := e.panes.Reached()
	reached := [...]int64{laneOfPanes: closed, laneOfOutcomes: mature, laneOfCoverage: e.covered()}
	for _, to := range e.givesWay {
		over := func(l lane) bool { return reached[l] != record.NoTime && reached[l] >= e.laneEnd(l, to) }
		if err := e.supersede(to, over, emit); err != nil {
			return err
		}
	}
	return nil
}

// supersedeBefore ends what is open of a lane of eras that ended before a window that is about to be judged, of a later era of the same plan: a replay that
// is far behind comes past both at once.
func (e *Engine) supersedeBefore(l lane, start int64, emit func(finding.Finding) error) error {
	for _, to := range e.givesWay {
		if e.laneEnd(l, to) > start {
			continue
		}
		if err := e.supersede(to, func(which lane) bool { return which == l }, emit); err != nil {
			return err
		}
	}
	return nil
}

// truthEnd is the end of the last truth pane of an era that ended at to.
func (e *Engine) truthEnd(to int64) int64 {
	return e.plan.TruthStart(e.plan.TestStart(to-1)) + e.plan.TruthPane.Microseconds()
}

// supersede ends what is open of the lanes that are over.
func (e *Engine) supersede(to int64, over func(lane) bool, emit func(finding.Finding) error) error {
	for _, key := range slices.Sorted(maps.Keys(e.alarms)) {
		a := e.alarms[key]
		if !over(a.lane()) || plan.Micros(a.Start) >= to {
			continue
		}
		delete(e.alarms, key)
		e.moved = true
		f := e.finding(to, to, a.Version, a.Subject, a.Channel)
		f.At, f.Onset, f.Slice, f.Metric = plan.FromMicros(e.laneEnd(a.lane(), to)), a.Onset, a.Slice, a.Metric
		f.Contract = e.reigns.At(to - 1).Contract
		f.Verdict, f.Severity = finding.Superseded, finding.Info
		if err := emit(f); err != nil {
			return err
		}
	}
	for name, s := range e.signals {
		if over(laneOf(name)) && (s.Open && s.Onset < to || s.Run > 0 && s.Since < to) {
			delete(e.signals, name)
			e.moved = true
		}
	}
	for _, runs := range []map[string]*absence{e.absent, e.glimpsed} {
		maps.DeleteFunc(runs, func(_ string, run *absence) bool { return over(laneOfPanes) && run.Since < to })
	}
	return nil
}
