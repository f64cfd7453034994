package fairness

import (
	"cmp"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

const (
	// leastProxy is the share of an attribute's entropy from which on an input is named, mostProxies how many are.
	leastProxy  = 0.01
	mostProxies = 10
)

// Proxies says which columns tell of an attribute: the mutual information of its values and a column's bins, missing values being one more bin. Sets are what
// the reference counted, by finest slice. Chance alone shows (R-1)(C-1)/2N nats on average (Miller 1955); so much is taken off. Neither the score nor the latency is
// an input, nor is the attribute a proxy of itself.
func Proxies(p *plan.Plan, dim int, sets map[string]*sketch.Set) []plan.Proxy {
	roles := p.Prediction.Roles
	var out []plan.Proxy
	for i := range p.Columns {
		if f := p.Columns[i].Field; f == roles.Score || f == roles.Latency || f == roles.Decision || p.Columns[i].Name == p.Slices[dim].Name {
			continue
		}
		bits, share := information(table(dim, sets, i))
		if share >= leastProxy {
			out = append(out, plan.Proxy{Column: i, Bits: rounded(bits), Share: rounded(share)})
		}
	}
	slices.SortStableFunc(out, func(a, b plan.Proxy) int { return cmp.Compare(b.Share, a.Share) })
	return out[:min(len(out), mostProxies)]
}

// rounded leaves out the last digits, which differ between processors and would make another plan.
func rounded(x float64) float64 { return math.Round(x*1e9) / 1e9 }

// table is how often each value of an attribute met each bin of a column, what is missing or can't be read last.
func table(dim int, sets map[string]*sketch.Set, column int) map[int][]int64 {
	out := map[int][]int64{}
	for slice, s := range sets {
		code, n := plan.SliceAt(slice, dim), &s.Columns[column]
		if code == plan.NoValue {
			continue
		}
		row := out[code]
		if row == nil {
			row = make([]int64, len(n.Bins)+1)
			out[code] = row
		}
		for b, k := range n.Bins {
			row[b] += k
		}
		row[len(row)-1] += n.Missing + n.Invalid
	}
	return out
}

// information is the mutual information of rows and columns in bits, corrected for chance and at least 0, and its share of the rows' entropy.
func information(rows map[int][]int64) (bits, share float64) {
	var all float64
	var columns []float64
	sums := map[int]float64{}
	for code, row := range rows {
		if columns == nil {
			columns = make([]float64, len(row))
		}
		for b, k := range row {
			sums[code] += float64(k)
			columns[b] += float64(k)
			all += float64(k)
		}
	}
	if all == 0 {
		return 0, 0
	}
	var entropy float64
	r, c := 0, 0
	for _, k := range columns {
		if k > 0 {
			c++
		}
	}
	codes := make([]int, 0, len(rows))
	for code := range rows {
		codes = append(codes, code)
	}
	slices.Sort(codes) // floats are added in one order
	for _, code := range codes {
		n := sums[code]
		if n == 0 {
			continue
		}
		r++
		entropy -= n / all * math.Log2(n/all)
		for b, k := range rows[code] {
			if k > 0 {
				bits += float64(k) / all * math.Log2(float64(k)*all/(n*columns[b]))
			}
		}
	}
	bits = max(bits-float64((r-1)*(c-1))/(2*all*math.Ln2), 0)
	if entropy <= 0 {
		return bits, 0
	}
	return bits, bits / entropy
}
