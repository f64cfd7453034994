package protocol

import "testing"

// The joiner: one joins partition, two members, one index. Rows are folded into the states of their ids; what a transaction
// writes is what its rows change in the labelled counts. A state is a set of rows here: which rows it was folded from. The
// index is that set with the offset it stands for; a write replaces the rows of the ids it touches, and every call is atomic.

// joinerRules are the guards of the protocol, each of which can be taken out, and ways to build it that are not ours.
type joinerRules struct {
	noGenerationCheck bool
	unstableFetch     bool
	noSentinel        bool // the index doesn't say how far it goes; what it has is taken
	looseCompare      bool // a write is taken by an index that is not beyond its end
	writesBefore      bool // states are written before the commit
	takesAhead        bool // an index that is ahead is read as it is; what is above the position is a leftover
	byArrival         bool // of outcomes the last one to arrive counts
	ageless           bool // an older copy of the index comes back with the sentinel of the newer one
	neverLost         bool // the index is never flushed
}

// joinRow is one row, all of one or two ids: a prediction (with a score bin) or an outcome (with a label) at an event time.
type joinRow struct {
	id      uint8
	outcome bool
	time    uint8
	value   uint8 // bin or label, 0 or 1
}

// effect is what is counted: pairs by score bin and label.
type effect [2][2]int8

// contribution counts the rows of a set from scratch: of each id the first prediction with its last outcome, by event time.
// A row that comes again (the same time) is the same row.
func contribution(rows []joinRow, set uint8, byArrival bool) (e effect) {
	for id := range uint8(2) {
		var prediction, outcome *joinRow
		for i := range rows {
			row := &rows[i]
			switch {
			case set>>i&1 == 0 || row.id != id:
			case row.outcome && (outcome == nil || row.time > outcome.time || byArrival):
				outcome = row
			case !row.outcome && (prediction == nil || row.time < prediction.time):
				prediction = row
			}
		}
		if prediction != nil && outcome != nil {
			e[prediction.value][outcome.value]++
		}
	}
	return e
}

// What the search trusts, by hand: the counts after each row of two sequences.
func TestContribution(t *testing.T) {
	for k, want := range map[int][5]effect{
		0: {2: {{1, 0}, {}}, 3: {{0, 1}, {}}, 4: {{0, 1}, {}}},
		1: {2: {{0, 1}, {}}, 3: {{}, {0, 1}}, 4: {{}, {1, 0}}},
	} {
		for n, e := range want {
			if got := contribution(oneID[k], prefix(uint8(n)), false); got != e {
				t.Errorf("sequence %d, %d rows: %v, want %v", k, n, got, e)
			}
		}
	}
}

func (e effect) plus(f effect, sign int8) effect {
	for bin := range e {
		for label := range e[bin] {
			e[bin][label] += sign * f[bin][label]
		}
	}
	return e
}

// The rows are searched in batches of sequences that name ids in the same order: only the counts differ, and as these follow
// from the steps, one search does for all of them.
var (
	// One id: corrections, duplicates of both kinds, either side first.
	oneID = [][]joinRow{
		{{time: 1}, {outcome: true, time: 3}, {outcome: true, time: 5, value: 1}, {outcome: true, time: 4}},
		{{outcome: true, time: 4, value: 1}, {time: 3}, {time: 2, value: 1}, {outcome: true, time: 5}},
		{{time: 1}, {time: 1}, {outcome: true, time: 2, value: 1}, {outcome: true, time: 2, value: 1}},
		{{outcome: true, time: 9, value: 1}, {outcome: true, time: 4}, {time: 1, value: 1}, {outcome: true, time: 6}},
	}
	// Two ids, in turn: a correction of each, a duplicate of each, outcomes first, an earlier prediction.
	twoIDs = [][]joinRow{
		{{time: 1}, {id: 1, time: 1, value: 1}, {outcome: true, time: 2}, {id: 1, outcome: true, time: 3, value: 1}},
		{{outcome: true, time: 6}, {id: 1, outcome: true, time: 5, value: 1}, {time: 1, value: 1}, {id: 1, time: 2}},
		{{time: 2}, {id: 1, time: 2, value: 1}, {time: 1, value: 1}, {id: 1, outcome: true, time: 4, value: 1}},
	}
)

// together is how many sequences a search takes at most.
const together = 4

const (
	joinLook        = offered + 1 + iota // how far does the index go
	joinReset                            // it is gone
	joinRefoldRead                       // it is behind: read the states of the next row
	joinRefoldWrite                      // and write them
	joinRead                             // it is up to date: read the states of the epoch
	joinFolded                           // effects are known
	joinWrite                            // committed; states are to be written
)

type joinerState struct {
	committed uint8            // offset whose marker is written
	counts    [together]effect // by sequence
	members   [2]joinerMember
	txs       [2]joinerTx
	index     joinIndex
	copied    joinIndex // what an older replica of the index holds
}

type joinIndex struct {
	held       bool
	upto, rows uint8
}

type joinerMember struct {
	phase      uint8
	generation uint8
	owns       uint8
	dirty      bool
	from, to   uint8
	at         uint8 // next row to bring into the index
	rows       uint8 // the states in memory
}

type joinerTx struct {
	phase  uint8
	offset uint8 // pending, + 1
}

const (
	joinerRebalance = uint8(iota)
	joinerCrash
	joinerLearn
	joinerLearnNothing
	joinerFetch
	joinerPoll
	joinerLook
	joinerZombie
	joinerReset
	joinerRefoldRead
	joinerRefoldWrite
	joinerRefoldRefused
	joinerRead
	joinerMoved
	joinerProduce
	joinerOffer
	joinerRefused
	joinerEnd
	joinerWrite
	joinerWriteRefused
	joinerNoAnswer
	joinerAbort
	joinerTimeout
	joinerMarker
	joinerFlush
	joinerCopy
	joinerFailover
)

var joinerWords = []string{
	joinerRebalance:     "the group begins a new generation",
	joinerCrash:         "joiner {a} dies, and is started again",
	joinerLearn:         "joiner {a} learns that it owns the partition in the new generation",
	joinerLearnNothing:  "joiner {a} learns that it owns nothing in the new generation",
	joinerFetch:         "joiner {a} fetches the offset: {b}",
	joinerPoll:          "joiner {a} takes the rows [{b}, {c})",
	joinerLook:          "joiner {a} asks the index how far it goes: to {b}",
	joinerZombie:        "joiner {a} finds the index ahead of itself, at {b}, and exits",
	joinerReset:         "joiner {a} finds no index and begins one",
	joinerRefoldRead:    "joiner {a} reads the state before row {b}, to bring the index up to date",
	joinerRefoldWrite:   "joiner {a} writes the state after row {b}",
	joinerRefoldRefused: "joiner {a} finds that the index moved, and takes its rows again",
	joinerRead:          "joiner {a} reads the states of its rows, as of {b}, and folds",
	joinerMoved:         "joiner {a} finds that the index moved since it looked, and takes its rows again",
	joinerProduce:       "joiner {a} begins its transaction and writes its counts",
	joinerOffer:         "joiner {a} adds its offset {b} to the transaction",
	joinerRefused:       "joiner {a}'s offset is refused, its generation is over: it aborts and rolls back",
	joinerEnd:           "joiner {a} commits",
	joinerWrite:         "joiner {a} writes the state after row {b} to the index",
	joinerWriteRefused:  "joiner {a}'s write is refused: the index stands elsewhere",
	joinerNoAnswer:      "joiner {a} gets no answer from the index and leaves it behind",
	joinerAbort:         "joiner {a} aborts and rolls back",
	joinerTimeout:       "the coordinator aborts the open transaction of joiner {a}, dead or frozen; should it live, it is fenced and exits",
	joinerMarker:        "the marker of joiner {a}'s transaction is written to the offsets",
	joinerFlush:         "the index is flushed",
	joinerCopy:          "a replica of the index is brought up to date",
	joinerFailover:      "the index fails over to its replica",
}

// joiner makes the system, of the first n rows. replica: the index has one, to which it may fail over.
func joiner(r joinerRules, sequences [][]joinRow, n uint8, replica bool) *system[joinerState] {
	m := &joinerModel{joinerRules: r, n: n, replica: replica}
	for k, rows := range sequences {
		for set := range m.want[k] {
			m.want[k][set] = contribution(rows, uint8(set), false)
			m.counts[k][set] = contribution(rows, uint8(set), r.byArrival)
		}
		for i := range rows {
			m.ids[i] = 0
			for j := range rows {
				if rows[j].id == rows[i].id {
					m.ids[i] |= 1 << j
				}
			}
		}
	}
	var initial joinerState
	for i := range initial.members {
		initial.members[i] = joinerMember{phase: folding, generation: older}
	}
	return &system[joinerState]{initial: initial, steps: m.steps, wrong: m.wrong, done: m.done, words: joinerWords}
}

type joinerModel struct {
	joinerRules
	n            uint8
	replica      bool
	ids          [4]uint8             // by row: the rows of its id
	want, counts [together][16]effect // by sequence and set of rows
}

func (r *joinerModel) steps(s *joinerState, emit func(*joinerState, label)) {
	t := *s
	t.outdate(0)
	t.outdate(1)
	emit(&t, label{joinerRebalance, 0, 0, 0})
	if s.index != (joinIndex{}) && !r.neverLost {
		t = *s
		t.index = joinIndex{}
		emit(&t, label{joinerFlush, 0, 0, 0})
	}
	if r.replica && s.index != s.copied {
		t = *s
		t.copied = s.index
		emit(&t, label{joinerCopy, 0, 0, 0})
		t = *s
		t.index = s.copied
		if r.ageless && s.copied.held {
			t.index.upto = s.index.upto
		}
		emit(&t, label{joinerFailover, 0, 0, 0})
	}
	for i := range uint8(2) {
		r.memberSteps(s, i, emit)
		r.coordinatorSteps(s, i, emit)
	}
}

func (s *joinerState) outdate(i uint8) {
	m := &s.members[i]
	if outdate(&m.generation); m.owns == notOwned {
		m.generation = older
	}
}

// exit ends a process; another one takes its place, and joins once the transaction it was left with is decided.
func (s *joinerState) exit(i uint8) {
	was := s.members[i].generation
	s.members[i] = joinerMember{phase: folding, generation: older}
	if was == current && s.members[1-i].generation != current {
		s.outdate(1 - i)
	}
}

// back returns a member to its last commit.
func (m *joinerMember) back() {
	if m.phase, m.dirty, m.at, m.rows = folding, false, 0, 0; m.owns != owned {
		m.from = 0
	}
	m.to = m.from
}

func (r *joinerModel) memberSteps(s *joinerState, i uint8, emit func(*joinerState, label)) {
	m := &s.members[i]
	t := *s
	if t.exit(i); t != *s {
		emit(&t, label{joinerCrash, i, 0, 0})
	}
	if m.generation != current && (m.owns != notOwned || s.txs[i].phase != txOpen) {
		other := &s.members[1-i]
		if other.generation != current || other.owns == notOwned {
			t := *s
			t.members[i].learn(true)
			emit(&t, label{joinerLearn, i, 0, 0})
		}
		if other.generation != current || other.owns != notOwned {
			t := *s
			t.members[i].learn(false)
			emit(&t, label{joinerLearnNothing, i, 0, 0})
		}
	}
	switch m.phase {
	case folding:
		pending := s.txs[0].offset > 0 || s.txs[1].offset > 0
		if m.owns == assigned && (!pending || r.unstableFetch) {
			t := *s
			t.members[i].owns, t.members[i].from, t.members[i].to = owned, s.committed, s.committed
			emit(&t, label{joinerFetch, i, s.committed, 0})
		}
		if m.owns == owned {
			for n := uint8(1); n <= 2 && m.from+n <= r.n; n++ {
				t := *s
				t.members[i].phase, t.members[i].to = joinLook, m.from+n
				emit(&t, label{joinerPoll, i, m.from, m.from + n})
			}
		}
	case joinFolded, produced, offered:
		r.endSteps(s, i, emit)
	case joinWrite:
		r.writeSteps(s, i, emit)
	default:
		if m.dirty { // a Flush under way doesn't notice; its outcome makes no difference to anybody but the index
			t := *s
			t.members[i].back()
			emit(&t, label{joinerAbort, i, 0, 0})
		}
		r.indexSteps(s, i, emit)
	}
}

func (m *joinerMember) learn(mine bool) {
	lost := m.generation == older
	m.generation = current
	if mine && !lost && m.owns != notOwned {
		return
	}
	m.dirty = m.dirty || m.owns == owned && m.phase != folding && m.phase != joinWrite
	m.owns = notOwned
	if mine {
		m.owns = assigned
	}
	if m.phase == folding {
		m.back()
	}
}

// indexSteps are the calls of one Flush.
func (r *joinerModel) indexSteps(s *joinerState, i uint8, emit func(*joinerState, label)) {
	m, t := &s.members[i], *s
	n := &t.members[i]
	switch m.phase {
	case joinLook:
		kind := joinerLook
		switch {
		case r.noSentinel || r.takesAhead && s.index.held && s.index.upto >= m.from:
			n.phase = joinRead
		case !s.index.held:
			n.phase = joinReset
		case s.index.upto == m.from:
			n.phase = joinRead
		case s.index.upto > m.from:
			kind = joinerZombie
			t.exit(i)
		default:
			n.phase, n.at = joinRefoldRead, s.index.upto
		}
		emit(&t, label{kind, i, s.index.upto, 0})
	case joinReset:
		t.index = joinIndex{held: true}
		if n.phase, n.at = joinRefoldRead, 0; m.from == 0 {
			n.phase = joinRead
		}
		emit(&t, label{joinerReset, i, 0, 0})
	case joinRefoldRead:
		if !s.index.held || s.index.upto != m.at {
			n.back()
			emit(&t, label{joinerRefoldRefused, i, 0, 0})
			return
		}
		n.phase, n.rows = joinRefoldWrite, s.index.rows
		emit(&t, label{joinerRefoldRead, i, m.at, 0})
	case joinRefoldWrite:
		if !r.write(&t.index, m.at, m.rows|1<<m.at) {
			n.back()
			emit(&t, label{joinerRefoldRefused, i, 0, 0})
			return
		}
		n.at++
		if n.phase, n.rows = joinRefoldRead, 0; n.at == m.from {
			n.phase, n.at = joinRead, 0
		}
		emit(&t, label{joinerRefoldWrite, i, m.at, 0})
	case joinRead:
		fits := s.index.held && (s.index.upto == m.from || r.takesAhead && s.index.upto > m.from)
		if !fits && !r.noSentinel {
			n.back()
			emit(&t, label{joinerMoved, i, 0, 0})
			return
		}
		n.phase, n.rows = joinFolded, s.index.rows
		for at := m.from; r.writesBefore && at < m.to; at++ {
			r.write(&t.index, at, m.rowsAfter(s.index.rows))
		}
		emit(&t, label{joinerRead, i, s.index.upto, 0})
	}
}

// rowsAfter adds the epoch's rows to a set.
func (m *joinerMember) rowsAfter(rows uint8) uint8 {
	return rows | prefix(m.to)&^prefix(m.from)
}

// write moves the index by one row, if it stands where it should.
func (r *joinerModel) write(x *joinIndex, from, rows uint8) bool {
	fits := x.held && (x.upto == from || r.looseCompare && x.upto <= from)
	if !fits && !r.noSentinel {
		return false
	}
	if x.rows = x.rows&^r.ids[from] | rows&r.ids[from]; !r.noSentinel {
		x.upto = from + 1
	}
	return true
}

// endSteps write the outputs and end the transaction.
func (r *joinerModel) endSteps(s *joinerState, i uint8, emit func(*joinerState, label)) {
	m, tx, t := &s.members[i], &s.txs[i], *s
	n := &t.members[i]
	if m.phase == joinFolded {
		if m.dirty {
			n.back()
			emit(&t, label{joinerAbort, i, 0, 0})
		} else if tx.phase == txNone {
			n.phase, t.txs[i].phase = produced, txOpen
			emit(&t, label{joinerProduce, i, 0, 0})
		}
		return
	}
	refused := m.phase == produced && m.generation != current && !r.noGenerationCheck
	if m.dirty || m.phase == produced {
		kind := joinerAbort
		if refused && !m.dirty {
			kind = joinerRefused
		}
		n.back()
		t.txs[i].phase = txAborting
		if tx.offset == 0 {
			t.txs[i].phase = txNone
		}
		emit(&t, label{kind, i, 0, 0})
		if m.dirty || refused {
			return
		}
		t = *s
	}
	if m.phase == produced {
		n.phase, t.txs[i].offset = offered, m.to+1
		emit(&t, label{joinerOffer, i, m.to, 0})
		return
	}
	for k := range t.counts {
		t.counts[k] = s.counts[k].plus(r.counts[k][m.rowsAfter(m.rows)], 1).plus(r.counts[k][m.rows], -1)
	}
	t.txs[i].phase = txCommitting
	n.phase, n.at = joinWrite, m.from
	if r.writesBefore {
		n.from = m.to
		n.back()
	}
	emit(&t, label{joinerEnd, i, 0, 0})
}

// writeSteps bring the committed rows into the index, one by one.
func (r *joinerModel) writeSteps(s *joinerState, i uint8, emit func(*joinerState, label)) {
	m, t := &s.members[i], *s
	n := &t.members[i]
	finish := func(n *joinerMember) {
		n.from = m.to
		n.back()
	}
	kind := joinerWrite
	if n.rows = m.rows | 1<<m.at; r.write(&t.index, m.at, n.rows) {
		n.at++
	} else {
		kind, n.at = joinerWriteRefused, m.to
	}
	if n.at == m.to {
		finish(n)
	}
	emit(&t, label{kind, i, m.at, 0})
	t = *s
	finish(&t.members[i])
	emit(&t, label{joinerNoAnswer, i, 0, 0})
}

func (r *joinerModel) coordinatorSteps(s *joinerState, i uint8, emit func(*joinerState, label)) {
	tx, t := &s.txs[i], *s
	switch tx.phase {
	case txOpen:
		t.txs[i].phase = txAborting
		if tx.offset == 0 {
			t.txs[i].phase = txNone // no marker in the offsets; the one in the outputs is nothing to a joiner
		}
		t.exit(i)
		emit(&t, label{joinerTimeout, i, 0, 0})
	case txCommitting, txAborting:
		if tx.phase == txCommitting {
			t.committed = tx.offset - 1
		}
		t.txs[i] = joinerTx{}
		emit(&t, label{joinerMarker, i, 0, 0})
	}
}

func (r *joinerModel) wrong(s *joinerState) string {
	offset := s.committed
	for _, tx := range s.txs {
		if tx.phase == txCommitting {
			offset = tx.offset - 1
		}
	}
	for k := range s.counts {
		if s.counts[k] != r.want[k][prefix(offset)] {
			return "the committed counts are not those of the committed rows"
		}
	}
	return ""
}

func (r *joinerModel) done(s *joinerState) bool {
	return s.committed == r.n && s.txs == [2]joinerTx{}
}
