package sketch

import (
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// table finds texts among those that a plan names: open addressing over slots of which at most half are taken. The hash is that of
// cardinalities, so it is made once for both. It is read-only and may be shared.
type table struct {
	slots  []tableSlot
	values []string // by number
}

type tableSlot struct {
	hash   uint64
	number int32 // of the value, counted from 1; 0: the slot is free
	value  string
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
	h := HashString(v)
	for at := h & uint64(len(t.slots)-1); ; at = (at + 1) & uint64(len(t.slots)-1) {
		s := &t.slots[at]
		if s.number == 0 {
			t.values = append(t.values, v)
			*s = tableSlot{h, int32(len(t.values)), v}
			return
		}
		if s.value == v {
			return
		}
	}
}

// find is the number of a text whose hash is h, or numberOther.
func (t *table) find(v string, h uint64) int32 {
	mask := uint64(len(t.slots) - 1)
	for at := h & mask; ; at = (at + 1) & mask {
		s := &t.slots[at]
		if s.number == 0 {
			return numberOther
		}
		if s.hash == h && s.value == v {
			return s.number - 1
		}
	}
}

// lookup are the texts of one field in one batch, looked up once for all that counts them.
type lookup struct {
	field  int
	table  *table
	number []int32  // by row
	hash   []uint64 // by row, where there is a value
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
		h := HashString(texts[row])
		l.hash[row] = h
		l.number[row] = l.table.find(texts[row], h)
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
