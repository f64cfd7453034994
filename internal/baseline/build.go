package baseline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// maxRows bounds the reference: it is held in memory while edges are cut.
const maxRows = 20_000_000

// Source gives the rows of a model's streams, derived columns computed and filters applied. Batches handed to visit belong
// to the visitor.
type Source interface {
	Predictions(visit func(*plan.Batch) error) error
	Outcomes(visit func(*plan.Batch) error) error
}

// Build completes a draft plan from its reference data and seals it. The plan is in force for judging from the end of the
// reference on; what came before is counted and not judged.
func Build(p *plan.Plan, src Source) (*plan.Plan, error) {
	rows, err := gather(p, src)
	if err != nil {
		return nil, err
	}
	p.ReferenceRows = int64(rows.N)
	p.From = p.Reference.To // the first plan of a model counts what came before, too
	p.TestPane = testPane(p, rows)
	p.TruthPane = p.TestPane
	for i := range p.Columns {
		c := &p.Columns[i]
		layout(&c.Layout, &rows.Cols[c.Field])
	}
	for i := range p.Slices {
		p.Slices[i].Values = dictionary(&rows.Cols[p.Slices[i].Field])
	}
	if p.Score != nil {
		p.Score.Edges = scoreEdges(&rows.Cols[p.Prediction.Roles.Score], p.Score.Threshold)
	}
	panes, cells, err := count(p, rows)
	if err != nil {
		return nil, err
	}
	sets := make([]*sketch.Set, len(panes))
	for i := range panes {
		sets[i] = panes[i].Set
	}
	scatter(p, rows, sets)
	if p.Score != nil && p.Outcome != nil {
		if err := learnTruth(p, rows, src); err != nil {
			return nil, err
		}
	}
	tooLarge, err := learnDrift(p, panes, mostPlan)
	if err != nil {
		return nil, err
	}
	p.Unjudged = slices.Concat(p.Unjudged, judge(p, rows, sets, cells), tooLarge)
	p.Unjudged = append(p.Unjudged, unjudged(p)...)
	if err := seal(p); err != nil {
		return nil, err
	}
	return p, nil
}

// mostPlan is how large a plan may be with what it has learnt of drift, in bytes: every service holds all plans.
const mostPlan = 16_000_000

// learnDrift learns what the sequential engine goes by, or says why not. What grows with the slices is given up first; without any of it, inputs
// are judged pane by pane.
func learnDrift(p *plan.Plan, panes []drift.Pane, most int) (note []string, err error) {
	size := func(panes []drift.Pane) (int, error) {
		if p.Drift, err = drift.Learn(p, panes); err != nil {
			return 0, err
		}
		whole, err := p.JSON()
		return len(whole), err
	}
	all, err := size(panes)
	if err != nil || all <= most {
		return nil, err
	}
	whole := slices.Clone(panes)
	for i := range whole {
		whole[i].Cells = nil
	}
	without, err := size(whole)
	if err != nil {
		return nil, err
	}
	if without <= most {
		return []string{fmt.Sprintf("slices are not followed, only the whole: with what was learnt of them the plan would take %d KB, and may take %d", all/1000, most/1000)}, nil
	}
	p.Drift = nil
	return []string{fmt.Sprintf(
		"inputs are judged pane by pane, and changes that build up slowly are not found: with what was learnt of %d columns the plan would take %d KB, and may take %d",
		len(p.Columns), without/1000, most/1000)}, nil
}

// gather collects the reference's rows.
func gather(p *plan.Plan, src Source) (*plan.Batch, error) {
	if p.Reference.From.IsZero() || !p.Reference.From.Before(p.Reference.To) {
		return nil, fmt.Errorf("build baseline of %s: this build learns from a reference given as {from, to}", p.Model)
	}
	from, to := plan.Micros(p.Reference.From), plan.Micros(p.Reference.To)
	rows := plan.NewBatch(&p.Prediction, 0)
	var first, last int64
	seen := 0
	err := src.Predictions(func(b *plan.Batch) error {
		times := &b.Cols[p.Prediction.Roles.Time]
		for i := range b.N {
			t := times.Int[i]
			if seen == 0 || t < first {
				first = t
			}
			if seen == 0 || t > last {
				last = t
			}
			seen++
			if t < from || t >= to || p.Policy.Odd(t) {
				continue
			}
			if rows.N == maxRows {
				return fmt.Errorf("the reference holds more than %d events; choose a shorter one", maxRows)
			}
			rows.Append(b, i)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("build baseline of %s: %w", p.Model, err)
	}
	if rows.N == 0 {
		span := "there are none at all"
		if seen > 0 {
			span = fmt.Sprintf("the %d events read lie between %s and %s", seen, plan.FromMicros(first).Format(time.RFC3339), plan.FromMicros(last).Format(time.RFC3339))
		}
		return nil, fmt.Errorf("build baseline of %s: no event between %s and %s; %s",
			p.Model, p.Reference.From.Format(time.RFC3339), p.Reference.To.Format(time.RFC3339), span)
	}
	return rows, nil
}

// enough is how many events a test pane should hold; quieter models get longer panes, up to a day.
const enough = 200

// longer are the lengths tried where the base pane holds too few events.
var longer = []time.Duration{
	time.Hour, 2 * time.Hour, 3 * time.Hour, 4 * time.Hour, 6 * time.Hour, 8 * time.Hour, 12 * time.Hour,
}

// testPane is the shortest pane, out of those that divide a day, whose median holds enough events.
func testPane(p *plan.Plan, rows *plan.Batch) time.Duration {
	day := 24 * time.Hour
	times := rows.Cols[p.Prediction.Roles.Time].Int[:rows.N]
	for _, d := range append([]time.Duration{p.Pane}, longer...) {
		if d < p.Pane || d%p.Pane != 0 {
			continue
		}
		n := map[int64]int{}
		for _, t := range times {
			n[t/d.Microseconds()]++
		}
		counts := make([]int, 0, len(n))
		for _, c := range n {
			counts = append(counts, c)
		}
		slices.Sort(counts)
		if counts[len(counts)/2] >= enough {
			return d
		}
	}
	return max(day, p.Pane)
}

// count counts the reference's rows into test panes, in order.
func count(p *plan.Plan, rows *plan.Batch) (panes []drift.Pane, cells map[string]int64, err error) {
	d, err := plan.NewDeriver(&p.Prediction, p.Rules)
	if err != nil {
		return nil, nil, err
	}
	c := sketch.NewCounter(p)
	c.Count(0, rows, d.Broken(rows))
	cells = map[string]int64{}
	for i, cell := range c.Cells() {
		start := p.TestStart(cell.Key.Pane)
		if i == 0 || start != panes[len(panes)-1].Start {
			panes = append(panes, drift.Pane{Start: start, End: start + p.TestPane.Microseconds(), Set: sketch.NewSet(p), Cells: map[string]*sketch.Set{}})
		}
		pane := &panes[len(panes)-1]
		if err := pane.Set.Merge(cell.Set); err != nil {
			return nil, nil, fmt.Errorf("count reference of %s: %w", p.Model, err)
		}
		cells[cell.Key.Slice] += cell.Set.Rows
		if len(p.Groups) == 0 {
			continue
		}
		if had := pane.Cells[cell.Key.Slice]; had == nil { // of versions and base panes
			pane.Cells[cell.Key.Slice] = cell.Set
		} else if err := had.Merge(cell.Set); err != nil {
			return nil, nil, fmt.Errorf("count reference of %s: %w", p.Model, err)
		}
	}
	return panes, cells, nil
}

// Govern puts a plan under the policy of another contract's draft, with the notes that follow from it. What was learnt stays.
func Govern(p, draft *plan.Plan) (*plan.Plan, error) {
	q, err := p.Policed(draft)
	if err != nil {
		return nil, err
	}
	was := unjudged(p)
	q.Unjudged = slices.DeleteFunc(slices.Clone(p.Unjudged), func(note string) bool { return slices.Contains(was, note) })
	q.Unjudged = append(q.Unjudged, unjudged(q)...)
	return q, nil
}

// unjudged lists what the contract asks for and this build does not judge, in words for people.
func unjudged(p *plan.Plan) []string {
	var out []string
	for _, pr := range p.Policy.Promises {
		switch {
		case !known(pr.Metric):
			out = append(out, fmt.Sprintf("the promise on %s is kept in the plan but not judged by this build", pr.Metric))
		case p.Score == nil || p.Outcome == nil:
			out = append(out, fmt.Sprintf("the promise on %s needs a binary score and outcomes", pr.Metric))
		case pr.Over < 3*p.TestPane:
			out = append(out, fmt.Sprintf("the promise on %s over %s is not judged: a window needs three test panes, which are %s long", pr.Metric, contract.Duration(pr.Over), contract.Duration(p.TestPane)))
		}
	}
	for i := range p.Columns {
		if c := &p.Columns[i]; c.Layout.Open {
			out = append(out, fmt.Sprintf("new categories of %s are not judged: it is an identifier, free text, or has more than %d rare values", c.Name, knownMost))
		}
	}
	return out
}

func seal(p *plan.Plan) error {
	name, err := Digest(p)
	if err != nil {
		return err
	}
	p.Baseline = name
	return p.Seal()
}

// Digest names what a plan learnt, by its content: it is plan.Baseline.
func Digest(p *plan.Plan) (string, error) {
	b, err := json.Marshal(struct {
		Columns   []plan.Column
		Score     *plan.Score
		Slices    []plan.Dimension
		Reference plan.Span
		Drift     []byte `json:",omitempty"`
		Labels    []byte `json:",omitempty"`
	}{p.Columns, p.Score, p.Slices, p.Reference, p.Drift, p.DriftLabels})
	if err != nil {
		return "", fmt.Errorf("encode baseline of %s: %w", p.Model, err)
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
