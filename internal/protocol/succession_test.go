package protocol

// Plans as they are built: a cell is taken when it comes, by the plans the detector runs under, and the engine of each plan
// closes its own panes. A detector that learns of newer plans starts afresh from its committed state. There it gives up what an
// earlier plan holds open beyond its era (Retain), and what that plan has judged there stays judged: the state names the plans it
// was made under, and of panes that another plan has closed under them the cells of the plan in force now are late.
//
// Unlike in plans_test.go sources may be out of order, and a plan may come back.

// successionRules are the guards as built, each of which can be taken out, and former ways to build it.
type successionRules struct {
	noRetain   bool // open panes beyond a plan's era are kept
	silent     bool // they are dropped, and not told
	noTaken    bool // what others have judged is not known
	passesOver bool // a cell of a plan the detector doesn't know is set aside without a look at the log
	byDigest   bool // a plan that is known is not looked for: whether it is in force again
	once       bool // former: a plan without a state begins where those before it have closed, and that is all it knows of them
	noState    bool // with once: for as long as it has closed nothing
	replaces   bool // former: of several plans with the same from the last one counts, not the first
	truth      bool // no guard: plans wait for outcomes, so that an engine goes on when its plan's era is over
}

// successionCase is what happens. Of the plans each is in force from a pane on until that of the next. One with the from of
// another is never in force: everybody reads the same log, and the first counts.
type successionCase struct {
	events [2][]uint8 // the panes of each source's events, in the order of their offsets
	from   []uint8    // by plan, in the order of publication
	digest []uint8    // which plan it is; nil: each another
	late   [maxPlans]uint8
}

var successionCases = map[string]successionCase{
	"one new plan":                     {events: [2][]uint8{{0, 1, 1}, {0, 1}}, from: []uint8{0, 1}},
	"one new plan, late events":        {events: [2][]uint8{{0, 2, 1}, {0, 1, 2}}, from: []uint8{0, 1}},
	"one new plan that waits longer":   {events: [2][]uint8{{0, 2, 1}, {1, 2}}, from: []uint8{0, 1}, late: [maxPlans]uint8{0, 1}},
	"two, one after the other":         {events: [2][]uint8{{0, 1, 2}, {2}}, from: []uint8{0, 1, 2}},
	"two, the second in force earlier": {events: [2][]uint8{{1, 2}, {0, 2}}, from: []uint8{0, 2, 1}},
	"two, the first comes back":        {events: [2][]uint8{{0, 1, 2}, {2}}, from: []uint8{0, 1, 2}, digest: []uint8{0, 1, 0}},

	"two, the first comes back for panes that were judged, late events": {
		events: [2][]uint8{{2, 3, 2}, {3}}, from: []uint8{0, 1, 2}, digest: []uint8{0, 1, 0},
	},
	"two, the first comes back and waits longer, late events": {
		events: [2][]uint8{{1, 3, 2}, {3}}, from: []uint8{0, 1, 2}, digest: []uint8{0, 1, 0}, late: [maxPlans]uint8{1, 0},
	},
	"two, the second with the from of the first": {events: [2][]uint8{{0, 1}, {0, 1}}, from: []uint8{0, 1, 1}},
}

// successionPanes is one more than plans_test.go needs.
const successionPanes = 4

type successionState struct {
	published uint8
	known     [2]uint8 // by ingestor: how many plans it has read
	sent      [2]uint8 // by source: events in committed fragments; one more is the mark of its end
	log       [maxLog]planFragment
	n         uint8 // of log, from the detector's last commit on
	folded    uint8 // of these
	reads     uint8 // how many plans the detector runs under
	open      succession
	committed succession
	problem   uint8
}

// succession is the detector's state.
type succession struct {
	passed  [2]uint8 // by source: the pane it has reached
	under   uint8    // how many plans were known when it was made
	taken   uint8    // by pane, a bit: it was closed by a plan that was in force then and is no longer
	seen    uint8    // cells folded
	aside   uint8
	late    uint8
	engines [maxPlans]engineOf
	plan    [successionPanes]uint8 // of a closed pane with events, from 1
	counts  [successionPanes]uint8
}

// engineOf is the state of one plan: of plans with the same digest, the first one's.
type engineOf struct {
	stored bool // it was written; kept only where that matters
	begun  bool // closed is a pane
	closed uint8
	held   [successionPanes]uint8
}

const (
	successionPublish = uint8(iota)
	successionLearn
	successionCount
	successionEnd
	successionFold
	successionCommit
	successionAbort
	successionRestart
)

var successionWords = []string{
	successionPublish: "plan {a} is published, in force from pane {b} on",
	successionLearn:   "ingestor {a} starts afresh under newer plans: {b} of them",
	successionCount:   "ingestor {a} commits a fragment: an event of source {b}, in pane {c}",
	successionEnd:     "ingestor {a} commits a fragment: source {b} is at its end",
	successionFold:    "the detector folds a fragment: source {a}, pane {b}, plan {c}",
	successionCommit:  "the detector commits",
	successionAbort:   "the detector aborts and goes on from its last commit",
	successionRestart: "the detector starts afresh from its last commit, under newer plans or not: {a} of them",
}

type successionModel struct {
	successionRules
	successionCase
	panes uint8
}

func successions(r successionRules, c successionCase) *system[successionState] {
	if c.digest == nil {
		c.digest = []uint8{0, 1, 2}
	}
	m := &successionModel{successionRules: r, successionCase: c}
	for _, events := range c.events {
		for _, pane := range events {
			m.panes = max(m.panes, pane+1)
		}
	}
	return &system[successionState]{
		initial: successionState{published: 1, known: [2]uint8{1, 1}, reads: 1, open: succession{under: 1}, committed: succession{under: 1}},
		steps:   m.steps, wrong: m.wrong, done: m.done, words: successionWords,
	}
}

// inForce is the plan of a pane among the first known ones: the one with the latest from, and of several the first.
func (r *successionModel) inForce(pane, known uint8) (plan uint8) {
	for i := range known {
		if r.from[i] <= pane && (r.from[i] > r.from[plan] || r.replaces && r.from[i] == r.from[plan]) {
			plan = i
		}
	}
	return plan
}

// logged reports whether one of the first known plans that is in force somewhere has a digest.
func (r *successionModel) logged(digest, known uint8) bool {
	for i := range known {
		if r.digest[i] == digest && r.inForce(r.from[i], known) == i {
			return true
		}
	}
	return false
}

// holds reports whether the plan of that digest is in force at a pane.
func (r *successionModel) holds(digest, pane, known uint8) bool {
	return r.digest[r.inForce(pane, known)] == digest
}

func (r *successionModel) steps(s *successionState, emit func(*successionState, label)) {
	if int(s.published) < len(r.from) {
		t := *s
		t.published++
		emit(&t, label{successionPublish, t.published, r.from[s.published], 0})
	}
	for i := range uint8(2) {
		if s.known[i] < s.published {
			t := *s
			t.known[i] = s.published
			emit(&t, label{successionLearn, i, s.published, 0})
		}
		for source, events := range r.events {
			at := s.sent[source]
			if int(at) > len(events) {
				continue
			}
			t := *s
			t.sent[source]++
			f, l := planFragment{source: uint8(source), pane: r.panes + 1}, label{successionEnd, i, uint8(source), 0}
			if int(at) < len(events) {
				f.pane = events[at]
				f.plan = r.inForce(f.pane, s.known[i]) + 1
				l = label{successionCount, i, uint8(source), f.pane}
			}
			t.log[t.n] = f
			t.n++
			emit(&t, l)
		}
	}
	r.detectorSteps(s, emit)
}

func (r *successionModel) detectorSteps(s *successionState, emit func(*successionState, label)) {
	if s.folded < s.n {
		t := *s
		f := s.log[s.folded]
		t.folded++
		if r.fold(&t, f) {
			emit(&t, label{successionFold, f.source, f.pane, f.plan})
		}
	}
	if s.folded > 0 {
		t := *s
		t.open, t.folded = r.load(s.committed, s.reads), 0
		emit(&t, label{successionAbort, 0, 0, 0})
		t = *s
		t.log, t.n, t.folded, t.committed = [maxLog]planFragment{}, s.n-s.folded, 0, s.open
		copy(t.log[:], s.log[s.folded:s.n])
		emit(&t, label{successionCommit, 0, 0, 0})
	}
	if s.folded > 0 || s.reads < s.published {
		t := *s
		t.reads = s.published
		t.open, t.folded = r.load(s.committed, t.reads), 0
		emit(&t, label{successionRestart, t.reads, 0, 0})
	}
}

// fold adds a cell to the pane of its plan, and closes what every source has passed. It reports false where the epoch can only
// abort: the detector has to learn of newer plans first.
func (r *successionModel) fold(t *successionState, f planFragment) bool {
	p := &t.open
	if f.plan > 0 {
		digest := r.digest[f.plan-1]
		if r.from[f.plan-1] > f.pane {
			t.problem = 4
		}
		known := r.logged(digest, t.reads)
		switch e := &p.engines[digest]; {
		case known && r.holds(digest, f.pane, t.reads):
			if e.begun && f.pane < e.closed || p.taken>>f.pane&1 > 0 {
				p.late++
			} else {
				e.held[f.pane]++
			}
			e.stored = r.once
		case !r.passesOver && (!known || !r.byDigest) && r.holds(digest, f.pane, t.published):
			return false
		default:
			p.aside++
			if r.holds(digest, f.pane, t.published) {
				t.problem = 3
			}
		}
		p.seen++
	}
	p.passed[f.source] = max(p.passed[f.source], f.pane)
	for digest := range uint8(maxPlans) {
		if r.logged(digest, t.reads) && !r.over(p, digest, t.reads) {
			r.advance(t, digest)
		}
	}
	return true
}

// over reports whether nothing more can come of a plan.
func (r *successionModel) over(p *succession, digest, known uint8) bool {
	e := &p.engines[digest]
	if r.truth || !e.begun || e.held != [successionPanes]uint8{} {
		return false
	}
	for pane := e.closed; pane <= r.panes; pane++ {
		if r.holds(digest, pane, known) {
			return false
		}
	}
	return true
}

// advance closes the panes of one plan that every source has passed.
func (r *successionModel) advance(t *successionState, digest uint8) {
	p := &t.open
	e := &p.engines[digest]
	ready := min(p.passed[0], p.passed[1])
	ready -= min(ready, r.late[digest])
	first := ready
	for pane := range min(ready, successionPanes) {
		if e.held[pane] > 0 {
			first = min(first, pane)
		}
	}
	if !e.begun && first == ready { // nothing was ever held, or nothing has ended
		return
	}
	if !e.begun {
		e.begun, e.closed = true, first
	}
	for ; e.closed < ready; e.closed++ {
		e.stored = r.once
		pane := e.closed
		if int(pane) >= successionPanes || e.held[pane] == 0 {
			continue
		}
		if p.plan[pane] != 0 {
			t.problem = 1
		}
		p.plan[pane] = digest + 1
		p.counts[pane] += e.held[pane]
		e.held[pane] = 0
	}
}

// load is what a detector that runs under the first known plans makes of its committed state.
func (r *successionModel) load(p succession, known uint8) succession {
	if !r.noTaken && !r.once {
		for pane := range uint8(successionPanes) {
			before := r.digest[r.inForce(pane, p.under)]
			if e := &p.engines[before]; e.begun && pane < e.closed && !r.holds(before, pane, known) {
				p.taken |= 1 << pane
			}
		}
	}
	p.under = known
	for digest := range uint8(maxPlans) {
		e := &p.engines[digest]
		if !r.logged(digest, known) {
			*e = engineOf{} // nothing can be read without its plan
			continue
		}
		for pane := range uint8(successionPanes) {
			if !r.noRetain && e.held[pane] > 0 && !r.holds(digest, pane, known) {
				if !r.silent {
					p.aside += e.held[pane]
				}
				e.held[pane] = 0
			}
		}
	}
	if r.once {
		r.begin(&p, known)
	}
	return p
}

// begin is how a plan learnt how far others have judged before: a plan without a state begins there.
func (r *successionModel) begin(p *succession, known uint8) {
	reached, judged := uint8(0), false
	for _, plan := range r.order(known) {
		e := &p.engines[r.digest[plan]]
		fresh := !e.begun
		if !r.noState {
			fresh = !e.stored
		}
		if fresh && judged {
			e.begun, e.closed, e.stored = true, reached, true
		}
		if e.begun {
			judged, reached = true, max(reached, e.closed)
		}
	}
}

// order lists the first known plans by when each digest first comes into force.
func (r *successionModel) order(known uint8) []uint8 {
	var out []uint8
	for from := range uint8(successionPanes) {
		for i := range known {
			if r.from[i] == from && r.inForce(from, known) == i {
				again := false
				for _, o := range out {
					again = again || r.digest[o] == r.digest[i]
				}
				if !again {
					out = append(out, i)
				}
			}
		}
	}
	return out
}

func (r *successionModel) wrong(s *successionState) string {
	switch s.problem {
	case 1:
		return "a pane is closed by two plans"
	case 3:
		return "cells of the plan in force are set aside"
	case 4:
		return "an event is counted under a plan that was not in force at its time"
	}
	p := &s.open
	sum := p.aside + p.late
	for pane := range p.counts {
		sum += p.counts[pane]
	}
	for digest := range uint8(maxPlans) {
		for _, n := range p.engines[digest].held {
			sum += n
		}
	}
	if sum != p.seen {
		return "an event is neither counted nor set aside nor late"
	}
	return ""
}

func (r *successionModel) done(s *successionState) bool {
	for _, e := range s.committed.engines {
		if e.held != [successionPanes]uint8{} {
			return false
		}
	}
	return s.n == 0 && s.folded == 0 && min(s.committed.passed[0], s.committed.passed[1]) == r.panes+1
}
