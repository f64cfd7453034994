package demo

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/file"
)

const arrivals = "../../examples/arrivals"

// spring is the arrivals of the example before a day, with ids: lines of a file are no ids on a topic.
func spring(t *testing.T, until string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join(arrivals, "arrivals.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	lines := bufio.NewScanner(z)
	for n := 0; lines.Scan(); n++ {
		switch line := lines.Text(); {
		case n == 0:
			fmt.Fprintln(&out, "id,"+line)
		case line < until:
			fmt.Fprintf(&out, "e%d,%s\n", n, line)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Models of classes and of numbers: what check finds in a file, the stream finds, too, finding by finding.
func TestStreamAndCheckAgreeOnOtherTasks(t *testing.T) {
	data := spring(t, "2013-06-01")
	for name, promised := range map[string]string{"minutes": "mae", "classes": "accuracy"} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(arrivals, name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			c, err := contract.Parse(name+".yaml", text)
			if err != nil {
				t.Fatal(err)
			}
			of := source{c, check.Files{Predictions: "arrivals.csv", Outcomes: "arrivals.csv", Open: func(name string) (file.Reader, error) {
				return file.New(bytes.NewReader(data), file.Auto, name)
			}}, false}
			var live Result
			err = Run(t.Context(), Options{
				Screen: Silent{}, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), of: &of,
				Drained: func(_ context.Context, r Result) error { live = r; return nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			report, err := check.Run(c, of.files, nil)
			if err != nil {
				t.Fatal(err)
			}
			told := false
			for i := range report.Findings {
				told = told || report.Findings[i].Metric == promised && strings.HasPrefix(report.Findings[i].Subject, "promise")
			}
			if !told {
				t.Errorf("no finding on %s among %d", promised, len(report.Findings))
			}
			if diff := cmp.Diff(encode(t, withoutOffsets(report.Findings)), encode(t, withoutOffsets(live.Findings))); diff != "" {
				t.Errorf("check and stream differ in their findings (-check +stream):\n%s", diff)
			}
			if diff := cmp.Diff(encode(t, report.Incidents), encode(t, withoutClock(live.Incidents))); diff != "" {
				t.Errorf("check and stream differ in their incidents (-check +stream):\n%s", diff)
			}
		})
	}
}
