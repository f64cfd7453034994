package contract

import "time"

// The defaults of what a contract may leave out.
const (
	defaultPositive      = "1"
	defaultKeep          = Duration(week)
	defaultMature        = Duration(time.Hour)
	defaultPane          = Duration(time.Hour)
	defaultLateness      = Duration(5 * time.Minute)
	defaultFaultLateness = Duration(5 * time.Second)
	defaultCooldown      = Duration(week)
	defaultPages         = 1.0 / 30
	defaultTickets       = 4.0 / 30
	defaultShift         = 0.05
	defaultSpread        = 0.05
	defaultRate          = 0.005
)

// build turns a document that was read into a Contract, with the defaults filled in. It reports nothing: what couldn't be read
// is left zero, and the checks know.
func build(root *value) *Contract {
	c := &Contract{
		Metadata: Metadata{
			Model:       of[string](root.at("metadata").at("model")),
			Description: of[string](root.at("metadata").at("description")),
			Tags:        texts(root.at("metadata").at("tags")),
		},
		Owners:   textMap(root.at("owners")),
		Task:     buildTask(root.at("task")),
		Costs:    buildCosts(root.at("costs")),
		Decision: buildDecision(root.at("decision")),
		Retrain:  buildRetrain(root.at("retrain")),
		Runbooks: textMap(root.at("runbooks")),
		Watch:    buildWatch(root.at("watch")),
	}
	streams := root.at("streams")
	c.Streams = Streams{
		Prediction: buildStream(streams.at("prediction")),
		Outcome:    buildStream(streams.at("outcome")),
		Feature:    buildStream(streams.at("feature")),
		Attributes: buildStream(streams.at("attributes")),
	}
	if o := c.Streams.Outcome; o != nil {
		v := streams.at("outcome")
		o.Keep = orDefault(v.at("keep"), defaultKeep)
		o.MatureAfter = orDefault(v.at("mature_after"), min(defaultMature, o.Keep))
		o.Sample = of[float64](v.at("sample"))
		o.Missing = Missing(of[string](v.at("labels").at("missing")))
	}
	each(root.at("inputs"), func(name string, v *value) { c.Inputs = append(c.Inputs, buildInput(name, v)) })
	each(root.at("derived"), func(name string, v *value) {
		c.Derived = append(c.Derived, Derived{Name: name, Expr: of[string](v)})
	})
	for _, v := range items(root.at("rules")) {
		c.Rules = append(c.Rules, Rule{Name: of[string](v.at("name")), Expr: of[string](v.at("expr"))})
	}
	for _, v := range items(root.at("slices")) {
		c.Slices = append(c.Slices, texts(v))
	}
	each(root.at("protected"), func(name string, v *value) {
		c.Protected = append(c.Protected, Protected{
			Attribute:     name,
			Privileged:    of[string](v.at("privileged")),
			Justification: of[string](v.at("justification")),
			Path:          of[string](v.at("path")),
			From:          of[string](v.at("from")),
		})
		if p := &c.Protected[len(c.Protected)-1]; p.From != "" && p.Path == "" {
			p.Path = name
		}
	})
	for _, v := range items(root.at("promises")) {
		c.Promises = append(c.Promises, buildPromise(v))
	}
	for _, v := range items(root.at("notify")) {
		when := v.at("when")
		c.Notify = append(c.Notify, Route{
			When: RouteMatch{
				Severity: of[string](when.at("severity")),
				Role:     of[string](when.at("role")),
				Slice:    textMap(when.at("slice")),
				Hours:    pointer[Hours](when.at("hours")),
				Days:     texts(when.at("days")),
				Zone:     of[string](when.at("zone")),
			},
			After:     of[Duration](v.at("after")),
			Digest:    of[string](v.at("digest")),
			At:        pointer[Clock](v.at("at")),
			PagerDuty: of[string](v.at("pagerduty")),
			Slack:     of[string](v.at("slack")),
			Webhook:   of[string](v.at("webhook")),
			Email:     of[string](v.at("email")),
		})
	}
	return c
}

// items are the entries of a list.
func items(v *value) []*value {
	if v == nil {
		return nil
	}
	return v.items
}

// each visits a mapping in the file's order.
func each(v *value, visit func(name string, v *value)) {
	if v == nil {
		return
	}
	for _, name := range v.order {
		visit(name, v.fields[name])
	}
}

// textMap is a mapping of text; nil if it is empty.
func textMap(v *value) map[string]string {
	if v == nil || len(v.order) == 0 {
		return nil
	}
	out := make(map[string]string, len(v.order))
	each(v, func(name string, v *value) { out[name] = of[string](v) })
	return out
}

// orDefault is what v holds, or def where it is absent; a zero that was written stays zero.
func orDefault[T any](v *value, def T) T {
	if v == nil {
		return def
	}
	return of[T](v)
}

// pointer is what v holds, or nil where it is absent or couldn't be read.
func pointer[T any](v *value) *T {
	if v == nil || !v.ok {
		return nil
	}
	x := of[T](v)
	return &x
}

func buildTask(v *value) Task {
	t := Task{Type: TaskType(of[string](v.at("type"))), Classes: texts(v.at("classes"))}
	if t.Type == Binary {
		t.Positive = orDefault(v.at("positive"), defaultPositive)
	}
	if shape := ScoreShape(of[string](v.at("score"))); shape != ScoreTop {
		t.Score = shape
	}
	return t
}

func buildStream(v *value) *Stream {
	if v == nil {
		return nil
	}
	f := v.at("fields")
	field := func(role string) string { return of[string](f.at(role)) }
	return &Stream{
		Topic:  of[string](v.at("topic")),
		Schema: buildSchema(v.at("schema")),
		Key:    buildSchema(v.at("key")),
		Where:  of[string](v.at("where")),
		Fields: Fields{
			ID: field("id"), Time: field("time"), Version: field("version"), Score: field("score"),
			Decision: field("decision"), Latency: field("latency"), Lineage: field("lineage"), Label: field("label"),
			Low: field("low"), High: field("high"), Reasons: field("reasons"),
		},
	}
}

func buildSchema(v *value) SchemaRef {
	return SchemaRef{Subject: of[string](v.at("subject")), File: of[string](v.at("file")), Encoding: of[string](v.at("encoding"))}
}

func buildInput(name string, v *value) Input {
	in := Input{
		Name:        name,
		Kind:        InputKind(of[string](v.at("type"))),
		Path:        orDefault(v.at("path"), name),
		Unit:        of[string](v.at("unit")),
		Missing:     pointer[float64](v.at("missing").at("max")),
		Values:      texts(v.at("values")),
		Unique:      of[bool](v.at("unique")),
		Components:  of[int](v.at("components")),
		IgnoreBelow: buildIgnore(v.at("ignore_below")),
	}
	if bounds := items(v.at("range")); len(bounds) == 2 && bounds[0].ok && bounds[1].ok {
		in.Range = &Range{Min: of[float64](bounds[0]), Max: of[float64](bounds[1])}
	}
	return in
}

func buildIgnore(v *value) IgnoreBelow {
	return IgnoreBelow{
		Shift:  of[float64](v.at("shift")),
		Spread: of[float64](v.at("spread")),
		Rate:   of[float64](v.at("rate")),
	}
}

func buildCosts(v *value) *Costs {
	if v == nil {
		return nil
	}
	return &Costs{
		Currency:      of[string](v.at("currency")),
		FalsePositive: of[float64](v.at("false_positive")),
		FalseNegative: of[float64](v.at("false_negative")),
		TruePositive:  of[float64](v.at("true_positive")),
		TrueNegative:  of[float64](v.at("true_negative")),
	}
}

func buildDecision(v *value) Decision {
	if v == nil {
		return Decision{}
	}
	word, threshold := of[string](v), v.at("threshold")
	return Decision{
		Cheapest:  word == cheapest || of[string](threshold) == cheapest,
		Threshold: numberOnly(threshold),
	}
}

// numberOnly is what v holds if that is a number.
func numberOnly(v *value) *float64 {
	if v == nil || !v.ok {
		return nil
	}
	if f, ok := v.x.(float64); ok {
		return &f
	}
	return nil
}

// buildPromise leaves Max and Min to the checks: how they are read depends on the metric.
func buildPromise(v *value) Promise {
	p := Promise{
		Metric:      of[string](v.at("metric")),
		MaxIncrease: pointer[float64](v.at("max_increase")),
		Over:        of[Duration](v.at("over")),
		By:          texts(v.at("by")),
		Of:          of[string](v.at("of")),
		Then:        texts(v.at("then")),
		Agreed:      texts(v.at("agreed")),
		Until:       of[Date](v.at("until")),
		Expr:        of[string](v.at("expr")),
		Line:        v.node.Line,
	}
	if v.at("then") == nil {
		p.Then = []string{"ticket"}
	}
	return p
}

func buildWatch(v *value) Watch {
	ref := v.at("reference")
	w := Watch{
		Reference: Reference{
			From:     of[Date](ref.at("from")),
			To:       of[Date](ref.at("to")),
			File:     of[string](ref.at("file")),
			Rolling:  of[Duration](ref.at("rolling")),
			Baseline: of[string](ref.at("baseline")),
		},
		Pane:     orDefault(v.at("pane"), defaultPane),
		Lateness: orDefault(v.at("lateness"), defaultLateness),
		FalseAlarms: FalseAlarms{
			Pages:   orDefault(v.at("false_alarms").at("pages"), defaultPages),
			Tickets: orDefault(v.at("false_alarms").at("tickets"), defaultTickets),
		},
		IgnoreBelow: IgnoreBelow{
			Shift:  orDefault(v.at("ignore_below").at("shift"), defaultShift),
			Spread: orDefault(v.at("ignore_below").at("spread"), defaultSpread),
			Rate:   orDefault(v.at("ignore_below").at("rate"), defaultRate),
		},
	}
	if late := v.at("fault_lateness"); late != nil {
		d := of[Duration](late)
		w.FaultLateness = &d
	}
	for _, it := range items(v.at("windows")) {
		w.Windows = append(w.Windows, of[Duration](it))
	}
	if v.at("windows") == nil {
		w.Windows = []Duration{Duration(day), Duration(week)}
	}
	for _, it := range items(v.at("calendar")) {
		w.Calendar = append(w.Calendar, CalendarEntry{
			Name: of[string](it.at("name")), From: of[Date](it.at("from")), To: of[Date](it.at("to")),
		})
	}
	return w
}

func buildHold(v *value) *Hold {
	if v == nil {
		return nil
	}
	return &Hold{By: of[string](v.at("by")), Why: of[string](v.at("why")), Until: of[Date](v.at("until"))}
}

func buildRetrain(v *value) *Retrain {
	if v == nil {
		return nil
	}
	return &Retrain{
		Topic:    of[string](v.at("topic")),
		On:       texts(v.at("on")),
		Cooldown: orDefault(v.at("cooldown"), defaultCooldown),
		Budget:   of[string](v.at("budget")),
		Results:  of[string](v.at("results")),
		Window:   of[Duration](v.at("window")),
		Hold:     buildHold(v.at("hold")),
	}
}
