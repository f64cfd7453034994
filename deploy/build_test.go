package deploy_test

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// root is the repository, and the build context.
const root = ".."

// built is what the Dockerfile makes here: the programs, built by its own instruction from its own context.
var built struct {
	stages []stage
	folder string // of the programs on this machine
}

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "deploy")
		if err == nil {
			defer func() { _ = os.RemoveAll(dir) }()
			err = build(dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "build what the Dockerfile builds:", err)
			return 1
		}
		return m.Run()
	}())
}

func build(dir string) error {
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		return err
	}
	if built.stages, err = readDockerfile(string(text)); err != nil {
		return fmt.Errorf("Dockerfile: %w", err)
	}
	from := built.stages[0]
	args, err := goBuild(from)
	if err != nil {
		return fmt.Errorf("Dockerfile: %w", err)
	}
	source := filepath.Join(dir, "source")
	if err := copyContext(from, root, source); err != nil {
		return fmt.Errorf("Dockerfile: %w", err)
	}
	out := slices.Index(args, "-o") + 1
	if out == 0 || args[out] != programs().args[0] {
		return fmt.Errorf("Dockerfile: go build writes elsewhere than the image's programs are copied from: %q", args)
	}
	built.folder = filepath.Join(dir, "bin") + string(filepath.Separator)
	args = slices.Replace(slices.Clone(args), out, out+1, built.folder)
	cmd := exec.CommandContext(context.Background(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = source, append(os.Environ(), "GOWORK=off")
	for _, env := range from.all("ENV") {
		cmd.Env = append(cmd.Env, env.args...)
	}
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%q in the build context: %w\n%s", args, err, said)
	}
	return nil
}

// final is the stage that becomes the image.
func final() stage { return built.stages[len(built.stages)-1] }

// programs is the COPY that brings the programs into the image.
func programs() instruction {
	for _, c := range final().all("COPY") {
		if path.Base(c.args[1]) == "bin" {
			return c
		}
	}
	return instruction{args: []string{"", ""}}
}

func TestImage(t *testing.T) {
	if len(built.stages) != 2 || built.stages[0].name != programs().flags["from"] || final().base != "scratch" {
		t.Fatalf("got %d stages on %s, want a build stage and one on scratch", len(built.stages), final().base)
	}

	t.Run("the compiler is that of go.mod, or a later patch of it", func(t *testing.T) {
		gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		line := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(gomod)
		image := regexp.MustCompile(`^golang:(\d+\.\d+\.\d+)(-[a-z0-9.]+)?$`).FindStringSubmatch(built.stages[0].base)
		if line == nil || image == nil {
			t.Fatalf("go.mod's line %q, image %q: want golang:MAJOR.MINOR.PATCH", line, built.stages[0].base)
		}
		want, got := "go"+string(line[1]), "go"+image[1]
		if version.Lang(got) != version.Lang(want) || version.Compare(got, want) < 0 {
			t.Errorf("image %s, go.mod %s", got, want)
		}
	})

	t.Run("every program of cmd is in it and runs without libraries", func(t *testing.T) {
		var want, got []string
		for into, dir := range map[*[]string]string{&want: filepath.Join(root, "cmd"), &got: built.folder} {
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				*into = append(*into, strings.TrimSuffix(e.Name(), ".exe"))
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("builds %q, want %q", got, want)
		}
		if runtime.GOOS != "linux" {
			return
		}
		for _, name := range got {
			f, err := elf.Open(filepath.Join(built.folder, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range f.Progs {
				if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
					t.Errorf("%s is linked dynamically: scratch has no loader", name)
				}
			}
			_ = f.Close()
		}
	})

	t.Run("it runs as nobody in particular", func(t *testing.T) {
		user := final().last("USER")
		if len(user) != 1 || !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user[0]) {
			t.Errorf("USER %q, want numbers other than 0: scratch has no /etc/passwd", user)
		}
	})

	t.Run("what TLS trusts is in it", func(t *testing.T) {
		const file = "/etc/ssl/certs/ca-certificates.crt"
		if !slices.ContainsFunc(final().all("COPY"), func(c instruction) bool { return c.flags["from"] != "" && c.args[1] == file }) {
			t.Errorf("nothing is copied to %s", file)
		}
	})

	t.Run("the build does not depend on the machine", func(t *testing.T) {
		args, err := goBuild(built.stages[0])
		if err != nil {
			t.Fatal(err)
		}
		env := built.stages[0].last("ENV")
		if !slices.Contains(args, "-trimpath") || !slices.Contains(env, "CGO_ENABLED=0") || !slices.Contains(env, "GOTOOLCHAIN=local") {
			t.Errorf("ENV %q, %q: want CGO_ENABLED=0, GOTOOLCHAIN=local and -trimpath", env, args)
		}
	})
}

// The reader of Dockerfiles says no where it would overlook something.
func TestReadDockerfile(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "no FROM",
		"RUN go build\n":                  "before the first FROM",
		"FROM a\nONBUILD RUN x\n":         "ONBUILD is not known",
		"FROM a\nADD x y\n":               "ADD is not known",
		"FROM a\nENTRYPOINT plumbline\n":  "want a list",
		"FROM a\nRUN go build \"./cmd/\n": "invalid command line",
	} {
		if _, err := readDockerfile(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	stages, err := readDockerfile("# c\nFROM a:1 AS b\nRUN --mount=type=cache,target=/x \\\n  go build -ldflags=\"-s -w\" ./cmd/x\nFROM scratch\nCOPY --from=b /x /y\n")
	if err != nil {
		t.Fatal(err)
	}
	args, err := goBuild(stages[0])
	if err != nil || !slices.Equal(args, []string{"go", "build", "-ldflags=-s -w", "./cmd/x"}) {
		t.Errorf("go build is read as %q, %v", args, err)
	}
	if c := stages[1].all("COPY"); stages[0].name != "b" || len(c) != 1 || c[0].flags["from"] != "b" || !slices.Equal(c[0].args, []string{"/x", "/y"}) {
		t.Errorf("got %+v", stages)
	}
}

// What .dockerignore takes away is missing in the context, and that is said.
func TestCopyContextSaysWhatIsMissing(t *testing.T) {
	for copied, want := range map[string]string{"docs docs": ".dockerignore leaves nothing", "nosuch x": "no such file"} {
		s, err := readDockerfile("FROM a\nCOPY " + copied + "\n")
		if err != nil {
			t.Fatal(err)
		}
		if err := copyContext(s[0], root, t.TempDir()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("COPY %s: got %v, want %q", copied, err, want)
		}
	}
	if err := copyContext(stage{}, t.TempDir(), t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without .dockerignore: %v", err)
	}
}
