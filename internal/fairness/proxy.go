package fairness

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
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
		cells, rows, columns := table(dim, sets, i)
		m, ok := stat.MutualInformation(cells, rows, columns, level)
		if ok && m.Share >= leastProxy {
			out = append(out, plan.Proxy{Column: i, Bits: rounded(m.Corrected.Value / math.Ln2), Share: rounded(m.Share)})
		}
	}
	slices.SortStableFunc(out, func(a, b plan.Proxy) int { return cmp.Compare(b.Share, a.Share) })
	return out[:min(len(out), mostProxies)]
}

// rounded leaves out the last digits, which differ between processors and would make another plan.
func rounded(x float64) float64 { return math.Round(x*1e9) / 1e9 }

// table is how often each value of an attribute met each bin of a column, what is missing or can't be read last, row by row.
func table(dim int, sets map[string]*sketch.Set, column int) (cells []int64, rows, columns int) {
	found := map[int][]int64{}
	for slice, s := range sets {
		code, n := plan.SliceAt(slice, dim), &s.Columns[column]
		if code == plan.NoValue {
			continue
		}
		row := found[code]
		if row == nil {
			row = make([]int64, len(n.Bins)+1)
			found[code] = row
		}
		for b, k := range n.Bins {
			row[b] += k
		}
		row[len(row)-1] += n.Missing + n.Invalid
	}
	for _, code := range slices.Sorted(maps.Keys(found)) {
		cells, columns = append(cells, found[code]...), len(found[code])
	}
	return cells, len(found), columns
}
