package telemetry

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
)

func TestLoggerWritesJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a bubble's clock starts at 2000-01-01
		var b bytes.Buffer
		log, err := NewLogger(&b, "info", "json", nil)
		if err != nil {
			t.Fatal(err)
		}
		log.Debug("hidden")
		log.Named("detect").With(zap.Int32("partition", 3)).Warn("window closed late", zap.String("why", "idle"))
		var line map[string]any
		if err := json.Unmarshal(b.Bytes(), &line); err != nil {
			t.Fatalf("%v in %s", err, b.String())
		}
		want := map[string]any{
			"time": "2000-01-01T00:00:00.000Z", "level": "warn", "logger": "detect", "message": "window closed late",
			"partition": 3.0, "why": "idle",
		}
		for key, value := range want {
			if line[key] != value {
				t.Errorf("%s: got %v, want %v", key, line[key], value)
			}
		}
		if len(line) != len(want) {
			t.Errorf("got %v, want no other field than %v", line, want)
		}
	})
}

func TestLoggerWritesForPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		log, err := NewLogger(&b, "debug", "console", nil)
		if err != nil {
			t.Fatal(err)
		}
		log.Debug("assigned", zap.Int("partition", 3))
		if got, want := b.String(), "2000-01-01T00:00:00.000Z\tdebug\tassigned\t{\"partition\": 3}\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestLoggerCountsByLevel(t *testing.T) {
	reg := prometheus.NewRegistry()
	log, err := NewLogger(&bytes.Buffer{}, "info", "json", reg)
	if err != nil {
		t.Fatal(err)
	}
	const head = "# HELP plumbline_log_messages_total Messages logged, by level.\n# TYPE plumbline_log_messages_total counter\n"
	expect := func(warn, err string) {
		t.Helper()
		want := head
		for _, level := range [][2]string{{"debug", "0"}, {"info", "0"}, {"warn", warn}, {"error", err}, {"dpanic", "0"}, {"panic", "0"}, {"fatal", "0"}} {
			want += "plumbline_log_messages_total{level=\"" + level[0] + "\"} " + level[1] + "\n"
		}
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	}
	expect("0", "0") // there before the first message
	log.Warn("one")
	log.Named("a").With(zap.Int("b", 1)).Warn("two") // children count too
	log.Error("three")
	log.Debug("below the level: neither written nor counted")
	expect("2", "1")
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

func TestLoggerRefuses(t *testing.T) {
	for _, c := range []struct{ level, format, want string }{
		{"loud", "json", `make logger: read level "loud", want debug, info, warn or error`},
		{"fatal", "json", `make logger: read level "fatal", want debug, info, warn or error`},
		{"info", "xml", `make logger: read format "xml", want json or console`},
	} {
		if _, err := NewLogger(&bytes.Buffer{}, c.level, c.format, nil); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
