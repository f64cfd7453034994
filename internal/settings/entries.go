package settings

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/plumbline-ml/plumbline/internal/budget"
	"github.com/plumbline-ml/plumbline/internal/contract"
)

// nameLimit bounds the name of an entry, in bytes: that of a team in a contract.
const nameLimit = 800

// entry is one of several named values of a key.
type entry struct{ name, text string }

// entriesValue is several named values: a mapping in the file, "NAME=VALUE, NAME=VALUE" in one text. Where parts is set, a name has a value
// for each of them: a mapping of them in the file, NAME.PART=VALUE in one text.
type entriesValue struct {
	parts []string
	one   func(name, part, text string) error // what is wrong with one of them; nil: nothing
	put   func([]entry) error                 // takes all of them, named NAME or NAME.PART
	get   func() []entry                      // as put takes them, in the order of their names
	word  string                              // how they are written in one text
}

func (v entriesValue) set(text string) error {
	if strings.TrimSpace(text) == "" {
		return v.put(nil)
	}
	var all []entry
	for item := range strings.SplitSeq(text, ",") {
		at := strings.LastIndex(item, "=")
		if at < 0 {
			return bad(strings.TrimSpace(item), v.word)
		}
		all = append(all, entry{strings.TrimSpace(item[:at]), strings.TrimSpace(item[at+1:])})
	}
	return v.setEntries(all)
}

func (v entriesValue) setEntries(all []entry) error {
	var errs []error
	seen := map[string]bool{}
	for _, e := range all {
		name, part := v.split(e.name)
		switch {
		case v.parts != nil && !slices.Contains(v.parts, part):
			errs = append(errs, bad(e.name, v.word))
		case seen[e.name]:
			errs = append(errs, fmt.Errorf("%s is given twice", e.name))
		default:
			if err := v.one(name, part, e.text); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", e.name, err))
			}
		}
		seen[e.name] = true
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return v.put(all)
}

// split is the name of an entry and its part, "" where there are none.
func (v entriesValue) split(name string) (of, part string) {
	if v.parts == nil {
		return name, ""
	}
	at := strings.LastIndex(name, ".")
	if at < 0 {
		return name, ""
	}
	return name[:at], name[at+1:]
}

func (v entriesValue) check() error { return v.setEntries(v.get()) }
func (v entriesValue) kind() string { return v.word }

func (v entriesValue) show() string {
	var out []string
	for _, e := range v.get() {
		out = append(out, e.name+"="+e.text)
	}
	return strings.Join(out, ",")
}

func (v entriesValue) plain() any {
	out := map[string]string{}
	for _, e := range v.get() {
		out[e.name] = e.text
	}
	return out
}

// entries reads a mapping of named values. Each that is wrong is told at its own place.
func (r *fileReader) entries(k key, v entriesValue, n *yaml.Node) {
	var all []entry
	failed := len(r.errs)
	take := func(name, part string, n *yaml.Node) {
		path := join(k.path, name)
		if part != "" {
			path = join(path, part)
		}
		switch {
		case isNull(n):
			r.fail(n, "%s: no value", path)
		case n.Kind != yaml.ScalarNode:
			r.fail(n, "%s: read %s, want one value", path, describe(n))
		default:
			if err := v.one(name, part, n.Value); err != nil {
				r.fail(n, "%s: %w", path, err)
			}
			if part != "" {
				name = join(name, part)
			}
			all = append(all, entry{name, n.Value})
		}
	}
	for name, content := range r.pairs(k.path, n) {
		if v.parts == nil {
			take(name.Value, "", content)
			continue
		}
		path := join(k.path, name.Value)
		if content.Kind != yaml.MappingNode {
			r.fail(content, "%s: read %s, want keys: %s", path, describe(content), strings.Join(v.parts, ", "))
			continue
		}
		for part, text := range r.pairs(path, content) {
			if !slices.Contains(v.parts, part.Value) {
				near := suggestion(part.Value, v.parts)
				if near == "" {
					near = "; known here: " + strings.Join(v.parts, ", ")
				}
				r.fail(part, "unknown key %s%s", join(path, part.Value), near)
				continue
			}
			take(name.Value, part.Value, text)
		}
	}
	if len(r.errs) > failed {
		r.load.failed[k.path] = true
		return
	}
	if err := v.put(all); err != nil {
		r.load.failed[k.path] = true
		r.fail(n, "%s: %w", k.path, err)
		return
	}
	delete(r.load.failed, k.path)
	r.load.sources[k.path] = Source{Layer: File, Where: fmt.Sprintf("%s:%d", r.name, n.Line)}
}

// teamCaps are the rates of false alarms that teams can bear, by team.
func teamCaps(to *map[string]budget.Rates) value {
	return entriesValue{
		parts: []string{"pages", "tickets"}, word: "TEAM.pages=RATE or TEAM.tickets=RATE, parted by commas",
		one: func(name, _, text string) error {
			if err := isEntryName(name); err != nil {
				return err
			}
			_, err := parseRate(text)
			return err
		},
		put: func(all []entry) error {
			caps := map[string]budget.Rates{}
			for _, e := range all {
				at := strings.LastIndex(e.name, ".")
				perDay, err := parseRate(e.text)
				if err != nil {
					return err
				}
				r := caps[e.name[:at]]
				if e.name[at+1:] == "pages" {
					r.Pages = perDay
				} else {
					r.Tickets = perDay
				}
				caps[e.name[:at]] = r
			}
			*to = filled(caps)
			return nil
		},
		get: func() (all []entry) {
			for _, team := range slices.Sorted(maps.Keys(*to)) {
				r := (*to)[team]
				if r.Pages > 0 {
					all = append(all, entry{team + ".pages", contract.FormatRate(r.Pages)})
				}
				if r.Tickets > 0 {
					all = append(all, entry{team + ".tickets", contract.FormatRate(r.Tickets)})
				}
			}
			return all
		},
	}
}

// The bounds of weights: more than a millionfold difference is a slip.
const leastWeight, mostWeight = 0.001, 1000

// weights are by model.
func weights(to *map[string]float64) value {
	return entriesValue{
		word: fmt.Sprintf("MODEL=NUMBER, %g to %d, parted by commas", leastWeight, mostWeight),
		one: func(name, _, text string) error {
			if err := isEntryName(name); err != nil {
				return err
			}
			_, err := parseWeight(text)
			return err
		},
		put: func(all []entry) error {
			out := map[string]float64{}
			for _, e := range all {
				w, err := parseWeight(e.text)
				if err != nil {
					return err
				}
				out[e.name] = w
			}
			*to = filled(out)
			return nil
		},
		get: func() (all []entry) {
			for _, model := range slices.Sorted(maps.Keys(*to)) {
				all = append(all, entry{model, strconv.FormatFloat((*to)[model], 'g', -1, 64)})
			}
			return all
		},
	}
}

// filled is m, nil if there is nothing in it: as it is by default.
func filled[V any](m map[string]V) map[string]V {
	if len(m) == 0 {
		return nil
	}
	return m
}

func isEntryName(s string) error {
	if s == "" || len(s) > nameLimit || strings.TrimSpace(s) != s {
		return badf(s, "a name of at most %d bytes, without blanks around it", nameLimit)
	}
	return nil
}

func parseWeight(s string) (float64, error) {
	w, err := strconv.ParseFloat(s, 64)
	if err != nil || !(w >= leastWeight && w <= mostWeight) {
		return 0, badf(s, "a number from %g to %d", leastWeight, mostWeight)
	}
	return w, nil
}

// rate is how often something may be, per day; 0, written as nothing: without a limit.
func rate(to *float64) value {
	parse := func(s string) (float64, error) {
		if s == "" {
			return 0, nil
		}
		return parseRate(s)
	}
	format := func(perDay float64) string {
		if perDay == 0 {
			return ""
		}
		return contract.FormatRate(perDay)
	}
	return scalar[float64]{to: to, parse: parse, format: format, word: "rate, such as 1/30d"}
}

func parseRate(s string) (float64, error) {
	perDay, err := contract.ParseRate(s)
	if err != nil {
		return 0, bad(s, "a rate such as 2/1d (twice a day) or 1/30d")
	}
	return perDay, nil
}
