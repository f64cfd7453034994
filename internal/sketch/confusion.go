package sketch

import (
	"fmt"
	"iter"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

// MaxClasses is how many classes a Confusion tells apart: those that the plan names, and one for all others.
const MaxClasses = 256

// Confusion is the confusion matrix of a model of several classes: how often which class was predicted for which, in integers. Merging
// adds, and a label that is taken back leaves nothing behind, so entries of a difference may be negative. Of all pairs of classes it keeps those that
// occur.
type Confusion struct {
	classes int
	cells   sparse // by actual * classes + predicted
}

// NewConfusion makes an empty matrix of so many classes, from 1 to MaxClasses; what is outside is moved to the nearest of them.
func NewConfusion(classes int) *Confusion {
	return &Confusion{classes: min(max(classes, 1), MaxClasses)}
}

// Classes is how many classes it tells apart.
func (c *Confusion) Classes() int { return c.classes }

// Label counts the joined outcome of a prediction, with sign +1; -1 takes it back exactly. Classes are numbered from 0; a number
// outside is the last class, which stands for all that have none of their own.
func (c *Confusion) Label(actual, predicted int, sign int64) {
	c.cells.add(int32(c.class(actual)*c.classes+c.class(predicted)), sign)
}

func (c *Confusion) class(n int) int {
	if n < 0 || n >= c.classes {
		return c.classes - 1
	}
	return n
}

// Of is how often a class was predicted where another one, or the same, turned out.
func (c *Confusion) Of(actual, predicted int) int64 {
	if actual < 0 || predicted < 0 || actual >= c.classes || predicted >= c.classes {
		return 0
	}
	return c.cells.of(int32(actual*c.classes + predicted))
}

// All visits the pairs of classes that occur, the actual one first.
func (c *Confusion) All() iter.Seq2[[2]int, int64] {
	return func(yield func([2]int, int64) bool) {
		for key, n := range c.cells.all() {
			if !yield([2]int{int(key) / c.classes, int(key) % c.classes}, n) {
				return
			}
		}
	}
}

// Margins are how often each class turned out, how often it was predicted, and how often both.
func (c *Confusion) Margins() (actual, predicted, right []int64) {
	actual, predicted, right = make([]int64, c.classes), make([]int64, c.classes), make([]int64, c.classes)
	for pair, n := range c.All() {
		actual[pair[0]] += n
		predicted[pair[1]] += n
		if pair[0] == pair[1] {
			right[pair[0]] += n
		}
	}
	return actual, predicted, right
}

// Merge adds o, which stays as it is; a matrix of another number of classes is refused.
func (c *Confusion) Merge(o *Confusion) error {
	if c.classes != o.classes {
		return fmt.Errorf("merge confusion matrices: %w: %d classes and %d", errShape, c.classes, o.classes)
	}
	c.cells.merge(o.cells)
	return nil
}

// Clone is a deep copy.
func (c *Confusion) Clone() *Confusion {
	n := &Confusion{classes: c.classes}
	n.cells.merge(c.cells)
	return n
}

const confusionFormat = 1

// AppendBinary writes c: the format (1 byte), the number of classes, then the pairs that occur (see sparse). Equal matrices have equal
// bytes, and ReadConfusion refuses any other bytes.
func (c *Confusion) AppendBinary(b []byte) []byte {
	return c.cells.append(wire.Uint(append(b, confusionFormat), uint64(c.classes)))
}

// ReadConfusion reads what AppendBinary wrote of a matrix of so many classes.
func ReadConfusion(classes int, r *wire.Reader) (*Confusion, error) {
	if v := readByte(r); r.Err() == nil && v != confusionFormat {
		r.Fail(fmt.Errorf("format %d, this build reads %d", v, confusionFormat))
	}
	c := NewConfusion(classes)
	if n := readUint(r); r.Err() == nil && n != uint64(c.classes) {
		r.Fail(fmt.Errorf("%w: %d classes, not %d", errShape, n, c.classes))
	}
	c.cells = readSparse(r, 0, int32(c.classes*c.classes-1))
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read confusion matrix: %w", err)
	}
	return c, nil
}
