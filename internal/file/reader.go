package file

import (
	"fmt"
	"strings"
)

// MaxLine is the longest row that is read, in bytes; the lines of a quoted CSV cell count together.
const MaxLine = 1 << 20

// Reader gives the rows of one file in its order. It belongs to one goroutine.
type Reader interface {
	// Name is the file's name, for messages.
	Name() string
	// Columns are what Row.Get counts by: a CSV's header, or the dotted paths of the first JSON objects, sorted.
	Columns() []string
	// Next gives the next row, which is valid until the call after. At the end it gives io.EOF; for a row that can't be read a
	// *RowError, after which Next goes on with the rows that follow; any other error is final.
	Next() (Row, error)
	// Close closes the file that Open opened.
	Close() error
}

// Row is one row of a file.
type Row struct {
	Line   int // where it begins, from 1 (a CSV's header has its own)
	cells  []string
	object map[string]any
	paths  []string
}

// Get is the value of column i of Reader.Columns. It is Absent for an empty cell, and where a JSON object lacks it.
func (r Row) Get(i int) Value {
	switch {
	case r.object != nil:
		return lookup(r.object, r.paths[i])
	case r.cells[i] == "":
		return Value{}
	default:
		return Value{Kind: Text, Text: r.cells[i]}
	}
}

// ValueKind says how a value was written.
type ValueKind uint8

// The kinds of values. A CSV has only Absent and Text.
const (
	Absent ValueKind = iota
	Null             // JSON null
	Text             // a CSV cell or a JSON string
	Digits           // a JSON number, as it was written
	Truth            // a JSON true or false, as it was written
	Nested           // a JSON object or array
	List             // a JSON array of numbers; Text has them as they were written, with commas between
	Texts            // a JSON array of texts, or of texts, numbers and nulls; Text has them with commas between
)

// Value is one value of a row; Text is "" for Absent, Null and Nested. Lists are read by the measures of vectors only, which also read text that is written like a JSON array. The string may share memory with its whole row.
type Value struct {
	Kind ValueKind
	Text string
}

// Reason says why a row was rejected.
type Reason string

// The reasons: a closed list.
const (
	BadFields   Reason = "fields"   // a CSV row with more or fewer cells than the header
	BadQuote    Reason = "quote"    // a CSV quote that is never closed, or stands inside a cell
	BadJSON     Reason = "json"     // a line that is no JSON object
	BadEncoding Reason = "encoding" // bytes that are no UTF-8
	TooLong     Reason = "too_long" // more than MaxLine bytes
	BadTime     Reason = "time"     // the event's time is missing or can't be read
	BadID       Reason = "id"       // the event's id is missing
)

// Reasons lists every reason, in the order in which they are reported.
func Reasons() []Reason {
	return []Reason{BadFields, BadQuote, BadJSON, BadEncoding, TooLong, BadTime, BadID}
}

// RowError says why one row can't be used.
type RowError struct {
	Line   int    // where the row begins, from 1
	Column string // "" where no single column is to blame
	Reason Reason
	Detail string // what was read and what would be right
}

func (e *RowError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "line %d", e.Line)
	if e.Column != "" {
		fmt.Fprintf(&b, ", column %s", e.Column)
	}
	b.WriteString(": ")
	b.WriteString(e.Detail)
	return b.String()
}
