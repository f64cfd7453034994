package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/plumbline-ml/plumbline/internal/bus"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"plumbline": main})
}

// The command line as people meet it; each script under testdata/script is one story.
func TestScripts(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"broker": broker, "service": service, "findings": findings, "giveup": giveUp, "delivered": delivered, "givenup": givenUp, "tamper": tamper},
		Setup: func(e *testscript.Env) error {
			e.Setenv("REPO", root)
			return nil
		},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

// broker starts an embedded broker and registry for one script and points the settings at them.
func broker(ts *testscript.TestScript, _ bool, _ []string) {
	e, err := bus.StartEmbedded(bus.EmbeddedOptions{})
	ts.Check(err)
	ts.Defer(func() { ts.Check(e.Close()) })
	ts.Setenv("PLUMBLINE_KAFKA_BROKERS", strings.Join(e.Brokers(), ","))
	ts.Setenv("PLUMBLINE_REGISTRY_URL", e.RegistryURL())
	ts.Setenv("PLUMBLINE_KAFKA_REPLICATION_FACTOR", "1")
}
