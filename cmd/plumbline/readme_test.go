package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What the README says of a file that it makes itself is what is printed.
func TestReadmeExample(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(pattern string) string {
		m := regexp.MustCompile("(?s)" + pattern).FindSubmatch(readme)
		if m == nil {
			t.Fatalf("README.md has no %s", pattern)
		}
		return string(m[1])
	}
	if _, err := exec.LookPath("awk"); err != nil {
		t.Skip("no awk")
	}
	dir := t.TempDir()
	events := exec.CommandContext(t.Context(), "sh", "-c", block("```sh\n(awk '.*?)```"))
	events.Dir = dir
	if out, err := events.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	contract := filepath.Join(dir, "contract.yaml")
	if err := os.WriteFile(contract, []byte(block("```yaml\n(.*?)```")), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	cmd := newCheckCommand()
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	cmd.SetArgs([]string{contract, filepath.Join(dir, "events.csv")})
	if err := cmd.ExecuteContext(t.Context()); err == nil {
		t.Errorf("an incident, and no error; %s", errOut.String())
	}
	if d := cmp.Diff(block("and `check` says:\n\n```\n(.*?)```"), out.String()); d != "" {
		t.Error(d)
	}
}
