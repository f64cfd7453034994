package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/plumbline-ml/plumbline/internal/expr"
)

// format is one kind of scalar: how it is read, what to say when it can't be, and what the JSON Schema says of it. Reader and
// schema stand side by side so that they are changed together.
type format struct {
	want   func(text string) string // what would be right, given what was read
	read   func(n *yaml.Node) (any, bool)
	schema object
}

// object is a JSON object that keeps its order.
type object []member

type member struct {
	key   string
	value any
}

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, v := range []any{m.key, m.value} {
			var part bytes.Buffer
			enc := json.NewEncoder(&part)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(v); err != nil {
				return nil, err
			}
			b.Write(bytes.TrimSpace(part.Bytes()))
			if j == 0 {
				b.WriteByte(':')
			}
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func always(s string) func(string) string { return func(string) string { return s } }

func typed(name string, more ...member) object { return append(object{{"type", name}}, more...) }

// isText reports whether n is text. A plain date counts: YAML 1.1 would make a timestamp of it, people and editors don't.
func isText(n *yaml.Node) bool {
	tag := n.ShortTag()
	return tag == "!!str" || tag == "!!timestamp"
}

func isNumber(n *yaml.Node) bool {
	tag := n.ShortTag()
	return tag == "!!int" || tag == "!!float"
}

func readNumber(n *yaml.Node) (float64, bool) {
	var f float64
	if !isNumber(n) || n.Decode(&f) != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, false
	}
	return f + 0, true // no negative zero: it would be another digest
}

// formatText is non-empty text of at most n characters, without control characters except line breaks and tabs.
func formatText(n int) *format {
	return &format{
		want: always("text is needed; put quotes around it if YAML takes it for a number, true or false, or nothing"),
		read: func(node *yaml.Node) (any, bool) {
			v := node.Value
			return v, isText(node) && strings.TrimSpace(v) != "" && utf8.RuneCountInString(v) <= n && !strings.ContainsFunc(v, isControl)
		},
		schema: typed("string", member{"minLength", 1}, member{"maxLength", n}),
	}
}

func isControl(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == utf8.RuneError
}

// formatPattern is text that matches pattern, an anchored regular expression that Go and ECMA 262 read alike.
func formatPattern(want, pattern string) *format {
	re := regexp.MustCompile(pattern)
	return &format{
		want:   always(want),
		read:   func(n *yaml.Node) (any, bool) { return n.Value, isText(n) && re.MatchString(n.Value) },
		schema: typed("string", member{"pattern", pattern}),
	}
}

func formatEnum(values ...string) *format {
	return &format{
		want: func(text string) string {
			near := didYouMean(text, values)
			switch {
			case len(values) == 1:
				return "must be " + values[0]
			case len(values) > 10 && near != "":
				return "there is no such entry" + near
			default:
				return "must be one of " + strings.Join(values, ", ") + near
			}
		},
		read:   func(n *yaml.Node) (any, bool) { return n.Value, isText(n) && slices.Contains(values, n.Value) },
		schema: object{{"enum", values}},
	}
}

func didYouMean(text string, among []string) string {
	if near := expr.Nearest(text, among); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

var formatNumber = &format{
	want:   always("a number is needed"),
	read:   func(n *yaml.Node) (any, bool) { f, ok := readNumber(n); return f, ok },
	schema: typed("number"),
}

// formatWhole is a whole number from least to most.
func formatWhole(least, most int) *format {
	return &format{
		want: always(fmt.Sprintf("a whole number from %d to %d is needed", least, most)),
		read: func(n *yaml.Node) (any, bool) {
			f, ok := readNumber(n)
			ok = ok && f == math.Trunc(f) && f >= float64(least) && f <= float64(most)
			if !ok {
				return 0, false
			}
			return int(f), true
		},
		schema: typed("integer", member{"minimum", least}, member{"maximum", most}),
	}
}

var formatBool = &format{
	want:   always("true or false is needed"),
	read:   func(n *yaml.Node) (any, bool) { return n.Value == "true", n.ShortTag() == "!!bool" },
	schema: typed("boolean"),
}

// formatScalar is any scalar, kept as written: labels and categories are compared as text.
var formatScalar = &format{
	want: always("a single value is needed"),
	read: func(n *yaml.Node) (any, bool) {
		return n.Value, n.ShortTag() != "!!null" && utf8.RuneCountInString(n.Value) <= 500
	},
	schema: object{{"type", []string{"string", "number", "boolean"}}, {"maxLength", 500}},
}

const durationPattern = `^([0-9]{1,9}(\.[0-9]{1,9})?(ns|us|ms|s|m|h|d|w)){1,8}$`

// formatDuration is a duration of at least least.
func formatDuration(least Duration) *format {
	want := "a duration is needed, like 90s, 1h30m, 2d or 1w"
	if least > 0 {
		want += ", longer than nothing"
	}
	return &format{
		want: always(want),
		read: func(n *yaml.Node) (any, bool) {
			d, err := ParseDuration(n.Value)
			return d, isText(n) && err == nil && d >= least
		},
		schema: typed("string", member{"pattern", durationPattern}),
	}
}

// decimals is how a number in front of a unit is written. Its size is bounded, so that reading it exactly is cheap.
const decimals = `[0-9]{1,15}(\.[0-9]{1,15})?`

// suffixed reads a decimal number before unit and gives number/divisor, rounded once.
func suffixed(unit string, divisor int64) func(text string) (float64, bool) {
	re := regexp.MustCompile(`^` + decimals + regexp.QuoteMeta(unit) + `$`)
	return func(text string) (float64, bool) {
		if !re.MatchString(text) {
			return 0, false
		}
		r, ok := new(big.Rat).SetString(strings.TrimSuffix(text, unit))
		if !ok {
			return 0, false
		}
		f, _ := r.Quo(r, big.NewRat(divisor, 1)).Float64()
		return f, true
	}
}

var (
	percent        = suffixed("%", 100)
	points         = suffixed("pp", 100)
	deviations     = suffixed("sd", 1)
	percentPattern = `^` + decimals + `%$`
)

// formatShare is a share: 0..1, or a percentage.
var formatShare = &format{
	want: always("a share is needed, like 1% or 0.01"),
	read: func(n *yaml.Node) (any, bool) {
		f, ok := readNumber(n)
		if !ok && isText(n) {
			f, ok = percent(n.Value)
		}
		return f, ok && f >= 0 && f <= 1
	},
	schema: object{{"anyOf", []any{
		typed("number", member{"minimum", 0}, member{"maximum", 1}),
		typed("string", member{"pattern", percentPattern}),
	}}},
}

// formatSuffixed is a positive number with a unit.
func formatSuffixed(want, unit string, read func(string) (float64, bool)) *format {
	return &format{
		want: always(want),
		read: func(n *yaml.Node) (any, bool) {
			f, ok := read(n.Value)
			return f, isText(n) && ok && f > 0
		},
		schema: typed("string", member{"pattern", `^` + decimals + regexp.QuoteMeta(unit) + `$`}),
	}
}

var (
	formatPercent    = formatSuffixed("a percentage above 0 is needed, like 5%", "%", percent)
	formatDeviations = formatSuffixed("a number of standard deviations above 0 is needed, like 0.05sd", "sd", deviations)
	formatPoints     = formatSuffixed("percentage points above 0 are needed, like 0.5pp", "pp", points)
)

var ratePattern = `^` + decimals + `/([0-9]{1,9}(\.[0-9]{1,9})?(ns|us|ms|s|m|h|d|w)){1,8}$`

// readRate reads "1/30d" as times per day.
func readRate(text string) (float64, bool) {
	count, per, ok := strings.Cut(text, "/")
	n, okN := suffixed("", 1)(count)
	d, err := ParseDuration(per)
	if !ok || !okN || err != nil || n <= 0 || d <= 0 {
		return 0, false
	}
	return n * float64(day) / float64(d), true
}

const wantRate = "a rate is needed, like 1/30d (once in 30 days)"

var formatRate = &format{
	want:   always(wantRate),
	read:   func(n *yaml.Node) (any, bool) { f, ok := readRate(n.Value); return f, ok && isText(n) },
	schema: typed("string", member{"pattern", ratePattern}),
}

// formatRateText is a rate that is kept as written.
var formatRateText = &format{
	want:   always(wantRate),
	read:   func(n *yaml.Node) (any, bool) { _, ok := readRate(n.Value); return n.Value, ok && isText(n) },
	schema: formatRate.schema,
}

var formatDate = &format{
	want: always("a date or time is needed, like 2026-01-31 or 2026-01-31T12:00:00Z"),
	read: func(n *yaml.Node) (any, bool) {
		d, err := ParseDate(n.Value)
		return d, err == nil && isText(n)
	},
	schema: typed("string", member{"pattern", `^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))?$`}),
}

// limit is a promise's max or min before its metric is known: a number, or text with a unit.
type limit struct {
	number   float64
	isNumber bool
	text     string
}

var formatLimit = &format{
	want: always("a limit is needed: a number, a percentage like 5% or a duration like 250ms"),
	read: func(n *yaml.Node) (any, bool) {
		if f, ok := readNumber(n); ok {
			return limit{number: f, isNumber: true, text: n.Value}, true
		}
		_, isPercent := percent(n.Value)
		_, err := ParseDuration(n.Value)
		return limit{text: n.Value}, isText(n) && (isPercent || err == nil)
	},
	schema: object{{"anyOf", []any{
		typed("number"),
		typed("string", member{"pattern", percentPattern}),
		typed("string", member{"pattern", durationPattern}),
	}}},
}

// formatThreshold is a number in [0, 1] or the word cheapest.
var formatThreshold = &format{
	want: always("a threshold between 0 and 1, or cheapest, is needed"),
	read: func(n *yaml.Node) (any, bool) {
		if isText(n) {
			return cheapest, n.Value == cheapest
		}
		f, ok := readNumber(n)
		return f, ok && f >= 0 && f <= 1
	},
	schema: object{{"anyOf", []any{
		typed("number", member{"minimum", 0}, member{"maximum", 1}),
		object{{"const", cheapest}},
	}}},
}

const (
	cheapest = "cheapest" // of decision: search the threshold by cost
	byEvent  = "event"    // of decision: the event's own decision field
)

// The patterns of names.
const (
	columnPattern = `^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`
	pathPattern   = `^[^.\s]+(\.[^.\s]+)*$`
	namePattern   = `^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$`
	wordPattern   = `^[a-z][a-z0-9_-]{0,49}$`
	modelPattern  = `^[a-z0-9][a-z0-9._-]{0,99}$`
	topicPattern  = `^[A-Za-z0-9._-]{1,249}$`
)

var (
	formatColumn = formatPattern("a name of letters, digits and _ is needed (with dots between parts), so that expressions can use it; say where its value lies with path", columnPattern)
	formatPath   = formatPattern("a field path is needed, like amount or customer.address.city", pathPattern)
	formatName   = formatPattern("a name of up to 100 letters, digits, '.', '_' and '-' is needed", namePattern)
	formatWord   = formatPattern("a lower-case word is needed, like data, model or risk", wordPattern)
	formatModel  = formatPattern("a name of up to 100 lower-case letters, digits, '.', '_' and '-' is needed", modelPattern)
	formatTopic  = formatPattern("a Kafka topic name is needed: up to 249 letters, digits, '.', '_' and '-'", topicPattern)
	formatTeam   = formatText(200)
	formatExpr   = formatText(expr.MaxLength)
)
