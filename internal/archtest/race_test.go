package archtest

import (
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// concurrent finds what starts a goroutine, or needs one to make sense, in folders that are said to have one only.
func concurrent(files []file, alone []string) (wrong []string) {
	for _, f := range files {
		if !slices.Contains(alone, f.dir()) {
			continue
		}
		for _, imported := range f.imports {
			if below(imported, "sync") || below(imported, "golang.org/x/sync") {
				wrong = append(wrong, fmt.Sprintf("%s: is not tested under the race detector, but imports %s", f.path, imported))
			}
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if _, starts := n.(*ast.GoStmt); starts {
				wrong = append(wrong, f.line(n)+": is not tested under the race detector, but starts a goroutine")
			}
			return true
		})
	}
	return wrong
}

func TestWhatIsNotRacedRunsAlone(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, ".ci", "one-goroutine"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := readTree(root)
	if err != nil {
		t.Fatal(err)
	}
	var alone []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if !slices.ContainsFunc(files, func(f file) bool { return f.dir() == line }) {
			t.Errorf(".ci/one-goroutine: no Go file in %s", line)
		}
		alone = append(alone, line)
	}
	if len(alone) == 0 {
		t.Fatal(".ci/one-goroutine names no package")
	}
	for _, wrong := range concurrent(files, alone) {
		t.Error(wrong)
	}
}

func TestGoroutinesAreFound(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"a/a.go":      "package a\nimport _ \"sync/atomic\"\n",
		"a/b_test.go": "package a\nfunc f() { go f() }\n",
		"b/a.go":      "package b\nimport _ \"sync\"\nfunc f() { go f() }\n",
	} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := readTree(root)
	if err != nil {
		t.Fatal(err)
	}
	if wrong := concurrent(files, []string{"a"}); len(wrong) != 2 {
		t.Errorf("found %q, want the import and the goroutine of a", wrong)
	}
}
