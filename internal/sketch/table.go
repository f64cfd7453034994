package sketch

import (
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// table finds texts among those that a plan names: open addressing over slots of which at most half are taken. It is read-only and may
// be shared.
type table struct {
	slots  []tableSlot
	values []string // by number
	hashes []uint64 // HashString of values
}

// tableSlot is a text by its digest, which tells short texts apart: so that the slot alone says whether it is the one, without a look at
// the text elsewhere in memory.
type tableSlot struct {
	textDigest
	number int32 // of the value, counted from 1; 0: the slot is free
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

func (d textDigest) place() uint64 {
	return fold64(d.head^hashWord, d.tail^hashSeed^uint64(d.size)<<56)
}

// Numbers of what has no place in a table.
const (
	numberOther  = -1 // a value that the plan doesn't name
	numberAbsent = -2 // no value
)

// newTable makes a table of lists of texts, numbered from 0 in their order; of texts that come twice the first counts.
func newTable(lists ...[]string) *table {
	n := 0
	for _, l := range lists {
		n += len(l)
	}
	size := 8
	for size < 2*n {
		size *= 2
	}
	t := &table{slots: make([]tableSlot, size)}
	for _, l := range lists {
		for _, v := range l {
			t.put(v)
		}
	}
	return t
}

func (t *table) put(v string) {
	d := digestOf(v)
	for at := d.place() & uint64(len(t.slots)-1); ; at = (at + 1) & uint64(len(t.slots)-1) {
		s := &t.slots[at]
		if s.number == 0 {
			t.values, t.hashes = append(t.values, v), append(t.hashes, HashString(v))
			*s = tableSlot{d, int32(len(t.values))}
			return
		}
		if t.values[s.number-1] == v {
			return
		}
	}
}

// find is the number of a text, or numberOther.
func (t *table) find(v string) int32 {
	d := digestOf(v)
	mask := uint64(len(t.slots) - 1)
	for at := d.place() & mask; ; at = (at + 1) & mask {
		s := &t.slots[at]
		if s.number == 0 {
			return numberOther
		}
		if s.textDigest == d && (d.size <= digested || t.values[s.number-1] == v) {
			return s.number - 1
		}
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
	states, texts := in.State[:rows], in.Str[:rows]
	for row := range l.number {
		if states[row] != plan.OK {
			l.number[row] = numberAbsent
			continue
		}
		if at := l.table.find(texts[row]); at >= 0 {
			l.number[row] = at
		} else {
			l.number[row], l.hash[row] = numberOther, HashString(texts[row])
		}
	}
}

// category is how a text counts in a column.
type category struct {
	bin    int32
	isNew  bool
	broken bool // not in the promised list
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
