//go:build integration

package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// process is one run of a binary. Its output is kept.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	log  *journal
}

// journal is the output of a process; safe for concurrent use.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

// String is all that was written until now.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// launch starts a binary. It is killed at the end of the test if it still runs.
func launch(t *testing.T, name string, env []string, args ...string) *process {
	t.Helper()
	p := &process{
		name: name, done: make(chan struct{}), log: &journal{},
		cmd: exec.CommandContext(t.Context(), filepath.Join(here.binaries, name), args...),
	}
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	p.cmd.Dir = t.TempDir()
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the state has the code
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if os.Getenv("INTEGRATION_KEEP") != "" {
			file := filepath.Join(here.folder, fmt.Sprintf("%s-%s-%d.log", strings.ReplaceAll(t.Name(), "/", "-"), name, p.cmd.Process.Pid))
			_ = os.WriteFile(file, []byte(p.log.String()), 0o600)
		}
		if t.Failed() {
			t.Logf("%s, pid %d, at its end:\n%s", name, p.cmd.Process.Pid, tail(p.log.String(), 12))
		}
	})
	return p
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// kill is a kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// stop asks the process to end and returns its exit code.
func (p *process) stop(t *testing.T) int {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	return p.wait(t)
}

// wait returns the exit code once the process has ended.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	until(t, p.name+" ends", func(context.Context) error {
		if p.running() {
			return errors.New("it runs")
		}
		return nil
	})
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// logged returns the fields of the first log line with the message, or nil.
func (p *process) logged(message string) map[string]any {
	for line := range strings.Lines(p.log.String()) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) == nil && fields["message"] == message {
			return fields
		}
	}
	return nil
}

var errNotListening = errors.New("it doesn't listen yet")

// get asks the process over HTTP.
func (p *process) get(ctx context.Context, path string) (status int, body string, err error) {
	if !p.running() {
		return 0, "", fmt.Errorf("%w: %s has ended with %d:\n%s", errHopeless, p.name, p.cmd.ProcessState.ExitCode(), tail(p.log.String(), 5))
	}
	at, ok := p.logged("serving")["address"].(string)
	if !ok {
		return 0, "", errNotListening
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+path, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// metric is the sum of all series of a name whose labels contain the text.
func (p *process) metric(ctx context.Context, name, labels string) (float64, error) {
	_, body, err := p.get(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	sum := 0.0
	lines := bufio.NewScanner(strings.NewReader(body))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		series, value, ok := strings.Cut(lines.Text(), "} ")
		if !ok {
			series, value, _ = strings.Cut(lines.Text(), " ")
		}
		bare, with, _ := strings.Cut(series, "{")
		if bare != name || !strings.Contains(with, labels) {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, lines.Err()
}
