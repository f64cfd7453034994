package schema

import (
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Program reads the events that one schema wrote into the columns of one projection. It is immutable and safe for
// concurrent use.
type Program struct {
	ops    []op
	paths  []string   // of ops, for errors
	jumps  []int32    // of unions: one target per branch
	blocks []block    // of arrays and maps
	enums  [][]string // symbols
	fails  []failure  // what opFail says
	procs  []int32    // where the records start that are called rather than inlined
	known  int        // keys of maps that are asked for
	must   []required

	constants []constant // defaults
}

// required is a column that has to be there.
type required struct {
	col  int
	path string
}

// failure is an error known when compiling.
type failure struct {
	reason Reason
	detail string
}

// op is one step. What a and b mean depends on code.
type op struct {
	code opcode
	null uint8 // 1 or 2: the value is a union of two types, of which that one (counted from 1) is null
	some uint8 // where null isn't 0: the byte of the other's index
	must bool  // the column is the event's time: what can't be read refuses the event
	col  int32 // of the batch
	slot int32 // of the column among those of its kind
	a, b int32
	path int32 // into paths
}

type opcode uint8

// The ops. Those that read take the value off the input, check it, and store it unless they skip.
const (
	opEnd     opcode = iota // of the program, of an array's or map's item, of a called record
	opJump                  // to a
	opUnion                 // b branches; the targets are jumps[a:a+b]
	opArray                 // blocks[a]
	opMap                   // blocks[a]
	opCall                  // procs[a]
	opMark                  // remember where the input stands
	opRewind                // go back there: the same value is read again for another column
	opSkipRun               // a bytes, if they are there, and on to b; else the ops that follow say which value isn't

	opMissing // col has no value, whatever a value before it said
	opInvalid // col has a value that isn't of its kind
	opFail    // fails[a]
	opDefault // col is constants[a]: its field isn't in the writer's schema

	opSkip // a bytes
	opSkipLong
	opSkipString
	opSkipBoolean
	opSkipInt
	opSkipBytes
	opSkipEnum // a symbols

	// From here on they store. What most events are made of comes first: fast has these, and the skips but one.
	opNumberDouble // the first of a in a row
	opNumberLong
	opNumberInt
	opString
	opStringEnum // enums[a]
	opTimeMicros // a long, times a

	opNumberScaledInt  // times a, over b
	opNumberScaledLong // over b
	opNumberBoolean
	opNumberFloat
	opNumberDecimal      // of scale a
	opNumberFixedDecimal // of scale a in b bytes
	opNumberDuration
	opNumberLength // of text
	opNumberGiven  // whether a text says anything; if a is 1, what doesn't changes nothing
	opVector       // the measures of blocks[a], an array of items of kind b

	opStringCharset // of text
	opStringBytes
	opStringFixed // a bytes
	opStringUUID
	opStringBoolean
	opStringInt
	opStringLong
	opStringFloat
	opStringDouble

	opTimeLong // times a, over b, is microseconds
	opTimeDate
	opTimeString
)

// block is an array or a map.
type block struct {
	body     int32 // the item's ops; of a map: those for keys that nobody asked for
	after    int32
	minBytes int64 // of an item, with its key
	fixed    bool  // an array's items take just minBytes and need no look
	keys     *keyTable
	measures *measures // of a vector
	items    string    // the items' path as compiled, which errors replace by index or key
}

// measures are the cells that an array of numbers fills.
type measures struct {
	norms, dimensions []target
	given             []target // whether there is any
	components        []target // in the order of at
}

// target is a cell of a row.
type target struct {
	at        int64 // of a component: its index
	col, slot int32
}

// keyTable finds the ops for a map's key without hashing the whole of it: open addressing over at most half-full slots.
type keyTable struct {
	slots []keySlot
}

type keySlot struct {
	key  string
	body int32 // 0: empty (the program's first op is never a body)
}

func newKeyTable(n int) *keyTable {
	size := 4
	for size < 2*n {
		size *= 2
	}
	return &keyTable{slots: make([]keySlot, size)}
}

// hash mixes length, first, middle and last byte.
func (*keyTable) hash(key string) uint32 {
	n := uint32(len(key))
	if n == 0 {
		return 0
	}
	h := n*0x9E3779B1 + uint32(key[0])*0x85EBCA6B + uint32(key[n/2])*0xC2B2AE35 + uint32(key[n-1])*0x27D4EB2F
	return h ^ h>>15
}

func (t *keyTable) put(key string, body int32) {
	mask := uint32(len(t.slots) - 1)
	for i := t.hash(key) & mask; ; i = (i + 1) & mask {
		if t.slots[i].body == 0 {
			t.slots[i] = keySlot{key, body}
			return
		}
	}
}

// get returns the ops of key, or 0.
func (t *keyTable) get(key string) int32 {
	mask := uint32(len(t.slots) - 1)
	for i := t.hash(key) & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.body == 0 || s.key == key {
			return s.body
		}
	}
}

// Decode reads the event in value[start:] (start is what Frame returned as body; offsets in errors count from the start of
// value) into a new row of b, which must be a batch of the projection that p was compiled for. Offset is the record's, kept
// with the row. Strings of the row point into value. An error is an *Error, and leaves b as it was.
func (p *Program) Decode(value []byte, start int, b *plan.Batch, offset int64) error {
	if start < 0 || start > len(value) {
		return &Error{Reason: ReasonTruncated, Offset: len(value), Detail: "the value ends before its body starts"}
	}
	row := b.Grow(offset)
	c := b.Cells()
	m := machine{
		p: p, buf: value, row: row,
		step: c.Step, states: c.State[row:], nums: c.Num[row:], strs: c.Str[row:], ints: c.Int[row:],
	}
	end, e := m.run(0, start, 0)
	if e == nil && end < len(value) {
		e = &Error{Reason: ReasonTrailingBytes, Offset: end, Detail: leftOver(len(value) - end)}
	}
	if e == nil {
		e = m.required(end)
	}
	if e != nil {
		b.Truncate(row)
		return e
	}
	return nil
}
