package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/telemetry"
)

// The verb against the server that the services run, in both of its moods, and against what else may be at an address.
func TestReadyScripts(t *testing.T) {
	serve := func(h http.Handler) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	service := func(checks map[string]error) string {
		s, err := telemetry.NewServer(telemetry.Options{Log: zap.NewNop(), Metrics: telemetry.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		for name, answer := range checks {
			s.Check(name, func(context.Context) error { return answer })
		}
		return serve(s)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	// Answers when its client has left, so never in time for it.
	silent := serve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	ready := service(map[string]error{"kafka": nil})
	parsed, err := url.Parse(ready)
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{
		"READY":      ready,
		"READY_PORT": parsed.Port(),
		"NOT_READY":  service(map[string]error{"kafka": nil, "redis": errors.New("dial redis: refused")}),
		"NOBODY":     gone.URL,
		"SILENT":     silent,
		"STRANGER":   serve(http.NotFoundHandler()),
		"CHATTY":     serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })),
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/ready",
		Setup: func(e *testscript.Env) error {
			for name, value := range vars {
				e.Setenv(name, value)
			}
			return os.WriteFile(filepath.Join(e.WorkDir, "settings.yaml"), fmt.Appendf(nil, "http: {listen: %q}\n", parsed.Host), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"ends": ends},
	})
}

// ends runs a command that must end with the code given: ends CODE COMMAND [ARG...]. Plain exec knows only success and failure.
func ends(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: ends CODE COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		code = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("%v ended with %d, want %d", args[1:], code, want)
	}
}

func TestLocalURL(t *testing.T) {
	for listen, want := range map[string]string{
		":8090":          "http://localhost:8090",
		"0.0.0.0:8090":   "http://localhost:8090",
		"[::]:8090":      "http://localhost:8090",
		"127.0.0.1:8090": "http://127.0.0.1:8090",
		"[::1]:8090":     "http://[::1]:8090",
		"host.example:1": "http://host.example:1",
	} {
		if got, err := localURL(listen); got != want || err != nil {
			t.Errorf("%s: got %s, %v; want %s", listen, got, err, want)
		}
	}
}
