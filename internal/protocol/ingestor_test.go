package protocol

// The ingestor: two source partitions, two members, any assignment. An epoch takes some events of every partition the member
// owns, counts them, and writes one fragment: the counts, and the ranges they account for. What is checked is what a reader of
// the fragments sees, and that the committed offsets agree with it.

// ingestorRules are the guards of the protocol, each of which can be taken out.
type ingestorRules struct {
	noGenerationCheck  bool // the group takes offsets of any member
	unstableFetch      bool // pending offsets are not waited for
	noFence            bool // the end of a dead process' transaction, arriving late, ends that of its successor
	revokeKeepsEpoch   bool // losing a partition doesn't spoil the open epoch
	noRollback         bool // an aborted epoch leaves its counts in memory
	keepsThroughLosses bool // a member that missed a generation believes that it still owns what it owned
	offsetsApart       bool // offsets are committed by themselves, before the outputs
}

// ingestorState is the whole of group, transactions, fragments topic and members. Who owns what in the current generation is
// open until the first member learns of it; from then on the other one has the rest.
type ingestorState struct {
	committed [2]uint8 // offsets whose marker is written
	members   [2]ingestorMember
	txs       [2]ingestorTx
	log       [ingestorLog]fragment // from the first one on that is not decided for readers
	n         uint8
	next      [2]uint8 // how far the fragments before log account for the sources
	problem   uint8    // what a reader of the fragments found
}

// At most two fragments are undecided, and behind them lie as many committed ones as there are events.
const ingestorLog = 6

type ingestorMember struct {
	phase      uint8
	generation uint8
	owns       [2]uint8
	dirty      bool     // a partition was taken away: the transaction can only abort
	from, to   [2]uint8 // from == to but between the writing of the outputs and the end
	counts     [2]uint8 // by event, two bits each
}

type ingestorTx struct {
	phase         uint8
	offset        [2]uint8 // pending, + 1; 0 for none
	data, offsets bool     // the marker is still to be written
	late          bool     // the request to commit of a process that is dead by now is still on its way
}

// fragment is one record: the ranges of both partitions (empty: from == to) and the counts.
type fragment struct {
	by, status       uint8
	from, to, counts [2]uint8
}

const (
	down = uint8(iota)
	folding
	produced
	offered // the offsets are in the transaction
)

const (
	undecided = uint8(iota)
	decided
)

const (
	ingestorRebalance = uint8(iota)
	ingestorCrash
	ingestorCrashLate
	ingestorRestart
	ingestorLearn // with nothing; the next three: with source 0, source 1, both
	_
	_
	_
	ingestorFetch
	ingestorProduce
	ingestorOffer
	ingestorRefused
	ingestorEnd
	ingestorLate
	ingestorAbort
	ingestorTimeout
	ingestorDataMarker
	ingestorOffsetsMarker
)

var ingestorWords = []string{
	ingestorRebalance:     "the group begins a new generation",
	ingestorCrash:         "ingestor {a} dies",
	ingestorCrashLate:     "ingestor {a} dies; its request to commit is still on its way",
	ingestorRestart:       "ingestor {a} starts again",
	ingestorLearn:         "ingestor {a} learns that it owns nothing in the new generation",
	ingestorLearn + 1:     "ingestor {a} learns that it owns source 0 in the new generation",
	ingestorLearn + 2:     "ingestor {a} learns that it owns source 1 in the new generation",
	ingestorLearn + 3:     "ingestor {a} learns that it owns both sources in the new generation",
	ingestorFetch:         "ingestor {a} fetches the offset of source {b}: {c}",
	ingestorProduce:       "ingestor {a} has counted {b} events of source 0 and {c} of source 1, begins its transaction and writes its fragment",
	ingestorOffer:         "ingestor {a} adds its offsets to the transaction",
	ingestorRefused:       "ingestor {a}'s offsets are refused, its generation is over: it aborts and rolls back",
	ingestorEnd:           "ingestor {a} commits",
	ingestorLate:          "the late request to commit of the former ingestor {a} arrives",
	ingestorAbort:         "ingestor {a} aborts and rolls back",
	ingestorTimeout:       "the coordinator aborts the open transaction of ingestor {a}, dead or frozen; should it live, it is fenced and exits",
	ingestorDataMarker:    "the marker of ingestor {a}'s transaction is written to the fragments",
	ingestorOffsetsMarker: "the marker of ingestor {a}'s transaction is written to the offsets",
}

// ingestor makes the system; events are how many there are in each source partition.
func ingestor(r ingestorRules, events [2]uint8) *system[ingestorState] {
	var initial ingestorState
	for i := range initial.members {
		initial.members[i] = ingestorMember{phase: folding, generation: older}
	}
	m := ingestorModel{r, events}
	return &system[ingestorState]{initial: initial, steps: m.steps, wrong: m.wrong, done: m.done, words: ingestorWords}
}

type ingestorModel struct {
	ingestorRules
	events [2]uint8
}

func (r ingestorModel) steps(s *ingestorState, emit func(*ingestorState, label)) {
	t := *s
	t.outdate(0)
	t.outdate(1)
	emit(&t, label{ingestorRebalance, 0, 0, 0})
	for i := range uint8(2) {
		r.memberSteps(s, i, emit)
		r.coordinatorSteps(s, i, emit)
	}
}

// outdate puts a member one generation back.
func (s *ingestorState) outdate(i uint8) {
	m := &s.members[i]
	if outdate(&m.generation); m.owns == [2]uint8{} {
		m.generation = older // nothing to keep: how far it is behind makes no difference
	}
}

// exit ends a process. Should nobody be left who knows what the generation assigned, that generation is over.
func (s *ingestorState) exit(i uint8) {
	was := s.members[i].generation
	s.members[i] = ingestorMember{generation: older}
	if was == current && s.members[1-i].generation != current {
		s.outdate(1 - i)
	}
}

func (r ingestorModel) memberSteps(s *ingestorState, i uint8, emit func(*ingestorState, label)) {
	m, tx := &s.members[i], &s.txs[i]
	if m.phase == down {
		// It joins at once; only its first transaction waits until that of its predecessor is over.
		t := *s
		t.members[i] = ingestorMember{phase: folding, generation: older}
		t.txs[i].late = tx.late && (r.noFence || tx.phase == txOpen)
		emit(&t, label{ingestorRestart, i, 0, 0})
		return
	}
	t := *s
	t.exit(i)
	emit(&t, label{ingestorCrash, i, 0, 0})
	if m.phase == offered && !m.dirty && !r.offsetsApart {
		t.txs[i].late = true
		emit(&t, label{ingestorCrashLate, i, 0, 0})
	}
	if m.generation != current {
		other := &s.members[1-i]
		for share := range uint8(4) {
			mine := [2]bool{share&1 > 0, share&2 > 0}
			if other.generation == current && mine != [2]bool{other.owns[0] == notOwned, other.owns[1] == notOwned} {
				continue
			}
			t := *s
			r.learn(&t.members[i], mine)
			emit(&t, label{ingestorLearn + share, i, 0, 0})
		}
	}
	switch m.phase {
	case folding:
		r.foldingSteps(s, i, emit)
	case produced:
		r.abortStep(s, i, ingestorAbort, emit) // a write failed, or a partition was taken away
		if m.dirty {
			return
		}
		if m.generation != current && !r.noGenerationCheck && !r.offsetsApart {
			r.abortStep(s, i, ingestorRefused, emit)
			return
		}
		t := *s
		t.members[i].phase = offered
		if !r.offsetsApart {
			for p := range m.from {
				if m.to[p] > m.from[p] {
					t.txs[i].offset[p] = m.to[p] + 1
				}
			}
		}
		emit(&t, label{ingestorOffer, i, 0, 0})
	case offered:
		if m.dirty {
			r.abortStep(s, i, ingestorAbort, emit)
			return
		}
		if tx.phase != txOpen { // ended by somebody else's request: only without the fence
			return
		}
		t := *s
		t.txs[i].phase, t.txs[i].data, t.txs[i].offsets = txCommitting, true, true
		n := &t.members[i]
		n.phase, n.from, n.counts = folding, n.to, [2]uint8{}
		emit(&t, label{ingestorEnd, i, 0, 0})
	}
}

func (r ingestorModel) foldingSteps(s *ingestorState, i uint8, emit func(*ingestorState, label)) {
	m := &s.members[i]
	for p := range uint8(2) {
		pending := s.txs[0].offset[p] > 0 || s.txs[1].offset[p] > 0
		if m.owns[p] != assigned || pending && !r.unstableFetch {
			continue
		}
		t := *s
		n := &t.members[i]
		n.owns[p], n.from[p], n.to[p], n.counts[p] = owned, s.committed[p], s.committed[p], 0
		emit(&t, label{ingestorFetch, i, p, s.committed[p]})
	}
	if s.txs[i].phase != txNone || r.offsetsApart && m.generation != current {
		return
	}
	// Counting touches nothing but memory, so it is one step with the writing of what was counted.
	for some := range (r.most(m, 0) + 1) * (r.most(m, 1) + 1) {
		take := [2]uint8{some % (r.most(m, 0) + 1), some / (r.most(m, 0) + 1)}
		if some == 0 {
			continue
		}
		t := *s
		n := &t.members[i]
		f := fragment{by: i}
		for p := range take {
			for range take[p] {
				n.counts[p] += 1 << (2 * n.to[p])
				n.to[p]++
			}
			f.from[p], f.to[p], f.counts[p] = n.from[p], n.to[p], n.counts[p]
			if r.offsetsApart && take[p] > 0 {
				t.committed[p] = n.to[p]
			}
		}
		n.phase, t.txs[i].phase = produced, txOpen
		t.log[t.n] = f
		t.n++
		emit(&t, label{ingestorProduce, i, take[0], take[1]})
	}
}

// most is how many events of a partition the member may count.
func (r ingestorModel) most(m *ingestorMember, p int) uint8 {
	if m.owns[p] != owned {
		return 0
	}
	return r.events[p] - m.from[p]
}

// learn tells a member of the current generation: what it doesn't own any more is dropped, whatever it is doing.
func (r ingestorModel) learn(m *ingestorMember, share [2]bool) {
	lost := m.generation == older && !r.keepsThroughLosses
	m.generation = current
	for p := range m.owns {
		mine := share[p]
		if mine && !lost && m.owns[p] != notOwned {
			continue
		}
		written := m.phase != folding
		taken := m.owns[p] == owned && written
		m.owns[p] = notOwned
		if mine {
			m.owns[p] = assigned
		}
		if written && r.revokeKeepsEpoch {
			continue // what is written stays written, and will be committed
		}
		m.dirty = m.dirty || taken
		m.from[p], m.to[p], m.counts[p] = 0, 0, 0
	}
	if m.dirty {
		m.to, m.counts = m.from, [2]uint8{}
	}
}

// abortStep aborts the member's own transaction and returns its memory to the last commit.
func (r ingestorModel) abortStep(s *ingestorState, i, kind uint8, emit func(*ingestorState, label)) {
	if s.txs[i].phase != txOpen {
		return
	}
	t := *s
	t.txs[i].phase, t.txs[i].data, t.txs[i].offsets = txAborting, true, s.txs[i].offset != [2]uint8{}
	m := &t.members[i]
	m.phase, m.dirty, m.to = folding, false, m.from
	if !r.noRollback {
		m.counts = [2]uint8{}
	}
	emit(&t, label{kind, i, 0, 0})
}

func (r ingestorModel) coordinatorSteps(s *ingestorState, i uint8, emit func(*ingestorState, label)) {
	tx := &s.txs[i]
	if tx.phase == txOpen {
		t := *s
		t.txs[i].phase, t.txs[i].data, t.txs[i].offsets = txAborting, true, s.txs[i].offset != [2]uint8{}
		t.txs[i].late = tx.late && r.noFence
		if s.members[i].phase != folding { // else it is the successor's first request that ends it
			t.exit(i) // dead or alive: all its requests are refused from here on
		}
		emit(&t, label{ingestorTimeout, i, 0, 0})
		if tx.late {
			t := *s
			t.txs[i].phase, t.txs[i].data, t.txs[i].offsets, t.txs[i].late = txCommitting, true, true, false
			emit(&t, label{ingestorLate, i, 0, 0})
		}
	}
	if tx.data {
		t := *s
		r.mark(&t, i)
		t.txs[i].data = false
		settle(&t.txs[i])
		emit(&t, label{ingestorDataMarker, i, 0, 0})
	}
	if tx.offsets {
		t := *s
		for p, offset := range tx.offset {
			if offset > 0 && tx.phase == txCommitting {
				t.committed[p] = offset - 1
			}
		}
		t.txs[i].offset, t.txs[i].offsets = [2]uint8{}, false
		settle(&t.txs[i])
		emit(&t, label{ingestorOffsetsMarker, i, 0, 0})
	}
}

func settle(tx *ingestorTx) {
	if !tx.data && !tx.offsets {
		tx.phase = txNone
	}
}

// mark writes the marker of i's transaction to the fragments, and lets the reader go on up to the first fragment without one.
func (r ingestorModel) mark(t *ingestorState, i uint8) {
	var log [ingestorLog]fragment
	n := uint8(0)
	for _, f := range t.log[:t.n] {
		if f.by == i && f.status == undecided {
			if t.txs[i].phase == txAborting {
				continue
			}
			f.status = decided
		}
		if n > 0 || f.status == undecided {
			log[n] = f
			n++
			continue
		}
		for p := range f.from {
			switch {
			case f.from[p] == f.to[p]:
			case f.from[p] != t.next[p]:
				t.problem = 1
			case f.counts[p] != (1<<(2*f.to[p])-1<<(2*f.from[p]))/3:
				t.problem = 2
			default:
				t.next[p] = f.to[p]
			}
		}
	}
	t.log, t.n = log, n
}

func (r ingestorModel) wrong(s *ingestorState) string {
	switch s.problem {
	case 1:
		return "the committed fragments do not tile the source"
	case 2:
		return "a committed fragment did not count each event of its range once"
	}
	// As decided: some markers may be missing yet.
	covered, offset := s.next, s.committed
	for _, f := range s.log[:s.n] {
		if f.status == undecided && s.txs[f.by].phase != txCommitting {
			continue
		}
		for p := range f.from {
			if f.from[p] == f.to[p] {
				continue
			}
			if f.from[p] != covered[p] {
				return "the fragments about to be visible do not tile the source"
			}
			covered[p] = f.to[p]
		}
	}
	for i := range s.txs {
		for p, pending := range s.txs[i].offset {
			if pending > 0 && s.txs[i].phase == txCommitting {
				offset[p] = pending - 1
			}
		}
	}
	if offset != covered {
		return "committed offsets and committed fragments disagree"
	}
	return ""
}

func (r ingestorModel) done(s *ingestorState) bool {
	return s.next == r.events && s.committed == r.events && s.n == 0 && s.txs == [2]ingestorTx{}
}
