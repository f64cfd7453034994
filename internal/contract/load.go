package contract

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Load reads the contract in the file path. A contract that was refused gives an *InvalidError; a file that can't be read,
// the error of the operating system, wrapped.
func Load(path string) (*Contract, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open contract: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read contract %s: %w", path, err)
	}
	c, err := Parse(path, data)
	if err != nil {
		return nil, err
	}
	return c, c.readSchemas(filepath.Dir(path))
}

// readSchemas reads the schema files that c names, and seals it again: they are part of what it says. A file that isn't there is
// left out: not every use of a contract needs it, and one that does says so.
func (c *Contract) readSchemas(folder string) error {
	for _, s := range []*Stream{c.Streams.Prediction, c.Streams.Outcome, c.Streams.Feature} {
		if s == nil {
			continue
		}
		for _, ref := range []*SchemaRef{&s.Schema, &s.Key} {
			if ref.File == "" {
				continue
			}
			path := ref.File
			if !filepath.IsAbs(path) {
				path = filepath.Join(folder, path)
			}
			text, err := os.ReadFile(path)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("read schema: %w", err)
			}
			ref.Text = string(text)
		}
	}
	c.seal()
	return nil
}

// Parse reads a contract from data; name is what problems call it. A contract that was refused gives an *InvalidError.
func Parse(name string, data []byte) (*Contract, error) {
	c, problems := parse(name, data)
	if len(problems) > 0 {
		return nil, &InvalidError{Problems: problems}
	}
	return c, nil
}

// Lint gives all problems of the contract in data, by position; none if Parse would take it. name is what problems call it.
func Lint(name string, data []byte) []Problem {
	_, problems := parse(name, data)
	return problems
}

func parse(name string, data []byte) (*Contract, []Problem) {
	r := &reader{file: name}
	root := r.document(data)
	var c *Contract
	if root != nil && root.fields != nil {
		c = build(root)
		k := &checker{reader: r, c: c, root: root}
		k.all()
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	if r.more > 0 {
		last := r.problems[len(r.problems)-1]
		r.problems = append(r.problems, Problem{File: name, Line: last.Line, Col: last.Col, Message: fmt.Sprintf("%d more problems are not shown", r.more)})
	}
	if len(r.problems) > 0 || c == nil {
		return nil, r.problems
	}
	c.seal()
	return c, nil
}
