package file

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
)

// line is one physical line without its end.
type line struct {
	n    int // from 1
	text string
	long bool // longer than MaxLine; text is empty then
}

// lines splits a file into physical lines. Lines can be put back, so that a row which began wrongly is taken back.
type lines struct {
	r    *bufio.Reader
	name string
	n    int
	back []line // to be given again, the next one last
	buf  []byte
}

// next gives the next line. A line ends with \n or \r\n; the last one may lack its end, and a lone \r there is dropped.
func (l *lines) next() (line, error) {
	if k := len(l.back); k > 0 {
		ln := l.back[k-1]
		l.back = l.back[:k-1]
		return ln, nil
	}
	l.buf = l.buf[:0]
	long := false
	for {
		part, err := l.r.ReadSlice('\n')
		if !long {
			l.buf = append(l.buf, part...)
			// The end of a line doesn't count: two bytes more may stand in the buffer.
			if len(l.buf) > MaxLine+2 {
				long, l.buf = true, l.buf[:0]
			}
		}
		switch {
		case err == nil:
			return l.finish(long), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			if len(l.buf) == 0 && !long {
				return line{}, io.EOF
			}
			return l.finish(long), nil
		default:
			return line{}, fmt.Errorf("read %s after line %d: %w", l.name, l.n, err)
		}
	}
}

func (l *lines) finish(long bool) line {
	b := l.buf
	if k := len(b); k > 0 && b[k-1] == '\n' {
		b = b[:k-1]
	}
	if k := len(b); k > 0 && b[k-1] == '\r' {
		b = b[:k-1]
	}
	l.n++
	if long || len(b) > MaxLine {
		return line{n: l.n, long: true}
	}
	return line{n: l.n, text: string(b)}
}

// unread puts lines back: next gives them again, in their order.
func (l *lines) unread(read []line) {
	for _, r := range slices.Backward(read) {
		l.back = append(l.back, r)
	}
}

// tooLong is the error for a line that was skipped.
func tooLong(n int) *RowError {
	return &RowError{Line: n, Reason: TooLong, Detail: fmt.Sprintf("the row is longer than %d bytes", MaxLine)}
}
