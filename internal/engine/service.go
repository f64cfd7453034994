package engine

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// serviceMetric is a metric of the service around a model, that a promise can be made on. Its counts are no labelled ones.
type serviceMetric struct {
	name     string
	words    string
	quantile float64 // of a latency; 0: another metric
	unit     string
}

const (
	freshness     = "freshness"
	volume        = "volume"
	labelCoverage = "label_coverage"
)

var serviceMetrics = []serviceMetric{
	{"scoring_latency_p50", "median latency", 0.50, " s"},
	{"scoring_latency_p95", "95 % latency", 0.95, " s"},
	{"scoring_latency_p99", "99 % latency", 0.99, " s"},
	{freshness, "time without an event", 0, " s"},
	{volume, "events", 0, ""},
	{contract.ReasonCodeCoverage, "share of %s with reason codes", 0, ""},
	{labelCoverage, "share of predictions with an outcome", 0, ""},
}

func findService(name string) (serviceMetric, bool) {
	for _, m := range serviceMetrics {
		if m.name == name {
			return m, true
		}
	}
	return serviceMetric{}, false
}

// onPanes reports whether a promise's metric is judged on predictions alone.
func onPanes(metric string) bool {
	_, ok := findService(strings.TrimSuffix(metric, shareAbove))
	return ok && metric != labelCoverage
}

// shareAbove ends the metric of findings on a latency: what is judged is the share of events that took longer than the limit.
const shareAbove = "_share_above"

// Unjudged says why a promise can't be judged under a plan; "" if it can.
func Unjudged(p *plan.Plan, pr *plan.Promise) string {
	m, service := findService(pr.Metric)
	_, known := Find(taskOf(p), pr.Metric)
	if pr.Expr != "" {
		_, err := kpi(p, pr)
		if err != nil && p.Score != nil {
			return fmt.Sprintf("the promise on %s is not judged: %v", pr.Metric, err)
		}
		service, known = false, err == nil
	}
	limit := contract.Duration(pr.Over)
	switch {
	case !service && !known:
		return fmt.Sprintf("the promise on %s is kept in the plan but not judged by this build", pr.Metric)
	case service && pr.Metric != labelCoverage:
		switch {
		case len(pr.By) > 0 && len(lensesOf(p, pr)) == 0:
			return fmt.Sprintf("the promise on %s by slice needs a score: slices are learnt with it", pr.Metric)
		case m.quantile > 0 && p.Prediction.Roles.Latency < 0:
			return fmt.Sprintf("the promise on %s needs a latency", pr.Metric)
		case m.quantile > 0 && latencyColumn(p) < 0: // plans of formats before 5 don't count it
			return fmt.Sprintf("the promise on %s is not judged: the plan was learnt by a build that didn't count latencies; apply the contract with --relearn", pr.Metric)
		case m.quantile > 0 && len(pr.By) > 0 && beyondReference(p, pr):
			return fmt.Sprintf("the promise on %s by slice is not judged: slices are counted by the reference's bins, and it took at most %.4g s", pr.Metric, longestLatency(p))
		case pr.Metric == contract.ReasonCodeCoverage && p.Reasons == nil:
			return fmt.Sprintf("the promise on %s needs reason codes", pr.Metric)
		case pr.Metric == freshness && pr.MaxIncrease != nil:
			return "the promise on freshness is not judged: an increase has nothing to be held against; promise max"
		}
	case p.Score == nil || p.Outcome == nil:
		return fmt.Sprintf("the promise on %s needs a score and outcomes", pr.Metric)
	case pr.Metric == labelCoverage && !p.Score.Binary():
		return fmt.Sprintf("the promise on %s is not judged: how many predictions wait for an outcome is counted of binary models only", pr.Metric)
	case pr.Metric == labelCoverage && pr.Over%p.TestPane != 0:
		return fmt.Sprintf("the promise on %s over %s is not judged: outcomes are known by test panes, which are %s long", pr.Metric, limit, contract.Duration(p.TestPane))
	case !service && p.Score.Missing == plan.PositivesOnly && p.Score.Arrived == nil && len(p.Score.Views) > 0 && pr.Metric != "recall":
		return fmt.Sprintf("the promise on %s is not judged: only positive outcomes are reported, and the reference holds too few whose predictions are older than keep (%s) to tell how late they come", pr.Metric, contract.Duration(p.Keep))
	case !service && p.Score.Missing != plan.Unstated && p.Score.Own && byDecisions[pr.Metric] && !(pr.Metric == "recall" && p.Score.Missing == plan.PositivesOnly):
		return fmt.Sprintf("the promise on %s is not judged: which outcomes are missing is told by score, and the events decide by themselves", pr.Metric)
	case !service && pr.Over < persist*p.TestPane:
		return fmt.Sprintf("the promise on %s over %s is not judged: a window needs three test panes, which are %s long", pr.Metric, limit, contract.Duration(p.TestPane))
	case pr.MaxIncrease != nil && (pr.Expr != "" || unmeasured(pr.Metric)):
		return fmt.Sprintf("the promise on an increase of %s is not judged: the reference is not measured by it; promise min or max", pr.Metric)
	}
	return ""
}

// byDecisions are the metrics of binary models that hang on decisions.
var byDecisions = map[string]bool{
	expectedCost: true, "accuracy": true, "precision": true, "recall": true, "specificity": true, "f1": true, "mcc": true, "positive_rate": true,
}

// unmeasured are metrics that a plan's reference holds no value of.
func unmeasured(name string) bool {
	for _, m := range promisable {
		if m.Name == name {
			return true
		}
	}
	return false
}

// lens is one way to look at counts: the whole, or one slice.
type lens struct {
	dims, codes []int
	slice       map[string]string
}

func (l *lens) key() string { return finding.SliceKey(l.slice) }

// lensesOf are what a promise is judged by: the whole, or each slice of its dimensions.
func lensesOf(p *plan.Plan, pr *plan.Promise) []lens {
	if len(pr.By) == 0 {
		return []lens{{}}
	}
	if p.Score == nil {
		return nil
	}
	var out []lens
	for i := range p.Score.Views {
		v := &p.Score.Views[i]
		same := len(v.Dims) == len(pr.By)
		for j := range v.Dims {
			same = same && v.Dims[j] == pr.By[j]
		}
		if same {
			out = append(out, lens{v.Dims, v.Codes, v.Slice})
		}
	}
	return out
}

// serviceLimit is a promise's limit in the unit of what is counted, and the side that breaks it: +1 above, -1 below.
func serviceLimit(p *plan.Plan, pr *plan.Promise, m *serviceMetric) (limit, sign float64, ok bool) {
	var ref plan.Measured
	switch {
	case pr.MaxIncrease == nil:
	case m.quantile > 0:
		ref.Value, ok = referenceLatency(p, m.quantile)
		if !ok {
			return math.NaN(), 0, false
		}
		ref.Null.Panes = 1
	case m.name == volume:
		ref.Value = float64(p.ReferenceRows) / float64(p.Reference.To.Sub(p.Reference.From)) * float64(pr.Over)
		ref.Null.Panes = 1
	}
	return promised(pr, ref)
}

// latencyColumn is the column that counts latencies, -1 if there is none.
func latencyColumn(p *plan.Plan) int {
	for i := range p.Columns {
		if p.Prediction.Roles.Latency >= 0 && p.Columns[i].Field == p.Prediction.Roles.Latency {
			return i
		}
	}
	return -1
}

// perSecond is how many units of the latency field make a second. The field's name tells: latency_ms, latency_us, latency_ns or
// latency_millis; without such an ending it holds seconds.
func perSecond(p *plan.Plan) float64 {
	f := &p.Prediction.Fields[p.Prediction.Roles.Latency]
	name := f.Name
	if len(f.Path) > 0 {
		name = f.Path[len(f.Path)-1]
	}
	for _, u := range []struct {
		endings []string
		per     float64
	}{
		{[]string{"_ms", "_millis", "_milliseconds", "Ms", "Millis"}, 1e3},
		{[]string{"_us", "_micros", "_microseconds", "Micros"}, 1e6},
		{[]string{"_ns", "_nanos", "_nanoseconds", "Nanos"}, 1e9},
	} {
		for _, end := range u.endings {
			if strings.HasSuffix(name, end) {
				return u.per
			}
		}
	}
	return 1
}

// longestLatency is the reference's, in seconds; beyond it the bins don't tell one latency from another.
func longestLatency(p *plan.Plan) float64 {
	at := latencyColumn(p)
	if at < 0 || p.Columns[at].Layout.Empty {
		return 0
	}
	return p.Columns[at].Layout.Hi / perSecond(p)
}

func beyondReference(p *plan.Plan, pr *plan.Promise) bool {
	return pr.Max != nil && *pr.Max > longestLatency(p)
}

// referenceLatency is a quantile of the reference's latencies in seconds, rounded up to the edge of a bin.
func referenceLatency(p *plan.Plan, q float64) (float64, bool) {
	at := latencyColumn(p)
	if at < 0 || p.Columns[at].Layout.Empty {
		return 0, false
	}
	c := &p.Columns[at]
	n, so := sum(c.Reference.Bins), int64(0)
	if n == 0 {
		return 0, false
	}
	for i, e := range c.Layout.Edges {
		if so += c.Reference.Bins[i]; float64(so) >= q*float64(n) {
			return e / perSecond(p), true
		}
	}
	return c.Layout.Hi / perSecond(p), true
}

// slower is how many events for sure took longer than a limit, how many for sure didn't, and how many there are. The counts are exact; which
// side the events of the one bin around the limit lie on, they don't tell.
func slower(p *plan.Plan, n *sketch.Column, d *sketch.Histogram, limit float64) (above, within, all int64) {
	at := latencyColumn(p)
	l := &p.Columns[at].Layout
	limit *= perSecond(p)
	all = sum(n.Bins)
	for i, k := range n.Bins {
		if i > 0 && l.Edges[i-1] >= limit {
			above += k
		}
		if i < len(l.Edges) && l.Edges[i] <= limit {
			within += k
		}
	}
	if limit <= l.Hi {
		above = max(above, n.Above)
	} else {
		within = max(within, all-n.Above)
	}
	if d != nil && d.Count() == all { // finer; events of builds that described nothing are not in it
		a, w := d.Beside(limit)
		above, within = max(above, a), max(within, w)
	}
	return above, within, all
}

// longer reports whether the share of slow events is above what a quantile leaves, for sure: the lower 95 % bound of it (Wilson 1927) is. That
// is the order-statistic bound on the quantile itself.
func longer(above, all int64, quantile float64) bool {
	lo, _ := stat.Wilson(above, all, 0.10)
	return all >= fewest && lo > 1-quantile
}

// signed says who agreed to a promise and until when; nothing where the contract says neither.
func signed(pr *plan.Promise) []finding.Figure {
	var words []string
	if len(pr.Agreed) > 0 {
		words = append(words, "agreed by "+strings.Join(pr.Agreed, ", "))
	}
	if !pr.Until.IsZero() {
		words = append(words, "until "+pr.Until.UTC().Format(time.DateOnly))
	}
	if len(words) == 0 {
		return nil
	}
	return []finding.Figure{{Name: strings.Join(words, ", "), Before: finding.None(), Now: finding.None()}}
}

func serviceWords(pr *plan.Promise, m *serviceMetric) string {
	name := m.words
	switch m.name {
	case volume:
		name += " over " + days(pr)
	case contract.ReasonCodeCoverage:
		name = fmt.Sprintf(name, whose(pr.Of))
	}
	switch {
	case pr.Max != nil:
		return fmt.Sprintf("%s at most %g%s", name, *pr.Max, m.unit)
	case pr.Min != nil:
		return fmt.Sprintf("%s at least %g%s", name, *pr.Min, m.unit)
	default:
		return fmt.Sprintf("%s at most %g %% above the reference", name, 100**pr.MaxIncrease)
	}
}

// serviceView is one pane seen through a lens.
func serviceView(p *plan.Plan, pane *window.Pane, l *lens) (*sketch.Set, error) {
	return pane.View(p, l.dims, l.codes)
}
