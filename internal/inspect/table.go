package inspect

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Look says how a table is to look.
type Look struct {
	First    []string // columns that come before the others, such as an incident's subjects
	Width    int      // characters a line may have; 0: as many as it takes
	Outcomes bool     // with what became of each event
}

const (
	widestCell = 36 // characters; what is longer is cut
	gap        = 2
	missing    = "-"
	unusable   = "no number"
)

// column is one column of the table: its heading and a cell per event.
type column struct {
	head  string
	cells []string
	right bool // numbers end at the same place
}

// Table writes events for people: time, id, version and slice, then the columns to come first, then as many of the others as
// there is room for. It returns the names of those for which there was none.
func Table(w io.Writer, events []*Event, l Look) (left []string, err error) {
	fixed, rest := columns(events, l)
	width := 0
	for i := range fixed {
		width += fixed[i].width() + gap
	}
	shown := fixed
	for i := range rest {
		n := rest[i].width() + gap
		if l.Width > 0 && width+n-gap > l.Width {
			left = append(left, rest[i].head)
			continue
		}
		width += n
		shown = append(shown, rest[i])
	}
	for line := -1; line < len(events); line++ {
		var out strings.Builder
		for i := range shown {
			text := shown[i].head
			if line >= 0 {
				text = shown[i].cells[line]
			}
			pad := strings.Repeat(" ", shown[i].width()-utf8.RuneCountInString(text))
			if shown[i].right {
				out.WriteString(pad + text)
			} else {
				out.WriteString(text + pad)
			}
			out.WriteString(strings.Repeat(" ", gap))
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(out.String(), " ")); err != nil {
			return left, err
		}
	}
	return left, nil
}

func columns(events []*Event, l Look) (fixed, rest []column) {
	text := func(head string, cell func(*Event) string) column {
		c := column{head: head}
		for _, e := range events {
			c.cells = append(c.cells, cell(e))
		}
		return c
	}
	fixed = append(fixed, text("TIME", func(e *Event) string { return e.Time.Format("2006-01-02 15:04:05.999") }),
		text("ID", func(e *Event) string { return cut(e.ID) }))
	if slices.ContainsFunc(events, func(e *Event) bool { return e.Version != "" }) {
		fixed = append(fixed, text("VERSION", func(e *Event) string { return orMissing(e.Version) }))
	}
	for _, name := range dimensionsOf(events) {
		fixed = append(fixed, text(heading(name), func(e *Event) string { return orMissing(e.Slice[name]) }))
	}
	score := text("SCORE", func(e *Event) string {
		if e.Score == nil {
			return missing
		}
		return number(*e.Score)
	})
	score.right = true
	if slices.Contains(l.First, "score") {
		fixed = append(fixed, score)
	} else {
		rest = append(rest, score)
	}
	if l.Outcomes {
		fixed = append(fixed, text("OUTCOME", func(e *Event) string {
			if e.Outcome == nil {
				return missing
			}
			return cut(e.Outcome.Label)
		}))
	}
	for _, name := range namesOf(events) {
		c := text(heading(name), func(e *Event) string { return cellOf(e.value(name)) })
		c.right = slices.ContainsFunc(events, func(e *Event) bool { _, is := e.value(name).(float64); return is })
		if slices.Contains(l.First, name) {
			fixed = append(fixed, c)
		} else if !slices.ContainsFunc(events, func(e *Event) bool { return e.Slice[name] != "" }) {
			rest = append(rest, c)
		}
	}
	return fixed, rest
}

func (c *column) width() int {
	n := utf8.RuneCountInString(c.head)
	for _, text := range c.cells {
		n = max(n, utf8.RuneCountInString(text))
	}
	return n
}

func dimensionsOf(events []*Event) []string {
	names := map[string]bool{}
	for _, e := range events {
		for name := range e.Slice {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// namesOf lists the inputs of all events, then what else was read, in the order of their plans.
func namesOf(events []*Event) []string {
	var out []string
	seen := map[string]bool{}
	for _, values := range []func(*Event) Values{func(e *Event) Values { return e.Inputs }, func(e *Event) Values { return e.Others }} {
		for _, e := range events {
			for _, v := range values(e) {
				if !seen[v.Name] {
					seen[v.Name] = true
					out = append(out, v.Name)
				}
			}
		}
	}
	return out
}

func (e *Event) value(name string) any {
	for _, values := range []Values{e.Inputs, e.Others} {
		for i := range values {
			if values[i].Name == name {
				return values[i].Value
			}
		}
	}
	return nil
}

// heading is a name as a condition would write it.
func heading(name string) string { return cut(name) }

func cellOf(v any) string {
	switch v := v.(type) {
	case nil:
		return missing
	case Unusable:
		return unusable
	case float64:
		return number(v)
	case string:
		return cut(v)
	default:
		return fmt.Sprint(v)
	}
}

// number is a number in at most ten digits: enough to recognise it. --json has all of them.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 10, 64) }

func orMissing(s string) string {
	if s == "" {
		return missing
	}
	return cut(s)
}

// cut makes a text fit a cell: an event's text may hold anything, and must not write on somebody's terminal.
func cut(s string) string {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if utf8.RuneCountInString(clean) <= widestCell {
		return clean
	}
	return string([]rune(clean)[:widestCell-3]) + "..."
}
