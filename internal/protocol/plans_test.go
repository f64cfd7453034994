package protocol

// Plans by a rule that is not the one built (see succession_test.go): the detector keeps cells by pane and plan, and decides when a
// pane closes.
//
// A plan that comes into force in the middle of the stream. Two ingestors learn of it at different moments and may take over
// each other's sources at any event; the detector learns of it at yet another moment, and may fall back to its last commit.
// An epoch of an ingestor is one step here, as is a commit of the detector: that these are exact is what the other models
// show.

// planRules are the guards of the protocol, each of which can be taken out.
type planRules struct {
	byArrival     bool // an ingestor counts under the newest plan it knows, whatever the event's time
	acceptsAny    bool // the detector takes cells of any plan
	onArrival     bool // the detector takes or sets aside a cell when it comes, not when its pane closes
	passesOver    bool // the detector sets aside cells of a plan it has not read yet
	dropsSilently bool // what is set aside is not counted
	compacted     bool // of a model's plans the log keeps the last: who starts later knows no other
}

const (
	maxPanes = 3
	maxPlans = 3
	maxLog   = 10
)

// planCase is what happens: the panes of each source's events, in order, and from which pane on each plan is in force. The
// first plan is there from the start; of several that apply to a pane the one published last is in force.
type planCase struct {
	events [2][]uint8
	from   []uint8
}

var planCases = map[string]planCase{
	"one new plan":                       {events: [2][]uint8{{0, 1, 1}, {0, 1}}, from: []uint8{0, 1}},
	"two, one after the other":           {events: [2][]uint8{{0, 1, 2}, {1, 2}}, from: []uint8{0, 1, 2}},
	"two, the second replaces the first": {events: [2][]uint8{{0, 1}, {0, 1}}, from: []uint8{0, 1, 1}},
	"two, the second in force earlier":   {events: [2][]uint8{{1, 2}, {0, 1, 2}}, from: []uint8{0, 2, 1}},
}

type planState struct {
	published uint8
	known     [2]uint8 // by ingestor: how many plans it has read
	forgotten [2]uint8 // and how many of them were gone when it read
	sent      [2]uint8 // by source: events in committed fragments; one more is the mark of its end
	log       [maxLog]planFragment
	n         uint8 // of log, from the detector's last commit on
	folded    uint8 // of these
	reads     uint8 // how many plans the detector has read
	open      planPanes
	committed planPanes
	problem   uint8
}

// planFragment is one event's cell with its coverage. plan 0: no cell, coverage only; else the number of the plan, from 1.
type planFragment struct{ source, pane, plan uint8 }

// planPanes is the detector's state.
type planPanes struct {
	passed [2]uint8                  // by source: the pane it has reached
	named  uint8                     // plans named by cells so far
	held   [maxPanes][maxPlans]uint8 // cells of open panes, by plan
	closed uint8                     // panes closed, from the first on
	plan   [maxPanes]uint8           // of a closed pane, from 1
	counts [maxPanes]uint8           // in the pane
	aside  [maxPanes]uint8           // of another plan
}

const (
	planPublish = uint8(iota)
	planLearn
	planCount
	planEnd
	planRead
	planFold
	planCommit
	planCrash
)

var planWords = []string{
	planPublish: "plan {a} is published, in force from pane {b} on",
	planLearn:   "ingestor {a} reads the plans: {b} of them",
	planCount:   "ingestor {a} commits a fragment: an event of source {b}, in pane {c}",
	planEnd:     "ingestor {a} commits a fragment: source {b} is at its end",
	planRead:    "the detector reads the plans: {a} of them",
	planFold:    "the detector folds a fragment: source {a}, pane {b}, plan {c}",
	planCommit:  "the detector commits",
	planCrash:   "the detector falls back to its last commit and reads the plans: {a} of them",
}

func plans(r planRules, c planCase) *system[planState] {
	m := &planModel{planRules: r, planCase: c}
	for _, events := range c.events {
		for _, pane := range events {
			m.total[pane]++
			m.panes = max(m.panes, pane+1)
		}
	}
	return &system[planState]{
		initial: planState{published: 1, known: [2]uint8{1, 1}, reads: 1},
		steps:   m.steps, wrong: m.wrong, done: m.done, words: planWords,
	}
}

type planModel struct {
	planRules
	planCase
	total [maxPanes]uint8 // events by pane
	panes uint8
}

// inForce is the plan of a pane among the plans [forgotten, known) of the log, from 1; 0 if there is none.
func (r *planModel) inForce(pane, forgotten, known uint8) uint8 {
	for i := known; i > forgotten; i-- {
		if r.from[i-1] <= pane {
			return i
		}
	}
	return 0
}

func (r *planModel) steps(s *planState, emit func(*planState, label)) {
	if int(s.published) < len(r.from) {
		t := *s
		t.published++
		emit(&t, label{planPublish, t.published, r.from[s.published], 0})
	}
	for i := range uint8(2) {
		if s.known[i] < s.published {
			t := *s
			t.known[i] = s.published
			if r.compacted {
				t.forgotten[i] = s.published - 1
			}
			emit(&t, label{planLearn, i, s.published, 0})
		}
		for source, events := range r.events {
			at := s.sent[source]
			if int(at) > len(events) {
				continue
			}
			t := *s
			t.sent[source]++
			f, l := planFragment{source: uint8(source), pane: r.panes}, label{planEnd, i, uint8(source), 0}
			if int(at) < len(events) {
				pane := events[at]
				f.pane, f.plan = pane, r.inForce(pane, s.forgotten[i], s.known[i])
				if r.byArrival {
					f.plan = s.known[i]
				}
				l = label{planCount, i, uint8(source), pane}
			}
			t.log[t.n] = f
			t.n++
			emit(&t, l)
		}
	}
	r.detectorSteps(s, emit)
}

func (r *planModel) detectorSteps(s *planState, emit func(*planState, label)) {
	if s.reads < s.published {
		t := *s
		t.reads = s.published
		emit(&t, label{planRead, t.reads, 0, 0})
	}
	if s.folded < s.n {
		t := *s
		f := s.log[s.folded]
		t.folded++
		r.fold(&t, f)
		emit(&t, label{planFold, f.source, f.pane, f.plan})
	}
	if s.folded > 0 {
		t := *s
		t.open, t.folded, t.reads = s.committed, 0, s.published
		emit(&t, label{planCrash, t.reads, 0, 0})
		t = *s
		t.log, t.n, t.folded, t.committed = [maxLog]planFragment{}, s.n-s.folded, 0, s.open
		copy(t.log[:], s.log[s.folded:s.n])
		emit(&t, label{planCommit, 0, 0, 0})
	}
}

// fold adds a cell to its pane, by plan, and closes what every source has passed.
func (r *planModel) fold(t *planState, f planFragment) {
	p := &t.open
	if f.plan > 0 {
		p.named = max(p.named, f.plan)
		if r.from[f.plan-1] > f.pane {
			t.problem = 4
		}
		if !r.passesOver {
			t.reads = max(t.reads, f.plan) // a cell names a plan: so it is in the log, and is read first
		}
		switch {
		case f.plan > t.reads, r.onArrival && f.plan != r.inForce(f.pane, 0, t.reads):
			p.aside[f.pane]++
			if f.plan == r.inForce(f.pane, 0, max(p.named, t.reads)) {
				t.problem = 3
			}
		default:
			p.held[f.pane][f.plan-1]++
		}
	}
	p.passed[f.source] = f.pane
	for ; p.closed < min(p.passed[0], p.passed[1]); p.closed++ {
		r.close(t, p.closed)
	}
}

// close decides which plan's cells a pane consists of.
func (r *planModel) close(t *planState, pane uint8) {
	p := &t.open
	plan := r.inForce(pane, 0, t.reads)
	p.plan[pane] = plan
	kinds := 0
	for i, n := range p.held[pane] {
		switch {
		case n == 0:
		case uint8(i)+1 == plan || r.acceptsAny || r.onArrival:
			p.counts[pane] += n
			kinds++
		case !r.dropsSilently:
			p.aside[pane] += n
		}
	}
	p.held[pane] = [maxPlans]uint8{}
	switch {
	case kinds > 1:
		t.problem = 1
	case p.counts[pane]+p.aside[pane] != r.total[pane]:
		t.problem = 2
	case plan != r.inForce(pane, 0, max(t.reads, p.named)):
		t.problem = 3
	}
}

func (r *planModel) wrong(s *planState) string {
	switch s.problem {
	case 1:
		return "a pane mixes cells of two plans"
	case 2:
		return "events of a closed pane are neither counted nor set aside"
	case 3:
		return "cells of the plan in force are set aside"
	case 4:
		return "an event is counted under a plan that was not in force at its time"
	}
	for pane := range s.committed.closed {
		if s.open.plan[pane] != s.committed.plan[pane] {
			return "a closed pane changed its plan"
		}
	}
	return ""
}

func (r *planModel) done(s *planState) bool {
	return s.n == 0 && s.committed.closed == r.panes
}
