package baseline

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// judge says in words for people what is wrong with a reference that was learnt: what it can't be a reference for, and why.
func judge(p *plan.Plan, rows *plan.Batch, panes []*sketch.Set) []string {
	return slices.Concat(short(p), season(p, rows), drifted(p, panes), thin(p, rows))
}

// short says what can't be judged because the reference holds too few panes.
func short(p *plan.Plan) []string {
	var out []string
	for i := range p.Columns {
		c := &p.Columns[i]
		if c.Layout.Bins() > 1 && !c.Layout.Constant() && c.Reference.Null.Panes < stat.MinWindows {
			out = append(out, fmt.Sprintf("distributions are not judged: the reference holds %d panes of %s with enough events, at least %d are needed",
				c.Reference.Null.Panes, contract.Span(p.TestPane), stat.MinWindows))
			break
		}
	}
	if p.Outcome != nil && p.Score != nil && len(p.Score.Views) > 0 {
		if m, ok := p.Score.Views[0].Metrics["brier"]; ok && m.Null.Panes < stat.MinWindows {
			out = append(out, fmt.Sprintf("outcomes are not judged: the reference holds %d panes of %s, at least %d are needed", m.Null.Panes, contract.Span(p.TruthPane), stat.MinWindows))
		}
	}
	return out
}

const (
	// halfPanes is how many panes each half of a reference must hold to be held against the other one, and leastSpan how long it must be: the
	// halves of less than a week are different days.
	halfPanes = 8
	leastSpan = 7 * 24 * time.Hour
	// chance is how often halves that differ by chance alone may be told apart, by Student's law. With autocorrelated panes, of which there
	// are few, it is more often: 1.5 in 1,000 for four weeks of days with .5 (TestHalvesThatDifferByChance -v).
	chance = 1e-4
	// toldDrifts is how many inputs are named.
	toldDrifts = 5
)

// drifted says which inputs moved within the reference itself, by more than the contract ignores: a reference that drifts is none. It holds the
// panes of its second half against those of the first, by the location of numbers and by the share of missing values; how far panes scatter,
// and how long they remember (lag-1 autocorrelation), is taken from the panes.
func drifted(p *plan.Plan, panes []*sketch.Set) []string {
	if p.Reference.To.Sub(p.Reference.From) < leastSpan {
		return nil
	}
	type moved struct {
		words string
		size  float64 // in units of what is ignored
	}
	var found []moved
	for i := range p.Columns {
		c := &p.Columns[i]
		var missing, location []float64
		scores := locations(c)
		for _, s := range panes {
			n := &s.Columns[i]
			if n.N < fewest {
				continue
			}
			missing = append(missing, float64(n.Missing)/float64(n.N))
			if scores != nil && n.Valid() >= fewest {
				x, _ := scores.Location(n.Bins)
				location = append(location, x)
			}
		}
		if d := between(location); math.Abs(d) > c.Ignore.Shift && c.Ignore.Shift > 0 {
			found = append(found, moved{fmt.Sprintf("%s by %+.2f sd", c.Name, d), math.Abs(d) / c.Ignore.Shift})
		}
		if d := between(missing); math.Abs(d) > c.Ignore.Rate && c.Ignore.Rate > 0 {
			found = append(found, moved{fmt.Sprintf("missing %s by %+.1f points", c.Name, 100*d), math.Abs(d) / c.Ignore.Rate})
		}
	}
	if len(found) == 0 {
		return nil
	}
	slices.SortStableFunc(found, func(a, b moved) int { return cmp.Compare(b.size, a.size) })
	told := make([]string, 0, toldDrifts)
	for _, f := range found[:min(len(found), toldDrifts)] {
		told = append(told, f.words)
	}
	more := ""
	if n := len(found) - len(told); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return []string{fmt.Sprintf("the reference drifts itself: from its first half to its second moved %s%s, more than ignore_below; what is held against it is held against a mixture of both",
		strings.Join(told, ", "), more)}
}

// locations are the scores that tell where a numeric column lies; nil where it has no order or no spread.
func locations(c *plan.Column) *stat.Scores {
	if c.Layout.Categorical || c.Layout.Empty || c.Layout.Constant() {
		return nil
	}
	total := 0.
	for _, n := range c.Reference.Bins {
		total += float64(n) + 0.5
	}
	shares := make([]float64, len(c.Reference.Bins))
	for i, n := range c.Reference.Bins {
		shares[i] = (float64(n) + 0.5) / total // no share is 0 (Krichevsky & Trofimov 1981)
	}
	s, ok := stat.NewScores(shares)
	if !ok {
		return nil
	}
	return s
}

// between is by how much the mean of the second half lies above that of the first; 0 where that may be chance.
func between(x []float64) float64 {
	half := len(x) / 2
	if half < halfPanes {
		return 0
	}
	mean := func(x []float64) (m float64) {
		for _, v := range x {
			m += v / float64(len(x))
		}
		return m
	}
	a, b := x[:half], x[half:]
	ma, mb := mean(a), mean(b)
	var variance, lagged float64
	for _, part := range []struct {
		x []float64
		m float64
	}{{a, ma}, {b, mb}} {
		for i, v := range part.x {
			variance += (v - part.m) * (v - part.m)
			if i > 0 {
				lagged += (v - part.m) * (part.x[i-1] - part.m)
			}
		}
	}
	d := mb - ma
	if variance == 0 {
		return d
	}
	// The mean of n values with the lag-1 autocorrelation r scatters as that of n (1-r)/(1+r) independent ones (Bartlett 1935). The
	// correlation is estimated too low by about (1+4r)/n (Kendall 1954), of each half.
	const most = 0.95
	n := float64(len(x))
	r := lagged / variance
	r = min(max(r+2*(1+4*max(r, 0))/n, 0), most)
	free := max((n-2)*(1-r)/(1+r), 2)
	se := math.Sqrt(variance / free * (1/float64(len(a)) + 1/float64(len(b))))
	if 2*stat.StudentCDF(-math.Abs(d)/se, free) > chance {
		return 0
	}
	return d
}

// thin says which slices that the contract asks for hold too few events in the reference to be held against it.
func thin(p *plan.Plan, rows *plan.Batch) []string {
	var out []string
	for _, group := range p.Groups {
		found := map[string]int{}
		for row := range rows.N {
			code := sketch.SliceCode(p, rows, row)
			key := make([]byte, 0, 2*len(group))
			for _, d := range group {
				key = append(key, code[2*d:2*d+2]...)
			}
			found[string(key)]++
		}
		few := 0
		for _, n := range found {
			if n < enough {
				few++
			}
		}
		if few == 0 {
			continue
		}
		names := make([]string, len(group))
		for i, d := range group {
			names[i] = p.Slices[d].Name
		}
		out = append(out, fmt.Sprintf("%d of %d slices by %s hold fewer than %d events in the reference: little can be said of them", few, len(found), strings.Join(names, " x "), enough))
	}
	return out
}
