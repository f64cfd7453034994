package contract

import (
	"slices"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/expr"
)

// checker holds a contract against what its parts demand of one another.
type checker struct {
	*reader
	c       *Contract
	root    *value
	columns map[string]column // what slices may name; see checkColumns
	names   []string          // the keys of columns, in order of declaration
	vars    []expr.Var        // what rules see
}

func (k *checker) all() {
	k.checkOwners()
	k.checkTask()
	k.checkStreams()
	k.checkInputs()
	k.checkColumns()
	k.checkRules()
	k.checkSlices()
	k.checkProtected()
	k.checkCosts()
	k.checkWatch()
	k.checkPromises()
	k.checkNotify()
	k.checkRetrain()
}

func (k *checker) checkOwners() {
	if v := k.root.at("owners"); v != nil && v.fields != nil && v.at("model") == nil {
		k.lacks(v, "model", "is missing: which team answers for the model?")
	}
}

func (k *checker) checkTask() {
	v := k.root.at("task")
	t := k.c.Task.Type
	if t == "" {
		return
	}
	if p := v.at("positive"); p != nil && t != Binary {
		k.refuse(p, "only a binary task has a positive label; remove it")
	}
	classes := v.at("classes")
	switch {
	case t == Multiclass && classes == nil:
		k.lacks(v, "classes", "is missing: name the classes, like [cat, dog, other]")
	case t != Multiclass && classes != nil:
		k.refuse(classes, "only a multiclass task has classes; remove it")
	}
	k.unique(items(classes), "this class is named twice")
	k.checkAnswer(v)
	if v := k.root.at("decision"); v != nil {
		k.checkDecision(v)
	}
}

// unique reports entries that hold what one before them does.
func (k *checker) unique(list []*value, message string) {
	seen := map[any]bool{}
	for _, it := range list {
		if it.ok && seen[it.x] {
			k.refuse(it, "%s; keep one", message)
		}
		seen[it.x] = it.ok
	}
}

func (k *checker) checkDecision(v *value) {
	d, fields := k.c.Decision, Fields{}
	if p := k.c.Streams.Prediction; p != nil {
		fields = p.Fields
	}
	switch {
	case of[string](v) == byEvent:
		if fields.Decision == "" {
			k.refuse(v, "the prediction stream names no decision field; add streams.prediction.fields.decision")
		}
		return
	case !d.Cheapest && d.Threshold == nil:
		return
	case k.c.Task.Type != Binary:
		k.refuse(v, "only a binary task has a threshold; write event, or remove it")
		return
	case fields.Score == "":
		k.refuse(v, "a threshold needs a score; add streams.prediction.fields.score")
	}
	if d.Cheapest && k.c.Costs == nil {
		k.refuse(v, "the cheapest threshold needs costs; add costs, or write a number")
	}
}

func (k *checker) checkStreams() {
	streams := k.root.at("streams")
	each(streams, func(_ string, v *value) {
		k.checkSchema(v.at("schema"))
		k.checkSchema(v.at("key"))
		each(v.at("fields"), func(_ string, path *value) { k.checkPath(path) })
	})
	out, o := k.c.Streams.Outcome, streams.at("outcome")
	if keep, mature := o.at("keep"), o.at("mature_after"); mature != nil && mature.ok && (keep == nil || keep.ok) && out.MatureAfter > out.Keep {
		k.refuse(mature, "labels can't count as complete after predictions have stopped waiting for them; keep is %s", out.Keep)
	}
	if v := o.at("sample"); v.readable() && out.Sample == 0 {
		k.refuse(v, "a sample of nothing joins no outcome; leave it out to join all")
	}
	if v := o.at("labels").at("missing"); v.readable() {
		switch {
		case k.c.Task.Type != Binary:
			k.refuse(v, "only for a binary task is counted how many predictions of each score get an outcome; leave labels out")
		case k.c.Streams.Prediction != nil && k.c.Streams.Prediction.Fields.Score == "":
			k.refuse(v, "which outcomes are missing is told by score; add streams.prediction.fields.score")
		}
	}
}

// checkSchema checks what a stream says of its schemas. What is raw needs one; text has none.
func (k *checker) checkSchema(s *value) {
	if s == nil || !s.ok {
		return
	}
	subject, file := s.at("subject") != nil, s.at("file") != nil
	switch encoding := of[string](s.at("encoding")); {
	case subject && file:
		k.refuse(s, "write subject or file, one of them")
	case encoding == EncodingText && (subject || file):
		k.refuse(s.at("encoding"), "text has no schema; remove the %s, or write another encoding", map[bool]string{true: "subject", false: "file"}[subject])
	case encoding == EncodingRaw && !subject && !file:
		k.refuse(s.at("encoding"), "raw events don't say which schema wrote them; write it as file or subject")
	case s.at("encoding") == nil && !subject && !file:
		k.refuse(s, "write subject or file, one of them, or encoding")
	}
}

// checkPath checks a path that doesn't lead into the value.
func (k *checker) checkPath(v *value) {
	path := of[string](v)
	if !strings.HasPrefix(path, "$") || path == "$key" || strings.HasPrefix(path, "$key.") || strings.HasPrefix(path, "$header.") {
		return
	}
	k.refuse(v, "what begins with $ is $key (the record's key), $key.FIELD or $header.NAME")
}

func (k *checker) checkInputs() {
	v := k.root.at("inputs")
	for _, in := range k.c.Inputs {
		k.checkPath(v.at(in.Name).at("path"))
		k.checkInput(v.at(in.Name), in)
	}
}

func (k *checker) checkInput(v *value, in Input) {
	if in.Kind == "" {
		return
	}
	for _, only := range []struct {
		v    *value
		kind InputKind
	}{
		{v.at("range"), Numeric},
		{v.at("unit"), Numeric},
		{v.at("values"), Categorical},
		{v.at("unique"), Identifier},
		{v.at("components"), Vector},
		{v.at("ignore_below").at("shift"), Numeric},
		{v.at("ignore_below").at("spread"), Numeric},
	} {
		if only.v != nil && only.kind != in.Kind {
			key := only.v.key
			k.add(key.Line, key.Column, only.v.path, key.Value, "only inputs of type "+string(only.kind)+" have it; this one is "+string(in.Kind))
		}
	}
	if in.Range != nil && in.Range.Min >= in.Range.Max {
		k.refuse(v.at("range"), "the first bound must be below the second")
	}
	k.unique(items(v.at("values")), "this value stands here twice")
}

func (k *checker) checkCosts() {
	v, c := k.root.at("costs"), k.c.Costs
	if c == nil || k.c.Task.Type == "" {
		return
	}
	if k.c.Task.Type != Binary {
		k.refuse(v, "only the decisions of a binary task can be priced; remove it")
		return
	}
	wrong, right := c.FalsePositive+c.FalseNegative, c.TruePositive+c.TrueNegative
	if k.c.Decision.Cheapest && v.at("false_positive").readable() && v.at("false_negative").readable() && wrong <= right {
		k.refuse(v, "with these costs errors are not dearer than right decisions, so there is no cheapest threshold")
	}
}

// readable reports whether v is there and could be read.
func (v *value) readable() bool { return v != nil && v.ok }

func (k *checker) checkWatch() {
	v, w := k.root.at("watch"), k.c.Watch
	if v == nil || v.fields == nil {
		return
	}
	k.checkReference(v.at("reference"), w.Reference)
	if p := v.at("pane"); p.readable() && !k.paneOK() {
		k.refuse(p, "a pane is between 1m and 1d long and divides a day, like 5m, 1h, 6h or 1d")
	}
	if late := v.at("fault_lateness"); late.readable() && w.FaultsAfter() > w.Lateness {
		k.refuse(late, "an event that is too late for its pane (lateness: %s) is too late for a fault", w.Lateness)
	}
	for _, it := range items(v.at("windows")) {
		k.multipleOfPane(it, "a window")
	}
	k.unique(items(v.at("windows")), "this window stands here twice")
	for i, it := range items(v.at("calendar")) {
		k.interval(it, w.Calendar[i].From, w.Calendar[i].To)
	}
	if ref := v.at("reference"); ref.at("rolling") != nil {
		k.multipleOfPane(ref.at("rolling"), "a rolling reference")
	}
}

// paneOK reports whether the pane is one that durations can be held against.
func (k *checker) paneOK() bool {
	pane := k.c.Watch.Pane
	return pane >= Duration(time.Minute) && pane <= Duration(day) && Duration(day)%pane == 0
}

func (k *checker) multipleOfPane(v *value, what string) {
	if pane := k.c.Watch.Pane; v.readable() && k.paneOK() && of[Duration](v)%pane != 0 {
		k.refuse(v, "%s is a multiple of the pane (%s)", what, pane)
	}
}

func (k *checker) interval(v *value, from, to Date) {
	if v.at("from").readable() && v.at("to").readable() && !from.Before(to.Time) {
		k.refuse(v.at("to"), "must lie after from (%s); to itself is no longer part of it", from)
	}
}

func (k *checker) checkReference(v *value, ref Reference) {
	if v == nil || !v.ok {
		return
	}
	var kinds []string
	if v.at("from") != nil || v.at("to") != nil {
		kinds = append(kinds, "from and to")
	}
	for _, key := range []string{"file", "rolling", "baseline"} {
		if v.at(key) != nil {
			kinds = append(kinds, key)
		}
	}
	switch {
	case len(kinds) == 0:
		k.refuse(v, "say what counts as good: from and to, file, rolling or baseline")
		return
	case len(kinds) > 1:
		k.refuse(v, "there is one reference; this has %s: keep one", strings.Join(kinds, ", "))
	}
	for _, pair := range [][2]string{{"from", "to"}, {"to", "from"}} {
		if v.at(pair[0]) != nil && v.at(pair[1]) == nil {
			k.lacks(v, pair[1], "is missing: a reference by time has from and to")
		}
	}
	k.interval(v, ref.From, ref.To)
	if d := Duration(ref.To.Sub(ref.From.Time)); v.at("from").readable() && v.at("to").readable() && d > 0 && k.paneOK() && d < k.c.Watch.Pane {
		k.refuse(v.at("to"), "the reference must hold at least one pane (%s)", k.c.Watch.Pane)
	}
}

func (k *checker) checkNotify() {
	for i, v := range items(k.root.at("notify")) {
		if !v.ok {
			continue
		}
		if !slices.ContainsFunc([]string{"pagerduty", "slack", "webhook", "email"}, func(t string) bool { return v.at(t) != nil }) {
			k.refuse(v, "this route leads nowhere; add pagerduty, slack, webhook or email")
		}
		when := v.at("when")
		if role := when.at("role"); role.readable() && k.root.at("owners").at(k.c.Notify[i].When.Role) == nil {
			roles := ownerRoles(k.root.at("owners"))
			k.refuse(role, "there is no such role in owners%s (there are %s)", didYouMean(of[string](role), roles), strings.Join(roles, ", "))
		}
		each(when.at("slice"), func(name string, it *value) {
			if !k.sliced(name) {
				k.add(it.key.Line, it.key.Column, it.path, name, "no slice holds this column; name one of slices, or add it there")
			}
		})
		k.checkWhen(v, when)
	}
}

// checkWhen looks at when a route is used.
func (k *checker) checkWhen(v, when *value) {
	k.unique(items(when.at("days")), "this day stands here twice")
	digest := v.at("digest")
	if digest == nil {
		if at := v.at("at"); at != nil {
			k.refuse(at, "this is when a digest is sent, and there is none; add digest: daily or weekly")
		}
		if zone := when.at("zone"); zone != nil && when.at("hours") == nil && when.at("days") == nil {
			k.refuse(zone, "a zone has no effect without hours, days or a digest")
		}
		return
	}
	if at := v.at("pagerduty"); at != nil {
		k.refuse(at, "a digest calls nobody; use slack, email or webhook")
	}
	if at := v.at("after"); at != nil {
		k.refuse(at, "what waits for a digest can't escalate; make it a route of its own")
	}
	for _, key := range []string{"hours", "days"} {
		if at := when.at(key); at != nil {
			k.refuse(at, "a digest is sent at its own time (at)")
		}
	}
	if sev := when.at("severity"); sev.readable() && of[string](sev) == "page" {
		k.refuse(sev, "a page can't wait for a digest; use ticket or info, or a route without digest")
	}
}

func ownerRoles(v *value) []string {
	if v == nil {
		return nil
	}
	return v.order
}

// sliced reports whether some slice names column name.
func (k *checker) sliced(name string) bool {
	return slices.ContainsFunc(k.c.Slices, func(s []string) bool { return slices.Contains(s, name) })
}

func (k *checker) checkRetrain() {
	causes := []string{"calibration", "performance", "drift"}
	for _, r := range k.c.Rules {
		causes = append(causes, r.Name)
	}
	on := items(k.root.at("retrain").at("on"))
	for _, it := range on {
		if it.ok && !slices.Contains(causes, of[string](it)) {
			k.refuse(it, "must be one of %s (or the name of a rule)%s", strings.Join(causes, ", "), didYouMean(of[string](it), causes))
		}
	}
	k.unique(on, "this stands here twice")
}
