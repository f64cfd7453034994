package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
)

// shownBaseline is a baseline in JSON.
type shownBaseline struct {
	Kind      string         `json:"kind"`
	Model     string         `json:"model"`
	Baseline  string         `json:"baseline"`
	Reference plan.Span      `json:"reference"`
	Rows      int64          `json:"reference_rows"`
	TestPane  string         `json:"test_pane"`
	Columns   []shownColumn  `json:"columns"`
	Notes     []string       `json:"notes"`
	Slices    []shownSlice   `json:"slices"`                  // whose drift is followed apart from the whole's
	Others    []shownOther   `json:"others,omitempty"`        // rules, the volume and the label rate
	Against   string         `json:"level_windows,omitempty"` // how long the stretches are that are held against the reference itself
	Meaning   []shownMeaning `json:"calibration,omitempty"`   // what scores mean, as a whole and by slice

	Accepted *plan.Accepted `json:"accepted,omitempty"`
	Fairness *shownGroups   `json:"fairness,omitempty"`
}

// shownSlice is one slice of it.
type shownSlice struct {
	Slice map[string]string `json:"slice"`
	Rows  int64             `json:"reference_rows"`

	InADay map[string]map[string]finding.Number `json:"found_in_a_day"` // by column and channel
}

// shownOther is a rule, the volume or the label rate.
type shownOther struct {
	Kind   string                    `json:"kind"`
	Name   string                    `json:"name"`
	InADay map[string]finding.Number `json:"found_in_a_day"`
	// Change is the same as a change of a share: of the rows that break a rule, of the outcomes that are positive. Null: of no share, or a day shows none.
	Change finding.Number `json:"found_in_a_day_share_change"`
}

// shownColumn is one column of it.
type shownColumn struct {
	Name    string         `json:"name"`
	Type    string         `json:"type"` // numeric, categorical, constant or empty
	Bins    int            `json:"bins"`
	Mean    finding.Number `json:"mean"`
	Missing finding.Number `json:"missing_share"`
	Panes   int            `json:"panes"`
	Typical finding.Number `json:"typical_psi"` // of a pane against the whole

	// InADay is the smallest lasting change that a day would usually show, by channel of the sequential engine and on its scale; null: none.
	InADay map[string]finding.Number `json:"found_in_a_day,omitempty"`
	// InAWindow is how far from the reference the column must lie for nine in ten of the windows that are held against it to deviate, as PSI; null: it isn't
	// held against it, or no window would.
	InAWindow finding.Number `json:"found_in_a_level_window_psi"`
}

// leasts are the smallest lasting changes that a day would usually show, by what is followed and its channel: what a day can't hide.
type leasts map[drift.Stream]map[string]finding.Number

// changeIn is the only channel of a stream as a change of a share.
func changeIn(all []sequential.Detectable, stream string) finding.Number {
	for _, d := range all {
		if d.Stream == stream && !math.IsNaN(d.Change) {
			return finding.Number(d.Change)
		}
	}
	return finding.None()
}

// inADay sorts what the engine, or a slice, says of a plan's streams.
func inADay(p *plan.Plan, all []sequential.Detectable) leasts {
	out := leasts{}
	streams, watched := drift.Streams(p), map[string]int{}
	for i, s := range drift.Watch(p).Streams {
		watched[s.Name] = i
	}
	for _, d := range all {
		s := streams[watched[d.Stream]]
		if out[s] == nil {
			out[s] = map[string]finding.Number{}
		}
		least, was := finding.Number(d.Effect), out[s][d.Channel]
		if math.IsInf(d.Effect, 1) {
			least = finding.None()
		}
		// Of categories the one that hides most.
		if _, seen := out[s][d.Channel]; !seen || !least.Valid() || was.Valid() && least > was {
			out[s][d.Channel] = least
		}
	}
	return out
}

// of is what a day shows of a column.
func (l leasts) of(column int) map[string]finding.Number {
	return l[drift.Stream{Kind: drift.Column, At: column}]
}

// follow says what is followed beside the columns of the whole: slices, rules, the volume, and long windows.
func (b *shownBaseline) follow(p *plan.Plan, learnt *drift.Learnt, all []sequential.Detectable, found leasts) {
	b.Slices = []shownSlice{}
	if learnt == nil {
		return
	}
	for i := range learnt.Slices {
		s := &learnt.Slices[i]
		own, of := inADay(p, s.Detectable(p)), map[string]map[string]finding.Number{}
		for i := range p.Columns {
			if v := own.of(i); v != nil {
				of[p.Columns[i].Name] = v
			}
		}
		b.Slices = append(b.Slices, shownSlice{s.Labels(p), s.Rows, of})
	}
	watched := drift.Watch(p).Streams
	for i, s := range drift.Streams(p) {
		switch v := found[s]; {
		case v == nil:
		case s.Kind == drift.Rule:
			b.Others = append(b.Others, shownOther{"rule", p.Rules[s.At].Name, v, changeIn(all, watched[i].Name)})
		case s.Kind == drift.Volume:
			b.Others = append(b.Others, shownOther{"volume", drift.VolumeSubject, v, finding.None()})
		}
	}
	if p.Wide > 0 {
		b.Against = contract.Span(p.Wide)
	}
}

// shownMeaning is what is known of the scores' meaning in a slice, and what would be found.
type shownMeaning struct {
	Slice       map[string]string `json:"slice"`
	Labels      int64             `json:"outcomes"`
	Intercept   finding.Number    `json:"intercept"` // logit P(positive) = intercept + slope logit(score)
	Slope       finding.Number    `json:"slope"`
	Dispersion  finding.Number    `json:"dispersion"`
	Information finding.Number    `json:"information_per_day"` // sum of p(1-p) over a day's outcomes
	Ignored     finding.Number    `json:"tolerated_logits"`
	InAWeek     finding.Number    `json:"found_in_a_week_logits"` // the smallest lasting shift; null: none of up to 5
	InAMonth    finding.Number    `json:"found_in_a_month_logits"`
}

// meanings says what is known of the scores' meaning.
func meanings(p *plan.Plan) (out []shownMeaning, err error) {
	all, err := drift.OpenCalibration(p)
	if err != nil {
		return nil, err
	}
	least := func(v float64) finding.Number {
		if math.IsInf(v, 1) {
			return finding.None()
		}
		return finding.Number(v)
	}
	for i := range all {
		m, n := &all[i], all[i].Null()
		slice := p.Score.Views[m.View].Slice
		if slice == nil {
			slice = map[string]string{}
		}
		out = append(out, shownMeaning{
			slice, n.Labels(), finding.Number(n.Map.A), finding.Number(n.Map.B), finding.Number(n.Dispersion), finding.Number(n.Information()),
			finding.Number(n.Typical()), least(m.Detectable(7)), least(m.Detectable(30)),
		})
	}
	return out, nil
}

// inWords says it of one slice.
func (m *shownMeaning) inWords() string {
	of := "of the whole"
	if len(m.Slice) > 0 {
		of = "of " + printable(finding.SliceKey(m.Slice))
	}
	found := func(v finding.Number, in string) string {
		if !v.Valid() {
			return "none of up to 5 in " + in
		}
		return fmt.Sprintf("%.2f in %s", float64(v), in)
	}
	return fmt.Sprintf("%s: information %.3g a day (sum of p(1-p); dispersion %.3g), the smallest lasting shift that is usually found %s, %s",
		of, float64(m.Information), float64(m.Dispersion), found(m.InAWeek, "a week"), found(m.InAMonth, "30 days"))
}

// labels says what a day of mature outcomes shows of how many are positive, and of how many predictions have one.
func (b *shownBaseline) labels(p *plan.Plan) error {
	for _, of := range drift.TruthShares() {
		e, err := of.Open(p)
		if err != nil {
			return err
		}
		if e == nil {
			continue
		}
		for _, d := range e.Detectable() {
			if d.Stream != of.String() { // of a stretch of scores
				continue
			}
			least := finding.Number(d.Effect)
			if math.IsInf(d.Effect, 1) {
				least = finding.None()
			}
			b.Others = append(b.Others, shownOther{"outcomes", of.String(), map[string]finding.Number{d.Channel: least}, changeIn([]sequential.Detectable{d}, d.Stream)})
		}
	}
	return nil
}

// toldSlices is how many slices are named to people.
const toldSlices = 6

// slicesInWords names the first slices that are followed, and counts the rest.
func (b *shownBaseline) slicesInWords() string {
	var names []string
	for _, s := range b.Slices[:min(len(b.Slices), toldSlices)] {
		names = append(names, fmt.Sprintf("%s (%d events)", printable(finding.SliceKey(s.Slice)), s.Rows))
	}
	if n := len(b.Slices) - len(names); n > 0 {
		names = append(names, fmt.Sprintf("%d more", n))
	}
	return strings.Join(names, ", ")
}

// othersInWords says what a day shows of rules, the volume, the label rate and the share labelled.
func (b *shownBaseline) othersInWords() string {
	var out []string
	for _, o := range b.Others {
		for channel, v := range o.InADay { // each of them has one
			words := "a day shows no change"
			switch {
			case v.Valid() && channel == "volume":
				words = fmt.Sprintf("%.0f%%", 100*math.Expm1(float64(v)))
			case o.Change.Valid():
				words = fmt.Sprintf("%.2f pp", 100*float64(o.Change))
			}
			out = append(out, fmt.Sprintf("%s %s", printable(o.Name), words))
		}
	}
	return strings.Join(out, ", ")
}

func showColumn(c *plan.Column) shownColumn {
	l, r := &c.Layout, &c.Reference
	s := shownColumn{Name: c.Name, Type: "numeric", Bins: l.Bins(), Mean: finding.Number(r.Mean), Missing: finding.None(), Panes: r.Null.Panes, Typical: finding.None()}
	switch {
	case l.Empty:
		s.Type, s.Mean = "empty", finding.None()
	case l.Categorical:
		s.Type, s.Mean = "categorical", finding.None()
	case l.Constant():
		s.Type = "constant"
	}
	if r.N > 0 {
		s.Missing = finding.Number(float64(r.Missing) / float64(r.N))
	}
	if r.Null.Panes > 0 {
		s.Typical = finding.Number(r.Null.Mean * r.Null.Mean * r.Null.Mean) // the null is that of the cube root
	}
	return s
}

// stretch says a reference range in words for people.
func stretch(s plan.Span) string {
	format := time.DateOnly
	if day := 24 * time.Hour; !s.From.Truncate(day).Equal(s.From) || !s.To.Truncate(day).Equal(s.To) {
		format = "2006-01-02 15:04"
	}
	return s.From.UTC().Format(format) + " to " + s.To.UTC().Format(format)
}

func printBaseline(w io.Writer, p *plan.Plan, asJSON bool) error {
	shown := shownBaseline{
		Kind: "baseline", Model: p.Model, Baseline: p.Baseline, Reference: p.Reference, Rows: p.ReferenceRows, TestPane: contract.Span(p.TestPane), Notes: p.Unjudged,
		Accepted: p.Accepted,
	}
	if shown.Notes == nil {
		shown.Notes = []string{}
	}
	learnt, err := drift.Open(p)
	if err != nil {
		return err
	}
	if shown.Meaning, err = meanings(p); err != nil {
		return err
	}
	var all []sequential.Detectable
	if learnt != nil {
		all = learnt.Engine.Detectable()
	}
	found, apart := inADay(p, all), engine.WideDetectable(p)
	shown.follow(p, learnt, all, found)
	if err := shown.labels(p); err != nil {
		return err
	}
	for i := range p.Columns {
		c := showColumn(&p.Columns[i])
		c.InADay, c.InAWindow = found.of(i), finding.None()
		if !math.IsInf(apart[i], 0) && !math.IsNaN(apart[i]) {
			c.InAWindow = finding.Number(apart[i])
		}
		shown.Columns = append(shown.Columns, c)
	}
	if shown.Fairness, err = showGroups(p); err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(w).Encode(shown)
	}
	fmt.Fprintf(w, "%s: baseline %s\n  reference %s, %d events; a test pane is %s\n", p.Model, short(p.Baseline), stretch(p.Reference), p.ReferenceRows, shown.TestPane)
	if p.Accepted != nil {
		fmt.Fprintf(w, "  %s\n", act(p.Accepted))
	}
	for _, n := range p.Unjudged {
		fmt.Fprintf(w, "  note: %s\n", n)
	}
	if shown.Against != "" {
		fmt.Fprintf(w, "  every %s held against the reference itself\n", shown.Against)
	}
	if len(shown.Slices) > 0 {
		fmt.Fprintf(w, "  followed by themselves: %s\n", shown.slicesInWords())
	}
	for i := range shown.Meaning[:min(len(shown.Meaning), toldSlices)] {
		fmt.Fprintf(w, "  calibration in logits, %s\n", shown.Meaning[i].inWords())
	}
	if n := len(shown.Meaning) - toldSlices; n > 0 {
		fmt.Fprintf(w, "  calibration of %d more slices: --json has them\n", n)
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	header := "INPUT\tTYPE\tBINS\tMEAN\tMISSING\tPANES\tPSI\tIN A DAY\t"
	if shown.Against != "" {
		header += "IN " + strings.ToUpper(shown.Against) + "\t"
	}
	fmt.Fprintln(table, header)
	for _, c := range shown.Columns {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%d\t%s\t%s\t", printable(c.Name), c.Type, c.Bins, figure(float64(c.Mean), "%.6g"), figure(100*float64(c.Missing), "%.2f%%"),
			c.Panes, figure(float64(c.Typical), "%.4f"), c.least())
		if shown.Against != "" {
			fmt.Fprintf(table, "%s\t", figure(float64(c.InAWindow), "%.4f"))
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if shown.Fairness != nil {
		defer shown.Fairness.write(w) // after all else
	}
	if shown.Against != "" {
		fmt.Fprintf(w, "IN %s: the smallest lasting PSI against the reference at which nine in ten windows of %s would deviate at their end; %d in a row are told.\n",
			strings.ToUpper(shown.Against), shown.Against, engine.WideRuns(p))
	}
	if len(shown.Others) == 0 && len(found) == 0 {
		return nil
	}
	fmt.Fprintln(w, "IN A DAY: the smallest lasting shift (numbers) or divergence (categories) that a day of panes would usually show; -: a day shows none. --json has every channel and slice.")
	_, err = fmt.Fprintf(w, "Likewise of the rest: %s\n", shown.othersInWords())
	return err
}

// least is what a day shows of where a column's numbers lie, or of how its categories are mixed.
func (c *shownColumn) least() string {
	if v, ok := c.InADay["location"]; ok {
		return figure(float64(v), "%.2f sd")
	}
	if v, ok := c.InADay["omnibus"]; ok {
		return figure(float64(v), "%.3f")
	}
	return "-"
}

// figure is a number for people, "-" for none.
func figure(v float64, format string) string {
	if math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf(format, v)
}

// shownDifference is a difference in JSON.
type shownDifference struct {
	Kind     string            `json:"kind"`
	Column   string            `json:"column"`
	Change   string            `json:"change"` // same, added, removed, retyped or moved
	Missing  [2]finding.Number `json:"missing_share"`
	Mean     [2]finding.Number `json:"mean"`
	Distance finding.Number    `json:"distance"`
	Appeared []string          `json:"appeared,omitempty"`
	Gone     []string          `json:"gone,omitempty"`
}

func changeOf(d *baseline.Difference) string {
	switch {
	case d.Before == nil:
		return "added"
	case d.After == nil:
		return "removed"
	case d.Before.Layout.Categorical != d.After.Layout.Categorical:
		return "retyped"
	case d.Same:
		return "same"
	default:
		return "moved"
	}
}

func printDifferences(w io.Writer, before, after *plan.Plan, asJSON bool) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	if !asJSON {
		for _, p := range []*plan.Plan{before, after} {
			fmt.Fprintf(w, "%s: baseline %s, reference %s, %d events\n", p.Model, short(p.Baseline), stretch(p.Reference), p.ReferenceRows)
		}
		if before.Baseline == after.Baseline {
			_, err := fmt.Fprintln(w, "they are the same")
			return err
		}
		fmt.Fprintln(table, "INPUT\tCHANGE\tDISTANCE\tMEAN\t\tMISSING\t\t")
	}
	differences := baseline.Diff(before, after)
	for _, d := range differences {
		if asJSON {
			if err := json.NewEncoder(w).Encode(shownDifference{
				Kind: "difference", Column: d.Column, Change: changeOf(&d), Distance: finding.Number(d.Distance), Appeared: d.Appeared, Gone: d.Gone,
				Missing: [2]finding.Number{finding.Number(d.Missing[0]), finding.Number(d.Missing[1])}, Mean: [2]finding.Number{finding.Number(d.Mean[0]), finding.Number(d.Mean[1])},
			}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", printable(d.Column), changeOf(&d), figure(d.Distance, "%.3f"), figure(d.Mean[0], "%.6g"), figure(d.Mean[1], "%.6g"),
			figure(100*d.Missing[0], "%.2f%%"), figure(100*d.Missing[1], "%.2f%%"))
	}
	if asJSON {
		for _, what := range baseline.Apart(before, after) {
			if err := json.NewEncoder(w).Encode(map[string]string{"kind": "other_difference", "what": what}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, d := range differences {
		for _, l := range []struct {
			word   string
			values []string
		}{{"new", d.Appeared}, {"gone", d.Gone}} {
			if len(l.values) > 0 {
				fmt.Fprintf(w, "%s: %s: %s\n", printable(d.Column), l.word, named(l.values))
			}
		}
	}
	for _, what := range baseline.Apart(before, after) {
		fmt.Fprintf(w, "other: %s\n", what)
	}
	return nil
}

// printable is a name as it is, or quoted where it would do something to a terminal.
func printable(name string) string {
	for _, r := range name {
		if !strconv.IsPrint(r) {
			return strconv.Quote(name)
		}
	}
	return name
}

// named lists a few values.
func named(values []string) string {
	const most = 10
	out := make([]string, 0, most)
	for _, v := range values[:min(len(values), most)] {
		out = append(out, fmt.Sprintf("%q", v))
	}
	if n := len(values) - len(out); n > 0 {
		return strings.Join(out, ", ") + fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(out, ", ")
}
