package contract

import (
	"math"
	"testing"
)

func TestRates(t *testing.T) {
	for text, want := range map[string]string{ // for people
		"1/30d": "1/30d", "4/30d": "4/30d", "2/1d": "2/1d", "1/1w": "1/7d", "1/365d": "1/365d", "0.06/30d": "0.06/30d", "1000/30d": "33.3/1d",
		"1/17d": "1.76/30d", "12345/1d": "12300/1d", "1/12h": "2/1d",
	} {
		perDay, err := ParseRate(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Rate(perDay); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		if again, err := ParseRate(FormatRate(perDay)); err != nil || math.Abs(again-perDay) > 1e-12*perDay {
			t.Errorf("%s: written %s, read %g, %v; want %g", text, FormatRate(perDay), again, err, perDay)
		}
	}
	if got := FormatRate(2. / 30); got != "2/30d" {
		t.Errorf("written %s", got)
	}
	if got := Rate(0); got != "0/30d" {
		t.Errorf("nothing is %s", got)
	}
	for _, text := range []string{"", "1", "1/", "/30d", "0/30d", "-1/30d", "1/0d", "1 / 30d", "x/30d", "1/30"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("%q: got %g, want an error", text, got)
		}
	}
	for perDay := 1e-4; perDay < 1e6; perDay *= 1.37 {
		if got, err := ParseRate(FormatRate(perDay)); err != nil || math.Abs(got-perDay) > 1e-10*perDay {
			t.Errorf("%g: written %s, read %g, %v", perDay, FormatRate(perDay), got, err)
		}
	}
}
