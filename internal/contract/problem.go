package contract

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Problem is one thing wrong with a contract, and where.
type Problem struct {
	File      string // as it was named to Lint
	Line, Col int    // from 1, in characters
	Path      string // "streams.outcome.keep", "promises[2].metric"; "" for the document
	Read      string // what stands there; "" where something is missing
	Message   string // what would be right
}

const maxRead = 60

// String is "file:line:col: path: read X: message", without the parts there are none of.
func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", p.File, p.Line, p.Col)
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	if p.Read != "" {
		b.WriteString("read " + strconv.Quote(clip(p.Read)) + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// clip shortens s to maxRead characters.
func clip(s string) string {
	if utf8.RuneCountInString(s) <= maxRead {
		return s
	}
	return string([]rune(s)[:maxRead]) + "..."
}

// InvalidError says that a contract was refused, and why.
type InvalidError struct{ Problems []Problem }

// Error has one problem per line.
func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
