package sketch

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

const (
	// MaxProducts is how many columns a Products takes: their pairs grow as the square.
	MaxProducts = 64
	// NormalScale is the unit of normal scores in fixed point: a score of 1 is 2^10.
	NormalScale = 1 << 10
	maxNormal   = 8 * NormalScale // no bin's normal score is farther out
)

// NormalFixed is a normal score in units of 2^-10, rounded to nearest, at most 8 from 0; NaN is 0.
func NormalFixed(score float64) int16 {
	if math.IsNaN(score) {
		return 0
	}
	return int16(math.RoundToEven(min(max(score*NormalScale, -maxNormal), maxNormal)))
}

// Products is the matrix of second moments of some columns' normal scores: what correlations are computed from that no outlier can
// bend. A value's normal score is that of its bin under the reference (van der Waerden 1952), so that the sums are exact integers. A missing value
// counts as 0, the reference's mean. Merging adds.
type Products struct {
	columns int
	N       int64   // rows
	Sum     []int64 // by column: of the scores, in units of 2^-10
	Cross   []int64 // by pair i <= j, see at: of their products, in units of 2^-20
}

// NewProducts makes an empty matrix of so many columns, from 1 to MaxProducts; what is outside is moved to the nearest of them.
func NewProducts(columns int) *Products {
	p := min(max(columns, 1), MaxProducts)
	slab := make([]int64, p+p*(p+1)/2)
	return &Products{columns: p, Sum: slab[:p:p], Cross: slab[p:]}
}

// Columns is how many columns it has.
func (p *Products) Columns() int { return p.columns }

// at is where the pair i <= j stands in Cross: pairs are in the order of i, then j.
func (p *Products) at(i, j int) int { return i*p.columns - i*(i-1)/2 + j - i }

// Count adds the rows of a batch: scores[i] are the normal scores of column i, of NormalFixed, as long as there are rows. It must have
// Columns columns. A batch has fewer than 2^32 rows.
//
// Each pair goes through the batch by itself: two columns of some hundred rows lie in the nearest cache, and the sum in a register.
func (p *Products) Count(scores [][]int16) error {
	if len(scores) != p.columns {
		return fmt.Errorf("count products: %w: %d columns of scores, not %d", errShape, len(scores), p.columns)
	}
	rows := len(scores[0])
	for i, of := range scores {
		if len(of) != rows {
			return fmt.Errorf("count products: %w: %d scores of column %d, %d of the first", errShape, len(of), i, rows)
		}
	}
	p.N += int64(rows)
	next := 0
	for i, a := range scores {
		sum := int64(0)
		for _, v := range a {
			sum += int64(v)
		}
		p.Sum[i] += sum
		for _, b := range scores[i:] {
			p.Cross[next] += multiplied(a, b)
			next++
		}
	}
	return nil
}

// multiplied is the sum of the products: four sums at once, none of which waits for another.
func multiplied(a, b []int16) int64 {
	var s0, s1, s2, s3 int64
	b = b[:len(a)]
	for ; len(a) >= 4; a, b = a[4:], b[4:] {
		_ = b[3]
		s0 += int64(int32(a[0]) * int32(b[0]))
		s1 += int64(int32(a[1]) * int32(b[1]))
		s2 += int64(int32(a[2]) * int32(b[2]))
		s3 += int64(int32(a[3]) * int32(b[3]))
	}
	for i := range a {
		s0 += int64(int32(a[i]) * int32(b[i]))
	}
	return s0 + s1 + s2 + s3
}

// Correlation is the correlation of the normal scores of two columns, in [-1, 1]; ok is false where one of them didn't vary, or there are
// no rows.
func (p *Products) Correlation(i, j int) (r float64, ok bool) {
	if i > j {
		i, j = j, i
	}
	if i < 0 || j >= p.columns || p.N <= 0 {
		return 0, false
	}
	n := float64(p.N)
	mean := func(k int) float64 { return float64(p.Sum[k]) / n }
	covariance := func(k, l int) float64 { return float64(p.Cross[p.at(k, l)])/n - mean(k)*mean(l) }
	of := covariance(i, i) * covariance(j, j)
	if !(of > 0) {
		return 0, false
	}
	return min(max(covariance(i, j)/math.Sqrt(of), -1), 1), true
}

// Merge adds o; a matrix of another number of columns is refused.
func (p *Products) Merge(o *Products) error {
	if p.columns != o.columns {
		return fmt.Errorf("merge products: %w: %d columns and %d", errShape, p.columns, o.columns)
	}
	p.N += o.N
	addInts(p.Sum, o.Sum)
	addInts(p.Cross, o.Cross)
	return nil
}

// Clone is a deep copy.
func (p *Products) Clone() *Products {
	n := NewProducts(p.columns)
	n.N = p.N
	copy(n.Sum, p.Sum)
	copy(n.Cross, p.Cross)
	return n
}

const productsFormat = 1

// AppendBinary writes p: the format (1 byte), the number of columns, of rows, then sums and products, zeros run-length coded. Equal
// matrices have equal bytes, and ReadProducts refuses any other bytes.
func (p *Products) AppendBinary(b []byte) []byte {
	b = wire.Uint(append(b, productsFormat), uint64(p.columns))
	b = wire.Uint(b, uint64(p.N))
	return appendInts(appendInts(b, p.Sum), p.Cross)
}

// ReadProducts reads what AppendBinary wrote of a matrix of so many columns.
func ReadProducts(columns int, r *wire.Reader) (*Products, error) {
	if v := readByte(r); r.Err() == nil && v != productsFormat {
		r.Fail(fmt.Errorf("format %d, this build reads %d", v, productsFormat))
	}
	p := NewProducts(columns)
	if n := readUint(r); r.Err() == nil && n != uint64(p.columns) {
		r.Fail(fmt.Errorf("%w: %d columns, not %d", errShape, n, p.columns))
	}
	p.N = readCounter(r)
	const most = int64(maxNormal) * maxNormal
	rows := min(p.N, math.MaxInt64/most)
	readInts(r, p.Sum, -rows*maxNormal, rows*maxNormal)
	readInts(r, p.Cross, -rows*most, rows*most)
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read products: %w", err)
	}
	return p, nil
}
