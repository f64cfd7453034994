package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/expr"
)

// Draft compiles what a contract says without data: what to read and what to count. Layouts, references and slice values are
// empty until a baseline fills them in. Errors name what this build can't watch yet.
func Draft(c *contract.Contract) (*Plan, error) {
	p := &Plan{
		Format: Format, Model: c.Metadata.Model, Contract: c.Digest, Learns: c.Learns,
		Pane: c.Watch.Pane.Std(), Lateness: c.Watch.Lateness.Std(),
		Reference: Span{From: c.Watch.Reference.From.UTC(), To: c.Watch.Reference.To.UTC()},
		Policy:    policy(c), IDs: idKey(c.Metadata.Model, c.Digest),
	}
	faults := c.Watch.FaultsAfter().Std()
	p.FaultLateness = &faults
	ps := c.Streams.Prediction
	p.Prediction = reading(ps)
	for i := range c.Inputs {
		if err := p.input(c, &c.Inputs[i]); err != nil {
			return nil, err
		}
	}
	if err := p.Prediction.filter(c, ps); err != nil {
		return nil, err
	}
	r := &p.Prediction.Roles
	f := ps.Fields
	r.ID = p.Prediction.role(f.ID, String)
	r.Time = p.Prediction.role(f.Time, Time)
	r.Version = p.Prediction.role(f.Version, String)
	each := c.Task.Score == contract.ScoreVector || c.Task.Score == contract.ScoreMap
	if !each {
		r.Score = p.Prediction.role(f.Score, Number)
	}
	r.Decision = p.Prediction.role(f.Decision, decisionKind(c))
	r.Latency = p.Prediction.role(f.Latency, Number)
	r.Lineage = p.Prediction.role(f.Lineage, String)
	p.reasons(f.Reasons)
	for _, d := range c.Derived {
		if err := p.derived(d, c); err != nil {
			return nil, err
		}
	}
	for _, rule := range c.Rules {
		p.Rules = append(p.Rules, Rule{Name: rule.Name, Expr: rule.Expr})
	}
	if r.Score >= 0 {
		p.Columns = append(p.Columns, Column{Name: p.Prediction.Fields[r.Score].Name, Field: r.Score, Ignore: ignore(c, contract.IgnoreBelow{})})
	}
	if c.Task.Type != contract.Binary {
		p.answers(c, each)
	}
	if r.Latency >= 0 && !slices.ContainsFunc(p.Columns, func(had Column) bool { return had.Field == r.Latency }) {
		p.Columns = append(p.Columns, Column{Name: p.Prediction.Fields[r.Latency].Name, Field: r.Latency, Ignore: ignore(c, contract.IgnoreBelow{})})
	}
	if c.Task.Type == contract.Binary && r.Score >= 0 {
		p.Score = &Score{Threshold: 0.5, Own: c.Decision.Threshold == nil && !c.Decision.Cheapest && r.Decision >= 0}
		if c.Decision.Threshold != nil {
			p.Score.Threshold = *c.Decision.Threshold
		}
	}
	if err := p.dimensions(c); err != nil {
		return nil, err
	}
	if err := p.protected(c); err != nil {
		return nil, err
	}
	if os := c.Streams.Outcome; os != nil {
		o := reading(os)
		if err := o.filter(c, os); err != nil {
			return nil, err
		}
		o.Roles.ID = o.role(os.Fields.ID, String)
		o.Roles.Time = o.role(os.Fields.Time, Time)
		o.Roles.Label = o.role(os.Fields.Label, labelKind(c))
		p.Outcome, p.Keep, p.MatureAfter = &o, os.Keep.Std(), os.MatureAfter.Std()
		p.Positive, p.Sample = c.Task.Positive, os.Sample
		if p.Score.Binary() {
			p.Score.Missing = MissingOutcomes(os.Missing)
		}
	}
	for i := range p.Policy.Promises {
		if m, _ := contract.MetricOf(c.Task.Type, p.Policy.Promises[i].Metric); m.Needs.Groups && p.Fairness == nil {
			continue // told once, in Unjudged
		}
		for _, name := range c.Promises[i].By {
			at := slices.IndexFunc(p.Slices, func(d Dimension) bool { return d.Name == name })
			if at < 0 {
				return nil, fmt.Errorf("promise on %s: by names %q, which is no slice", c.Promises[i].Metric, name)
			}
			p.Policy.Promises[i].By = append(p.Policy.Promises[i].By, at)
		}
	}
	if err := p.checkExpressions(); err != nil {
		return nil, err
	}
	return p, nil
}

// reading is the projection of a stream without fields. The schema that a subject has is for whoever can ask a registry.
func reading(s *contract.Stream) Projection {
	p := Projection{
		Topic: s.Topic, Subject: s.Schema.Subject, Schema: s.Schema.Text, Encoding: Encoding(s.Schema.Encoding), Where: s.Where, Roles: NoRoles(),
	}
	if s.Key != (contract.SchemaRef{}) {
		p.Key = &Key{Encoding: Encoding(s.Key.Encoding), Subject: s.Key.Subject, Schema: s.Key.Text}
	}
	return p
}

// locate says where a contract's path leads: into the value, the record's key ($key, $key.a.b) or a header ($header.name).
func locate(path string) (Origin, []string) {
	if path == "$key" {
		return FromKey, nil
	}
	if rest, ok := strings.CutPrefix(path, "$key."); ok {
		return FromKey, strings.Split(rest, ".")
	}
	if name, ok := strings.CutPrefix(path, "$header."); ok {
		return FromHeader, []string{name}
	}
	return FromValue, strings.Split(path, ".")
}

// role adds a field for a role and returns its index; -1 for "". It is called by its path, as in the contract's expressions
// and slices. A field of that name that already reads it is taken.
func (p *Projection) role(path string, kind Kind) int {
	if path == "" {
		return -1
	}
	from, steps := locate(path)
	for i, f := range p.Fields {
		if f.Name == path && f.Kind == kind && f.From == from && slices.Equal(f.Path, steps) {
			return i
		}
	}
	name := path
	if slices.ContainsFunc(p.Fields, func(f Field) bool { return f.Name == name }) {
		name = path + " (" + string(kind) + ")"
	}
	p.Fields = append(p.Fields, Field{Name: name, Path: steps, From: from, Kind: kind})
	return len(p.Fields) - 1
}

func (p *Plan) input(c *contract.Contract, in *contract.Input) error {
	kind := Number
	path := in.Path
	if path == "" {
		path = in.Name
	}
	from, steps := locate(path)
	switch in.Kind {
	case contract.Numeric, contract.Boolean, contract.Timestamp:
	case contract.Categorical, contract.Identifier:
		kind = String
	case contract.Text: // itself for expressions only: its values are neither counted nor kept
		p.Prediction.Fields = append(p.Prediction.Fields, Field{Name: in.Name, Path: steps, From: from, Kind: String})
		return p.measure(c, in, path, OfLength, OfCharset)
	case contract.Vector:
		measures := []Measure{OfNorm, OfDimension}
		for i := range in.Components {
			measures = append(measures, Component(i))
		}
		return p.measure(c, in, path, measures...)
	default:
		return fmt.Errorf("input %s: this build can't watch inputs of type %s yet", in.Name, in.Kind)
	}
	p.Prediction.Fields = append(p.Prediction.Fields, Field{
		Name: in.Name, Path: steps, From: from, Kind: kind, Boolean: in.Kind == contract.Boolean,
	})
	col := Column{Name: in.Name, Field: len(p.Prediction.Fields) - 1, Missing: in.Missing, Values: in.Values, Ignore: ignore(c, in.IgnoreBelow)}
	if in.Range != nil {
		col.Range = &[2]float64{in.Range.Min, in.Range.Max}
	}
	col.Layout.Categorical = kind == String
	// Time only moves forward, and identifiers are new by nature: neither has a distribution to hold against a reference.
	col.Layout.Empty = in.Kind == contract.Timestamp
	col.Layout.Open = in.Kind == contract.Identifier
	p.Columns = append(p.Columns, col)
	return nil
}

// measure counts an input by what is measured of it, each in a column of its own. What the contract promises of missing values
// is held against the first.
func (p *Plan) measure(c *contract.Contract, in *contract.Input, path string, measures ...Measure) error {
	missing := in.Missing
	for _, m := range measures {
		name := in.Name + "." + string(m)
		if slices.ContainsFunc(c.Inputs, func(o contract.Input) bool { return o.Name == name }) {
			return fmt.Errorf("input %s: %s is what its %s is counted as; give that input another name", in.Name, name, m)
		}
		if slices.ContainsFunc(c.Derived, func(o contract.Derived) bool { return o.Name == name }) {
			return fmt.Errorf("input %s: %s is what its %s is counted as; give that derived column another name", in.Name, name, m)
		}
		from, steps := locate(path)
		f := Field{Name: name, Path: steps, From: from, Kind: Number, Of: m}
		if m == OfCharset {
			f.Kind = String
		}
		p.Prediction.Fields = append(p.Prediction.Fields, f)
		col := Column{Name: name, Field: len(p.Prediction.Fields) - 1, Missing: missing, Ignore: ignore(c, in.IgnoreBelow)}
		col.Layout.Categorical = f.Kind == String
		p.Columns = append(p.Columns, col)
		missing = nil
	}
	return nil
}

func (p *Plan) derived(d contract.Derived, c *contract.Contract) error {
	prog, err := expr.Compile(d.Expr, variables(p.Prediction.Fields), expr.Any)
	if err != nil {
		return fmt.Errorf("derived %s: %w", d.Name, err)
	}
	f := Field{Name: d.Name, Expr: d.Expr}
	f.as(prog.Type())
	p.Prediction.Fields = append(p.Prediction.Fields, f)
	col := Column{Name: d.Name, Field: len(p.Prediction.Fields) - 1, Ignore: ignore(c, contract.IgnoreBelow{})}
	col.Layout.Categorical = f.Kind == String
	p.Columns = append(p.Columns, col)
	return nil
}

// dimensions collects every column that some slice names, in the order they are first named.
func (p *Plan) dimensions(c *contract.Contract) error {
	for _, names := range c.Slices {
		var group []int
		for _, name := range names {
			at, err := p.dimension(name)
			if err != nil {
				return fmt.Errorf("slices: %w", err)
			}
			group = append(group, at)
		}
		p.Groups = append(p.Groups, group)
	}
	return nil
}

// dimension is the slice dimension of a column, which it adds if there is none yet.
func (p *Plan) dimension(name string) (int, error) {
	if at := slices.IndexFunc(p.Slices, func(d Dimension) bool { return d.Name == name }); at >= 0 {
		return at, nil
	}
	field := slices.IndexFunc(p.Prediction.Fields, func(f Field) bool { return f.Name == name })
	if field >= 0 && p.Prediction.Fields[field].Boolean {
		field = p.Prediction.words(field)
	}
	if field < 0 || p.Prediction.Fields[field].Kind != String {
		return 0, fmt.Errorf("%s is no categorical column; derive one first", name)
	}
	p.Slices = append(p.Slices, Dimension{Name: name, Field: field})
	return len(p.Slices) - 1, nil
}

// reasons adds the field that says whether a prediction gives reason codes; the codes themselves are not kept.
func (p *Plan) reasons(path string) {
	if path == "" {
		return
	}
	from, steps := locate(path)
	at := len(p.Prediction.Fields)
	p.Prediction.Fields = append(p.Prediction.Fields, Field{Name: path + "." + string(OfGiven), Path: steps, From: from, Kind: Number, Of: OfGiven})
	p.Reasons = &at
}

// words adds a text column that says a boolean one in words, so that it can be sliced by.
func (p *Projection) words(field int) int {
	f := p.Fields[field]
	p.Fields = append(p.Fields, Field{Name: f.Name + " in words", Kind: String, Expr: f.Name + " ? 'true' : 'false'"})
	return len(p.Fields) - 1
}

func ignore(c *contract.Contract, own contract.IgnoreBelow) Ignore {
	pick := func(values ...float64) float64 {
		for _, v := range values {
			if v != 0 {
				return v
			}
		}
		return 0
	}
	w := c.Watch.IgnoreBelow
	return Ignore{
		Shift:  pick(own.Shift, w.Shift, 0.05),
		Spread: pick(own.Spread, w.Spread, 0.05),
		Rate:   pick(own.Rate, w.Rate, 0.005),
	}
}

func policy(c *contract.Contract) Policy {
	p := Policy{
		Digest: c.Policy, Owners: c.Owners, Runbooks: c.Runbooks,
		Pages: c.Watch.FalseAlarms.Pages, Tickets: c.Watch.FalseAlarms.Tickets,
		Floor: c.Watch.IgnoreBelow.Rate, Cheapest: c.Decision.Cheapest,
	}
	if p.Floor == 0 {
		p.Floor = 0.005
	}
	if c.Costs != nil {
		p.Costs = &Costs{
			Currency: c.Costs.Currency, FalsePositive: c.Costs.FalsePositive, FalseNegative: c.Costs.FalseNegative,
			TruePositive: c.Costs.TruePositive, TrueNegative: c.Costs.TrueNegative,
		}
	}
	for _, pr := range c.Promises {
		p.Promises = append(p.Promises, Promise{
			Metric: pr.Metric, Max: pr.Max, Min: pr.Min, MaxIncrease: pr.MaxIncrease, Over: pr.Over.Std(),
			Of: pr.Of, Then: pr.Then, Agreed: pr.Agreed, Until: pr.Until.Time, Expr: pr.Expr,
		})
	}
	for _, w := range c.Watch.Windows {
		p.Windows = append(p.Windows, w.Std())
	}
	if slices.Equal(p.Windows, new(Policy).Shown()) { // then the plan reads as those of earlier builds, and they can read it
		p.Windows = nil
	}
	p.Notify, p.Retrain = routes(c), retraining(c)
	for _, e := range c.Watch.Calendar {
		p.Calendar = append(p.Calendar, Span{From: e.From.UTC(), To: e.To.UTC()})
	}
	return p
}

// Micros is t in microseconds since the Unix epoch, the unit of event time in every record.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// FromMicros is the inverse of Micros, in UTC.
func FromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
