package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// modulePath is the import path of the module's root.
const modulePath = "github.com/plumbline-ml/plumbline"

// file is one Go file.
type file struct {
	path    string // slash-separated, from the module's root
	lines   int
	imports []string
	syntax  *ast.File
	at      *token.FileSet
}

// isTest reports whether the file is only compiled for tests.
func (f file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// dir is the folder of the file, from the module's root.
func (f file) dir() string { return path.Dir(f.path) }

// line says where n stands, as people and editors read it.
func (f file) line(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.path, f.at.Position(n.Pos()).Line)
}

// readTree parses every Go file below root, whatever its build constraints; not those of nested modules nor of testdata.
func readTree(root string) ([]file, error) {
	var files []file
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name == root {
				return nil
			}
			if base := entry.Name(); base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		f, err := parse(filepath.ToSlash(inside), source)
		if err != nil {
			return err
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	return files, nil
}

// parse reads one file.
func parse(name string, source []byte) (file, error) {
	f := file{path: name, lines: bytes.Count(source, []byte("\n")), at: token.NewFileSet()}
	var err error
	if f.syntax, err = parser.ParseFile(f.at, name, source, parser.SkipObjectResolution|parser.ParseComments); err != nil {
		return f, err
	}
	for _, spec := range f.syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return f, fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		f.imports = append(f.imports, imported)
	}
	slices.Sort(f.imports)
	return f, nil
}
