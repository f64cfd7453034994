package engine

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// Labelled is which of some predictions have their outcome: to look at. Predictions are those that one is waited for, as many as are joined. By score are the
// upper ends of the score's bins and what lies in each.
type Labelled struct {
	Slice       map[string]string `json:"slice,omitempty"` // none: the whole
	Predictions int64             `json:"predictions"`
	Labels      int64             `json:"labels"`
	Share       finding.Number    `json:"share"`
	UpTo        []finding.Number  `json:"scores_up_to"`
	ByScore     []int64           `json:"predictions_by_score"`
	LabelsBy    []int64           `json:"labels_by_score"`
	Bands       []LabelledBand    `json:"bands"` // the same in few stretches of scores
	// Selective: less than nine tenths have one, and not as often at every score, and the contract states nothing of the others.
	Selective bool `json:"selective,omitempty"`
	// Effective is how many outcomes at random the known ones are worth, where each stands for others.
	Effective finding.Number `json:"effective_labels,omitempty"`
	States    string         `json:"states,omitempty"` // what that means for the metrics
}

// LabelledBand is a stretch of scores: above From, up to To.
type LabelledBand struct {
	From        finding.Number `json:"from"`
	To          finding.Number `json:"to"`
	Predictions int64          `json:"predictions"`
	Labels      int64          `json:"labels"`
	Share       finding.Number `json:"share"`
}

// LabelledOf says which predictions of some counts have their outcome; not ok where nobody counted predictions.
func LabelledOf(p *plan.Plan, c truth.Counts) (Labelled, bool) {
	s, ok := truth.Selected(c)
	if !ok {
		return Labelled{}, false
	}
	n, labels := s.Total()
	l := Labelled{Predictions: round(n), Labels: labels, Share: finding.Number(s.Share()), Selective: truth.Selective(c)}
	bands := make([]LabelledBand, p.Score.Bands())
	sums := make([]float64, len(bands))
	for b, k := range s.Labels {
		upTo := 1.
		if b < len(p.Score.Edges) {
			upTo = p.Score.Edges[b]
		}
		of := max(s.N[b], float64(k))
		l.UpTo, l.ByScore, l.LabelsBy = append(l.UpTo, finding.Number(upTo)), append(l.ByScore, round(of)), append(l.LabelsBy, k)
		sums[p.Score.Band(b)] += of
		bands[p.Score.Band(b)].Labels += k
	}
	for i := range bands {
		lo, hi := bandSpan(p.Score, i)
		bands[i].From, bands[i].To, bands[i].Predictions = finding.Number(lo), finding.Number(hi), round(sums[i])
		bands[i].Share = finding.Number(float64(bands[i].Labels) / sums[i])
	}
	l.Bands = bands
	if p.Score.Missing == plan.AtRandomGivenScore {
		l.Effective = finding.Number(truth.Effective(c))
	}
	l.States = statesOf(p, c, l.Selective)
	return l, true
}

func round(x float64) int64 { return int64(math.Round(x)) }

// labelledOf is LabelledOf for the views of a plan, the whole first; those without predictions are left out.
func labelledOf(p *plan.Plan, known []*sketch.Curve) (out []Labelled) {
	for i, c := range known {
		l, ok := LabelledOf(p, truth.Under(p, c))
		if !ok {
			continue
		}
		if i < len(p.Score.Views) {
			l.Slice = p.Score.Views[i].Slice
		}
		out = append(out, l)
	}
	return out
}

// LabelledBy is LabelledOf for the views of a plan.
func LabelledBy(p *plan.Plan, known []*sketch.Curve) []Labelled { return labelledOf(p, known) }

// statesOf says in one sentence what predictions without an outcome mean for metrics; "" where nothing has to be said.
func statesOf(p *plan.Plan, c truth.Counts, selective bool) string {
	switch {
	case selective:
		return ofSelection
	case p.Score.Missing == plan.PositivesOnly && p.Score.Arrived == nil:
		return "only positive outcomes are reported, and the reference doesn't tell how late they come: what hangs on negatives is not identified"
	case p.Score.Missing == plan.PositivesOnly:
		return fmt.Sprintf("only positive outcomes are reported: what has none counts as negative, and as %.3g %% of the positives come in time, each stands for %.3g", 100*p.Score.Arrived.Share(), 1/p.Score.Arrived.Share())
	case p.Score.Missing == plan.AtRandomGivenScore && !(truth.Effective(c) > 0):
		return "outcomes are missing at random given the score, as the contract states, and at some scores there is none: too few to say"
	case p.Score.Missing == plan.AtRandomGivenScore:
		return "metrics are re-weighted to all predictions, score by score: outcomes are missing at random given the score, as the contract states"
	}
	return ""
}

// ofSelection says what the outcomes of a selection can't tell.
const ofSelection = "outcomes are of a selection: what the metrics of all predictions are is not identified"

// selectiveNow reports whether the outcomes of the truth pane that is judged are of a selection, as a whole.
func (e *Engine) selectiveNow() bool {
	t := e.snapshot.Truth
	return t != nil && len(t.Labelled) > 0 && t.Labelled[0].Selective
}

// standsFor says with a finding what its metric rests on, where that isn't the outcomes of all predictions.
func (e *Engine) standsFor(c truth.Counts) []finding.Figure {
	if !e.plan.Score.Binary() {
		return nil
	}
	words := statesOf(e.plan, c, truth.Selective(c))
	if words == "" {
		return nil
	}
	out := []finding.Figure{{Name: words, Before: finding.None(), Now: finding.None()}}
	if s, ok := truth.Selected(c); ok && e.plan.Score.Missing != plan.PositivesOnly {
		out = append(out, finding.Figure{Name: "predictions with an outcome", Before: finding.None(), Now: finding.Number(100 * s.Share()), Unit: "%"})
	}
	if e.plan.Score.Missing == plan.AtRandomGivenScore {
		out = append(out, finding.Figure{Name: "outcomes at random that these are worth", Before: finding.None(), Now: finding.Number(math.Round(truth.Effective(c)))})
	}
	return out
}

// identified is how loudly something may be said that rests on some outcomes: nobody is paged for what others might refute.
func (e *Engine) identified(c truth.Counts, s finding.Severity) finding.Severity {
	if s == finding.Page && truth.Selective(c) {
		return finding.Ticket
	}
	return s
}

// bounds are the metrics that unknown outcomes leave within bounds.
var bounds = map[string]func(stat.Unknown, *plan.Costs) (stat.Interval, bool){
	"accuracy":    func(u stat.Unknown, _ *plan.Costs) (stat.Interval, bool) { return u.Accuracy() },
	"precision":   func(u stat.Unknown, _ *plan.Costs) (stat.Interval, bool) { return u.Precision() },
	"recall":      func(u stat.Unknown, _ *plan.Costs) (stat.Interval, bool) { return u.Recall() },
	"specificity": func(u stat.Unknown, _ *plan.Costs) (stat.Interval, bool) { return u.Specificity() },
	"f1":          func(u stat.Unknown, _ *plan.Costs) (stat.Interval, bool) { return u.F1() },
	"label_rate":  func(u stat.Unknown, _ *plan.Costs) (stat.Interval, bool) { return u.LabelRate() },
	expectedCost: func(u stat.Unknown, c *plan.Costs) (stat.Interval, bool) {
		if c == nil {
			return stat.Interval{}, false
		}
		return u.ExpectedCost(prices(c))
	},
}

// bounded is what a metric comes to at one end of what unknown outcomes leave it.
func (m *Metric) bounded(costs *plan.Costs, high bool) *Metric {
	return &Metric{Name: m.Name, value: func(c truth.Counts) (stat.Estimate, bool) {
		of, ok := bounds[m.Name]
		u, known := truth.Unknown(c)
		if !ok || !known {
			return stat.Estimate{}, false
		}
		iv, ok := of(u, costs)
		if high {
			return stat.Estimate{Value: iv.High, SE: math.NaN()}, ok
		}
		return stat.Estimate{Value: iv.Low, SE: math.NaN()}, ok
	}}
}

// judgeSelective judges a promise whose outcomes are of a selection, by the worst case (Manski 1990): it is broken where it is so whatever the others are, for sure
// of chance too, and kept where it is kept whatever they are. Between the two it isn't identified, and open says so in a sentence.
func (e *Engine) judgeSelective(pr *plan.Promise, m *Metric, whole truth.Counts, without []truth.Counts, limit, sign float64) (broken, kept bool, open []finding.Figure) {
	costs := e.plan.Policy.Costs
	s, _ := truth.Selected(whole)
	rests := fmt.Sprintf("%s is not identified: %.3g %% of the predictions have an outcome, and not as often at every score", m.Words, 100*s.Share())
	low, high := m.bounded(costs, false), m.bounded(costs, true)
	lo, ok := low.Value(whole, costs)
	hi, ok2 := high.Value(whole, costs)
	if _, named := bounds[m.Name]; pr.Expr != "" || !named || !ok || !ok2 {
		return false, false, []finding.Figure{{Name: rests, Before: finding.None(), Now: finding.None()}}
	}
	best, worst, of := lo, hi, low
	if sign < 0 {
		best, worst, of = hi, lo, high
	}
	se, _, banded := jackknife(without, of, costs)
	broken = banded && sign*(best-limit) > stat.StudentQuantile(0.95, float64(len(without)-1))*se
	kept = sign*(worst-limit) <= 0
	if broken || kept {
		return broken, kept, nil
	}
	return false, false, []finding.Figure{{
		Name: fmt.Sprintf("%s; whatever the others are, it lies between %.3g and %.3g, and the limit is %.3g", rests, lo, hi, limit), Before: finding.None(), Now: finding.None(),
	}}
}

// selectedBy is how many predictions of a curve wait for an outcome and how many have one, by stretch of scores.
func selectedBy(p *plan.Plan, c *sketch.Curve) (out [plan.ScoreBands][2]int64) {
	for b, n := range c.N {
		at := &out[p.Score.Band(b)]
		at[0] += n
		at[1] += c.Labels[b]
	}
	return out
}

// selective reports whether the outcomes of some cohorts are of a selection, as far as stretches of scores tell.
func selective(p *plan.Plan, parts []burnPart) bool {
	s := stat.Selection{N: make([]float64, plan.ScoreBands), Labels: make([]int64, plan.ScoreBands)}
	for i := range parts {
		for b, of := range parts[i].Selected {
			s.N[b] += p.Sampled() * float64(of[0])
			s.Labels[b] += of[1]
		}
	}
	return s.Uneven()
}

// turnedUnder is how decisions turned out, those without an outcome included where the contract states which they are; of them nothing where too little is known.
func turnedUnder(p *plan.Plan, c *sketch.Curve) turned {
	if p.Score.Missing == plan.Unstated {
		return turnedOf(c)
	}
	known := truth.Under(p, c)
	s, ok := truth.Stand(known)
	all := float64(s.TP + s.FP + s.FN + s.TN)
	if !ok || !(all > 0) {
		return turned{}
	}
	scale := truth.Decisions(p, known) * p.Sampled() / all
	return turned{round(scale * float64(s.TP)), round(scale * float64(s.FP)), round(scale * float64(s.FN)), round(scale * float64(s.TN))}
}
