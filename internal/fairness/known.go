package fairness

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// Basis is what rates that take outcomes rest on.
type Basis string

// What rates rest on.
const (
	AsKnown      Basis = ""             // the outcomes that are known, each for itself
	Reweighted   Basis = "reweighted"   // each stands for the predictions of its score, as outcomes are missing at random given the score
	Completed    Basis = "completed"    // only positive ones are reported: what has none is negative, but for those that are late
	Selected     Basis = "selected"     // the known ones alone, which are of a selection: nobody is to be paged
	Unidentified Basis = "unidentified" // nothing: only positive ones are reported, and how many decisions there were isn't known of the group
)

// Words say it to people; "" where nothing has to be said.
func (b Basis) Words() string {
	switch b {
	case Reweighted:
		return "rates from outcomes are re-weighted to all predictions, score by score: outcomes are missing at random given the score, as the contract states"
	case Completed:
		return "only positive outcomes are reported: what has none counts as negative, but for those that are late"
	case Selected:
		return "rates are of the outcomes that are known, which are of a selection: they aren't re-weighted here"
	case Unidentified:
		return "only positive outcomes are reported: nothing but true positive rates is known here"
	case AsKnown:
	}
	return ""
}

// law is what a plan says of the outcomes that nobody knows.
type law struct {
	missing  plan.MissingOutcomes // may be Unstated
	arrived  float64              // of positives, where only they are reported; 0: not known
	share    float64
	positive int
	own      bool // events decide by themselves: scores don't tell how
}

// lawOf is that of a plan; nil without outcomes.
func lawOf(p *plan.Plan) *law {
	if p.Outcome == nil {
		return nil
	}
	out := &law{missing: p.Score.Missing, share: p.Sampled(), positive: p.Score.FirstPositive(), own: p.Score.Own}
	if out.missing == plan.PositivesOnly && p.Score.Arrived != nil {
		out.arrived = p.Score.Arrived.Share()
	}
	return out
}

// stated reports whether the contract says which outcomes they are.
func (l *law) stated() bool { return l != nil && l.missing != plan.Unstated }

// byScore reports whether the law says what outcomes stand for, where they are counted by score.
func (l *law) byScore() bool {
	return !l.own && (l.missing == plan.AtRandomGivenScore || l.arrived > 0)
}

func (l *law) basis(byScore bool) Basis {
	switch {
	case l.missing == plan.AtRandomGivenScore && byScore:
		return Reweighted
	case l.missing == plan.AtRandomGivenScore:
		return Selected
	case byScore:
		return Completed
	default:
		return Unidentified
	}
}

// worth is a criterion of a group from the predictions and outcomes of its mature cohorts.
func (l *law) worth(c stat.Criterion, known *sketch.Curve) (stat.Worth, bool) {
	return c.Worth(stat.Known{Curve: truth.Reliability(known), Share: l.share, Positive: l.positive, Arrived: l.arrived})
}

// needs reports whether a criterion takes more than the outcomes that are known: where only positives are reported, recall doesn't.
func (l *law) needs(criterion string) bool {
	return l.missing != plan.PositivesOnly || criterion != recall
}

// The criteria that are named here.
const (
	selection = "demographic_parity"
	recall    = "equal_opportunity"
)

// criteria are the shares that a metric compares.
func (m *Metric) criteria() []string {
	if m.by == "" {
		return []string{recall, "false_positive_rate"}
	}
	return []string{m.by}
}

// mature is what is known of the outcomes of one group of an attribute by score, with the predictions that wait for them; nil where it isn't counted: by an attribute
// from a topic of its own nobody knows how many those are.
func (t *Tally) mature(p *plan.Plan, dims, codes []int) *sketch.Curve {
	if !t.law.stated() || len(dims) != 1 || p.IsJoined(dims[0]) {
		return nil
	}
	return t.known[t.attribute(dims[0])][codes[0]]
}

// Pairs compares every group by some dimensions with what the plan compares it with.
func (t *Tally) Pairs(p *plan.Plan, dims []int) []Pair {
	against := Against(p, dims)
	out := Pairs(t.By(dims), against)
	if t.law == nil {
		return out
	}
	for i := range out {
		pair := &out[i]
		pair.law, pair.known = t.law, t.mature(p, dims, pair.Codes)
		pair.selective = t.selective(p, dims, pair.Codes) || against != nil && t.selective(p, dims, against)
		if pair.known != nil {
			pair.against = t.rest(t.known[t.attribute(dims[0])], pair.Codes[0], against)
		}
	}
	return out
}

// selective reports whether the outcomes of a group are of a selection, and the contract states nothing of the others: of a cross, where they are so of one of the
// groups that it is a cross of. Those of the whole may be known as often at every score while those of no group are.
func (t *Tally) selective(p *plan.Plan, dims, codes []int) bool {
	if t.law == nil || t.law.stated() {
		return false
	}
	for i, d := range dims {
		if c := t.known[t.attribute(d)][codes[i]]; c != nil && truth.Selective(truth.Under(p, c)) {
			return true
		}
	}
	return false
}

// rests is what rates of groups by some dimensions that take outcomes rest on.
func (t *Tally) rests(p *plan.Plan, dims []int, groups []Group) Basis {
	switch {
	case t.law == nil:
		return AsKnown
	case t.law.stated():
		return t.law.basis(t.law.byScore() && len(dims) == 1 && !p.IsJoined(dims[0]))
	}
	for i := range groups {
		if t.selective(p, dims, groups[i].Codes) {
			return Selected
		}
	}
	return AsKnown
}

// rest adds up the curves of what one group of an attribute is compared with.
func (t *Tally) rest(curves map[int]*sketch.Curve, code int, against []int) *sketch.Curve {
	out := sketch.NewCurve(t.bins)
	for k, c := range curves {
		if k == code || k == plan.NoValue || against != nil && k != against[0] {
			continue
		}
		if err := out.Merge(c); err != nil {
			return nil // unreachable: they are of as many bins
		}
	}
	return out
}

// Stand is a pair with the counts that a metric takes of it replaced by what they stand for: as many outcomes at random as what is known is worth, so many of them of
// the kind. Counts of two windows of a pair may be added all the same. Where too little is known they are 0.
func (m *Metric) Stand(p Pair) (Pair, Basis) {
	l := p.law
	switch {
	case l == nil || !m.Outcomes:
		return p, AsKnown
	case !l.stated() && p.selective:
		return p, Selected
	case !l.stated():
		return p, AsKnown
	}
	byScore := l.byScore() && p.known != nil && p.against != nil
	known, against := p.known, p.against
	p.law, p.known, p.against = nil, nil, nil
	of, other := p.Counts, p.Other
	basis := AsKnown
	for _, name := range m.criteria() {
		if !l.needs(name) {
			continue
		}
		basis = l.basis(byScore)
		if basis == Selected {
			continue
		}
		c, _ := stat.FindCriterion(name)
		var a, b stat.Worth
		ok, ok2 := false, false
		if byScore {
			a, ok = l.worth(c, known)
			b, ok2 = l.worth(c, against)
		}
		if !ok || !ok2 {
			a, b = stat.Worth{}, stat.Worth{}
		}
		p.Counts, p.Other = p.put(name, a), p.Other.put(name, b)
	}
	if basis == AsKnown { // recall of the positives that are known
		p.Counts, p.Other = of, other
	}
	return p, basis
}

// put says that a share is so much of so many.
func (c Counts) put(criterion string, w stat.Worth) Counts {
	n := int64(w.N)
	k := int64(math.Round(w.Value * float64(n)))
	switch criterion {
	case recall:
		c.TP, c.FN = k, n-k
	case "false_positive_rate":
		c.FP, c.TN = k, n-k
	case "predictive_parity":
		c.TP, c.FP = k, n-k
	case "false_omission":
		c.FN, c.TN = k, n-k
	}
	return c
}
