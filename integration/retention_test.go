//go:build integration

package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/plumbline-ml/plumbline/internal/bus"
)

// Once Redis is lost the join knows only what the joins topic still holds. A contract whose predictions wait longer than that
// is not put in force; one that already is, is told of at the start.
func TestJoinsKeptTooShort(t *testing.T) {
	s := fresh(t)
	newStream(t, s)
	s.apply(contractFile()) // keep: 2d, and the topics are made with it
	s.keepJoins("3600000")  // an hour

	text, err := os.ReadFile(contractFile())
	if err != nil {
		t.Fatal(err)
	}
	longer := strings.Replace(string(text), "keep: 2d ", "keep: 50d ", 1)
	if longer == string(text) {
		t.Fatal("the contract's keep is not where it was")
	}
	file := filepath.Join(t.TempDir(), "contract.yaml")
	if err := os.WriteFile(file, []byte(longer), 0o600); err != nil {
		t.Fatal(err)
	}
	const right = (50 + 30) * 24 * time.Hour
	for _, kept := range []string{"3600000", "6000000000"} { // the second would do for 2d, and not for 50d
		s.keepJoins(kept)
		code, out := s.run("apply", file, "--data", dataFile(), "--outcome-delay", "30m")
		if code != 2 {
			t.Errorf("with joins kept for %s ms apply ends with %d, should be 2", kept, code)
		}
		for _, words := range []string{bus.TopicJoins, "retention.ms is " + kept, "should be " + millis(right)} {
			if !strings.Contains(out, words) {
				t.Errorf("apply says %q, should name %q", out, words)
			}
		}
	}
	s.keepJoins("3600000")
	s.start(detector)
	until(t, "the detector says so", func(context.Context) error {
		line := s.runs[detector].logged("outcomes may come too late to be joined")
		if line == nil || line["level"] != "error" || line["model"] != model || !strings.Contains(line["error"].(string), "retention.ms is 3600000") {
			return fmt.Errorf("its log has %v", line)
		}
		return nil
	})
	s.keepJoins(millis(right))
	if code, out := s.run("apply", file, "--data", dataFile(), "--outcome-delay", "30m"); code != 0 {
		t.Errorf("with joins kept for long enough apply ends with %d:\n%s", code, out)
	}
}

func (s *system) keepJoins(ms string) {
	s.t.Helper()
	responses, err := s.adm.AlterTopicConfigs(s.t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &ms}}, bus.TopicJoins)
	if err == nil {
		_, err = responses.On(bus.TopicJoins, nil)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
