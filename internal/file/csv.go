package file

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// csvReader reads comma-separated rows as RFC 4180 has them: a cell in double quotes may hold commas, doubled quotes and line
// ends (each read as \n). Empty lines are skipped. Outside quotes a quote is an error.
//
// One stray quote must not swallow the rest of a file, as it does in a reader that follows the quotes only. So a row that goes
// wrong in any way is rejected as of the line it began on, and reading goes on with the physical line after that one, also
// where the row had run over many lines by then. Well-formed files read the same either way. The work stays linear: a line
// that leaves a quote open when read from outside quotes closes it when read from inside, so no line is passed over by more
// than one row that began before it and failed.
type csvReader struct {
	lines  lines
	header []string
	cells  []string
	seen   []line // the physical lines of the row at hand
	cell   []byte
}

func newCSV(br *bufio.Reader, name string) (*csvReader, error) {
	c := &csvReader{lines: lines{r: br, name: name}}
	_, err := c.record()
	var bad *RowError
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("read %s: %w: it is empty; a CSV begins with a line of column names", name, ErrFormat)
	case errors.As(err, &bad):
		return nil, fmt.Errorf("read %s: %w: no line of column names: %w", name, ErrFormat, bad)
	case err != nil:
		return nil, err
	}
	for _, cell := range c.cells {
		c.header = append(c.header, strings.TrimSpace(cell))
	}
	return c, nil
}

func (c *csvReader) Name() string      { return c.lines.name }
func (c *csvReader) Columns() []string { return c.header }
func (c *csvReader) Close() error      { return nil }

func (c *csvReader) Next() (Row, error) {
	at, err := c.record()
	if err == nil && len(c.cells) != len(c.header) {
		err = &RowError{Line: at, Reason: BadFields, Detail: fmt.Sprintf("%d cells where the header has %d", len(c.cells), len(c.header))}
	}
	if err == nil {
		return Row{Line: at, cells: c.cells}, nil
	}
	var bad *RowError
	if errors.As(err, &bad) && len(c.seen) > 1 {
		c.lines.unread(c.seen[1:])
	}
	return Row{}, err
}

// record reads the cells of one row and says on which line it began.
func (c *csvReader) record() (int, error) {
	c.cells, c.seen = c.cells[:0], c.seen[:0]
	ln, err := c.line()
	for err == nil && !ln.long && ln.text == "" {
		c.seen = c.seen[:0]
		ln, err = c.line()
	}
	if err != nil {
		return 0, err
	}
	at := ln.n
	if ln.long {
		return at, tooLong(at)
	}
	size := len(ln.text)
	for s := ln.text; ; {
		if !strings.HasPrefix(s, `"`) {
			cell, rest, more := strings.Cut(s, ",")
			if strings.Contains(cell, `"`) {
				return at, c.quote(at, "a quote inside a cell that doesn't begin with one; put the cell in quotes and double those inside")
			}
			c.cells = append(c.cells, cell)
			if !more {
				break
			}
			s = rest
			continue
		}
		cell, rest, err := c.quoted(at, s[1:], &size)
		if err != nil {
			return at, err
		}
		if rest != "" && rest[0] != ',' {
			return at, c.quote(at, "text after a closing quote; double the quotes inside a cell")
		}
		c.cells = append(c.cells, cell)
		if rest == "" {
			break
		}
		s = rest[1:]
	}
	for _, ln := range c.seen {
		if !utf8.ValidString(ln.text) {
			return at, &RowError{Line: at, Reason: BadEncoding, Detail: "bytes that are no UTF-8; convert the file (iconv -f latin1 -t utf-8)"}
		}
	}
	return at, nil
}

// quoted reads a cell from behind its opening quote, over as many lines as it takes, and gives what follows the closing one.
// size is the row's length so far.
func (c *csvReader) quoted(at int, s string, size *int) (cell, rest string, err error) {
	c.cell = c.cell[:0]
	for {
		i := strings.IndexByte(s, '"')
		switch {
		case i < 0:
			c.cell = append(append(c.cell, s...), '\n')
			ln, err := c.line()
			if errors.Is(err, io.EOF) {
				return "", "", c.quote(at, "a quote that is never closed")
			}
			if err != nil {
				return "", "", err
			}
			*size += len(ln.text) + 1
			if ln.long || *size > MaxLine {
				return "", "", c.quote(at, fmt.Sprintf("a quote that is not closed within %d bytes", MaxLine))
			}
			s = ln.text
		case strings.HasPrefix(s[i+1:], `"`):
			c.cell = append(c.cell, s[:i+1]...)
			s = s[i+2:]
		case len(c.cell) == 0:
			return s[:i], s[i+1:], nil
		default:
			return string(append(c.cell, s[:i]...)), s[i+1:], nil
		}
	}
}

func (c *csvReader) line() (line, error) {
	ln, err := c.lines.next()
	if err == nil {
		c.seen = append(c.seen, ln)
	}
	return ln, err
}

// quote is the error for the cell being read.
func (c *csvReader) quote(at int, detail string) *RowError {
	e := &RowError{Line: at, Reason: BadQuote, Detail: detail}
	if len(c.cells) < len(c.header) {
		e.Column = c.header[len(c.cells)]
	}
	return e
}
