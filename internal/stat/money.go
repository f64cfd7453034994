package stat

import "math"

// moved is what it costs to decide the events of one bin negative that were decided positive, all together, and its square.
type moved struct{ sum, squares float64 }

// moves lists it by bin, and the cost of deciding everything positive. ok is false without outcomes or with prices that aren't finite.
func (r Reliability) moves(c Costs) (bins []moved, start float64, n int64, ok bool) {
	if _, n, _, ok = r.outcomes(); !ok || !c.finite() {
		return nil, 0, 0, false
	}
	up, down := c.FN-c.TP, c.TN-c.FP
	for b := range r.Labels {
		p, q := float64(r.Pos[b]), float64(r.Labels[b]-r.Pos[b])
		start += p*c.TP + q*c.FP
		bins = append(bins, moved{p*up + q*down, p*up*up + q*down*down})
	}
	return bins, start, n, true
}

func (c Costs) finite() bool {
	sum := math.Abs(c.FP) + math.Abs(c.FN) + math.Abs(c.TP) + math.Abs(c.TN)
	return !math.IsNaN(sum) && !math.IsInf(sum, 0)
}

// CostsAt returns the expected cost of a decision at every edge, see DecidedAt, from outcomes only: what one would have paid with
// this threshold. Not ok without outcomes or with a price that isn't finite.
func (r Reliability) CostsAt(c Costs) ([]Estimate, bool) {
	_, _, n, ok := r.moves(c)
	if !ok {
		return nil, false
	}
	out := make([]Estimate, r.Edges())
	for e := range out {
		at, _ := r.DecidedAt(e)
		out[e], _ = at.ExpectedCost(c)
		out[e].N = n
	}
	return out, true
}

// CostBetween returns the cost of a decision at edge a less that at edge b. Only the events between the two differ, so its standard
// error is that of the paired difference, far below that of either cost.
func (r Reliability) CostBetween(a, b int, c Costs) (Estimate, bool) {
	bins, _, n, ok := r.moves(c)
	if !ok || min(a, b) < 0 || max(a, b) >= r.Edges() {
		return Estimate{}, false
	}
	return between(bins, a, b, n), true
}

func between(bins []moved, a, b int, n int64) Estimate {
	var sum, squares float64
	for _, m := range bins[min(a, b):max(a, b)] {
		sum += m.sum
		squares += m.squares
	}
	nf := float64(n)
	mean := sum / nf
	e := Estimate{Value: mean, SE: math.Sqrt(max(0, squares/nf-mean*mean) / nf), N: n}
	if a < b {
		e.Value = -e.Value
	}
	return e
}

// CostBetweenBand returns CostBetween with its 1-alpha interval.
func (r Reliability) CostBetweenBand(a, b int, c Costs, alpha float64) (Band, bool) {
	e, ok := r.CostBetween(a, b, c)
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	up, down := c.FN-c.TP, c.TN-c.FP
	if a < b {
		up, down = -up, -down
	}
	var pos, neg int64
	for i := min(a, b); i < max(a, b); i++ {
		pos += r.Pos[i]
		neg += r.Labels[i] - r.Pos[i]
	}
	out := costBand(e, []weighted{{up, float64(pos)}, {down, float64(neg)}, {0, float64(e.N - pos - neg)}}, alpha)
	out.Few = out.Few || pos+neg < fewEvents
	return out, true
}

// Cheapest is the threshold that would have cost least.
type Cheapest struct {
	Edge     int      // of the bins: the cheapest, the first of equals
	Cost     Estimate // of a decision there; lower than the true one on average, as it is picked as the least
	Low      int      // Low..High are the edges from the first to the last whose cost is not beyond chance above the least:
	High     int      // the true cheapest edge is among them
	Few      bool     // fewer than 10 outcomes of either class: the edges are not to be relied on
	Pointed  float64  // the score at which a positive and a negative decision cost the same, if scores are probabilities (Elkan 2001); NaN if none
	ZOfRange float64  // how many standard errors "beyond chance" is
}

// CheapestEdge looks for the cheapest threshold. An edge counts as no dearer than the cheapest unless the paired difference of their costs is
// above 0 by more standard errors than the largest of so many independent comparisons would be by chance, with probability 1-alpha: as the
// cheapest is itself picked among all edges (Dunnett 1955; Hsu 1981). Not ok as CostsAt.
func (r Reliability) CheapestEdge(c Costs, alpha float64) (Cheapest, bool) {
	costs, ok := r.CostsAt(c)
	if !ok || !usable(alpha) {
		return Cheapest{}, false
	}
	bins, _, n, _ := r.moves(c)
	out := Cheapest{Pointed: c.threshold()}
	for e := range costs {
		if costs[e].Value < costs[out.Edge].Value {
			out.Edge = e
		}
	}
	out.Cost = costs[out.Edge]
	out.ZOfRange = -NormalQuantile(alpha)
	out.Low, out.High = out.Edge, out.Edge
	for e := range costs {
		d := between(bins, e, out.Edge, n)
		if d.Value <= out.ZOfRange*d.SE {
			out.Low, out.High = min(out.Low, e), max(out.High, e)
		}
	}
	_, _, pos, _ := r.outcomes()
	out.Few = min(pos, n-pos) < fewOfAKind
	return out, true
}

// threshold is Elkan's (2001, eq. 2).
func (c Costs) threshold() float64 {
	a, b := c.FP-c.TN, c.FN-c.TP
	if !(a > 0 && b > 0) {
		return math.NaN()
	}
	return a / (a + b)
}

// Regret returns what a decision costs at the threshold in use above what it would at the cheapest edge, at least 0. Its Value is too high
// on average, as the cheapest is picked afterwards; its lower bound is what to act on: the largest, over all edges, of the one-sided lower
// bounds of the paired differences, each at alpha over the number of edges that chance could pick from. The costs now are those of
// r's own decisions, so they may have been taken by any rule: then they are paired with an edge as the events of each bin allow, which is
// not known, so now must be an edge. Not ok as CostsAt, or for an edge out of range.
func (r Reliability) Regret(now int, c Costs, alpha float64) (Band, bool) {
	best, ok := r.CheapestEdge(c, alpha)
	if !ok || now < 0 || now >= r.Edges() {
		return Band{}, false
	}
	bins, _, n, _ := r.moves(c)
	e := between(bins, now, best.Edge, n)
	z := -NormalQuantile(alpha / 2)
	low, high := 0., 0.
	for edge := range r.Edges() {
		d := between(bins, now, edge, n)
		low = max(low, d.Value-z*d.SE)
		high = max(high, d.Value+z*d.SE)
	}
	return newBand(e, low, high, 0, math.Inf(1), best.Few), true
}

// MoreRecall is what it takes to find more of the positives by a lower threshold.
type MoreRecall struct {
	Points   float64 // of recall, as asked for: 0.01 is one percent
	Edge     int     // the edge at which at least that much is gained
	Positive Band    // share of positives among the events that are added: the precision at the margin
	Selected float64 // decisions that become positive, per decision
	Cost     Band    // what a decision costs more for it, in the currency of the prices; below 0 it pays
}

// CostOfRecall returns what points (such as 0.01) more of recall cost at the threshold of edge now: events are taken from the bins just below
// it, of the last one as large a part as is needed. Nothing is known of fewer positives than there are. Not ok as CostsAt, for an edge out of
// range, or if fewer positives than that are below the threshold.
func (r Reliability) CostOfRecall(now int, points float64, c Costs, alpha float64) (MoreRecall, bool) {
	bins, n, pos, ok := r.outcomes()
	if !ok || !c.finite() || now < 0 || now >= r.Edges() || !(points > 0 && points <= 1) || pos == 0 || len(bins) == 0 || !usable(alpha) {
		return MoreRecall{}, false
	}
	want := points * float64(pos)
	var p, events float64
	out := MoreRecall{Points: points}
	// The precision at the margin is taken over whole bins: a part of one has the whole one's.
	var wp, wn int64
	for b := now - 1; b >= 0 && p < want; b-- {
		bp, bn := float64(r.Pos[b]), float64(r.Labels[b])
		part := 1.
		if bp > 0 && p+bp > want {
			part = (want - p) / bp
		}
		p += part * bp
		events += part * bn
		wp += r.Pos[b]
		wn += r.Labels[b]
		out.Edge = b
	}
	if p < want*(1-1e-12) {
		return MoreRecall{}, false
	}
	nf := float64(n)
	out.Selected = events / nf
	out.Positive, _ = shareBand(wp, wn, alpha)
	gain, loss := c.TP-c.FN, c.FP-c.TN // of a positive and of a negative that is now decided positive
	value := (p*gain + (events-p)*loss) / nf
	// With base rate b and precision q at the margin it is points * b * (gain + loss (1-q)/q): falling in q if loss > 0.
	base, _ := proportion(pos, n)
	q := out.Positive
	at := func(q float64) float64 { return points * base.Value * (gain + loss*(1-q)/q) }
	mid := at(p / events)
	rate, _ := shareBand(pos, n, alpha)
	byRate := func(b float64) float64 { return value * (b/base.Value - 1) }
	lo, hi := min(at(q.Low), at(q.High)), max(at(q.Low), at(q.High))
	rl, rh := min(byRate(rate.Low), byRate(rate.High)), max(byRate(rate.Low), byRate(rate.High))
	out.Cost = newBand(Estimate{Value: value, SE: math.NaN(), N: n},
		value-math.Hypot(mid-lo, rl), value+math.Hypot(hi-mid, rh), math.Inf(-1), math.Inf(1), rate.Few || wn < fewEvents || min(pos, n-pos) < fewOfAKind)
	return out, true
}
