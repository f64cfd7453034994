package check_test

import (
	"compress/gzip"
	csvfile "encoding/csv"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// decided is one half-hour of the example: when, what the decision at 0.5 cost by the contract's prices, and what part of the day it was.
type decided struct {
	at   time.Time
	cost float64
}

// decisionsOf reads the example's file with nothing of Plumbline's own.
func decisionsOf(t *testing.T) []decided {
	t.Helper()
	f, err := os.Open(example + "electricity.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csvfile.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	out := make([]decided, 0, len(rows))
	for _, r := range rows[1:] {
		at, err := time.Parse(time.RFC3339, r[column["ts"]])
		if err != nil {
			t.Fatal(err)
		}
		score, err := strconv.ParseFloat(r[column["score"]], 64)
		if err != nil {
			t.Fatal(err)
		}
		d := decided{at: at}
		switch up := r[column["up"]] == "1"; {
		case score >= 0.5 && up:
			d.cost = -10
		case score >= 0.5:
			d.cost = 40
		case up:
			d.cost = 90
		}
		out = append(out, d)
	}
	return out
}

// costOf is what the decisions of [from, to) cost, without those of one day if it isn't zero.
func costOf(all []decided, from, to, without time.Time) (sum, n float64) {
	for _, d := range all {
		if d.at.Before(from) || !d.at.Before(to) || !without.IsZero() && !d.at.Before(without) && d.at.Before(without.AddDate(0, 0, 1)) {
			continue
		}
		sum += d.cost
		n++
	}
	return sum, n
}

// The price of the demo's incident follows from the contract by hand: from the file, the four prices and the threshold alone. A day costs what its
// decisions cost above the reference's mean; the band is the jackknife's over the week's days with Student's 0.975 quantile of 6 degrees of
// freedom.
func TestElectricityCostsWhatTheFileSays(t *testing.T) {
	t.Parallel()
	const t6 = 2.446911851
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	all := decisionsOf(t)
	sum, n := costOf(all, day(1996, 11, 3), day(1997, 2, 17), time.Time{})
	reference := sum / n
	r := electric(t)
	onset := day(1997, 3, 10)
	weeks := 0
	var byHand []finding.Impact // findings' prices that were recomputed
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Impact == nil || f.Impact.Basis != "measured" || len(f.Slice) > 0 || f.Window.Start.Before(onset) || !f.Window.End.Before(day(1998, 7, 13)) {
			continue
		}
		byHand = append(byHand, *f.Impact)
		from, to, since := f.Window.Start, f.Window.End, onset
		if f.Metric == "shift_in_logits" { // what scores mean has an onset of its own, and is told on a day, of all days since
			if since = f.Onset; f.Verdict == finding.Drift {
				sum, n := costOf(all, since, to, time.Time{})
				if want := (sum - reference*n) / to.Sub(since).Hours() * 24; math.Abs(float64(f.Impact.PerDay)-want) > 1e-6*math.Abs(want) {
					t.Errorf("since %s, per day: %g, by hand %g", since.Format(time.DateOnly), f.Impact.PerDay, want)
				}
				if want := sum - reference*n; math.Abs(float64(f.Impact.SoFar)-want) > 0.01 {
					t.Errorf("since %s it cost %v so far, by hand %.2f", since.Format(time.DateOnly), f.Impact.SoFar, want)
				}
				continue
			}
		}
		weeks++
		sum, n := costOf(all, from, to, time.Time{})
		perDay := (sum - reference*n) / 7
		var left []float64
		var mean, squares float64
		for d := from; d.Before(to); d = d.AddDate(0, 0, 1) {
			s, k := costOf(all, from, to, d)
			left = append(left, s/k)
			mean += s / k / 7
		}
		for _, x := range left {
			squares += (x - mean) * (x - mean)
		}
		reach := t6 * math.Sqrt(6./7*squares) * n / 7
		for what, pair := range map[string][2]float64{
			"per day": {float64(f.Impact.PerDay), perDay}, "lower": {float64(f.Impact.Band[0]), perDay - reach}, "upper": {float64(f.Impact.Band[1]), perDay + reach},
		} {
			if math.Abs(pair[0]-pair[1]) > 1e-6*math.Abs(pair[1]) {
				t.Errorf("week of %s, %s: %g, by hand %g", from.Format(time.DateOnly), what, pair[0], pair[1])
			}
		}
		total, k := costOf(all, since, to, time.Time{})
		if want := total - reference*k; math.Abs(float64(f.Impact.SoFar)-want) > 0.01 {
			t.Errorf("to %s it cost %v so far, by hand %.2f", to.Format(time.DateOnly), f.Impact.SoFar, want)
		}
	}
	if weeks < 3 {
		t.Fatalf("%d weeks were priced", weeks)
	}
	told := false
	for _, i := range r.Incidents {
		if !i.Onset.Equal(onset) || i.Impact == nil {
			continue
		}
		// What a day costs is of the latest week that deviated, the sum that of the latest week of all.
		perDay := slices.ContainsFunc(byHand, func(b finding.Impact) bool { return b.PerDay == i.Impact.PerDay && b.Band == i.Impact.Band })
		soFar := slices.ContainsFunc(byHand, func(b finding.Impact) bool { return b.SoFar == i.Impact.SoFar })
		told = told || perDay && soFar
	}
	if !told {
		t.Errorf("no incident of %s tells one of the prices %+v", onset.Format(time.DateOnly), byHand)
	}
	if len(r.Money) != 3 {
		t.Fatalf("%d views are priced", len(r.Money))
	}
	m := r.Money[0]
	sum, n = costOf(all, day(1997, 2, 17), day(1997, 2, 17).Add(time.Duration(m.Labels)*30*time.Minute), time.Time{})
	if n != float64(m.Labels) || math.Abs(float64(m.PerDecision.Value)-sum/n) > 1e-9 || math.Abs(float64(m.PerDay.Value)-48*sum/n) > 1e-6 {
		t.Errorf("%v a decision and %v a day of %d; by hand %g and %g of %g", m.PerDecision.Value, m.PerDay.Value, m.Labels, sum/n, 48*sum/n, n)
	}
}
