package file

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Format is how rows are written.
type Format uint8

// The formats. Each may be gzipped.
const (
	Auto  Format = iota // JSON Lines where the first character is {, else CSV
	CSV                 // comma-separated, one header line, quotes as in RFC 4180
	JSONL               // one JSON object per line
)

// ErrFormat is returned for a file that is neither CSV nor JSON Lines.
var ErrFormat = errors.New("neither CSV nor JSON Lines")

// Open opens a file. Its format follows from its name (.csv, .jsonl, .ndjson, each also with .gz), else from its content.
func Open(path string) (Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open rows: %w", err)
	}
	r, err := New(f, formatOf(path), path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &owner{Reader: r, file: f}, nil
}

// owner closes the file under a reader.
type owner struct {
	Reader
	file io.Closer
}

func (o *owner) Close() error { return o.file.Close() }

func formatOf(path string) Format {
	name := strings.TrimSuffix(strings.ToLower(path), ".gz")
	switch {
	case strings.HasSuffix(name, ".csv"):
		return CSV
	case strings.HasSuffix(name, ".jsonl"), strings.HasSuffix(name, ".ndjson"):
		return JSONL
	default:
		return Auto
	}
}

// New reads rows from r; name is for messages only. Gzip is recognised by its content whatever the format, and a UTF-8 byte
// order mark is skipped. It reads as far as it must to know the columns. Close of the Reader doesn't close r.
func New(r io.Reader, format Format, name string) (Reader, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	if head, _ := br.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		br = bufio.NewReaderSize(z, 1<<16)
	}
	head, err := br.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return nil, fmt.Errorf("read %s: %w: it is UTF-16; save it as UTF-8", name, ErrFormat)
	case bytes.Equal(head, []byte{0xef, 0xbb, 0xbf}):
		if _, err := br.Discard(3); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	first, err := firstByte(br)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if format == Auto {
		format = CSV
		if first == '{' {
			format = JSONL
		}
	}
	if format == JSONL {
		if first == '[' {
			return nil, fmt.Errorf("read %s: %w: it is one JSON array; write one object per line (jq -c '.[]')", name, ErrFormat)
		}
		return newJSONL(br, name)
	}
	return newCSV(br, name)
}

// firstByte looks at the first byte that is no white space, without taking it; 0 for an empty file or a long blank start.
func firstByte(br *bufio.Reader) (byte, error) {
	head, err := br.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if head = bytes.TrimLeft(head, " \t\r\n"); len(head) > 0 {
		return head[0], nil
	}
	return 0, nil
}
