package deploy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mattn/go-shellwords"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// An instruction is one line of a Dockerfile, continuations joined.
type instruction struct {
	verb  string
	flags map[string]string // --from=build
	args  []string          // of RUN, the words of the shell
}

// A stage is what follows one FROM.
type stage struct {
	name, base   string
	instructions []instruction
}

// all lists the stage's instructions of one verb.
func (s stage) all(verb string) []instruction {
	return slices.DeleteFunc(slices.Clone(s.instructions), func(i instruction) bool { return i.verb != verb })
}

// last is the arguments of the last instruction of one verb, which is the one that counts; nil without any.
func (s stage) last(verb string) []string {
	if found := s.all(verb); len(found) > 0 {
		return found[len(found)-1].args
	}
	return nil
}

// readDockerfile reads the part of the language that ours uses, and refuses the rest: a heredoc or an ONBUILD would go
// unchecked.
func readDockerfile(text string) ([]stage, error) {
	var stages []stage
	text = strings.ReplaceAll(text, "\\\n", " ")
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		verb, rest, _ := strings.Cut(line, " ")
		i := instruction{verb: verb, flags: map[string]string{}}
		rest = strings.TrimSpace(rest)
		for strings.HasPrefix(rest, "--") {
			flag, after, _ := strings.Cut(rest, " ")
			name, value, _ := strings.Cut(flag[2:], "=")
			i.flags[name], rest = value, strings.TrimSpace(after)
		}
		switch verb {
		case "ENTRYPOINT":
			if err := json.Unmarshal([]byte(rest), &i.args); err != nil {
				return nil, fmt.Errorf("instruction %d: %s: want a list, there is no shell: %w", n+1, verb, err)
			}
		case "RUN":
			words, err := shellwords.Parse(rest)
			if err != nil {
				return nil, fmt.Errorf("instruction %d: %s: %w", n+1, verb, err)
			}
			i.args = words
		case "FROM", "ENV", "WORKDIR", "COPY", "USER", "EXPOSE":
			i.args = strings.Fields(rest)
		default:
			return nil, fmt.Errorf("instruction %d: %s is not known here", n+1, verb)
		}
		if verb == "FROM" {
			s := stage{base: i.args[0]}
			if len(i.args) == 3 && strings.EqualFold(i.args[1], "AS") {
				s.name = i.args[2]
			}
			stages = append(stages, s)
			continue
		}
		if len(stages) == 0 {
			return nil, fmt.Errorf("instruction %d: %s before the first FROM", n+1, verb)
		}
		last := &stages[len(stages)-1]
		last.instructions = append(last.instructions, i)
	}
	if len(stages) == 0 {
		return nil, errors.New("no FROM in it")
	}
	return stages, nil
}

// copyContext lays out in dir what the COPY instructions of a stage take from the build context root, as .dockerignore leaves
// it. dir is the stage's working directory.
func copyContext(s stage, root, dir string) error {
	ignore, err := os.Open(filepath.Join(root, ".dockerignore"))
	if err != nil {
		return err
	}
	defer func() { _ = ignore.Close() }()
	patterns, err := ignorefile.ReadAll(ignore)
	if err != nil {
		return err
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return err
	}
	for _, c := range s.all("COPY") {
		if c.flags["from"] != "" {
			continue
		}
		sources, target := c.args[:len(c.args)-1], c.args[len(c.args)-1]
		for _, source := range sources {
			copied := 0
			err := filepath.WalkDir(filepath.Join(root, source), func(name string, entry fs.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				rel, err := filepath.Rel(root, name)
				if err != nil {
					return err
				}
				ignored, err := matcher.MatchesOrParentMatches(filepath.ToSlash(rel))
				if err != nil || ignored {
					return err
				}
				below, err := filepath.Rel(filepath.Join(root, source), name)
				if err != nil {
					return err
				}
				to := filepath.Join(dir, target, below)
				if below == "." {
					to = filepath.Join(dir, target, path.Base(source))
				}
				copied++
				return copyFile(name, to)
			})
			if err != nil {
				return fmt.Errorf("COPY %s: %w", source, err)
			}
			if copied == 0 {
				return fmt.Errorf("COPY %s: .dockerignore leaves nothing of it", source)
			}
		}
	}
	return nil
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

// goBuild finds the `go build` of a stage.
func goBuild(s stage) ([]string, error) {
	var found [][]string
	for _, run := range s.all("RUN") {
		if len(run.args) > 1 && run.args[0] == "go" && run.args[1] == "build" {
			found = append(found, run.args)
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%d RUN instructions with go build, want 1", len(found))
	}
	return found[0], nil
}
