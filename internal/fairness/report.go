package fairness

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// level is the probability that an interval that is shown misses.
const level = 0.05

// Report is how the groups of a stretch of event time compare.
type Report struct {
	Window *finding.Window `json:"window,omitempty"`
	Views  []View          `json:"views"`
	Notes  []string        `json:"notes,omitempty"`
}

// View is one way to part events into groups.
type View struct {
	By      []string          `json:"by"`
	Against map[string]string `json:"against"` // null: each group is compared with all others together
	Groups  []Shown           `json:"groups"`
	Few     int               `json:"too_small,omitempty"` // crosses with too few decisions to show
	Rests   string            `json:"rests_on,omitempty"`  // what rates that take outcomes are of, where those aren't the outcomes of all
	Proxies []Tells           `json:"proxies,omitempty"`
}

// Tells is an input that tells of an attribute.
type Tells struct {
	Input string         `json:"input"`
	Bits  finding.Number `json:"mutual_information_bits"`
	Share finding.Number `json:"share_of_entropy"`
}

// Shown is one group.
type Shown struct {
	Group    map[string]string `json:"group"`
	Decided  int64             `json:"decided"`
	Selected int64             `json:"selected"`
	Labels   int64             `json:"outcomes"`
	Rates    Rates             `json:"rates"`
	Shrunk   *finding.Number   `json:"selection_rate_shrunk,omitempty"` // of a cross, leaning on what it is a cross of
	Score    *Scores           `json:"score,omitempty"`                 // of groups of one attribute
	Gaps     []ShownGap        `json:"gaps,omitempty"`                  // none of the group that others are compared with
}

// Rates are a group's own; null where nobody could have been counted.
type Rates struct {
	Selection     finding.Number `json:"selection_rate"`
	TruePositive  finding.Number `json:"true_positive_rate"`
	FalsePositive finding.Number `json:"false_positive_rate"`
	Precision     finding.Number `json:"precision"`
	Omission      finding.Number `json:"false_omission_rate"`
}

// Scores says how a group is scored, and whether its scores mean what they say.
type Scores struct {
	Mean     finding.Number    `json:"mean"`
	Distance finding.Number    `json:"ks_distance"` // from the scores of the other group
	Bias     finding.Number    `json:"calibration_bias"`
	Band     [2]finding.Number `json:"calibration_bias_band"` // 95 %
	ECE      finding.Number    `json:"ece"`
	Apart    finding.Number    `json:"wasserstein_distance"` // the mean difference of scores between people of the same rank
	Gap      finding.Number    `json:"calibration_gap"`      // the group's bias less the other's; 0 where scores mean the same in both
	GapBand  [2]finding.Number `json:"calibration_gap_band"` // 95 %
}

// ShownGap is one metric of a group.
type ShownGap struct {
	Metric    string         `json:"metric"`
	Value     finding.Number `json:"value"`
	Low       finding.Number `json:"low"`
	High      finding.Number `json:"high"`
	Signed    finding.Number `json:"signed"`
	Reference finding.Number `json:"reference"` // the value in the reference
	Limit     finding.Number `json:"limit"`
	Promised  bool           `json:"promised"`
	State     State          `json:"state"`
}

// Describe compares the groups that a tally holds, beside those of the reference; where it is the reference itself, beside nothing.
func Describe(p *plan.Plan, now, reference *Tally) *Report {
	if now == reference {
		reference = NewTally(p)
	}
	out := &Report{Views: []View{}}
	for i, dims := range Views(p) {
		v := describe(p, now, reference, dims)
		if i < len(p.Fairness.Attributes) {
			for _, x := range p.Fairness.Attributes[i].Proxies {
				v.Proxies = append(v.Proxies, Tells{p.Columns[x.Column].Name, finding.Number(x.Bits), finding.Number(x.Share)})
			}
			out.Notes = append(out.Notes, Reversed(p, now, dims[0])...)
		}
		out.Views = append(out.Views, v)
	}
	return out
}

func describe(p *plan.Plan, now, reference *Tally, dims []int) View {
	v := View{Groups: []Shown{}}
	for _, d := range dims {
		v.By = append(v.By, p.Slices[d].Name)
	}
	against := Against(p, dims)
	if against != nil {
		g := Group{Codes: against}
		v.Against = g.Labels(p, dims)
	}
	groups := now.By(dims)
	pairs, before := now.Pairs(p, dims), reference.Pairs(p, dims)
	v.Rests = now.rests(p, dims, groups).Words()
	var leaning []float64
	if len(dims) > 1 {
		leaning = now.lean(groups, dims)
	}
	for i := range groups {
		g := &groups[i]
		if len(dims) > 1 && g.Decided < Fewest {
			v.Few++
			continue
		}
		s := Shown{Group: g.Labels(p, dims), Decided: g.Decided, Selected: g.Selected, Labels: g.Counts.Labels(), Rates: now.rates(p, dims, g)}
		if leaning != nil {
			n := finding.Number(leaning[i])
			s.Shrunk = &n
		}
		at := slices.IndexFunc(pairs, func(x Pair) bool { return slices.Equal(x.Codes, g.Codes) })
		if len(dims) == 1 {
			s.Score = now.scores(p, dims[0], g.Codes[0], against)
		}
		if at >= 0 {
			s.Gaps = gaps(p, dims, &pairs[at], before)
		}
		v.Groups = append(v.Groups, s)
	}
	return v
}

func gaps(p *plan.Plan, dims []int, pair *Pair, before []Pair) []ShownGap {
	var out []ShownGap
	for i := range Metrics {
		m := &Metrics[i]
		if m.Outcomes && p.Outcome == nil {
			continue
		}
		stood, _ := m.Stand(*pair)
		g, s := m.Compare(&stood, level)
		limit, promised := Limit(p, m, dims)
		x := ShownGap{
			Metric: m.Name, Value: finding.Number(g.Value), Low: finding.Number(g.Low), High: finding.Number(g.High), Signed: finding.Number(g.Signed),
			Reference: finding.None(), Limit: finding.Number(limit), Promised: promised, State: m.Judge(g, s, limit),
		}
		for j := range before {
			if slices.Equal(before[j].Codes, pair.Codes) {
				stood, _ := m.Stand(before[j])
				was, _ := m.Compare(&stood, level)
				x.Reference = finding.Number(was.Value)
			}
		}
		out = append(out, x)
	}
	return out
}

// Limit is what the policy promises of a metric of groups by dims, or what they are shown against without.
func Limit(p *plan.Plan, m *Metric, dims []int) (limit float64, promised bool) {
	for i := range p.Policy.Promises {
		pr := &p.Policy.Promises[i]
		if pr.Metric != m.Name || !(slices.Equal(pr.By, dims) || len(pr.By) == 0 && len(dims) == 1) {
			continue
		}
		switch {
		case pr.Min != nil:
			return *pr.Min, true
		case pr.Max != nil:
			return *pr.Max, true
		}
	}
	return m.Limit, false
}

func (t *Tally) rates(p *plan.Plan, dims []int, g *Group) Rates {
	known := t.mature(p, dims, g.Codes)
	share := func(name string) finding.Number {
		by, _ := stat.FindCriterion(name)
		if l := t.law; l.stated() && name != selection && l.needs(name) {
			switch l.basis(l.byScore() && known != nil) {
			case Unidentified:
				return finding.None()
			case Selected, AsKnown:
			case Reweighted, Completed:
				w, ok := l.worth(by, known)
				if !ok {
					return finding.None()
				}
				return finding.Number(w.Value)
			}
		}
		k, n := by.Share(g.group())
		if n <= 0 || k < 0 || k > n {
			return finding.None()
		}
		return finding.Number(float64(k) / float64(n))
	}
	return Rates{share(selection), share(recall), share("false_positive_rate"), share("predictive_parity"), share("false_omission")}
}

// lean is the selection rate of each cross as it is shown, leaning on the crosses of one attribute less: additively on the logit scale, as if
// attributes acted by themselves.
func (t *Tally) lean(groups []Group, dims []int) []float64 {
	singles := make([]map[int]Counts, len(dims))
	var all Counts
	for i, d := range dims {
		singles[i] = map[int]Counts{}
		for _, g := range t.By([]int{d}) {
			singles[i][g.Codes[0]] = g.Counts
		}
	}
	for _, g := range groups {
		all = all.Plus(g.Counts)
	}
	smooth := func(c Counts) float64 {
		return stat.Logit((float64(c.Selected) + 0.5) / (float64(c.Decided) + 1))
	}
	list := make([]crossed, len(groups))
	for i, g := range groups {
		u := smooth(all)
		for j := range dims {
			u += smooth(singles[j][g.Codes[j]]) - smooth(all)
		}
		list[i] = crossed{k: float64(g.Selected), n: float64(g.Decided), prior: stat.Expit(u)}
	}
	return shrink(list)
}

// scores says how a group of one attribute is scored.
func (t *Tally) scores(p *plan.Plan, dim, code int, against []int) *Scores {
	at := t.attribute(dim)
	c := t.curves[at][code]
	if c == nil {
		return nil
	}
	none := finding.None()
	s := &Scores{Mean: none, Distance: none, Apart: none, Bias: none, Band: [2]finding.Number{none, none}, ECE: none, Gap: none, GapBand: [2]finding.Number{none, none}}
	r := truth.Reliability(c)
	if m, ok := r.MeanScore(); ok {
		s.Mean = finding.Number(m.Value)
	}
	other := t.rest(t.curves[at], code, against)
	if other == nil {
		return nil
	}
	to := truth.Reliability(other)
	if d, ok := stat.ScoreKS(r, to, level); ok {
		s.Distance = finding.Number(d.Value)
	}
	if d, ok := stat.ScoreW1(r, to, level); ok {
		s.Apart = finding.Number(d.Value)
	}
	if known := t.mature(p, []int{dim}, []int{code}); known != nil {
		c, other = known, t.rest(t.known[at], code, against)
	}
	st, ok := standing(p, c)
	if !ok {
		return s
	}
	if b, ok := st.Bias(); ok && st.Effective >= Fewest {
		half := -stat.NormalQuantile(level/2) * b.SE * math.Sqrt(float64(b.N)/st.Effective)
		s.Bias, s.Band = finding.Number(b.Value), [2]finding.Number{finding.Number(b.Value - half), finding.Number(b.Value + half)}
		if e, ok := st.ECEWidth(eceBins); ok {
			s.ECE = finding.Number(e.Value)
		}
		if others, ok := standing(p, other); ok {
			if g, ok := stat.CalibrationGapOf(st, others, level); ok && !g.Few {
				s.Gap, s.GapBand = finding.Number(g.Value), [2]finding.Number{finding.Number(g.Low), finding.Number(g.High)}
			}
		}
	}
	return s
}

// standing is what a curve's outcomes stand for; where the curve holds no predictions that wait for one, for themselves.
func standing(p *plan.Plan, c *sketch.Curve) (stat.Standing, bool) {
	if c == nil {
		return stat.Standing{}, false
	}
	return truth.Stand(truth.Under(p, c))
}

// eceBins are those of the engine's metric of that name.
const eceBins = 10

// short are the metrics' names in a table.
var short = map[string]string{
	"demographic_parity_ratio": "selected, ratio", "demographic_parity_difference": "selected", "equal_opportunity_difference": "equal opportunity",
	"equalized_odds_difference": "equalized odds", "predictive_parity_difference": "predictive parity", "false_omission_difference": "false omission",
}

// states are said so to people.
var states = map[State]string{
	Violated: "beyond", Kept: "within", Undecided: "insufficient: more events would tell", TooFew: "too few to say", Undefined: "undefined",
}

// Write renders a report for people: what is far apart, or promised, in full, and of the rest how much there is of it.
func Write(w io.Writer, r *Report) {
	for i := range r.Views {
		v := &r.Views[i]
		against := "all others together"
		if v.Against != nil {
			against = finding.SliceKey(v.Against)
		}
		fmt.Fprintf(w, "  by %s, against %s\n", strings.Join(v.By, " x "), against)
		for j := range v.Groups {
			v.Groups[j].write(w)
		}
		if v.Rests != "" {
			fmt.Fprintf(w, "    %s\n", v.Rests)
		}
		if v.Few > 0 {
			fmt.Fprintf(w, "    too few to say of %d more crosses: fewer than %d decisions each\n", v.Few, Fewest)
		}
		if len(v.Proxies) > 0 {
			var all []string
			for _, x := range v.Proxies {
				all = append(all, fmt.Sprintf("%s (%.3f bits, %.0f%% of it)", x.Input, float64(x.Bits), 100*float64(x.Share)))
			}
			fmt.Fprintf(w, "    inputs that tell of %s: %s\n", v.By[0], strings.Join(all, ", "))
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "  note: %s\n", n)
	}
}

func (s *Shown) write(w io.Writer) {
	fmt.Fprintf(w, "    %s: %d decisions", finding.SliceKey(s.Group), s.Decided)
	if s.Rates.Selection.Valid() {
		fmt.Fprintf(w, ", %.1f%% selected", 100*float64(s.Rates.Selection))
	}
	if s.Shrunk != nil && s.Shrunk.Valid() {
		fmt.Fprintf(w, " (%.1f%% leaning on its parts)", 100*float64(*s.Shrunk))
	}
	if s.Labels > 0 {
		fmt.Fprintf(w, ", %d outcomes", s.Labels)
	}
	if s.Score != nil && s.Score.Bias.Valid() {
		fmt.Fprintf(w, ", outcomes above the score by %.4f (%.4f to %.4f)", float64(s.Score.Bias), float64(s.Score.Band[0]), float64(s.Score.Band[1]))
	}
	if s.Score != nil && len(s.Gaps) > 0 && s.Score.Distance.Valid() {
		fmt.Fprintf(w, ", scores %.2f apart (KS)", float64(s.Score.Distance))
	}
	fmt.Fprintln(w)
	var few []string
	for _, g := range s.Gaps {
		if g.State == TooFew || g.State == Undefined {
			few = append(few, short[g.Metric])
			continue
		}
		was := ""
		if g.Reference.Valid() {
			was = fmt.Sprintf(", reference %.3f", float64(g.Reference))
		}
		promised := ""
		if g.Promised {
			promised = " promised"
		}
		fmt.Fprintf(w, "      %-18s %.3f (%.3f to %.3f%s): %s%s %g\n", short[g.Metric], float64(g.Value), float64(g.Low), float64(g.High), was, states[g.State], promised, float64(g.Limit))
	}
	if len(few) > 0 {
		fmt.Fprintf(w, "      too few to say: %s\n", strings.Join(few, ", "))
	}
}
