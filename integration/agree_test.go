//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// Whoever replays the events says the same: the demo, a check of the file, and three processes on real parts.
func TestThreeProcessesAgreeWithDemoAndCheck(t *testing.T) {
	compare(t, "check", checked(t))

	s := fresh(t)
	in := newStream(t, s)
	s.apply(contractFile())
	s.startAll()
	in.rest()
	s.settle()
	compare(t, "processes", s.verdicts())
	for name, p := range s.runs {
		if code := p.stop(t); code != 0 {
			t.Errorf("%s ends with %d after SIGTERM:\n%s", name, code, tail(p.log.String(), 5))
		}
	}
}

// checked is what `plumbline check` says about the file.
func checked(t *testing.T) *verdicts {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(here.binaries, "plumbline"), "check", "--format", "json", "--outcome-delay", "30m", contractFile(), dataFile())
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("check ends with %v, want exit code 1: there are incidents", err)
	}
	var report struct{ Findings, Incidents []json.RawMessage }
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatal(err)
	}
	v := &verdicts{}
	for _, object := range append(report.Findings, report.Incidents...) {
		v.add(t, object)
	}
	v.sort()
	if !bytes.Contains(out, []byte(finding.Kind)) {
		t.Fatal("check found nothing")
	}
	return v
}
