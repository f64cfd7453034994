package settings

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// shown is one key as Show prints it in JSON.
type shown struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Source string `json:"source"`
}

// Show prints every key with its value, secrets hidden, and its source; src may be nil. format is text, for an aligned
// table, or json, for an array of {key, value, source}.
func (s *Settings) Show(w io.Writer, src *Sources, format string) error {
	switch format {
	case "text":
		return s.showText(w, src)
	case "json":
		return s.showJSON(w, src)
	}
	return fmt.Errorf("show settings: format: %w", bad(format, "text or json"))
}

func (s *Settings) showText(w io.Writer, src *Sources) error {
	table := table(s)
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var b strings.Builder
	b.WriteString("KEY\tVALUE\tSOURCE\n")
	for _, k := range table {
		fmt.Fprintf(&b, "%s\t%s\t%s\n", k.path, printable(k.value.show()), printable(src.Of(k.path).String()))
	}
	if _, err := io.WriteString(tab, b.String()); err != nil {
		return fmt.Errorf("show settings: %w", err)
	}
	if err := tab.Flush(); err != nil {
		return fmt.Errorf("show settings: %w", err)
	}
	return nil
}

// printable quotes text that is empty or would break the table.
func printable(text string) string {
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

func (s *Settings) showJSON(w io.Writer, src *Sources) error {
	var rows []shown
	for _, k := range table(s) {
		rows = append(rows, shown{k.path, k.value.plain(), src.Of(k.path).String()})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(rows); err != nil {
		return fmt.Errorf("show settings: %w", err)
	}
	return nil
}
