package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/contract"
)

const goodContract = `apiVersion: plumbline/v1
kind: QualityContract
metadata: {model: tiny}
owners: {model: team}
task: {type: regression}
streams: {prediction: {topic: t, fields: {id: id, time: ts}}}
watch: {reference: {rolling: 28d}}
`

func runContract(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := newContractCommand()
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func writeContract(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestContractSchema(t *testing.T) {
	out, err := runContract(t, "schema")
	if err != nil || out != string(contract.Schema()) || !json.Valid([]byte(out)) {
		t.Errorf("%v: %.60q", err, out)
	}
}

func TestContractLint(t *testing.T) {
	good := writeContract(t, "good.yaml", goodContract)
	bad := writeContract(t, "bad.yaml", strings.Replace(goodContract, "28d", "28 days", 1))
	none := filepath.Join(t.TempDir(), "none.yaml")

	for _, c := range []struct {
		name string
		args []string
		out  string
		code int
		err  string
	}{
		{"good", []string{good}, good + ": ok\n", exitFine, ""},
		{
			"bad",
			[]string{good, bad, good},
			good + ": ok\n" + bad + `:7:30: watch.reference.rolling: read "28 days": a duration is needed, like 90s, 1h30m, 2d or 1w, longer than nothing` + "\n" + good + ": ok\n",
			exitNo, "1 problem in 1 contract",
		},
		{"unreadable", []string{none, good}, good + ": ok\n", exitBadInput, "open contract: "},
		{"unreadable and bad", []string{bad, none}, "*", exitBadInput, "open contract: "},
		{"no file", nil, "", exitBadInput, "requires at least 1 arg"},
		{"unknown flag", []string{"--xml", good}, "", exitBadInput, "unknown flag"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := runContract(t, append([]string{"lint"}, c.args...)...)
			if c.out != "*" && out != c.out {
				t.Errorf("stdout %q, want %q", out, c.out)
			}
			if got := exitCode(err); got != c.code || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("exit %d (%v), want %d (%s)", got, err, c.code, c.err)
			}
		})
	}
}

func TestContractLintJSON(t *testing.T) {
	good := writeContract(t, "good.yaml", goodContract)
	bad := writeContract(t, "bad.yaml", strings.Replace(goodContract, "tiny", "<Tiny>", 1))
	out, err := runContract(t, "lint", "--json", good, bad)
	if exitCode(err) != exitNo {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 || strings.Contains(out, `\u003c`) {
		t.Fatalf("%q", out)
	}
	var c lintedContract
	var p lintProblem
	if err := errors.Join(json.Unmarshal([]byte(lines[0]), &c), json.Unmarshal([]byte(lines[1]), &p)); err != nil {
		t.Fatal(err)
	}
	want, err := contract.Load(good)
	if err != nil {
		t.Fatal(err)
	}
	if c != (lintedContract{"contract", good, "tiny", want.Digest, want.Policy}) {
		t.Errorf("%+v", c)
	}
	if p.Kind != "problem" || p.File != bad || p.Line != 3 || p.Col != 19 || p.Path != "metadata.model" || p.Read != "<Tiny>" || p.Message == "" {
		t.Errorf("%+v", p)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, fs.ErrClosed }

func TestContractLintReportsWriteErrors(t *testing.T) {
	good := writeContract(t, "good.yaml", goodContract)
	bad := writeContract(t, "bad.yaml", "x: 1")
	for _, file := range []string{good, bad} {
		for _, asJSON := range []bool{true, false} {
			if err := lintContracts(brokenWriter{}, []string{file}, asJSON); !errors.Is(err, fs.ErrClosed) {
				t.Errorf("%s json=%v: %v", file, asJSON, err)
			}
		}
	}
}

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{answerNo("no"), 1},
		{badInput(fs.ErrNotExist), 2},
		{dependencyAway(fs.ErrNotExist), 3},
		{fmt.Errorf("wrapped: %w", dependencyAway(fs.ErrNotExist)), 3},
		{fs.ErrNotExist, 2},
		{badInput(nil), 0},
		{dependencyAway(nil), 0},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("exitCode(%v) = %d, want %d", c.err, got, c.want)
		}
	}
	if !errors.Is(badInput(fs.ErrNotExist), fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
}
