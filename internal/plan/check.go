package plan

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/contract"
)

// check holds what the rest of the code relies on without looking again.
func (p *Plan) check() error {
	switch {
	case p.Model == "":
		return errors.New("it names no model")
	case p.Pane < time.Second || p.TestPane <= 0 || p.TestPane%p.Pane != 0:
		return fmt.Errorf("the test pane %s is no multiple of the pane %s", p.TestPane, p.Pane)
	case p.TruthPane <= 0 || p.TruthPane%p.TestPane != 0:
		return fmt.Errorf("the truth pane %s is no multiple of the test pane %s", p.TruthPane, p.TestPane)
	case p.Wide < 0 || p.Wide%p.TestPane != 0:
		return fmt.Errorf("the wide window %s is no multiple of the test pane %s", p.Wide, p.TestPane)
	case p.Keep < 0 || p.MatureAfter < 0 || p.Lateness < 0:
		return fmt.Errorf("a duration is negative: keep %s, mature_after %s, lateness %s", p.Keep, p.MatureAfter, p.Lateness)
	case p.FaultLateness != nil && (*p.FaultLateness < 0 || *p.FaultLateness > p.Lateness):
		return fmt.Errorf("faults may be told of events that are %s late, which is not within the lateness %s", *p.FaultLateness, p.Lateness)
	case !(p.Sample >= 0 && p.Sample <= 1):
		return fmt.Errorf("the sample %g is no share", p.Sample)
	case p.Prediction.Roles.ID < 0 || p.Prediction.Roles.Time < 0:
		return errors.New("the prediction stream has no id or no time")
	}
	if _, ok := p.IDKey(); p.IDs != "" && (!ok || len(p.IDs) != 32) {
		return fmt.Errorf("the key of its ids is %q, no 32 hex digits", p.IDs)
	}
	if err := p.Policy.check(); err != nil {
		return err
	}
	if o := p.Outcome; o != nil && (o.Roles.ID < 0 || o.Roles.Time < 0 || o.Roles.Label < 0) {
		return errors.New("the outcome stream has no id, time or label")
	}
	if err := p.Prediction.check("prediction"); err != nil {
		return err
	}
	if p.Outcome != nil {
		if err := p.Outcome.check("outcome"); err != nil {
			return err
		}
	}
	if err := p.checkKinds(); err != nil {
		return err
	}
	for i := range p.Columns {
		if err := p.checkColumn(&p.Columns[i]); err != nil {
			return fmt.Errorf("column %s %w", p.Columns[i].Name, err)
		}
	}
	if err := p.checkSlices(); err != nil {
		return err
	}
	if err := p.checkScore(); err != nil {
		return err
	}
	if err := p.checkFairness(); err != nil {
		return err
	}
	if err := p.checkAttributes(); err != nil {
		return err
	}
	if at := p.Reasons; at != nil && (*at < 0 || *at >= len(p.Prediction.Fields) || p.Prediction.Fields[*at].Of != OfGiven) {
		return fmt.Errorf("its reason codes are field %d of %d, which must say whether there are any", *at, len(p.Prediction.Fields))
	}
	if !p.Score.Binary() && (len(p.DriftLabels) > 0 || len(p.DriftLabelled) > 0 || len(p.Concept) > 0 || p.Fairness != nil) {
		return errors.New("it has learnt of label rates, of what scores mean or of groups, which only plans of binary scores can")
	}
	return p.checkExpressions()
}

// check holds what decoders and counters rely on: each field can be read or computed, and roles name fields of their kind.
func (p *Projection) check(stream string) error {
	if !slices.Contains([]Encoding{AsFound, Confluent, SingleObject, Raw}, p.Encoding) {
		return fmt.Errorf("the %s stream is encoded as %q, which this build can't read", stream, p.Encoding)
	}
	if k := p.Key; k != nil && !slices.Contains([]Encoding{AsFound, Confluent, SingleObject, Raw, Text}, k.Encoding) {
		return fmt.Errorf("keys of the %s stream are encoded as %q, which this build can't read", stream, k.Encoding)
	}
	if p.Encoding == Raw && p.Schema == "" || p.Key != nil && p.Key.Encoding == Raw && p.Key.Schema == "" {
		return fmt.Errorf("the %s stream is raw, and there is no schema for it", stream)
	}
	for _, f := range p.Fields {
		switch {
		case f.Kind != Number && f.Kind != String && f.Kind != Time:
			return fmt.Errorf("field %s of the %s stream is of kind %q; there are number, string and time", f.Name, stream, f.Kind)
		case !f.measured():
			return fmt.Errorf("field %s of the %s stream is the %q of what is read, as a %s; there are length, given, norm, dimension and component_0 to component_%d as numbers and charset as a string", f.Name, stream, f.Of, f.Kind, contract.MaxComponents-1)
		case f.Boolean && f.Kind != Number:
			return fmt.Errorf("field %s of the %s stream is true or false, and those are read as numbers, not as %s", f.Name, stream, f.Kind)
		case f.From == FromAttributes && f.Kind == String && stream == "prediction": // see checkAttributes
		case !slices.Contains([]Origin{FromValue, FromKey, FromHeader}, f.From):
			return fmt.Errorf("field %s of the %s stream is from the %q; there are key and header, and nothing for the value", f.Name, stream, f.From)
		case f.From == FromHeader && len(f.Path) != 1:
			return fmt.Errorf("field %s of the %s stream is from a header; its path has %d steps, and must be the header's name", f.Name, stream, len(f.Path))
		case f.From != FromValue && f.Expr != "":
			return fmt.Errorf("field %s of the %s stream is computed, and from the %s", f.Name, stream, f.From)
		case f.From == FromKey && len(f.Path) == 0: // the whole key
		case (len(f.Path) == 0) == (f.Expr == ""):
			return fmt.Errorf("field %s of the %s stream needs either a path or an expression", f.Name, stream)
		case f.Kind == Time && f.Expr != "": // decoders say whose era an event is before anything is computed
			return fmt.Errorf("field %s of the %s stream is a time, and an expression gives none", f.Name, stream)
		}
	}
	r := &p.Roles
	for _, role := range []struct {
		name string
		at   int
		kind Kind
	}{
		{"id", r.ID, String},
		{"time", r.Time, Time},
		{"version", r.Version, String},
		{"score", r.Score, Number},
		{"latency", r.Latency, Number},
		{"lineage", r.Lineage, String},
	} {
		switch {
		case role.at < -1 || role.at >= len(p.Fields):
			return fmt.Errorf("the %s of the %s stream is field %d of %d", role.name, stream, role.at, len(p.Fields))
		case role.at >= 0 && p.Fields[role.at].Kind != role.kind:
			f := p.Fields[role.at]
			return fmt.Errorf("the %s of the %s stream is field %s of kind %s; it must be a %s", role.name, stream, f.Name, f.Kind, role.kind)
		}
	}
	return nil
}

func (p *Plan) checkColumn(c *Column) error {
	fields := p.Prediction.Fields
	if c.Field < 0 || c.Field >= len(fields) {
		return fmt.Errorf("names field %d of %d", c.Field, len(fields))
	}
	switch f := fields[c.Field]; {
	case f.Kind == Time:
		return fmt.Errorf("counts field %s, a time; it must be a number or a string", f.Name)
	case c.Layout.Categorical && f.Kind != String:
		return fmt.Errorf("is categorical, but field %s is a %s; it must be a string", f.Name, f.Kind)
	case !c.Layout.Categorical && f.Kind == String:
		return fmt.Errorf("is numeric, but field %s is a string; it must be a number", f.Name)
	}
	if len(c.Reference.Bins) != c.Layout.Bins() {
		return fmt.Errorf("has %d reference bins for %d bins", len(c.Reference.Bins), c.Layout.Bins())
	}
	return ascending(c.Layout.Edges)
}

func ascending(edges []float64) error {
	for i := 1; i < len(edges); i++ {
		if edges[i] <= edges[i-1] {
			return fmt.Errorf("has an edge %d that does not ascend: %v after %v", i, edges[i], edges[i-1])
		}
	}
	return nil
}

func (p *Plan) checkSlices() error {
	fields := p.Prediction.Fields
	for _, d := range p.Slices {
		if d.Field < 0 || d.Field >= len(fields) {
			return fmt.Errorf("slice %s names field %d of %d", d.Name, d.Field, len(fields))
		}
		if f := fields[d.Field]; f.Kind != String {
			return fmt.Errorf("slice %s is by field %s, a %s; it must be a string", d.Name, f.Name, f.Kind)
		}
	}
	for _, g := range p.Groups {
		if err := p.dims(g); err != nil {
			return fmt.Errorf("a slice group %w", err)
		}
	}
	for _, pr := range p.Policy.Promises {
		if err := p.dims(pr.By); err != nil {
			return fmt.Errorf("the promise on %s %w", pr.Metric, err)
		}
	}
	for _, w := range p.Policy.Windows {
		if w < time.Microsecond {
			return fmt.Errorf("it shows a window of %s", w)
		}
	}
	return nil
}

func (p *Plan) dims(dims []int) error {
	for _, at := range dims {
		if at < 0 || at >= len(p.Slices) {
			return fmt.Errorf("names dimension %d of %d", at, len(p.Slices))
		}
	}
	return nil
}

func (p *Plan) checkScore() error {
	if p.Score == nil {
		return nil
	}
	if err := p.checkAnswer(); err != nil {
		return err
	}
	if err := ascending(p.Score.Edges); err != nil {
		return fmt.Errorf("the score %w", err)
	}
	if s := p.Score; s.Missing != Unstated && (!s.Binary() || s.Missing != AtRandomGivenScore && s.Missing != PositivesOnly) {
		return fmt.Errorf("its missing outcomes are %q; there are %s and %s, of binary models", s.Missing, AtRandomGivenScore, PositivesOnly)
	}
	if a := p.Score.Arrived; a != nil && (a.OnTime <= 0 || a.All < a.OnTime) {
		return fmt.Errorf("%d of %d positive outcomes of the reference came in time", a.OnTime, a.All)
	}
	for i, v := range p.Score.Views {
		if err := p.dims(v.Dims); err != nil {
			return fmt.Errorf("view %d of the score %w", i, err)
		}
		if len(v.Dims) != len(v.Codes) {
			return fmt.Errorf("view %d of the score has %d dimensions and %d values", i, len(v.Dims), len(v.Codes))
		}
	}
	return nil
}

// checkExpressions reports the first expression that doesn't compile over the fields that are read.
func (p *Plan) checkExpressions() error {
	if _, err := NewDeriver(&p.Prediction, p.Rules); err != nil {
		return err
	}
	for _, proj := range p.joinedStreams() {
		if _, err := NewDeriver(proj, nil); err != nil {
			return err
		}
	}
	return nil
}
