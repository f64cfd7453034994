package protocol

// The detector: one fragments partition, two members. A fragment comes in two chunks, and only the last one moves the clock;
// an epoch may end between them. What a transaction writes is the findings of the panes it closed, and its state in two
// records of the panes topic: the clock, which names the offset the state stands for, and the engine. A new owner reads them
// back. (With more pieces of the engine there are more ways to see a part of them, and no new kind of way.)

// detectorRules are the guards of the protocol, each of which can be taken out, and ways to build it that are not ours.
type detectorRules struct {
	noGenerationCheck bool
	unstableFetch     bool
	coverageFirst     bool // coverage travels in the first chunk of a fragment
	toStable          bool // a restore reads to the last stable offset, not to the high watermark
	endFirst          bool // a restore asks for the end of the panes before the committed offset
	noCompare         bool // a restore doesn't compare the state's offset with the committed one
	retries           bool // a restore that doesn't match is tried again instead of ending the process
	clockOnly         bool // a restore is content with a clock that matches, and reads no further for the engine
}

// engineState is what a prefix of the fragments folds to.
type engineState struct {
	next, clock uint8    // chunks folded; panes that every source has passed
	panes       [2]uint8 // cells, a bit for each chunk, and closed
}

const (
	wholePane  = uint8(3)
	closedPane = uint8(4)
)

type detectorState struct {
	committed uint8 // offset whose marker is written
	members   [2]detectorMember
	txs       [2]detectorTx
	stored    engineState // what a reader of the panes has got before log
	before    [2]uint8    // the engine before the stored one; only where that matters
	log       [detectorLog]piece
	n         uint8
	found     [2]bool // by pane: its finding is committed
	problem   uint8
}

// While a transaction is open others may commit once per chunk behind it, and one more may be open.
const detectorLog = 12

// piece is one record of a state: the clock's or the engine's.
type piece struct {
	by, value     uint8
	clock, stands bool // stands: its transaction committed
}

type detectorMember struct {
	phase       uint8
	generation  uint8
	owns        uint8
	dirty       bool
	from        uint8       // committed
	end         uint8       // where the restore ends, counted in records of log
	saved, open engineState // as of from; with the open epoch
}

type detectorTx struct {
	phase         uint8
	offset        uint8 // pending, + 1
	data, offsets bool  // the marker is still to be written
}

const (
	restoring = offered + 1 + iota // the offset is known
	reading                        // and up to where to read
	restored                       // the state is read, the offset is not known yet: only if asked for in that order
	writing                        // the clock is written, the engine is not
)

const (
	detectorRebalance = uint8(iota)
	detectorCrash
	detectorLearn
	detectorLearnNothing
	detectorFetch
	detectorEnd
	detectorCommit
	detectorBegin
	detectorWrite
	detectorOffer
	detectorRefused
	detectorAbort
	detectorTimeout
	detectorDataMarker
	detectorOffsetsMarker
)

var detectorWords = []string{
	detectorRebalance:     "the group begins a new generation",
	detectorCrash:         "detector {a} dies, and is started again",
	detectorLearn:         "detector {a} learns that it owns the partition in the new generation",
	detectorLearnNothing:  "detector {a} learns that it owns nothing in the new generation",
	detectorFetch:         "detector {a} fetches the offset: {b}",
	detectorEnd:           "detector {a} asks where the panes end, and reads its state as soon as it can",
	detectorCommit:        "detector {a} commits",
	detectorBegin:         "detector {a} has folded the chunks [{b}, {c}), begins its transaction and writes its clock",
	detectorWrite:         "detector {a} writes its engine",
	detectorOffer:         "detector {a} adds its offset to the transaction",
	detectorRefused:       "detector {a}'s offset is refused, its generation is over: it aborts and rolls back",
	detectorAbort:         "detector {a} aborts and rolls back",
	detectorTimeout:       "the coordinator aborts the open transaction of detector {a}, dead or frozen; should it live, it is fenced and exits",
	detectorDataMarker:    "the marker of detector {a}'s transaction is written to the panes",
	detectorOffsetsMarker: "the marker of detector {a}'s transaction is written to the offsets",
}

// detector makes the system; chunks is how many there are.
func detector(r detectorRules, chunks uint8) *system[detectorState] {
	var initial detectorState
	for i := range initial.members {
		initial.members[i] = detectorMember{phase: folding, generation: older}
	}
	m := detectorModel{r, chunks}
	return &system[detectorState]{initial: initial, steps: m.steps, wrong: m.wrong, done: m.done, words: detectorWords}
}

type detectorModel struct {
	detectorRules
	chunks uint8
}

// fold takes the next chunk: a cell of its pane, and in one of two the coverage that ends the pane.
func (r detectorModel) fold(e engineState) engineState {
	pane, half := e.next/2, e.next%2
	e.next++
	e.panes[pane] |= 1 << half
	if half == 1 != r.coverageFirst {
		e.clock = pane + 1
	}
	for p := range e.clock {
		e.panes[p] |= closedPane
	}
	return e
}

// prefix folds the first chunks from scratch.
func (r detectorModel) prefix(chunks uint8) (e engineState) {
	for e.next < chunks {
		e = r.fold(e)
	}
	return e
}

func (r detectorModel) steps(s *detectorState, emit func(*detectorState, label)) {
	t := *s
	t.outdate(0)
	t.outdate(1)
	emit(&t, label{detectorRebalance, 0, 0, 0})
	for i := range uint8(2) {
		r.memberSteps(s, i, emit)
		r.coordinatorSteps(s, i, emit)
	}
}

func (s *detectorState) outdate(i uint8) {
	m := &s.members[i]
	if outdate(&m.generation); m.owns == notOwned {
		m.generation = older
	}
}

// exit ends a process; another one takes its place, and joins once the transaction it was left with is decided.
func (s *detectorState) exit(i uint8) {
	was := s.members[i].generation
	s.members[i] = detectorMember{phase: folding, generation: older}
	if was == current && s.members[1-i].generation != current {
		s.outdate(1 - i)
	}
}

// back returns a member to its last commit, from memory.
func (m *detectorMember) back() {
	m.phase, m.dirty, m.open, m.end = folding, false, engineState{}, 0
	if m.owns != owned {
		m.from, m.saved = 0, engineState{}
	}
}

func (m *detectorMember) learn(mine bool) {
	lost := m.generation == older
	m.generation = current
	if mine && !lost && m.owns != notOwned {
		return
	}
	written := m.phase == produced || m.phase == offered || m.phase == writing
	m.owns = notOwned
	if mine {
		m.owns = assigned
	}
	if m.dirty = m.dirty || written; !m.dirty {
		m.back()
	} else { // it can only abort: what it has in memory makes no difference any more
		m.phase, m.from, m.saved, m.open = writing, 0, engineState{}, engineState{}
	}
}

func (r detectorModel) memberSteps(s *detectorState, i uint8, emit func(*detectorState, label)) {
	m, tx, t := &s.members[i], &s.txs[i], *s
	n := &t.members[i]
	if t.exit(i); t != *s {
		emit(&t, label{detectorCrash, i, 0, 0})
	}
	if m.generation != current && (m.owns != notOwned || s.txs[i].phase != txOpen) {
		other := &s.members[1-i]
		for _, mine := range []bool{true, false} {
			if other.generation == current && mine != (other.owns == notOwned) {
				continue
			}
			kind := detectorLearn
			if !mine {
				kind = detectorLearnNothing
			}
			t = *s
			n.learn(mine)
			emit(&t, label{kind, i, 0, 0})
		}
	}
	t = *s
	pending := s.txs[0].offset > 0 || s.txs[1].offset > 0
	fetch := func() {
		if pending && !r.unstableFetch {
			return
		}
		n.from = s.committed
		if n.phase = restoring; r.endFirst {
			r.compare(&t, i)
		}
		emit(&t, label{detectorFetch, i, s.committed, 0})
	}
	end := func() {
		n.phase, n.end = reading, s.n
		if r.toStable {
			n.end = 0
		}
		r.load(&t, i)
		emit(&t, label{detectorEnd, i, 0, 0})
	}
	switch {
	case m.phase == folding && m.owns == assigned && r.endFirst:
		end()
	case m.phase == folding && m.owns == assigned, m.phase == restored:
		fetch()
	case m.phase == restoring:
		end()
	case m.phase == folding && m.owns == owned && tx.phase == txNone:
		// Folding touches nothing but memory, so it is one step with the first record that is written.
		e := m.saved
		e.next = m.from // which is what e.next is, unless a restore didn't look
		for e.next < r.chunks {
			e = r.fold(e)
			t := *s
			n := &t.members[i]
			n.phase, n.open = writing, e
			t.txs[i].phase = txOpen
			t.append(piece{by: i, clock: true, value: e.next<<4 | e.clock})
			emit(&t, label{detectorBegin, i, m.from, e.next})
		}
	case m.phase == produced, m.phase == offered, m.phase == writing:
		r.endSteps(s, i, emit)
	}
}

func (s *detectorState) append(p piece) {
	s.log[s.n] = p
	s.n++
}

// load gives a reader its state once nothing before its end is undecided any more.
func (r detectorModel) load(t *detectorState, i uint8) {
	m := &t.members[i]
	if m.phase != reading || m.end > 0 {
		return
	}
	m.saved = t.stored
	if r.clockOnly && t.stored.next == m.from {
		m.saved.panes = t.before
	}
	if m.phase = restored; !r.endFirst {
		r.compare(t, i)
	}
}

// compare holds the restored state against the committed offset.
func (r detectorModel) compare(t *detectorState, i uint8) {
	m := &t.members[i]
	switch {
	case m.saved.next == m.from || r.noCompare:
		if m.phase, m.owns = folding, owned; m.generation == current && m.saved != r.prefix(m.from) { // a zombie may have anything
			t.problem = 4
		}
	case r.retries:
		m.phase, m.saved = restoring, engineState{}
	default:
		t.exit(i)
	}
}

func (r detectorModel) endSteps(s *detectorState, i uint8, emit func(*detectorState, label)) {
	m, t := &s.members[i], *s
	n := &t.members[i]
	refused := m.phase == produced && m.generation != current && !r.noGenerationCheck
	if m.dirty || m.phase == produced {
		kind := detectorAbort
		if refused && !m.dirty {
			kind = detectorRefused
		}
		t.txs[i].phase, t.txs[i].data, t.txs[i].offsets = txAborting, true, s.txs[i].offset > 0
		n.back()
		emit(&t, label{kind, i, 0, 0})
		if m.dirty || refused {
			return
		}
		t = *s
	}
	switch m.phase {
	case writing:
		n.phase = produced
		t.append(piece{by: i, value: m.open.panes[0]<<4 | m.open.panes[1]})
		emit(&t, label{detectorWrite, i, 0, 0})
	case produced:
		n.phase, t.txs[i].offset = offered, m.open.next+1
		emit(&t, label{detectorOffer, i, 0, 0})
	case offered:
		for p := range t.found {
			if m.open.panes[p]&closedPane == 0 || m.saved.panes[p]&closedPane != 0 {
				continue
			}
			switch {
			case t.found[p]:
				t.problem = 1
			case m.open.panes[p] != wholePane|closedPane:
				t.problem = 2
			}
			t.found[p] = true
		}
		if m.open != r.prefix(m.open.next) && t.problem == 0 {
			t.problem = 3
		}
		t.txs[i].phase, t.txs[i].data, t.txs[i].offsets = txCommitting, true, true
		n.from, n.saved = m.open.next, m.open
		n.back()
		emit(&t, label{detectorCommit, i, 0, 0})
	}
}

func (r detectorModel) coordinatorSteps(s *detectorState, i uint8, emit func(*detectorState, label)) {
	tx, t := &s.txs[i], *s
	settle := func() {
		if !t.txs[i].data && !t.txs[i].offsets {
			t.txs[i].phase = txNone
		}
	}
	if tx.phase == txOpen {
		t.txs[i].phase, t.txs[i].data, t.txs[i].offsets = txAborting, true, tx.offset > 0
		t.exit(i)
		emit(&t, label{detectorTimeout, i, 0, 0})
		t = *s
	}
	if tx.data {
		r.mark(&t, i)
		t.txs[i].data = false
		settle()
		emit(&t, label{detectorDataMarker, i, 0, 0})
		t = *s
	}
	if tx.offsets {
		if tx.phase == txCommitting {
			t.committed = tx.offset - 1
		}
		t.txs[i].offset, t.txs[i].offsets = 0, false
		settle()
		emit(&t, label{detectorOffsetsMarker, i, 0, 0})
	}
}

// mark writes the marker of i's transaction to the panes and lets readers go on up to the first record without one.
func (r detectorModel) mark(t *detectorState, i uint8) {
	log, n := t.log, t.n
	t.log, t.n = [detectorLog]piece{}, 0
	// The ends of the readers are counted in records of the log: of those that leave it, each before an end moves that end.
	var gone [2]uint8
	for at, p := range log[:n] {
		leaves := p.stands
		if p.by == i && !p.stands {
			p.stands, leaves = true, true
			if t.txs[i].phase == txAborting {
				r.passed(t, uint8(at), &gone)
				continue
			}
		}
		if t.n > 0 || !leaves {
			t.append(p)
			continue
		}
		if p.clock {
			t.stored.next, t.stored.clock = p.value>>4, p.value&15
			if r.clockOnly {
				t.before = t.stored.panes
			}
		} else {
			t.stored.panes = [2]uint8{p.value >> 4, p.value & 15}
		}
		r.passed(t, uint8(at), &gone)
	}
}

// passed says that the record at a place of the former log is read or void.
func (r detectorModel) passed(t *detectorState, at uint8, gone *[2]uint8) {
	for j := range t.members {
		m := &t.members[j]
		if m.phase == reading && at < m.end+gone[j] {
			m.end--
			gone[j]++
			r.load(t, uint8(j))
		}
	}
}

func (r detectorModel) wrong(s *detectorState) string {
	switch s.problem {
	case 1:
		return "a pane was closed twice"
	case 2:
		return "a pane was closed without all of its cells"
	case 3:
		return "a state does not match the offset it is committed with"
	case 4:
		return "a restored state does not match the committed offset"
	}
	offset := s.committed
	for _, tx := range s.txs {
		if tx.phase == txCommitting && tx.offset > 0 {
			offset = tx.offset - 1
		}
	}
	for p, found := range s.found {
		if !found && int(offset) >= 2*p+2 {
			return "a pane's finding is missing"
		}
	}
	return ""
}

func (r detectorModel) done(s *detectorState) bool {
	return s.committed == r.chunks && s.n == 0 && s.txs == [2]detectorTx{}
}
