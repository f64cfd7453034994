package engine

import (
	"math"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// Snapshot is what the latest panes looked like: to look at, in the API and the console. The quantiles and cardinalities in
// it come from sketches and feed no test.
type Snapshot struct {
	Model   string           `json:"model"`
	Pane    *finding.Window  `json:"pane,omitempty"`
	Rows    int64            `json:"rows"`
	Columns []ColumnSnapshot `json:"columns,omitempty"`
	Truth   *TruthSnapshot   `json:"truth,omitempty"`
	Windows []WindowSnapshot `json:"windows,omitempty"` // by whoever keeps Windows; no engine does
	// Estimates are what the pane's outcomes are expected to come to, the whole first; none where the plan hasn't learnt what scores mean.
	Estimates []Estimate `json:"estimates,omitempty"`
	// Scored is how such estimates held, by metric, and ScoredSlices how those of slices did.
	Scored       map[string]Scored `json:"estimates_scored,omitempty"`
	ScoredSlices []ScoredSlice     `json:"estimates_scored_slices,omitempty"`
}

// ColumnSnapshot is one column of a Snapshot.
type ColumnSnapshot struct {
	Name     string                    `json:"name"`
	Rows     int64                     `json:"rows"`
	Missing  finding.Number            `json:"missing_share"`
	Mean     finding.Number            `json:"mean"`
	PSI      finding.Number            `json:"psi"`
	Limit    finding.Number            `json:"psi_limit"` // beyond it the pane deviates
	KS       finding.Number            `json:"ks"`
	Chi2     finding.Number            `json:"chi2_per_df"`         // Pearson's two-sample statistic per degree of freedom
	Verdict  finding.Verdict           `json:"verdict"`             // of this pane alone: drift, equivalent, undecided, learning
	Needed   int64                     `json:"needed"`              // events a decision would take; 0 if decided, -1 if none would do
	N        finding.Sizes             `json:"n"`                   // events compared
	Quantile map[string]finding.Number `json:"quantiles,omitempty"` // t-digest of the pane's histogram
	Distinct int64                     `json:"distinct,omitempty"`  // of texts: HyperLogLog
}

// TruthSnapshot is the latest truth pane of a Snapshot.
type TruthSnapshot struct {
	Pane    finding.Window            `json:"pane"`
	Labels  int64                     `json:"labels"`
	Metrics map[string]finding.Number `json:"metrics"`

	// Labelled is which predictions have their outcome, the whole first; of windows also by slice. Of binary models.
	Labelled []Labelled `json:"labelled,omitempty"`

	Estimated map[string]Estimated `json:"estimated,omitempty"` // what its scores let one expect, before the outcomes
	Suspended bool                 `json:"estimate_suspended,omitempty"`
	Money     []Money              `json:"money,omitempty"` // of windows, where decisions are priced: the whole, then the slices
}

// Snapshot is the state of the latest panes.
func (e *Engine) Snapshot() Snapshot {
	s := e.snapshot
	s.Model = e.plan.Model
	suspended := e.Suspension()
	s.Estimates = suspended.suspended(s.Estimates)
	s.Scored, s.ScoredSlices = e.howEstimatesHeld()
	return s
}

// Ended is the end of the latest test pane judged, zero before the first.
func (s *Snapshot) Ended() time.Time {
	if s.Pane == nil {
		return time.Time{}
	}
	return s.Pane.End
}

func (s *Snapshot) pane(p *plan.Plan, w *window.Pane, set *sketch.Set, alpha float64) error {
	described, err := w.Summary(p)
	if err != nil {
		return err
	}
	s.Pane = &finding.Window{Start: plan.FromMicros(w.Start), End: plan.FromMicros(w.End)}
	s.Rows = set.Rows
	s.Columns = make([]ColumnSnapshot, len(set.Columns))
	for i := range set.Columns {
		c, n := &p.Columns[i], &set.Columns[i]
		out := ColumnSnapshot{
			Name: c.Name, Rows: n.N, Missing: share(n.Missing, n.N), Mean: finding.None(),
			PSI: finding.None(), Limit: finding.None(), KS: finding.None(), Chi2: finding.None(), Verdict: finding.Learning,
		}
		if !c.Layout.Categorical {
			out.Mean = mean(n)
		}
		if spread(c) && sum(n.Bins) > 0 {
			v := compare(c, n, c.Reference.Null, c.Ignore.Shift, alpha)
			out.PSI, out.Limit = finding.Number(v.counts.PSI), finding.Number(v.limit)
			if !c.Layout.Categorical {
				ks, _ := stat.KS(n.Bins, c.Reference.Bins)
				out.KS = finding.Number(ks)
			}
			out.Chi2 = finding.Number(v.counts.X2 / float64(max(1, v.counts.DF)))
			out.Verdict, out.Needed = v.verdict, v.counts.Needed
			out.N = finding.Sizes{Reference: sum(c.Reference.Bins), Current: sum(n.Bins)}
		}
		out.describe(&described.Columns[i], n)
		s.Columns[i] = out
	}
	return nil
}

// describe fills in what comes from sketches. Whole numbers stay whole: a histogram knows them to 1/64 only.
func (s *ColumnSnapshot) describe(d *sketch.Described, n *sketch.Column) {
	s.Distinct = d.Distinct.Estimate()
	if d.Histogram == nil || d.Histogram.Count() == 0 {
		return
	}
	digest := d.Histogram.Digest()
	s.Quantile = map[string]finding.Number{}
	for name, q := range map[string]float64{"p01": .01, "p50": .5, "p99": .99} {
		v := digest.Quantile(q)
		if n.Integral == n.Valid() {
			v = math.RoundToEven(v)
		}
		s.Quantile[name] = finding.Number(v)
	}
}

func (s *Snapshot) truth(p *plan.Plan, start, end int64, c truth.Counts) {
	t := &TruthSnapshot{
		Pane:   finding.Window{Start: plan.FromMicros(start), End: plan.FromMicros(end)},
		Labels: c.Labels(), Metrics: map[string]finding.Number{},
	}
	for _, m := range All(p.Score.Task) {
		if v, ok := m.Value(c, p.Policy.Costs); ok {
			t.Metrics[m.Name] = finding.Number(v)
		}
	}
	if l, ok := LabelledOf(p, c); ok {
		t.Labelled = []Labelled{l}
	}
	s.Truth = t
}
