package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

const printed = `electricity-price: a < b & c?

PAGE   one "thing" broke
       onset 1997-03-10

TICKET another
       onset 1997-05-05

PAGE   a third
`

func TestPictureShowsTheFirstTwoIncidents(t *testing.T) {
	var out strings.Builder
	if err := run(strings.NewReader(printed), &out); err != nil {
		t.Fatal(err)
	}
	got := texts(t, strings.NewReader(out.String()))
	want := "$ plumbline demo|electricity-price: a < b & c?|PAGE|one \"thing\" broke|onset 1997-03-10|TICKET|another|onset 1997-05-05"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("drew\n%s\nwant\n%s", s, want)
	}
}

func TestTooFewIncidents(t *testing.T) {
	err := run(strings.NewReader("PAGE   one\n\nnothing else\n"), io.Discard)
	if !errors.Is(err, errTooFew) {
		t.Errorf("got %v", err)
	}
}

// The README shows this file: it must be a picture of two incidents.
func TestPictureInTheDocuments(t *testing.T) {
	picture, err := os.ReadFile("../incident.svg")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range texts(t, bytes.NewReader(picture)) {
		if severity(s+" ") != "" {
			n++
		}
	}
	if n != incidents {
		t.Errorf("docs/incident.svg shows %d incidents, want %d: draw it anew, see main.go", n, incidents)
	}
}

// texts are the contents of all text elements.
func texts(t *testing.T, r io.Reader) []string {
	t.Helper()
	var out []string
	d := xml.NewDecoder(r)
	inside := false
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		switch x := tok.(type) {
		case xml.StartElement:
			inside = x.Name.Local == "text"
		case xml.CharData:
			if inside {
				out = append(out, string(x))
			}
		case xml.EndElement:
			inside = false
		}
	}
}
