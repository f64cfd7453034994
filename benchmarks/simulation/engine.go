package simulation

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/plumbline-ml/plumbline/internal/sequential"
)

const hourMicros = 3_600_000_000

// alarm is one alarm of one column, in hours since monitoring began. Joint ones of one hour are one alarm of several columns.
type alarm struct {
	hour, column int
	joint        bool
}

// spec watches location, scale and shape of every column, at a budget of one false alarm a month for all.
func spec(alone bool) sequential.Spec {
	s := sequential.Spec{Budget: 1, Alone: alone}
	for k := range Features {
		s.Streams = append(s.Streams, sequential.Stream{
			Name: fmt.Sprint(k), Kind: sequential.Numeric, Weight: 1. / Features, Floors: sequential.DefaultFloors(),
			Channels: map[string]float64{"location": 0.5, "scale": 0.3, "shape": 0.2},
		})
	}
	return s
}

// runEngine lets the engine learn from the history of t and judge the rest. Alone leaves the sum over columns out.
func runEngine(t *Traffic, alone, refit bool) ([]alarm, error) {
	return runHourly(t, spec(alone), HistoryHours, refit)
}

// runHourly is the same by another spec, and after another time of history.
func runHourly(t *Traffic, spec sequential.Spec, history int, refit bool) ([]alarm, error) {
	return judgeHourly(spec, history, t.Hours, refit, func(hour int) (int64, []sequential.Counts) {
		counts := make([]sequential.Counts, Features)
		for k := range counts {
			wide := make([]int64, bins)
			for b, n := range t.Counts[hour*Features+k] {
				wide[b] = int64(n)
			}
			counts[k] = sequential.Counts{N: t.N[hour], Bins: wide}
		}
		return t.N[hour], counts
	})
}

// judgeHourly is what a detector does: hours are gathered to panes, those of the history are learnt from, those after it are judged.
// Streams are named by their number. With refit, nulls are learnt again every night from as long a time as at first, but not while a stream is open.
func judgeHourly(spec sequential.Spec, history, hours int, refit bool, counted func(hour int) (int64, []sequential.Counts)) ([]alarm, error) {
	var gather sequential.Gather
	var learnt []sequential.Pane
	var engine *sequential.Engine
	var out []alarm
	for at := range hours {
		n, counts := counted(at)
		start := int64(at) * hourMicros
		pane, done, err := gather.Add(start, start+hourMicros, n, counts)
		if err != nil {
			return nil, err
		}
		if at < history {
			if !done && at == history-1 {
				pane, done = gather.Cut()
			}
			if done {
				learnt = append(learnt, pane)
			}
			if at == history-1 {
				if engine, err = sequential.Learn(spec, learnt); err != nil {
					return nil, err
				}
			}
			continue
		}
		if !done {
			continue
		}
		step, err := engine.Advance(&pane)
		if err != nil {
			return nil, err
		}
		if refit {
			if engine, learnt, err = again(engine, append(learnt, pane), int64(history)*hourMicros); err != nil {
				return nil, err
			}
		}
		for _, a := range step.Alarms {
			k, err := strconv.Atoi(a.Stream)
			if err != nil {
				return nil, err
			}
			out = append(out, alarm{at + 1 - history, k, a.Joint})
		}
	}
	return out, nil
}

// again learns an engine again if the last pane ended a day, from the last panes of so long a time.
func again(engine *sequential.Engine, panes []sequential.Pane, span int64) (*sequential.Engine, []sequential.Pane, error) {
	last := panes[len(panes)-1]
	if last.End/(dayHours*hourMicros) == last.Start/(dayHours*hourMicros) {
		return engine, panes, nil
	}
	from := slices.IndexFunc(panes, func(p sequential.Pane) bool { return p.Start >= last.End-span })
	panes = panes[from:]
	next, err := engine.Refit(panes)
	if errors.Is(err, sequential.ErrOpen) {
		return engine, panes, nil
	}
	return next, panes, err
}

// counted is how many alarms there were: of a joint one only the first column counts.
func counted(alarms []alarm) (n int) {
	joint := -1
	for _, a := range alarms { // in order of time
		if a.joint && a.hour == joint {
			continue
		}
		if a.joint {
			joint = a.hour
		}
		n++
	}
	return n
}

// grouped counts incidents: an alarm within a day of the one before belongs to its incident.
func grouped(alarms []alarm) (n int) {
	last := -1 << 30
	for _, a := range alarms { // in order of time
		if a.hour-last > dayHours {
			n++
		}
		last = a.hour
	}
	return n
}
