package diagnose

import (
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// sentinels are values that stand for none.
var sentinels = []float64{0, -1, -9, -99, -999, -9999, -99999, 9, 99, 999, 9999, 99999, 999999, -999999, 32767, -32768, 65535, 2147483647, -2147483648, 1e9, -1e9}

// point is a bin of a histogram that has gained.
type point struct {
	low, high float64
	was, is   float64 // shares of the values that are there
	k, j      int64   // values in it now, and in the reference
}

func (p *point) gain() float64 { return p.is - p.was }

// value is the value that it stands for: the one that may stand for none, else the one it must be, else the middle of the bin.
func (p *point) value(n *numeric) (v float64, sentinel bool) {
	for _, s := range sentinels {
		if p.low <= s && s <= p.high {
			return s, true
		}
	}
	if p.low == p.high {
		return p.low, false
	}
	if n.cur.min >= p.low && n.cur.min <= p.high && n.cur.min < n.ref.min {
		return n.cur.min, false
	}
	if n.cur.max >= p.low && n.cur.max <= p.high && n.cur.max > n.ref.max {
		return n.cur.max, false
	}
	if m := n.ref.mean; m >= p.low && m <= p.high {
		return m, false
	}
	edges := n.column.Layout.Edges
	for i := 1; i < len(edges) && p.was >= least; i++ { // an atom of the reference stands between two neighbouring numbers
		if e := edges[i]; e >= p.low && e <= p.high && math.Nextafter(e, math.Inf(-1)) <= edges[i-1] {
			return e, false
		}
	}
	return (p.low + p.high) / 2, false
}

// gained is the bin that has gained most.
func (n *numeric) gained() *point {
	var best *point
	for _, b := range n.cur.bins {
		j := n.ref.mayBeBelow(math.Nextafter(b.High, math.Inf(1))) - n.ref.atMost(math.Nextafter(b.Low, math.Inf(-1)))
		p := &point{low: b.Low, high: b.High, is: n.cur.share(b.N), was: n.ref.share(j), k: b.N, j: j}
		if best == nil || p.gain() > best.gain() {
			best = p
		}
	}
	return best
}

// point looks for one value that has taken the place of others.
func (n *numeric) point() *Cause {
	if !n.described() || n.cur.valid < fewestRows/2 {
		return nil
	}
	p := n.gained()
	if p == nil || p.gain() < max(least, 10/float64(n.cur.valid)) {
		return nil
	}
	if v, known := p.value(n); p.high-p.low > n.ref.sd/10 && !(known && (v == n.cur.min || v == n.cur.max)) {
		return nil // a bin as wide as that holds more than a value
	}
	sure := 5. // standard errors; where values that were missing are there at the same time, both tell
	if away(n.cur.missing, n.cur.rows, n.ref.missing, n.ref.rows, n.deff) < -5 {
		sure = 2.5
	}
	if away(p.k, n.cur.valid, p.j, n.ref.valid, n.deff) < sure {
		return nil
	}
	v, known := p.value(n)
	cause := func(k Kind, share float64, fix string) *Cause {
		return &Cause{
			Kind: k, Columns: []string{n.name()}, Weight: n.weight(max(n.moved, p.gain())), Fix: fix, Parameters: map[string]string{"value": number(v), "share": number(share)},
			Evidence: []string{fmt.Sprintf("%s of its values are %s (was %s)", percent(p.is), number(v), percent(p.was))},
		}
	}
	if p.is > 0.95 && p.high-p.low > n.cur.sd/3 && n.cur.sd > 1e-9*math.Abs(v) {
		return nil // it holds all values, and they differ
	}
	if p.is > 0.95 && (p.was < 0.5 || p.is == 1 && float64(n.cur.valid)/n.deff*math.Log(max(p.was, 1e-12)) < math.Log(1e-9)) {
		out := cause(Stuck, p.is, "find what has stopped to update it; values from the onset on are no readings")
		delete(out.Parameters, "share")
		out.Confidence = explained(1, 1-p.is)
		return out
	}
	rest, ok := n.besides(p)
	gain := p.gain() / max(1e-9, 1-p.was)
	lost := n.ref.missingShare() - n.cur.missingShare()
	atAll := p.gain() * float64(n.cur.valid) / float64(max(1, n.cur.rows)) // of all rows
	if lost > max(0.5*atAll, 3.5*math.Sqrt(n.ref.missingShare()/float64(max(1, n.cur.rows)))) && lost > 0.01 {
		beyond := known && (v < n.ref.min || v > n.ref.max) && math.Abs(atAll-lost) < 0.3*lost
		if !beyond && (!ok || rest > max(0.03, n.usual()) && rest > p.gain()/2 || !n.alone(p)) {
			return nil // more has changed than that
		}
		out := cause(Fallback, lost, fmt.Sprintf("write missing values as missing; %s may stand for them from the onset on", number(v)))
		if known && !n.central(v) {
			out.Kind = Sentinel
			out.Fix = fmt.Sprintf("read %s as missing", number(v))
		}
		out.Evidence = append(out.Evidence, fmt.Sprintf("%s of its values are missing (was %s)", percent(n.cur.missingShare()), percent(n.ref.missingShare())))
		out.Confidence = explained(max(atAll, lost), math.Abs(atAll-lost))
		return out
	}
	outside := v < n.ref.min || v > n.ref.max
	if !ok || rest > max(0.03, n.usual()) {
		if outside && known && p.j == 0 && n.onlyOutside(p) {
			out := cause(Sentinel, gain, fmt.Sprintf("read %s as missing", number(v)))
			out.Confidence = explained(gain+rest, rest)
			out.Against = append(out.Against, "the other values lie elsewhere as well")
			return out
		}
		return n.clip(p, cause)
	}
	switch {
	case outside && known:
		out := cause(Sentinel, gain, fmt.Sprintf("read %s as missing", number(v)))
		out.Confidence = explained(gain, rest)
		return out
	case n.clip(p, cause) != nil:
		return n.clip(p, cause)
	case p.was < min(0.03, p.gain()/5) && p.gain() >= 0.05 && (n.cur.valid >= manyRows || p.gain() > 0.2) && rest < p.gain()/3 && n.alone(p):
		k, fix := Stuck, "find what has stopped to update it for these rows"
		if known && p.is < 0.5 {
			k, fix = Sentinel, fmt.Sprintf("read %s as missing", number(v))
		} else if v == n.ref.mean {
			k, fix = Fallback, "find what fills in its mean, and why the value was not there"
		}
		out := cause(k, gain, fix)
		out.Confidence = explained(gain, rest)
		return out
	}
	return nil
}

// central reports whether a value that may stand for none is more likely one of the column's own, which fills in others: 9 is the median of some.
func (n *numeric) central(v float64) bool {
	return v != 0 && v != -1 && v > n.ref.quantile(0.1) && v < n.ref.quantile(0.9)
}

// onlyOutside reports whether a value beyond the reference's range is the only one there, where a distribution that moves would bring its neighbours along.
func (n *numeric) onlyOutside(p *point) bool {
	beyond := n.cur.below
	if p.low > n.ref.max {
		beyond = n.cur.above
	}
	return p.is >= 0.05 && math.Abs(float64(beyond-p.k)) <= 0.02*float64(p.k)
}

// alone reports whether a bin has gained and those beside it have not: a value did, not a region.
func (n *numeric) alone(p *point) bool {
	if p.low == p.high {
		return true
	}
	width := max(p.high-p.low, math.Abs(p.high)/64)
	around := func(v *numbers) float64 {
		return v.share(v.mayBeBelow(p.high+2*width) - v.atMost(p.low-2*width))
	}
	return math.Abs(around(n.cur)-around(n.ref)-p.gain()) < 0.2*p.gain()
}

// besides is how far the values beside a point lie from the reference's beside it.
func (n *numeric) besides(p *point) (float64, bool) {
	ref, ok := n.ref.without(p.low, p.high)
	cur, ok2 := n.cur.without(p.low, p.high)
	if !ok || !ok2 || !ref.described() || !cur.described() {
		return 1, false
	}
	return max(0, apart(ref, cur, identity)-max(0, noise(ref.valid, cur.valid)-n.noise)), true
}

// clip looks for values beyond one that have become it: it is the largest or the smallest, and has what lay beyond.
func (n *numeric) clip(p *point, cause func(Kind, float64, string) *Cause) *Cause {
	if n.cur.valid < fewestRows {
		return nil
	}
	type side struct {
		end           bool
		beyond        float64
		words, limit  string
		isEnd, wasEnd float64
	}
	above := n.ref.share(n.ref.valid - n.ref.mayBeBelow(math.Nextafter(p.high, math.Inf(1))))
	below := n.ref.share(n.ref.atMost(math.Nextafter(p.low, math.Inf(-1))))
	for _, s := range []side{
		{n.cur.max <= p.high && n.ref.max > p.high, above, "above", "max", n.cur.max, n.ref.max},
		{n.cur.min >= p.low && n.ref.min < p.low, below, "below", "min", n.cur.min, n.ref.min},
	} {
		if !s.end || s.beyond < least || math.Abs(p.gain()-s.beyond) > max(0.015, 0.25*s.beyond, n.noise) {
			continue
		}
		v := s.isEnd
		out := cause(Clipped, s.beyond, fmt.Sprintf("let values beyond %s through", number(v)))
		out.Parameters["value"], out.Parameters[s.limit] = number(v), number(v)
		out.Evidence = append(out.Evidence, fmt.Sprintf("none is %s %s, where %s were", s.words, number(v), percent(s.beyond)))
		out.Confidence = explained(s.beyond, math.Abs(p.gain()-s.beyond))
		return out
	}
	return nil
}

// constant looks for a part whose values are all the same, by its mean and spread.
func (n *numeric) constant() *Cause {
	v := n.cur.mean
	if n.cur.valid < fewestRows/2 || math.IsNaN(v) || !(n.ref.sd > 0) || n.cur.sd > 1e-6*max(n.ref.sd, math.Abs(v)) {
		return nil
	}
	return &Cause{
		Kind: Stuck, Columns: []string{n.name()}, Weight: n.weight(n.moved), Confidence: 0.99, Parameters: map[string]string{"value": number(v)},
		Evidence: []string{fmt.Sprintf("all of its values are %s (its standard deviation was %s)", number(v), number(n.ref.sd))},
		Fix:      "find what has stopped to update it; values from the onset on are no readings",
	}
}

// inverted looks for a flag that is the other way round.
func (n *numeric) inverted() *Cause {
	if !n.indicator() || n.cur.valid < fewestRows {
		return nil
	}
	was, is := n.ref.share(n.ref.zero), n.cur.share(n.cur.zero)
	if math.Abs(was-0.5) < 0.1 || math.Abs(n.indicated()) < 6 || n.cur.zero < fewestFlags || n.cur.valid-n.cur.zero < fewestFlags {
		return nil
	}
	if math.Abs(away(n.cur.zero, n.cur.valid, n.ref.valid-n.ref.zero, n.ref.valid, n.deff)) > 3 && math.Abs(is-1+was) > 0.15*min(was, 1-was) {
		return nil
	}
	return &Cause{
		Kind: Recoded, Columns: []string{n.name()}, Weight: n.weight(n.moved), Confidence: explained(math.Abs(is-was), math.Abs(is-1+was)),
		Parameters: map[string]string{"to": "the other way round, 0 for 1"}, Fix: "exchange 0 and 1",
		Evidence: []string{fmt.Sprintf("%s of its values are 1 (was %s)", percent(1-is), percent(1-was))},
	}
}

// fewestFlags is how many of the rarer value tell that a flag is the other way round, and not stuck.
const fewestFlags = 3

// turned reports whether a flag may be the other way round: its rarer value is nearly all there is, and too few of the other one may have come yet to tell that
// from one that is stuck.
func (n *numeric) turned() bool {
	was := n.ref.share(n.ref.zero)
	rare := min(was, 1-was)
	return n.indicator() && math.Abs(n.cur.share(n.cur.zero)-1+was) < 0.2 && rare*float64(n.cur.valid) < 3*fewestFlags && rare > 0
}

// released looks for a column that hardly moved and does now.
func (n *numeric) released() *Cause {
	if !n.described() || n.cur.valid < fewestRows/2 {
		return nil
	}
	var was int64
	for _, b := range n.ref.bins {
		if b.N > was && b.High-b.Low <= 1e-9*math.Abs(b.High) {
			was = b.N
		}
	}
	if n.ref.share(was) < 0.99 || slices.ContainsFunc(n.cur.bins, func(b sketch.HistogramBin) bool { return n.cur.share(b.N) > 0.5 }) {
		return nil
	}
	return &Cause{
		Kind: Released, Columns: []string{n.name()}, Weight: n.weight(n.moved), Confidence: 0.99, Parameters: map[string]string{},
		Evidence: []string{fmt.Sprintf("%s of its values were the same, now none is more than half", percent(n.ref.share(was)))},
		Fix:      "if it is to move from now on, learn the reference anew",
	}
}
