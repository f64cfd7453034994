package incident_test

import (
	"math"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

func TestTitles(t *testing.T) {
	many := func(n int, channel string, v finding.Verdict) []finding.Finding {
		var out []finding.Finding
		for i := range n {
			out = append(out, at(1, string(rune('a'+i)), channel, v))
		}
		return out
	}
	for want, findings := range map[string][]finding.Finding{
		"a was constant, now varies, since 2026-03-25 00:00":                 many(1, "constant", finding.Fault),
		"a and b were constant, now vary, since 2026-03-25 00:00":            many(2, "constant", finding.Fault),
		"a, b and c were constant, now vary, since 2026-03-25 00:00":         many(3, "constant", finding.Fault),
		"a, b, c and d were constant, now vary, since 2026-03-25 00:00":      many(4, "constant", finding.Fault),
		"a, b, c and 2 more were constant, now vary, since 2026-03-25 00:00": many(5, "constant", finding.Fault),
		"a is missing since 2026-03-25 00:00":                                many(1, "missing", finding.Fault),
		"a and b are missing since 2026-03-25 00:00":                         many(2, "missing", finding.Fault),
		"a moved away from the reference since 2026-03-25 00:00":             many(1, "location", finding.Drift),
		"a and b moved away from the reference since 2026-03-25 00:00":       {at(1, "a", "constant", finding.Fault), at(1, "b", "missing", finding.Fault), at(1, "a", "location", finding.Drift)},
		"events of p/0 waited for the schema registry near 2026-03-25 00:00: they were counted late, and all of them": {
			at(1, "p/0", "coverage", finding.Fault, func(f *finding.Finding) { f.Metric = "offsets_delayed" }),
		},
		"events of p/0 and p/1 were lost or counted twice near 2026-03-25 00:00: counts from then on may be wrong": {
			at(1, "p/0", "coverage", finding.Fault, func(f *finding.Finding) { f.Metric = "offsets_delayed" }),
			at(1, "p/1", "coverage", finding.Fault, func(f *finding.Finding) { f.Metric = "offsets_gap" }),
		},
		"ece is broken since 2026-03-25 00:00":                    {at(1, "ece", "promise", finding.Breach)},
		"ece is broken since 2026-03-24 22:00 in region=north":    {at(1, "ece", "promise", finding.Breach, north, onset(-2))},
		"scores no longer match outcomes, since 2026-03-25 00:00": {at(1, "outcome", "calibration", finding.Drift)},
		"scores no longer match outcomes: ECE 0.31 (was 0.02), since 2026-03-25 00:00": {
			at(1, "outcome", "calibration", finding.Drift, figure("ECE", 0.02, 0.31, ""), figure("cost", 1, 2, "")),
		},
		"the model no longer performs as in the reference: cost 22.5 EUR (was 10), since 2026-03-25 00:00 in region=north": {
			at(1, "outcome", "performance", finding.Drift, north, figure("cost", 10, 22.456, "EUR")),
		},
		// The whole speaks before a slice, and what was learnt from outcomes before what was promised.
		"scores no longer match outcomes: AUC 0.7, since 2026-03-25 00:00": {
			at(1, "ece", "promise", finding.Breach, page), at(1, "outcome", "performance", finding.Drift, north, page, figure("cost", 1, 2, "")),
			at(1, "outcome", "calibration", finding.Drift, figure("AUC", finding.None(), 0.7, "")),
		},
		// Of two alike the one that pages.
		"the model no longer performs as in the reference: y 3 (was 1), since 2026-03-25 00:00": {
			at(1, "outcome", "performance", finding.Drift, figure("x", 1, 2, "")),
			at(1, "outcome", "performance", finding.Drift, page, func(f *finding.Finding) { f.Metric = "cost" }, figure("y", 1, 3, "")),
		},
	} {
		b := incident.NewBook()
		for _, f := range findings {
			b.Fold(f)
		}
		all := b.Incidents()
		if len(all) != 1 || all[0].Title != want {
			t.Errorf("%d incidents, the first is called %q, want %q", len(all), all[0].Title, want)
		}
	}
}

func TestShort(t *testing.T) {
	for _, c := range []struct {
		in   float64
		want string
	}{
		{0, "0"},
		{math.NaN(), "unknown"},
		{math.Inf(1), "unknown"},
		{1, "1"},
		{-1, "-1"},
		{0.5, "0.5"},
		{0.12345, "0.123"},
		{-0.12345, "-0.123"},
		{1.0 / 3, "0.333"},
		{0.001234, "0.00123"},
		{0.0001, "0.0001"},
		{0.00001234, "1.2e-05"},
		{12.345, "12.3"},
		{12, "12"},
		{100, "100"},
		{123.456, "123"},
		{99.96, "100"},
		{999.4, "999"},
		{999.5, "1,000"},
		{-999.7, "-1,000"},
		{1000, "1,000"},
		{1234.5, "1,235"}, // half away from zero
		{12345.6, "12,346"},
		{-1234567, "-1,234,567"},
		{1e9, "1,000,000,000"},
	} {
		if got := incident.Short(finding.Number(c.in)); got != c.want {
			t.Errorf("%v is written %s, want %s", c.in, got, c.want)
		}
	}
}

func TestFigure(t *testing.T) {
	for _, c := range []struct {
		in   finding.Figure
		want string
	}{
		{finding.Figure{Name: "mean", Before: 0.5, Now: 50, Unit: "EUR"}, "mean 50 EUR (was 0.5)"},
		{finding.Figure{Name: "mean", Before: 0, Now: 0.25}, "mean 0.25 (was 0)"},
		{finding.Figure{Name: "new values", Before: finding.None(), Now: 3}, "new values 3"},
		{finding.Figure{Name: "AUC", Before: 0.9, Now: finding.None(), Unit: "x"}, "AUC unknown x (was 0.9)"},
	} {
		if got := incident.Figure(c.in); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

func TestPrice(t *testing.T) {
	i := incident.Incident{}
	if got, want := incident.Price(&i), "not known: no outcome has priced it"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	i.Impact = &finding.Impact{Currency: "EUR", PerDay: 12300, Band: [2]finding.Number{9100, 15800}, SoFar: 4100.4, Basis: "measured"}
	if got, want := incident.Price(&i), "12,300 EUR a day (95 % band 9,100 to 15,800), 4,100 so far, measured from outcomes"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
