package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTheHouseStands(t *testing.T) {
	root := filepath.Join("..", "..")
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(gomod), "module "+modulePath+"\n") {
		t.Fatalf("%s is not the root of %s", root, modulePath)
	}
	files, err := readTree(root)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(files, func(f file) bool { return f.path == "internal/archtest/arch_test.go" }) {
		t.Fatal("the tree was not read: this file is not in it")
	}
	for _, r := range rules {
		t.Run(strings.ReplaceAll(r.name, " ", "_"), func(t *testing.T) {
			for _, wrong := range r.finds(files) {
				t.Error(wrong)
			}
		})
	}
}

// TestTheRulesBite breaks each rule in a module made up for it, beside files that do the same where it is right.
func TestTheRulesBite(t *testing.T) {
	const (
		in   = modulePath + "/internal/"
		page = "// Package x.\npackage x\n"
	)
	importing := func(paths ...string) string {
		text := "package x\n"
		for _, p := range paths {
			text += "import _ \"" + p + "\"\n"
		}
		return text
	}
	for _, c := range []struct {
		rule  func([]file) []string
		files map[string]string
		want  []string
	}{
		{purity, map[string]string{
			"internal/stat/a.go":      importing("math", in+"plan", in+"wire", "encoding/json"),
			"internal/stat/a_test.go": importing("net/http", in+"bus"),
			"internal/bus/a.go":       importing("github.com/twmb/franz-go/pkg/kgo"),
			"internal/plan/a.go":      importing("github.com/twmb/franz-go/pkg/kgo"),
			"internal/plan/b.go":      importing("net/http", "net/url"),
			"internal/plan/c.go":      importing(in + "bus"),
			"internal/plan/d/e.go":    importing("go.uber.org/zap/zapcore"),
			"internal/wire/a.go":      importing(modulePath + "/examples/x"),
		}, []string{
			"internal/plan/a.go: pure, but imports github.com/twmb/franz-go/pkg/kgo",
			"internal/plan/b.go: pure, but imports net/http",
			"internal/plan/c.go: pure, but imports " + in + "bus",
			"internal/plan/d/e.go: pure, but imports go.uber.org/zap/zapcore",
			"internal/wire/a.go: pure, but imports " + modulePath + "/examples/x",
		}},
		{noClock, map[string]string{
			"internal/window/a.go":      "package x\nimport \"time\"\nvar a = time.Now()\nvar b = time.Second\n",
			"internal/window/b.go":      "package x\nimport clock \"time\"\nvar a = clock.Now\n",
			"internal/window/c.go":      "package x\nvar time struct{ Now int }\nvar a = time.Now\n",
			"internal/window/a_test.go": "package x\nimport \"time\"\nvar a = time.Now()\n",
			"internal/alert/a.go":       "package x\nimport \"time\"\nvar a = time.Now()\n",
		}, []string{"internal/window/a.go:3: time.Now", "internal/window/b.go:3: time.Now"}},
		{layers, map[string]string{
			"internal/detect/a.go":      importing(in+"bus", in+"window", in+"detect/sub"),
			"internal/detect/b.go":      importing(in + "ingest"),
			"internal/detect/b_test.go": importing(in + "ingest"),
			"internal/view/a.go":        importing(in + "join"),
			"internal/app/a.go":         importing(in+"join", in+"ingest"),
		}, []string{"internal/detect/b.go: role detect imports role ingest", "internal/view/a.go: adapter view imports role join"}},
		{noCmd, map[string]string{
			"internal/app/a.go":      importing(modulePath + "/cmd/plumbline"),
			"internal/app/a_test.go": importing(modulePath + "/cmd/plumbline"),
			"internal/app/b.go":      importing("cmd/go", modulePath+"/cmdline"),
		}, []string{"internal/app/a.go: imports " + modulePath + "/cmd/plumbline", "internal/app/a_test.go: imports " + modulePath + "/cmd/plumbline"}},
		{names, map[string]string{
			"internal/util/a.go":       "package thing\n",
			"internal/thing/a.go":      "package common\n",
			"internal/thing/b_test.go": "package types_test\n",
			"internal/schema/a.go":     "package schema\n",
		}, []string{
			"internal/thing/a.go: package common in folder thing says nothing about what it is for",
			"internal/thing/b_test.go: package types in folder thing says nothing about what it is for",
			"internal/util/a.go: package thing in folder util says nothing about what it is for",
		}},
		{lengths, map[string]string{
			"internal/a/a.go": page + strings.Repeat("\n", maxLines-2),
			"internal/a/b.go": page + strings.Repeat("\n", maxLines-1),
		}, []string{"internal/a/b.go: 601 lines, at most 600"}},
		{docs, map[string]string{
			"internal/a/doc.go":       page,
			"internal/a/a.go":         "package x\n",
			"internal/b/doc.go":       "package x\n",
			"internal/c/a.go":         page,
			"internal/d/only_test.go": "package x\n",
			"cmd/x/main.go":           "package main\n",
		}, []string{"internal/b: no doc.go with a package comment", "internal/c: no doc.go with a package comment"}},
		{noGlobals, map[string]string{
			"internal/bus/a.go": "package x\nimport \"github.com/prometheus/client_golang/prometheus/promauto\"\nvar a = promauto.NewGauge\nvar b = promauto.With(nil).NewGauge\n",
			"internal/bus/b.go": "package x\nimport \"go.uber.org/zap\"\nvar a = zap.L()\nvar b = zap.NewNop()\n",
			"internal/bus/c.go": "package x\nimport \"github.com/prometheus/client_golang/prometheus\"\nvar a = prometheus.DefaultRegisterer\n",
		}, []string{"internal/bus/a.go:3: promauto.NewGauge", "internal/bus/c.go:3: prometheus.DefaultRegisterer", "internal/bus/b.go:3: zap.L"}},
	} {
		var files []file
		for name, source := range c.files {
			f, err := parse(name, []byte(source))
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.path, b.path) })
		if got := c.rule(files); !slices.Equal(got, c.want) {
			t.Errorf("\n got %q\nwant %q", got, c.want)
		}
	}
}

// TestReadTree leaves out what is no part of the module.
func TestReadTree(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a.go", "in/b.go", "in/b_test.go", "in/testdata/c.go", ".hidden/d.go", "nested/e.go", "in/readme.md"} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("package x\n\nimport \"fmt\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "nested", "go.mod"), []byte("module nested\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := readTree(root)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, f.path)
		if f.lines != 3 || !slices.Equal(f.imports, []string{"fmt"}) {
			t.Errorf("%s: %d lines, imports %v", f.path, f.lines, f.imports)
		}
	}
	if want := []string{"a.go", "in/b.go", "in/b_test.go"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
