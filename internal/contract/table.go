package contract

// shape says what a place in the document holds.
type shape int

const (
	scalarShape shape = iota
	objectShape       // a mapping with known keys
	mapShape          // a mapping from free names to elements
	listShape
	oneOrManyShape // a list, or its only element alone
)

// spec describes one place in the document. The reader and the JSON Schema both follow it; there is no other list of keys.
type spec struct {
	shape    shape
	format   *format // of a scalar
	fields   []field // of an object
	keys     *format // of a map's keys
	elem     *spec   // of a map's or a list's elements
	min, max int     // how many entries a map or a list has; max 0: no bound but the document's size
	or       *spec   // a scalar that may stand instead of an object
}

type field struct {
	key      string
	required bool
	doc      string
	spec     *spec
}

func scalar(f *format) *spec { return &spec{shape: scalarShape, format: f} }

func objectOf(fields ...field) *spec { return &spec{shape: objectShape, fields: fields} }

func mapOf(most int, keys *format, elem *spec) *spec {
	return &spec{shape: mapShape, keys: keys, elem: elem, max: most}
}

func listOf(least, most int, elem *spec) *spec {
	return &spec{shape: listShape, elem: elem, min: least, max: most}
}

func oneOrMany(elem *spec) *spec { return &spec{shape: oneOrManyShape, elem: elem, min: 1} }

func must(key, doc string, s *spec) field { return field{key: key, required: true, doc: doc, spec: s} }

func may(key, doc string, s *spec) field { return field{key: key, doc: doc, spec: s} }

// CauseKinds are the kinds of cause an incident can have; runbooks are kept by them.
func CauseKinds() []string {
	return []string{
		"unit_change", "clock_shift", "stuck", "released", "swapped", "sentinel", "precision_loss", "clipped", "sign_flip",
		"recoded", "new_category", "missing", "duplicates", "volume", "late", "schema_change", "mix_shift", "covariate_shift",
		"prior_shift", "concept_drift", "calibration", "performance", "disparity", "version_change", "fallback", "unknown",
	}
}

const (
	apiVersion = "plumbline/v1"
	docKind    = "QualityContract"
)

// document is the whole contract.
var document = objectOf(
	must("apiVersion", "Version of this format.", scalar(formatEnum(apiVersion))),
	must("kind", "What this document is.", scalar(formatEnum(docKind))),
	must("metadata", "Which model this is about.", objectOf(
		must("model", "Name of the model, as findings and topics show it.", scalar(formatModel)),
		may("description", "What the model predicts, in one sentence.", scalar(formatText(2000))),
		may("tags", "Free words to find the model by.", listOf(0, 50, scalar(formatText(100)))),
	)),
	must("owners", "Who answers for what: role (data, model, platform, business, risk, legal, or any lower-case word) to team. The role model is required.",
		&spec{shape: mapShape, keys: formatWord, elem: scalar(formatTeam), min: 1}),
	must("task", "What the model predicts.", objectOf(
		must("type", "Kind of prediction: binary, multiclass or regression.",
			scalar(formatEnum(string(Binary), string(Multiclass), string(Regression)))),
		may("positive", "Binary: the label that counts as 1. Default: 1.", scalar(formatScalar)),
		may("classes", "Multiclass: the names of the classes.", listOf(2, 255, scalar(formatScalar))),
		may("score", "Multiclass: what the score field holds. top: the probability of the class that was predicted; vector: one of each class, in the order of classes (64 at most); map: one of each class, by its name. Default: top.",
			scalar(formatEnum(string(ScoreTop), string(ScoreVector), string(ScoreMap)))),
	)),
	must("streams", "Where events come from, and which field means what.", objectOf(
		must("prediction", "What the model was asked and answered.", streamSpec(
			must("id", "Field that names the event; outcomes carry the same.", scalar(formatPath)),
			must("time", "Field with the event's own time.", scalar(formatPath)),
			may("version", "Field with the model's version.", scalar(formatPath)),
			may("score", "Field with the score: a probability for binary, the predicted value for regression.", scalar(formatPath)),
			may("low", "Field with the lower bound of the predicted interval (regression).", scalar(formatPath)),
			may("high", "Field with the upper bound of the predicted interval (regression).", scalar(formatPath)),
			may("decision", "Field with the decision that was taken: for multiclass the class that was predicted.", scalar(formatPath)),
			may("latency", "Field with the time it took to answer, in milliseconds.", scalar(formatPath)),
			may("lineage", "Field that says which job or feature version produced the inputs.", scalar(formatPath)),
			may("reasons", "Field with the reason codes of the decision: an array of texts, or a text; none where it is missing, empty or blank. They are counted as there or not, never kept.", scalar(formatPath)),
		)),
		may("outcome", "What turned out to be true.", streamSpec(
			must("id", "Field with the id of the prediction this is the outcome of.", scalar(formatPath)),
			must("time", "Field with the outcome's own time.", scalar(formatPath)),
			must("label", "Field with the true value.", scalar(formatPath)),
		).with(
			may("keep", "How long a prediction waits for its outcome, between the two events' own times. Default: 7d.", scalar(formatDuration(1))),
			may("mature_after", "When a cohort's labels count as complete, after the end of its pane. Default: 1h, or keep if that is shorter.", scalar(formatDuration(0))),
			may("labels", "Which predictions get an outcome, where not all of them do (binary).", objectOf(
				must("missing", "at_random_given_score: which of the predictions with one score get an outcome has nothing to do with what it is; metrics are re-weighted to all predictions, score by score. positives_only: only positive outcomes are reported; what has none after the usual delay is negative. Default: not stated; where less than nine tenths get one, and not as often at every score, what hangs on the others is said to be not identified.",
					scalar(formatEnum(string(AtRandomGivenScore), string(PositivesOnly)))),
			)),
			may("sample", "Share of the predictions whose outcomes are joined, chosen by a hash of their ids: less to keep at high volume. Default: all.", scalar(formatShare)),
		)),
		may("attributes", "Protected attributes of predictions that their events don't carry, by id. They are joined with outcomes only, and only which group an id is in is kept.", streamSpec(
			must("id", "Field with the id of the prediction this says an attribute of.", scalar(formatPath)),
			must("time", "Field with the record's own time: the latest of an id counts, if it lies within keep of the prediction.", scalar(formatPath)),
		)),
		may("feature", "Raw feature events, watched before any model reads them.", streamSpec(
			may("id", "Field that names the event.", scalar(formatPath)),
			must("time", "Field with the event's own time.", scalar(formatPath)),
			may("version", "Field with the version of what produced the event.", scalar(formatPath)),
			may("lineage", "Field that says which job produced the event.", scalar(formatPath)),
		)),
	)),
	may("inputs", "What the model reads: name to kind and promises.", mapOf(10000, formatColumn, objectOf(
		must("type", "Kind of values.", scalar(formatEnum(string(Numeric), string(Categorical), string(Identifier), string(Timestamp),
			string(Boolean), string(Text), string(Vector)))),
		may("path", "Where the value lies in the event, with dots into records and maps. Default: the name.", scalar(formatPath)),
		may("unit", "Unit of the values (numeric).", scalar(formatText(100))),
		may("range", "Smallest and largest value that make sense, both included (numeric).", listOf(2, 2, scalar(formatNumber))),
		may("missing", "How much may be missing.", objectOf(
			must("max", "Largest share of events without a value.", scalar(formatShare)),
		)),
		may("values", "All values there are (categorical).", listOf(1, 10000, scalar(formatScalar))),
		may("unique", "Whether no value comes twice (identifier).", scalar(formatBool)),
		may("components", "How many numbers of each vector, from the first on, are also watched one by one (vector), in columns NAME.component_0, NAME.component_1 and so on. Every column has its part in the budget of false alarms. Default: none; the norm and the dimension are watched.",
			scalar(formatWhole(1, MaxComponents))),
		may("ignore_below", "What is too small to matter, for this input.", ignoreSpec),
	))),
	may("derived", "Columns computed from others: name to a CEL expression. Slices are often made this way.", mapOf(1000, formatColumn, scalar(formatExpr))),
	may("rules", "Conditions that each event should meet.", listOf(0, 1000, objectOf(
		must("name", "Name of the rule, as findings show it.", scalar(formatName)),
		must("expr", "CEL condition over inputs, derived columns and fields; false counts against the rule.", scalar(formatExpr)),
	))),
	may("slices", "Parts of the traffic that every metric is also kept for: lists of columns; [a, b] is their cross.",
		listOf(0, 64, listOf(1, 8, scalar(formatColumn)))),
	may("protected", "Attributes that fairness is judged by. Switches fairness on.", mapOf(100, formatColumn, objectOf(
		may("privileged", "The value others are compared with. Default: the one with most events in the reference, or all others together where none has a fifth.", scalar(formatScalar)),
		may("justification", "Why the model may read it; required where it is also an input.", scalar(formatText(5000))),
		may("path", "Where the value lies in the prediction's event, if the model doesn't read it: then it is no input, and is counted for fairness only. With from, where it lies in that stream; default there: the name.", scalar(formatPath)),
		may("from", "attributes: the value comes from streams.attributes, by id; it is for metrics of outcomes only.", scalar(formatEnum(FromAttributes))),
	))),
	may("costs", "What one decision costs; a benefit is negative (binary).", objectOf(
		must("currency", "Three-letter code, like EUR.", scalar(formatPattern("a three-letter currency code is needed, like EUR", `^[A-Z]{3}$`))),
		must("false_positive", "Cost of deciding for an event that turns out negative.", scalar(formatNumber)),
		must("false_negative", "Cost of deciding against an event that turns out positive.", scalar(formatNumber)),
		may("true_positive", "Cost of rightly deciding for. Default: 0.", scalar(formatNumber)),
		may("true_negative", "Cost of rightly deciding against. Default: 0.", scalar(formatNumber)),
	)),
	may("decision", "How a score becomes a decision: a threshold, cheapest (the threshold with the least expected cost), or event (the event's own decision field; the default).",
		&spec{
			shape:  objectShape,
			fields: []field{must("threshold", "A score at or above it is positive: 0 to 1, or cheapest.", scalar(formatThreshold))},
			or:     scalar(formatEnum(cheapest, byEvent)),
		}),
	may("promises", "What was agreed, with whom, until when: limits, SLAs and KPIs alike.", listOf(0, 1000, objectOf(
		must("metric", "What is measured; with expr, the name of a metric of one's own.", scalar(formatPattern(
			"the name of a metric is needed, like ece or scoring_latency_p99", `^[a-z][a-z0-9_]{0,99}$`))),
		may("expr", "CEL over the task's metrics, for a metric of one's own.", scalar(formatExpr)),
		may("max", "Largest value allowed: a number, a percentage or a duration, as the metric asks.", scalar(formatLimit)),
		may("min", "Smallest value allowed.", scalar(formatLimit)),
		may("max_increase", "Largest increase against the reference, like 50%.", scalar(formatPercent)),
		must("over", "Window the metric is taken over; a multiple of the pane.", scalar(formatDuration(1))),
		may("by", "A slice the promise holds in every part of.", listOf(1, 8, scalar(formatColumn))),
		may("of", "reason_code_coverage: the decisions that are to carry reason codes: negative, positive or all. Default: negative where there are decisions, else all.",
			scalar(formatEnum(NegativeDecisions, PositiveDecisions, AllDecisions))),
		may("then", "What follows from breaking it: page, ticket, retrain; one or several. Default: ticket.",
			oneOrMany(scalar(formatEnum("page", "ticket", "retrain")))),
		may("agreed", "Who agreed to it.", listOf(1, 100, scalar(formatTeam))),
		may("until", "When it ends.", scalar(formatDate)),
	))),
	must("watch", "What is compared with what, and how often a false alarm is acceptable.", objectOf(
		must("reference", "The data that counts as good: one of from and to, file, rolling, baseline.", objectOf(
			may("from", "First instant of the reference.", scalar(formatDate)),
			may("to", "End of the reference, no longer part of it.", scalar(formatDate)),
			may("file", "File with reference events, relative to the contract.", scalar(formatText(1000))),
			may("rolling", "The last so long.", scalar(formatDuration(1))),
			may("baseline", "A baseline by digest (sha256:...) or name.", scalar(formatPattern(
				"a digest (sha256: and 64 hexadecimal digits) or the name of a baseline is needed", `^(sha256:[0-9a-f]{64}|[a-z0-9][a-z0-9._-]{0,99})$`))),
		)),
		may("pane", "Length of the panes that counts are kept by; it divides a day. Default: 1h.", scalar(formatDuration(1))),
		may("lateness", "How late an event may be within its partition. Default: 5m.", scalar(formatDuration(0))),
		may("fault_lateness", "The same for hard faults, which are told before their pane ends, from what has come by then. At most lateness. Default: 5s.", scalar(formatDuration(0))),
		may("windows", "What dashboards show. Default: 1d and 7d.", listOf(1, 20, scalar(formatDuration(1)))),
		may("false_alarms", "How many false alarms are acceptable, for the whole model.", objectOf(
			may("pages", "Default: 1/30d.", scalar(formatRate)),
			may("tickets", "Default: 4/30d.", scalar(formatRate)),
		)),
		may("ignore_below", "What is too small to matter.", ignoreSpec),
		may("calendar", "Declared odd days: nothing is learnt from them and no alarm is raised.", listOf(0, 1000, objectOf(
			must("name", "What makes them odd.", scalar(formatText(200))),
			must("from", "First instant.", scalar(formatDate)),
			must("to", "End, no longer part of it.", scalar(formatDate)),
		))),
	)),
	may("notify", "Who is told what. Every route that matches is used.", listOf(0, 100, objectOf(
		may("when", "What the route is for; without it, everything.", objectOf(
			may("severity", "Only this severity.", scalar(formatEnum("page", "ticket", "info"))),
			may("role", "Only what this owner answers for.", scalar(formatWord)),
			may("slice", "Only these parts of the traffic: column to value.", mapOf(8, formatColumn, scalar(formatScalar))),
			may("hours", "Only at these times of a day, like 09:00-17:30; 22:00-06:00 goes on past midnight. What is still open when they begin is told then.", scalar(formatHours)),
			may("days", "Only on these days of the week; hours that go on past midnight belong to the day they began on.", listOf(1, 7, scalar(formatEnum(weekdays...)))),
			may("zone", "Time zone of hours, days and digests, like Europe/Berlin. Default: UTC.", scalar(formatZone)),
		)),
		may("after", "Only once nobody has acknowledged the incident for so long, like 15m: escalation.", scalar(formatDuration(1))),
		may("digest", "Only as a summary: daily, or weekly (on Mondays).", scalar(formatEnum("daily", "weekly"))),
		may("at", "When a digest is sent, like 08:30. Default: 09:00.", scalar(formatClock)),
		may("pagerduty", "PagerDuty service.", scalar(formatText(200))),
		may("slack", "Slack channel, like \"#model-oncall\" (in quotes: # begins a comment).", scalar(formatPattern(
			"a channel or member is needed, like \"#model-oncall\" or \"@team\"", `^[#@][^\s]{1,80}$`))),
		may("webhook", "URL that incidents are posted to.", scalar(formatPattern("an http or https URL is needed", `^https?://[^\s]{1,1000}$`))),
		may("email", "E-mail address.", scalar(formatPattern("an e-mail address is needed", `^[^@\s]{1,100}@[^@\s]{1,200}$`))),
	))),
	may("retrain", "When a retraining trigger is published.", objectOf(
		must("topic", "Topic the triggers go to.", scalar(formatTopic)),
		must("on", "What triggers: calibration, performance, drift, or the name of a rule.", listOf(1, 100, scalar(formatName))),
		may("cooldown", "Least time between two triggers. Default: 7d.", scalar(formatDuration(0))),
		may("budget", "How many triggers there may be, like 2/30d.", scalar(formatRateText)),
		may("results", "Topic that retraining reports on. Default: "+DefaultResults+".", scalar(formatTopic)),
		may("window", "Least length of the training window that is suggested. Default: 28d.", scalar(formatDuration(1))),
		may("hold", "No trigger, because people say so.", objectOf(
			must("by", "Who says so.", scalar(formatTeam)),
			must("why", "Why: what held triggers say.", scalar(formatText(1000))),
			may("until", "When it ends. Default: when it is taken out.", scalar(formatDate)),
		)),
	)),
	may("runbooks", "What to do: cause to a path or URL.", mapOf(0, formatEnum(CauseKinds()...), scalar(formatText(1000)))),
)

var ignoreSpec = objectOf(
	may("shift", "Change of the mean, in standard deviations of the reference. Default: 0.05sd.", scalar(formatDeviations)),
	may("spread", "Relative change of the standard deviation. Default: 5%.", scalar(formatPercent)),
	may("rate", "Change of a share, in percentage points. Default: 0.5pp.", scalar(formatPoints)),
)

// streamSpec is a stream whose fields have the given roles.
func streamSpec(roles ...field) *spec {
	return objectOf(
		must("topic", "Kafka topic.", scalar(formatTopic)),
		may("schema", "The Avro schema that stands behind the contract, a subject or a file: it gives the defaults and former names of fields, and reads raw events; and how events name the schema that wrote them.", objectOf(
			may("subject", "Subject in the schema registry.", scalar(formatText(500))),
			may("file", "Avro schema file, relative to the contract.", scalar(formatText(1000))),
			may("encoding", "confluent (a registry's id, in front of the value or in a record header), single_object (0xC3 0x01 and a fingerprint) or raw (nothing: the schema given here wrote every event). Default: what each event shows, confluent or single_object.",
				scalar(formatEnum(EncodingConfluent, EncodingSingleObject, EncodingRaw))),
		)),
		may("key", "How record keys are read, for fields whose path begins with $key. Default: as text.", objectOf(
			may("subject", "Subject in the schema registry.", scalar(formatText(500))),
			may("file", "Avro schema file, relative to the contract.", scalar(formatText(1000))),
			may("encoding", "text (the whole key is one text), confluent, single_object or raw. Default: confluent or single_object, as each key shows.",
				scalar(formatEnum(EncodingText, EncodingConfluent, EncodingSingleObject, EncodingRaw))),
		)),
		may("where", "CEL filter over the event's fields, for topics that models share.", scalar(formatExpr)),
		must("fields", "Which field means what.", objectOf(roles...)),
	)
}

// with is s with more fields.
func (s *spec) with(more ...field) *spec {
	s.fields = append(s.fields, more...)
	return s
}
