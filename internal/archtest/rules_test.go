package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

// The layers, by the folder below internal; of a package that does not exist (yet), nothing is asked.
var (
	// pure packages know no client, no clock and no logger.
	pure = []string{
		"contract", "expr", "plan", "wire", "schema", "sketch", "record", "outcome", "window", "stat", "drift", "engine", "finding",
		"incident", "baseline", "file", "collect", "check", "diagnose", "inspect", "backfill", "sequential", "concept", "budget", "truth", "fairness", "change", "notify", "retrain",
	}
	// roles are the services: loops and I/O, which meet in topics and not in imports.
	roles = []string{"ingest", "join", "detect", "alert"}
	// adapters stand between the roles and the outside.
	adapters = []string{"bus", "view", "ledger", "telemetry", "settings", "console", "produce", "sink"}
)

// clients are what pure packages must not import, with all below them.
var clients = []string{
	"github.com/twmb/franz-go", "github.com/redis/go-redis", "github.com/alicebob/miniredis", "go.uber.org/zap",
	"github.com/prometheus", "net/http", "database/sql", "modernc.org/sqlite", "math/rand", "github.com/spf13/cobra",
}

// badNames say nothing about what a package is for.
var badNames = []string{"util", "utils", "common", "helper", "helpers", "type", "types", "model", "models", "misc", "shared", "base"}

// maxLines is the longest a Go file may be.
const maxLines = 600

// rule finds what is wrong, as "FILE[:LINE]: what".
type rule struct {
	name  string
	finds func([]file) []string
}

var rules = []rule{
	{"pure packages import no client and no internal package that is not pure", purity},
	{"pure packages do not look at the clock", noClock},
	{"roles and adapters keep to their layer", layers},
	{"nothing imports cmd", noCmd},
	{"no package is named after nothing", names},
	{"no file is too long", lengths},
	{"every internal package has a doc.go", docs},
	{"metrics and loggers are not global", noGlobals},
}

// layer returns the folder below internal that a folder of the module or an import path belongs to, "" for neither.
func layer(dir string) string {
	dir = strings.TrimPrefix(dir, modulePath+"/")
	rest, below := strings.CutPrefix(dir, "internal/")
	if !below {
		return ""
	}
	first, _, _ := strings.Cut(rest, "/")
	return first
}

// below reports whether imported is parent or a package below it, major version suffixes included.
func below(imported, parent string) bool {
	return imported == parent || strings.HasPrefix(imported, parent+"/")
}

func purity(files []file) (wrong []string) {
	for _, f := range files {
		if !slices.Contains(pure, layer(f.dir())) || f.isTest() {
			continue
		}
		for _, imported := range f.imports {
			switch to := layer(imported); {
			case to != "" && !slices.Contains(pure, to), to == "" && below(imported, modulePath):
				wrong = append(wrong, fmt.Sprintf("%s: pure, but imports %s", f.path, imported))
			case slices.ContainsFunc(clients, func(c string) bool { return below(imported, c) }):
				wrong = append(wrong, fmt.Sprintf("%s: pure, but imports %s", f.path, imported))
			}
		}
	}
	return wrong
}

// clock is what package time has that depends on when it is called.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer"}

func noClock(files []file) []string {
	return uses(files, func(f file) bool { return slices.Contains(pure, layer(f.dir())) && !f.isTest() }, "time", clock)
}

func noGlobals(files []file) []string {
	everywhere := func(file) bool { return true }
	global := func(f file) bool { return !f.isTest() }
	return slices.Concat(
		uses(files, everywhere, "github.com/prometheus/client_golang/prometheus/promauto", []string{
			"NewCounter", "NewCounterVec", "NewCounterFunc", "NewGauge", "NewGaugeVec", "NewGaugeFunc", "NewHistogram", "NewHistogramVec",
			"NewSummary", "NewSummaryVec", "NewUntypedFunc",
		}),
		uses(files, global, "github.com/prometheus/client_golang/prometheus", []string{"DefaultRegisterer", "DefaultGatherer", "MustRegister", "Register"}),
		uses(files, everywhere, "go.uber.org/zap", []string{"L", "S", "ReplaceGlobals"}),
	)
}

// uses finds where the chosen files use one of names of the package imported, under whatever name they import it.
func uses(files []file, chosen func(file) bool, imported string, names []string) (wrong []string) {
	for _, f := range files {
		if !chosen(f) {
			continue
		}
		local := localName(f, imported)
		if local == "" {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			selector, is := n.(*ast.SelectorExpr)
			if !is {
				return true
			}
			if x, is := selector.X.(*ast.Ident); is && x.Name == local && slices.Contains(names, selector.Sel.Name) {
				wrong = append(wrong, fmt.Sprintf("%s: %s.%s", f.line(n), path.Base(imported), selector.Sel.Name))
			}
			return true
		})
	}
	return wrong
}

// localName is the name by which f calls the package imported, "" if it does not import it.
func localName(f file, imported string) string {
	for _, spec := range f.syntax.Imports {
		if spec.Path.Value != strconv.Quote(imported) {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(imported)
	}
	return ""
}

func layers(files []file) (wrong []string) {
	for _, f := range files {
		from := layer(f.dir())
		isRole, isAdapter := slices.Contains(roles, from), slices.Contains(adapters, from)
		if f.isTest() || !isRole && !isAdapter {
			continue
		}
		for _, imported := range f.imports {
			if to := layer(imported); to != from && slices.Contains(roles, to) {
				kind := "role"
				if isAdapter {
					kind = "adapter"
				}
				wrong = append(wrong, fmt.Sprintf("%s: %s %s imports role %s", f.path, kind, from, to))
			}
		}
	}
	return wrong
}

func noCmd(files []file) (wrong []string) {
	for _, f := range files {
		for _, imported := range f.imports {
			if below(imported, modulePath+"/cmd") {
				wrong = append(wrong, fmt.Sprintf("%s: imports %s", f.path, imported))
			}
		}
	}
	return wrong
}

func names(files []file) (wrong []string) {
	for _, f := range files {
		name := strings.TrimSuffix(f.syntax.Name.Name, "_test")
		if folder := path.Base(f.dir()); slices.Contains(badNames, name) || slices.Contains(badNames, folder) {
			wrong = append(wrong, fmt.Sprintf("%s: package %s in folder %s says nothing about what it is for", f.path, name, folder))
		}
	}
	return wrong
}

func lengths(files []file) (wrong []string) {
	for _, f := range files {
		if f.lines > maxLines {
			wrong = append(wrong, fmt.Sprintf("%s: %d lines, at most %d", f.path, f.lines, maxLines))
		}
	}
	return wrong
}

func docs(files []file) (wrong []string) {
	documented := map[string]bool{}
	var dirs []string
	for _, f := range files {
		if layer(f.dir()) == "" || f.isTest() {
			continue
		}
		if !slices.Contains(dirs, f.dir()) {
			dirs = append(dirs, f.dir())
		}
		if path.Base(f.path) == "doc.go" && f.syntax.Doc != nil {
			documented[f.dir()] = true
		}
	}
	for _, dir := range dirs {
		if !documented[dir] {
			wrong = append(wrong, dir+": no doc.go with a package comment")
		}
	}
	return wrong
}
