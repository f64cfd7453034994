package baseline

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// judge says in words for people what is wrong with a reference that was learnt: what it can't be a reference for, and why.
func judge(p *plan.Plan, c *counted, panes []*sketch.Set) []string {
	return slices.Concat(short(p), season(&c.week, p.ReferenceRows), drifted(p, panes), thin(p, c.slices))
}

// short says what can't be judged because the reference holds too few panes.
func short(p *plan.Plan) []string {
	var out []string
	for i := range p.Columns {
		c := &p.Columns[i]
		if len(p.Drift) == 0 && c.Layout.Bins() > 1 && !c.Layout.Constant() && c.Reference.Null.Panes < stat.MinWindows {
			out = append(out, fmt.Sprintf("distributions are not judged: the reference holds %d panes of %s with enough events, at least %d are needed",
				c.Reference.Null.Panes, contract.Span(p.TestPane), stat.MinWindows))
			break
		}
	}
	if p.Outcome != nil && p.Score != nil && len(p.Score.Views) > 0 {
		if m, ok := p.Score.Views[0].Metrics[engine.Leading(p.Score.Task)]; ok && m.Null.Panes < stat.MinWindows {
			out = append(out, fmt.Sprintf("outcomes are not judged: the reference holds %d panes of %s, at least %d are needed", m.Null.Panes, contract.Span(p.TruthPane), stat.MinWindows))
		}
	}
	return out
}

const (
	// halfPanes is how many panes each half of a reference must hold to be held against the other one, and leastSpan how long it must be: a
	// day against the next is no drift.
	halfPanes = 8
	leastSpan = 7 * 24 * time.Hour
	// chance is how often a reference without drift may be said to drift, over all that is read of it: each reading has its share. By
	// Student's law, that is: of few panes that remember it is more often, up to thirty times for four weeks of days with an autocorrelation of
	// .5 (go test -v -run Halves), less what ignore_below leaves out.
	chance = 0.01
	// toldDrifts is how many of them are named.
	toldDrifts = 5
)

// moved is a reading that differs between the halves of a reference.
type moved struct {
	words string
	size  float64 // in units of what is ignored
}

// reading is one number per pane, and by how much it may differ.
type reading struct {
	words  string // with a verb for how much
	ignore float64
	unit   float64 // of what is said
	values []float64
}

// drifted says which inputs moved within the reference itself, by more than the contract ignores: a reference that drifts is none. It holds the
// panes of its second half against those of the first: where numbers lie, the shares of categories and of missing values. A change of spread or
// shape alone is not looked for.
func drifted(p *plan.Plan, panes []*sketch.Set) []string {
	if p.Reference.To.Sub(p.Reference.From) < leastSpan {
		return nil
	}
	var all []reading
	for i := range p.Columns {
		all = append(all, readings(&p.Columns[i], i, panes)...)
	}
	var found []moved
	for _, r := range all {
		if d := between(r.values, chance/float64(len(all))); r.ignore > 0 && math.Abs(d) > r.ignore {
			found = append(found, moved{fmt.Sprintf(r.words, r.unit*d), math.Abs(d) / r.ignore})
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

// readings are what is read of a column, pane by pane.
func readings(c *plan.Column, at int, panes []*sketch.Set) []reading {
	name := strings.ReplaceAll(c.Name, "%", "%%")
	out := []reading{{words: "missing " + name + " by %+.1f points", ignore: c.Ignore.Rate, unit: 100}}
	scores := locations(c)
	switch {
	case scores != nil:
		out = append(out, reading{words: name + " by %+.2f sd", ignore: c.Ignore.Shift, unit: 1})
	case c.Layout.Categorical:
		for _, v := range c.Layout.Categories {
			out = append(out, reading{words: fmt.Sprintf("%s %s by %%+.1f points", name, strings.ReplaceAll(strconv.Quote(v), "%", "%%")), ignore: c.Ignore.Rate, unit: 100})
		}
	}
	for _, s := range panes {
		n := &s.Columns[at]
		if n.N < fewest {
			continue
		}
		out[0].values = append(out[0].values, float64(n.Missing)/float64(n.N))
		if n.Valid() < fewest {
			continue
		}
		if scores != nil {
			x, _ := scores.Location(n.Bins)
			out[1].values = append(out[1].values, x)
			continue
		}
		for i := range out[1:] {
			out[1+i].values = append(out[1+i].values, float64(n.Bins[i])/float64(n.Valid()))
		}
	}
	return out
}

// locations are the scores that tell where a numeric column lies; nil where it has no order or no spread.
func locations(c *plan.Column) *stat.Scores {
	if c.Layout.Categorical || c.Layout.Empty || c.Layout.Constant() {
		return nil
	}
	s, ok := stat.NewScores(stat.Smoothed(c.Reference.Bins))
	if !ok {
		return nil
	}
	return s
}

// between is by how much the mean of the second half lies above that of the first; 0 where that may be chance, so probable.
func between(x []float64, chance float64) float64 {
	half := len(x) / 2
	if half < halfPanes {
		return 0
	}
	a, b := lineOf(x[:half]), lineOf(x[half:])
	d := b.mean - a.mean
	variance, lagged := a.variance+b.variance, a.lagged+b.lagged
	n := float64(len(x))
	if variance <= 1e-24*n*(a.mean*a.mean+b.mean*b.mean) { // rounding alone
		return d
	}
	// What is left beside a line in each half is chance: a slope is the drift that is looked for, and must not pass for memory. The mean of n values
	// with the lag-1 autocorrelation r scatters as that of n (1-r)/(1+r) independent ones (Bartlett 1935). Around a line the
	// correlation is estimated too low: by (1+4r)/n of each half around a mean (Kendall 1954), by more around a line. Three times as much is added, for few panes.
	const most = 0.95
	r := lagged / variance
	r = min(max(r+6*(1+4*max(r, 0))/n, 0), most)
	free := max((n-4)*(1-r)/(1+r), 2)
	se := math.Sqrt(variance / free * (1/float64(half) + 1/float64(len(x)-half)))
	if 2*stat.StudentCDF(-math.Abs(d)/se, free) > chance {
		return 0
	}
	return d
}

// line is a line through values at equal distances, by least squares, and what they leave beside it.
type line struct{ mean, variance, lagged float64 }

func lineOf(x []float64) (l line) {
	n := float64(len(x))
	for _, v := range x {
		l.mean += v / n
	}
	var slope, spread float64
	for i, v := range x {
		at := float64(i) - (n-1)/2
		slope += at * (v - l.mean)
		spread += at * at
	}
	slope /= spread
	before := 0.
	for i, v := range x {
		rest := v - l.mean - slope*(float64(i)-(n-1)/2)
		l.variance += rest * rest
		l.lagged += rest * before
		before = rest
	}
	return l
}

// thin says which slices that the contract asks for hold too few events in the reference to be held against it. cells are its events by finest
// slice. Values that are counted together as other, or missing, make no slice here.
func thin(p *plan.Plan, cells map[string]int64) []string {
	var out []string
	for _, group := range p.Groups {
		found := map[string]int64{}
	cells:
		for code, n := range cells {
			key := make([]byte, 0, 2*len(group))
			for _, d := range group {
				if int(binary.BigEndian.Uint16([]byte(code[2*d:]))) >= len(p.Slices[d].Values) {
					continue cells
				}
				key = append(key, code[2*d:2*d+2]...)
			}
			found[string(key)] += n
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

// offset says, once, where a reference's scores never meant what they say: they are followed from there on, and what was so already is
// no alarm.
func offset(p *plan.Plan) ([]string, error) {
	all, err := drift.OpenCalibration(p)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	null := all[0].Null()
	shift, standing := null.Offset()
	if !standing {
		return nil, nil
	}
	return []string{fmt.Sprintf("scores of the reference don't mean what they say: logit P(positive) = %.2f + %.2f logit(score), outcomes lie %+.2f logits from the scores; "+
		"what is judged is whether that changes", null.Map.A, null.Map.B, shift)}, nil
}
