// Command picture draws what it reads from standard input as a terminal window, in SVG on standard output. The picture in the
// README is what the demo printed:
//
//		go run ./cmd/plumbline demo --exit | go run ./docs/picture > docs/incident.svg
//
//	 1. Take the lines up to the end of the second incident; nothing else is changed, added or left out.
//	 2. Draw one line of text per line, with the severity and the title in colour.
package main

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(2)
	}
}

// incidents is how many of them the picture shows.
const incidents = 2

var errTooFew = errors.New("read demo output: it ends before the second incident does; was it `plumbline demo --exit`?")

func run(in io.Reader, out io.Writer) error {
	lines, err := take(in)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, draw("plumbline demo", lines)); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in) // so that the demo can finish its sentence
	return err
}

// take reads up to the blank line that ends the last incident of the picture.
func take(in io.Reader) ([]string, error) {
	var lines []string
	seen := 0
	s := bufio.NewScanner(in)
	for s.Scan() {
		line := strings.TrimRight(s.Text(), " ")
		if severity(line) != "" {
			seen++
		}
		if line == "" && seen == incidents {
			return lines, nil
		}
		lines = append(lines, line)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("read demo output: %w", err)
	}
	return nil, errTooFew
}

// severity is the word an incident's first line begins with, "" for any other line.
func severity(line string) string {
	for _, word := range []string{"PAGE", "TICKET", "INFO"} {
		if strings.HasPrefix(line, word+" ") {
			return word
		}
	}
	return ""
}

// The size of things, in pixels. Every line is stretched to its number of characters, so that the reader's own monospaced font
// changes nothing.
const (
	charWidth  = 7.8
	lineHeight = 19
	fontSize   = 13
	margin     = 20
	titleBar   = 34
)

// The colours of the window.
const (
	background = "#161b22"
	bar        = "#21262d"
	plain      = "#c9d1d9"
	dim        = "#8b949e"
	bright     = "#f0f6fc"
	red        = "#ff7b72"
	yellow     = "#e3b341"
)

func draw(title string, lines []string) string {
	longest := 0
	for _, l := range lines {
		longest = max(longest, len([]rune(l)))
	}
	width := int(charWidth*float64(longest)) + 2*margin
	height := titleBar + lineHeight*len(lines) + 2*margin

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n",
		width, height, width, height, escape(strings.Join(lines, " ")))
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="8" fill="%s"/>`+"\n", width, height, background)
	fmt.Fprintf(&b, `<path d="M0 %d V8 a8 8 0 0 1 8 -8 H%d a8 8 0 0 1 8 8 V%d Z" fill="%s"/>`+"\n", titleBar, width-8, titleBar, bar)
	for i, colour := range []string{red, yellow, "#56d364"} {
		fmt.Fprintf(&b, `<circle cx="%d" cy="%d" r="6" fill="%s"/>`+"\n", margin+20*i, titleBar/2, colour)
	}
	fmt.Fprintf(&b, `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="%d">`+"\n", fontSize)
	fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s" text-anchor="middle">$ %s</text>`+"\n", width/2, titleBar/2+4, dim, escape(title))
	for i, l := range lines {
		if l == "" {
			continue
		}
		line(&b, titleBar+margin+lineHeight*i+fontSize, l)
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}

// line draws one line; its indentation becomes a place, because renderers drop leading blanks.
func line(b *strings.Builder, y int, l string) {
	text := strings.TrimLeft(l, " ")
	x := margin + charWidth*float64(len(l)-len(text))
	word := severity(l)
	if word == "" {
		colour := plain
		if !strings.HasPrefix(l, " ") {
			colour = dim
		}
		span(b, x, y, colour, "", text)
		return
	}
	colour := yellow
	if word == "PAGE" {
		colour = red
	}
	span(b, x, y, colour, ` font-weight="bold"`, word)
	rest := strings.TrimLeft(strings.TrimPrefix(l, word), " ")
	span(b, margin+charWidth*float64(len(l)-len(rest)), y, bright, ` font-weight="bold"`, rest)
}

func span(b *strings.Builder, x float64, y int, colour, more, text string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%d" fill="%s"%s textLength="%.1f" lengthAdjust="spacingAndGlyphs">%s</text>`+"\n",
		x, y, colour, more, charWidth*float64(len([]rune(text))), escape(text))
}

func escape(s string) string {
	var b strings.Builder
	// A strings.Builder doesn't fail.
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
