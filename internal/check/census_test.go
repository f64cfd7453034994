//go:build !race

// As with the other examples, the race detector has nothing to look for in here.

package check_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/file"
	"github.com/plumbline-ml/plumbline/internal/finding"
)

// In the census as it is nothing grows. Where from 9 February on more and more of the women's positive decisions are lost, .25 of the logarithm of their
// rate a day, the incident names them and how far it has come.
func TestCensus(t *testing.T) {
	t.Parallel()
	const dir = "../../examples/census/"
	c, err := contract.Load(dir + "contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile(dir + "census.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	onset := time.Date(2026, 2, 9, 0, 0, 0, 0, time.UTC)
	rng := rand.New(rand.NewPCG(1, 2))
	var spoilt strings.Builder
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		line := lines.Text()
		// ... sex is the 13th column; score, decision and label are the last three.
		if f := strings.Split(line, ","); len(f) > 3 && strings.Contains(line, ",Female,") && f[len(f)-2] == "1" {
			at, err := time.Parse(time.RFC3339, f[1])
			if err != nil {
				t.Fatal(err)
			}
			if days := at.Sub(onset).Hours() / 24; days > 0 && rng.Float64() > pow(0.78, days) {
				f[len(f)-2] = "0"
				line = strings.Join(f, ",")
			}
		}
		spoilt.WriteString(line + "\n")
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	r, err := check.Run(c, check.Files{Predictions: "c.csv", Outcomes: "c.csv", Open: func(string) (file.Reader, error) {
		return file.New(strings.NewReader(spoilt.String()), file.Auto, "c.csv")
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var gaps []string
	for _, i := range r.Incidents {
		if i.Cause.Kind != "disparity" {
			continue
		}
		gaps = append(gaps, i.Title)
		if i.OpenedAt.Before(onset.AddDate(0, 0, 2)) || i.OpenedAt.After(onset.AddDate(0, 0, 12)) || i.Severity != finding.Ticket || i.Slices[0]["sex"] != "Female" {
			t.Errorf("%s: opened %s, %s, %v", i.Title, i.OpenedAt, i.Severity, i.Slices)
		}
	}
	if len(gaps) == 0 || !strings.HasPrefix(gaps[0], "the gap between groups by sex grew: sex=Female, selected: the share over that of sex=Male 0.1") {
		t.Errorf("%q of %d findings", gaps, len(r.Findings))
	}
	if v := r.Fairness.Views[0]; fmt.Sprint(v.By) != "[sex]" || len(v.Groups) != 2 || !(v.Groups[0].Rates.Selection < 0.025) {
		t.Errorf("%+v", v)
	}
}

func pow(x, y float64) float64 {
	out := 1.
	for ; y >= 1; y-- {
		out *= x
	}
	return out * (1 - y*(1-x)) // a part of a day
}
