package sketch

import (
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// table finds texts among those that a plan names: open addressing over slots of which at most a quarter is taken. It is read-only and
// may be shared. What it needs for short texts is small and dense: it never looks at the texts themselves.
type table struct {
	seed    uint64
	slots   []uint32     // numbers of texts, counted from 1; 0: the slot is free
	digests []textDigest // by the number in a slot; the first is no text's
	values  []string     // by number, counted from 0
	hashes  []uint64     // by number, counted from 0: HashString of values
}

// textDigest is the length of a text and its first and last bytes: of texts of at most 16 bytes, no two have the same.
type textDigest struct {
	head, tail uint64
	size       int
}

const digested = 16 // bytes of a text that its digest tells

func digestOf(s string) textDigest {
	switch n := len(s); {
	case n >= 8:
		return textDigest{load64(s), load64(s[n-8:]), n}
	case n >= 4:
		return textDigest{uint64(load32(s)), uint64(load32(s[n-4:])), n}
	case n > 0:
		return textDigest{uint64(s[0]) | uint64(s[n/2])<<8 | uint64(s[n-1])<<16, 0, n}
	default:
		return textDigest{}
	}
}

func (d textDigest) place(seed uint64) uint64 {
	return fold64(d.head^seed, d.tail^hashWord^uint64(d.size)<<56)
}

// Numbers of what has no place in a table.
const (
	numberOther  = -1 // a value that the plan doesn't name
	numberAbsent = -2 // no value
)

// newTable makes a table of lists of texts, numbered from 0 in their order; of texts that come twice the first counts.
func newTable(lists ...[]string) *table {
	t := &table{digests: []textDigest{{size: -1}}}
	known := map[string]bool{}
	for _, l := range lists {
		for _, v := range l {
			if !known[v] {
				known[v] = true
				t.digests, t.values, t.hashes = append(t.digests, digestOf(v)), append(t.values, v), append(t.hashes, HashString(v))
			}
		}
	}
	size := 8
	for size < 4*len(t.values) {
		size *= 2
	}
	t.scatter(size)
	return t
}

// scatter puts the texts into slots. Of few texts, which are those that most rows hold, it does so by the one of some seeds by which the
// fewest are not where they are looked for first: for a search that ends at the first slot is one that the processor foresees. Among
// many texts no seed is much better than another, and a table is made for every column of every model.
func (t *table) scatter(size int) {
	const few, tries = 64, 32
	seeds := uint64(1)
	if len(t.values) <= few {
		seeds = tries
	}
	best := len(t.values) + 1
	spare := make([]uint32, size)
	t.slots = make([]uint32, size)
	for seed := uint64(hashSeed); seed < hashSeed+seeds && best > 0; seed++ {
		if displaced := t.fillSlots(spare, mix64(seed)); displaced < best {
			best, t.seed, t.slots, spare = displaced, mix64(seed), spare, t.slots
		}
	}
}

// fillSlots puts the texts into slots by a seed, and counts those that are not where they are looked for first.
func (t *table) fillSlots(slots []uint32, seed uint64) (displaced int) {
	clear(slots)
	mask := uint64(len(slots) - 1)
	for i, d := range t.digests[1:] {
		at := d.place(seed) & mask
		if slots[at] != 0 {
			displaced++
		}
		for slots[at] != 0 {
			at = (at + 1) & mask
		}
		slots[at] = uint32(i + 1)
	}
	return displaced
}

// find is the number of a text, or numberOther.
func (t *table) find(v string) int32 {
	d := digestOf(v)
	mask := uint64(len(t.slots) - 1)
	for at := d.place(t.seed) & mask; ; at = (at + 1) & mask {
		number := t.slots[at]
		if number == 0 {
			return numberOther
		}
		if t.digests[number] == d && (d.size <= digested || t.values[number-1] == v) {
			return int32(number) - 1
		}
	}
}

// findAll puts down the numbers of texts where there are any. It is find in line for texts that are where they are looked for first.
func (t *table) findAll(numbers []int32, states []plan.State, texts []string) {
	slots, digests, seed := t.slots, t.digests, t.seed
	mask := uint64(len(slots) - 1)
	states, texts = states[:len(numbers)], texts[:len(numbers)]
	for row := range numbers {
		if states[row] != plan.OK {
			numbers[row] = numberAbsent
			continue
		}
		s := texts[row]
		if len(s) >= 8 && len(s) <= digested {
			d := textDigest{load64(s), load64(s[len(s)-8:]), len(s)}
			number := slots[d.place(seed)&mask]
			if e := &digests[number]; (e.head^d.head)|(e.tail^d.tail)|uint64(e.size^d.size) == 0 {
				numbers[row] = int32(number) - 1
				continue
			}
		}
		numbers[row] = t.find(s)
	}
}

// lookup are the texts of one field in one batch, looked up once for all that counts them.
type lookup struct {
	field  int
	table  *table
	number []int32  // by row
	hash   []uint64 // by row, of the values that the plan doesn't name
}

func (l *lookup) fill(in *plan.Col, rows int) {
	if cap(l.number) < rows {
		l.number, l.hash = make([]int32, rows), make([]uint64, rows)
	}
	l.number, l.hash = l.number[:rows], l.hash[:rows]
	l.table.findAll(l.number, in.State, in.Str)
	for row, number := range l.number {
		if number == numberOther {
			l.hash[row] = HashString(in.Str[row])
		}
	}
}

// category is how a text counts in a column.
type category struct {
	bin    int32
	isNew  bool
	broken bool // not in the promised list
	odd    bool // more than its bin has to be counted, or less
}

// categories are a column's, by number, and what a value without one counts as.
func categories(t *table, l *plan.Layout, promised []string) (list []category, other category) {
	other = category{bin: int32(len(l.Categories)), isNew: !l.Open, broken: len(promised) > 0}
	named := map[string]category{}
	add := func(v string, c category) {
		if _, ok := named[v]; !ok {
			named[v] = c
		}
	}
	for i, v := range l.Categories {
		add(v, category{bin: int32(i), broken: other.broken})
	}
	for _, v := range l.Known {
		add(v, category{bin: other.bin, broken: other.broken})
	}
	for _, v := range promised {
		add(v, other)
		c := named[v]
		c.broken = false
		named[v] = c
	}
	list = make([]category, len(t.values))
	for i, v := range t.values {
		c, ok := named[v]
		if !ok { // named by a slice dimension only
			c = other
		}
		list[i] = c
	}
	return list, other
}
